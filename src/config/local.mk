noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
  src/config/bundle.c \
  src/config/bundle_load.h \
  src/config/catalog.c \
  src/config/catalog.h \
  src/config/diag.c \
  src/config/diag.h \
  src/config/expr.h \
  src/config/json_schema.c \
  src/config/manifest.c \
  src/config/manifest.h \
  src/config/manifest_load.h \
  src/config/manifest_run.c \
  src/config/policy.c \
  src/config/policy.h \
  src/config/routing.c \
  src/config/routing.h \
  src/config/routing_check.c \
  src/config/routing_load.h \
  src/config/routing_price.c \
  src/config/schema.c \
  src/config/schema.h \
  src/config/schema_expr.c \
  src/config/schema_json.c \
  src/config/settings.c \
  src/config/settings.h \
  src/config/workflow.c \
  src/config/workflow.h \
  src/config/workflow_graph.c \
  src/config/workflow_keys.c \
  src/config/workflow_kind.c \
  src/config/workflow_load.h \
  src/config/workflow_refs.c \
  src/config/workflow_schema.c \
  src/config/workflow_step.c \
  src/config/yaml.c \
  src/config/yaml.h \
  src/config/yaml_scan.c \
  src/config/yaml_value.c

check_PROGRAMS += t/unit/config/yaml
TESTS += t/unit/config/yaml
t_unit_config_yaml_SOURCES = t/unit/config/yaml.c
t_unit_config_yaml_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_yaml_LDADD = $(config_LIBS) $(CHECK_LIBS)

if FUZZERS
noinst_PROGRAMS += t/fuzz/yaml
t_fuzz_yaml_SOURCES = t/fuzz/yaml.c
t_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_yaml_LDADD = $(config_LIBS)
endif
