/* policy_judge.c - rules and facts in, a judgement out. */
#include "config/policy_judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/manifest.h"
#include "schema/pattern.h"

/* --- facts --- */

static const struct json *taint_json(struct arena *a, unsigned taint)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "untrusted", json_bool(taint & TAINT_READS_UNTRUSTED));
	json_object_setc(&b, "private", json_bool(taint & TAINT_READS_PRIVATE));
	json_object_setc(&b, "outside", json_bool(taint & TAINT_ACTS_OUTSIDE));
	return json_object_end(&b);
}

static bool is_hook(struct str submitted_by)
{
	return str_starts(submitted_by, STR("hook:"));
}

/* Who submits through the API is "token:NAME", a webhook "hook:NAME"; the latter is told with that word, as tokens have any names. */
static const struct json *token_json(struct arena *a, struct str submitted_by)
{
	bool is_token = str_starts(submitted_by, STR("token:"));
	struct json_builder b;

	if (!is_token && !is_hook(submitted_by))
		return json_null();
	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_string_ref(a, is_token ? str_sub(submitted_by, 6, submitted_by.n) : submitted_by));
	return json_object_end(&b);
}

const struct json *policy_facts(struct arena *a, const struct json *task, const struct json *input, struct str tool,
				const struct json *args, unsigned taint)
{
	struct json_builder b, t;

	json_object_begin_from(&t, a, task);
	json_object_setc(&t, "input", input);
	json_object_begin(&b, a);
	json_object_setc(&b, "task", json_object_end(&t));
	json_object_setc(&b, "tool", tool.p ? json_string_ref(a, tool) : NULL);
	json_object_setc(&b, "args", args);
	json_object_setc(&b, "taint", taint_json(a, taint));
	json_object_setc(&b, "token", token_json(a, json_str(json_getc(task, "submitted_by"))));
	return json_object_end(&b);
}

unsigned policy_taint_of(struct str submitted_by)
{
	return is_hook(submitted_by) ? TAINT_READS_UNTRUSTED : 0;
}

unsigned policy_taint(unsigned before, unsigned tool)
{
	return before | (tool & (TAINT_READS_PRIVATE | TAINT_ACTS_OUTSIDE));
}

/* --- one rule --- */

__attribute__((format(printf, 2, 3))) static void say(char why[POLICY_WHY_BYTES], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, POLICY_WHY_BYTES, fmt, ap);
	va_end(ap);
}

static const struct json *field_of(const struct json *facts, struct str path)
{
	const struct json *v = facts;

	while (path.n && v) {
		ptrdiff_t dot = str_chr(path, '.');

		v = json_get(v, dot < 0 ? path : str_sub(path, 0, (size_t)dot));
		path = dot < 0 ? STR("") : str_sub(path, (size_t)dot + 1, path.n);
	}
	return v;
}

static enum fit pattern_fits(const struct policy_match *m, const struct json *facts, struct arena *a, char why[POLICY_WHY_BYTES])
{
	const struct json *v = field_of(facts, m->field);
	struct str shown = str_clip(m->pattern, 120);
	uint64_t steps = PATTERN_STEPS;
	enum pattern_answer answer;

	if (json_type(v) == JSON_NULL) {
		say(why, STR_FMT " is absent", STR_ARG(m->field));
		return FIT_NO;
	}
	answer = pattern_find(m->compiled, json_type(v) == JSON_STRING ? json_str(v) : json_text(a, v), 0, false, NULL, &steps);
	if (answer == PATTERN_GIVEN_UP) {
		say(why, STR_FMT ": the regular expression \"" STR_FMT "\" tries too many ways to match", STR_ARG(m->field),
		    STR_ARG(str_clip(m->pattern, 60)));
		return FIT_UNKNOWN;
	}
	if (answer == PATTERN_NO)
		say(why, STR_FMT " does not match '" STR_FMT "%s'", STR_ARG(m->field), STR_ARG(shown),
		    shown.n < m->pattern.n ? "..." : "");
	return answer == PATTERN_YES ? FIT_YES : FIT_NO;
}

static enum fit when_fits(const struct policy_rule *r, const struct json *facts, char why[POLICY_WHY_BYTES])
{
	bool yes = true;
	struct err err;

	if (r->when && expr_test(r->when, facts, &yes, &err) < 0) {
		say(why, "\"when\": %s", err.msg);
		return FIT_UNKNOWN;
	}
	if (!yes)
		say(why, "\"when\" is not true");
	return yes ? FIT_YES : FIT_NO;
}

/* One condition that is not met is enough, whatever became of the others. */
enum fit policy_fit(const struct policy_rule *r, const struct json *facts, char why[POLICY_WHY_BYTES])
{
	char unsure[POLICY_WHY_BYTES] = "";
	struct arena *a = arena_new(NULL);
	enum fit fit = FIT_YES;

	for (size_t i = 0; i < r->n_match && fit != FIT_NO; i++) {
		fit = pattern_fits(&r->match[i], facts, a, why);
		if (fit == FIT_UNKNOWN && !unsure[0])
			memcpy(unsure, why, POLICY_WHY_BYTES);
	}
	arena_free(a);
	if (fit != FIT_NO)
		fit = when_fits(r, facts, why);
	if (fit == FIT_UNKNOWN && !unsure[0])
		memcpy(unsure, why, POLICY_WHY_BYTES);
	if (fit == FIT_NO)
		return FIT_NO;
	memcpy(why, unsure, POLICY_WHY_BYTES);
	return unsure[0] ? FIT_UNKNOWN : FIT_YES;
}

/* --- all rules --- */

static void take_rule(struct judgement *j, const struct policy_rule *r)
{
	j->verdict = r->verdict;
	j->rule = r;
	j->risk = r->risk;
	j->reason = r->reason;
	j->expires_ms = r->expires_ms;
	j->approvers = r->approvers;
}

/* j->rule could not be told; below it the rules say `other`: of each, what is stricter. */
static void tighten(struct judgement *j, const struct judgement *other)
{
	struct judgement before = *j;

	if (verdict_is_stricter(other->verdict, j->verdict))
		*j = *other;
	j->risk = risk_higher(before.risk, risk_higher(j->risk, other->risk));
	if (before.expires_ms < j->expires_ms)
		j->expires_ms = before.expires_ms;
	if (other->expires_ms < j->expires_ms)
		j->expires_ms = other->expires_ms;
	if (before.approvers > j->approvers)
		j->approvers = before.approvers;
	if (other->approvers > j->approvers)
		j->approvers = other->approvers;
}

static void no_rule(const struct json *facts, enum effect_class effect, struct judgement *ret)
{
	*ret = (struct judgement){.expires_ms = POLICY_EXPIRES_MS, .approvers = 1};
	if (json_type(json_getc(facts, "tool")) != JSON_NULL && effect == EFFECT_AT_MOST_ONCE)
		ret->verdict = VERDICT_ASK;
}

void policy_judge(const struct policy *p, const struct json *facts, enum effect_class effect, struct judgement *ret)
{
	struct judgement below = {0}, unsure = {0};
	char why[POLICY_WHY_BYTES];

	for (size_t i = 0; i < p->n_rules && !below.rule; i++) {
		enum fit fit = policy_fit(&p->rules[i], facts, why);
		struct judgement j = {0};

		if (fit == FIT_NO)
			continue;
		if (fit == FIT_YES) {
			take_rule(&below, &p->rules[i]);
			continue;
		}
		take_rule(&j, &p->rules[i]);
		memcpy(j.failed, why, POLICY_WHY_BYTES);
		if (j.verdict == VERDICT_ALLOW)
			j.verdict = VERDICT_ASK;
		if (unsure.rule)
			tighten(&unsure, &j);
		else
			unsure = j;
	}
	if (!below.rule)
		no_rule(facts, effect, &below);
	if (unsure.rule)
		tighten(&unsure, &below);
	*ret = unsure.rule ? unsure : below;
}

/* --- what comes of it --- */

#define NOBODY "nobody can be asked about a submission"

int judgement_refuses(const struct judgement *j, struct err *err)
{
	const char *does = j->verdict == VERDICT_ASK ? "wants a person to be asked, and " NOBODY : "denies it";

	if (j->verdict == VERDICT_ALLOW)
		return 0;
	if (!j->rule)
		err_set(err, ERR_POLICY_DENIED, "no rule of the policy fits: a person would have to be asked, and " NOBODY);
	else if (j->failed[0])
		err_set(err, ERR_POLICY_DENIED, "rule \"" STR_FMT "\" of the policy %s: it cannot be told whether it fits: %s",
			STR_ARG(j->rule->id), does, j->failed);
	else
		err_set(err, ERR_POLICY_DENIED, "rule \"" STR_FMT "\" of the policy %s%s" STR_FMT, STR_ARG(j->rule->id), does,
			j->reason.n ? ": " : "", STR_ARG(j->reason));
	return err_hint(err, "agentctl policy explain shows how each rule was taken");
}

static const struct json *text_or_null(struct arena *a, struct str s)
{
	return s.p ? json_string_ref(a, s) : json_null();
}

const struct json *judgement_json(struct arena *a, const struct judgement *j)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "verdict", json_stringc(a, verdict_name(j->verdict)));
	json_object_setc(&b, "rule", text_or_null(a, j->rule ? j->rule->id : STR_NONE));
	json_object_setc(&b, "risk", j->risk ? json_stringc(a, risk_name(j->risk)) : json_null());
	json_object_setc(&b, "reason", text_or_null(a, j->reason));
	json_object_setc(&b, "expires_ms", json_int(a, j->expires_ms));
	json_object_setc(&b, "approvers", json_int(a, j->approvers));
	if (j->failed[0])
		json_object_setc(&b, "failed", json_string_clean(a, str_from(j->failed)));
	return json_object_end(&b);
}
