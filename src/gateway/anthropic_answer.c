/* anthropic_answer.c - bytes to events, events to blocks, and the judgement at the end. */
#include "gateway/anthropic_answer.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/anthropic_echo.h"
#include "gateway/anthropic_usage.h"
#include "gateway/body.h"
#include "gateway/calls.h"
#include "gateway/refusal.h"

struct anthropic_decoder {
	struct arena *a;
	struct arena *scratch;		/* of one event; made for the first */
	const struct model *model;
	struct body body;
	struct buf text;
	struct calls calls;
	struct block_list blocks;
	struct anthropic_counts counts;
	struct str stop, explanation;
	bool saw_event, saw_stop;
	struct wire_answer answer;
};

static int on_event(void *arg, struct str name, struct str data, struct err *err);

struct anthropic_decoder *anthropic_decoder_new(struct arena *a, const struct model *m)
{
	struct anthropic_decoder *d = ARENA_NEW(a, struct anthropic_decoder);

	d->a = a;
	d->model = m;
	body_init(&d->body, a, on_event, d);
	buf_init(&d->text, a);
	calls_init(&d->calls, a);
	blocks_init(&d->blocks, a);
	return d;
}

static struct arena *scratch_of(struct anthropic_decoder *d)
{
	if (!d->scratch)
		d->scratch = arena_new(d->a);
	return d->scratch;
}

static void keep(struct anthropic_decoder *d, struct str *text, const struct json *v)
{
	if (json_str(v).n > 0)
		*text = str_dup(d->a, str_clip(json_str(v), 240));
}

/* --- blocks --- */

static void add_text(struct anthropic_decoder *d, struct block *b, struct str text)
{
	buf_addstr(&d->text, text);
	if (b && b->kind == BLOCK_TEXT)
		b->text_bytes += text.n;
}

static int add_call(struct anthropic_decoder *d, struct block *b, const struct call_fragment *more, struct err *err)
{
	size_t place;

	if (calls_take(&d->calls, more, &place, err) < 0)
		return -1;
	if (b)
		b->call = place;
	return 0;
}

static enum block_kind kind_of(const struct json *content)
{
	struct str type = json_str(json_getc(content, "type"));

	return str_is(type, "text") ? BLOCK_TEXT : str_is(type, "tool_use") ? BLOCK_CALL :
	       str_is(type, "thinking") ? BLOCK_THINKING : BLOCK_OTHER;
}

static int begin_block(struct anthropic_decoder *d, int64_t index, const struct json *content, struct err *err)
{
	enum block_kind kind = kind_of(content);
	const struct json *input = json_getc(content, "input");
	struct block *b = blocks_begin(&d->blocks, index, kind, kind == BLOCK_THINKING || kind == BLOCK_OTHER ? content : NULL);
	struct call_fragment call = {.index = index, .id = json_str(json_getc(content, "id")), .name = json_str(json_getc(content, "name"))};

	if (!b)
		return err_set(err, ERR_MODEL_OVERSIZE, "the answer has more than %d blocks", BLOCKS_MAX);
	if (kind == BLOCK_CALL) {
		b->start = json_len(input) > 0 ? json_copy(d->a, input) : NULL;
		return add_call(d, b, &call, err);
	}
	if (kind == BLOCK_TEXT)
		add_text(d, b, json_str(json_getc(content, "text")));
	if (kind == BLOCK_THINKING) {
		blocks_think(&d->blocks, b, json_str(json_getc(content, "thinking")));
		blocks_sign(&d->blocks, b, json_str(json_getc(content, "signature")));
	}
	return 0;
}

/* What a call began with is a placeholder, unless no piece of its input follows. */
static int end_block(struct anthropic_decoder *d, int64_t index, struct err *err)
{
	const struct block *b = blocks_find(&d->blocks, index);
	struct call_fragment rest = {.index = index};

	if (!b || b->kind != BLOCK_CALL || b->is_partial || json_len(b->start) == 0)
		return 0;
	rest.args = json_text(scratch_of(d), b->start);
	return add_call(d, NULL, &rest, err);
}

static int take_delta(struct anthropic_decoder *d, int64_t index, const struct json *delta, struct err *err)
{
	struct str type = json_str(json_getc(delta, "type"));
	struct block *b = blocks_find(&d->blocks, index);
	struct call_fragment more = {.index = index, .args = json_str(json_getc(delta, "partial_json"))};

	d->answer.output_began = true;
	if (str_is(type, "text_delta")) {
		add_text(d, b, json_str(json_getc(delta, "text")));
	} else if (str_is(type, "input_json_delta") && (!b || b->kind == BLOCK_CALL)) {
		if (b && more.args.n > 0)
			b->is_partial = true;
		return add_call(d, b, &more, err);
	} else if (b && b->kind == BLOCK_THINKING) {
		blocks_think(&d->blocks, b, json_str(json_getc(delta, "thinking")));
		if (str_is(type, "signature_delta"))
			blocks_sign(&d->blocks, b, json_str(json_getc(delta, "signature")));
	} else if (b && b->kind == BLOCK_OTHER) {
		b->is_partial = true;
	}
	return 0;
}

/* --- events --- */

static int take_start(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	const struct json *message = json_getc(v, "message");

	(void)err;
	keep(d, &d->answer.model, json_getc(message, "model"));
	anthropic_usage_take(&d->counts, json_getc(message, "usage"), false);
	return 0;
}

static int64_t index_of(const struct json *v)
{
	int64_t index = -1;

	return json_to_int(json_getc(v, "index"), &index) && index >= 0 ? index : -1;
}

static int take_block_start(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	return begin_block(d, index_of(v), json_getc(v, "content_block"), err);
}

static int take_block_delta(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	return take_delta(d, index_of(v), json_getc(v, "delta"), err);
}

static int take_block_stop(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	return end_block(d, index_of(v), err);
}

static void take_stop(struct anthropic_decoder *d, const struct json *v)
{
	const struct json *details = json_getc(v, "stop_details");

	keep(d, &d->stop, json_getc(v, "stop_reason"));
	keep(d, &d->explanation, json_getc(details, "category"));
	keep(d, &d->explanation, json_getc(details, "explanation"));
}

static int take_message_delta(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	(void)err;
	take_stop(d, json_getc(v, "delta"));
	anthropic_usage_take(&d->counts, json_getc(v, "usage"), true);
	return 0;
}

static int take_message_stop(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	(void)v;
	(void)err;
	d->saw_stop = true;
	return 0;
}

static int take_error(struct anthropic_decoder *d, const struct json *v, struct err *err)
{
	return refusal_in_stream(scratch_of(d), json_getc(v, "error"), d->answer.output_began, err);
}

static const struct {
	const char *type;
	int (*take)(struct anthropic_decoder *d, const struct json *v, struct err *err);
} events[] = {
	{"message_start", take_start},
	{"content_block_start", take_block_start},
	{"content_block_delta", take_block_delta},
	{"content_block_stop", take_block_stop},
	{"message_delta", take_message_delta},
	{"message_stop", take_message_stop},
	{"error", take_error},
};

static int take_event(struct anthropic_decoder *d, struct str name, const struct json *v, struct err *err)
{
	struct str type = json_str(json_getc(v, "type"));

	if (json_type(v) != JSON_OBJECT)
		return err_set(err, ERR_MODEL_BAD_BODY, "expected an object in the answer, got %s", json_type_name(v));
	if (type.n == 0)	/* as the event itself is called */
		type = name;
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (str_is(type, events[i].type))
			return events[i].take(d, v, err);
	return 0;	/* ping, and what is new there */
}

static int on_event(void *arg, struct str name, struct str data, struct err *err)
{
	struct anthropic_decoder *d = arg;
	const struct json *v;
	struct err why;
	int status;

	if (d->saw_stop)
		return 0;
	d->saw_event = true;
	if (json_parse_lenient(scratch_of(d), data, NULL, &v, &why) < 0)
		status = err_set(err, ERR_MODEL_BAD_BODY, "an event of the stream is not JSON: %s", why.msg);
	else
		status = take_event(d, name, v, err);
	arena_reset(d->scratch);
	return status;
}

int anthropic_decoder_piece(struct anthropic_decoder *d, struct str bytes, struct err *err)
{
	return body_piece(&d->body, bytes, err);
}

/* --- the end --- */

enum ending { END_UNKNOWN, END_WELL, END_LENGTH, END_CONTEXT, END_REFUSAL, END_PAUSE };

static const struct {
	const char *reason;
	enum ending ending;
} stops[] = {
	{"end_turn", END_WELL},
	{"stop_sequence", END_WELL},
	{"tool_use", END_WELL},
	{"max_tokens", END_LENGTH},
	{"model_context_window_exceeded", END_CONTEXT},
	{"refusal", END_REFUSAL},
	{"pause_turn", END_PAUSE},
};

static enum ending ending_of(struct str reason)
{
	for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
		if (str_is(reason, stops[i].reason))
			return stops[i].ending;
	return END_UNKNOWN;
}

static int judge_empty(enum ending ending, struct err *err)
{
	if (ending == END_CONTEXT)
		return err_set(err, ERR_MODEL_CONTEXT_OVERFLOW, "the model's context was full before it said anything");
	if (ending == END_LENGTH)
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "the model used all of its output before it said anything");
	return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "the answer is empty");
}

/* Was the output over before the input of the last call began? Nothing would stand for {}. */
static bool lacks_input(const struct anthropic_decoder *d, const struct tool_call *calls)
{
	const struct block *last = d->blocks.last;

	return last && last->kind == BLOCK_CALL && !last->is_partial && str_is(calls[last->call].args, "{}");
}

static int judge_calls(struct anthropic_decoder *d, enum ending ending, struct err *err)
{
	if (calls_end(&d->calls, &d->answer.calls, err) < 0)
		return -1;
	if ((ending == END_LENGTH || ending == END_CONTEXT) && lacks_input(d, d->answer.calls))
		return err_set(err, ERR_MODEL_MALFORMED_TOOL_CALL, "the output ended before the arguments of a tool call");
	d->answer.n_calls = d->calls.n;
	d->answer.finish_reason = STR("tool_calls");	/* what is there decides, not the reason given */
	return 0;
}

static int judge(struct anthropic_decoder *d, struct err *err)
{
	enum ending ending = ending_of(d->stop);

	if (ending == END_REFUSAL)
		return err_set(err, ERR_MODEL_CONTENT_BLOCKED, "the model refused%s" STR_FMT, d->explanation.n ? ": " : "",
			       STR_ARG(d->explanation));
	if (ending == END_PAUSE)
		return err_set(err, ERR_MODEL_STREAM_ERROR, "the provider paused a turn in which none of its own tools was offered");
	if (ending == END_UNKNOWN)
		return err_set(err, ERR_MODEL_STREAM_ERROR, "the provider ended with \"" STR_FMT "\"", STR_ARG(str_clip(d->stop, 60)));
	if (d->calls.n > 0) {
		if (judge_calls(d, ending, err) < 0)
			return -1;
	} else if (str_trim(buf_str(&d->text)).n == 0) {
		return judge_empty(ending, err);
	} else {
		d->answer.finish_reason = ending == END_WELL ? STR("stop") : STR("length");
	}
	if (d->model)
		d->answer.echo = blocks_echo(&d->blocks, d->model);
	return 0;
}

static int take_content(struct anthropic_decoder *d, const struct json *content, struct err *err)
{
	for (size_t i = 0; i < json_len(content); i++)
		if (begin_block(d, (int64_t)i, json_at(content, i), err) < 0 || end_block(d, (int64_t)i, err) < 0)
			return -1;
	return 0;
}

static int end_document(struct anthropic_decoder *d, struct err *err)
{
	const struct json *v;

	if (body_document(&d->body, scratch_of(d), &v, err) < 0)
		return -1;
	if (json_type(v) == JSON_ARRAY && json_len(v) == 1)
		v = json_at(v, 0);
	if (json_getc(v, "error"))
		return take_error(d, v, err);
	if (json_type(json_getc(v, "content")) != JSON_ARRAY)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer has no content");
	d->answer.output_began = true;
	keep(d, &d->answer.model, json_getc(v, "model"));
	take_stop(d, v);
	anthropic_usage_take(&d->counts, json_getc(v, "usage"), true);
	d->saw_stop = true;
	return take_content(d, json_getc(v, "content"), err);
}

bool anthropic_decoder_is_complete(const struct anthropic_decoder *d)
{
	return d->saw_stop;
}

int anthropic_decoder_end(struct anthropic_decoder *d, struct err *err)
{
	if (d->body.kind == BODY_PAGE)
		return err_set(err, ERR_MODEL_SERVER_ERROR, "an HTML page in the place of an answer");
	if (d->body.kind == BODY_DOCUMENT && end_document(d, err) < 0)
		return -1;
	if (d->body.kind == BODY_STREAM && !d->saw_event)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer is neither JSON nor a stream of events");
	if (!d->saw_stop || d->stop.n == 0)
		return err_set(err, ERR_MODEL_TRUNCATED_STREAM, "the answer ended without %s", d->saw_stop ? "a stop reason" : "message_stop");
	return judge(d, err);
}

const struct wire_answer *anthropic_decoder_answer(struct anthropic_decoder *d)
{
	d->answer.text = buf_str(&d->text);
	d->answer.has_usage = anthropic_usage_of(&d->counts, &d->answer.usage);
	return &d->answer;
}
