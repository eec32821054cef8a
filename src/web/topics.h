/* topics.h - what event streams read: pages of one task's events, or of all tasks', shared by all who stand in it.
 *
 * Shapes:  one registry per server. A reader holds at most one page; it goes on (reader_next) when it has read it, and is told
 *          (ready) when there is another. Notices of the database, and a slow poll, lead to one look at all tasks that are
 *          read; only what has news is fetched, a few pages at a time, one for all readers at its
 *          place or behind it: each begins it behind its own place.
 * Units:   _ms, bytes.
 * Memory:  a reader is the caller's and must leave before it goes. All pages together are bounded: where they are too
 *          many, readers wait until others have read theirs.
 * Errors:  none: what fails is asked for again.
 * Source:  store/events.h.
 */
#ifndef WEB_TOPICS_H
#define WEB_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "store/events.h"

struct arena;
struct fetch;
struct topic;
struct topics;
struct web;

struct page_event {
	struct event_place place;
	struct str text;	/* as it is sent: id, event, data */
	struct str kind, by, workflow;
};

struct page {
	struct arena *arena;
	struct topics *topics;
	int refs;
	size_t bytes;
	const struct page_event *v;
	size_t n;
	struct event_place from, next;
	bool more, ended, gone;
};

struct reader {
	struct reader *prev, *next;		/* of its topic */
	struct reader *queued;			/* next one that waits for a page */
	struct topic *topic;
	struct event_place place;
	struct page *page;			/* being read; NULL: none */
	bool behind;				/* there may be more */
	bool waiting;				/* stands in the queue */
	struct fetch *fetch;			/* under way, of a page that may reach its place */
	bool alone;				/* the last one did not: none from before its place is for it */
	size_t first;				/* event of its page that is behind its place */
	void (*ready)(struct reader *r);	/* it has a page */
};

struct topics *topics_new(struct arena *a, struct web *w);
void topics_free(struct topics *ts);
/* task NULL: all tasks. The page was fetched for the reader (page_new) or is NULL; the reader owns it. */
void reader_join(struct topics *ts, struct reader *r, const struct uuid *task, const struct event_place *place, struct page *page,
		 void (*ready)(struct reader *r));
void reader_leave(struct reader *r);		/* not joined is fine */
/* The page was read: true when the reader has the next one already, else ready() is called for it some time. */
bool reader_next(struct reader *r);
struct page *page_new(struct topics *ts, const struct events *e, const struct event_place *from, bool of_all);
void page_unref(struct page *p);		/* NULL is fine */
bool topics_full(struct topics *ts);		/* no room for a page: who joins, joins without one */
/* Where a reader of all begins that wants what comes from now on; false: nobody reads all just now. */
bool topics_tail(const struct topics *ts, struct event_place *ret);

#endif
