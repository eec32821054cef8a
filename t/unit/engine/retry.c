/* Unit tests of engine/retry.c: policy, error, try and chance against delay or stop. */
#include "engine/retry.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/journal.h"
#include "../suite_run.h"

static const struct str tool_types[] = {{"tool.*", 6}, {"timeout", 7}};

static const struct retry_policy none = {.max = 0, .delay_ms = 1000, .cap_ms = 60000};
static const struct retry_policy fixed = {.max = 3, .delay_ms = 1000, .cap_ms = 60000};
static const struct retry_policy capped = {.max = 3, .delay_ms = 1000, .cap_ms = 400};
static const struct retry_policy doubling = {.max = 100, .delay_ms = 1000, .cap_ms = 5000, .exponential = true};
static const struct retry_policy at_once = {.max = 3, .delay_ms = 0, .cap_ms = 60000, .exponential = true};
static const struct retry_policy only_tools = {
	.max = 3, .delay_ms = 1000, .cap_ms = 60000, .on = tool_types, .n_on = 2};

static const struct {
	const char *name;
	const struct retry_policy *policy;
	const char *type;
	bool retryable;
	int try_no, hint_ms;
	uint64_t random;
	bool again;
	int64_t delay_ms;
} cases[] = {
	{"no retries by default", &none, "timeout", true, 1, 0, 0, false, 0},
	{"first retry", &fixed, "timeout", true, 1, 0, 1000, true, 1000},
	{"full jitter starts at nothing", &fixed, "timeout", true, 1, 0, 0, true, 0},
	{"chance wraps at the bound", &fixed, "timeout", true, 1, 0, 1001, true, 0},
	{"last retry", &fixed, "timeout", true, 3, 0, 500, true, 500},
	{"no try left", &fixed, "timeout", true, 4, 0, 500, false, 0},
	{"not retryable", &fixed, "tool.failed", false, 1, 0, 500, false, 0},
	{"fixed stays", &fixed, "timeout", true, 3, 0, 1000, true, 1000},
	{"fixed and capped", &capped, "timeout", true, 1, 0, 400, true, 400},
	{"exponential, first", &doubling, "timeout", true, 1, 0, 1000, true, 1000},
	{"exponential, second", &doubling, "timeout", true, 2, 0, 2000, true, 2000},
	{"exponential, third", &doubling, "timeout", true, 3, 0, 4000, true, 4000},
	{"exponential, cap", &doubling, "timeout", true, 4, 0, 5000, true, 5000},
	{"exponential, far past the cap", &doubling, "timeout", true, 99, 0, 5000, true, 5000},
	{"no delay", &at_once, "timeout", true, 3, 0, 12345, true, 0},
	{"hint is longer", &fixed, "timeout", true, 1, 3000, 10, true, 3000},
	{"hint is shorter", &fixed, "timeout", true, 1, 5, 10, true, 10},
	{"hint over the cap", &doubling, "timeout", true, 1, 60000, 10, true, 5000},
	{"listed by prefix", &only_tools, "tool.failed", true, 1, 0, 7, true, 7},
	{"listed by name", &only_tools, "timeout", true, 1, 0, 7, true, 7},
	{"not listed", &only_tools, "model.network", true, 1, 0, 7, false, 0},
	{"listed is not enough", &only_tools, "tool.failed", false, 1, 0, 7, false, 0},
	{"a prefix ends at the dot", &only_tools, "toolbox", true, 1, 0, 7, false, 0},
};

START_TEST(decides)
{
	struct arena *a = arena_new(NULL);
	const struct json *error =
		journal_error_named(a, str_from(cases[_i].type), STR("m"), cases[_i].retryable, STR("s"));
	int64_t delay_ms = -1;
	bool again = retry_decide(cases[_i].policy, error, cases[_i].try_no, cases[_i].hint_ms, cases[_i].random,
				  &delay_ms);

	ck_assert_msg(again == cases[_i].again, "%s: again is %d", cases[_i].name, again);
	if (again)
		ck_assert_msg(delay_ms == cases[_i].delay_ms, "%s: delay is %lld", cases[_i].name, (long long)delay_ms);
	arena_free(a);
}
END_TEST

static const struct {
	const char *type, *pattern;
	bool fits;
} patterns[] = {
	{"tool.failed", "tool.failed", true}, {"tool.failed", "tool.*", true},	  {"tool.failed", "tool", false},
	{"tool", "tool.*", false},	      {"timeout", "tool.timeout", false}, {"x", ".*", false},
	{".x", ".*", true},		      {"a.b.c", "a.*", true},		  {"a.b.c", "a.b.*", true},
	{"*", "*", true},		      {"tool", "*", false},		  {"tool", "", false},
};

START_TEST(fits_patterns)
{
	ck_assert_msg(retry_type_fits(str_from(patterns[_i].type), str_from(patterns[_i].pattern)) == patterns[_i].fits,
		      "%s against %s", patterns[_i].type, patterns[_i].pattern);
}
END_TEST

/* Not sooner than what is known, up to a tenth more; else from half of 30 s on, doubling, to 15 min. */
static const struct {
	int n;
	int64_t again_ms;
	uint64_t random;
	int64_t ms;
} requeues[] = {
	{0, 20000, 0, 20000}, {50, 20000, 2000, 22000}, {0, 20000, 2001, 20000}, {0, 1, UINT64_MAX, 1},
	{0, 0, 0, 15000}, {0, 0, 15000, 30000}, {1, 0, 0, 30000}, {2, 0, 60000, 120000},
	{5, 0, 450000, 900000}, {5, 0, 0, 450000}, {99, 0, 450000, 900000}, {99, 0, 450001, 450000},
};

START_TEST(comes_again)
{
	ck_assert_int_eq(retry_requeue_ms(requeues[_i].n, requeues[_i].again_ms, requeues[_i].random), requeues[_i].ms);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("retry");
	TCase *t = tcase_create("retry");

	tcase_add_loop_test(t, decides, 0, sizeof cases / sizeof cases[0]);
	tcase_add_loop_test(t, fits_patterns, 0, sizeof patterns / sizeof patterns[0]);
	tcase_add_loop_test(t, comes_again, 0, sizeof requeues / sizeof requeues[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
