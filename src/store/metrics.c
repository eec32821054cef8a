/* metrics.c - see metrics.h. */
#include "store/metrics.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "base/uuid.h"
#include "store/call.h"
#include "store/connect.h"
#include "store/store.h"

enum { PERIOD_MS = 5000, STOP_MS = 1000, CONNECT_S = 2 };

struct reporter {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	struct loop_timer *timer;
	struct op *op;
	struct uuid source;
	int64_t serial;
	bool complained, stopping, freed;
	bool once_more;		/* what was counted since the report under way began wants one of its own */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

static const struct stmt report_stmt = {"count_report", "SELECT agentd.count_report($1, $2, $3, $4)"};

/* --- a report --- */

struct news {
	struct arena *arena;
	struct json_builder counters, gauges;
	size_t n;
};

static void add_news(void *arg, enum metric m, struct str labels, const int64_t *values)
{
	struct news *n = arg;
	struct json_builder row, list;

	json_array_begin(&list, n->arena);
	for (size_t i = 0; i < metric_values(m); i++)
		json_array_add(&list, json_int(n->arena, values[i]));
	json_array_begin(&row, n->arena);
	json_array_add(&row, json_stringc(n->arena, metric_family(m)->name));
	json_array_add(&row, json_string_clean(n->arena, labels));
	json_array_add(&row, json_array_end(&list));
	json_array_add(metric_family(m)->type == METRIC_GAUGE ? &n->gauges : &n->counters, json_array_end(&row));
	n->n++;
}

static void end(struct reporter *r)
{
	void (*stopped)(void *arg) = r->stopped;

	loop_timer_clear(r->timer);
	r->stopped = NULL;
	if (stopped)
		stopped(r->stopped_arg);
}

static bool report(struct reporter *r);

static void on_reported(struct op *op, void *arg)
{
	struct reporter *r = arg;

	r->op = NULL;
	if (r->freed) {
		arena_free(r->arena);
		return;
	}
	metric_news_taken(op->err->code == ERR_NONE);
	if (op->err->code != ERR_NONE && op->err->code != ERR_CANCELLED && !r->complained) {
		log_warn("metrics.refused", "error=%s hint=%s", log_quotec(op->err->msg), log_quotec(op->err->hint));
		r->complained = true;
	}
	if (!r->stopping)
		return;
	if (r->once_more && store_is_up(r->store)) {
		r->once_more = false;
		if (report(r))
			return;
	}
	end(r);
}

static bool report(struct reporter *r)
{
	struct arena *a = arena_new(NULL);
	struct news n = {.arena = a};
	struct call *c;

	json_array_begin(&n.counters, a);
	json_array_begin(&n.gauges, a);
	metric_news(add_news, &n);
	if (n.n == 0) {
		arena_free(a);
		return false;
	}
	c = call_new(r->store, a, &report_stmt);
	params_uuid(&c->params, &r->source);
	params_int(&c->params, ++r->serial);
	params_json(&c->params, json_array_end(&n.counters));
	params_json(&c->params, json_array_end(&n.gauges));
	r->op = call_start(c, 0, call_read_text, on_reported, r);
	return true;
}

static void on_timer(void *arg)
{
	struct reporter *r = arg;

	if (r->stopping) {
		end(r);
		return;
	}
	loop_timer_set(r->timer, PERIOD_MS);
	if (!r->op && store_is_up(r->store))
		report(r);
}

struct reporter *reporter_start(struct loop *l, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct reporter *r = ARENA_NEW(a, struct reporter);

	r->arena = a;
	r->loop = l;
	r->store = s;
	r->source = uuid_new();
	r->timer = loop_timer_new(l, on_timer, r);
	loop_timer_set(r->timer, PERIOD_MS);
	return r;
}

void reporter_stop(struct reporter *r, void (*stopped)(void *arg), void *arg)
{
	r->stopping = true;
	r->once_more = r->op;
	r->stopped = stopped;
	r->stopped_arg = arg;
	loop_timer_set(r->timer, store_is_up(r->store) && (r->op || report(r)) ? STOP_MS : 0);
}

void reporter_free(struct reporter *r)
{
	if (!r)
		return;
	loop_timer_free(r->timer);
	r->freed = true;
	if (r->op)
		op_cancel(r->op);	/* its completion frees */
	else
		arena_free(r->arena);
}

/* --- reading --- */

int metrics_read(const char *conninfo, struct arena *a, struct str *ret, struct err *err)
{
	PGconn *conn = connect_wait(conninfo, "agentd metrics", CONNECT_S, err);
	PGresult *r;
	int rc = 0;

	if (!conn)
		return -1;
	PQclear(PQexec(conn, "SET statement_timeout = '5s'"));	/* where that is refused, so is what follows */
	r = PQexec(conn, "SELECT agentd.metrics()");
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1) {
		*ret = str_dup(a, str_from(PQgetvalue(r, 0, 0)));
	} else {
		rc = err_set(err, PQstatus(conn) == CONNECTION_OK ? ERR_PG : ERR_PG_DOWN, "%s", PQerrorMessage(conn));
		err->msg[strcspn(err->msg, "\n")] = '\0';
	}
	PQclear(r);
	PQfinish(conn);
	return rc;
}
