/* events.h - what happens to tasks, page by page: of one task, or of all.
 *
 * Shapes:  a place says behind which event a reader goes on; it is an event's id, "12" or "12.3" of a task, "7.81.4" of all.
 *          A page holds at least one event where there is one, whatever its size.
 * Units:   bytes.
 * Memory:  pages live in the op's arena.
 * Errors:  ERR_NOT_FOUND (no such task, or not the principal's), ERR_PG_DOWN.
 * Source:  sql/functions/2_feed.sql, sql/functions/5_events.sql.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct principal;
struct store;

struct event_place {
	int64_t v[3];		/* of a task: seq, k, 0; of all: transaction, element, row */
};

enum { EVENT_PLACE_CHARS = 64, EVENTS_PAGE = 200, EVENTS_PAGE_BYTES = 32 * 1024 };

extern const struct event_place event_place_first;	/* of a task: before all its events */

bool event_place_parse(struct str text, bool of_all, struct event_place *ret);
void event_place_format(const struct event_place *p, bool of_all, char ret[EVENT_PLACE_CHARS]);
bool event_place_eq(const struct event_place *a, const struct event_place *b);
int event_place_compare(const struct event_place *a, const struct event_place *b);	/* < 0: a comes before b */

struct event {
	struct event_place place;
	struct str kind, data;		/* data: JSON on one line */
	struct str by, workflow;	/* of its task; only where all are read */
};

struct events {
	const struct event *v;
	size_t n;
	struct event_place next;	/* where to go on */
	bool more;			/* at once */
	bool ended;			/* the task has ended: nothing comes any more */
	bool gone;			/* the feed does not reach back to where it was asked for */
	bool held;			/* events wait for an older transaction: ask again soon, nothing will tell */
};

struct op *events_of_task(struct store *s, struct arena *a, const struct uuid *task, const struct event_place *behind,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg);
struct op *events_of_all(struct store *s, struct arena *a, const struct event_place *behind, int64_t deadline_ms,
			 op_done_fn *done, void *arg);
const struct events *events_of(const struct op *op);

/* What differs whenever a task has new events. */
struct event_news {
	struct uuid task;
	int64_t seq, k;
};
struct op *events_news(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms, op_done_fn *done, void *arg);
const struct event_news *events_news_of(const struct op *op, size_t *ret_n);

/* Says that somebody listens (for ten minutes): channel agentd_events tells of all events then, and the feed of all is kept. */
struct event_watch {
	bool ready;			/* false: ask again soon */
	struct event_place head;	/* of all: now */
};
struct op *events_watch(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg);
const struct event_watch *events_watch_of(const struct op *op);

#endif
