/* sweep.c - runs the table of duties, each by its own timer, one call at a time per duty. */
#include "sweeper/sweep.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "config/settings.h"
#include "store/admin.h"
#include "store/store.h"

static const struct json *recovery_args(struct arena *a, const struct settings *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "recoveries", json_int(a, s->sweeper.max_recoveries));
	return json_object_end(&b);
}

static const struct json *approval_args(struct arena *a, const struct settings *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "warn_ms", json_int(a, s->sweeper.warn_approvals_ms));
	return json_object_end(&b);
}

static int64_t six_hours(const struct settings *s)
{
	(void)s;
	return INT64_C(6) * 3600 * 1000;
}

static int64_t ten_minutes(const struct settings *s)
{
	(void)s;
	return INT64_C(10) * 60 * 1000;
}

#define SQL(...) &(const struct duty){__VA_ARGS__}
static const struct duty *const duties[] = {
	/* Tasks of workers whose lease ran out go back to the queue, those that lose every worker to quarantine. */
	SQL(.name = "expired_workers", .bound = 200, .args = recovery_args, .recovers = true),
	/* Timers that are due become ready, also while every worker is busy or away. */
	SQL(.name = "due_timers", .bound = 500),
	/* Tasks that wait past their wall budget or deadline become expired. */
	SQL(.name = "deadlines", .bound = 500),
	/* Reservations of dead callers are settled at their amount. */
	SQL(.name = "expired_holds", .bound = 500),
	/* Requests that nobody decided in time expire, and their tasks go on; those that are about to are told of again. */
	SQL(.name = "approvals", .bound = 500, .args = approval_args),
	/* The feed of all tasks' events is kept for ten minutes. */
	SQL(.name = "event_feed", .bound = 10000),
	/* Partitions of the coming three months exist. */
	SQL(.name = "partitions", .bound = 1000, .period_ms = six_hours),
	/* Artifacts whose time is over go, and files that nobody refers to. */
	SQL(.name = "artifacts", .bound = 50, .period_ms = ten_minutes),
	/* Tasks stand where a pause, or its end, wants them, also when who said it left before they were moved. */
	SQL(.name = "paused", .bound = 500, .period_ms = ten_minutes),
	&duty_retention,
	&duty_workspaces,
	&duty_admission,
};
#undef SQL

enum { N_DUTIES = sizeof duties / sizeof duties[0], AFTER_FAILURE_MS = 60000, WHILE_DOWN_MS = 500 };

struct runner {
	struct sweeper *sweeper;
	const struct duty *duty;
	struct loop_timer *timer;
	struct op *op;
};

struct sweeper {
	struct loop *loop;
	struct store *store;
	const struct settings *settings;
	struct arena *arena;
	struct runner runners[N_DUTIES];
	int calls;		/* in flight */
	bool stopping;
};

static void release(struct sweeper *w)
{
	if (w->stopping && w->calls == 0)
		arena_free(w->arena);
}

/* Spread by up to a tenth, so that several sweepers do not meet. */
static int64_t next_period(const struct runner *r)
{
	const struct settings *s = r->sweeper->settings;
	int64_t ms = r->duty->period_ms ? r->duty->period_ms(s) : s->sweeper.interval_ms;
	uint32_t x;

	random_bytes(&x, sizeof x);
	return ms + (int64_t)x % (ms / 10 + 1);
}

static void count(const struct duty *d, int64_t rows)
{
	metric_set(METRIC_SWEEPER_LAST, clock_wall_us() / 1000000, str_from(d->name));
	metric_add(METRIC_SWEEPER_ROWS, rows, str_from(d->name));
	if (d->recovers)
		metric_add(METRIC_RECOVERIES, rows, STR_NONE);
}

static void on_done(struct op *op, void *arg)
{
	struct runner *r = arg;
	struct sweeper *w = r->sweeper;
	int64_t rows = 0, wait_ms = next_period(r);

	r->op = NULL;
	w->calls--;
	if (w->stopping) {
		release(w);
		return;
	}
	if (op->err->code != ERR_NONE) {
		metric_add(METRIC_SWEEPER_FAILURES, 1, str_from(r->duty->name));
		log_error("sweep.failed", "duty=%s error=%s", r->duty->name, log_quotec(op->err->msg));
		wait_ms = wait_ms < AFTER_FAILURE_MS ? wait_ms : AFTER_FAILURE_MS;
	} else if (!r->duty->start) {
		rows = admin_sweep_of(op);
	}
	if (op->err->code == ERR_NONE)
		count(r->duty, rows);
	if (rows > 0)
		log_info("sweep.done", "duty=%s rows=%lld", r->duty->name, (long long)rows);
	loop_timer_set(r->timer, rows > 0 && rows >= r->duty->bound ? 0 : wait_ms);
}

static struct op *call_sql(struct runner *r, struct arena *a)
{
	struct sweeper *w = r->sweeper;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "bound", json_int(a, r->duty->bound));
	if (r->duty->args) {
		const struct json *more = r->duty->args(a, w->settings);

		for (size_t i = 0; i < json_len(more); i++)
			json_object_set(&b, json_key(more, i), json_val(more, i));
	}
	return admin_sweep(w->store, a, r->duty->name, json_object_end(&b), on_done, r);
}

static void run_duty(void *arg)
{
	struct runner *r = arg;
	struct sweeper *w = r->sweeper;
	struct arena *a;

	if (!store_is_up(w->store)) {
		loop_timer_set(r->timer, WHILE_DOWN_MS);
		return;
	}
	a = arena_new(NULL);
	w->calls++;
	r->op = r->duty->start ? r->duty->start(w->loop, w->store, w->settings, a, on_done, r) : call_sql(r, a);
}

struct sweeper *sweep_start(struct loop *l, struct store *s, const struct settings *settings)
{
	struct arena *a = arena_new(NULL);
	struct sweeper *w = ARENA_NEW(a, struct sweeper);

	w->arena = a;
	w->loop = l;
	w->store = s;
	w->settings = settings;
	for (size_t i = 0; i < N_DUTIES; i++) {
		struct runner *r = &w->runners[i];

		r->sweeper = w;
		r->duty = duties[i];
		r->timer = loop_timer_new(l, run_duty, r);
		loop_timer_set(r->timer, 0);
	}
	return w;
}

void sweep_stop(struct sweeper *w)
{
	if (!w)
		return;
	w->stopping = true;
	for (size_t i = 0; i < N_DUTIES; i++) {
		loop_timer_free(w->runners[i].timer);
		if (w->runners[i].op)
			op_cancel(w->runners[i].op);
	}
	release(w);
}
