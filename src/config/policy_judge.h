/* policy_judge.h - what the rules of policies/risk.yaml say of a task or of a call. Pure: no clock, no I/O.
 *
 * Shapes:  facts are one object {task, tool, args, taint, token}, what is absent counts as null. task is .task of
 *          expressions and its `input`; tool is a name, null of a submission, args then too; taint is {untrusted, private,
 *          outside}; token is {name}: of an API token, or "hook:NAME" of the webhook that started the task; else null.
 *
 *          A rule fits when every pattern of its `match` is found and its `when` is true; patterns are looked at first. A field
 *          that is absent or null holds nothing; one that is no text is held against as compact JSON. The first rule that
 *          fits decides. No rule: `ask` for a call of the class at_most_once, else `allow`.
 *
 *          Where it cannot be told whether a rule fits (an expression fails, a limit is passed), it is taken both ways, and the
 *          stricter wins: the verdict is at least `ask`, at least the rule's own, and at least what the rules below it say.
 * Units:   _ms. Each condition has the budget of an evaluation of its own: expr.h.
 * Memory:  a judgement points into the policy. Facts point at what they were made of.
 * Errors:  none: what goes wrong inside a rule is part of the judgement.
 * Source:  agentd-risk(5).
 */
#ifndef CONFIG_POLICY_JUDGE_H
#define CONFIG_POLICY_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "config/policy.h"

struct err;

enum { POLICY_WHY_BYTES = 400 };

struct judgement {
	enum verdict verdict;
	const struct policy_rule *rule;	/* that decided; NULL: none fits */
	enum risk risk;			/* RISK_UNSET: no rule says */
	struct str reason;		/* of the rule; STR_NONE: not given */
	int64_t expires_ms;
	int approvers;
	char failed[POLICY_WHY_BYTES];		/* why it cannot be told whether `rule` fits; "": it fits */
};

/* taint: TAINT_ bits of manifest.h. task NULL, tool STR_NONE, args and input NULL: null. */
const struct json *policy_facts(struct arena *a, const struct json *task, const struct json *input, struct str tool,
				const struct json *args, unsigned taint);

/* With what a task begins: what a webhook brought is from outside. */
unsigned policy_taint_of(struct str submitted_by);
/* Of a call: what the calls before it left, and what it can do itself. It has not read anything yet. */
unsigned policy_taint(unsigned before, unsigned tool);

void policy_judge(const struct policy *p, const struct json *facts, enum effect_class effect, struct judgement *ret);

/* One rule by itself, for explanations. why: what does not fit, or what failed; "" when it fits. */
enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN };
enum fit policy_fit(const struct policy_rule *r, const struct json *facts, char why[POLICY_WHY_BYTES]);

/* Of a submission, or of a call that is denied: 0 where it is allowed; else -1 and ERR_POLICY_DENIED with the rule and its reason.
 * Nobody is asked about a submission: there is no task yet that could wait, so a question is a refusal that says so. */
int judgement_refuses(const struct judgement *j, struct err *err);
/* {verdict, rule, risk, reason, expires_ms, approvers, failed?}; null where nothing is said. */
const struct json *judgement_json(struct arena *a, const struct judgement *j);

/* Runs the tests of the file; an error at each that comes out otherwise. The number of those. */
size_t policy_test(const struct policy *p, struct diags *d);

#endif
