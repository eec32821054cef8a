SQL_FILES = \
  sql/0001_schema.sql \
  sql/0002_partitions.sql \
  sql/0003_submit.sql \
  sql/0004_queue.sql \
  sql/0005_commit.sql \
  sql/0006_bundles.sql \
  sql/0007_tasks.sql \
  sql/0008_sweep.sql \
  sql/0009_admin.sql
sqldir = $(pkgdatadir)/sql
dist_sql_DATA = $(SQL_FILES)

sql_tests = \
  t/0200-moves.t \
  t/0210-submit.t \
  t/0220-leases.t \
  t/0230-budget.t \
  t/0240-plans.t \
  t/0250-roles.t \
  t/0260-partitions.t \
  t/0270-interleave.t \
  t/0280-model.t
TESTS += $(sql_tests)
EXTRA_DIST += $(sql_tests) t/lib/sql.sh t/lib/model.py t/lib/interleave.py
