/* walk_record.c - the record of an attempt: who was asked, how it ended, what is booked for it. */
#include "gateway/walk.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/attempt.h"
#include "gateway/endpoint.h"
#include "gateway/gateway_room.h"
#include "gateway/shadow.h"
#include "gateway/spend.h"

/* The caller's cancelling is the end of a model call like another. */
static enum err_code code_of(enum err_code code)
{
	return code == ERR_CANCELLED ? ERR_MODEL_CANCELLED : code;
}

static const char *class_of(enum err_code code)
{
	const char *name = err_name(code_of(code));

	if (code == ERR_NONE)
		return "";
	return strncmp(name, "model.", 6) == 0 ? name + 6 : name;
}

/* The parts that are known before anything was asked. */
static void begin_record(struct walk *w, enum err_code code)
{
	const struct endpoint *e = walk_endpoint(w);

	w->record = (struct model_call){
		.id = uuid_new(),
		.path = w->req.path,
		.attempt = w->n_attempts,
		.tier = w->tier->name,
		.provider = e->provider->name,
		.model_asked = walk_model(w)->id,
		.model_answered = STR(""),
		.provider_request_id = STR(""),
		.key_fingerprint = e->fingerprint,
		.operation = w->tier->embeds ? "embeddings" : "chat",
		.wire = str_from(wire_of(e->provider->wire)->name),
		.finish_reason = STR(""),
		.max_output = spend_max_output(walk_model(w), w->req.max_output),
		.has_temperature = !w->tier->embeds && w->req.temperature >= 0,
		.temperature = w->req.temperature,
		.error_class = str_from(class_of(code)),
		.started_us = w->started_us ? w->started_us : clock_wall_us(),
		.cost_source = "none",
		.policy = w->snapshot->routing->digest,
	};
	if (w->hold_open) {
		w->record.hold = w->hold.id;
		w->record.capped = w->hold.n_caps > 0;
	}
	w->hold_open = false;
	w->has_record = true;
}

void walk_record_unasked(struct walk *w, enum err_code code)
{
	w->n_attempts++;
	begin_record(w, code);
}

static void log_attempt(const struct walk *w, const struct err *err)
{
	char task[37], cost[40];

	uuid_format(&w->req.task, task);
	money_format(w->record.cost_pusd, cost);
	log_line(err->code == ERR_NONE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "model.attempt",
		 "task=%s tier=" STR_FMT " model=" STR_FMT " attempt=%d class=%s status=%d ms=%lld usd=%s message=%s", task,
		 STR_ARG(w->tier->name), STR_ARG(walk_model(w)->name), w->n_attempts,
		 err->code == ERR_NONE ? "ok" : class_of(err->code), w->record.http_status,
		 (long long)w->record.total_ms, cost, log_quotec(err->code == ERR_NONE ? "" : err->msg));
}

static struct attempt_end end_of(const struct attempt_result *r, enum err_code code)
{
	const struct wire_answer *answer = r->answer;

	return (struct attempt_end){
		.code = code_of(code),
		.http_status = r->http_status,
		.sent = r->sent,
		.output_began = answer->output_began,
		.has_usage = answer->has_usage,
		.usage = answer->usage,
		.has_cost = answer->has_cost,
		.cost_pusd = answer->cost_pusd,
	};
}

void walk_record(struct walk *w, const struct attempt_result *r, const struct err *err)
{
	const struct wire_answer *answer = r->answer;
	struct attempt_end end = end_of(r, err->code);
	struct arena *a = w->op.arena;

	begin_record(w, err->code);
	w->record.cost_pusd = spend_settle(&walk_model(w)->price, &end, w->estimate_pusd, &w->record.cost_source);
	w->record.model_answered = str_dup(a, answer->model);
	w->record.provider_request_id = str_dup(a, r->request_id);
	w->record.finish_reason = err->code == ERR_NONE ? str_dup(a, answer->finish_reason) : STR("");
	w->record.http_status = r->http_status;
	w->record.first_byte_ms = r->first_byte_ms;
	w->record.total_ms = r->total_ms;
	w->record.usage = answer->usage;
	if (w->own)
		w->record.shadow = shadow_compare(a, w->own, &w->record, walk_model(w), answer->has_usage);
	w->answer.cost_pusd = pusd_add(w->answer.cost_pusd, w->record.cost_pusd);
	usage_add(&w->answer.usage, &answer->usage);
	log_attempt(w, err);
}
