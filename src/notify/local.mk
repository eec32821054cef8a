noinst_LIBRARIES += src/notify/libnotify.a
src_notify_libnotify_a_SOURCES = \
  src/notify/message.c src/notify/message.h \
  src/notify/notice.c src/notify/notice.h \
  src/notify/notify.c src/notify/notify.h \
  src/notify/sign.c src/notify/sign.h \
  src/notify/template_json.c src/notify/template_ntfy.c src/notify/template_slack.c src/notify/template_telegram.c \
  src/notify/verdict.c src/notify/verdict.h
notify_LIBS = src/notify/libnotify.a src/config/libconfig.a src/schema/libschema.a $(store_LIBS) $(YAML_LIBS) $(PCRE2_LIBS)

check_PROGRAMS += t/unit/notify/sign
TESTS += t/unit/notify/sign
t_unit_notify_sign_SOURCES = t/unit/notify/sign.c
t_unit_notify_sign_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_notify_sign_LDADD = $(notify_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/notify/verdict
TESTS += t/unit/notify/verdict
t_unit_notify_verdict_SOURCES = t/unit/notify/verdict.c
t_unit_notify_verdict_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_notify_verdict_LDADD = $(notify_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/notify/message
TESTS += t/unit/notify/message
t_unit_notify_message_SOURCES = t/unit/notify/message.c
t_unit_notify_message_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_notify_message_LDADD = $(notify_LIBS) $(CHECK_LIBS)
