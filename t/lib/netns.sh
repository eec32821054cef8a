# netns.sh - hosts made of network namespaces: each with a cable of its own to the one that holds the database. Source it after
# daemon.sh and before d_init.
#
#   ns_init HOST...     makes the namespaces and cables; host number N has 10.77.N.2, the database 10.77.N.1 on that cable.
#                       Prints a TAP skip plan and ends the script where that is not possible. Sets PG_IN and D_AT_END.
#   ns_database         after d_init: opens the database for these addresses
#   ns_start NAME HOST N MODE    d_start on that host, connected by TCP
#
# Nothing of it is seen from outside. A script that was killed leaves namespaces behind; the next one removes them.

ns_name() { echo "agt-$$-$1"; }

ns_drop() {	# PID: the namespaces of the script with this pid
	for ns_old in /run/netns/agt-"$1"-*; do
		[ -e "$ns_old" ] || continue
		ip netns del "$(basename "$ns_old")"
	done
}

ns_cleanup() { ns_drop $$; }

ns_skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

ns_init() {
	[ "$(id -u)" = 0 ] || ns_skip "network namespaces need root"
	for ns_tool in ip nsenter unshare; do
		command -v $ns_tool >/dev/null || ns_skip "no program $ns_tool"
	done
	for ns_old in /run/netns/agt-*; do
		ns_pid=${ns_old#/run/netns/agt-}
		ns_pid=${ns_pid%%-*}
		[ ! -e "$ns_old" ] || kill -0 "$ns_pid" 2>/dev/null || ns_drop "$ns_pid"
	done
	trap ns_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP PIPE
	D_AT_END=ns_cleanup
	ip netns add "$(ns_name db)" 2>/dev/null || ns_skip "this system does not let us make network namespaces"
	ip -n "$(ns_name db)" link set lo up
	ns_n=0
	for ns_host; do
		ns_n=$((ns_n + 1))
		ip netns add "$(ns_name "$ns_host")" &&
			ip -n "$(ns_name "$ns_host")" link set lo up &&
			ip -n "$(ns_name "$ns_host")" link add eth0 type veth peer name "to$ns_n" netns "$(ns_name db)" &&
			ip -n "$(ns_name db)" addr add "10.77.$ns_n.1/24" dev "to$ns_n" &&
			ip -n "$(ns_name db)" link set "to$ns_n" up &&
			ip -n "$(ns_name "$ns_host")" addr add "10.77.$ns_n.2/24" dev eth0 &&
			ip -n "$(ns_name "$ns_host")" link set eth0 up || ns_skip "this system does not let us lay a cable between namespaces"
	done
	PG_IN="nsenter --net=/run/netns/$(ns_name db)"
	D_PG_SETTINGS="listen_addresses = '*'"
}

ns_database() {
	echo "host all all 10.77.0.0/16 trust" >>"$PG_DIR/data/pg_hba.conf"
	pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" reload >/dev/null
}

# A command that runs another on HOST, under that name; it replaces itself, so that the pid is the program's.
ns_in() {
	printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s unshare --uts sh -c '"'"'hostname "$0" && exec "$@"'"'"' %s "$@"\n' \
		"$(ns_name "$1")" "$1" >"$D/in-$1"
	chmod +x "$D/in-$1"
	echo "$D/in-$1"
}

ns_start() {
	D_IN=$(ns_in "$2")
	d_start "$1" "$4" AGENTD_DATABASE="host=10.77.$3.1 port=5432 user=postgres dbname=agentd"
	D_IN=
}
