/* registry.c - tools by name; arguments checked; one runner per kind; how calls end. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/proc.h"
#include "config/expr.h"
#include "config/lane.h"
#include "config/settings.h"
#include "schema/schema.h"
#include "tools/call.h"
#include "tools/output.h"

static const struct runner *const RUNNERS[] = {&run_http, &run_exec, &run_fs, &run_artifact};

struct tools {
	struct loop *loop;
	struct http *http;
	const struct settings *settings;
	const struct artifact_port *artifacts;
	const struct manifest **v;
	size_t n;
};

struct tools *tools_new(struct loop *l, struct http *h, const struct settings *settings)
{
	struct tools *t = calloc(1, sizeof *t);

	if (!t)
		fatal("out of memory: the registry of tools");
	t->loop = l;
	t->http = h;
	t->settings = settings;
	return t;
}

void tools_free(struct tools *t)
{
	if (t)
		free(t->v);
	free(t);
}

void tools_set_manifests(struct tools *t, const struct manifest *const *v, size_t n)
{
	free(t->v);
	t->v = calloc(n + 1, sizeof(*t->v));
	if (!t->v)
		fatal("out of memory: %zu manifests", n);
	if (n)
		memcpy(t->v, v, n * sizeof *v);
	t->n = n;
}

void tools_set_artifacts(struct tools *t, const struct artifact_port *p)
{
	t->artifacts = p;
}

const struct manifest *tools_find(const struct tools *t, struct str name)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = str_cmp(name, t->v[mid]->contract.name);

		if (order == 0)
			return t->v[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* --- lanes --- */

bool tools_serve(const struct tools *t, const struct workflow *w)
{
	for (size_t i = 0; i < w->n_contracts; i++) {
		const struct manifest *m = tools_find(t, w->contracts[i].name);

		if (m && !str_is(m->lane, "default") && !lane_in(m->lane, t->settings->worker.lanes, t->settings->worker.n_lanes))
			return false;
	}
	return true;
}

static const struct manifest *tool_of(const void *tools, struct str name)
{
	return tools_find(tools, name);
}

struct str tools_lane(struct arena *a, const struct tools *t, const struct workflow *w)
{
	struct lane_needs needs = lane_needs_of(a, w, tool_of, t);

	return lane_join(a, &needs);
}

const char *tools_workspace(struct arena *a, const struct settings *settings, const struct uuid *task)
{
	char text[37];

	uuid_format(task, text);
	return arena_printf(a, "%s/%s", settings->workspace_dir, text);
}

/* --- how a call ends --- */

/* Names that no manifest has may come from models. */
static void count(const struct call *c, const char *outcome)
{
	if (!c->asks)
		metric_add(METRIC_TOOL_CALLS, 1, c->manifest ? c->req.tool : STR("unknown"), str_from(outcome));
}

void call_fail(struct call *c, enum tool_outcome outcome, const struct err *err)
{
	struct err clean = *err;

	secrets_scrub_err(&c->secrets, &clean);
	c->result.outcome = outcome;
	c->result.value = NULL;
	count(c, outcome == TOOL_NOT_BEGUN ? "not_begun" : outcome == TOOL_DONE ? "failed" : "unknown");
	op_complete(&c->op, &clean);
}

/* {decision: happened | did_not_happen | unknown, result}: nothing else counts as a word. */
static int read_said(const struct json *v, struct tool_said *ret, struct err *err)
{
	static const char *const words[] = {"unknown", "happened", "did_not_happen"};
	struct str word = json_str(json_getc(v, "decision"));

	ret->result = json_getc(v, "result");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_is(word, words[i]))
			ret->what = (enum said)i;
	if (ret->what == SAID_UNKNOWN && !str_is(word, "unknown"))
		return err_set(err, ERR_TOOL_OUTPUT, "result of the query: expected {decision: happened, did_not_happen or unknown}");
	if (ret->what == SAID_HAPPENED && !ret->result) {
		ret->what = SAID_UNKNOWN;
		return err_set(err, ERR_TOOL_OUTPUT, "result of the query: it happened, but there is no \"result\" beside the decision");
	}
	return 0;
}

static void complete(struct call *c)
{
	count(c, "ok");
	op_complete(&c->op, NULL);
}

void call_succeed(struct call *c, const struct json *value)
{
	const struct manifest *m = c->manifest;
	struct err err = {0};

	c->result.outcome = TOOL_DONE;
	value = secrets_scrub_json(call_arena(c), &c->secrets, value);
	if (output_fit(call_arena(c), value, (size_t)m->max_output_bytes, m->truncate_output, &c->result.value,
		       &c->result.truncated, &err) < 0)
		call_fail(c, TOOL_DONE, &err);
	else if (c->asks && read_said(c->result.value, &c->said, &err) < 0)
		call_fail(c, TOOL_DONE, &err);
	else
		complete(c);
}

bool call_is_repeatable(const struct call *c)
{
	return c->req.effect == EFFECT_PURE || c->req.effect == EFFECT_IDEMPOTENT;
}

/* --- templates --- */

struct name_search {
	const char *name;
	bool found;
};

static void see_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct name_search *s = arg;

	(void)offset;
	(void)length;
	if (n == 0 || str_is(keys[0], s->name))
		s->found = true;
}

bool tmpl_reads(const struct tmpl *t, const char *name)
{
	struct name_search s = {name, false};

	tmpl_refs(t, see_ref, &s);
	return s.found;
}

/* Messages of expressions quote values: where credentials are among them nothing may be said. */
static int blame(bool secret, const char *what, struct err *err)
{
	struct err reason = *err;

	if (secret)
		return err_set(err, ERR_TOOL_ARGS, "cannot make the %s (it reads credentials: no details)", what);
	return err_set(err, ERR_TOOL_ARGS, "cannot make the %s from the arguments: %s", what, reason.msg);
}

int call_text(struct call *c, const struct tmpl *t, const char *what, struct str *ret, struct err *err)
{
	bool secret = tmpl_reads(t, "credentials");

	if (tmpl_eval_text(t, secret ? c->secret_root : c->root, call_arena(c), ret, err) < 0)
		return blame(secret, what, err);
	return 0;
}

int call_value(struct call *c, const struct tmpl *t, const char *what, const struct json **ret, struct err *err)
{
	bool secret = tmpl_reads(t, "credentials");

	if (tmpl_eval(t, secret ? c->secret_root : c->root, call_arena(c), ret, err) < 0)
		return blame(secret, what, err);
	return 0;
}

/* --- starting --- */

static void cancel_call(struct op *op)
{
	struct call *c = (struct call *)op;

	c->cancelled = true;
	if (c->part)
		op_cancel(c->part);
	else
		op_complete(&c->op, NULL);
}

static int fail_unknown(const struct tools *t, struct str name, struct err *err)
{
	struct arena *scratch = arena_new(NULL);
	const char **names = ARENA_ARRAY(scratch, t->n + 1, const char *), *near;

	for (size_t i = 0; i < t->n; i++)
		names[i] = str_cstr(scratch, t->v[i]->contract.name);
	near = str_nearest(name, names, t->n);
	err_set(err, ERR_TOOL_UNKNOWN, "unknown tool \"" STR_FMT "\"", STR_ARG(str_sub(name, 0, 100)));
	if (near)
		err_hint(err, "did you mean \"%.100s\"?", near);
	arena_free(scratch);
	return -1;
}

static void make_roots(struct call *c)
{
	struct arena *a = call_arena(c);
	char key[65];
	struct json_builder b;

	digest_hex(&c->req.effect_key, key);
	json_object_begin(&b, a);
	json_object_setc(&b, "args", c->req.args);
	json_object_setc(&b, "effect_key", json_stringc(a, key));
	json_object_setc(&b, "task", c->req.facts);
	c->root = json_object_end(&b);
	json_object_begin_from(&b, a, c->root);
	json_object_setc(&b, "credentials", secrets_json(a, &c->secrets));
	c->secret_root = json_object_end(&b);
}

static int prepare(struct tools *t, struct call *c, struct err *err)
{
	const struct manifest *m = tools_find(t, c->req.tool);

	if (!m)
		return fail_unknown(t, c->req.tool, err);
	/* The arguments of a query were checked when the call was made. */
	if (c->asks && !m->ask)
		return err_set(err, ERR_TOOL_UNKNOWN, "tool \"" STR_FMT "\" has no query", STR_ARG(c->req.tool));
	m = c->manifest = c->asks ? m->ask : m;
	if ((!c->asks && schema_require(m->args_check, c->req.args, ERR_TOOL_ARGS, err) < 0) ||
	    secrets_load(call_arena(c), m, c->settings, &c->secrets, err) < 0)
		return -1;
	if (c->req.timeout_ms <= 0 || c->req.timeout_ms > m->timeout_ms)
		c->req.timeout_ms = m->timeout_ms;
	c->deadline_ms = loop_now_ms(t->loop) + c->req.timeout_ms;
	make_roots(c);
	return 0;
}

static const struct runner *runner_of(const struct manifest *m)
{
	for (size_t i = 0; i < sizeof RUNNERS / sizeof *RUNNERS; i++)
		if (RUNNERS[i]->kind == m->runner)
			return RUNNERS[i];
	fatal("tool \"" STR_FMT "\": no runner of kind %d", STR_ARG(m->contract.name), (int)m->runner);
}

static struct op *start_call(struct tools *t, struct arena *a, const struct tool_request *req, bool asks, op_done_fn *done,
			     void *arg)
{
	struct call *c = ARENA_NEW(a, struct call);
	struct err err = {0};

	op_init(&c->op, t->loop, a, cancel_call, done, arg);
	c->http = t->http;
	c->settings = t->settings;
	c->artifacts = t->artifacts;
	c->req = *req;
	c->asks = asks;
	if (prepare(t, c, &err) < 0)
		call_fail(c, TOOL_NOT_BEGUN, &err);
	else
		runner_of(c->manifest)->start(c);
	return &c->op;
}

void tools_kill(struct op *op)
{
	const struct call *c = (const struct call *)op;

	op_cancel(op);
	if (c->part && c->manifest->runner == RUNNER_EXEC)
		proc_kill(c->part);
}

struct op *tools_call(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	return start_call(t, a, req, false, done, arg);
}

struct op *tools_ask(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	return start_call(t, a, req, true, done, arg);
}

const struct tool_said *tools_said_of(const struct op *op)
{
	return &((const struct call *)op)->said;
}

const struct tool_result *tools_result_of(const struct op *op)
{
	return &((const struct call *)op)->result;
}
