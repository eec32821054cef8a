noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/arena.c src/base/arena.h \
  src/base/err.c src/base/err.h src/base/err.def \
  src/base/crash.c src/base/crash.h \
  src/base/http.c src/base/http.h \
  src/base/http_request.c src/base/http_request.h \
  src/base/loop.c src/base/loop.h

check_PROGRAMS += t/unit/base/loop
TESTS += t/unit/base/loop
t_unit_base_loop_SOURCES = t/unit/base/loop.c
t_unit_base_loop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_loop_LDADD = $(base_LIBS) $(CHECK_LIBS)
