noinst_LIBRARIES += src/publish/libpublish.a
src_publish_libpublish_a_SOURCES = \
  src/publish/decision.c src/publish/decision.h \
  src/publish/delivery.c src/publish/delivery.h \
  src/publish/input.c \
  src/publish/input.h \
  src/publish/judge.c \
  src/publish/judge.h \
  src/publish/publish.c \
  src/publish/publish.h \
  src/publish/show.c \
  src/publish/show.h \
  src/publish/signature.c src/publish/signature.h \
  src/publish/trace.c src/publish/trace.h \
  src/publish/trace_otlp.c \
  src/publish/why.c src/publish/why.h

publish_LIBS = src/publish/libpublish.a src/config/libconfig.a src/schema/libschema.a $(store_LIBS) $(YAML_LIBS) $(PCRE2_LIBS)

check_PROGRAMS += t/unit/publish/input
TESTS += t/unit/publish/input
t_unit_publish_input_SOURCES = t/unit/publish/input.c
t_unit_publish_input_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_input_LDADD = $(publish_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/publish/why
TESTS += t/unit/publish/why
t_unit_publish_why_SOURCES = t/unit/publish/why.c
t_unit_publish_why_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_why_LDADD = $(publish_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/publish/trace
TESTS += t/unit/publish/trace
t_unit_publish_trace_SOURCES = t/unit/publish/trace.c
t_unit_publish_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_trace_LDADD = $(publish_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/publish/signature
TESTS += t/unit/publish/signature
t_unit_publish_signature_SOURCES = t/unit/publish/signature.c
t_unit_publish_signature_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_signature_LDADD = $(publish_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/publish/delivery
TESTS += t/unit/publish/delivery
t_unit_publish_delivery_SOURCES = t/unit/publish/delivery.c
t_unit_publish_delivery_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_delivery_LDADD = $(publish_LIBS) $(CHECK_LIBS)

EXTRA_DIST += t/fuzz/seeds/signature/form t/fuzz/seeds/signature/github t/fuzz/seeds/signature/standard t/fuzz/seeds/signature/stripe
if FUZZERS
noinst_PROGRAMS += t/fuzz/signature
t_fuzz_signature_SOURCES = t/fuzz/signature.c
t_fuzz_signature_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_signature_LDADD = $(publish_LIBS)
endif

check_PROGRAMS += t/unit/publish/show
TESTS += t/unit/publish/show
t_unit_publish_show_SOURCES = t/unit/publish/show.c
t_unit_publish_show_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_publish_show_LDADD = $(publish_LIBS) $(CHECK_LIBS)
