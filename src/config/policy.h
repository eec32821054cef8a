/* policy.h - policies/risk.yaml, checked: ordered rules over task, tool, arguments, token.
 *
 * Shapes:  rules in order; the first that fits decides (nothing evaluates them in this version).
 * Memory:  one arena, immutable.
 * Errors:  all to the diag list.
 * Source:  DESIGN section 7; agentd-risk(5).
 */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include <stdint.h>

#include "config/diag.h"
#include "config/workflow.h"

struct expr;

enum verdict { VERDICT_ALLOW, VERDICT_ASK, VERDICT_DENY };

struct policy_match {
	struct str field;		/* "args.to" */
	struct str pattern;		/* PCRE2, checked to compile */
};

struct policy_rule {
	struct place place;
	struct str id;
	const struct expr *when;	/* NULL: always */
	const struct policy_match *match;
	size_t n_match;
	enum verdict verdict;
	struct str risk, reason;
	int64_t expires_ms;		/* default 24 h */
	int approvers;			/* default 1 */
};

struct policy_test {
	struct place place;
	const struct json *given;
	struct str expect_id;
	bool has_verdict;
	enum verdict expect_verdict;
};

struct policy {
	const struct policy_rule *rules;
	size_t n_rules;
	const struct policy_test *tests;
	size_t n_tests;
};

const struct policy *policy_parse(struct arena *a, const char *path, struct str text, struct diags *d);

#endif
