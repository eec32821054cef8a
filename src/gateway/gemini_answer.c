/* gemini_answer.c - bytes to responses, responses to text and calls, and the judgement at the end. */
#include "gateway/gemini_answer.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/body.h"
#include "gateway/calls.h"
#include "gateway/gemini_echo.h"
#include "gateway/gemini_question.h"
#include "gateway/gemini_usage.h"
#include "gateway/refusal.h"

struct gemini_decoder {
	struct arena *a;
	struct arena *scratch;		/* of one event; made for the first */
	const struct wire_request *req;
	struct body body;
	struct buf text;
	struct calls calls;
	struct gemini_echo echo;
	struct str finish, finish_message, blocked;
	bool saw_event, saw_content, saw_usage, failed;
	struct wire_answer answer;
};

/* Finish reasons that are no good end; words that are not here are none either. */
static const struct {
	const char *word;
	enum err_code code;
} finishes[] = {
	{"STOP", ERR_NONE},
	{"MAX_TOKENS", ERR_NONE},
	{"SAFETY", ERR_MODEL_CONTENT_BLOCKED},
	{"BLOCKLIST", ERR_MODEL_CONTENT_BLOCKED},
	{"PROHIBITED_CONTENT", ERR_MODEL_CONTENT_BLOCKED},
	{"SPII", ERR_MODEL_CONTENT_BLOCKED},
	{"RECITATION", ERR_MODEL_CONTENT_BLOCKED},
	{"IMAGE_SAFETY", ERR_MODEL_CONTENT_BLOCKED},
	{"IMAGE_PROHIBITED_CONTENT", ERR_MODEL_CONTENT_BLOCKED},
	{"IMAGE_RECITATION", ERR_MODEL_CONTENT_BLOCKED},
	{"MALFORMED_FUNCTION_CALL", ERR_MODEL_MALFORMED_TOOL_CALL},
	{"UNEXPECTED_TOOL_CALL", ERR_MODEL_MALFORMED_TOOL_CALL},
	{"TOO_MANY_TOOL_CALLS", ERR_MODEL_MALFORMED_TOOL_CALL},
};

static int on_event(void *arg, struct str name, struct str data, struct err *err);

struct gemini_decoder *gemini_decoder_new(struct arena *a, const struct wire_request *req)
{
	struct gemini_decoder *d = ARENA_NEW(a, struct gemini_decoder);

	d->a = a;
	d->req = req;
	body_init(&d->body, a, on_event, d);
	buf_init(&d->text, a);
	calls_init(&d->calls, a);
	gemini_echo_init(&d->echo, a);
	return d;
}

static struct arena *scratch_of(struct gemini_decoder *d)
{
	if (!d->scratch)
		d->scratch = arena_new(d->a);
	return d->scratch;
}

/* --- one response --- */

/* As it was offered: the '_' that was put in front of it is taken away again. */
static struct str offered_name(const struct gemini_decoder *d, struct str name)
{
	for (size_t i = 0; d->req && i < d->req->n_tools; i++)
		if (str_eq(gemini_tool_name(d->a, d->req->tools[i].name), name))
			return d->req->tools[i].name;
	return name;
}

static int take_call(struct gemini_decoder *d, const struct json *call, struct str signature, struct err *err)
{
	const struct json *args = json_getc(call, "args");
	struct call_fragment whole = {
		.index = (int64_t)d->calls.n,	/* they come whole: each begins another */
		.id = json_str(json_getc(call, "id")),
		.name = offered_name(d, json_str(json_getc(call, "name"))),
	};
	size_t place;

	if (args && json_type(args) != JSON_NULL)
		whole.args = json_type(args) == JSON_STRING ? json_str(args) : json_text(scratch_of(d), args);
	gemini_echo_call(&d->echo, whole.id, signature);
	return calls_take(&d->calls, &whole, &place, err);
}

static int take_part(struct gemini_decoder *d, const struct json *part, struct err *err)
{
	struct str signature = json_str(json_getc(part, "thoughtSignature")), text = json_str(json_getc(part, "text"));
	const struct json *call = json_getc(part, "functionCall");

	if (json_type(call) == JSON_OBJECT) {
		d->answer.output_began = true;
		return take_call(d, call, signature, err);
	}
	if (text.n > 0)
		d->answer.output_began = true;
	if (json_is_true(json_getc(part, "thought"))) {	/* never the answer */
		gemini_echo_thought(&d->echo, text, signature);
		return 0;
	}
	buf_addstr(&d->text, text);
	gemini_echo_text(&d->echo, text, signature);
	return 0;
}

static void keep(struct gemini_decoder *d, struct str *at, const struct json *v)
{
	if (json_str(v).n > 0)
		*at = str_dup(d->a, str_clip(json_str(v), 200));
}

static int take_candidate(struct gemini_decoder *d, const struct json *candidate, struct err *err)
{
	const struct json *parts = json_getc(json_getc(candidate, "content"), "parts");
	int64_t index = 0;

	if (json_to_int(json_getc(candidate, "index"), &index) && index != 0)
		return 0;	/* one was asked for */
	for (size_t i = 0; json_type(parts) == JSON_ARRAY && i < json_len(parts); i++)
		if (take_part(d, json_at(parts, i), err) < 0)
			return -1;
	keep(d, &d->finish, json_getc(candidate, "finishReason"));
	keep(d, &d->finish_message, json_getc(candidate, "finishMessage"));
	return 0;
}

static int take_response(struct gemini_decoder *d, const struct json *v, struct err *err)
{
	const struct json *candidates = json_getc(v, "candidates"), *feedback = json_getc(v, "promptFeedback");

	if (json_type(v) != JSON_OBJECT)
		return err_set(err, ERR_MODEL_BAD_BODY, "expected an object in the answer, got %s", json_type_name(v));
	if (json_len(candidates) > 0 || feedback)
		d->saw_content = true;
	keep(d, &d->answer.model, json_getc(v, "modelVersion"));
	keep(d, &d->answer.request_id, json_getc(v, "responseId"));
	if (gemini_usage_read(json_getc(v, "usageMetadata"), &d->answer.usage))	/* cumulative: the last one counts */
		d->saw_usage = true;
	if (json_truth(json_getc(v, "error"))) {
		d->failed = true;
		return refusal_in_stream(scratch_of(d), json_getc(v, "error"), d->answer.output_began, err);
	}
	keep(d, &d->blocked, json_getc(feedback, "blockReason"));
	for (size_t i = 0; json_type(candidates) == JSON_ARRAY && i < json_len(candidates); i++)
		if (take_candidate(d, json_at(candidates, i), err) < 0)
			return -1;
	return 0;
}

static int on_event(void *arg, struct str name, struct str data, struct err *err)
{
	struct gemini_decoder *d = arg;
	const struct json *v;
	struct err why;
	int status;

	(void)name;
	data = str_trim(data);
	if (data.n == 0)
		return 0;
	d->saw_event = true;
	if (str_is(data, "[DONE]"))	/* proxies add it */
		return 0;
	if (json_parse_lenient(scratch_of(d), data, NULL, &v, &why) < 0)
		status = err_set(err, ERR_MODEL_BAD_BODY, "an event of the stream is not JSON: %s", why.msg);
	else
		status = take_response(d, json_type(v) == JSON_ARRAY && json_len(v) == 1 ? json_at(v, 0) : v, err);
	arena_reset(d->scratch);
	return status;
}

int gemini_decoder_piece(struct gemini_decoder *d, struct str bytes, struct err *err)
{
	return body_piece(&d->body, bytes, err);
}

/* --- the end --- */

static enum err_code code_of(struct str finish)
{
	for (size_t i = 0; i < sizeof finishes / sizeof finishes[0]; i++)
		if (str_is(finish, finishes[i].word))
			return finishes[i].code;
	return ERR_MODEL_STREAM_ERROR;
}

static int judge_calls(struct gemini_decoder *d, struct err *err)
{
	if (calls_end(&d->calls, &d->answer.calls, err) < 0)
		return -1;
	d->answer.n_calls = d->calls.n;
	d->answer.finish_reason = STR("tool_calls");	/* Gemini says STOP */
	return 0;
}

static int judge(struct gemini_decoder *d, struct err *err)
{
	bool cut = str_is(d->finish, "MAX_TOKENS");
	enum err_code code = code_of(d->finish);

	if (d->blocked.n > 0)
		return err_set(err, ERR_MODEL_CONTENT_BLOCKED, "the provider blocked the question: " STR_FMT, STR_ARG(d->blocked));
	if (code != ERR_NONE)
		return err_set(err, code, "the provider ended with " STR_FMT "%s" STR_FMT, STR_ARG(d->finish),
			       d->finish_message.n ? ": " : "", STR_ARG(d->finish_message));
	if (d->calls.n > 0 && judge_calls(d, err) < 0)
		return -1;
	if (d->calls.n == 0 && d->text.n == 0)
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, cut ? "the model used all of its output before it said anything"
								: "the answer is empty");
	if (d->calls.n == 0)
		d->answer.finish_reason = cut ? STR("length") : STR("stop");
	if (d->req)
		d->answer.echo = gemini_echo_end(&d->echo, d->req->model, d->answer.calls);
	return 0;
}

/* One response; or, where no stream was understood, an array of what would have been its events. */
static int end_document(struct gemini_decoder *d, struct err *err)
{
	const struct json *v;

	if (body_document(&d->body, scratch_of(d), &v, err) < 0)
		return -1;
	if (json_type(v) != JSON_ARRAY && take_response(d, v, err) < 0)
		return -1;
	for (size_t i = 0; json_type(v) == JSON_ARRAY && i < json_len(v); i++)
		if (take_response(d, json_at(v, i), err) < 0)
			return -1;
	if (!d->saw_content)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer has no candidates");
	return 0;
}

static int end_early(struct gemini_decoder *d, struct err *err)
{
	const struct json *error = body_stray_error(&d->body, scratch_of(d));

	if (json_truth(error)) {
		d->failed = true;
		return refusal_in_stream(scratch_of(d), error, d->answer.output_began, err);
	}
	if (d->body.kind == BODY_STREAM && !d->saw_event)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer is neither JSON nor a stream of events");
	return err_set(err, ERR_MODEL_TRUNCATED_STREAM, "the answer ended without a finish reason");
}

bool gemini_decoder_is_complete(const struct gemini_decoder *d)
{
	return d->finish.n > 0 || d->blocked.n > 0;
}

int gemini_decoder_end(struct gemini_decoder *d, struct err *err)
{
	if (d->body.kind == BODY_PAGE)
		return err_set(err, ERR_MODEL_SERVER_ERROR, "an HTML page in the place of an answer");
	if (d->body.kind == BODY_DOCUMENT && end_document(d, err) < 0)
		return -1;
	return gemini_decoder_is_complete(d) ? judge(d, err) : end_early(d, err);
}

const struct wire_answer *gemini_decoder_answer(struct gemini_decoder *d)
{
	d->answer.text = buf_str(&d->text);
	/* What was counted before the end is not the bill. */
	d->answer.has_usage = d->saw_usage && (gemini_decoder_is_complete(d) || d->failed);
	return &d->answer;
}
