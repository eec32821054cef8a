/* gemini_question.c - writes the body of a generateContent. */
#include "gateway/gemini_question.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gemini_echo.h"
#include "gateway/question.h"
#include "gateway/wire.h"

struct str gemini_tool_name(struct arena *a, struct str name)
{
	char c = name.n ? name.p[0] : '_';

	if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return name;
	return str_from(arena_printf(a, "_" STR_FMT, STR_ARG(name)));
}

/* --- system --- */

/* Can the model be held to the schema of the answer? */
static bool is_held_to_schema(const struct wire_request *req)
{
	return req->output && (req->model->can & CAN_JSON) && req->n_tools == 0;
}

static struct str system_text(struct arena *a, const struct wire_request *req)
{
	struct buf b;

	buf_init(&b, a);
	if (req->output && !is_held_to_schema(req))
		question_told_schema(&b, req->output);
	for (size_t i = 0; i < req->n_messages; i++) {
		const struct message *m = &req->messages[i];

		if (m->role != ROLE_SYSTEM || m->text.n == 0)
			continue;
		if (b.n > 0)
			buf_adds(&b, "\n\n");
		buf_addstr(&b, m->text);
	}
	return buf_str(&b);
}

static void add_text_part(struct buf *b, struct str text)
{
	buf_adds(b, "{\"text\":");
	json_write_string(b, text);
	buf_addc(b, '}');
}

/* --- contents --- */

struct contents {
	struct buf *b;
	struct arena *a;
	const struct wire_request *req;
	const char *role;		/* of the content that is open; NULL: none is */
};

/* Neighbours of one role are one content. */
static void begin_parts(struct contents *c, const char *role)
{
	if (c->role == role) {
		buf_addc(c->b, ',');
		return;
	}
	if (c->role)
		buf_adds(c->b, "]},");
	buf_addf(c->b, "{\"role\":\"%s\",\"parts\":[", role);
	c->role = role;
}

static const char user[] = "user", model[] = "model";

/* Gemini takes no conversation that begins with the model. */
static void add_turn(struct contents *c, const struct message *m)
{
	if (!c->role) {
		begin_parts(c, user);
		add_text_part(c->b, STR("(The beginning of the conversation is left out.)"));
	}
	begin_parts(c, model);
	gemini_write_turn(c->b, c->a, c->req->model, m);
}

/* An object as it is; anything else in one. */
static void add_response(struct contents *c, struct str text)
{
	const struct json *v;

	if (json_parse_lenient(c->a, text, NULL, &v, NULL) == 0) {
		if (json_type(v) == JSON_OBJECT) {
			json_write(c->b, v);
			return;
		}
		buf_adds(c->b, "{\"output\":");
		json_write(c->b, v);
	} else {
		buf_adds(c->b, "{\"output\":");
		json_write_string(c->b, text);
	}
	buf_addc(c->b, '}');
}

static void add_result(struct contents *c, const struct tool_call *call, struct str text, bool own_id)
{
	begin_parts(c, user);
	buf_adds(c->b, "{\"functionResponse\":{\"name\":");
	question_name(c->b, gemini_tool_name(c->a, call->name));
	if (own_id) {
		question_key(c->b, "id");
		json_write_string(c->b, call->id);
	}
	question_key(c->b, "response");
	add_response(c, text);
	buf_adds(c->b, "}}");
}

/* The results of a turn, in the order of its calls. Returns how many messages they are. */
static size_t add_results(struct contents *c, const struct message *turn, const struct message *results, size_t n)
{
	bool *own = ARENA_ARRAY(c->a, turn->n_calls, bool);
	size_t n_results = 0;

	while (n_results < n && results[n_results].role == ROLE_TOOL)
		n_results++;
	gemini_own_ids(c->a, c->req->model, turn, own);
	for (size_t i = 0; i < turn->n_calls; i++)
		for (size_t k = 0; k < n_results; k++)
			if (str_eq(results[k].call_id, turn->calls[i].id))
				add_result(c, &turn->calls[i], results[k].text, own[i]);
	return n_results;
}

static void add_contents(struct buf *b, struct arena *a, const struct wire_request *req)
{
	struct contents c = {.b = b, .a = a, .req = req};
	size_t i = 0;

	buf_addc(b, '[');
	while (i < req->n_messages) {
		const struct message *m = &req->messages[i++];

		if (m->role == ROLE_USER) {
			begin_parts(&c, user);
			add_text_part(b, m->text);
		} else if (m->role == ROLE_ASSISTANT) {
			add_turn(&c, m);
			i += add_results(&c, m, &req->messages[i], req->n_messages - i);
		}
	}
	if (!c.role) {	/* nothing but instructions */
		begin_parts(&c, user);
		add_text_part(b, STR("Do what you are instructed to do."));
	}
	buf_adds(b, "]}]");
}

/* --- tools and limits --- */

static const struct json *without_dialect(struct arena *a, const struct json *schema)
{
	struct json_builder b;

	if (!json_getc(schema, "$schema"))
		return schema;
	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(schema); i++)
		if (!str_is(json_key(schema, i), "$schema"))
			json_object_set(&b, json_key(schema, i), json_val(schema, i));
	return json_object_end(&b);
}

static void add_tools(struct buf *b, struct arena *a, const struct wire_request *req)
{
	question_key(b, "tools");
	buf_adds(b, "[{\"functionDeclarations\":[");
	for (size_t i = 0; i < req->n_tools; i++) {
		const struct model_tool *t = &req->tools[i];

		buf_adds(b, i ? ",{\"name\":" : "{\"name\":");
		json_write_string(b, gemini_tool_name(a, t->name));
		if (t->description.n > 0) {
			question_key(b, "description");
			json_write_string(b, t->description);
		}
		question_key(b, "parametersJsonSchema");
		question_tool_schema(b, without_dialect(a, t->args));
		buf_addc(b, '}');
	}
	buf_adds(b, "]}]");
}

static void add_config(struct buf *b, struct arena *a, const struct wire_request *req)
{
	size_t from;

	question_key(b, "generationConfig");
	from = b->n;
	if (req->max_output > 0)
		buf_addf(b, ",\"maxOutputTokens\":%lld", (long long)req->max_output);
	if (req->temperature >= 0) {
		question_key(b, "temperature");
		json_write(b, json_double(a, req->temperature));
	}
	if (is_held_to_schema(req)) {
		buf_adds(b, ",\"responseMimeType\":\"application/json\"");
		question_key(b, "responseJsonSchema");
		json_write(b, without_dialect(a, req->output));
	}
	if (b->n == from)
		buf_addc(b, '{');
	else
		b->p[from] = '{';
	buf_addc(b, '}');
}

struct str gemini_question(struct arena *a, const struct wire_request *req)
{
	struct str instruction = system_text(a, req);
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"contents\":");
	add_contents(&b, a, req);
	if (instruction.n > 0) {
		question_key(&b, "systemInstruction");
		buf_adds(&b, "{\"parts\":[");
		add_text_part(&b, instruction);
		buf_adds(&b, "]}");
	}
	if (req->n_tools > 0)
		add_tools(&b, a, req);
	add_config(&b, a, req);
	buf_addc(&b, '}');
	return buf_str(&b);
}
