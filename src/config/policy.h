/* policy.h - policies/risk.yaml, checked: ordered rules over task, tool, arguments, taint, token.
 *
 * Shapes:  rules in order; the first that fits decides: policy_judge.h.
 * Memory:  one arena, immutable.
 * Errors:  all to the diag list.
 * Source:  agentd-risk(5).
 */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include <stdint.h>

#include "config/diag.h"
#include "config/workflow.h"

struct expr;
struct pattern;

enum { POLICY_EXPIRES_MS = 24 * 60 * 60 * 1000 };

enum verdict { VERDICT_ALLOW, VERDICT_ASK, VERDICT_DENY };

struct policy_match {
	struct str field;		/* "args.to" */
	struct str pattern;		/* PCRE2 */
	const struct pattern *compiled;	/* NULL only after an error at load */
};

struct policy_rule {
	struct place place;
	struct str id;
	const struct expr *when;	/* NULL: always */
	const struct policy_match *match;
	size_t n_match;
	enum verdict verdict;
	enum risk risk;
	struct str reason;
	int64_t expires_ms;		/* default 24 h */
	int approvers;			/* default 1 */
};

struct policy_test {
	struct place place;
	const struct json *given;	/* facts: policy_judge.h */
	enum effect_class effect;	/* of the tool; default: at_most_once */
	struct str expect_id;		/* STR_NONE: not said */
	bool has_verdict;
	enum verdict expect_verdict;
};

struct policy {
	const struct policy_rule *rules;
	size_t n_rules;
	const struct policy_test *tests;
	size_t n_tests;
};

/* The tests of the file are read, not run: policy_test(). */
const struct policy *policy_parse(struct arena *a, const char *path, struct str text, struct diags *d);

const char *verdict_name(enum verdict v);		/* "ask" */
bool verdict_is_stricter(enum verdict v, enum verdict than);	/* allow, ask, deny: from mild to strict */

#endif
