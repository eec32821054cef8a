/* wait.c - a doubly linked list of waiters, one look at the store for all of them at a time. */
#include "web/wait.h"

#include <microhttpd.h>

#include "base/arena.h"
#include "base/log.h"
#include "store/store.h"
#include "store/tasks.h"
#include "web/request.h"
#include "web/server.h"

enum { POLL_MS = 1000, LOOK_MAX = 1000 };

struct waiter {
	struct request *req;
	struct uuid task;
	int64_t until_ms;
	void (*ended)(struct request *req);
	struct loop_fd *disconnect;
	struct waiter *prev, *next;
};

struct waits {
	struct web *web;
	struct waiter *first;
	size_t n;
	struct loop_timer *timer;
	struct op *op;
	bool again;		/* something happened while a look was under way */
};

static void look(struct waits *ws);

size_t wait_count(const struct waits *ws)
{
	return ws->n;
}

void wait_remove(struct request *req)
{
	struct waits *ws = server_waits(req->web);
	struct waiter *x = req->waiter;

	if (!x)
		return;
	req->waiter = NULL;
	loop_fd_free(x->disconnect);
	if (x->prev)
		x->prev->next = x->next;
	else
		ws->first = x->next;
	if (x->next)
		x->next->prev = x->prev;
	ws->n--;
}

static void end(struct waiter *x)
{
	struct request *req = x->req;
	void (*ended)(struct request *) = x->ended;

	wait_remove(req);
	ended(req);
}

static void on_looked(struct op *op, void *arg)
{
	struct waits *ws = arg;
	const struct task_state *v;
	size_t n;

	ws->op = NULL;
	if (op->err.code == ERR_CANCELLED)
		return;
	if (op->err.code == ERR_NONE) {
		v = tasks_states_of(op, &n);
		for (size_t i = 0; i < n; i++) {
			struct waiter *x = ws->first, *next;

			for (; v[i].terminal && x; x = next) {
				next = x->next;
				if (uuid_eq(&x->task, &v[i].id))
					end(x);
			}
		}
	}
	if (ws->again)
		look(ws);
}

static void look(struct waits *ws)
{
	struct arena *a;
	struct uuid *ids;
	size_t n = 0;

	if (!ws->first)
		return;
	if (ws->op) {
		ws->again = true;
		return;
	}
	ws->again = false;
	a = arena_new(NULL);
	ids = ARENA_ARRAY(a, ws->n < LOOK_MAX ? ws->n : LOOK_MAX, struct uuid);
	for (struct waiter *x = ws->first; x && n < LOOK_MAX; x = x->next)
		ids[n++] = x->task;
	ws->op = tasks_states(server_store(ws->web), a, ids, n, STORE_DEADLINE_MS, on_looked, ws);
}

static void woken(void *arg)
{
	look(arg);
}

/* Time is up for some; and a look, in case a notification was missed. */
static void on_timer(void *arg)
{
	struct waits *ws = arg;
	int64_t now = loop_now_ms(server_loop(ws->web));
	struct waiter *x = ws->first, *next;

	for (; x; x = next) {
		next = x->next;
		if (x->until_ms <= now)
			end(x);
	}
	if (!ws->first)
		return;
	look(ws);
	now = POLL_MS;
	for (x = ws->first; x; x = x->next)
		if (x->until_ms - loop_now_ms(server_loop(ws->web)) < now)
			now = x->until_ms - loop_now_ms(server_loop(ws->web));
	loop_timer_set(ws->timer, now < 1 ? 1 : now);
}

/* The client has gone: libmicrohttpd does not look at suspended connections. Resuming lets it find out. */
static void on_disconnect(void *arg, int events)
{
	struct waiter *x = arg;
	struct request *req = x->req;

	(void)events;
	wait_remove(req);
	reply_problem(&req->reply, req->arena, 408, "timeout", "the client has gone");
	req->reply.close = true;
	request_resume(req);
}

void wait_add(struct request *req, const struct uuid *task, int64_t wait_ms, void (*ended)(struct request *req))
{
	struct waits *ws = server_waits(req->web);
	struct waiter *x = ARENA_NEW(req->arena, struct waiter);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	x->req = req;
	x->task = *task;
	x->until_ms = loop_now_ms(server_loop(req->web)) + wait_ms;
	x->ended = ended;
	x->next = ws->first;
	if (ws->first)
		ws->first->prev = x;
	ws->first = x;
	ws->n++;
	req->waiter = x;
	request_suspend(req);
	x->disconnect = loop_fd_new(server_loop(req->web), info->connect_fd, on_disconnect, x);
	loop_fd_set(x->disconnect, LOOP_DISCONNECT);
	if (!loop_timer_is_set(ws->timer) || wait_ms < POLL_MS)
		loop_timer_set(ws->timer, wait_ms < POLL_MS ? wait_ms : POLL_MS);
	look(ws);	/* it may have ended since the view was read */
}

void wait_end_all(struct waits *ws)
{
	while (ws->first)
		end(ws->first);
}

struct waits *wait_new(struct arena *a, struct web *w)
{
	struct waits *ws = ARENA_NEW(a, struct waits);

	ws->web = w;
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
