# psql - a shell on this clone's database.
. dev.d/lib/cluster
cluster_paths
cluster_is_up || die "the database is not running (./dev up starts it)"
exec "$bin/psql" "$database options='-c search_path=agentd'" "$@"
