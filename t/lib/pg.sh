# pg.sh - a throw-away PostgreSQL cluster for tests; source it.
#
#   pg_start [setting=value ...]   starts a cluster on a Unix socket in a new directory
#   pg_migrate                     applies sql/*.sql with psql (programs use agentctl)
#   pg_restart                     stop -m fast and start
#   pg_restart_immediate           stop -m immediate (as after a crash) and start
#   pg_stop                        ends the cluster and removes its directory
#   pg_psql ...                    psql -X -q -A -t with ON_ERROR_STOP
#
# Sets and exports PGHOST PGPORT PGUSER PGDATABASE AGENTD_DATABASE, sets PG_DIR. Without binaries pg_start
# prints a TAP skip plan and ends the script. PostgreSQL refuses root: then the server runs as
# PG_RUN_AS (postgres, else nobody), and by the command PG_IN where that is set (netns.sh).

pg_find_bin() {
	for pg_bin in ${PG_BIN:+"$PG_BIN"} /usr/lib/postgresql/18/bin /usr/lib/postgresql/17/bin \
		/usr/lib/postgresql/16/bin /usr/lib/postgresql/15/bin; do
		if [ -x "$pg_bin/initdb" ]; then
			PG_BIN=$pg_bin
			return 0
		fi
	done
	pg_bin=$(command -v initdb) && PG_BIN=$(dirname "$pg_bin")
}

pg_as() {
	if [ "$(id -u)" = 0 ]; then
		if [ -z "${PG_RUN_AS:-}" ]; then
			if id postgres >/dev/null 2>&1; then PG_RUN_AS=postgres; else PG_RUN_AS=nobody; fi
		fi
		# shellcheck disable=SC2086
		(cd "$PG_DIR" && exec ${PG_IN:-} setpriv --reuid="$(id -u "$PG_RUN_AS")" --regid="$(id -g "$PG_RUN_AS")" \
			--clear-groups env HOME="$PG_DIR" LC_ALL=C "$@")
	else
		(cd "$PG_DIR" && exec env LC_ALL=C "$@")
	fi
}

pg_start() {
	if ! pg_find_bin; then
		echo "1..0 # SKIP no PostgreSQL server binaries"
		exit 0
	fi
	PG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/agentd-pg.XXXXXX") || exit 99
	chmod 755 "$PG_DIR"
	mkdir "$PG_DIR/sock" "$PG_DIR/data"
	if [ "$(id -u)" = 0 ]; then
		pg_as true
		chown "$PG_RUN_AS" "$PG_DIR" "$PG_DIR/sock" "$PG_DIR/data"
	fi
	chmod 700 "$PG_DIR/data"
	if ! pg_as "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C \
		--data-checksums --no-sync >"$PG_DIR/initdb.log" 2>&1; then
		cat "$PG_DIR/initdb.log" >&2
		echo "Bail out! initdb failed"
		exit 99
	fi
	cat >>"$PG_DIR/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$PG_DIR/sock'
		fsync = on
		synchronous_commit = on
		full_page_writes = on
		max_connections = 100
		shared_buffers = 256MB
		max_wal_size = 2GB
		log_min_messages = warning
		timezone = 'UTC'
	CONF
	for pg_setting in "$@"; do
		echo "$pg_setting" >>"$PG_DIR/data/postgresql.conf"
	done
	PGHOST=$PG_DIR/sock PGPORT=5432 PGUSER=postgres PGDATABASE=agentd
	AGENTD_DATABASE="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	export PGHOST PGPORT PGUSER PGDATABASE AGENTD_DATABASE
	pg_up
	"$PG_BIN/createdb" agentd || exit 99
}

pg_up() {
	if ! pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -w -t 60 -l "$PG_DIR/server.log" start >"$PG_DIR/ctl.log" 2>&1; then
		cat "$PG_DIR/ctl.log" "$PG_DIR/server.log" >&2
		echo "Bail out! the server did not start"
		exit 99
	fi
}

pg_down() {
	pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -w -t 60 -m "$1" stop >"$PG_DIR/ctl.log" 2>&1
}

pg_restart() {
	pg_down fast
	pg_up
}

pg_restart_immediate() {
	pg_down immediate
	pg_up
}

pg_stop() {
	if [ -n "$PG_DIR" ] && [ -d "$PG_DIR/data" ]; then
		pg_down immediate
		rm -rf "$PG_DIR"
	fi
}

pg_psql() {
	"$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

pg_migrate() {
	for pg_file in "${top_srcdir:-.}"/sql/[0-9]*.sql; do
		pg_name=$(basename "$pg_file" .sql)
		PGOPTIONS='-c client_min_messages=warning' pg_psql -1 -f "$pg_file" -c "INSERT INTO agentd.schema_migrations
			VALUES (${pg_name%%_*}, '$pg_name.sql', sha256('$pg_name'), clock_timestamp())" >/dev/null || return 1
	done
	set --
	for pg_file in "${top_srcdir:-.}"/sql/functions/*.sql; do set -- "$@" -f "$pg_file"; done
	PGOPTIONS='-c client_min_messages=warning -c check_function_bodies=off' pg_psql -1 "$@" >/dev/null
}
