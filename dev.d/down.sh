# down - stop the daemon and the database of this clone.
. dev.d/lib/cluster
[ -d "$var" ] || exit 0
cluster_paths
. dev.d/lib/daemon
daemon_stop
cluster_stop
say "stopped"
