noinst_LIBRARIES += src/schema/libschema.a
src_schema_libschema_a_SOURCES = \
  src/schema/check.c src/schema/check.h \
  src/schema/check_array.c \
  src/schema/check_in_place.c \
  src/schema/check_object.c \
  src/schema/check_unique.c \
  src/schema/compile.c src/schema/compile.h \
  src/schema/compile_refs.c \
  src/schema/compile_rules.c \
  src/schema/compile_shape.c \
  src/schema/cost.c \
  src/schema/ecma.c src/schema/ecma.h \
  src/schema/ecma_atom.c \
  src/schema/ecma_property.c \
  src/schema/ecma_translate.c src/schema/ecma_translate.h \
  src/schema/fault.c \
  src/schema/keywords.c \
  src/schema/metaschema.c \
  src/schema/pattern.c src/schema/pattern.h \
  src/schema/program.h \
  src/schema/schema.h \
  src/schema/uri.c

check_PROGRAMS += t/unit/schema/check
TESTS += t/unit/schema/check
t_unit_schema_check_SOURCES = t/unit/schema/check.c
t_unit_schema_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_schema_check_LDADD = $(schema_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/schema/compile
TESTS += t/unit/schema/compile
t_unit_schema_compile_SOURCES = t/unit/schema/compile.c
t_unit_schema_compile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_schema_compile_LDADD = $(schema_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/schema/ecma
TESTS += t/unit/schema/ecma
t_unit_schema_ecma_SOURCES = t/unit/schema/ecma.c
t_unit_schema_ecma_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_schema_ecma_LDADD = $(schema_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/schema/pattern
TESTS += t/unit/schema/pattern
t_unit_schema_pattern_SOURCES = t/unit/schema/pattern.c
t_unit_schema_pattern_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_schema_pattern_LDADD = $(schema_LIBS) $(CHECK_LIBS)

EXTRA_DIST += t/fuzz/seeds/schema/unevaluated t/fuzz/seeds/schema/arrays t/fuzz/seeds/schema/refs \
  t/fuzz/seeds/schema/objects t/fuzz/seeds/schema/pattern-0 t/fuzz/seeds/schema/pattern-1

# the official test suite, where it is
check_PROGRAMS += t/bin/schema_suite
t_bin_schema_suite_SOURCES = t/bin/schema_suite.c
t_bin_schema_suite_LDADD = $(schema_LIBS)
dist_check_SCRIPTS += t/0120-schema-suite.t
TESTS += t/0120-schema-suite.t

noinst_PROGRAMS += t/bench/schema
t_bench_schema_SOURCES = t/bench/schema.c
t_bench_schema_LDADD = $(schema_LIBS)

if FUZZERS
noinst_PROGRAMS += t/fuzz/schema
t_fuzz_schema_SOURCES = t/fuzz/schema.c
t_fuzz_schema_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_schema_LDADD = $(schema_LIBS)
endif
