/* tail.h - events as they happen, shown line by line.
 *
 * Shapes:  a task's events until its end, or those of all tasks from now on. A patient one outlives the database's absence and says so
 *          on standard error; behind what it has shown it goes on.
 * Memory:  nothing is kept of what was shown.
 * Errors:  as err.def; ERR_CONFLICT: the feed does not reach back so far.
 * Source:  agentctl(1).
 */
#ifndef CTL_TAIL_H
#define CTL_TAIL_H

#include <stdbool.h>

#include "base/str.h"
#include "store/events.h"
#include "store/tasks.h"

struct ctl;

struct tail {
	struct ctl *ctl;
	struct principal by;
	const struct uuid *task;	/* NULL: all */
	struct event_place place;	/* shown up to here; of all: from now on where v[0] is -1 */
	struct str workflow, kind;	/* of all: only these; STR_NONE: any */
	bool silent;			/* wait for the end only */
	bool patient;
	/* tail.c's */
	int64_t from_us;
	struct err err;
	bool done, ended, more, ready, away;
};

/* 0: the task has ended; -1: err. */
int tail_run(struct tail *t, struct err *err);

#endif
