/* policy_test.c - the tests that a policy file carries. */
#include "base/arena.h"
#include "config/policy_judge.h"

static const struct policy_rule *rule_named(const struct policy *p, struct str id)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (str_eq(p->rules[i].id, id))
			return &p->rules[i];
	return NULL;
}

static void say_verdict(struct buf *b, const struct judgement *j)
{
	if (j->rule)
		buf_addf(b, "rule \"" STR_FMT "\" says %s", STR_ARG(j->rule->id), verdict_name(j->verdict));
	else
		buf_addf(b, "no rule fits, which is %s", verdict_name(j->verdict));
	if (j->failed[0])
		buf_addf(b, " as it cannot be told whether it fits (%s)", j->failed);
}

static void report(const struct policy *p, const struct policy_test *t, const struct judgement *j, struct diags *d)
{
	struct arena *a = arena_new(NULL);
	const struct policy_rule *r = t->expect_id.p ? rule_named(p, t->expect_id) : NULL;
	char why[POLICY_WHY_BYTES] = "";
	struct buf b;

	buf_init(&b, a);
	say_verdict(&b, j);
	buf_adds(&b, ", expected");
	if (r)
		buf_addf(&b, " rule \"" STR_FMT "\"", STR_ARG(r->id));
	if (t->has_verdict)
		buf_addf(&b, "%s %s", r ? " and" : "", verdict_name(t->expect_verdict));
	if (r && r != j->rule && policy_fit(r, t->given, why) != FIT_YES)
		diag_add(d, DIAG_ERROR, t->place, arena_printf(a, "\"" STR_FMT "\": %s", STR_ARG(r->id), why), "%s", buf_cstr(&b));
	else
		diag_error(d, t->place, "%s", buf_cstr(&b));
	arena_free(a);
}

size_t policy_test(const struct policy *p, struct diags *d)
{
	size_t failed = 0;

	for (size_t i = 0; i < p->n_tests; i++) {
		const struct policy_test *t = &p->tests[i];
		struct judgement j;
		bool ok;

		policy_judge(p, t->given, t->effect, &j);
		ok = !t->has_verdict || t->expect_verdict == j.verdict;
		if (t->expect_id.p)
			ok = ok && j.rule && str_eq(j.rule->id, t->expect_id);
		if (!ok)
			report(p, t, &j, d);
		failed += !ok;
	}
	return failed;
}
