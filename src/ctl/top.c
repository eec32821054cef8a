/* top.c - see top.h. */
#include "ctl/top.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/ctl.h"

enum { MAX_LINES = 2000 };

/* --- rates --- */

static double figure(const struct json *obj, const char *key)
{
	const struct json *v = json_getc(obj, key);

	return json_is_number(v) ? json_to_double(v) : 0;
}

static double all_ended(const struct json *ended)
{
	double n = 0;

	for (size_t i = 0; i < json_len(ended); i++)
		n += json_to_double(json_val(ended, i));
	return n;
}

void top_learn(struct top_rates *r, const struct json *figures)
{
	const struct json *counters = json_getc(figures, "counters"), *ended = json_getc(counters, "ended");
	struct top_sample s = {.submitted = figure(counters, "submitted"), .ended = all_ended(ended),
			       .failed = figure(ended, "failed") + figure(ended, "expired")};
	size_t old = 0;

	if (!time_parse(cell(figures, "now"), &s.at_us))
		return;
	while (old < r->n && (r->v[old].at_us < s.at_us - TOP_WINDOW_MS * INT64_C(1000) || r->n - old == TOP_SAMPLES))
		old++;
	memmove(r->v, r->v + old, (r->n - old) * sizeof r->v[0]);
	r->n -= old;
	r->v[r->n++] = s;
}

static const char *rate(struct arena *a, const struct top_rates *r, double first, double last)
{
	double s = r->n < 2 ? 0 : (double)(r->v[r->n - 1].at_us - r->v[0].at_us) / 1e6;

	return s > 0 ? arena_printf(a, "%.1f/s", (last - first) / s) : "-";
}

/* --- lines --- */

struct frame {
	struct arena *a;
	const struct json *figures;
	const struct top_view *view;
	struct top_line *v;
	size_t n;
};

static bool is_mark(uint32_t cp)
{
	return (cp >= 0x300 && cp <= 0x36f) || (cp >= 0x20d0 && cp <= 0x20ff) || (cp >= 0xfe00 && cp <= 0xfe0f);
}

static bool is_wide(uint32_t cp)
{
	return (cp >= 0x1100 && cp <= 0x115e) || (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
	       (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) || (cp >= 0xffe0 && cp <= 0xffe6) ||
	       (cp >= 0x1f300 && cp <= 0x1faff) || (cp >= 0x20000 && cp <= 0x3fffd);
}

struct str top_cut(struct str line, size_t width)
{
	size_t columns = 0;

	for (size_t i = 0; i < line.n;) {
		size_t from = i;
		uint32_t cp = utf8_next(line, &i);

		columns += is_mark(cp) ? 0 : is_wide(cp) ? 2 : 1;
		if (columns > width)
			return str_sub(line, 0, from);
	}
	return line;
}

static void add(struct frame *f, struct str text, bool heading)
{
	while (text.n && text.p[text.n - 1] == ' ')
		text.n--;
	if (f->n < MAX_LINES && (!f->view->height || f->n < f->view->height))
		f->v[f->n++] = (struct top_line){.text = f->view->width ? top_cut(text, f->view->width) : text, .heading = heading};
}

/* A table behind an empty line; nothing where it has no rows. */
static void add_table(struct frame *f, const struct table *t, size_t rows)
{
	struct buf b;
	struct str rest;
	bool heading = true;

	if (rows == 0)
		return;
	add(f, STR(""), false);
	buf_init(&b, f->a);
	table_write(t, &b);
	for (rest = buf_str(&b); rest.n; heading = false) {
		size_t end = (size_t)str_chr(rest, '\n');

		add(f, str_sub(rest, 0, end), heading);
		rest = str_sub(rest, end + 1, rest.n);
	}
}

static struct str seconds(struct arena *a, const struct json *row, const char *key)
{
	char text[32];

	if (!json_is_number(json_getc(row, key)))
		return STR("-");
	duration_format((int64_t)(figure(row, key) * 1000), text);
	return str_from(arena_strdup(a, text));
}

static struct str oldest(struct arena *a, const struct json *row)
{
	return figure(row, "ready") > 0 ? seconds(a, row, "oldest_ready_s") : STR("-");
}

static struct str up(struct arena *a, const struct json *row)
{
	return seconds(a, row, "up_s");
}

static struct str lease(struct arena *a, const struct json *row)
{
	char text[32];

	if (figure(row, "lease_ms") < 0)
		return STR("SILENT");
	duration_format((int64_t)figure(row, "lease_ms"), text);
	return str_from(arena_strdup(a, text));
}

static struct str whole(struct arena *a, int64_t n)
{
	return n ? str_from(arena_printf(a, "%lld", (long long)n)) : STR("-");
}

/* --- what each workflow has --- */

enum { COLUMN_READY, COLUMN_RUNNING, COLUMN_APPROVAL, COLUMN_TIMER, COLUMN_OTHER, COLUMN_UNCERTAIN, COLUMN_QUARANTINED, COLUMNS };

static const struct {
	const char *state;
	int column;
} state_columns[] = {
	{"ready", COLUMN_READY}, {"running", COLUMN_RUNNING}, {"waiting_approval", COLUMN_APPROVAL}, {"waiting_timer", COLUMN_TIMER},
	{"waiting_event", COLUMN_OTHER}, {"waiting_slot", COLUMN_OTHER}, {"uncertain", COLUMN_UNCERTAIN}, {"quarantined", COLUMN_QUARANTINED},
};

struct flow {
	struct str name, oldest;
	int64_t n[COLUMNS], all;
};

static int by_tasks(const void *x, const void *y)
{
	const struct flow *a = x, *b = y;

	return a->all != b->all ? (a->all < b->all ? 1 : -1) : str_cmp(a->name, b->name);
}

/* Rows of one workflow stand together. */
static size_t read_flows(struct frame *f, const struct json *rows, struct flow *flows)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);
		int64_t tasks = (int64_t)figure(row, "tasks");

		if (n == 0 || !str_eq(flows[n - 1].name, cell(row, "workflow")))
			flows[n++] = (struct flow){.name = cell(row, "workflow"), .oldest = STR("-")};
		for (size_t k = 0; k < sizeof state_columns / sizeof state_columns[0]; k++)
			if (str_is(cell(row, "state"), state_columns[k].state))
				flows[n - 1].n[state_columns[k].column] += tasks;
		flows[n - 1].all += tasks;
		if (str_is(cell(row, "state"), "ready"))
			flows[n - 1].oldest = seconds(f->a, row, "oldest_s");
	}
	return n;
}

static int64_t queued(const struct json *figures)
{
	const struct json *lanes = json_getc(figures, "lanes");
	double n = 0;

	for (size_t i = 0; i < json_len(lanes); i++)
		n += figure(json_at(lanes, i), "ready") + figure(json_at(lanes, i), "running") + figure(json_at(lanes, i), "waiting");
	return (int64_t)n;
}

static void add_flows(struct frame *f)
{
	const char *headings[COLUMNS + 2] = {"WORKFLOW", "READY", "RUNNING", "APPROVAL", "TIMER", "OTHER", "UNCERTAIN", "QUARANTINED", "OLDEST READY"};
	const struct json *rows = json_getc(f->figures, "workflows");
	struct flow *flows = ARENA_ARRAY(f->a, json_len(rows) + 1, struct flow);
	size_t n = read_flows(f, rows, flows);
	int64_t seen = 0, all = queued(f->figures);
	struct table *t;

	for (size_t i = 0; i < n; i++)
		seen += flows[i].all;
	if (f->view->sort == TOP_BY_TASKS)
		qsort(flows, n, sizeof flows[0], by_tasks);
	if (seen < all)
		headings[0] = arena_printf(f->a, "WORKFLOW (%lld of %lld tasks)", (long long)seen, (long long)all);
	t = table_new(f->a, headings, COLUMNS + 2);
	for (size_t i = 0; i < n; i++) {
		table_cell(t, flows[i].name);
		for (int k = 0; k < COLUMNS; k++)
			table_cell(t, whole(f->a, flows[i].n[k]));
		table_cell(t, flows[i].oldest);
	}
	add_table(f, t, n);
}

/* --- the frame --- */

static void add_head(struct frame *f, const struct top_rates *r)
{
	const struct top_sample none = {0}, *first = r->n ? &r->v[0] : &none, *last = r->n ? &r->v[r->n - 1] : &none;
	const struct json *approvals = json_getc(f->figures, "approvals");
	int64_t people = (int64_t)figure(approvals, "pending");
	const char *next = people ? arena_printf(f->a, ", the first until " STR_FMT, STR_ARG(cell(approvals, "next_expires_at"))) : "";

	add(f, str_from(arena_printf(f->a, "agentd  " STR_FMT "  submitted %s  ended %s  failed %s  spent today " STR_FMT " USD", STR_ARG(cell(f->figures, "now")),
				     rate(f->a, r, first->submitted, last->submitted), rate(f->a, r, first->ended, last->ended),
				     rate(f->a, r, first->failed, last->failed), STR_ARG(r->spent_usd.p ? r->spent_usd : STR("?")))), false);
	add(f, str_from(arena_printf(f->a, "%lld request%s for people%s", (long long)people, people == 1 ? "" : "s", next)), false);
	if (f->view->notice)
		add(f, print_line_of(f->a, str_from(f->view->notice)), true);
	if (cell(f->figures, "admission").n)
		add(f, print_line_of(f->a, str_from(arena_printf(f->a, "no new tasks are taken: " STR_FMT, STR_ARG(cell(f->figures, "admission"))))), true);
}

static void add_rows(struct frame *f, const char *key, const struct column *columns, size_t n)
{
	const struct json *rows = json_getc(f->figures, key);

	add_table(f, table_of(f->a, rows, columns, n), json_len(rows));
}

const struct top_line *top_frame(struct arena *a, const struct json *figures, const struct top_rates *r, const struct top_view *v, size_t *ret_n)
{
	static const struct column lanes[] = {
		{"LANE", "lane", NULL}, {"WORKERS", "workers", NULL}, {"READY", "ready", NULL}, {"UNCLAIMED", "unclaimed", NULL},
		{"RUNNING", "running", NULL}, {"WAITING", "waiting", NULL}, {"OLDEST READY", NULL, oldest},
	};
	static const struct column workers[] = {
		{"WORKER", "host", NULL}, {"PID", "pid", NULL}, {"TASKS", "tasks", NULL}, {"LEASE", NULL, lease}, {"UP", NULL, up},
		{"LANES", "lanes", NULL},
	};
	static const struct column failed[] = {
		{"FAILED LAST", "at", NULL}, {"TASK", "task", NULL}, {"WORKFLOW", "workflow", NULL}, {"ERROR", "type", NULL}, {"", "message", NULL},
	};
	struct frame f = {.a = a, .figures = figures, .view = v, .v = ARENA_ARRAY(a, MAX_LINES, struct top_line)};

	add_head(&f, r);
	add_rows(&f, "lanes", lanes, sizeof lanes / sizeof lanes[0]);
	add_flows(&f);
	add_rows(&f, "workers", workers, sizeof workers / sizeof workers[0]);
	add_rows(&f, "failed", failed, sizeof failed / sizeof failed[0]);
	*ret_n = f.n;
	return f.v;
}
