/* stub_openai_strict.c - is a question one that every provider would take? Unknown keys, types, stream_options without stream;
 * tools and their schemas; and that each tool call is answered once before anybody else speaks. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "t/bin/stub_openai.h"
#include "t/bin/stub_strict.h"

enum { NAME_MAX_BYTES = 64, ID_MAX_BYTES = 40, CALLS_MAX = 1024 };

static const struct strict_key known_keys[] = {
	{"model", JSON_STRING}, {"messages", JSON_ARRAY}, {"stream", JSON_TRUE}, {"stream_options", JSON_OBJECT},
	{"max_tokens", JSON_INT}, {"max_completion_tokens", JSON_INT}, {"temperature", JSON_NUM},
	{"response_format", JSON_OBJECT}, {"tools", JSON_ARRAY}, {"provider", JSON_OBJECT},
};

static const char *check_tool(struct arena *a, const struct json *tools, size_t at)
{
	const struct json *tool = json_at(tools, at), *f = json_getc(tool, "function");
	struct str name = json_str(json_getc(f, "name"));
	const struct json *description = json_getc(f, "description"), *parameters = json_getc(f, "parameters");

	if (!HAS_ONLY(tool, "type", "function") || !str_is(json_str(json_getc(tool, "type")), "function") ||
	    !HAS_ONLY(f, "name", "description", "parameters"))
		return arena_printf(a, "tool %zu has other keys than type and function {name, description, parameters}", at);
	if (!strict_is_name(name, NAME_MAX_BYTES))
		return arena_printf(a, "the name of tool %zu does not fit ^[a-zA-Z0-9_-]{1,64}$", at);
	if (description && json_type(description) != JSON_STRING)
		return arena_printf(a, "the description of tool %zu is no text", at);
	if (!str_is(json_str(json_getc(parameters, "type")), "object"))
		return arena_printf(a, "the schema of tool %zu is not of type object", at);
	for (size_t i = 0; i < at; i++)
		if (str_eq(json_str(json_getc(json_getc(json_at(tools, i), "function"), "name")), name))
			return arena_printf(a, "tool \"" STR_FMT "\" twice", STR_ARG(name));
	return NULL;
}

static const char *check_tools(struct arena *a, const struct json *tools)
{
	const char *wrong;

	if (tools && (json_len(tools) == 0 || json_len(tools) > 128))
		return "tools is empty or too long";
	for (size_t i = 0; i < json_len(tools); i++)
		if ((wrong = check_tool(a, tools, i)))
			return wrong;
	return NULL;
}

/* --- the conversation --- */

struct talk {
	struct arena *a;
	bool has_tools;
	struct str ids[CALLS_MAX];	/* of all calls so far */
	bool answered[CALLS_MAX];
	size_t n, first_open;		/* of the last turn */
};

static const char *check_call(struct talk *t, const struct json *call)
{
	const struct json *f = json_getc(call, "function"), *args;
	struct str id = json_str(json_getc(call, "id"));
	struct err err;

	if (!HAS_ONLY(call, "id", "type", "function", "extra_content") || !str_is(json_str(json_getc(call, "type")), "function") ||
	    !HAS_ONLY(f, "name", "arguments"))
		return "a tool call has other keys than id, type, function {name, arguments}";
	if (id.n == 0 || id.n > ID_MAX_BYTES)
		return "a tool call's id is empty or over 40 bytes";
	if (!strict_is_name(json_str(json_getc(f, "name")), NAME_MAX_BYTES))
		return "a tool call's name does not fit ^[a-zA-Z0-9_-]{1,64}$";
	if (json_parse(t->a, json_str(json_getc(f, "arguments")), NULL, &args, &err) < 0 || json_type(args) != JSON_OBJECT)
		return "a tool call's arguments are no text of an object";
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->ids[i], id))
			return arena_printf(t->a, "tool call \"" STR_FMT "\" twice", STR_ARG(id));
	if (t->n == CALLS_MAX)
		return "too many tool calls";
	t->ids[t->n++] = id;
	return NULL;
}

static const char *check_assistant(struct talk *t, const struct json *m)
{
	const struct json *calls = json_getc(m, "tool_calls"), *content = json_getc(m, "content");
	const char *wrong;

	if (!HAS_ONLY(m, "role", "content", "tool_calls", "reasoning_details"))
		return "an assistant's message has unknown keys";
	if (!calls)
		return json_type(content) == JSON_STRING ? NULL : "an assistant's message without tool calls has no text";
	if (json_type(content) != JSON_STRING && json_type(content) != JSON_NULL)
		return "the content of an assistant's message is neither text nor null";
	if (json_type(calls) != JSON_ARRAY || json_len(calls) == 0)
		return "tool_calls is no array, or empty";
	if (!t->has_tools)
		return "tool calls in a question without tools";
	for (size_t i = 0; i < json_len(calls); i++)
		if ((wrong = check_call(t, json_at(calls, i))))
			return wrong;
	return NULL;
}

static const char *check_result(struct talk *t, const struct json *m)
{
	struct str id = json_str(json_getc(m, "tool_call_id"));

	if (!HAS_ONLY(m, "role", "content", "tool_call_id") || json_type(json_getc(m, "content")) != JSON_STRING)
		return "a tool's message has other keys than role, tool_call_id and content, or content is no text";
	for (size_t i = t->first_open; i < t->n; i++)
		if (str_eq(t->ids[i], id)) {
			if (t->answered[i])
				return arena_printf(t->a, "tool call \"" STR_FMT "\" is answered twice", STR_ARG(id));
			t->answered[i] = true;
			return NULL;
		}
	return arena_printf(t->a, "messages with role \"tool\" must answer a preceding tool call: \"" STR_FMT "\"", STR_ARG(id));
}

/* Nobody speaks before the calls are answered. */
static const char *check_answered(struct talk *t)
{
	for (size_t i = t->first_open; i < t->n; i++)
		if (!t->answered[i])
			return arena_printf(t->a, "tool call \"" STR_FMT "\" has no answer", STR_ARG(t->ids[i]));
	t->first_open = t->n;
	return NULL;
}

static const char *check_message(struct talk *t, const struct json *m)
{
	struct str role = json_str(json_getc(m, "role"));
	const char *wrong;

	if (str_is(role, "tool"))
		return check_result(t, m);
	wrong = check_answered(t);
	if (wrong)
		return wrong;
	if (str_is(role, "assistant"))
		return check_assistant(t, m);
	if (!str_is(role, "system") && !str_is(role, "user"))
		return arena_printf(t->a, "role \"" STR_FMT "\"", STR_ARG(role));
	if (!HAS_ONLY(m, "role", "content") || json_type(json_getc(m, "content")) != JSON_STRING)
		return "a message has other keys than role and content, or content is no text";
	return NULL;
}

static const char *check_messages(struct arena *a, const struct json *v)
{
	const struct json *messages = json_getc(v, "messages");
	struct talk *t = ARENA_NEW(a, struct talk);
	const char *wrong;

	t->a = a;
	t->has_tools = json_getc(v, "tools") != NULL;
	for (size_t i = 0; i < json_len(messages); i++)
		if ((wrong = check_message(t, json_at(messages, i))))
			return wrong;
	return check_answered(t);
}

/* --- the whole --- */

static const char *check_keys(struct arena *a, const struct json *v)
{
	for (size_t i = 0; i < json_len(v); i++) {
		const struct strict_key *known = strict_find(known_keys, sizeof known_keys / sizeof known_keys[0], json_key(v, i));

		if (!known || !strict_fits(json_val(v, i), known->type))
			return arena_printf(a, "key \"" STR_FMT "\" is unknown or of a wrong type", STR_ARG(json_key(v, i)));
	}
	return NULL;
}

const char *strict_check(struct arena *a, const struct json *v)
{
	const struct json *format = json_getc(v, "response_format"), *provider = json_getc(v, "provider");
	const char *wrong = check_keys(a, v);

	if (wrong)
		return wrong;
	if (!json_getc(v, "model") || json_len(json_getc(v, "messages")) == 0)
		return "model or messages are missing";
	if (!json_is_true(json_getc(v, "stream")))
		return json_getc(v, "stream_options") ? "stream_options without stream" : "expected a stream";
	if (json_getc(v, "max_tokens") && json_getc(v, "max_completion_tokens"))
		return "both max_tokens and max_completion_tokens";
	if (format && (!str_is(json_str(json_getc(format, "type")), "json_schema") ||
		       json_type(json_getc(json_getc(format, "json_schema"), "schema")) != JSON_OBJECT ||
		       json_str(json_getc(json_getc(format, "json_schema"), "name")).n == 0))
		return "response_format is no json_schema with name and schema";
	if (provider && !HAS_ONLY(provider, "require_parameters"))
		return "provider has other keys than require_parameters";
	wrong = check_tools(a, json_getc(v, "tools"));
	return wrong ? wrong : check_messages(a, v);
}
