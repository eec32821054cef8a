# up - from a bare machine to a finished task and one that waits for a person: packages, build, database, daemon, examples.
yes=
while [ $# -gt 0 ]; do
	case $1 in
	--yes) yes=1 ;;
	*) die "up: unknown argument \"$1\" (try ./dev help)" ;;
	esac
	shift
done
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
# Recorded replies are no provider.
has_provider() {
	ctl route --json | grep -o '"provider":"[^"]*","configured":true' | grep -qv recorded
}

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
if has_provider; then
	say "a key or an address of a real provider is in the environment: it will be asked, if it answers now"
	ctl doctor --probe || say "what did not answer is left out, until agentctl doctor --probe succeeds (agentd-routing(5), Probes)"
else
	say "no key of a real provider is in the environment: replies come from recordings (wire: replay), no model is asked"
	say "set OPENROUTER_API_KEY, GOOGLE_AI_STUDIO_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY or AGENTD_LOCAL_BASE_URL, and run ./dev up again"
fi
ctl route
# what every Debian has after the packages above; the manual where documentation is not installed
input='{"root": "docs", "path": "autoconf"}'
[ -f /usr/share/doc/autoconf/README ] || input='{"root": "manual", "path": "", "glob": "agent*"}'
head_line "submitting workflows/digest.yaml on real documents: $input"
ctl submit digest --input "$input" --follow
say
say "answered by: $("$bin/psql" -qAt "$database" -c "
	SELECT string_agg(DISTINCT provider || ' (' || model_answered || ')', ', ') FROM agentd.model_calls
	WHERE task = (SELECT max(task::text)::uuid FROM agentd.model_calls)")"

brief=$(printf '%s' "$input" | sed 's/^{/{"question": "What is this for, and what does it need?", /')
head_line "submitting workflows/brief.yaml: $brief"
task=$(ctl submit brief --input "$brief")
until ctl get "$task" --json | grep -Eq '"state":"(waiting_approval|succeeded|failed|expired)"'; do sleep 0.2; done
ctl get "$task"
approval=$(ctl approvals list --task "$task" --json | grep -o '"id":"[^"]*"' | head -n 1 | cut -d'"' -f4)
[ -n "$approval" ] || die "brief asked nobody (see above)"
if [ -n "$yes" ]; then
	head_line "--yes was given: approving it unseen"
	ctl approvals approve "$approval" --comment "./dev up --yes"
	ctl tail "$task" >/dev/null
	ctl artifacts get "$task" brief.md
else
	head_line "the brief waits for a person: nothing is written before somebody approves this very text, or edits it"
	ctl approvals show "$approval"
fi
cat <<END

== go on
  the page         $address/ (sign in with the token below)
  token            $token_file, or: build/src/agentctl -c $settings token create NAME --scopes submit,read,approve
END
[ -n "$yes" ] || cat <<END
  approve it       there, or: build/src/agentctl -c $settings approvals approve $approval
                   then: build/src/agentctl -c $settings artifacts get $task brief.md
END
cat <<END
  submit by HTTP   curl -s -H "Authorization: Bearer \$(cat $token_file)" -H 'Content-Type: application/json' \\
                     -d '{"workflow": "digest", "input": $input}' $address/tasks
  see a task       curl -s -H "Authorization: Bearer \$(cat $token_file)" "$address/tasks/ID?wait=30s"
  command line     build/src/agentctl -c $settings list          (also: submit, get ID, cancel ID, validate)
  your workflow    edit workflows/*.yaml, then: build/src/agentctl -c $settings reload
  database         ./dev psql
  stop             ./dev down
END
