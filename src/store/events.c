/* events.c - see events.h. */
#include "store/events.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "store/call.h"
#include "store/tasks.h"

static const struct stmt task_stmt = {"events_of_task", "SELECT a, b, c, kind, data FROM agentd.events_of_task($1, $2, $3, $4, $5, $6, $7)"};
static const struct stmt all_stmt = {"events_of_all",
				     "SELECT a, b, c, kind, data, submitted_by, workflow FROM agentd.events_of_all($1, $2, $3, $4, $5)"};
static const struct stmt news_stmt = {"events_news", "SELECT id, seq, k FROM agentd.events_news($1)"};
static const struct stmt watch_stmt = {"events_watch", "SELECT ready, head FROM agentd.events_watch()"};

const struct event_place event_place_first = {{-1, 0, 0}};

/* --- places --- */

static bool parse_number(struct str s, int64_t *ret)
{
	int64_t v = 0;

	if (s.n == 0 || s.n > 18)	/* below 2^63 */
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

bool event_place_parse(struct str text, bool of_all, struct event_place *ret)
{
	size_t n = 0;

	*ret = (struct event_place){{0, 0, 0}};
	for (;;) {
		ptrdiff_t dot = str_chr(text, '.');

		if (n == (of_all ? 3 : 2) || !parse_number(str_sub(text, 0, dot < 0 ? text.n : (size_t)dot), &ret->v[n]))
			return false;
		n++;
		if (dot < 0)
			return !of_all || n == 3;
		text = str_sub(text, (size_t)dot + 1, text.n);
	}
}

void event_place_format(const struct event_place *p, bool of_all, char ret[EVENT_PLACE_CHARS])
{
	if (of_all)
		snprintf(ret, EVENT_PLACE_CHARS, "%" PRId64 ".%" PRId64 ".%" PRId64, p->v[0], p->v[1], p->v[2]);
	else if (p->v[1] > 0)
		snprintf(ret, EVENT_PLACE_CHARS, "%" PRId64 ".%" PRId64, p->v[0], p->v[1]);
	else
		snprintf(ret, EVENT_PLACE_CHARS, "%" PRId64, p->v[0]);
}

bool event_place_eq(const struct event_place *a, const struct event_place *b)
{
	return a->v[0] == b->v[0] && a->v[1] == b->v[1] && a->v[2] == b->v[2];
}

int event_place_compare(const struct event_place *a, const struct event_place *b)
{
	for (int i = 0; i < 3; i++)
		if (a->v[i] != b->v[i])
			return a->v[i] < b->v[i] ? -1 : 1;
	return 0;
}

/* --- pages --- */

static struct event_place place_at(const PGresult *r, int row)
{
	return (struct event_place){{field_int(r, row, 0), field_int(r, row, 1), field_int(r, row, 2)}};
}

/* In JSON a line end stands between tokens only, where a space says the same. */
static struct str one_line(struct arena *a, struct str s)
{
	struct buf b;

	if (str_chr(s, '\n') < 0 && str_chr(s, '\r') < 0)
		return s;
	buf_init(&b, a);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(&b, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
	return buf_str(&b);
}

/* The last row has no kind, and says what is behind the page. */
static int read_page(struct call *c, const PGresult *r, struct err *err)
{
	struct arena *a = c->op.arena;
	struct events *e = ARENA_NEW(a, struct events);
	int n = PQntuples(r) - 1;
	struct event *v;
	struct str word;

	if (n < 0)
		return err_set(err, ERR_PG, "a page of events has no end");
	v = ARENA_ARRAY(a, (size_t)n + 1, struct event);
	for (int i = 0; i < n; i++) {
		v[i] = (struct event){.place = place_at(r, i), .kind = one_line(a, field_str(r, i, 3)), .data = one_line(a, field_str(r, i, 4))};
		if (c->stmt == &all_stmt) {
			v[i].by = field_str(r, i, 5);
			v[i].workflow = field_str(r, i, 6);
		}
	}
	word = field_str(r, n, 4);
	*e = (struct events){.v = v, .n = (size_t)n, .next = place_at(r, n), .more = str_is(word, "more"), .ended = str_is(word, "ended"),
			     .gone = str_is(word, "gone"), .held = str_is(word, "held")};
	c->result = e;
	return 0;
}

static void add_bounds(struct params *p)
{
	params_int(p, EVENTS_PAGE);
	params_int(p, EVENTS_PAGE_BYTES);
}

struct op *events_of_task(struct store *s, struct arena *a, const struct uuid *task, const struct event_place *behind,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &task_stmt);

	params_uuid(&c->params, task);
	params_int(&c->params, behind->v[0]);
	params_int(&c->params, behind->v[1]);
	add_bounds(&c->params);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, read_page, done, arg);
}

struct op *events_of_all(struct store *s, struct arena *a, const struct event_place *behind, int64_t deadline_ms,
			 op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &all_stmt);

	for (int i = 0; i < 3; i++)
		params_int(&c->params, behind->v[i]);
	add_bounds(&c->params);
	return call_start(c, deadline_ms, read_page, done, arg);
}

const struct events *events_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}

/* --- news, and the watch --- */

struct news {
	struct event_news *v;
	size_t n;
};

static int read_news(struct call *c, const PGresult *r, struct err *err)
{
	struct news *t = ARENA_NEW(c->op.arena, struct news);

	(void)err;
	t->n = (size_t)PQntuples(r);
	t->v = ARENA_ARRAY(c->op.arena, t->n + 1, struct event_news);
	for (size_t i = 0; i < t->n; i++)
		t->v[i] = (struct event_news){.task = field_uuid(r, (int)i, 0), .seq = field_int(r, (int)i, 1), .k = field_int(r, (int)i, 2)};
	c->result = t;
	return 0;
}

struct op *events_news(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &news_stmt);

	params_uuids(&c->params, ids, n);
	return call_start(c, deadline_ms, read_news, done, arg);
}

const struct event_news *events_news_of(const struct op *op, size_t *ret_n)
{
	const struct news *t = ((const struct call *)op)->result;

	*ret_n = t ? t->n : 0;
	return t ? t->v : NULL;
}

static int read_watch(struct call *c, const PGresult *r, struct err *err)
{
	struct event_watch *w = ARENA_NEW(c->op.arena, struct event_watch);

	if (PQntuples(r) != 1)
		return err_set(err, ERR_PG, "the watch of events has no answer");
	*w = (struct event_watch){.ready = field_bool(r, 0, 0), .head = {{field_int(r, 0, 1), 0, 0}}};
	c->result = w;
	return 0;
}

struct op *events_watch(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &watch_stmt), deadline_ms, read_watch, done, arg);
}

const struct event_watch *events_watch_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}
