/* duty_retention.c - old terminal tasks, idempotency keys and worker rows go when their time is over.
 *
 * Rows go in SQL. Then whole leaves go on the thread pool, because detaching waits for others (store/retire.c); where the user
 * does not own the tables, SQL drops them.
 */
#include <stdatomic.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "config/settings.h"
#include "store/admin.h"
#include "sweeper/sweep.h"

enum { BOUND = 500 };

struct retention {
	struct op op;		/* first: the duty's own operation */
	struct store *store;
	const struct settings *settings;
	struct op *inner;
	const struct json *args;	/* for the thread */
	_Atomic bool stop;
	int64_t tables;
	struct err err;
};

static int64_t period(const struct settings *s)
{
	(void)s;
	return INT64_C(10) * 60 * 1000;
}

static const struct json *args(struct arena *a, const struct settings *s, bool leaves)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "bound", json_int(a, BOUND));
	json_object_setc(&b, "retain_short_ms", json_int(a, s->sweeper.retain_short_ms));
	json_object_setc(&b, "retain_long_ms", json_int(a, s->sweeper.retain_long_ms));
	json_object_setc(&b, "idempotency_ms", json_int(a, s->sweeper.idempotency_ms));
	json_object_setc(&b, "leaves", json_bool(leaves));
	return json_object_end(&b);
}

static void ended(struct retention *r, const struct err *err, int64_t n)
{
	if (err->code == ERR_NONE && n > 0)
		log_info("sweep.done", "duty=retention rows=%lld tables=%lld", (long long)n, (long long)r->tables);
	op_complete(&r->op, err);
}

static void sweep_rows(struct retention *r, bool leaves, op_done_fn *done)
{
	struct arena *a = arena_new(NULL);

	r->inner = admin_sweep(r->store, a, "retention", args(a, r->settings, leaves), done, r);
}

static void on_swept(struct op *op, void *arg)
{
	struct retention *r = arg;

	r->inner = NULL;
	ended(r, op->err, op->err->code == ERR_NONE ? admin_sweep_of(op) : 0);
}

static void retire(void *arg)
{
	struct retention *r = arg;

	if (retire_run(r->settings->database, r->args, &r->stop, &r->tables, &r->err) == 0)
		r->err.code = ERR_NONE;
}

static void on_retired(struct op *op, void *arg)
{
	struct retention *r = arg;

	r->inner = NULL;
	if (op->err->code == ERR_NONE && r->err.code == ERR_FORBIDDEN && !atomic_load(&r->stop))
		sweep_rows(r, true, on_swept);
	else
		ended(r, op->err->code != ERR_NONE ? op->err : &r->err, r->tables);
}

static void on_rows(struct op *op, void *arg)
{
	struct retention *r = arg;
	int64_t n = op->err->code == ERR_NONE ? admin_sweep_of(op) : 0;

	r->inner = NULL;
	if (op->err->code != ERR_NONE) {
		ended(r, op->err, 0);
	} else if (n >= BOUND) {
		sweep_rows(r, false, on_rows);
	} else {
		r->args = args(r->op.arena, r->settings, true);
		r->inner = loop_work(r->op.loop, arena_new(NULL), retire, on_retired, r);
	}
}

static void cancel(struct op *op)
{
	struct retention *r = (struct retention *)op;

	atomic_store(&r->stop, true);
	if (r->inner)
		op_cancel(r->inner);
}

static struct op *start(struct loop *l, struct store *st, const struct settings *s, struct arena *a,
			op_done_fn *done, void *arg)
{
	struct retention *r = ARENA_NEW(a, struct retention);

	op_init(&r->op, l, a, cancel, done, arg);
	r->store = st;
	r->settings = s;
	sweep_rows(r, false, on_rows);
	return &r->op;
}

const struct duty duty_retention = {
	.name = "retention",
	.period_ms = period,
	.start = start,
};
