/* webhooks.h - deliveries of webhooks: claim, send, say what became of them; one-time links to requests for approval.
 *
 * Shapes:  a delivery is one message about one event to one receiver; its id stays however often it is sent. A claim lends some
 *          to a sender for lease_ms; then others may send them.
 * Units:   _ms, _us.
 * Memory:  results live in the op's arena.
 * Errors:  ERR_NOT_FOUND, ERR_CONFLICT (a link that was used, or is about what has changed; a delivery that was delivered),
 *          ERR_INVALID (422), ERR_PG_DOWN.
 * Source:  sql/functions/5_webhooks.sql; agentd-webhooks(7).
 */
#ifndef STORE_WEBHOOKS_H
#define STORE_WEBHOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct principal;
struct task_page;
struct store;

/* --- for senders --- */
/* targets: [{name, events, workflows?, risks?}]. */
struct op *webhooks_targets(struct store *s, struct arena *a, const struct json *targets, op_done_fn *done, void *arg);

struct delivery {
	struct uuid id;
	struct str event;		/* "task.finished" */
	struct str target;		/* name of one in agentd.yaml; STR_NONE: the task's own webhook */
	struct str url;			/* of the task's own webhook */
	int attempt;			/* from 1 */
	int tries;			/* since its schedule began, this one too */
	int64_t created_us;
	struct str body;		/* JSON: the task, or of approval.requested the request; STR_NONE: it is gone */
};
struct deliveries {
	const struct delivery *v;
	size_t n;
	int64_t next_due_ms;		/* of those that are left; -1: none */
};
struct delivery_claim {
	struct uuid lease;		/* made by the caller */
	const struct str *targets;	/* that it knows: others are not for it */
	size_t n_targets;
	int limit, hooks_limit;		/* of targets, of tasks' webhooks */
	int64_t lease_ms;
	int64_t max_body_bytes;		/* a larger body comes without its large parts */
};
struct op *webhooks_claim(struct store *s, struct arena *a, const struct delivery_claim *c, op_done_fn *done, void *arg);
const struct deliveries *webhooks_claimed(const struct op *op);

enum delivery_outcome { DELIVERY_DELIVERED, DELIVERY_FAILED, DELIVERY_AGAIN };
struct delivery_result {
	struct uuid id, lease;
	int attempt;
	enum delivery_outcome outcome;
	int status;			/* of HTTP; 0: no answer */
	struct str error;		/* STR_NONE: none */
	int64_t delay_ms;		/* with AGAIN */
};
struct op *webhooks_done(struct store *s, struct arena *a, const struct delivery_result *r, op_done_fn *done, void *arg);

/* --- for people; all answer a text --- */
struct op *webhooks_list(struct store *s, struct arena *a, const struct task_page *f, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg);
struct op *webhooks_view(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg);
struct op *webhooks_retry(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg);
/* {"webhook": {url, events}|null, "deliveries": [...], "next"} */
struct op *webhooks_of_task(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg);

/* --- one-time links; both answer the request as a text --- */
struct link_claim {
	struct uuid approval;
	struct str digest;		/* the beginning of what the link is about */
	struct str recipient;
};
struct op *links_view(struct store *s, struct arena *a, const struct link_claim *l, int64_t deadline_ms, op_done_fn *done, void *arg);
struct link_decision {
	struct str word;		/* approve | deny */
	struct str comment;		/* STR_NONE: none */
	const struct json *form;	/* NULL: none */
};
struct op *links_decide(struct store *s, struct arena *a, const struct link_claim *l, const struct link_decision *d, int64_t deadline_ms,
			op_done_fn *done, void *arg);

struct str webhooks_text_of(const struct op *op);

#endif
