/* request.c - the copy of a question, and the rules that hold for every provider. */
#include "gateway/request.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* --- rules --- */

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return name.n > 0 && name.n <= TOOL_NAME_MAX;
}

static bool is_of_object(const struct json *schema)
{
	const struct json *type = json_getc(schema, "type");

	return !schema || (json_type(schema) == JSON_OBJECT && (!type || str_is(json_str(type), "object")));
}

static int check_tools(const struct model_request *req, struct err *err)
{
	if (req->n_tools > TOOLS_MAX)
		return err_set(err, ERR_MODEL_INVALID_REQUEST, "%zu tools are offered, at most %d can be", req->n_tools, TOOLS_MAX);
	for (size_t i = 0; i < req->n_tools; i++) {
		struct str name = req->tools[i].name;

		if (!is_name(name))
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "tool name \"" STR_FMT "\": expected 1 to %d of letters, "
				       "digits, '_' and '-'", STR_ARG(str_clip(name, 80)), TOOL_NAME_MAX);
		if (!is_of_object(req->tools[i].args))
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "tool \"" STR_FMT "\": the schema of its arguments is not of "
				       "type object", STR_ARG(name));
		for (size_t k = 0; k < i; k++)
			if (str_eq(name, req->tools[k].name))
				return err_set(err, ERR_MODEL_INVALID_REQUEST, "tool \"" STR_FMT "\" is offered twice",
					       STR_ARG(name));
	}
	return 0;
}

static bool has_call(const struct message *m, struct str id)
{
	for (size_t i = 0; i < m->n_calls; i++)
		if (str_eq(m->calls[i].id, id))
			return true;
	return false;
}

/* The calls of messages[at] and the results behind it. *ret: the first message that is no result. */
static int check_turn(const struct model_request *req, size_t at, size_t *ret, struct err *err)
{
	const struct message *m = &req->messages[at];
	size_t i = at + 1, k;

	for (k = 0; k < m->n_calls; k++)
		if (m->calls[k].id.n == 0 || m->calls[k].name.n == 0)
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "message %zu: tool call %zu has no id or no name", at, k);
	for (; i < req->n_messages && req->messages[i].role == ROLE_TOOL; i++) {
		struct str id = req->messages[i].call_id;

		if (!has_call(m, id))
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "message %zu is the result of tool call \"" STR_FMT
				       "\", which was not made", i, STR_ARG(str_clip(id, 60)));
		for (k = at + 1; k < i; k++)
			if (str_eq(req->messages[k].call_id, id))
				return err_set(err, ERR_MODEL_INVALID_REQUEST, "tool call \"" STR_FMT "\" has two results",
					       STR_ARG(str_clip(id, 60)));
	}
	if (i - at - 1 != m->n_calls)
		return err_set(err, ERR_MODEL_INVALID_REQUEST, "message %zu made %zu tool calls and has %zu results", at, m->n_calls,
			       i - at - 1);
	*ret = i;
	return 0;
}

static int check_texts(const struct model_request *req, struct err *err)
{
	if (req->n_texts > EMBED_TEXTS_MAX)
		return err_set(err, ERR_MODEL_INVALID_REQUEST, "%zu texts are to be embedded, at most %d can be", req->n_texts,
			       EMBED_TEXTS_MAX);
	for (size_t i = 0; i < req->n_texts; i++)
		if (req->texts[i].n == 0)
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "text %zu is empty: nothing can be embedded", i);
	return 0;
}

int request_check(const struct model_request *req, struct err *err)
{
	size_t i = 0;

	if (req->n_texts > 0 && req->n_messages > 0)
		return err_set(err, ERR_MODEL_INVALID_REQUEST, "messages and texts in one question");
	if (check_texts(req, err) < 0 || check_tools(req, err) < 0)
		return -1;
	while (i < req->n_messages) {
		const struct message *m = &req->messages[i];

		if (m->role == ROLE_TOOL)	/* the first; others are read with their turn */
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "message 0 is the result of a tool call that was not made");
		if (m->n_calls > 0 && m->role != ROLE_ASSISTANT)
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "message %zu has tool calls, but is not the assistant's", i);
		if (m->n_calls > 0 && req->n_tools == 0)	/* several servers refuse it */
			return err_set(err, ERR_MODEL_INVALID_REQUEST, "message %zu has tool calls, but no tools are offered", i);
		if (check_turn(req, i, &i, err) < 0)
			return -1;
	}
	return 0;
}

/* --- copies --- */

const struct tool_call *tool_calls_copy(struct arena *a, const struct tool_call *from, size_t n)
{
	struct tool_call *to = ARENA_ARRAY(a, n, struct tool_call);

	for (size_t i = 0; i < n; i++)
		to[i] = (struct tool_call){
			.id = str_dup(a, from[i].id), .name = str_dup(a, from[i].name), .args = str_dup(a, from[i].args)};
	return to;
}

static struct message copy_message(struct arena *a, const struct message *from)
{
	struct message to = *from;

	to.text = str_dup(a, from->text);
	to.calls = tool_calls_copy(a, from->calls, from->n_calls);
	to.call_id = str_dup(a, from->call_id);
	to.echo = str_dup(a, from->echo);
	return to;
}

struct model_request request_copy(struct arena *a, const struct model_request *from)
{
	struct model_request to = *from;
	struct message *messages = ARENA_ARRAY(a, from->n_messages, struct message);
	struct model_tool *tools = ARENA_ARRAY(a, from->n_tools, struct model_tool);
	struct spend_limit *limits = ARENA_ARRAY(a, from->n_limits, struct spend_limit);
	struct str *texts = ARENA_ARRAY(a, from->n_texts, struct str);
	struct spend_grant *grant;

	for (size_t i = 0; i < from->n_messages; i++)
		messages[i] = copy_message(a, &from->messages[i]);
	for (size_t i = 0; i < from->n_texts; i++)
		texts[i] = str_dup(a, from->texts[i]);
	for (size_t i = 0; i < from->n_tools; i++)
		tools[i] = (struct model_tool){
			.name = str_dup(a, from->tools[i].name),
			.description = str_dup(a, from->tools[i].description),
			.args = from->tools[i].args ? json_copy(a, from->tools[i].args) : NULL,
		};
	for (size_t i = 0; i < from->n_limits; i++)
		limits[i] = (struct spend_limit){str_dup(a, from->limits[i].path), from->limits[i].limit_pusd};
	to.token = from->token.p ? str_dup(a, from->token) : STR_NONE;
	to.path = str_dup(a, from->path);
	to.tier = str_dup(a, from->tier);
	to.facts = NULL;	/* conditions are judged at once */
	to.output = from->output ? json_copy(a, from->output) : NULL;
	to.messages = messages;
	to.texts = texts;
	to.tools = tools;
	to.limits = limits;
	if (from->grant) {
		to.grant = grant = ARENA_NEW(a, struct spend_grant);
		*grant = (struct spend_grant){str_dup(a, from->grant->approval), str_dup(a, from->grant->model), from->grant->digest};
	}
	return to;
}
