noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/address.c src/base/address.h \
  src/base/arena.c src/base/arena.h \
  src/base/clock.c src/base/clock.h \
  src/base/digest.c src/base/digest.h \
  src/base/encoding.c src/base/encoding.h \
  src/base/err.c src/base/err.h src/base/err.def \
  src/base/file.c src/base/file.h \
  src/base/form.c src/base/form.h \
  src/base/heap.c src/base/heap.h \
  src/base/hmac.c src/base/hmac.h \
  src/base/json.h src/base/json_shape.h \
  src/base/json_make.c \
  src/base/json_multiple.c \
  src/base/json_number.c \
  src/base/json_order.c \
  src/base/json_parse.c \
  src/base/json_pointer.c src/base/json_pointer.h \
  src/base/json_value.c \
  src/base/json_write.c \
  src/base/log.c src/base/log.h \
  src/base/metric.c src/base/metric.h src/base/metric.def \
  src/base/retry_after.c src/base/retry_after.h \
  src/base/str.c src/base/str.h \
  src/base/url.c src/base/url.h \
  src/base/visible.c src/base/visible.h \
  src/base/uuid.c src/base/uuid.h \
  src/base/crash.c src/base/crash.h \
  src/base/http.c src/base/http.h \
  src/base/http_request.c src/base/http_request.h \
  src/base/loop.c src/base/loop.h \
  src/base/proc.c src/base/proc.h \
  src/base/guard.c src/base/guard.h

check_PROGRAMS += t/unit/base/address
TESTS += t/unit/base/address
t_unit_base_address_SOURCES = t/unit/base/address.c
t_unit_base_address_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_address_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/url
TESTS += t/unit/base/url
t_unit_base_url_SOURCES = t/unit/base/url.c
t_unit_base_url_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_url_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/loop
TESTS += t/unit/base/loop
t_unit_base_loop_SOURCES = t/unit/base/loop.c
t_unit_base_loop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_loop_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/proc
TESTS += t/unit/base/proc
t_unit_base_proc_SOURCES = t/unit/base/proc.c
t_unit_base_proc_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_proc_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/guard
TESTS += t/unit/base/guard
t_unit_base_guard_SOURCES = t/unit/base/guard.c
t_unit_base_guard_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_guard_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/spawn
TESTS += t/unit/base/spawn
t_unit_base_spawn_SOURCES = t/unit/base/spawn.c
t_unit_base_spawn_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_spawn_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/http
TESTS += t/unit/base/http
t_unit_base_http_SOURCES = t/unit/base/http.c t/unit/base/http_server.c t/unit/base/http_server.h
t_unit_base_http_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_http_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/json_number
TESTS += t/unit/base/json_number
t_unit_base_json_number_SOURCES = t/unit/base/json_number.c
t_unit_base_json_number_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_json_number_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/json_parse
TESTS += t/unit/base/json_parse
t_unit_base_json_parse_SOURCES = t/unit/base/json_parse.c
t_unit_base_json_parse_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_json_parse_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/json_pointer
TESTS += t/unit/base/json_pointer
t_unit_base_json_pointer_SOURCES = t/unit/base/json_pointer.c
t_unit_base_json_pointer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_json_pointer_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/json_value
TESTS += t/unit/base/json_value
t_unit_base_json_value_SOURCES = t/unit/base/json_value.c
t_unit_base_json_value_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_json_value_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/json_write
TESTS += t/unit/base/json_write
t_unit_base_json_write_SOURCES = t/unit/base/json_write.c
t_unit_base_json_write_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_json_write_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/arena
TESTS += t/unit/base/arena
t_unit_base_arena_SOURCES = t/unit/base/arena.c
t_unit_base_arena_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_arena_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/clock
TESTS += t/unit/base/clock
t_unit_base_clock_SOURCES = t/unit/base/clock.c
t_unit_base_clock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_clock_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/hmac
TESTS += t/unit/base/hmac
t_unit_base_hmac_SOURCES = t/unit/base/hmac.c
t_unit_base_hmac_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_hmac_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/digest
TESTS += t/unit/base/digest
t_unit_base_digest_SOURCES = t/unit/base/digest.c
t_unit_base_digest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_digest_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/err
TESTS += t/unit/base/err
t_unit_base_err_SOURCES = t/unit/base/err.c
t_unit_base_err_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_err_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/file
TESTS += t/unit/base/file
t_unit_base_file_SOURCES = t/unit/base/file.c t/unit/write_file.h
t_unit_base_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_file_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/log
TESTS += t/unit/base/log
t_unit_base_log_SOURCES = t/unit/base/log.c
t_unit_base_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_log_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/str
TESTS += t/unit/base/str
t_unit_base_str_SOURCES = t/unit/base/str.c
t_unit_base_str_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_str_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/uuid
TESTS += t/unit/base/uuid
t_unit_base_uuid_SOURCES = t/unit/base/uuid.c
t_unit_base_uuid_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_uuid_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/heap
TESTS += t/unit/base/heap
t_unit_base_heap_SOURCES = t/unit/base/heap.c
t_unit_base_heap_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_heap_LDADD = $(base_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/base/metric
TESTS += t/unit/base/metric
t_unit_base_metric_SOURCES = t/unit/base/metric.c
t_unit_base_metric_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_base_metric_LDADD = $(base_LIBS) $(CHECK_LIBS)
