/* approval.h - a person is asked before something is done: the request, the look at what became of it, the digest that binds them.
 *
 * Shapes:  approval_request() writes the row approval.requested, which opens the request for people in the same transaction; the step
 *          is NODE_ASKING then and the task may park. Whoever takes it up again looks (approval_look), records what was decided
 *          (approval_settle: approval.decided), and the step's kind acts on it (steps.h, decided).
 *
 *          A digest binds an action: SHA-256(head, SHA-256 of the canonical arguments). The head is that of task, bundle, path, tool
 *          and of the request's own words (title, show, form, risk, rule, verdict, approvers, end), so that what was shown, where
 *          it is done and who had to agree are bound too. It is made again from what is about to run, and the database
 *          compares it with what was approved in the transaction that dispatches the effect, or reserves the money.
 * Memory:  requests, words and decisions live as long as the scope of the step.
 * Errors:  none: what goes wrong is a decision of its own kind.
 * Source:  journal.h; sql/functions/3_approvals.sql; agentd-approvals(7).
 */
#ifndef ENGINE_APPROVAL_H
#define ENGINE_APPROVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/str.h"
#include "config/workflow.h"

struct arena;
struct err;
struct intent;
struct json;
struct node;
struct run;

struct approval_ask {
	struct str title;
	const struct json *show, *form, *schema;	/* NULL: none. schema: of the call's arguments */
	const struct intent *call;			/* NULL: a question, */
	bool spend;					/* or whether money may be spent */
	enum risk risk;
	struct str rule, verdict;			/* of the policy; STR_NONE: it does not say */
	int approvers;
	int64_t timeout_ms;
};

/* What was read of a request and is no row of the journal yet. */
struct approval_word {
	const char *decision;		/* as in approval.decided */
	struct str by, comment;		/* STR_NONE: none */
	const struct json *form, *call;	/* NULL: none */
};

void approval_request(struct run *r, struct node *n, const struct approval_ask *ask);
void approval_look(struct run *r, struct node *n);
void approval_settle(struct run *r, struct node *n);
/* The step does not wait for it any more: the request is cancelled. */
void approval_give_up(struct run *r, struct node *n);

/* Of the call i as it is about to be made on the strength of that request. */
void approval_digest(struct run *r, const struct node *n, const struct json *request, const struct intent *i, struct digest *ret);

/* Of a request that is about no call, as the journal has it. */
void approval_digest_of(struct run *r, const struct node *n, const struct json *request, struct digest *ret);

/* What n->decision says. A timeout counts as denied where the step does not say otherwise. */
enum approval_end { APPROVAL_APPROVED, APPROVAL_DENIED, APPROVAL_TIMED_OUT };
enum approval_end approval_end_of(const struct node *n);
/* ERR_APPROVAL_DENIED or ERR_APPROVAL_TIMEOUT, with who, why and when; -1. */
int approval_error(const struct node *n, struct err *err);
/* The highest of what the step and its `ask` say, and at least `least`, which is set. */
enum risk approval_risk(const struct step *s, enum risk least);

#endif
