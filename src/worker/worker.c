/* worker.c - see worker.h. Everything happens in maybe_claim(), called whenever something changed. */
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "config/settings.h"
#include "engine/engine.h"
#include "store/queue.h"
#include "store/store.h"

enum { REGISTER_AGAIN_MS = 1000, RELEASE_MS = 10000 };

enum phase { REGISTERING, RUNNING, DRAINING, RELEASING, LEAVING, STOPPED };

struct worker {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct settings *settings;
	struct arena *arena;
	struct uuid id;
	char host[64];
	enum phase phase;
	struct loop_timer *heartbeat, *poll, *due, *drain, *again;
	struct op *claim_op, *heartbeat_op, *register_op, *leave_op;
	int64_t fresh_until_ms;		/* CLOCK_BOOTTIME */
	int64_t heartbeat_sent_ms;
	bool more;			/* the last claim left tasks behind */
	bool woken;			/* a notification came while a claim was in flight */
	bool taking;			/* submissions are on their way that may start here (queue_set_taker) */
	int unsure;			/* number of a claim of which nobody knows what it got; 0: none */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

static void register_incarnation(void *arg);
static void leave_if_empty(struct worker *w);
static void stop_if_quiet(struct worker *w);

static bool lease_is_fresh(const struct worker *w)
{
	return clock_boot_ms() < w->fresh_until_ms;
}

/* Two thirds of the lease, counted from before its renewal was asked for. */
static void renewed(struct worker *w)
{
	w->fresh_until_ms = w->heartbeat_sent_ms + w->settings->worker.lease_ms * 2 / 3;
	engine_fresh_until(w->engine, w->fresh_until_ms);
}

/* Between half and all of the period, so that workers do not march in step. */
static int64_t jittered(int64_t ms)
{
	uint32_t r;

	random_bytes(&r, sizeof r);
	return ms / 2 + (int64_t)r % (ms / 2 + 1);
}

/* --- claiming --- */

static void maybe_claim(struct worker *w);
static void lost(struct worker *w);

static void take(struct worker *w, const struct claims *c)
{
	w->more = c->more;
	metric_add(METRIC_ATTEMPTS, (int64_t)c->n, STR_NONE);
	for (size_t i = 0; i < c->n; i++) {
		engine_start(w->engine, c->v[i], c->now_us);
	}
	if (c->next_due_ms >= 0)
		loop_timer_set(w->due, c->next_due_ms + 1);
}

/* What came after the drain began leaves again. */
static void after_claim(struct worker *w, bool ok)
{
	if (w->phase == DRAINING)
		engine_drain(w->engine);
	else if (w->phase == RELEASING)
		engine_release_now(w->engine);
	else if (w->phase != RUNNING)	/* leaving, or another incarnation by now */
		engine_drop_all(w->engine);
	else if (ok)
		maybe_claim(w);
	leave_if_empty(w);
	stop_if_quiet(w);
}

static void on_claimed(struct op *op, void *arg)
{
	struct worker *w = arg;

	w->claim_op = NULL;
	if (op->err->code == ERR_NONE) {
		w->woken |= w->unsure != 0;	/* it looked at nothing else */
		w->unsure = 0;
		take(w, queue_claims_of(op));
	} else if (op->err->code != ERR_CANCELLED) {
		log_error("claim.failed", "error=%s", log_quotec(op->err->msg));
		w->unsure = queue_claim_number(op);
		w->woken = true;
		if (op->err->code == ERR_LEASE_LOST)
			lost(w);
	}
	after_claim(w, op->err->code == ERR_NONE);
}

/* Small claims of a deep queue waste round trips: wait until half a batch of slots is free. */
static bool worth_claiming(const struct worker *w, int free_slots)
{
	int half = w->settings->worker.batch / 2;

	if (half > w->settings->worker.slots / 2)
		half = w->settings->worker.slots / 2;
	if (free_slots <= 0)
		return false;
	return !w->more || free_slots > half;
}

static int free_slots(const struct worker *w)
{
	return w->settings->worker.slots - (int)engine_active(w->engine);
}

static int claim_limit(const struct worker *w)
{
	return free_slots(w) < w->settings->worker.batch ? free_slots(w) : w->settings->worker.batch;
}

static bool may_claim(const struct worker *w)
{
	return w->phase == RUNNING && !w->claim_op && !w->taking && store_is_up(w->store) && lease_is_fresh(w);
}

static void maybe_claim(struct worker *w)
{
	if (!may_claim(w) || !(w->woken || w->more) || !worth_claiming(w, free_slots(w)))
		return;
	w->woken = false;
	w->claim_op = queue_claim(w->store, arena_new(NULL), &w->id, claim_limit(w), w->unsure, on_claimed, w);
}

/* What is submitted here starts here while the queue, as far as we know, holds nothing that would come before it. */
static bool room(void *arg, size_t n, struct uuid *ret_worker)
{
	struct worker *w = arg;

	if (!may_claim(w) || w->woken || w->more || claim_limit(w) < (int)n)
		return false;
	w->taking = true;
	*ret_worker = w->id;
	return true;
}

static void on_taken(void *arg, const struct taken *t)
{
	struct worker *w = arg;

	w->taking = false;
	if (w->phase >= LEAVING)
		return;
	if (uuid_eq(&t->worker, &w->id)) {	/* else another incarnation by now */
		take(w, &t->claims);
		w->unsure = t->unsure;
		w->woken |= t->unsure != 0;
	}
	after_claim(w, true);
}

static void wake(void *arg)
{
	struct worker *w = arg;

	w->woken = true;
	maybe_claim(w);
}

static void on_poll(void *arg)
{
	struct worker *w = arg;

	loop_timer_set(w->poll, jittered(w->settings->worker.poll_ms * (engine_active(w->engine) ? 1 : 2)));
	wake(w);
}

static void on_task_ended(void *arg)
{
	struct worker *w = arg;

	maybe_claim(w);
	leave_if_empty(w);
}

/* --- lease --- */

static void lost(struct worker *w)
{
	log_warn("worker.lease_lost", "tasks=%zu", engine_active(w->engine));
	if (w->claim_op)
		op_cancel(w->claim_op);
	engine_drop_all(w->engine);
	if (w->phase == RUNNING) {
		w->phase = REGISTERING;
		register_incarnation(w);
	}
}

static void send_heartbeat(struct worker *w);

static void on_heartbeat_answer(struct op *op, void *arg)
{
	struct worker *w = arg;
	const struct heartbeat *h = op->err->code == ERR_NONE ? queue_heartbeat_of(op) : NULL;

	w->heartbeat_op = NULL;
	if (w->phase >= LEAVING) {
		stop_if_quiet(w);
	} else if (!h) {
		log_error("heartbeat.failed", "error=%s", log_quotec(op->err->msg));
	} else if (h->lost) {
		lost(w);
	} else {
		renewed(w);
		for (size_t i = 0; i < h->n_cancelled; i++)
			engine_cancel(w->engine, &h->cancelled[i]);
		/* It waited for the database so long that it says nothing about now. */
		if (!lease_is_fresh(w))
			send_heartbeat(w);
		maybe_claim(w);
	}
}

static void send_heartbeat(struct worker *w)
{
	w->heartbeat_sent_ms = clock_boot_ms();
	w->heartbeat_op = queue_heartbeat(w->store, arena_new(NULL), &w->id, on_heartbeat_answer, w);
}

static void on_heartbeat(void *arg)
{
	struct worker *w = arg;

	loop_timer_set(w->heartbeat, w->settings->worker.heartbeat_ms);
	if (!w->heartbeat_op && w->phase != REGISTERING && w->phase < LEAVING)
		send_heartbeat(w);
}

static struct str lanes_text(const struct worker *w, struct arena *a)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < w->settings->worker.n_lanes; i++)
		buf_addf(&b, "%s" STR_FMT, i ? "," : "", STR_ARG(w->settings->worker.lanes[i]));
	return buf_str(&b);
}

static void on_registered(struct op *op, void *arg)
{
	struct worker *w = arg;
	char id[37];

	w->register_op = NULL;
	if (w->phase != REGISTERING) {
		stop_if_quiet(w);
		return;
	}
	if (op->err->code != ERR_NONE) {
		log_error("worker.register_failed", "error=%s hint=%s", log_quotec(op->err->msg), log_quotec(op->err->hint));
		loop_timer_set(w->again, REGISTER_AGAIN_MS);
		return;
	}
	uuid_format(&w->id, id);
	log_info("worker.registered", "worker=%s slots=%d lanes=%s", id, w->settings->worker.slots,
		 log_quote(lanes_text(w, op->arena)));
	renewed(w);
	w->phase = RUNNING;
	wake(w);
}

static void register_incarnation(void *arg)
{
	struct worker *w = arg;
	struct worker_row row;

	w->id = uuid_new();
	w->unsure = 0;
	w->heartbeat_sent_ms = clock_boot_ms();
	row = (struct worker_row){
		.id = w->id,
		.host = w->host,
		.pid = (int)getpid(),
		.lanes = w->settings->worker.lanes,
		.n_lanes = w->settings->worker.n_lanes,
		.lease_ms = w->settings->worker.lease_ms,
		.semantics = ENGINE_SEMANTICS,
	};
	w->register_op = queue_register(w->store, arena_new(NULL), &row, on_registered, w);
}

/* --- stopping --- */

static void stop_now(void *arg)
{
	stop_if_quiet(arg);
}

static void stop_if_quiet(struct worker *w)
{
	if (w->phase != LEAVING || w->claim_op || w->heartbeat_op || w->register_op || w->leave_op)
		return;
	w->phase = STOPPED;
	loop_timer_clear(w->drain);
	w->stopped(w->stopped_arg);
}

static void begin_leaving(struct worker *w)
{
	w->phase = LEAVING;
	loop_timer_clear(w->heartbeat);
	loop_timer_clear(w->again);
	loop_timer_set(w->drain, RELEASE_MS);
	if (w->heartbeat_op)
		op_cancel(w->heartbeat_op);
	if (w->register_op)
		op_cancel(w->register_op);
	loop_defer(w->loop, stop_now, w);
}

/* Nothing more can be said to the database: the lease ends by itself. */
static void abandon(struct worker *w)
{
	if (w->phase >= STOPPED)
		return;
	if (engine_active(w->engine))
		log_warn("worker.abandon", "tasks=%zu", engine_active(w->engine));
	if (w->phase != LEAVING)
		begin_leaving(w);
	if (w->claim_op)
		op_cancel(w->claim_op);
	if (w->leave_op)
		op_cancel(w->leave_op);
	engine_drop_all(w->engine);
}

static void on_left(struct op *op, void *arg)
{
	struct worker *w = arg;

	w->leave_op = NULL;
	if (op->err->code != ERR_NONE)
		log_warn("worker.leave_failed", "error=%s", log_quotec(op->err->msg));
	stop_if_quiet(w);
}

static void leave_if_empty(struct worker *w)
{
	if ((w->phase != DRAINING && w->phase != RELEASING) || engine_active(w->engine))
		return;
	if (!store_is_up(w->store)) {
		abandon(w);
	} else if (!w->claim_op && !w->taking) {
		begin_leaving(w);
		w->leave_op = queue_leave(w->store, arena_new(NULL), &w->id, on_left, w);
	}
}

static void release_now(struct worker *w)
{
	log_info("worker.release", "tasks=%zu", engine_active(w->engine));
	w->phase = RELEASING;
	loop_timer_set(w->drain, RELEASE_MS);
	engine_release_now(w->engine);
	leave_if_empty(w);
	if (w->phase == RELEASING && !store_is_up(w->store))
		abandon(w);
}

static void drain(struct worker *w)
{
	log_info("worker.drain", "tasks=%zu", engine_active(w->engine));
	w->phase = DRAINING;
	loop_timer_set(w->drain, w->settings->worker.drain_ms);
	engine_drain(w->engine);
	leave_if_empty(w);
}

static void hurry(void *arg)
{
	struct worker *w = arg;

	if (w->phase == REGISTERING || w->phase >= RELEASING)
		abandon(w);
	else if (w->phase == DRAINING)
		release_now(w);
	else
		drain(w);
}

void worker_stop(struct worker *w, void (*stopped)(void *arg), void *arg)
{
	w->stopped = stopped;
	w->stopped_arg = arg;
	hurry(w);
}

/* --- starting --- */

static void on_store_state(void *arg, bool up)
{
	struct worker *w = arg;

	log_info(up ? "store.up" : "store.down", "tasks=%zu", engine_active(w->engine));
	if (up)
		wake(w);
	else if (w->phase >= RELEASING)
		abandon(w);
	else
		leave_if_empty(w);
}

struct worker *worker_start(struct loop *l, struct store *s, struct engine *e, const struct settings *settings)
{
	struct arena *a = arena_new(NULL);
	struct worker *w = ARENA_NEW(a, struct worker);

	w->arena = a;
	w->loop = l;
	w->store = s;
	w->engine = e;
	w->settings = settings;
	if (gethostname(w->host, sizeof w->host - 1) < 0)
		w->host[0] = '\0';
	w->heartbeat = loop_timer_new(l, on_heartbeat, w);
	w->poll = loop_timer_new(l, on_poll, w);
	w->due = loop_timer_new(l, wake, w);
	w->drain = loop_timer_new(l, hurry, w);
	w->again = loop_timer_new(l, register_incarnation, w);
	queue_set_batch(s, settings->worker.batch);
	engine_set_max_failures(e, settings->worker.max_failures);
	engine_on_ended(e, on_task_ended, w);
	store_on_state(s, on_store_state, w);
	store_listen(s, "agentd_work", wake, w);
	queue_set_taker(s, &(struct taker){.room = room, .taken = on_taken, .arg = w});
	register_incarnation(w);
	on_heartbeat(w);
	loop_timer_set(w->poll, jittered(settings->worker.poll_ms));
	return w;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	queue_set_taker(w->store, NULL);
	loop_timer_free(w->heartbeat);
	loop_timer_free(w->poll);
	loop_timer_free(w->due);
	loop_timer_free(w->drain);
	loop_timer_free(w->again);
	arena_free(w->arena);
}
