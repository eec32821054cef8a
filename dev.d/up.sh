# up - from a bare machine to a finished task: packages, build, database, daemon, the shipped example.
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages
install_pgvector
head_line "building"
build_tree build
. dev.d/lib/cluster
cluster_paths
cluster_start
. dev.d/lib/daemon
write_settings
head_line "database: schema, workflows, token"
ctl migrate
ctl reload
if [ ! -s "$token_file" ] || ! ctl token list | grep -q '^dev '; then
	(umask 077 && ctl token create dev --scopes submit,read,approve,admin >"$token_file")
fi
daemon_pid >/dev/null && {
	# a new build or new files: the running daemon is replaced
	daemon_stop
}
daemon_start
say "agentd runs (pid $(cat "$pid_file")), $address, log $var/log/agentd.log"

head_line "models"
ctl route || true
docs=${AGENTD_UP_ROOT:-manual}
head_line "submitting workflows/digest.yaml on the real documents of \"$docs\""
ctl submit digest --input "{\"root\": \"$docs\", \"path\": \"\", \"glob\": \"agent*\"}" --follow
token=$(cat "$token_file")
cat <<END

== go on
  token            $token_file
  submit by HTTP   curl -s -H "Authorization: Bearer \$(cat $token_file)" -H 'Content-Type: application/json' \\
                     -d '{"workflow": "digest", "input": {"root": "$docs", "path": "", "glob": "agent*"}}' $address/tasks
  see a task       curl -s -H "Authorization: Bearer \$(cat $token_file)" "$address/tasks/ID?wait=30s"
  command line     build/src/agentctl -c $settings list          (also: submit, get ID, cancel ID, validate)
  your workflow    edit workflows/*.yaml, then: build/src/agentctl -c $settings reload
  database         ./dev psql
  stop             ./dev down
END
