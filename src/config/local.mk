noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
  src/config/bundle.c \
  src/config/bundle_load.h \
  src/config/catalog.c \
  src/config/catalog.h \
  src/config/diag.c \
  src/config/diag.h \
  src/config/expr.h \
  src/config/expr_array.c \
  src/config/expr_ast.h \
  src/config/expr_builtin.c \
  src/config/expr_check.c \
  src/config/expr_eval.c \
  src/config/expr_eval.h \
  src/config/expr_format.c \
  src/config/expr_lex.c \
  src/config/expr_literal.c \
  src/config/expr_machine.c \
  src/config/expr_object.c \
  src/config/expr_ops.c \
  src/config/expr_order.c \
  src/config/expr_parse.c \
  src/config/expr_parser.c \
  src/config/expr_parser.h \
  src/config/expr_path.c \
  src/config/expr_refs.c \
  src/config/expr_regex.c \
  src/config/expr_run.c \
  src/config/expr_run.h \
  src/config/expr_scalar.c \
  src/config/expr_string.c \
  src/config/expr_term.c \
  src/config/expr_tmpl.c \
  src/config/expr_words.c \
  src/config/expr_words.h \
  src/config/hook.c \
  src/config/hook.h \
  src/config/json_schema.c \
  src/config/lane.c \
  src/config/lane.h \
  src/config/link.c \
  src/config/link.h \
  src/config/manifest.c \
  src/config/manifest.h \
  src/config/manifest_load.h \
  src/config/manifest_run.c \
  src/config/outline.c \
  src/config/outline.h \
  src/config/policy.c \
  src/config/policy.h \
  src/config/policy_judge.c \
  src/config/policy_judge.h \
  src/config/policy_test.c \
  src/config/risk.c \
  src/config/risk.h \
  src/config/routing.c \
  src/config/routing.h \
  src/config/routing_check.c src/config/routing_doubts.c \
  src/config/routing_load.h \
  src/config/routing_price.c \
  src/config/routing_shadow.c \
  src/config/schema.c \
  src/config/schema.h \
  src/config/schema_expr.c \
  src/config/schema_json.c \
  src/config/settings.c \
  src/config/settings.h \
  src/config/webhook.c \
  src/config/webhook.h \
  src/config/webhook_load.h \
  src/config/workflow.c \
  src/config/workflow.h \
  src/config/workflow_edge.c \
  src/config/workflow_edge.h \
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

check_PROGRAMS += t/unit/config/bundle
TESTS += t/unit/config/bundle
t_unit_config_bundle_SOURCES = t/unit/config/bundle.c
t_unit_config_bundle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_bundle_LDADD = $(config_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/config/golden
TESTS += t/unit/config/golden
t_unit_config_golden_SOURCES = t/unit/config/golden.c
t_unit_config_golden_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_golden_LDADD = $(config_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/config/yaml
TESTS += t/unit/config/yaml
t_unit_config_yaml_SOURCES = t/unit/config/yaml.c
t_unit_config_yaml_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_yaml_LDADD = $(config_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/config/policy
TESTS += t/unit/config/policy
t_unit_config_policy_SOURCES = t/unit/config/policy.c
t_unit_config_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_policy_LDADD = $(config_LIBS) $(CHECK_LIBS)

EXTRA_DIST += t/config

if FUZZERS
noinst_PROGRAMS += t/fuzz/yaml
t_fuzz_yaml_SOURCES = t/fuzz/yaml.c
t_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_yaml_LDADD = $(config_LIBS)

noinst_PROGRAMS += t/fuzz/config
t_fuzz_config_SOURCES = t/fuzz/config.c
t_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_config_LDADD = $(config_LIBS)
endif

check_PROGRAMS += t/unit/config/expr_suite
TESTS += t/unit/config/expr_suite
t_unit_config_expr_suite_SOURCES = t/unit/config/expr_suite.c
t_unit_config_expr_suite_LDADD = $(config_LIBS)
EXTRA_DIST += t/expr/arrays.test t/expr/control.test t/expr/errors.test t/expr/format.test t/expr/numbers.test \
  t/expr/objects.test t/expr/operators.test t/expr/order.test t/expr/ours.test t/expr/paths.test \
  t/expr/strings.test
dist_check_SCRIPTS += t/0110-expr-oracle.t
TESTS += t/0110-expr-oracle.t

check_PROGRAMS += t/unit/config/expr_limits
TESTS += t/unit/config/expr_limits
t_unit_config_expr_limits_SOURCES = t/unit/config/expr_limits.c
t_unit_config_expr_limits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_expr_limits_LDADD = $(config_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/config/expr_check
TESTS += t/unit/config/expr_check
t_unit_config_expr_check_SOURCES = t/unit/config/expr_check.c
t_unit_config_expr_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_expr_check_LDADD = $(config_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/config/expr_tmpl
TESTS += t/unit/config/expr_tmpl
t_unit_config_expr_tmpl_SOURCES = t/unit/config/expr_tmpl.c
t_unit_config_expr_tmpl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_config_expr_tmpl_LDADD = $(config_LIBS) $(CHECK_LIBS)

if FUZZERS
noinst_PROGRAMS += t/fuzz/expr
t_fuzz_expr_SOURCES = t/fuzz/expr.c
t_fuzz_expr_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_expr_LDADD = $(config_LIBS)
endif
