noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
  src/config/catalog.h \
  src/config/diag.c \
  src/config/diag.h \
  src/config/expr.h \
  src/config/json_schema.c \
  src/config/manifest.h \
  src/config/policy.h \
  src/config/routing.h \
  src/config/schema.c \
  src/config/schema.h \
  src/config/schema_expr.c \
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
