noinst_LIBRARIES += src/publish/libpublish.a
src_publish_libpublish_a_SOURCES = \
  src/publish/decision.c src/publish/decision.h \
  src/publish/input.c \
  src/publish/input.h \
  src/publish/publish.c \
  src/publish/publish.h \
  src/publish/why.c src/publish/why.h

check_PROGRAMS += t/unit/publish/input
TESTS += t/unit/publish/input
t_unit_publish_input_SOURCES = t/unit/publish/input.c
t_unit_publish_input_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_input_LDADD = src/publish/libpublish.a src/config/libconfig.a src/schema/libschema.a $(store_LIBS) \
  $(YAML_LIBS) $(PCRE2_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/publish/why
TESTS += t/unit/publish/why
t_unit_publish_why_SOURCES = t/unit/publish/why.c
t_unit_publish_why_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_why_LDADD = src/publish/libpublish.a src/config/libconfig.a src/schema/libschema.a $(store_LIBS) \
  $(YAML_LIBS) $(PCRE2_LIBS) $(CHECK_LIBS)
