/* decision.h - a decision on a request for approval, held against what the request takes, before it is sent.
 *
 * Memory:  none kept.
 * Errors:  ERR_INVALID (422): edited arguments that the tool would not take, an answer that does not fit the form.
 * Source:  agentd-approvals(7).
 */
#ifndef PUBLISH_DECISION_H
#define PUBLISH_DECISION_H

#include "schema/schema.h"

struct decision;
struct err;
struct json;

/* What does not fit, and in which member of the decision it stands. */
struct decision_faults {
	struct schema_faults list;	/* list.a is the caller's */
	const char *member;		/* "args" or "form" */
};

/* request: as the store shows it. ret: NULL, or where to put all that is wrong beside the error. */
int decision_check(const struct json *request, const struct decision *d, struct decision_faults *ret, struct err *err);

#endif
