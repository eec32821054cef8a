#!/bin/sh
# pg-server.sh - a throw-away cluster for a test in C. Says "ready CONNINFO" or "skip REASON"; then takes commands, one per line:
#   sql TEXT    runs it, answers "ok RESULT" (lines joined by '|') or "bad ..."
#   crash       stop -m immediate and start, answers "ok"
#   down / up   stop -m immediate, start
# and ends the cluster when its input ends, however the test ended.
: "${top_srcdir:=.}"
. "$top_srcdir/t/lib/pg.sh"
if ! pg_find_bin; then
	echo "skip no PostgreSQL server binaries"
	exit 0
fi
trap pg_stop EXIT
trap '' INT PIPE
pg_start
pg_migrate >&2 || { echo "bad migration"; exit 1; }
echo "ready $AGENTD_DATABASE"
while IFS= read -r line; do
	case $line in
	"sql "*)
		if out=$(pg_psql -c "${line#sql }" 2>&1 </dev/null); then
			printf 'ok %s\n' "$(printf '%s' "$out" | tr '\n' '|')"
		else
			printf 'bad %s\n' "$(printf '%s' "$out" | tr '\n' '|')"
		fi
		;;
	crash) pg_restart_immediate && echo ok ;;
	down) pg_down immediate && echo ok ;;
	up) pg_up && echo ok ;;
	esac
done
