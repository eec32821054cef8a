/* topics.c - many readers of pages of a store that the test plays. */
#include "web/topics.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/loop.h"
#include "store/store.h"
#include "web/server.h"
#include "../suite_run.h"

enum { READERS = 600, LARGE = 128 * 1024, ROUNDS = 20000 };

/* --- the played parts --- */

struct fetched {
	struct op op;
	struct events events;
};

static struct arena *arena;
static struct loop *loop;
static struct loop_timer *tick;
static struct topics *topics;
static char large[LARGE];
static struct reader readers[READERS];
static struct reader *has_page[READERS];
static size_t n_has_page;
static bool gone;
static int64_t last;		/* place of the last event */
static size_t n_fetches;	/* of all tasks */

const struct event_place event_place_first = {{-1, 0, 0}};

struct loop *server_loop(const struct web *w)
{
	(void)w;
	return loop;
}

struct store *server_store(const struct web *w)
{
	(void)w;
	return NULL;
}

void server_ref(struct web *w)
{
	(void)w;
}

void server_unref(struct web *w)
{
	(void)w;
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	(void)s;
	(void)channel;
	(void)fn;
	(void)arg;
}

bool event_place_eq(const struct event_place *a, const struct event_place *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

int event_place_compare(const struct event_place *a, const struct event_place *b)
{
	return a->v[0] < b->v[0] ? -1 : a->v[0] > b->v[0];
}

void event_place_format(const struct event_place *p, bool of_all, char ret[EVENT_PLACE_CHARS])
{
	(void)of_all;
	snprintf(ret, EVENT_PLACE_CHARS, "%lld", (long long)p->v[0]);
}

/* Large events at the places from 1 to the last. */
static struct op *fetch(struct arena *a, const struct event_place *behind, op_done_fn *done, void *arg)
{
	struct fetched *f = ARENA_NEW(a, struct fetched);
	int64_t first = behind->v[0] < 1 ? 1 : behind->v[0] + 1;
	struct event *v = ARENA_ARRAY(a, (size_t)last + 1, struct event);
	size_t n = 0;

	op_init(&f->op, loop, a, NULL, done, arg);
	for (int64_t i = first; i <= last && !gone; i++)
		v[n++] = (struct event){.place = {{i, 0, 0}}, .kind = STR("note"), .data = {large, sizeof large}};
	f->events = (struct events){.v = v, .n = n, .next = {{last, 0, 0}}, .gone = gone};
	op_complete(&f->op, NULL);
	return &f->op;
}

struct op *events_of_task(struct store *s, struct arena *a, const struct uuid *task, const struct event_place *behind,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)task;
	(void)by;
	(void)deadline_ms;
	return fetch(a, behind, done, arg);
}

struct op *events_of_all(struct store *s, struct arena *a, const struct event_place *behind, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)deadline_ms;
	n_fetches++;
	return fetch(a, behind, done, arg);
}

const struct events *events_of(const struct op *op)
{
	return &((const struct fetched *)op)->events;
}

struct op *events_news(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)ids;
	(void)n;
	(void)deadline_ms;
	return fetch(a, &event_place_first, done, arg);
}

const struct event_news *events_news_of(const struct op *op, size_t *ret_n)
{
	(void)op;
	*ret_n = 0;
	return NULL;
}

struct op *events_watch(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)deadline_ms;
	return fetch(a, &event_place_first, done, arg);
}

static void on_ready(struct reader *r)
{
	ck_assert_uint_lt(n_has_page, READERS);
	has_page[n_has_page++] = r;
}

static void on_tick(void *arg)
{
	(void)arg;
	loop_timer_set(tick, 1);
}

static void begin(void)
{
	memset(large, 'x', sizeof large);
	n_has_page = 0;
	gone = false;
	last = 1;
	n_fetches = 0;
	arena = arena_new(NULL);
	loop = loop_new();
	tick = loop_timer_new(loop, on_tick, NULL);
	on_tick(NULL);
	topics = topics_new(arena, NULL);
}

/* What is under way ends first. */
static void end(void)
{
	topics_free(topics);
	for (int i = 0; i < 10; i++)
		loop_once(loop);
	loop_timer_free(tick);
	loop_free(loop);
	arena_free(arena);
}

/* --- tests --- */

/* Each reads a task of its own to its end and stays: what is kept for others to come gives way. */
START_TEST(kept_pages_give_way)
{
	size_t done = 0;

	begin();
	for (size_t i = 0; i < READERS; i++) {
		struct uuid task = {.b = {1}};

		task.b[14] = (uint8_t)(i >> 8);
		task.b[15] = (uint8_t)i;
		reader_join(topics, &readers[i], &task, &event_place_first, NULL, on_ready);
	}
	for (int i = 0; i < ROUNDS && done < READERS; i++) {
		loop_once(loop);
		while (n_has_page > 0) {
			struct reader *r = has_page[--n_has_page];

			ck_assert_uint_eq(r->page->n, 1);
			ck_assert(!reader_next(r));
			done++;
		}
	}
	ck_assert_uint_eq(done, READERS);
	for (size_t i = 0; i < READERS; i++)
		reader_leave(&readers[i]);
	end();
}
END_TEST

/* Whoever comes anew does not begin where another was told that the feed is gone. */
static bool tail_of(bool told_gone)
{
	struct event_place place;
	bool ret;

	begin();
	gone = told_gone;
	reader_join(topics, &readers[0], NULL, &event_place_first, NULL, on_ready);
	for (int i = 0; i < ROUNDS && n_has_page == 0; i++)
		loop_once(loop);
	ck_assert_uint_eq(n_has_page, 1);
	ck_assert_int_eq(readers[0].page->gone, gone);
	ret = topics_tail(topics, &place);
	reader_leave(&readers[0]);
	end();
	return ret;
}

START_TEST(no_tail_at_what_is_gone)
{
	ck_assert(tail_of(false));
	ck_assert(!tail_of(true));
}
END_TEST

/* Each stands somewhere else: whoever waits behind the place of a page has its rest, and nobody fetches for itself alone. */
static void many_places(bool first_stands_first)
{
	size_t done = 0, want = READERS / 4 * 3;

	begin();
	last = 3;
	for (int64_t i = 0; i < READERS; i++) {
		struct event_place place = {{first_stands_first ? i % 4 : 3 - i % 4, 0, 0}};

		reader_join(topics, &readers[i], NULL, &place, NULL, on_ready);
	}
	for (int i = 0; i < ROUNDS && done < want; i++) {
		loop_once(loop);
		while (n_has_page > 0) {
			struct reader *r = has_page[--n_has_page];

			ck_assert_int_eq(r->page->v[r->first].place.v[0], r->place.v[0] + 1);
			ck_assert(!reader_next(r));
			ck_assert_int_eq(r->place.v[0], last);
			done++;
		}
	}
	ck_assert_uint_eq(done, want);
	ck_assert_uint_le(n_fetches, 12);
	for (size_t i = 0; i < READERS; i++)
		reader_leave(&readers[i]);
	end();
}

START_TEST(pages_are_for_all_behind_their_place)
{
	many_places(true);
	many_places(false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topics");
	TCase *t = tcase_create("topics");

	tcase_add_test(t, kept_pages_give_way);
	tcase_add_test(t, no_tail_at_what_is_gone);
	tcase_add_test(t, pages_are_for_all_behind_their_place);
	suite_add_tcase(s, t);
	return suite_run(s);
}
