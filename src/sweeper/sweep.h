/* sweep.h - what ages is aged here and nowhere else: a table of duties.
 *
 * Shapes:  a duty is a SQL function called sweep_NAME with bounded work per call, a row of the table in sweep.c; or it has a file of its
 *          own, where more than one call is to be made (admission, retention, workspaces).
 *          Each runs at its own period, again at once while its bound was reached. A duty that
 *          fails is logged and tried again within a minute: it never stops the others.
 * Units:   _ms.
 * Memory:  store and settings must outlive the sweeper.
 * Errors:  none to the caller.
 * Source:  sql/functions/6_sweep.sql; agentd.yaml(5), "sweeper"; agentd-internals(7), "Losses" and "Leaves".
 */
#ifndef SWEEPER_SWEEP_H
#define SWEEPER_SWEEP_H

#include <stdbool.h>
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
	int64_t (*period_ms)(const struct settings *s);	/* NULL: sweeper.interval */
	/* SQL: */
	int64_t bound;			/* rows per call; that many touched means more may be left */
	const struct json *(*args)(struct arena *a, const struct settings *s);	/* NULL: only the bound */
	bool recovers;			/* its rows are tasks that lost their worker: the figures count them */
	/* Not SQL: start the work yourself. The op's completion counts as the duty's end. NULL: SQL. */
	struct op *(*start)(struct loop *l, struct store *st, const struct settings *s, struct arena *a, op_done_fn *done, void *arg);
};

extern const struct duty duty_admission, duty_retention, duty_workspaces;

struct sweeper *sweep_start(struct loop *l, struct store *s, const struct settings *settings);
void sweep_stop(struct sweeper *w);	/* frees; a call in flight is cancelled */

#endif
