/* door_error.c - see door_error.h. */
#include "web/door_error.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "web/door_body.h"
#include "web/request.h"

#define ASKER "invalid_request_error"
#define SERVER "server_error"

/* A provider that refuses our key or our money is no fault of who asks: never 401, 402 or 403. */
static const struct {
	enum err_code code;
	int status;
	const char *type, *word, *param;
	bool final;
	const char *message;	/* NULL: the error's own; set where that tells of our inside */
} by_code[] = {
	{ERR_MODEL_INVALID_REQUEST, 400, ASKER, "invalid_value", "messages", true, NULL},
	{ERR_MODEL_CONTEXT_OVERFLOW, 400, ASKER, "context_length_exceeded", "messages", true, NULL},
	{ERR_MODEL_CONTENT_BLOCKED, 400, ASKER, "content_filter", NULL, true, NULL},
	{ERR_BUDGET_USD, 429, "insufficient_quota", "budget_exceeded", NULL, true, NULL},
	{ERR_MODEL_RATE_LIMITED, 429, "requests", "rate_limit_exceeded", NULL, false, NULL},
	{ERR_MODEL_QUOTA_EXHAUSTED, 429, "insufficient_quota", "insufficient_quota", NULL, true, NULL},
	{ERR_MODEL_NO_ROUTE, 503, SERVER, "no_model_available", NULL, true, NULL},
	{ERR_MODEL_BILLING, 502, SERVER, "provider_billing", NULL, true, NULL},
	{ERR_MODEL_AUTH, 502, SERVER, "provider_auth", NULL, true, NULL},
	{ERR_MODEL_NOT_FOUND, 502, SERVER, "provider_not_found", NULL, true, NULL},
	{ERR_MODEL_OVERSIZE, 502, SERVER, "provider_oversize", NULL, true, "the provider's answer is too large"},
	{ERR_MODEL_OVERLOADED, 503, SERVER, "provider_overloaded", NULL, false, NULL},
	{ERR_MODEL_SERVER_ERROR, 502, SERVER, "provider_error", NULL, false, NULL},
	{ERR_MODEL_NETWORK, 502, SERVER, "provider_unreachable", NULL, false, "the provider cannot be reached"},
	{ERR_MODEL_TIMEOUT, 504, SERVER, "provider_timeout", NULL, false, "the provider did not answer in time"},
	{ERR_MODEL_TRUNCATED_STREAM, 502, SERVER, "provider_truncated_stream", NULL, false, "the provider's answer broke off"},
	{ERR_MODEL_STREAM_ERROR, 502, SERVER, "provider_stream_error", NULL, false, NULL},
	{ERR_MODEL_EMPTY_OUTPUT, 502, SERVER, "provider_empty_output", NULL, false, NULL},
	{ERR_MODEL_MALFORMED_TOOL_CALL, 502, SERVER, "provider_malformed_tool_call", NULL, false, NULL},
	{ERR_MODEL_BAD_BODY, 502, SERVER, "provider_bad_body", NULL, false, NULL},
	{ERR_PG_DOWN, 503, SERVER, "unavailable", NULL, false, "the database does not answer"},
	{ERR_CANCELLED, 503, SERVER, "unavailable", NULL, false, "the server is stopping"},
	{ERR_INVALID, 400, ASKER, "invalid_value", NULL, true, NULL},
	{ERR_JSON, 400, ASKER, "malformed", NULL, true, NULL},
};

struct door_error door_error_of(const struct err *err)
{
	for (size_t i = 0; i < sizeof by_code / sizeof by_code[0]; i++)
		if (by_code[i].code == err->code)
			return (struct door_error){
				.status = by_code[i].status,
				.type = by_code[i].type,
				.code = by_code[i].word,
				.param = by_code[i].param,
				.message = str_from(by_code[i].message ? by_code[i].message : err->msg),
				/* a time that is known helps whatever it was */
				.final = by_code[i].final && err->retry_after_ms <= 0,
				.retry_after_s = err->retry_after_ms > 0 ? (int)((err->retry_after_ms + 999) / 1000) : 0,
			};
	log_error("request.failed", "code=%s error=%s", err_name(err->code), log_quotec(err->msg));
	return (struct door_error){.status = 500, .type = SERVER, .code = "internal", .message = STR("the server failed; its log says why")};
}

struct door_error door_error_of_fault(const struct door_fault *f)
{
	return (struct door_error){
		.status = f->status, .type = ASKER, .code = f->code, .param = f->param, .message = str_from(f->message), .final = true};
}

static const struct json *text_or_null(struct arena *a, const char *s)
{
	return s ? json_string_clean(a, str_from(s)) : json_null();
}

struct str door_error_text(struct arena *a, const struct door_error *e)
{
	struct json_builder error, b;

	json_object_begin(&error, a);
	json_object_setc(&error, "message", json_string_clean(a, e->message));
	json_object_setc(&error, "type", json_stringc(a, e->type));
	json_object_setc(&error, "param", text_or_null(a, e->param));
	json_object_setc(&error, "code", text_or_null(a, e->code));
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_object_end(&error));
	return json_text(a, json_object_end(&b));
}

static bool is_repeated_by_clients(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

void door_refuse(struct request *req, const struct door_error *e)
{
	struct reply *r = &req->reply;

	reply_json(r, e->status, door_error_text(req->arena, e));
	r->retry_after_s = e->retry_after_s;
	if (e->final && is_repeated_by_clients(e->status))
		reply_add(r, req->arena, "x-should-retry", "false");
}

void door_refuse_fault(struct request *req, const struct door_fault *f)
{
	struct door_error e = door_error_of_fault(f);

	door_refuse(req, &e);
}

/* What clients look for by OpenAI's word. Others are said by ours. */
static const char *word_of(const char *ours)
{
	static const struct {
		const char *ours, *theirs;
	} words[] = {{"unauthenticated", "invalid_api_key"}, {"forbidden", "insufficient_permissions"}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].ours, ours) == 0)
			return words[i].theirs;
	return ours;
}

void door_translate(struct request *req)
{
	struct reply *r = &req->reply;
	struct door_error e = {
		.status = r->status,
		.type = r->status >= 500 ? SERVER : ASKER,
		.code = word_of(r->word),
		.message = str_from(r->detail),
	};

	r->body = door_error_text(req->arena, &e);
	r->problem = false;
	r->type = NULL;
}
