/* trace.c - see trace.h. */
#include "publish/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

enum { US_PER_MS = 1000 };

/* Spans of steps by path; a call that was tried again stands there more than once. */
struct index {
	struct trace_span **by_path;
	size_t n;
};

static int64_t number(const struct json *obj, const char *key)
{
	int64_t n = 0;

	json_to_int(json_getc(obj, key), &n);
	return n;
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static struct str text(const struct json *obj, const char *key)
{
	struct str s = json_str(json_getc(obj, key));

	return s.p ? s : STR("");
}

/* --- places --- */

/* The step's id as the workflow has it: of "each[3]/send~2" it is send. */
static struct str step_of(struct str path)
{
	size_t from = path.n, to;

	while (from > 0 && path.p[from - 1] != '/')
		from--;
	for (to = from; to < path.n && path.p[to] != '~' && path.p[to] != '['; to++)
		;
	return str_sub(path, from, to - from);
}

/* Where what stands at path stands in: of "each[3]/send" it is "each[3]", of that "each"; "" stands in nothing. */
static struct str outer(struct str path)
{
	bool is_iteration = path.n > 0 && path.p[path.n - 1] == ']';

	while (path.n > 0 && path.p[path.n - 1] != (is_iteration ? '[' : '/'))
		path.n--;
	return str_sub(path, 0, path.n > 0 ? path.n - 1 : 0);
}

static int by_path(const void *x, const void *y)
{
	const struct trace_span *const *a = x, *const *b = y;

	return str_cmp((*a)->path, (*b)->path);
}

static struct trace_span *find(const struct index *x, struct str path)
{
	const struct trace_span key = {.path = path}, *k = &key;
	struct trace_span **found = x->n ? bsearch(&k, x->by_path, x->n, sizeof *x->by_path, by_path) : NULL;

	return found ? *found : NULL;
}

/* --- spans --- */

static void set_id(struct trace_span *s, struct str task, int64_t try, struct str call)
{
	const struct str parts[] = {task, s->path, {(const char *)&try, sizeof try}, {(const char *)&s->kind, sizeof s->kind}, call};
	struct digest d;
	char hex[65];

	digest_of_parts(parts, sizeof parts / sizeof parts[0], &d);
	digest_hex(&d, hex);
	memcpy(s->id, hex, TRACE_SPAN_ID);
}

static struct str name_of(struct arena *a, const char *what, struct str of)
{
	return of.n ? str_from(arena_printf(a, "%s " STR_FMT, what, STR_ARG(of))) : str_from(what);
}

static void set_times(struct trace_span *s, const struct json *facts, int64_t from_us, int64_t to_us)
{
	s->open = to_us == 0;
	s->from_us = from_us;
	s->to_us = s->open ? number(facts, "now") : to_us;
	if (s->to_us < from_us)		/* the clocks of two machines */
		s->to_us = from_us;
}

static struct trace_span *workflow_span(struct arena *a, const struct json *facts)
{
	struct trace_span *s = ARENA_NEW(a, struct trace_span);

	s->kind = TRACE_WORKFLOW;
	s->fact = facts;
	s->path = s->step = STR("");
	s->name = name_of(a, "invoke_workflow", text(facts, "workflow"));
	s->error = text(facts, "error");
	if (!s->error.n && (str_is(text(facts, "state"), "cancelled") || str_is(text(facts, "state"), "expired")))
		s->error = text(facts, "state");
	set_times(s, facts, number(facts, "from"), number(facts, "to"));
	set_id(s, text(facts, "task"), 1, STR(""));
	return s;
}

static struct trace_span *step_span(struct arena *a, const struct json *facts, const struct json *row)
{
	struct trace_span *s = ARENA_NEW(a, struct trace_span);
	struct str kind = text(row, "kind");

	s->fact = row;
	s->path = text(row, "path");
	s->step = step_of(s->path);
	if (str_is(kind, "agent")) {
		s->kind = TRACE_AGENT;
		s->name = name_of(a, "invoke_agent", s->step);
	} else if (str_is(kind, "call")) {
		s->kind = TRACE_TOOL;
		s->name = name_of(a, "execute_tool", text(row, "tool"));
	} else if (str_is(kind, "model")) {
		s->kind = TRACE_ROUTE;
		s->name = name_of(a, "route", text(row, "tier"));
	} else {
		s->kind = TRACE_STEP;
		s->name = name_of(a, str_cstr(a, kind), s->step);
	}
	s->error = str_is(text(row, "status"), "cancelled") ? STR("cancelled") : text(row, "error");
	set_times(s, facts, number(row, "from"), number(row, "to"));
	set_id(s, text(facts, "task"), number(row, "try"), STR(""));
	return s;
}

const char *trace_operation(const struct json *call)
{
	return str_is(text(call, "operation"), "embeddings") ? "embeddings" : "chat";
}

static struct trace_span *chat_span(struct arena *a, const struct json *facts, const struct json *row)
{
	struct trace_span *s = ARENA_NEW(a, struct trace_span);

	s->kind = TRACE_CHAT;
	s->fact = s->asked = row;
	s->path = text(row, "path");
	s->step = step_of(s->path);
	s->name = name_of(a, trace_operation(row), text(row, "model"));
	s->error = text(row, "error");
	s->from_us = number(row, "from");
	s->to_us = add(s->from_us, number(row, "ms") * US_PER_MS);
	s->sum.n_calls = 1;
	s->sum.in_cached = number(row, "in_cached");
	s->sum.in_write = number(row, "in_write");
	s->sum.in = add(number(row, "in_fresh"), add(s->sum.in_cached, s->sum.in_write));
	s->sum.out_reason = number(row, "out_reason");
	s->sum.out = add(number(row, "out_text"), s->sum.out_reason);
	money_parse(text(row, "cost_usd"), &s->sum.cost_pusd);
	set_id(s, text(facts, "task"), number(row, "attempt"), text(row, "id"));
	return s;
}

/* --- the tree --- */

static int by_beginning(const void *x, const void *y)
{
	const struct trace_span *const *a = x, *const *b = y;
	int order;

	if ((*a)->from_us != (*b)->from_us)
		return (*a)->from_us < (*b)->from_us ? -1 : 1;
	order = str_cmp((*a)->path, (*b)->path);
	return order ? order : strcmp((*a)->id, (*b)->id);
}

static void hang(struct trace_span *s, const struct index *steps, struct trace_span *root)
{
	struct str path = s->path;

	if (s->kind == TRACE_CHAT)
		s->parent = find(steps, path);
	while (!s->parent && path.n) {
		path = outer(path);
		s->parent = find(steps, path);
	}
	if (!s->parent)
		s->parent = root;
	if (s->parent->last)
		s->parent->last->next = s;
	else
		s->parent->first = s;
	s->parent->last = s;
}

static void sum_up(const struct trace_span *chat)
{
	const struct trace_sum *n = &chat->sum;

	for (struct trace_span *s = chat->parent; s; s = s->parent) {
		struct trace_sum *sum = &s->sum;

		s->asked = chat->fact;
		sum->n_calls++;
		sum->in = add(sum->in, n->in);
		sum->in_cached = add(sum->in_cached, n->in_cached);
		sum->in_write = add(sum->in_write, n->in_write);
		sum->out = add(sum->out, n->out);
		sum->out_reason = add(sum->out_reason, n->out_reason);
		sum->cost_pusd = add(sum->cost_pusd, n->cost_pusd);
	}
}

/* Parents before their children. */
static void line_up(struct trace *t)
{
	struct trace_span *s = t->spans[0];
	size_t n = 0;

	while (s) {
		t->spans[n++] = s;
		s->depth = s->parent ? s->parent->depth + 1 : 0;
		if (s->first) {
			s = s->first;
			continue;
		}
		while (s && !s->next)
			s = s->parent;
		s = s ? s->next : NULL;
	}
}

static void build(struct arena *a, struct trace *t, size_t n_steps)
{
	struct trace_span **rest = t->spans + 1;
	struct index steps = {ARENA_ARRAY(a, n_steps ? n_steps : 1, struct trace_span *), n_steps};

	for (size_t i = 0; i < n_steps; i++)
		steps.by_path[i] = rest[i];
	qsort(steps.by_path, n_steps, sizeof *steps.by_path, by_path);
	qsort(rest, t->n - 1, sizeof *rest, by_beginning);
	for (size_t i = 0; i < t->n - 1; i++)
		hang(rest[i], &steps, t->spans[0]);
	for (size_t i = 0; i < t->n - 1; i++)
		if (rest[i]->kind == TRACE_CHAT)
			sum_up(rest[i]);
	line_up(t);
}

static void set_trace_id(struct trace *t)
{
	struct str task = text(t->facts, "task");
	size_t n = 0;

	for (size_t i = 0; i < task.n && n < TRACE_ID; i++)
		if (task.p[i] != '-')
			t->id[n++] = task.p[i];
}

struct trace *trace_make(struct arena *a, const struct json *facts)
{
	const struct json *steps = json_getc(facts, "steps"), *calls = json_getc(facts, "calls");
	struct trace *t = ARENA_NEW(a, struct trace);

	t->facts = facts;
	set_trace_id(t);
	t->spans = ARENA_ARRAY(a, 1 + json_len(steps) + json_len(calls), struct trace_span *);
	t->spans[t->n++] = workflow_span(a, facts);
	for (size_t i = 0; i < json_len(steps); i++)
		t->spans[t->n++] = step_span(a, facts, json_at(steps, i));
	for (size_t i = 0; i < json_len(calls); i++)
		t->spans[t->n++] = chat_span(a, facts, json_at(calls, i));
	build(a, t, json_len(steps));
	return t;
}
