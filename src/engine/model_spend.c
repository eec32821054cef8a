/* model_spend.c - a cap refused what a turn may cost, and says that a person is asked: the request, what is allowed, what is not. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "config/policy.h"
#include "engine/act.h"
#include "engine/approval.h"
#include "engine/engine_room.h"
#include "engine/model.h"
#include "engine/run.h"
#include "gateway/gateway.h"

enum { SPEND_EXPIRES_MS = 24 * 60 * 60 * 1000 };

/* --- asking --- */

static const char *names_of(struct arena *a, const struct json *caps)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(caps); i++)
		buf_addf(&b, "%s\"" STR_FMT "\"", i ? ", " : json_len(caps) > 1 ? "caps " : "cap ",
			 STR_ARG(json_str(json_getc(json_at(caps, i), "cap"))));
	return buf_cstr(&b);
}

/* What is reserved at most, and what the caps stood at when they refused it. */
static const struct json *show_of(struct arena *a, const struct spend_ask *ask)
{
	struct json_builder b;
	char usd[40];

	money_format(ask->amount_pusd, usd);
	json_object_begin(&b, a);
	json_object_setc(&b, "path", json_string(a, ask->path));
	json_object_setc(&b, "tier", json_string(a, ask->tier));
	json_object_setc(&b, "provider", json_string(a, ask->provider));
	json_object_setc(&b, "model", json_string(a, ask->model));
	json_object_setc(&b, "amount_usd", json_stringc(a, usd));
	json_object_setc(&b, "caps", ask->caps);
	return json_object_end(&b);
}

bool model_asks(struct run *r, struct node *n, const struct model_answer *answer, const struct err *err)
{
	struct arena *a = r->engine->scratch;
	const struct spend_ask *spend = answer->ask;
	struct approval_ask ask = {.spend = true, .risk = RISK_MEDIUM, .rule = STR_NONE, .verdict = STR_NONE, .approvers = 1,
				   .timeout_ms = SPEND_EXPIRES_MS};
	char usd[40];

	if (!spend || err->code != ERR_BUDGET_USD || n->scope->cancelling)
		return false;
	money_format(spend->amount_pusd, usd);
	ask.title = str_from(arena_printf(a, "Spend up to %s USD on model " STR_FMT " (tier " STR_FMT "), over %s", usd, STR_ARG(spend->model),
					  STR_ARG(spend->tier), names_of(a, spend->caps)));
	ask.show = show_of(a, spend);
	approval_request(r, n, &ask);
	return true;
}

/* --- what came of it --- */

const struct spend_grant *model_grant(struct run *r, const struct node *n, struct str path)
{
	struct arena *a = r->engine->scratch;
	const struct json *show = json_getc(n->approved, "show");
	struct spend_grant *g;

	if (!n->approved || !str_eq(json_str(json_getc(show, "path")), path))
		return NULL;
	g = ARENA_NEW(a, struct spend_grant);
	g->approval = json_str(json_getc(n->approved, "id"));
	g->model = json_str(json_getc(show, "model"));
	approval_digest_of(r, n, n->approved, &g->digest);
	return g;
}

void model_decided(struct run *r, struct node *n)
{
	const struct json *show = json_getc(n->request, "show");
	struct err why = {0}, err = {0};

	approval_error(n, &why);
	err_set(&err, ERR_BUDGET_USD, STR_FMT " USD on model \"" STR_FMT "\", over %s: %s", STR_ARG(json_str(json_getc(show, "amount_usd"))),
		STR_ARG(json_str(json_getc(show, "model"))), names_of(r->engine->scratch, json_getc(show, "caps")), why.msg);
	act_fail_err(r, n, &err);
}
