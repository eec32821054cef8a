/* openai_answer.c - bytes to events, events to text, and the judgement at the end. */
#include "gateway/openai_answer.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/body.h"
#include "gateway/calls.h"
#include "gateway/openai_echo.h"
#include "gateway/openai_usage.h"
#include "gateway/refusal.h"

struct openai_decoder {
	struct arena *a;
	struct arena *scratch;		/* of one event; made for the first */
	const struct model *model;
	bool trust_cost;
	struct body body;
	struct buf text, refusal;
	struct calls calls;
	struct echo echo;
	struct str finish, native_finish;
	bool saw_event, saw_done;
	struct wire_answer answer;
};

static int on_event(void *arg, struct str name, struct str data, struct err *err);

struct openai_decoder *openai_decoder_new(struct arena *a, const struct model *m, bool trust_cost)
{
	struct openai_decoder *d = ARENA_NEW(a, struct openai_decoder);

	d->a = a;
	d->model = m;
	d->trust_cost = trust_cost;
	body_init(&d->body, a, on_event, d);
	buf_init(&d->text, a);
	buf_init(&d->refusal, a);
	echo_init(&d->echo, a);
	calls_init(&d->calls, a);
	return d;
}

static struct arena *scratch_of(struct openai_decoder *d)
{
	if (!d->scratch)
		d->scratch = arena_new(d->a);
	return d->scratch;
}

/* --- one chunk, or the whole document: the same shape --- */

static void add_content(struct openai_decoder *d, const struct json *content)
{
	struct str text = json_str(content);

	for (size_t i = 0; i < json_len(content) && json_type(content) == JSON_ARRAY; i++)
		buf_addstr(&d->text, json_str(json_getc(json_at(content, i), "text")));
	buf_addstr(&d->text, text);
	if (d->text.n > 0)
		d->answer.output_began = true;
}

static bool is_error(const struct json *v)
{
	return json_truth(v) && !(json_type(v) == JSON_STRING && json_str(v).n == 0) &&
	       !(json_type(v) == JSON_OBJECT && json_len(v) == 0);
}

static int take_call(struct openai_decoder *d, const struct json *fragment, struct err *err)
{
	const struct json *function = json_getc(fragment, "function"), *args = json_getc(function, "arguments");
	struct call_fragment more = {.index = -1, .id = json_str(json_getc(fragment, "id")), .name = json_str(json_getc(function, "name"))};
	size_t place;

	if (!json_to_int(json_getc(fragment, "index"), &more.index) || more.index < 0)
		more.index = -1;
	/* Some servers send an object where a text of it belongs. */
	more.args = json_type(args) == JSON_OBJECT ? json_text(d->scratch, args) : json_str(args);
	if (calls_take(&d->calls, &more, &place, err) < 0)
		return -1;
	echo_take_call(&d->echo, place, json_getc(fragment, "extra_content"));
	return 0;
}

static int take_calls(struct openai_decoder *d, const struct json *list, struct err *err)
{
	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < json_len(list); i++)
		if (take_call(d, json_at(list, i), err) < 0)
			return -1;
	return 0;
}

static int take_choice(struct openai_decoder *d, const struct json *choice, struct err *err)
{
	const struct json *delta = json_getc(choice, "delta"), *error = json_getc(choice, "error");
	struct str finish = json_str(json_getc(choice, "finish_reason"));
	struct str native = json_str(json_getc(choice, "native_finish_reason"));
	int64_t index = 0;

	if (json_to_int(json_getc(choice, "index"), &index) && index != 0)
		return 0;	/* one choice was asked for */
	if (json_type(delta) != JSON_OBJECT)
		delta = json_getc(choice, "message");
	add_content(d, json_getc(delta, "content"));
	buf_addstr(&d->refusal, json_str(json_getc(delta, "refusal")));
	echo_take_details(&d->echo, json_getc(delta, "reasoning_details"));
	if (take_calls(d, json_getc(delta, "tool_calls"), err) < 0)
		return -1;
	if (d->calls.n > 0)
		d->answer.output_began = true;
	if (is_error(error))
		return refusal_in_stream(scratch_of(d), error, d->answer.output_began, err);
	if (finish.n > 0)
		d->finish = str_dup(d->a, finish);
	if (native.n > 0)
		d->native_finish = str_dup(d->a, native);
	return 0;
}

static void take_usage(struct openai_decoder *d, const struct json *usage)
{
	if (openai_usage_read(usage, &d->answer.usage))
		d->answer.has_usage = true;
	if (d->trust_cost && openai_cost_read(usage, &d->answer.cost_pusd))
		d->answer.has_cost = true;
}

static void keep_name(struct openai_decoder *d, struct str *name, const struct json *v)
{
	if (name->n == 0 && json_str(v).n > 0)
		*name = str_dup(d->a, str_clip(json_str(v), 200));
}

static int take_chunk(struct openai_decoder *d, const struct json *chunk, struct err *err)
{
	const struct json *choices;

	if (json_type(chunk) == JSON_ARRAY && json_len(chunk) == 1)
		chunk = json_at(chunk, 0);
	if (json_type(chunk) != JSON_OBJECT)
		return err_set(err, ERR_MODEL_BAD_BODY, "expected an object in the answer, got %s", json_type_name(chunk));
	choices = json_getc(chunk, "choices");
	keep_name(d, &d->answer.model, json_getc(chunk, "model"));
	keep_name(d, &d->answer.request_id, json_getc(chunk, "id"));
	take_usage(d, json_getc(chunk, "usage"));	/* the last one counts */
	if (is_error(json_getc(chunk, "error")))
		return refusal_in_stream(scratch_of(d), json_getc(chunk, "error"), d->answer.output_began, err);
	for (size_t i = 0; i < json_len(choices); i++)
		if (take_choice(d, json_at(choices, i), err) < 0)
			return -1;
	return 0;
}

static int on_event(void *arg, struct str name, struct str data, struct err *err)
{
	struct openai_decoder *d = arg;
	const struct json *chunk;
	struct err why;
	int status;

	(void)name;
	data = str_trim(data);
	if (data.n == 0)
		return 0;
	d->saw_event = true;
	if (str_is(data, "[DONE]")) {
		d->saw_done = true;
		return 0;
	}
	if (json_parse_lenient(scratch_of(d), data, NULL, &chunk, &why) < 0)
		status = err_set(err, ERR_MODEL_BAD_BODY, "an event of the stream is not JSON: %s", why.msg);
	else
		status = take_chunk(d, chunk, err);
	arena_reset(d->scratch);
	return status;
}

int openai_decoder_piece(struct openai_decoder *d, struct str bytes, struct err *err)
{
	return body_piece(&d->body, bytes, err);
}

/* --- the end --- */

static int judge_empty(const struct openai_decoder *d, struct err *err)
{
	if (str_is(d->native_finish, "network_error") || str_is(d->native_finish, "error"))
		return err_set(err, ERR_MODEL_STREAM_ERROR, "the provider ended with \"" STR_FMT "\" and no output",
			       STR_ARG(d->native_finish));
	if (str_is(d->finish, "length"))
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "the model used all of its output before it said anything");
	if (str_is(d->finish, "stop") || str_is(d->finish, "tool_calls") || str_is(d->finish, "function_call") ||
	    str_is(d->finish, "end_turn"))
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "the answer is empty");
	return err_set(err, ERR_MODEL_STREAM_ERROR, "the provider ended with \"" STR_FMT "\" and no output",
		       STR_ARG(str_clip(d->finish, 60)));
}

static int judge_calls(struct openai_decoder *d, struct err *err)
{
	if (calls_end(&d->calls, &d->answer.calls, err) < 0)
		return -1;
	d->answer.n_calls = d->calls.n;
	d->answer.finish_reason = STR("tool_calls");	/* what is there decides, not the reason given */
	if (d->model)
		d->answer.echo = echo_text(&d->echo, d->model);
	return 0;
}

static int judge(struct openai_decoder *d, struct err *err)
{
	if (d->refusal.n > 0)
		return err_set(err, ERR_MODEL_CONTENT_BLOCKED, "the model refused: " STR_FMT,
			       STR_ARG(str_clip(buf_str(&d->refusal), 240)));
	if (str_is(d->finish, "content_filter"))
		return err_set(err, ERR_MODEL_CONTENT_BLOCKED, "the provider's filter stopped the answer");
	if (str_is(d->finish, "error"))
		return err_set(err, ERR_MODEL_STREAM_ERROR, "the provider ended with \"error\"");
	if (d->calls.n > 0)
		return judge_calls(d, err);
	if (d->text.n == 0)
		return judge_empty(d, err);
	d->answer.finish_reason = str_is(d->finish, "length") ? STR("length") : STR("stop");
	return 0;
}

static int end_document(struct openai_decoder *d, struct err *err)
{
	const struct json *v;
	int status;

	if (body_document(&d->body, scratch_of(d), &v, err) < 0)
		return -1;
	status = take_chunk(d, v, err);
	if (status == 0 && json_len(json_getc(json_type(v) == JSON_ARRAY ? json_at(v, 0) : v, "choices")) == 0)
		status = err_set(err, ERR_MODEL_BAD_BODY, "the answer has no choices");
	if (status == 0 && d->finish.n == 0)	/* a whole document needs no end marker */
		d->finish = STR("stop");
	return status;
}

bool openai_decoder_is_complete(const struct openai_decoder *d)
{
	return d->saw_done && d->finish.n > 0;
}

int openai_decoder_end(struct openai_decoder *d, struct err *err)
{
	if (d->body.kind == BODY_PAGE)
		return err_set(err, ERR_MODEL_SERVER_ERROR, "an HTML page in the place of an answer");
	if (d->body.kind == BODY_DOCUMENT && end_document(d, err) < 0)
		return -1;
	if (d->finish.n == 0 && is_error(body_stray_error(&d->body, scratch_of(d))))
		return refusal_in_stream(scratch_of(d), body_stray_error(&d->body, scratch_of(d)), d->answer.output_began, err);
	if (d->body.kind == BODY_STREAM && !d->saw_event)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer is neither JSON nor a stream of events");
	if (d->finish.n == 0)
		return err_set(err, ERR_MODEL_TRUNCATED_STREAM, "the answer ended without a finish reason");
	return judge(d, err);
}

const struct wire_answer *openai_decoder_answer(struct openai_decoder *d)
{
	d->answer.text = buf_str(&d->text);
	return &d->answer;
}
