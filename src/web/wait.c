/* wait.c - two rings of waiters: those who need a look at the store, and those who had one since the last wake-up. */
#include "web/wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store.h"
#include "store/tasks.h"
#include "web/auth.h"
#include "web/request.h"
#include "web/server.h"

enum { POLL_MS = 1000, LOOK_MAX = 1000, RECENT = 128, NAME_MAX_BYTES = 63 };

struct waiter {
	struct waiter *prev, *next;	/* of its ring */
	struct request *req;
	struct uuid task;
	int64_t until_ms;
	wait_ended_fn *ended;
};

struct recent {			/* a task that was taken in here */
	struct uuid task;
	unsigned long notices;
	size_t n;
	char by[NAME_MAX_BYTES];
};

struct waits {
	struct web *web;
	struct waiter due, looked;	/* heads of the rings */
	size_t n;
	struct loop_timer *timer;
	int64_t timer_ms, poll_ms;	/* when the timer fires, when the next poll is due; 0: not set */
	struct op *op;
	struct uuid one;		/* the task that is being looked at alone */
	unsigned long notices;
	struct recent recent[RECENT];	/* the last ones, by turns */
	size_t n_recent;
};

/* --- rings --- */

static void ring_init(struct waiter *head)
{
	head->prev = head->next = head;
}

static bool ring_is_empty(const struct waiter *head)
{
	return head->next == head;
}

static void ring_remove(struct waiter *x)
{
	x->prev->next = x->next;
	x->next->prev = x->prev;
}

static void ring_append(struct waiter *head, struct waiter *x)
{
	x->prev = head->prev;
	x->next = head;
	head->prev->next = x;
	head->prev = x;
}

/* All of from goes behind all of to. */
static void ring_splice(struct waiter *to, struct waiter *from)
{
	if (ring_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ring_init(from);
}

/* --- ending --- */

size_t wait_count(const struct waits *ws)
{
	return ws->n;
}

static void leave(struct request *req)
{
	ring_remove(req->waiter);
	req->waiter = NULL;
	auth_unwatch(req);
	server_waits(req->web)->n--;
}

static void end(struct waiter *x, struct str view)
{
	struct request *req = x->req;
	wait_ended_fn *ended = x->ended;

	request_release(req);
	ended(req, view);
}

/* Ends those for whom fits() holds. Nothing that ended() starts comes back here before it has returned. */
static void end_if(struct waiter *head, bool (*fits)(const struct waiter *x, const void *arg), const void *arg, struct str view)
{
	struct waiter *x = head->next, *next;

	for (; x != head; x = next) {
		next = x->next;
		if (fits(x, arg))
			end(x, view);
	}
}

static void end_all_if(struct waits *ws, bool (*fits)(const struct waiter *x, const void *arg), const void *arg, struct str view)
{
	end_if(&ws->due, fits, arg, view);
	end_if(&ws->looked, fits, arg, view);
}

/* --- looking --- */

struct ended_tasks {
	struct uuid *v;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static bool has_ended(const struct waiter *x, const void *arg)
{
	const struct ended_tasks *t = arg;

	return bsearch(&x->task, t->v, t->n, sizeof *t->v, compare) != NULL;
}

static void end_terminal(struct waits *ws, struct op *op)
{
	size_t n;
	const struct task_state *states = tasks_states_of(op, &n);
	struct ended_tasks ended = {.v = ARENA_ARRAY(op->arena, n + 1, struct uuid)};

	for (size_t i = 0; i < n; i++)
		if (states[i].terminal)
			ended.v[ended.n++] = states[i].id;
	if (ended.n == 0)
		return;
	qsort(ended.v, ended.n, sizeof *ended.v, compare);
	end_all_if(ws, has_ended, &ended, STR_NONE);
}

static void end_one(struct waits *ws, struct op *op)
{
	struct ended_tasks ended = {.v = &ws->one, .n = 1};

	if (tasks_text_of(op).p)
		end_all_if(ws, has_ended, &ended, tasks_text_of(op));
}

static void look(struct waits *ws);

static void on_looked(struct op *op, void (*take)(struct waits *ws, struct op *op), struct waits *ws)
{
	ws->op = NULL;
	if (op->err->code == ERR_NONE)
		take(ws, op);
	if (op->err->code != ERR_CANCELLED)
		look(ws);
	server_unref(ws->web);
}

static void on_states(struct op *op, void *arg)
{
	on_looked(op, end_terminal, arg);
}

static void on_view(struct op *op, void *arg)
{
	on_looked(op, end_one, arg);
}

/* One task is looked at and fetched at once; of many only the states are asked for. Who may see it was asked before. */
static void look(struct waits *ws)
{
	static const struct principal nobody = {.name = {"", 0}, .sees_all = true};
	struct arena *a;
	struct uuid *ids;
	size_t n = 0;

	if (ws->op || ring_is_empty(&ws->due))
		return;
	a = arena_new(NULL);
	ids = ARENA_ARRAY(a, ws->n < LOOK_MAX ? ws->n : LOOK_MAX, struct uuid);
	while (n < LOOK_MAX && !ring_is_empty(&ws->due)) {
		struct waiter *x = ws->due.next;

		ids[n++] = x->task;
		ring_remove(x);
		ring_append(&ws->looked, x);
	}
	server_ref(ws->web);
	ws->one = ids[0];
	if (n == 1)
		ws->op = tasks_view_ended(server_store(ws->web), a, &ws->one, &nobody, STORE_DEADLINE_MS, on_view, ws);
	else
		ws->op = tasks_states(server_store(ws->web), a, ids, n, STORE_DEADLINE_MS, on_states, ws);
}

/* Whoever is being looked at right now is due again too: the answer may be older than the news. */
static void woken(void *arg)
{
	struct waits *ws = arg;

	ws->notices++;
	ring_splice(&ws->due, &ws->looked);
	look(ws);
}

unsigned long wait_notices(const struct waits *ws)
{
	return ws->notices;
}

/* --- what was taken in here --- */

void wait_remember(struct waits *ws, const struct uuid *task, struct str by, unsigned long notices)
{
	struct recent *r = &ws->recent[ws->n_recent % RECENT];

	if (by.n > sizeof r->by)
		return;
	ws->n_recent++;
	r->task = *task;
	r->notices = notices;
	r->n = by.n;
	memcpy(r->by, by.p, by.n);
}

bool wait_recalls(const struct waits *ws, const struct uuid *task, struct str by, unsigned long *ret_notices)
{
	size_t n = ws->n_recent < RECENT ? ws->n_recent : RECENT;

	for (size_t i = 0; i < n; i++) {
		const struct recent *r = &ws->recent[i];

		if (uuid_eq(&r->task, task) && str_eq((struct str){r->by, r->n}, by)) {
			*ret_notices = r->notices;
			return true;
		}
	}
	return false;
}

/* --- time --- */

static int64_t now_ms(const struct waits *ws)
{
	return loop_now_ms(server_loop(ws->web));
}

static void arm(struct waits *ws, int64_t at_ms)
{
	if (ws->timer_ms && ws->timer_ms <= at_ms)
		return;
	ws->timer_ms = at_ms;
	loop_timer_set(ws->timer, at_ms - now_ms(ws));
}

static bool is_late(const struct waiter *x, const void *arg)
{
	return x->until_ms <= *(const int64_t *)arg;
}

static void arm_for(struct waits *ws, const struct waiter *head)
{
	for (const struct waiter *x = head->next; x != head; x = x->next)
		arm(ws, x->until_ms);
}

/* Time is up for some; and now and then a look, in case a notification was missed. */
static void on_timer(void *arg)
{
	struct waits *ws = arg;
	int64_t now = now_ms(ws);

	ws->timer_ms = 0;
	end_all_if(ws, is_late, &now, STR_NONE);
	if (ws->n == 0) {
		ws->poll_ms = 0;
		return;
	}
	if (ws->poll_ms <= now) {
		ws->poll_ms = now + POLL_MS;
		woken(ws);
	}
	arm(ws, ws->poll_ms);
	arm_for(ws, &ws->due);
	arm_for(ws, &ws->looked);
}

static void on_left(struct request *req)
{
	request_release(req);
	reply_problem(&req->reply, req->arena, 408, "timeout", "the client has gone");
	req->reply.close = true;
	request_resume(req);
}

static void on_token_over(struct request *req)
{
	request_release(req);
	auth_refuse(req, "the token is unknown, expired or revoked");
	request_resume(req);
}

void wait_add(struct request *req, const struct uuid *task, int64_t wait_ms, wait_ended_fn *ended)
{
	struct waits *ws = server_waits(req->web);
	struct waiter *x = ARENA_NEW(req->arena, struct waiter);

	x->req = req;
	x->task = *task;
	x->until_ms = now_ms(ws) + wait_ms;
	x->ended = ended;
	/* it may have ended since the view was read: the notice of that is still to come, or came meanwhile */
	ring_append(ws->notices == req->notices ? &ws->looked : &ws->due, x);
	ws->n++;
	req->waiter = x;
	request_suspend(req);
	request_hold(req, leave);
	request_watch(req, on_left);
	auth_watch(req, on_token_over);
	if (!ws->poll_ms)
		ws->poll_ms = now_ms(ws) + POLL_MS;
	arm(ws, ws->poll_ms);
	arm(ws, x->until_ms);
	look(ws);
}

static bool everybody(const struct waiter *x, const void *arg)
{
	(void)x;
	(void)arg;
	return true;
}

void wait_end_all(struct waits *ws)
{
	end_all_if(ws, everybody, NULL, STR_NONE);
}

struct waits *wait_new(struct arena *a, struct web *w)
{
	struct waits *ws = ARENA_NEW(a, struct waits);

	ws->web = w;
	ring_init(&ws->due);
	ring_init(&ws->looked);
	ws->timer = loop_timer_new(server_loop(w), on_timer, ws);
	store_listen(server_store(w), "agentd_done", woken, ws);
	return ws;
}

void wait_free(struct waits *ws)
{
	if (ws->op)
		op_cancel(ws->op);
	loop_timer_free(ws->timer);
}
