/* breakers.h - breakers and limits of providers of models, as rows that all workers share.
 *
 * Shapes:  every answer is {"rows": [[provider, scope, no, open_ms, probe_ms, error_class, failures, halves, opens, last_error]]},
 *          of breakers: scope "" is the provider's, else a model's id there; open_ms null: closed, 0: half-open. "whole": these are
 *          all. Of asks besides {"asks": [[why, wait_ms]]}, in their order. What goes in is described at the SQL functions.
 * Units:   milliseconds from now.
 * Memory:  parameters are copied when the call is made; the answer lives in the op's arena.
 * Errors:  ERR_CANCELLED, ERR_PG. Without a deadline: a call that has no answer yet is sent again.
 * Source:  sql/functions/3_health.sql.
 */
#ifndef STORE_BREAKERS_H
#define STORE_BREAKERS_H

#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"

struct arena;
struct json;
struct store;

#define BREAKERS_CHANNEL "agentd_health"	/* notified when a breaker has changed */

struct op *breakers_read(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg);
/* NULL: none of that kind. */
struct op *breakers_report(struct store *s, struct arena *a, const struct json *reports, const struct json *usage, const struct json *waits,
			   op_done_fn *done, void *arg);
struct op *breakers_admit(struct store *s, struct arena *a, const struct json *asks, op_done_fn *done, void *arg);
struct str breakers_text_of(const struct op *op);

/* An operator has mended it: the breakers of that provider close. The text is how many did. */
struct op *breakers_close(struct store *s, struct arena *a, struct str provider, int64_t deadline_ms, op_done_fn *done, void *arg);

#endif
