/* sweep.h - what ages is aged here and nowhere else: a table of duties, one file each.
 *
 * Shapes:  a duty is a SQL function called sweep_NAME with bounded work per call, or (workspaces) work on files.
 *          Each runs at its own period, again at once while its bound was reached. A duty that
 *          fails is logged and tried again within a minute: it never stops the others.
 * Units:   _ms.
 * Memory:  store and settings must outlive the sweeper.
 * Errors:  none to the caller.
 * Source:  sql/functions/6_sweep.sql; agentd.yaml(5), "sweeper"; agentd-internals(7), "Losses" and "Leaves".
 */
#ifndef SWEEPER_SWEEP_H
#define SWEEPER_SWEEP_H

#include <stdint.h>

#include "base/loop.h"

struct arena;
struct json;
struct loop;
struct settings;
struct store;
struct sweeper;

struct duty {
	const char *name;		/* "expired_workers": SQL agentd.sweep_expired_workers */
	int64_t bound;			/* rows per call; that many touched means more may be left */
	int64_t (*period_ms)(const struct settings *s);
	const struct json *(*args)(struct arena *a, const struct settings *s);	/* NULL: only the bound */
	/* Not SQL: start the work yourself. The op's completion counts as the duty's end. NULL: SQL. */
	struct op *(*start)(struct loop *l, struct store *st, const struct settings *s, struct arena *a, op_done_fn *done, void *arg);
};

extern const struct duty duty_admission, duty_approvals, duty_expired_workers, duty_due_timers, duty_deadlines, duty_expired_holds,
	duty_event_feed, duty_partitions, duty_retention, duty_workspaces;

struct sweeper *sweep_start(struct loop *l, struct store *s, const struct settings *settings);
void sweep_stop(struct sweeper *w);	/* frees; a call in flight is cancelled */

#endif
