/* outside.c - the fake tools and models: answers by the script. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "gateway/gateway.h"
#include "world.h"

struct ask {
	struct op op;
	struct world *world;
	const struct reply *reply;
	struct told *told;
	struct tool_result result;
	struct tool_said said;
	struct model_answer answer;
	struct model_call call;
	struct err err;
};

/* The how-manyth try is this? One more than failures committed under that path. */
static int nth_of(const struct world *w, struct str path)
{
	int n = 1;

	for (size_t i = 0; i < w->n_rows; i++)
		if (str_eq(w->rows[i].path, path) && str_is(w->rows[i].kind, "step.failed"))
			n++;
	return n;
}

static const struct reply *find_reply(const struct world *w, struct str name, const struct json *args, int nth, size_t n_messages)
{
	for (struct reply *r = w->replies; r; r = r->next) {
		if (!str_eq(r->name, name) || (r->nth && r->nth != nth) || (r->match && args && !json_equal(r->match, args)) ||
		    (r->once && r->used) || (r->longer && n_messages <= (size_t)r->longer))
			continue;
		r->used = true;
		return r;
	}
	fatal("the script has no reply of \"" STR_FMT "\" for try %d", STR_ARG(name), nth);
}

static void deliver(void *arg)
{
	struct ask *k = arg;

	k->world->n_in_flight--;
	op_complete(&k->op, k->err.code == ERR_NONE ? NULL : &k->err);
}

bool world_fire(struct world *w, struct str name)
{
	bool fired = false;

	for (struct event *e = w->events; e; e = e->next) {
		if (e->done || !e->on_call.p || !str_eq(e->on_call, name))
			continue;
		e->done = fired = true;
		switch (e->kind) {
		case EVENT_CANCEL:
			w->cancel_asked = true;
			engine_cancel(w->engine, &w->task);
			break;
		case EVENT_DRAIN:
			engine_drain(w->engine);
			break;
		case EVENT_RELEASE:
			engine_release_now(w->engine);
			break;
		case EVENT_DROP:
			engine_drop_all(w->engine);
			break;
		case EVENT_GONE:
			w->gone = e->on_call;
			break;
		case EVENT_POLICY:
			w->policy = w->later_policy;
			engine_set_policy(w->engine, w->policy);
			break;
		}
	}
	return fired;
}

/* What hangs ends when it is cancelled: with a late answer if the script has one, else unknown. */
static void on_cancel(struct op *op)
{
	struct ask *k = (struct ask *)op;

	if (!k->reply->hang)
		return;
	if (!k->reply->value)
		k->result.outcome = k->reply->outcome;
	err_set(&k->err, ERR_CANCELLED, "cancelled");
	loop_defer(k->world->loop, deliver, k);
}

static void ask_begin(struct ask *k, struct arena *a, const struct reply *reply, op_done_fn *done, void *arg)
{
	struct world *w = the_world;

	k->world = w;
	k->reply = reply;
	w->n_in_flight++;
	op_init(&k->op, w->loop, a, on_cancel, done, arg);
	if (reply->error)
		k->err = reply->err;
	if (!reply->hang)
		loop_defer(w->loop, deliver, k);
}

/* --- tools --- */

static struct told *tell(struct world *w, const struct tool_request *req, const struct reply *reply)
{
	struct told *t = w->told;

	while (t && !digest_eq(&t->key, &req->effect_key))
		t = t->next;
	if (!t) {
		t = ARENA_NEW(w->arena, struct told);
		t->key = req->effect_key;
		t->tool = str_dup(w->arena, req->tool);
		t->effect = req->effect;
		t->next = w->told;
		w->told = t;
	}
	t->times++;
	t->not_begun += reply->outcome == TOOL_NOT_BEGUN && (reply->error || (reply->hang && !reply->value));
	return t;
}

/* The path under which a call was committed, by its key. */
static struct str path_of(const struct world *w, const struct digest *key)
{
	char hex[65];

	digest_hex(key, hex);
	for (size_t i = w->n_rows; i > 0; i--)
		if (str_is(json_str(json_getc(w->rows[i - 1].value, "key")), hex) &&
		    str_is(w->rows[i - 1].kind, "step.started"))
			return w->rows[i - 1].path;
	fatal("a tool was called before its step.started was committed");
}

/* As tools/registry.c answers for what is not installed any more. */
static const struct reply *refusal(struct arena *a)
{
	struct reply *r = ARENA_NEW(a, struct reply);

	r->error = true;
	r->outcome = TOOL_NOT_BEGUN;
	err_set(&r->err, ERR_TOOL_UNKNOWN, "unknown tool");
	return r;
}

struct op *tools_call(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	struct world *w = the_world;
	struct ask *k = ARENA_NEW(a, struct ask);
	int nth = nth_of(w, path_of(w, &req->effect_key));
	const struct reply *reply = tools_find(t, req->tool) ? find_reply(w, req->tool, req->args, nth, 0) : refusal(a);

	k->told = tell(w, req, reply);
	k->result = (struct tool_result){.outcome = reply->outcome, .value = reply->value};
	ask_begin(k, a, reply, done, arg);
	world_fire(w, req->tool);
	return &k->op;
}

void tools_kill(struct op *op)
{
	op_cancel(op);
}

const struct tool_result *tools_result_of(const struct op *op)
{
	return &((const struct ask *)op)->result;
}

/* --- what became of a call? --- */

static int nth_ask(const struct world *w, struct str path)
{
	int n = 1;

	for (size_t i = 0; i < w->n_rows; i++)
		n += str_is(w->rows[i].kind, "ask.answered") && str_starts(w->rows[i].path, path);
	return n;
}

/* By the script's reply of "ask:NAME", whose try counts the asks that brought nothing. */
struct op *tools_ask(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	static const char *const words[] = {"unknown", "happened", "did_not_happen"};
	struct world *w = the_world;
	struct ask *k = ARENA_NEW(a, struct ask);
	struct str name = str_from(arena_printf(a, "ask:" STR_FMT, STR_ARG(req->tool)));
	const struct reply *reply = find_reply(w, name, req->args, nth_ask(w, path_of(w, &req->effect_key)), 0);

	(void)t;
	for (size_t i = 0; i < 3; i++)
		if (str_is(json_str(json_getc(reply->value, "decision")), words[i]))
			k->said = (struct tool_said){(enum said)i, json_getc(reply->value, "result")};
	ask_begin(k, a, reply, done, arg);
	world_fire(w, name);
	return &k->op;
}

const struct tool_said *tools_said_of(const struct op *op)
{
	return &((const struct ask *)op)->said;
}

const struct manifest *tools_find(const struct tools *t, struct str name)
{
	(void)t;
	for (const struct fake_tool *f = the_world->tools; f; f = f->next)
		if (str_eq(f->manifest->contract.name, name) && !str_eq(name, the_world->gone))
			return f->manifest;
	return NULL;
}

/* Every tool runs everywhere here. */
bool tools_serve(const struct tools *t, const struct workflow *w)
{
	(void)t, (void)w;
	return true;
}

struct str tools_lane(struct arena *a, const struct tools *t, const struct workflow *w)
{
	(void)a, (void)t, (void)w;
	return STR_NONE;
}

/* --- models --- */

/* As a model would see it: "u:prompt|a:text>name(args)|t:result|". */
static struct str spoken(struct arena *a, const struct model_request *req)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < req->n_messages; i++) {
		const struct message *m = &req->messages[i];

		buf_addf(&b, "%c:" STR_FMT, "suat"[m->role], STR_ARG(m->text));
		for (size_t k = 0; k < m->n_calls; k++)
			buf_addf(&b, ">" STR_FMT "(" STR_FMT ")", STR_ARG(m->calls[k].name), STR_ARG(m->calls[k].args));
		buf_adds(&b, "|");
	}
	for (size_t i = 0; i < req->n_tools; i++)
		buf_addf(&b, "+" STR_FMT, STR_ARG(req->tools[i].name));
	return buf_str(&b);
}

static void answer_calls(struct ask *k, struct arena *a, const struct json *calls)
{
	struct tool_call *v = ARENA_ARRAY(a, json_len(calls), struct tool_call);

	for (size_t i = 0; i < json_len(calls); i++) {
		const struct json *args = json_at(json_at(calls, i), 1);

		v[i].id = str_from(arena_printf(a, "id%zu", i));
		v[i].name = json_str(json_at(json_at(calls, i), 0));
		v[i].args = json_type(args) == JSON_STRING ? json_str(args) : json_text(a, args);
	}
	k->answer.tool_calls = v;
	k->answer.n_tool_calls = json_len(calls);
}

/* Every call is answered before anybody else speaks: as providers demand it. */
static void check_spoken(const struct model_request *req)
{
	for (size_t i = 0; i < req->n_messages; i++) {
		const struct message *m = &req->messages[i];

		for (size_t k = 0; k < m->n_calls; k++)
			if (i + 1 + k >= req->n_messages || m[k + 1].role != ROLE_TOOL || !str_eq(m[k + 1].call_id, m->calls[k].id))
				fatal("call " STR_FMT " is not answered in its place", STR_ARG(m->calls[k].id));
	}
}

struct op *gateway_call(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg)
{
	struct world *w = the_world;
	struct ask *k = ARENA_NEW(a, struct ask);
	ptrdiff_t slash = str_find(req->path, STR("/turn-"));
	int nth = nth_of(w, str_sub(req->path, 0, (size_t)slash));
	const struct reply *reply = find_reply(w, req->path, NULL, nth, req->n_messages);

	(void)g;
	check_spoken(req);
	k->call = (struct model_call){.id = uuid_new(), .path = str_dup(a, req->path), .attempt = 1,
				      .tier = req->tier, .cost_source = "none"};
	/* ECHO: the answer is what was asked. */
	k->answer = (struct model_answer){.text = str_is(reply->text, "ECHO") ? spoken(w->arena, req) : reply->text,
					  .finish_reason = STR("stop"), .calls = &k->call, .n_calls = 1,
					  .cost_pusd = 7};
	answer_calls(k, a, reply->calls);
	ask_begin(k, a, reply, done, arg);
	world_fire(w, req->path);
	return &k->op;
}

const struct model_answer *gateway_answer_of(const struct op *op)
{
	return &((const struct ask *)op)->answer;
}
