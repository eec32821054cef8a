/* probe.c - one attempt, with the gateway's own wires. */
#include "gateway/probe.h"

#include "base/arena.h"
#include "base/err.h"
#include "gateway/attempt.h"

enum { MAX_MS = 60000, ROOM_TO_THINK = 256 };

struct probe_call {
	struct op op;
	struct http *http;
	struct wire_request question;
	struct message message;
	struct str text;
	struct op *attempt;
	struct probe_result result;
};

static void ask(struct probe_call *p, int64_t max_output);

static void on_cancel(struct op *op)
{
	op_cancel(((struct probe_call *)op)->attempt);
}

/* The key was taken and the model was asked: that it found nothing to say within its limit is no fault of theirs. */
static bool has_answered(const struct attempt_result *r, const struct err *err)
{
	return err->code == ERR_NONE || (err->code == ERR_MODEL_EMPTY_OUTPUT && r->http_status == 200);
}

static void on_answer(struct op *op, void *arg)
{
	struct probe_call *p = arg;
	const struct attempt_result *r = attempt_result_of(op);
	struct str model = r->answer->model.n ? r->answer->model : p->question.model->id;

	p->result.answered = str_dup(p->op.arena, str_clip(model, 200));
	p->result.http_status = r->http_status;
	p->result.latency_ms = r->total_ms;
	if (op->err->code == ERR_MODEL_INVALID_REQUEST && p->question.max_output == 1)
		ask(p, ROOM_TO_THINK);
	else
		op_complete(&p->op, has_answered(r, op->err) ? NULL : op->err);
}

static void ask(struct probe_call *p, int64_t max_output)
{
	p->question.max_output = max_output;
	p->question.attempt++;
	p->attempt = attempt_start(p->op.loop, p->http, arena_new(p->op.arena), &p->question, MAX_MS, on_answer, p);
}

struct op *probe_start(struct loop *l, struct http *h, struct arena *a, const struct endpoint *e, const struct model *m, op_done_fn *done,
		       void *arg)
{
	struct probe_call *p = ARENA_NEW(a, struct probe_call);

	op_init(&p->op, l, a, on_cancel, done, arg);
	p->http = h;
	p->message = (struct message){.role = ROLE_USER, .text = STR("Say ok.")};
	p->text = STR("ok");
	p->question = (struct wire_request){.endpoint = e, .model = m, .tier = STR("probe"), .temperature = -1};
	if (m->kind == MODEL_EMBEDDING) {
		p->question.texts = &p->text;
		p->question.n_texts = 1;
	} else {
		p->question.messages = &p->message;
		p->question.n_messages = 1;
	}
	ask(p, 1);
	return &p->op;
}

const struct probe_result *probe_result_of(const struct op *op)
{
	return &((const struct probe_call *)op)->result;
}

const struct model *probe_model(const struct routing *r, const struct provider *p)
{
	const struct model *embeds = NULL;

	for (size_t i = 0; i < r->n_models; i++) {
		if (r->models[i].provider != p)
			continue;
		if (r->models[i].kind == MODEL_CHAT)
			return &r->models[i];
		if (!embeds)
			embeds = &r->models[i];
	}
	if (embeds)
		return embeds;
	for (size_t i = 0; r->shadow && p == &r->shadow->provider && i < r->n_tiers; i++)
		if (r->shadow->tiers[i].n_steps)
			return r->shadow->tiers[i].steps[0].model;
	return NULL;
}
