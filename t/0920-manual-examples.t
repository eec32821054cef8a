#!/bin/sh
# 0920-manual-examples.t - what the manual shows works: files are valid, expressions give what the page says, commands run.
#
# The line before each .Bd is a comment that says what the block is:
#   .\" example: workflow|routing|tool|settings|risk|hook|replay   a whole file: valid
#   .\" example: steps          steps of a workflow: valid in one
#   .\" example: bad FILE       a file with errors ...
#   .\" example: diagnostics    ... and what validate says of the last such file
#   .\" example: expr|tmpl      a program, its root (indented), its value or "error" (indented), and so on
#   .\" example: ctl            commands that need no database: run
#   .\" example: ctl-db         other commands: their options exist
#   .\" example: shell          a shell command: its syntax
#   .\" example: json           a JSON value
#   .\" example: sql ROLE       commands of psql as that role: run by 0940-manual-sql.t ...
#   .\" example: sql-answer     ... and what they print
#   .\" example: shape          the outline of a value
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/manual.sh"
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
man=$top_srcdir/man
expr_eval=$top_builddir/t/bin/expr_eval
agentctl=$(cd "$(dirname "$agentctl")" && pwd)/agentctl

# A configuration root with the shipped files for examples to stand in.
new_root() {
	rm -rf "$D/root"
	mkdir "$D/root"
	cp -R "$top_srcdir/workflows" "$top_srcdir/policies" "$top_srcdir/tools.d" "$top_srcdir/hooks" "$D/root/"
	chmod -R u+w "$D/root"
}

manual_begin
for page in $(cd "$man" && ls ./*.[1-8]); do
	manual_extract "${page#./}"
	cat "$D/blocks/list" >>"$D/all"
	: >"$D/blocks/list"
done
is "every example is marked" "$(cat "$D/blocks/unmarked")" ""
for kind in workflow steps routing tool settings risk hook replay expr tmpl ctl bad diagnostics; do
	ok "there are examples of kind $kind" grep -q "	$kind	" "$D/all"
done

# Warnings are for files whose prices grow old.
valid() {	# NAME PATH-BELOW-ROOT
	# shellcheck disable=SC2015
	(cd "$D/root" && "$agentctl" validate "$2") >"$D/out" 2>&1 && pass "$1" || fail "$1" "$(cat "$D/out")"
}

check_expr() {	# NAME MODE FILE
	awk -v dir="$D/expr" '
	function end() {
		if (!n) return
		printf "%s", program > (dir "/" count ".program")
		for (i = 1; i < n; i++) printf "%s ", lines[i] > (dir "/" count ".root")
		print lines[n] > (dir "/" count ".value")
		close(dir "/" count ".program"); close(dir "/" count ".root"); close(dir "/" count ".value")
		n = 0
	}
	/^[^ ]/ { end(); program = $0; count++; next }
	{ sub(/^ */, ""); lines[++n] = $0 }
	END { end(); print count > (dir "/n") }
	' "$3"
	i=1
	while [ "$i" -le "$(cat "$D/expr/n")" ]; do
		is "$1: $(cat "$D/expr/$i.program")" \
			"$("$expr_eval" "$2" "$(cat "$D/expr/$i.program")" "$(cat "$D/expr/$i.root")" 2>"$D/err")" \
			"$(cat "$D/expr/$i.value")"
		i=$((i + 1))
	done
}

# A command as the page shows it, with our agentctl and settings that name the root.
run_ctl() {	# NAME FILE
	new_root
	printf 'agentd: v1\n' >"$D/root/agentd.yaml"
	while read -r line; do
		# shellcheck disable=SC2015
		(cd "$D/root" && eval "${line%%agentctl*}\"$agentctl\" ${line#*agentctl}") >"$D/out" 2>&1 </dev/null && pass "$1: $line" ||
			fail "$1: $line" "$(cat "$D/out")"
	done <"$2"
}

check_ctl() {	# NAME FILE
	while read -r line; do
		command=$(printf '%s' "${line#*agentctl }" | awk '{ print ($1 == "token" || $1 == "policy" || $1 == "hooks" || $1 == "approvals") ? $1 " " $2 : $1 }')
		# shellcheck disable=SC2086
		help=$("$agentctl" $command --help 2>/dev/null)
		like "$1: $command is a command" "$help" "^usage: agentctl $command"
		for option in $(printf '%s' "$line" | grep -o -e ' --[a-z-]*'); do
			[ "$option" = --json ] || like "$1: $command has $option" "$help" "$option"
		done
	done <"$2"
}

while IFS='	' read -r file kind rest; do
	name=$(basename "$file" ".$kind")
	case $kind in
	workflow)
		new_root
		cp "$file" "$D/root/workflows/example.yaml"
		valid "$name: a workflow" workflows/example.yaml
		;;
	steps)
		new_root
		{
			printf 'agentd: v1\nname: example\nbudget: {usd: 1}\nsteps:\n'
			sed 's/^/  /' "$file"
		} >"$D/root/workflows/example.yaml"
		valid "$name: steps" workflows/example.yaml
		;;
	routing)
		new_root
		cp "$file" "$D/root/policies/routing.yaml"
		valid "$name: routing" policies/routing.yaml
		;;
	replay)
		new_root
		cp "$file" "$D/root/policies/replay/demo.json"
		printf 'agentd: v1\n' >"$D/root/agentd.yaml"
		(cd "$D/root" && "$agentctl" --json route) >"$D/out" 2>&1
		ok "$name: recorded replies" jq -e '[.[][] | select(.provider == "recorded") | .configured] | length > 0 and all' "$D/out"
		;;
	tool)
		new_root
		printf 'agentd: v1\ntools: {credentials: {blog: BLOG_TOKEN}}\n' >"$D/root/agentd.yaml"
		cp "$file" "$D/root/tools.d/example.yaml"
		valid "$name: a tool" tools.d/example.yaml
		valid "$name: a tool beside the others" .
		;;
	settings)
		new_root
		cp "$file" "$D/root/agentd.yaml"
		valid "$name: settings" agentd.yaml
		;;
	hook)
		new_root
		cp "$file" "$D/root/hooks/example.yaml"
		valid "$name: a hook" hooks/example.yaml
		;;
	risk)
		new_root
		cp "$file" "$D/root/policies/risk.yaml"
		valid "$name: a policy" policies/risk.yaml
		;;
	bad)
		new_root
		bad=$rest
		cp "$file" "$D/root/$bad"
		;;
	diagnostics)
		is "$name: what validate says" "$(cd "$D/root" && "$agentctl" validate "$bad" 2>&1)" "$(cat "$file")"
		;;
	expr | tmpl)
		rm -rf "$D/expr"
		mkdir "$D/expr"
		check_expr "$name" "$kind" "$file"
		;;
	ctl) run_ctl "$name" "$file" ;;
	ctl-db) check_ctl "$name" "$file" ;;
	shell) ok "$name: shell" sh -n "$file" ;;
	json) ok "$name: JSON" jq -e . "$file" ;;
	sql) like "$name: SQL of a role, in the page that is run" "$(basename "$file") $rest" '^agentd-sql\.7\..* [a-z]+$' ;;
	sql-answer) ok "$name: an answer" test -s "$file" ;;
	text) ok "$name: a text" test -s "$file" ;;
	shape) ok "$name: an outline" grep -q '^{' "$file" ;;
	*) fail "$name: a known kind of example" "\"$kind\"" ;;
	esac
done <"$D/all"
done_testing
