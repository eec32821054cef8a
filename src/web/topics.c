/* topics.c - one look for all, one fetch for all at a place, and a bound on what is held. */
#include "web/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/loop.h"
#include "store/store.h"
#include "store/tasks.h"
#include "web/server.h"

enum { BUCKETS = 1024, FETCHES = 4, GAP_MS = 20, HELD_MS = 50, POLL_MS = 1000, WATCH_MS = 20000, HELD_BYTES = 32 << 20 };

struct topic {
	struct topic *chain;		/* of its bucket */
	struct topic *prev, *next;	/* of all topics */
	struct topics *topics;
	struct uuid task;		/* nil: all tasks */
	bool of_all;
	int64_t seq, k;			/* as the last look saw it */
	struct reader head;		/* ring */
	size_t fetches;			/* under way */
	struct page *last;		/* fetched last, while somebody reads here */
};

struct fetch {
	struct topics *topics;
	struct topic *topic;
	struct event_place from;
	struct op *op;
	struct fetch *next;
};

struct topics {
	struct web *web;
	struct topic *buckets[BUCKETS];
	struct topic list;		/* head of the ring of all */
	struct topic *all;
	size_t n;
	struct reader *first, *last;	/* the queue */
	struct fetch *fetches;
	size_t n_fetches, bytes;
	struct op *look, *watch;
	struct loop_timer *timer;
	int64_t timer_ms;		/* when the timer fires; 0: not set */
	int64_t look_ms, poll_ms, watch_ms;	/* of the last look; next poll; next watch */
	bool due;			/* something happened since the last look began */
	bool pumping, stopped;
};

static const struct principal everybody = {.name = {"", 0}, .sees_all = true};

/* --- pages --- */

struct page *page_new(struct topics *ts, const struct events *e, const struct event_place *from, bool of_all)
{
	struct arena *a = arena_new(NULL);
	struct page *p = ARENA_NEW(a, struct page);
	struct page_event *v = ARENA_ARRAY(a, e->n + 1, struct page_event);
	char id[EVENT_PLACE_CHARS];

	for (size_t i = 0; i < e->n; i++) {
		const struct event *x = &e->v[i];

		event_place_format(&x->place, of_all, id);
		v[i] = (struct page_event){.place = x->place, .text = str_from(arena_printf(a, "id: %s\nevent: " STR_FMT "\ndata: " STR_FMT "\n\n", id,
									 STR_ARG(x->kind), STR_ARG(x->data))),
					   .kind = str_dup(a, x->kind), .by = str_dup(a, x->by),
					   .workflow = str_dup(a, x->workflow)};
	}
	*p = (struct page){.arena = a, .topics = ts, .refs = 1, .bytes = arena_bytes(a), .v = v, .n = e->n, .from = *from,
			   .next = e->next, .more = e->more, .ended = e->ended, .gone = e->gone};
	ts->bytes += p->bytes;
	return p;
}

static struct page *page_ref(struct page *p)
{
	p->refs++;
	return p;
}

static void pump(struct topics *ts);

void page_unref(struct page *p)
{
	if (!p || --p->refs > 0)
		return;
	p->topics->bytes -= p->bytes;
	arena_free(p->arena);
}

/* --- the queue --- */

static void enqueue(struct topics *ts, struct reader *r)
{
	if (r->waiting || r->fetch || r->page)
		return;
	r->waiting = true;
	r->queued = NULL;
	if (ts->last)
		ts->last->queued = r;
	else
		ts->first = r;
	ts->last = r;
}

static void unqueue(struct topics *ts, struct reader *r)
{
	struct reader **at = &ts->first, *before = NULL;

	if (!r->waiting)
		return;
	for (; *at != r; at = &(*at)->queued)
		before = *at;
	*at = r->queued;
	if (ts->last == r)
		ts->last = before;
	r->waiting = false;
}

/* All of the topic have news. */
static void stir(struct topics *ts, struct topic *t)
{
	for (struct reader *r = t->head.next; r != &t->head; r = r->next) {
		r->behind = true;
		enqueue(ts, r);
	}
}

/* --- fetching --- */

/* A page from before its place is the reader's from behind its place on. */
static bool give(struct reader *r, struct page *p)
{
	size_t first = 0, end = p->n;

	while (first < end) {
		size_t mid = first + (end - first) / 2;

		if (event_place_compare(&p->v[mid].place, &r->place) <= 0)
			first = mid + 1;
		else
			end = mid;
	}
	if (first == p->n && !p->ended && !p->gone)
		return false;
	r->first = first;
	r->page = page_ref(p);
	return true;
}

static void schedule(struct topics *ts, int64_t in_ms);

static void retry(struct topics *ts)
{
	ts->due = true;
	schedule(ts, HELD_MS);
}

static void hand_out(struct fetch *f, struct page *p)
{
	struct topic *t = f->topic;
	struct reader *next;
	bool is_its;

	for (struct reader *r = t->head.next; r != &t->head; r = next) {
		next = r->next;
		if (r->fetch != f)
			continue;
		r->fetch = NULL;
		is_its = event_place_eq(&r->place, &f->from);
		r->alone = p && !is_its && (p->more || p->gone);
		if (p && (is_its || !p->gone) && give(r, p)) {
			r->alone = false;
			r->ready(r);
			continue;
		}
		if (p && is_its)
			r->place = p->next;	/* past what is nobody's any more */
		if (!p || p->more || r->alone)
			r->behind = true;
		if (r->behind)
			enqueue(f->topics, r);
	}
}

static void topic_free_if_idle(struct topics *ts, struct topic *t);

static void on_fetched(struct op *op, void *arg)
{
	struct fetch *f = arg;
	struct topics *ts = f->topics;
	struct topic *t = f->topic;
	struct page *p = NULL;

	for (struct fetch **at = &ts->fetches; *at; at = &(*at)->next)
		if (*at == f) {
			*at = f->next;
			break;
		}
	ts->n_fetches--;
	t->fetches--;
	if (op->err->code == ERR_NOT_FOUND)	/* kept no longer */
		p = page_new(ts, &(struct events){.next = f->from, .ended = true}, &f->from, t->of_all);
	if (op->err->code == ERR_NONE) {
		p = page_new(ts, events_of(op), &f->from, t->of_all);
		page_unref(t->last);
		t->last = page_ref(p);
		if (events_of(op)->held)
			retry(ts);
	}
	if (op->err->code != ERR_CANCELLED)
		hand_out(f, p);
	page_unref(p);
	topic_free_if_idle(ts, t);
	free(f);
	if (op->err->code == ERR_NONE)
		pump(ts);
	server_unref(ts->web);
}

/* For all who wait at that place or behind it; whoever joined stands no further than what the database will look at. From now on what
 * comes is news again. */
static void fetch(struct topics *ts, struct topic *t, const struct event_place *from)
{
	struct fetch *f = heap_zalloc(1, sizeof *f);

	*f = (struct fetch){.topics = ts, .topic = t, .from = *from, .next = ts->fetches};
	ts->fetches = f;
	ts->n_fetches++;
	t->fetches++;
	for (struct reader *r = t->head.next; r != &t->head; r = r->next)
		if (!r->page && !r->fetch && (event_place_eq(&r->place, from) || (r->waiting && !r->alone && event_place_compare(&r->place, from) > 0))) {
			unqueue(ts, r);
			r->fetch = f;
			r->behind = false;
		}
	server_ref(ts->web);
	if (t->of_all)
		f->op = events_of_all(server_store(ts->web), arena_new(NULL), from, STORE_DEADLINE_MS, on_fetched, f);
	else
		f->op = events_of_task(server_store(ts->web), arena_new(NULL), &t->task, from, &everybody, STORE_DEADLINE_MS, on_fetched, f);
}

static struct fetch *under_way(const struct topics *ts, const struct topic *t, const struct event_place *from)
{
	struct fetch *f = ts->fetches;

	while (f && !(f->topic == t && event_place_eq(&f->from, from)))
		f = f->next;
	return f;
}

static bool take_last(struct reader *r)
{
	struct page *p = r->topic->last;

	if (!p || p->n == 0 || !event_place_eq(&p->from, &r->place))
		return false;
	r->behind = true;	/* it may be of before the last news */
	return give(r, p);
}

/* Room is made of the pages that are kept only for readers to come. */
bool topics_full(struct topics *ts)
{
	if (ts->bytes < HELD_BYTES)
		return false;
	for (struct topic *t = ts->list.next; t != &ts->list; t = t->next) {
		page_unref(t->last);
		t->last = NULL;
	}
	return ts->bytes >= HELD_BYTES;
}

/* The first in the queue gets a page, as long as there is room. */
static void pump(struct topics *ts)
{
	if (ts->pumping || ts->stopped)
		return;
	ts->pumping = true;
	while (ts->first && ts->n_fetches < FETCHES && !topics_full(ts)) {
		struct reader *r = ts->first;

		unqueue(ts, r);
		if (take_last(r))
			r->ready(r);
		else if ((r->fetch = under_way(ts, r->topic, &r->place)) == NULL)	/* still behind: that one may be of before the news */
			fetch(ts, r->topic, &r->place);
	}
	ts->pumping = false;
}

bool reader_next(struct reader *r)
{
	struct topics *ts = r->page->topics;
	struct page *p = r->page;

	r->place = p->next;
	r->behind = r->behind || p->more;
	r->page = NULL;
	page_unref(p);
	if (take_last(r))
		return true;
	if (r->behind) {
		enqueue(ts, r);
		schedule(ts, 0);	/* not in here: this is libmicrohttpd's turn */
	}
	return false;
}

/* --- looking --- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static struct topic *find(const struct topics *ts, const struct uuid *task);

static void on_looked(struct op *op, void *arg)
{
	struct topics *ts = arg;
	const struct event_news *v = NULL;
	size_t n = 0;

	ts->look = NULL;
	if (op->err->code == ERR_NONE)
		v = events_news_of(op, &n);
	for (size_t i = 0; i < n; i++) {
		struct topic *t = find(ts, &v[i].task);

		if (!t || (t->seq == v[i].seq && t->k == v[i].k))
			continue;
		t->seq = v[i].seq;
		t->k = v[i].k;
		stir(ts, t);
	}
	if (op->err->code != ERR_CANCELLED) {
		if (ts->due)
			schedule(ts, GAP_MS);
		pump(ts);
	}
	server_unref(ts->web);
}

/* All: the fetch itself is the look. Of tasks those are fetched that have news. */
static void look(struct topics *ts)
{
	struct arena *a;
	struct uuid *ids;
	size_t n = 0;

	ts->due = false;
	ts->look_ms = loop_now_ms(server_loop(ts->web));
	if (ts->all)
		stir(ts, ts->all);
	pump(ts);
	if (ts->n == (ts->all ? 1u : 0u))
		return;
	a = arena_new(NULL);
	ids = ARENA_ARRAY(a, ts->n, struct uuid);
	for (struct topic *t = ts->list.next; t != &ts->list; t = t->next)
		if (!t->of_all)
			ids[n++] = t->task;
	qsort(ids, n, sizeof *ids, compare);
	server_ref(ts->web);
	ts->look = events_news(server_store(ts->web), a, ids, n, STORE_DEADLINE_MS, on_looked, ts);
}

static void on_watched(struct op *op, void *arg)
{
	struct topics *ts = arg;

	ts->watch = NULL;
	(void)op;
	server_unref(ts->web);
}

static void watch(struct topics *ts, int64_t now)
{
	ts->watch_ms = now + WATCH_MS;
	if (ts->watch)
		return;
	server_ref(ts->web);
	ts->watch = events_watch(server_store(ts->web), arena_new(NULL), STORE_DEADLINE_MS, on_watched, ts);
}

static void on_timer(void *arg)
{
	struct topics *ts = arg;
	int64_t now = loop_now_ms(server_loop(ts->web));

	ts->timer_ms = 0;
	if (ts->n == 0)
		return;
	if (ts->watch_ms <= now)
		watch(ts, now);
	if (ts->poll_ms <= now) {
		ts->poll_ms = now + POLL_MS;
		ts->due = true;
	}
	if (ts->due && !ts->look && now - ts->look_ms >= GAP_MS)
		look(ts);
	pump(ts);
	schedule(ts, ts->due && !ts->look ? GAP_MS : ts->poll_ms - now);
}

/* The timer fires by then. */
static void schedule(struct topics *ts, int64_t in_ms)
{
	int64_t at_ms = loop_now_ms(server_loop(ts->web)) + in_ms;

	if (ts->stopped || (ts->timer_ms && ts->timer_ms <= at_ms))
		return;
	ts->timer_ms = at_ms;
	loop_timer_set(ts->timer, in_ms);
}

/* The first notice leads to a look at once, those that follow it closely to one together. */
static void woken(void *arg)
{
	struct topics *ts = arg;
	int64_t since = loop_now_ms(server_loop(ts->web)) - ts->look_ms;

	if (ts->n == 0 || ts->stopped)
		return;
	ts->due = true;
	if (ts->look)
		return;
	if (since >= GAP_MS)
		look(ts);
	else
		schedule(ts, GAP_MS - since);
}

/* --- topics and their readers --- */

static struct topic **bucket(struct topics *ts, const struct uuid *task)
{
	return &ts->buckets[(task->b[14] << 8 | task->b[15]) % BUCKETS];
}

static struct topic *find(const struct topics *ts, const struct uuid *task)
{
	struct topic *t = *bucket((struct topics *)(uintptr_t)ts, task);

	while (t && !uuid_eq(&t->task, task))
		t = t->chain;
	return t;
}

static struct topic *topic_new(struct topics *ts, const struct uuid *task, bool of_all)
{
	struct topic *t = heap_zalloc(1, sizeof *t), **at = bucket(ts, task);

	t->topics = ts;
	t->task = *task;
	t->of_all = of_all;
	t->seq = -2;	/* no look saw it */
	t->head.prev = t->head.next = &t->head;
	t->chain = *at;
	*at = t;
	t->prev = ts->list.prev;
	t->next = &ts->list;
	ts->list.prev->next = t;
	ts->list.prev = t;
	if (of_all)
		ts->all = t;
	ts->n++;
	return t;
}

static void topic_free_if_idle(struct topics *ts, struct topic *t)
{
	struct topic **at = bucket(ts, &t->task);

	if (t->head.next != &t->head || t->fetches)
		return;
	while (*at != t)
		at = &(*at)->chain;
	*at = t->chain;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	if (t == ts->all)
		ts->all = NULL;
	ts->n--;
	page_unref(t->last);
	free(t);
}

void reader_join(struct topics *ts, struct reader *r, const struct uuid *task, const struct event_place *place, struct page *page,
		 void (*ready)(struct reader *r))
{
	static const struct uuid none;
	struct topic *t = find(ts, task ? task : &none);

	if (!t)
		t = topic_new(ts, task ? task : &none, !task);
	*r = (struct reader){.prev = t->head.prev, .next = &t->head, .topic = t, .place = *place, .page = page, .behind = true, .ready = ready};
	t->head.prev->next = r;
	t->head.prev = r;
	enqueue(ts, r);
	if (ts->n == 1 && t->head.next == r) {	/* the first one here */
		ts->poll_ms = 0;
		ts->watch_ms = 0;
	}
	schedule(ts, 0);
}

void reader_leave(struct reader *r)
{
	struct topic *t = r->topic;
	struct topics *ts;

	if (!t)
		return;
	ts = t->topics;
	unqueue(ts, r);
	r->prev->next = r->next;
	r->next->prev = r->prev;
	r->topic = NULL;
	page_unref(r->page);
	r->page = NULL;
	topic_free_if_idle(ts, t);
	if (ts->first)
		schedule(ts, 0);
}

bool topics_tail(const struct topics *ts, struct event_place *ret)
{
	if (!ts->all || !ts->all->last || ts->all->last->more || ts->all->last->gone)
		return false;
	*ret = ts->all->last->next;
	return true;
}

struct topics *topics_new(struct arena *a, struct web *w)
{
	struct topics *ts = ARENA_NEW(a, struct topics);

	ts->web = w;
	ts->list.prev = ts->list.next = &ts->list;
	ts->timer = loop_timer_new(server_loop(w), on_timer, ts);
	store_listen(server_store(w), "agentd_events", woken, ts);
	return ts;
}

/* What is under way holds the server until it is over. */
void topics_free(struct topics *ts)
{
	struct fetch *next;

	ts->stopped = true;
	for (struct fetch *f = ts->fetches; f; f = next) {
		next = f->next;
		op_cancel(f->op);
	}
	if (ts->look)
		op_cancel(ts->look);
	if (ts->watch)
		op_cancel(ts->watch);
	loop_timer_free(ts->timer);
}
