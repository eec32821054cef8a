noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES = \
  src/store/admin.c src/store/admin.h \
  src/store/approvals.c src/store/approvals.h \
  src/store/artifacts.c src/store/artifacts.h \
  src/store/breakers.c src/store/breakers.h \
  src/store/call.h \
  src/store/commit.c \
  src/store/connect.c src/store/connect.h \
  src/store/effects.c src/store/events.c src/store/events.h src/store/field.c src/store/file_whole.c \
  src/store/fork.c src/store/fork.h \
  src/store/link.c src/store/link.h \
  src/store/listen.c src/store/listen.h \
  src/store/metrics.c src/store/metrics.h \
  src/store/migrate.c \
  src/store/move_json.c src/store/move_json.h \
  src/store/params.c src/store/params.h \
  src/store/pg.c src/store/store.h \
  src/store/pipe.c src/store/pipe.h \
  src/store/probes.c src/store/probes.h \
  src/store/queue.c src/store/queue.h \
  src/store/retire.c \
  src/store/shadow.c src/store/shadow.h \
  src/store/sight.c src/store/sight.h \
  src/store/sqlstate.def \
  src/store/submission.c src/store/submission.h \
  src/store/submit.c \
  src/store/tasks.c src/store/tasks.h \
  src/store/webhooks.c src/store/webhooks.h

check_PROGRAMS += t/unit/store/queue
TESTS += t/unit/store/queue
t_unit_store_queue_SOURCES = t/unit/store/queue.c t/unit/store/cluster.c t/unit/store/cluster.h
t_unit_store_queue_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_store_queue_LDADD = $(store_LIBS) $(CHECK_LIBS)
EXTRA_DIST += t/lib/pg.sh t/lib/pg-server.sh

check_PROGRAMS += t/unit/store/migrate
TESTS += t/unit/store/migrate
t_unit_store_migrate_SOURCES = t/unit/store/migrate.c t/unit/store/cluster.c t/unit/store/cluster.h
t_unit_store_migrate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_store_migrate_LDADD = $(store_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/store/submission
TESTS += t/unit/store/submission
t_unit_store_submission_SOURCES = t/unit/store/submission.c
t_unit_store_submission_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_store_submission_LDADD = $(store_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/store/events
TESTS += t/unit/store/events
t_unit_store_events_SOURCES = t/unit/store/events.c
t_unit_store_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_store_events_LDADD = $(store_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/store/file_whole
TESTS += t/unit/store/file_whole
t_unit_store_file_whole_SOURCES = t/unit/store/file_whole.c
t_unit_store_file_whole_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_store_file_whole_LDADD = src/store/libstore.a $(base_LIBS) $(CHECK_LIBS)
