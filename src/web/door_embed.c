/* door_embed.c - POST /v1/embeddings: texts to a tier that makes vectors of them. */
#include "base/arena.h"
#include "base/err.h"
#include "config/routing.h"
#include "gateway/gateway.h"
#include "web/door.h"
#include "web/door_call.h"
#include "web/door_error.h"
#include "web/door_vectors.h"
#include "web/request.h"
#include "web/route.h"

struct embedding {
	struct door_call call;
	bool base64;
};

static void tell(struct door_call *c, const struct model_answer *answer, const struct err *err)
{
	const struct embedding *e = (const struct embedding *)c;
	struct request *req = c->req;
	struct buf b;

	if (err->code == ERR_NONE) {
		buf_init(&b, req->arena);
		door_write_vectors(&b, c->tier, answer, e->base64);
		reply_json(&req->reply, 200, buf_str(&b));
		door_call_dress(c);
		door_call_name_step(c, answer);
		door_call_name_cost(c, answer);
	} else {
		door_call_refuse(c, err);
	}
	door_call_reply(c);
}

static void start(struct request *req, const struct door_texts *q)
{
	struct model_request question = {.path = STR("embed"), .texts = q->texts, .n_texts = q->n_texts, .temperature = -1};
	struct embedding *e = door_call_new(req, sizeof *e, q->model, q->ignored);

	if (!e)
		return;
	e->call.asked = "input";
	e->call.tell = tell;
	e->base64 = q->base64;
	door_call_start(&e->call, &question, gateway_embed);
}

void api_embeddings(struct request *req)
{
	const struct json *body = door_body(req);
	const struct tier *t;
	struct door_fault fault;
	struct door_texts q;

	if (!body)
		return;
	if (door_texts_parse(req->arena, body, &q, &fault) < 0) {
		door_refuse_fault(req, &fault);
		return;
	}
	t = door_tier(req, q.model, true);
	if (!t)
		return;
	if (door_texts_judge(req->arena, &q, t->steps[0].model->dims, &fault) < 0)
		door_refuse_fault(req, &fault);
	else
		start(req, &q);
}
