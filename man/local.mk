dist_man_MANS = \
  man/agentctl.1 \
  man/agentd-api.7 \
  man/agentd-approvals.7 \
  man/agentd-hooks.5 \
  man/agentd-internals.7 \
  man/agentd-metrics.7 \
  man/agentd-page.7 \
  man/agentd-risk.5 \
  man/agentd-routing.5 \
  man/agentd-schema.7 \
  man/agentd-sql.7 \
  man/agentd-tool.5 \
  man/agentd-webhooks.7 \
  man/agentd-workflow.5 \
  man/agentd.8 \
  man/agentd.yaml.5

manual_tests = \
  t/0900-manual-pages.t \
  t/0910-manual-keys.t \
  t/0920-manual-examples.t \
  t/0930-manual-meaning.t \
  t/0940-manual-sql.t
TESTS += $(manual_tests)
EXTRA_DIST += $(manual_tests) t/lib/manual.sh

# Evaluates the manual's expressions.
check_PROGRAMS += t/bin/expr_eval
t_bin_expr_eval_SOURCES = t/bin/expr_eval.c
t_bin_expr_eval_LDADD = $(config_LIBS)
