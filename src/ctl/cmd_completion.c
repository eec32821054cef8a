/* cmd_completion.c - completion for shells. The scripts know nothing of agentctl: they ask it what may come next, so that a script that
 * was installed long ago completes what the program can today. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "ctl/complete.h"
#include "store/admin.h"
#include "store/approvals.h"
#include "store/tasks.h"

enum { CONNECT_MS = 500, CALL_MS = 1000, TASKS = 20 };

/* :files and :@files stand for what shells know better; every other line is a word, a tab and what it is. */
static const char bash_script[] =
	"# bash completion of agentctl: made by `agentctl completion bash`.\n"
	"_agentctl() {\n"
	"	local cur=$2 line file\n"
	"	COMPREPLY=()\n"
	"	while IFS= read -r line; do\n"
	"		case $line in\n"
	"		:files)\n"
	"			compopt -o filenames 2>/dev/null\n"
	"			while IFS= read -r file; do COMPREPLY+=(\"$file\"); done < <(compgen -f -- \"$cur\")\n"
	"			;;\n"
	"		:@files)\n"
	"			[[ ${COMP_WORDS[COMP_CWORD]} == @* || ${COMP_WORDS[COMP_CWORD - 1]} == @ ]] || continue\n"
	"			compopt -o filenames 2>/dev/null\n"
	"			while IFS= read -r file; do COMPREPLY+=(\"$file\"); done < <(compgen -f -- \"${cur#@}\")\n"
	"			;;\n"
	"		*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
	"		esac\n"
	"	done < <(\"$1\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null </dev/null)\n"
	"	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"	return 0\n"
	"}\n"
	"complete -F _agentctl agentctl\n";

static const char zsh_script[] =
	"#compdef agentctl\n"
	"# zsh completion of agentctl: made by `agentctl completion zsh`.\n"
	"_agentctl() {\n"
	"	local line\n"
	"	local -a found\n"
	"	for line in \"${(@f)$(\"${words[1]}\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null </dev/null)}\"; do\n"
	"		case $line in\n"
	"		:files) _files ;;\n"
	"		:@files) compset -P @ && _files ;;\n"
	"		?*) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	"		esac\n"
	"	done\n"
	"	(( ${#found} )) && _describe -t agentctl agentctl found\n"
	"}\n"
	"if [[ ${funcstack[1]} == _agentctl ]]; then\n"
	"	_agentctl \"$@\"\n"
	"else\n"
	"	compdef _agentctl agentctl\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion of agentctl: made by `agentctl completion fish`.\n"
	"function __agentctl_complete\n"
	"	set -l words (commandline -opc)\n"
	"	set -l cur (commandline -ct)\n"
	"	for line in ($words[1] completion words -- $words[2..-1] \"$cur\" 2>/dev/null </dev/null)\n"
	"		switch $line\n"
	"			case ':files'\n"
	"				__fish_complete_path \"$cur\"\n"
	"			case ':@files'\n"
	"				string match -q '@*' -- \"$cur\"; and printf '@%s\\n' (__fish_complete_path (string sub -s 2 -- \"$cur\"))\n"
	"			case '*'\n"
	"				printf '%s\\n' $line\n"
	"		end\n"
	"	end\n"
	"end\n"
	"complete -c agentctl -f -a '(__agentctl_complete)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

/* --- what stands in the database: quick, and silent where there is none --- */

static void add_names(struct completion *found, const struct json *rows, const char *key, const char *help)
{
	for (size_t i = 0; i < json_len(rows); i++)
		complete_add(found, cell(json_at(rows, i), key), str_cstr(found->a, print_line_of(found->a, cell(json_at(rows, i), help))));
}

static void add_workflows(struct ctl *c, struct completion *found)
{
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	struct err err;

	add_names(found, json_getc(ctl_wait_json(&call, admin_workflows(c->store, arena_new(NULL), CALL_MS, ctl_done, &call), &err), "workflows"),
		  "name", "description");
}

static void add_approvals(struct ctl *c, struct completion *found)
{
	struct ctl_call call = {.ctl = c, .text_of = approvals_text_of};
	struct task_page f = {.state = STR("pending"), .limit = TASKS};
	struct principal by = ctl_principal(c);
	struct err err;

	add_names(found, json_getc(ctl_wait_json(&call, approvals_list(c->store, arena_new(NULL), &f, &by, CALL_MS, ctl_done, &call), &err), "approvals"),
		  "id", "title");
}

/* The newest: it is one of them that people mean. */
static void add_tasks(struct ctl *c, struct completion *found)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct task_filter f = {.limit = TASKS};
	struct principal by = ctl_principal(c);
	const struct json *tasks;
	struct err err;

	tasks = json_getc(ctl_wait_json(&call, tasks_list(c->store, arena_new(NULL), &f, &by, CALL_MS, ctl_done, &call), &err), "tasks");
	for (size_t i = 0; i < json_len(tasks); i++)
		complete_add(found, cell(json_at(tasks, i), "id"), arena_printf(found->a, STR_FMT ", " STR_FMT, STR_ARG(cell(json_at(tasks, i), "workflow")),
										STR_ARG(cell(json_at(tasks, i), "state"))));
}

static void add_states(struct completion *found)
{
	static const char *const task_states[] = {"ready", "running", "waiting_approval", "waiting_timer", "waiting_event", "waiting_slot", "uncertain",
						  "quarantined", "succeeded", "failed", "cancelled", "expired"};
	static const char *const approval_states[] = {"pending", "approved", "consumed", "denied", "expired", "superseded", "cancelled"};

	for (size_t i = 0; found->sources & COMPLETE_TASK_STATES && i < sizeof task_states / sizeof task_states[0]; i++)
		complete_add(found, str_from(task_states[i]), "");
	for (size_t i = 0; found->sources & COMPLETE_APPROVAL_STATES && i < sizeof approval_states / sizeof approval_states[0]; i++)
		complete_add(found, str_from(approval_states[i]), "");
}

static void look_up(struct ctl *c, struct completion *found)
{
	static const struct {
		unsigned source;
		void (*add)(struct ctl *c, struct completion *found);
	} tables[] = {{COMPLETE_WORKFLOWS, add_workflows}, {COMPLETE_TASKS, add_tasks}, {COMPLETE_APPROVALS, add_approvals}};

	if (!(found->sources & (COMPLETE_WORKFLOWS | COMPLETE_TASKS | COMPLETE_APPROVALS)) || !freopen("/dev/null", "w", stderr))
		return;
	c->json = false;		/* failures go to standard error, which leads nowhere now */
	c->connect_ms = CONNECT_MS;
	if (found->config)
		c->settings_file = found->config;
	for (size_t i = 0; i < sizeof tables / sizeof tables[0] && (c->store || ctl_open(c) == 0); i++)
		if (found->sources & tables[i].source)
			tables[i].add(c, found);
}

static int print_words(struct ctl *c, int argc, char **argv)
{
	struct completion found;

	complete(c->arena, ctl_commands, argc, argv, &found);
	add_states(&found);
	look_up(c, &found);
	if (found.sources & COMPLETE_FILES)
		puts(":files");
	if (found.sources & COMPLETE_AT_FILES)
		puts(":@files");
	for (size_t i = 0; i < found.n; i++)
		printf(STR_FMT STR_FMT "\t%s\n", STR_ARG(found.prefix), STR_ARG(found.v[i].word), found.v[i].help);
	return 0;
}

static int completion(struct ctl *c, int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "words") == 0 && strcmp(argv[2], "--") == 0)
		return print_words(c, argc - 3, argv + 3);
	for (size_t i = 0; argc == 2 && i < sizeof scripts / sizeof scripts[0]; i++)
		if (strcmp(argv[1], scripts[i].shell) == 0) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	return ctl_usage(c, &cmd_completion);
}

const struct command cmd_completion = {
	"completion", "bash|zsh|fish", "a script that lets that shell complete commands, options, names and ids", completion,
};
