/* sight.h - what people look at: why a task stands where it stands, what it did, what models cost, what caps hold,
 * what goes on just now.
 *
 * Shapes:  results are JSON texts made by SQL.
 * Units:   _us.
 * Memory:  what is passed in must live until the completion; results live in the op's arena.
 * Errors:  ERR_NOT_FOUND (unknown or not the caller's), ERR_INVALID (422: a range that is none), ERR_PG_DOWN.
 * Source:  sql/functions/5_sight.sql, 5_spend.sql; agentd-api(7), GET /tasks/ID/why, GET /tasks/ID/spans,
 *          GET /cost and GET /spend; agentctl(1), top.
 */
#ifndef STORE_SIGHT_H
#define STORE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"

struct arena;
struct err;
struct json;
struct principal;
struct store;
struct uuid;

struct op *sight_why(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
		     op_done_fn *done, void *arg);	/* facts for publish/why.h */
struct op *sight_trace(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
		       op_done_fn *done, void *arg);	/* facts for publish/trace.h */

struct cost_query {
	struct str by;			/* day workflow model task token label */
	struct str label;		/* with by label: the label's name */
	struct str workflow;		/* STR_NONE: any */
	int64_t since_us, until_us;	/* 0: 30 days before the end; now */
};
/* "day", "workflow", "label=NAME", ... ERR_INVALID for other words. */
int cost_by_parse(struct str text, struct cost_query *ret, struct err *err);
/* RFC 3339, or a duration before now_us: "7d". */
int cost_time_parse(const char *name, struct str text, int64_t now_us, int64_t *ret_us, struct err *err);
struct op *sight_cost(struct store *s, struct arena *a, const struct cost_query *q, const struct principal *by, int64_t deadline_ms,
		      op_done_fn *done, void *arg);	/* {"by", "label", "since", "until", "rows", "more", "total"} */

/* {"now", "caps": [{"cap", "scope", "key", "window", "window_start", "window_end", "limit_usd", "held_usd", "spent_usd", "percent",
 * "on_exceeded"}], "more"} */
struct op *sight_spend(struct store *s, struct arena *a, const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg);
/* What the caps of a worker's policy are, for those who look: gateway_caps(). Nobody waits for it. */
void sight_tell_caps(struct store *s, const struct json *caps);

struct op *sight_top(struct store *s, struct arena *a, bool spend, int64_t deadline_ms, op_done_fn *done, void *arg);	/* one frame's figures */
struct str sight_text_of(const struct op *op);

#endif
