/* shadow.h - what our own route would have done while another gateway answered, summed up.
 *
 * Shapes:  results are JSON texts made by SQL. The rows come with their calls (queue.h).
 * Units:   _us; costs as decimal texts.
 * Memory:  results live in the op's arena.
 * Errors:  ERR_INVALID (a range that is none); else as in store.h.
 * Source:  sql/functions/3_shadow.sql; agentctl(1), shadow report.
 */
#ifndef STORE_SHADOW_H
#define STORE_SHADOW_H

#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"

struct arena;
struct store;

/* {since, until, tiers, total, routes, more}. 0: 30 days before the end; now. */
struct op *shadow_report(struct store *s, struct arena *a, int64_t since_us, int64_t until_us, int64_t deadline_ms, op_done_fn *done, void *arg);
/* {holds, usd}: reservations of calls that nobody has settled yet. */
struct op *shadow_holds_open(struct store *s, struct arena *a, op_done_fn *done, void *arg);
struct str shadow_text_of(const struct op *op);

#endif
