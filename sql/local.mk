SQL_FILES = \
  sql/0001_schema.sql \
  sql/0002_partitions.sql \
  sql/0010_functions.sql \
  sql/0011_effects.sql \
  sql/0014_admission.sql \
  sql/0015_bundles.sql \
  sql/0016_semantics.sql \
  sql/0018_lanes.sql \
  sql/0021_checks.sql \
  sql/0022_upkeep.sql \
  sql/0030_approvals.sql \
  sql/0040_counters.sql \
  sql/0041_events.sql \
  sql/0042_webhooks.sql \
  sql/0043_artifacts.sql \
  sql/0044_control.sql \
  sql/0047_targets.sql \
  sql/0048_files.sql \
  sql/0049_caps.sql \
  sql/0050_health.sql \
  sql/0051_door.sql \
  sql/0052_expiring.sql \
  sql/0053_modes.sql \
  sql/0055_sight.sql
SQL_FUNCTIONS = \
  sql/functions/1_admission.sql \
  sql/functions/1_submit.sql \
  sql/functions/2_feed.sql \
  sql/functions/2_lanes.sql \
  sql/functions/2_queue.sql \
  sql/functions/3_approvals.sql \
  sql/functions/3_caps.sql \
  sql/functions/3_commit.sql \
  sql/functions/3_door.sql \
  sql/functions/3_effects.sql \
  sql/functions/3_health.sql \
  sql/functions/3_shadow.sql \
  sql/functions/3_spend.sql \
  sql/functions/4_bundles.sql \
  sql/functions/4_probes.sql \
  sql/functions/5_artifacts.sql \
  sql/functions/5_control.sql \
  sql/functions/5_events.sql \
  sql/functions/5_page.sql \
  sql/functions/5_quarantine.sql \
  sql/functions/5_sight.sql \
  sql/functions/5_spend.sql \
  sql/functions/5_tasks.sql \
  sql/functions/5_webhooks.sql \
  sql/functions/6_partitions.sql \
  sql/functions/6_sweep.sql \
  sql/functions/7_admin.sql \
  sql/functions/8_metrics.sql \
  sql/functions/8_sql.sql \
  sql/functions/9_roles.sql
sqldir = $(pkgdatadir)/sql
dist_sql_DATA = $(SQL_FILES)
sqlfunctionsdir = $(sqldir)/functions
dist_sqlfunctions_DATA = $(SQL_FUNCTIONS)

sql_tests = \
  t/0200-moves.t \
  t/0210-submit.t \
  t/0220-leases.t \
  t/0230-budget.t t/0231-caps.t t/0232-door.t \
  t/0240-plans.t \
  t/0250-roles.t \
  t/0260-partitions.t \
  t/0270-interleave.t \
  t/0280-model.t \
  t/0285-lanes.t \
  t/0286-effects.t \
  t/0287-twice.t \
  t/0288-approvals.t \
  t/0290-admission.t \
  t/0292-quarantine.t \
  t/0294-bundles.t \
  t/0295-sql-interface.t t/0296-upgrade.t \
  t/0297-events.t t/0298-counters.t t/0299-control.t t/0299-sight.t t/0299-webhooks.t t/0300-health.t
TESTS += $(sql_tests)
EXTRA_DIST += $(sql_tests) t/lib/sql.sh t/lib/model.py t/lib/model_rules.py t/lib/interleave.py t/lib/interleave.sql
