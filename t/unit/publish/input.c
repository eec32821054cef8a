/* Unit tests of publish/input.c: what is known of inputs, and when it is asked, learnt and forgotten. */
#include "publish/input.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/schema.h"
#include "store/tasks.h"
#include "../suite_run.h"

#define BUNDLE_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define BUNDLE_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define ANSWER(bundle, schema, used) STR("{\"bundle\":\"" bundle "\",\"input\":" schema ",\"key_used\":" used "}")
#define BODY(bundle) STR("{\"id\":\"x\",\"state\":\"ready\",\"workflow\":\"w\",\"bundle\":\"" bundle "\"}")

static struct arena *a;
static struct inputs *inputs;

static void setup(void)
{
	a = arena_new(NULL);
	inputs = inputs_new(a);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct submission *of(const char *workflow, const char *input)
{
	struct submission *s = ARENA_NEW(a, struct submission);
	struct err err;

	s->workflow = str_from(workflow);
	if (json_parse(a, str_from(input), NULL, &s->input, &err) < 0)
		ck_abort_msg("%s: %s", input, err.msg);
	return s;
}

static size_t judge(const struct submission *s, struct str answer)
{
	struct schema_faults f = {.a = a};

	ck_assert_int_eq(inputs_judge(inputs, s, answer, &f), f.n == 0);
	return f.n;
}

START_TEST(what_is_known)
{
	const struct submission *good = of("w", "{\"n\":1}"), *bad = of("w", "{\"n\":\"1\",\"m\":2}");

	ck_assert(!inputs_fit(inputs, good));
	ck_assert_uint_eq(judge(good, ANSWER(BUNDLE_1, "{\"properties\":{\"n\":{\"type\":\"integer\"},\"m\":false}}", "false")), 0);
	ck_assert(inputs_fit(inputs, good));
	ck_assert(!inputs_fit(inputs, bad));
	ck_assert(!inputs_fit(inputs, of("v", "{\"n\":1}")));
	ck_assert_uint_eq(judge(bad, ANSWER(BUNDLE_1, "{\"properties\":{\"n\":{\"type\":\"integer\"},\"m\":false}}", "false")), 2);
	/* the first answer to a key counts */
	ck_assert_uint_eq(judge(bad, ANSWER(BUNDLE_1, "{\"properties\":{\"n\":{\"type\":\"integer\"}}}", "true")), 0);
}
END_TEST

START_TEST(another_bundle)
{
	const struct submission *s = of("w", "{\"n\":1}");

	judge(s, ANSWER(BUNDLE_1, "{\"required\":[\"n\"]}", "false"));
	inputs_learn(inputs, s, BODY(BUNDLE_1));
	ck_assert(inputs_fit(inputs, s));
	inputs_learn(inputs, s, BODY(BUNDLE_2));
	ck_assert(!inputs_fit(inputs, s));
	ck_assert_uint_eq(judge(s, ANSWER(BUNDLE_2, "{\"required\":[\"m\"]}", "false")), 1);
	/* the answer to a question replaces what was known, too */
	ck_assert_uint_eq(judge(s, ANSWER(BUNDLE_1, "{\"required\":[\"n\"]}", "false")), 0);
	ck_assert(inputs_fit(inputs, s));
	ck_assert_uint_eq(judge(s, STR_NONE), 0);
	ck_assert(!inputs_fit(inputs, s));
}
END_TEST

START_TEST(no_schema)
{
	const struct submission *s = of("w", "{\"n\":1}");

	ck_assert_uint_eq(judge(s, ANSWER(BUNDLE_1, "null", "false")), 0);
	ck_assert(inputs_fit(inputs, s));
	/* one that this version does not take is the worker's affair */
	ck_assert_uint_eq(judge(s, ANSWER(BUNDLE_2, "{\"type\":\"no\"}", "false")), 0);
	ck_assert(inputs_fit(inputs, s));
}
END_TEST

START_TEST(many_workflows)
{
	for (int i = 0; i < 1000; i++) {
		const struct submission *s = of(arena_printf(a, "w%d", i), "{}");

		judge(s, ANSWER(BUNDLE_1, "true", "false"));
		ck_assert(inputs_fit(inputs, s));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish/input");
	TCase *t = tcase_create("input");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_known);
	tcase_add_test(t, another_bundle);
	tcase_add_test(t, no_schema);
	tcase_add_test(t, many_workflows);
	suite_add_tcase(s, t);
	return suite_run(s);
}
