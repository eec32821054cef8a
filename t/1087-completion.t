#!/bin/sh
# 1087-completion.t - what bash, zsh and fish complete, driven as people drive them; what the shells are told.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
for name in alpha beta; do
	printf 'agentd: v1\nname: %s\ndescription: says %s.\nsteps:\n  - {id: set, set: {a: 1}}\n' $name $name >"$D/root/workflows/$name.yaml"
done
d_publish
task=$(ctl submit alpha)
bin=$(cd "$(dirname "$agentctl")" && pwd)
PATH=$bin:$PATH
AGENTD_CONFIG=$D/agentd.yaml
export PATH AGENTD_CONFIG
mkdir "$D/here" && : >"$D/here/input.json" && cd "$D/here" || exit 99
words() { agentctl completion words -- "$@"; }

# --- what the shells are told ---
is "commands" "$(words re | cut -f 1 | xargs)" "reload resume retry reconcile redrive"
is "with what they do" "$(words doc | cut -f 2)" "$(agentctl doctor --help | tail -n 1)"
is "workflows" "$(words submit '' | xargs)" "alpha says alpha. beta says beta."
is "states" "$(words list --state wait | cut -f 1 | xargs)" "waiting_approval waiting_timer waiting_event waiting_slot"
is "tasks" "$(words why '')" "$task	alpha, ready"
is "files" "$(words validate '')" ":files"
is "settings on the line" "$(AGENTD_CONFIG=/nowhere words -c "$D/agentd.yaml" submit b | cut -f 1)" beta
is "no settings: silence" "$(AGENTD_CONFIG=/nowhere words submit '' 2>&1)" ""
is "nothing there: silence" "$(AGENTD_DATABASE='host=/nowhere' words submit '' 2>&1)" ""
is "every command is offered" "$(words '' | cut -f 1)" "$(agentctl --help | sed -n 's/^  \([a-z]*\).*/\1/p' | awk '!seen[$0]++')"
agentctl completion csh >"$D/out" 2>&1
is "no other shell" "$? $(cat "$D/out")" "2 usage: agentctl completion bash|zsh|fish"
for shell in bash zsh fish; do agentctl completion $shell >"$D/$shell"; done

# --- bash ---
# in_bash WORD...: what is offered for the last
in_bash() {
	bash --norc --noprofile -c '
		. "$1"
		shift
		[[ $(complete -p agentctl) == "complete -F _agentctl agentctl" ]] || echo not complete
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_agentctl "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"' - "$D/bash" agentctl "$@" 2>"$D/bash.err" | xargs
	[ ! -s "$D/bash.err" ] || cat "$D/bash.err"
}
if command -v bash >/dev/null; then
	is "bash: commands" "$(in_bash re)" "reload resume retry reconcile redrive"
	is "bash: second words" "$(in_bash approvals '')" "list show approve deny watch"
	is "bash: options" "$(in_bash top --)" "--interval --once --json --help"
	is "bash: workflows" "$(in_bash submit a)" alpha
	is "bash: values of options" "$(in_bash submit alpha --urgency '')" "low normal high"
	is "bash: behind =" "$(in_bash list --state = fa)" failed
	is "bash: files" "$(in_bash validate in)" input.json
	is "bash: files behind @" "$(in_bash submit alpha --input @ in)" input.json
	is "bash: tasks" "$(in_bash get "${task%????}")" "$task"
else
	skip "bash" "no bash"
fi

# --- at the keyboard ---
# typed SHELL-COMMAND... -- FIRST-LINE TYPED PATTERN
if command -v python3 >/dev/null; then
	if command -v bash >/dev/null; then
		ok "bash: TAB" python3 "$top_srcdir/t/lib/type.py" bash --norc --noprofile -i -- ". $D/bash" 'agentctl reco	' 'agentctl reconcile '
		ok "bash: TAB on a path" python3 "$top_srcdir/t/lib/type.py" bash --norc --noprofile -i -- ". $D/bash" 'agentctl validate in	' 'validate input\.json '
	fi
	if command -v zsh >/dev/null; then
		ok "zsh: syntax" zsh -n "$D/zsh"
		for typed in "reco	|reconcile " "submit al	|submit alpha " "list --state quar	|list --state quarantined " "validate in	|validate input\.json "; do
			ok "zsh: ${typed%%	*} TAB" python3 "$top_srcdir/t/lib/type.py" zsh -f -i -- "autoload -U compinit; compinit -u -d $D/dump; . $D/zsh" \
				"agentctl ${typed%|*}" "agentctl ${typed#*|}"
		done
	else
		skip "zsh" "no zsh"
	fi
else
	skip "at the keyboard" "no python3"
fi

# --- fish ---
in_fish() { HOME=$D XDG_CONFIG_HOME=$D XDG_DATA_HOME=$D fish --no-config -c "source $D/fish; complete -C '$1'" | cut -f 1 | xargs; }
if command -v fish >/dev/null; then
	is "fish: commands" "$(in_fish 'agentctl reco')" reconcile
	is "fish: second words" "$(in_fish 'agentctl token ')" "create list revoke"
	is "fish: options" "$(in_fish 'agentctl top --i')" --interval
	is "fish: workflows" "$(in_fish 'agentctl submit a')" alpha
	is "fish: states" "$(in_fish 'agentctl list --state=fai')" --state=failed
	is "fish: files" "$(in_fish 'agentctl validate in')" input.json
	is "fish: files behind @" "$(in_fish 'agentctl submit alpha --input @in')" @input.json
else
	skip "fish" "no fish"
fi
done_testing
