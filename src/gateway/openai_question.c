/* openai_question.c - writes the body of a chat completion. */
#include "gateway/openai_question.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "gateway/echo.h"
#include "gateway/openai_echo.h"
#include "gateway/question.h"
#include "gateway/wire.h"

enum { OPENAI_ID_MAX = 40 };	/* bytes of a tool call's id that api.openai.com takes */

bool openai_is_asked(const struct wire_request *req)
{
	return str_starts(str_from(req->endpoint->base_url), STR("https://api.openai.com/"));
}

/* --- tool calls that were made --- */

/* An id may come from another server than the one that is asked now. */
static void add_id(struct buf *b, const struct wire_request *req, struct str id)
{
	struct digest d;
	char hex[65];

	if (id.n <= OPENAI_ID_MAX || !openai_is_asked(req)) {
		json_write_string(b, id);
		return;
	}
	digest_of(id, &d);
	digest_hex(&d, hex);
	buf_addf(b, "\"call_%.32s\"", hex);
}

/* As text: several servers parse them, and fail on what is no object. */
static void add_args(struct buf *b, struct arena *a, struct str args)
{
	const struct json *v;

	if (question_args(a, args, &v))
		json_write_string(b, str_trim(args));
	else
		json_write_string(b, json_text(a, v));
}

static void add_calls(struct buf *b, struct arena *a, const struct wire_request *req, const struct message *m,
		      const struct json *echo)
{
	question_key(b, "tool_calls");
	buf_addc(b, '[');
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct tool_call *c = &m->calls[i];

		buf_adds(b, i ? ",{\"id\":" : "{\"id\":");
		add_id(b, req, c->id);
		buf_adds(b, ",\"type\":\"function\",\"function\":{\"name\":");
		question_name(b, c->name);
		question_key(b, "arguments");
		add_args(b, a, c->args);
		buf_addc(b, '}');
		echo_write_call(b, echo, i);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

/* --- messages --- */

static void begin_message(struct buf *b, const char *role)
{
	buf_addf(b, "%s{\"role\":\"%s\"", b->p[b->n - 1] == '[' ? "" : ",", role);
}

static void add_text_message(struct buf *b, const char *role, struct str text)
{
	begin_message(b, role);
	question_key(b, "content");
	json_write_string(b, text);
	buf_addc(b, '}');
}

static void add_assistant(struct buf *b, struct arena *a, const struct wire_request *req, const struct message *m)
{
	const struct json *echo = echo_read(a, req->model, m->echo);

	begin_message(b, "assistant");
	question_key(b, "content");
	if (m->text.n == 0 && m->n_calls > 0)
		buf_adds(b, "null");
	else
		json_write_string(b, m->text);
	echo_write_message(b, echo);
	if (m->n_calls > 0)
		add_calls(b, a, req, m, echo);
	buf_addc(b, '}');
}

static void add_result(struct buf *b, const struct wire_request *req, const struct message *m)
{
	begin_message(b, "tool");
	question_key(b, "tool_call_id");
	add_id(b, req, m->call_id);
	question_key(b, "content");
	json_write_string(b, m->text);
	buf_addc(b, '}');
}

static void add_message(struct buf *b, struct arena *a, const struct wire_request *req, const struct message *m)
{
	switch (m->role) {
	case ROLE_SYSTEM:
		add_text_message(b, "system", m->text);
		break;
	case ROLE_USER:
		add_text_message(b, "user", m->text);
		break;
	case ROLE_ASSISTANT:
		add_assistant(b, a, req, m);
		break;
	case ROLE_TOOL:
		add_result(b, req, m);
		break;
	}
}

static void add_schema_message(struct buf *b, struct arena *a, const struct json *schema)
{
	struct buf text;

	buf_init(&text, a);
	question_told_schema(&text, schema);
	add_text_message(b, "system", buf_str(&text));
}

static void add_messages(struct buf *b, struct arena *a, const struct wire_request *req)
{
	question_key(b, "messages");
	buf_addc(b, '[');
	if (req->output && !(req->model->can & CAN_JSON))
		add_schema_message(b, a, req->output);
	for (size_t i = 0; i < req->n_messages; i++)
		add_message(b, a, req, &req->messages[i]);
	buf_addc(b, ']');
}

/* --- the question --- */

static void add_tools(struct buf *b, const struct wire_request *req)
{
	question_key(b, "tools");
	buf_addc(b, '[');
	for (size_t i = 0; i < req->n_tools; i++) {
		const struct model_tool *t = &req->tools[i];

		if (i > 0)
			buf_addc(b, ',');
		buf_adds(b, "{\"type\":\"function\",\"function\":{\"name\":");
		json_write_string(b, t->name);
		if (t->description.n > 0) {
			question_key(b, "description");
			json_write_string(b, t->description);
		}
		question_key(b, "parameters");
		question_tool_schema(b, t->args);
		buf_adds(b, "}}");
	}
	buf_addc(b, ']');
	/* A provider behind OpenRouter that cannot use tools would leave them out without a word. */
	if (req->endpoint->provider->wire == WIRE_OPENROUTER) {
		question_key(b, "provider");
		buf_adds(b, "{\"require_parameters\":true}");
	}
}

/* OpenAI's newer models refuse max_tokens, and several compatible servers know only that. */
static const char *max_tokens_key(const struct wire_request *req)
{
	return openai_is_asked(req) ? "max_completion_tokens" : "max_tokens";
}

struct str openai_question(struct arena *a, const struct wire_request *req)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"model\":");
	json_write_string(&b, req->model->id);
	add_messages(&b, a, req);
	if (req->n_tools > 0)
		add_tools(&b, req);
	if (req->max_output > 0) {
		question_key(&b, max_tokens_key(req));
		buf_addf(&b, "%lld", (long long)req->max_output);
	}
	if (req->temperature >= 0) {
		question_key(&b, "temperature");
		json_write(&b, json_double(a, req->temperature));
	}
	if (req->output && (req->model->can & CAN_JSON)) {
		question_key(&b, "response_format");
		buf_adds(&b, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"schema\":");
		json_write(&b, req->output);
		buf_adds(&b, "}}");
	}
	buf_adds(&b, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	return buf_str(&b);
}

