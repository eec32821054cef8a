noinst_LIBRARIES += src/worker/libworker.a
src_worker_libworker_a_SOURCES = \
  src/worker/artifacts.c src/worker/artifacts.h \
  src/worker/worker.c \
  src/worker/worker.h

check_PROGRAMS += t/unit/worker/worker
TESTS += t/unit/worker/worker
t_unit_worker_worker_SOURCES = t/unit/worker/worker.c
t_unit_worker_worker_LDADD = src/worker/libworker.a $(config_LIBS) $(CHECK_LIBS)
t_unit_worker_worker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/worker/artifacts
TESTS += t/unit/worker/artifacts
t_unit_worker_artifacts_SOURCES = t/unit/worker/artifacts.c
t_unit_worker_artifacts_LDADD = src/worker/libworker.a $(config_LIBS) $(CHECK_LIBS)
t_unit_worker_artifacts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
