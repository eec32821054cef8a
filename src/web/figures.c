/* figures.c - see figures.h. */
#include "web/figures.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "config/settings.h"
#include "store/metrics.h"
#include "store/store.h"
#include "web/process.h"
#include "web/hooks.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/wait.h"

enum { KEEP_MS = 3000, KEEP_MAX_MS = 30000, KEEP_TIMES = 10 };

struct waiting {
	struct waiting *next;
	struct request *req;
};

/* One look at the database, in an arena of its own. */
struct look {
	struct figures *figures;
	struct arena *arena;
	const char *conninfo;
	const struct json *answer;	/* NULL: none came, and err says why */
	struct err err;
	int64_t began_ms;
};

struct figures {
	struct web *web;
	struct waiting *waiting;
	struct op *op;
	struct look *last;		/* NULL: none was taken so far */
	int64_t until_ms;		/* it serves until then */
	bool complained;
};

/* --- writing --- */

static void write_one(struct buf *out, enum metric m, const char *labels, const char *fmt, double value)
{
	metric_write_head(out, m);
	buf_addf(out, "%s%s%s%s ", metric_family(m)->name, *labels ? "{" : "", labels, *labels ? "}" : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	buf_addf(out, fmt, value);
#pragma GCC diagnostic pop
	buf_addc(out, '\n');
}

static void write_own(struct buf *out, const struct figures *f, const struct json *answer)
{
	struct process_figures p;

	process_read(&p);
	write_one(out, METRIC_BUILD_INFO, "version=\"" AGENTD_VERSION "\"", "%.0f", 1);
	write_one(out, METRIC_PROCESS_CPU, "", "%.6f", p.cpu_s);
	write_one(out, METRIC_PROCESS_RSS, "", "%.0f", (double)p.rss_bytes);
	write_one(out, METRIC_PROCESS_VSIZE, "", "%.0f", (double)p.vsize_bytes);
	write_one(out, METRIC_PROCESS_FDS, "", "%.0f", (double)p.fds);
	write_one(out, METRIC_PROCESS_MAX_FDS, "", "%.0f", (double)p.max_fds);
	write_one(out, METRIC_PROCESS_START, "", "%.2f", p.start_s);
	write_one(out, METRIC_HTTP_WAITING, "", "%.0f", (double)wait_count(server_waits(f->web)));
	write_one(out, METRIC_DATABASE_UP, "", "%.0f", store_is_up(server_store(f->web)));
	if (answer)
		write_one(out, METRIC_DATABASE_AGE, "", "%.3f", (double)(clock_boot_ms() - f->last->began_ms) / 1000);
}

static struct str text_of(struct arena *a, const struct json *v)
{
	return json_type(v) == JSON_STRING ? json_str(v) : json_text(a, v);
}

/* The rows of a family follow each other. */
static void write_shared(struct buf *out, struct arena *a, const struct json *rows)
{
	struct str values[METRIC_MAX_VALUES];
	enum metric m = METRICS, last = METRICS;

	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);

		if (m == METRICS || !str_is(json_str(json_at(row, 0)), metric_family(m)->name))
			m = metric_by_name(json_str(json_at(row, 0)));
		if (m == METRICS || metric_family(m)->scope != METRIC_SHARED)
			continue;	/* of another version */
		if (m != last)
			metric_write_head(out, m);
		last = m;
		for (size_t k = 0; k < METRIC_MAX_VALUES; k++)
			values[k] = k < json_len(json_at(row, 2)) ? text_of(a, json_at(json_at(row, 2), k)) : STR("0");
		metric_write(out, m, json_str(json_at(row, 1)), values);
	}
}

/* Rows of names and numbers; column: where the number is, rows without one are left out. */
static void write_rows(struct buf *out, struct arena *a, enum metric m, const char *label, const struct json *rows, size_t column)
{
	bool state = m == METRIC_QUEUE_TASKS;

	metric_write_head(out, m);
	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);
		struct str digits = text_of(a, json_at(row, column));
		struct buf labels;

		if (json_type(json_at(row, column)) == JSON_NULL)
			continue;
		buf_init(&labels, a);
		metric_write_label(&labels, label, json_str(json_at(row, 0)));
		if (state)
			metric_write_label(&labels, ",state", json_str(json_at(row, 1)));
		metric_write(out, m, buf_str(&labels), &digits);
	}
}

static void write_number(struct buf *out, struct arena *a, enum metric m, const struct json *v)
{
	struct str digits = text_of(a, v);

	metric_write_head(out, m);
	metric_write(out, m, STR_NONE, &digits);
}

static void write_tables(struct buf *out, struct arena *a, const struct json *answer)
{
	write_rows(out, a, METRIC_QUEUE_TASKS, "lane", json_getc(answer, "queue"), 2);
	write_rows(out, a, METRIC_QUEUE_OLDEST, "lane", json_getc(answer, "queue"), 3);
	write_rows(out, a, METRIC_WORKERS, "lane", json_getc(answer, "lanes"), 1);
	write_number(out, a, METRIC_ADMISSION, json_getc(answer, "admission"));
	write_rows(out, a, METRIC_CAP_LIMIT, "cap", json_getc(answer, "caps"), 1);
	write_rows(out, a, METRIC_CAP_SPENT, "cap", json_getc(answer, "caps"), 2);
	write_rows(out, a, METRIC_CAP_HELD, "cap", json_getc(answer, "caps"), 3);
	write_number(out, a, METRIC_APPROVALS, json_getc(answer, "approvals"));
	write_number(out, a, METRIC_FILES, json_at(json_getc(answer, "files"), 0));
	write_number(out, a, METRIC_FILE_BYTES, json_at(json_getc(answer, "files"), 1));
	write_number(out, a, METRIC_WEBHOOKS, json_getc(answer, "webhooks"));
}

static void answer(struct figures *f, struct request *req)
{
	const struct json *v = f->last && store_is_up(server_store(f->web)) ? f->last->answer : NULL;
	struct buf out;

	buf_init(&out, req->arena);
	write_own(&out, f, v);
	for (int m = 0; m < METRICS; m++)
		if (metric_family((enum metric)m)->scope == METRIC_LOCAL)
			metric_write_local(&out, (enum metric)m);
	if (v) {
		write_shared(&out, req->arena, json_getc(v, "counters"));
		write_tables(&out, req->arena, v);
	}
	reply_json(&req->reply, 200, buf_str(&out));
	req->reply.type = "text/plain; version=0.0.4; charset=utf-8";
}

/* --- looking --- */

/* On the thread pool. */
static void look(void *arg)
{
	struct look *k = arg;
	struct str text;

	if (metrics_read(k->conninfo, k->arena, &text, &k->err) < 0 || json_parse(k->arena, text, NULL, &k->answer, &k->err) < 0)
		k->answer = NULL;
}

static void take(struct figures *f, struct look *k)
{
	int64_t now_ms = clock_boot_ms(), keep_ms = KEEP_TIMES * (now_ms - k->began_ms);

	if (!k->answer && !f->complained)
		log_warn("metrics.failed", "error=%s", log_quotec(k->err.msg));
	f->complained = !k->answer;
	if (f->last)
		arena_free(f->last->arena);
	arena_move(k->arena, NULL);
	f->last = k;
	f->until_ms = now_ms + (keep_ms < KEEP_MS ? KEEP_MS : keep_ms > KEEP_MAX_MS ? KEEP_MAX_MS : keep_ms);
}

static void leave(struct request *req)
{
	struct waiting **p = &server_figures(req->web)->waiting;

	while ((*p)->req != req)
		p = &(*p)->next;
	*p = (*p)->next;
}

static void answer_all(struct figures *f)
{
	while (f->waiting) {
		struct request *req = f->waiting->req;

		request_release(req);
		answer(f, req);
		request_resume(req);
	}
}

static void on_looked(struct op *op, void *arg)
{
	struct look *k = arg;
	struct figures *f = k->figures;
	struct web *w = f->web;

	f->op = NULL;
	if (op->err->code == ERR_NONE)
		take(f, k);
	answer_all(f);
	server_unref(w);
}

static void start_looking(struct figures *f)
{
	struct arena *a = arena_new(NULL), *kept = arena_new(a);
	struct look *k = ARENA_NEW(kept, struct look);

	k->figures = f;
	k->arena = kept;
	k->conninfo = server_settings(f->web)->database;
	k->began_ms = clock_boot_ms();
	server_ref(f->web);
	f->op = loop_work(server_loop(f->web), a, look, on_looked, k);
}

void api_metrics(struct request *req)
{
	struct figures *f = server_figures(req->web);
	struct waiting *w;

	if (request_no_params(req) < 0)
		return;
	if (!store_is_up(server_store(req->web)) || server_stopping(req->web) || (f->last && clock_boot_ms() < f->until_ms)) {
		answer(f, req);
		return;
	}
	w = ARENA_NEW(req->arena, struct waiting);
	w->req = req;
	w->next = f->waiting;
	f->waiting = w;
	request_hold(req, leave);
	request_suspend(req);
	if (!f->op)
		start_looking(f);
}

/* --- counting answers --- */

static struct str method_of(const struct request *req)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (str_is(req->method, known[i]))
			return req->method;
	return STR("other");
}

void figures_count(const struct request *req)
{
	struct str route = str_from(req->route ? req->route->pattern : "none"), method = method_of(req);
	char status[16];

	snprintf(status, sizeof status, "%d", req->reply.status);
	metric_add(METRIC_HTTP_REQUESTS, 1, route, method, str_from(status));
	metric_add(METRIC_HTTP_DURATION, clock_boot_ms() - req->began_ms, route, method);
	if (req->hook)
		hooks_count(req);
}

struct figures *figures_new(struct arena *a, struct web *w)
{
	struct figures *f = ARENA_NEW(a, struct figures);

	f->web = w;
	return f;
}

void figures_free(struct figures *f)
{
	if (f->op)
		op_cancel(f->op);
	if (f->last)
		arena_free(f->last->arena);
	f->last = NULL;
}
