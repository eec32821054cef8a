/* tail.c - see tail.h. Notices lead to a look at once; without them there is one every 300 ms. */
#include "ctl/tail.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "store/store.h"

enum { POLL_MS = 300, WATCH_MS = 20000, CALL_MS = 30000 };

/* --- lines --- */

static void show_error(const struct json *error)
{
	if (json_type(error) != JSON_OBJECT)
		return;
	printf("  ");
	print_text(cell(error, "type"));
	printf(": ");
	print_text(cell(error, "message"));
}

/* When it happened, counted from the first event; of all, the time of day. */
static void show_time(struct tail *t, const struct json *e)
{
	int64_t at = t->from_us;
	char text[32];

	if (!t->task) {
		print_text(cell(e, "at"));
		return;
	}
	time_parse(cell(e, "at"), &at);
	if (!t->from_us)
		t->from_us = at;
	duration_format((at - t->from_us) / 1000, text);
	printf("%8s", text);
}

static void show_line(struct tail *t, const struct event *x, const struct json *e)
{
	const struct json *value = json_getc(e, "value");

	show_time(t, e);
	printf("  ");
	if (!t->task) {
		print_text(cell(e, "task"));
		printf("  ");
		print_text(x->workflow);
		printf("  ");
	}
	print_text(cell(e, "kind"));
	if (cell(e, "path").n) {
		printf("  ");
		print_text(cell(e, "path"));
	}
	if (cell(e, "step_kind").n) {
		printf("  (");
		print_text(cell(e, "step_kind"));
		printf(")");
	}
	if (str_is(x->kind, "finished") || str_is(x->kind, "state.changed")) {
		printf("  ");
		print_text(cell(value, str_is(x->kind, "finished") ? "state" : "to"));
	}
	show_error(json_getc(value, "error"));
	putchar('\n');
}

/* As JSON an event of all tells its place in the feed too, which --after takes. */
static void show_json(const struct tail *t, const struct event *x)
{
	char place[EVENT_PLACE_CHARS];

	if (t->task) {
		fwrite(x->data.p, 1, x->data.n, stdout);
	} else {
		event_place_format(&x->place, true, place);
		printf("{\"place\":\"%s\",", place);
		fwrite(x->data.p + 1, 1, x->data.n - 1, stdout);
	}
	putchar('\n');
}

static void show(struct tail *t, const struct event *x)
{
	struct arena *a;
	const struct json *e;
	struct err err;

	if ((t->workflow.p && !str_eq(t->workflow, x->workflow)) || (t->kind.p && !str_eq(t->kind, x->kind)) || t->silent)
		return;
	if (t->ctl->json) {
		show_json(t, x);
		return;
	}
	a = arena_new(NULL);
	if (json_parse(a, x->data, NULL, &e, &err) == 0) {
		show_line(t, x, e);
	} else {	/* what SQL took, and no worker reads */
		print_text(x->data);
		putchar('\n');
	}
	arena_free(a);
}

/* --- asking --- */

static void take(struct tail *t, const struct events *e)
{
	if (e->gone) {
		err_set(&t->err, ERR_CONFLICT, "the feed of events does not reach back so far");
		err_hint(&t->err, "begin without --after");
		return;
	}
	for (size_t i = 0; i < e->n; i++)
		show(t, &e->v[i]);
	t->place = e->next;
	t->more = e->more;
	t->ended = e->ended;
	if (fflush(stdout) != 0)	/* nobody reads any more */
		err_set(&t->err, ERR_IO, "standard output takes nothing any more");
}

static bool is_absence(const struct err *err)
{
	return err->code == ERR_PG_DOWN;
}

static void on_page(struct op *op, void *arg)
{
	struct tail *t = arg;

	t->more = false;
	t->done = true;
	if (op->err->code == ERR_NONE)
		take(t, events_of(op));
	else if (!t->patient || !is_absence(op->err))
		t->err = *op->err;
}

static void on_watched(struct op *op, void *arg)
{
	struct tail *t = arg;

	t->done = true;
	if (op->err->code != ERR_NONE) {
		if (!t->patient || !is_absence(op->err))
			t->err = *op->err;
		return;
	}
	t->ready = events_watch_of(op)->ready;
	if (t->ready && t->place.v[0] < 0)
		t->place = events_watch_of(op)->head;
}

static int wait_done(struct tail *t)
{
	while (!t->done)
		loop_once(t->ctl->loop);
	t->done = false;
	return t->err.code == ERR_NONE ? 0 : -1;
}

static int ask(struct tail *t)
{
	if (t->task)
		events_of_task(t->ctl->store, arena_new(NULL), t->task, &t->place, &t->by, CALL_MS, on_page, t);
	else if (t->place.v[0] >= 0)
		events_of_all(t->ctl->store, arena_new(NULL), &t->place, CALL_MS, on_page, t);
	else
		t->done = true;
	return wait_done(t);
}

/* --- waiting --- */

struct waking {			/* lives as long as the store, whose notices set it */
	bool wake;
	struct tail *tail;
};

static void woken(void *arg)
{
	((struct waking *)arg)->wake = true;
}

static void on_state(void *arg, bool up)
{
	struct waking *w = arg;
	struct tail *t = w->tail;

	if (!t || !t->patient || up != t->away)
		return;
	t->away = !up;
	fputs(up ? "agentctl: the database is back\n" : "agentctl: the database is away; waiting for it\n", stderr);
}

static int watch(struct tail *t, int64_t *next_ms)
{
	int64_t now = loop_now_ms(t->ctl->loop);

	if (t->task || (t->ready && now < *next_ms))
		return 0;
	*next_ms = now + WATCH_MS;
	events_watch(t->ctl->store, arena_new(NULL), CALL_MS, on_watched, t);
	return wait_done(t);
}

static int run(struct tail *t, struct waking *w, struct loop_timer *timer)
{
	int64_t watch_ms = 0;

	for (;;) {
		w->wake = false;
		if (watch(t, &watch_ms) < 0 || ask(t) < 0)
			return -1;
		if (t->ended)
			return 0;
		if (t->more)
			continue;
		loop_timer_set(timer, t->task || t->ready ? POLL_MS : POLL_MS / 10);
		while (!w->wake)
			loop_once(t->ctl->loop);
	}
}

int tail_run(struct tail *t, struct err *err)
{
	struct waking *w = ARENA_NEW(t->ctl->arena, struct waking);
	struct loop_timer *timer = loop_timer_new(t->ctl->loop, woken, w);
	int rc;

	w->tail = t;
	store_listen(t->ctl->store, "agentd_done", woken, w);
	store_listen(t->ctl->store, "agentd_events", woken, w);
	store_on_state(t->ctl->store, on_state, w);
	rc = run(t, w, timer);
	w->tail = NULL;
	loop_timer_free(timer);
	return rc < 0 ? err_copy(err, &t->err) : 0;
}
