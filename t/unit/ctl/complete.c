/* Unit tests of ctl/complete.c: a command line in, what may come next out. */
#include "ctl/complete.h"

#include <stdlib.h>

#include "ctl/ctl.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct command get = {"get", "TASK", "one", NULL}, list = {"list", "[--workflow NAME] [--state STATE] [--limit N] [--label NAME=TEXT]...", "", NULL},
	check = {"check", "[FILE|DIR]... [--args JSON|@FILE|-]", "", NULL}, go = {"go", "WORKFLOW [--urgency low|normal|high] [--by day|label=NAME]", "", NULL},
	say = {"say", "TASK PATH yes|no-no [--try N]", "", NULL}, again = {"again", "TASK... | --all | --workflow NAME", "", NULL},
	ask_list = {"approvals list", "[--state STATE|--all] [--task TASK]", "", NULL}, ask_show = {"approvals show", "APPROVAL", "shows", NULL};
static const struct command *const table[] = {&get, &list, &check, &go, &say, &again, &ask_list, &ask_show, NULL};

enum { FILES = COMPLETE_FILES, AT = COMPLETE_AT_FILES, FLOWS = COMPLETE_WORKFLOWS, TASKS = COMPLETE_TASKS, ASKS = COMPLETE_APPROVALS,
	STATES = COMPLETE_TASK_STATES, ASK_STATES = COMPLETE_APPROVAL_STATES };

static const struct {
	const char *words;		/* separated by one space; a space at the end: nothing is begun */
	const char *found;
	unsigned sources;
	const char *prefix;
} cases[] = {
	{"", "get list check go say again approvals", 0, ""},
	{"g", "get go", 0, ""},
	{"approvals ", "list show", 0, ""},
	{"approvals s", "show", 0, ""},
	{"nothing ", "", 0, ""},
	{"nothing more ", "", 0, ""},
	{"-", "--config --json --help --version", 0, ""},
	{"--j", "--json", 0, ""},
	{"-c ", "", FILES, ""},
	{"--json -c x g", "get go", 0, ""},
	{"-c x get ", "", TASKS, ""},
	{"get ", "", TASKS, ""},
	{"get x ", "", 0, ""},
	{"get -", "--json --help", 0, ""},
	{"list ", "", 0, ""},
	{"list --", "--workflow --state --limit --label --json --help", 0, ""},
	{"list --workflow ", "", FLOWS, ""},
	{"list --workflow x --state ", "", STATES, ""},
	{"list --limit ", "", 0, ""},
	{"list --state = ", "", STATES, ""},
	{"list --state =", "", STATES, ""},
	{"list --state=", "", STATES, "--state="},
	{"check ", "", FILES, ""},
	{"check a b ", "", FILES, ""},
	{"check --args ", "", AT, ""},
	{"check --args @ x", "", AT, ""},
	{"go ", "", FLOWS, ""},
	{"go x --urgency ", "low normal high", 0, ""},
	{"go x --urgency n", "normal", 0, ""},
	{"go --urgency=h", "high", 0, "--urgency="},
	{"go --by ", "day label=", 0, ""},
	{"go --urgency low ", "", FLOWS, ""},
	{"say x y ", "yes no-no", 0, ""},
	{"say x y n", "no-no", 0, ""},
	{"say x y yes ", "", 0, ""},
	{"again ", "", TASKS, ""},
	{"again a b ", "", TASKS, ""},
	{"again --", "--all --workflow --json --help", 0, ""},
	{"again --all ", "", TASKS, ""},
	{"again --workflow ", "", FLOWS, ""},
	{"approvals list --state ", "", ASK_STATES, ""},
	{"approvals list --all --", "--state --all --task --json --help", 0, ""},
	{"approvals list --task ", "", TASKS, ""},
	{"approvals show ", "", ASKS, ""},
	{"get --no-such ", "", TASKS, ""},
	{"get --no-such=", "", 0, "--no-such="},
};

static int split(char *text, char **words)
{
	int n = 0;

	for (char *space; (space = strchr(text, ' ')) != NULL; text = space + 1) {
		*space = '\0';
		words[n++] = text;
	}
	words[n++] = text;
	return n;
}

START_TEST(completes)
{
	char *words[16];
	struct completion got;
	const char *found = "";

	complete(a, table, split(arena_strdup(a, cases[_i].words), words), words, &got);
	for (size_t i = 0; i < got.n; i++)
		found = arena_printf(a, "%s%s" STR_FMT, found, i ? " " : "", STR_ARG(got.v[i].word));
	ck_assert_str_eq(found, cases[_i].found);
	ck_assert_uint_eq(got.sources, cases[_i].sources);
	ck_assert_msg(str_is(got.prefix, cases[_i].prefix), "%s: prefix \"" STR_FMT "\"", cases[_i].words, STR_ARG(got.prefix));
}
END_TEST

START_TEST(settings_are_known)
{
	char text[] = "-c file get ", *words[16];
	struct completion got;

	complete(a, table, split(text, words), words, &got);
	ck_assert_str_eq(got.config, "file");
	complete(a, table, 0, words, &got);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

/* Whatever stands in the usages of the real commands, its own options are offered. */
START_TEST(every_command)
{
	for (size_t i = 0; ctl_commands[i]; i++) {
		char *words[16], *line = arena_printf(a, "%s --", ctl_commands[i]->name);
		struct completion got;
		size_t options = 0;

		complete(a, ctl_commands, split(line, words), words, &got);
		for (const char *s = ctl_commands[i]->args; (s = strstr(s, "--")) != NULL; s += 2)
			options++;
		ck_assert_msg(got.n >= 2 && got.n - 2 == options, "%s: %zu of %zu options", ctl_commands[i]->name, got.n - 2, options);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl/complete");
	TCase *t = tcase_create("complete");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, completes, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, settings_are_known);
	tcase_add_test(t, every_command);
	suite_add_tcase(s, t);
	return suite_run(s);
}
