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
