/* decision.h - a decision on a request for approval, held against what the request takes, before it is sent.
 *
 * Memory:  none kept.
 * Errors:  ERR_INVALID (422): edited arguments that the tool would not take, an answer that does not fit the form.
 * Source:  agentd-approvals(7).
 */
#ifndef PUBLISH_DECISION_H
#define PUBLISH_DECISION_H

struct decision;
struct err;
struct json;

/* request: as the store shows it. */
int decision_check(const struct json *request, const struct decision *d, struct err *err);

#endif
