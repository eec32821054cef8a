/* stub_anthropic_strict.c - is a question one that Anthropic would take? Keys and their types, the version, turns and their blocks,
 * results in their place, thinking that was not touched, schemas of structured output. */
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "t/bin/stub_anthropic.h"
#include "t/bin/stub_strict.h"

enum { NAME_MAX_BYTES = 128, CALLS_MAX = 1024 };

static const struct strict_key known_keys[] = {
	{"model", JSON_STRING}, {"messages", JSON_ARRAY}, {"max_tokens", JSON_INT}, {"system", JSON_NULL}, {"stream", JSON_TRUE},
	{"temperature", JSON_NUM}, {"tools", JSON_ARRAY}, {"tool_choice", JSON_OBJECT}, {"thinking", JSON_OBJECT},
	{"output_config", JSON_OBJECT}, {"stop_sequences", JSON_ARRAY}, {"metadata", JSON_OBJECT}, {"cache_control", JSON_OBJECT},
};

static struct str type_of(const struct json *block)
{
	return json_str(json_getc(block, "type"));
}

const char *anthropic_signature(struct arena *a, struct str model, struct str thinking)
{
	struct str parts[] = {STR("stub"), model, thinking};
	struct digest d;
	char hex[65];

	digest_of_parts(parts, 3, &d);
	digest_hex(&d, hex);
	return arena_printf(a, "Sig/%s+/==", hex);
}

/* --- schemas --- */

static const char *check_schema(struct arena *a, const struct json *v);

static const char *check_each(struct arena *a, const struct json *list)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < json_len(list) && !wrong; i++)
		wrong = check_schema(a, json_type(list) == JSON_OBJECT ? json_val(list, i) : json_at(list, i));
	return wrong;
}

static const char *check_schema(struct arena *a, const struct json *v)
{
	static const char *const parts[] = {"properties", "$defs", "definitions", "anyOf", "allOf"};
	const char *wrong = NULL;
	int64_t n;

	if (!HAS_ONLY(v, "type", "properties", "required", "additionalProperties", "items", "minItems", "enum", "const", "anyOf", "allOf", "$ref",
		      "$defs", "definitions", "format", "title", "description"))
		return arena_printf(a, "output_config.format.schema: a property of " STR_FMT " is not supported", STR_ARG(json_text(a, v)));
	if (str_is(type_of(v), "object") && json_type(json_getc(v, "additionalProperties")) != JSON_FALSE)
		return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false";
	if (json_to_int(json_getc(v, "minItems"), &n) && n > 1)
		return "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported";
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !wrong; i++)
		wrong = check_each(a, json_getc(v, parts[i]));
	if (!wrong && json_getc(v, "items"))
		wrong = check_schema(a, json_getc(v, "items"));
	return wrong;
}

static const char *check_output_config(struct arena *a, const struct json *config)
{
	const struct json *format = json_getc(config, "format");

	if (config && !HAS_ONLY(config, "format", "effort"))
		return "output_config: Extra inputs are not permitted";
	if (!format)
		return NULL;
	if (!HAS_ONLY(format, "type", "schema") || !str_is(type_of(format), "json_schema"))
		return "output_config.format: expected {type: json_schema, schema}";
	return check_schema(a, json_getc(format, "schema"));
}

/* --- tools --- */

static const char *check_tool(struct arena *a, const struct json *tools, size_t at)
{
	const struct json *tool = json_at(tools, at);
	struct str name = json_str(json_getc(tool, "name"));

	if (!HAS_ONLY(tool, "name", "description", "input_schema", "type", "strict", "cache_control"))
		return arena_printf(a, "tools.%zu: Extra inputs are not permitted", at);
	if (!strict_is_name(name, NAME_MAX_BYTES))
		return arena_printf(a, "tools.%zu.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", at);
	if (json_getc(tool, "description") && json_type(json_getc(tool, "description")) != JSON_STRING)
		return arena_printf(a, "tools.%zu.description: Input should be a valid string", at);
	if (!str_is(type_of(json_getc(tool, "input_schema")), "object"))
		return arena_printf(a, "tools.%zu.input_schema.type: Field required", at);
	for (size_t i = 0; i < at; i++)
		if (str_eq(json_str(json_getc(json_at(tools, i), "name")), name))
			return "tools: Tool names must be unique.";
	return NULL;
}

/* --- turns --- */

struct talk {
	struct arena *a;
	struct str model;
	bool has_tools;
	struct str ids[CALLS_MAX];	/* of all calls so far */
	bool answered[CALLS_MAX];
	size_t n, first_open;		/* of the last turn */
	bool spoke;			/* in this turn of the user's something other than a result came */
	struct str role;		/* of the turn before */
};

static const char *check_text(const struct json *block)
{
	struct str text = json_str(json_getc(block, "text"));

	if (!HAS_ONLY(block, "type", "text", "cache_control", "citations", "parsed_output") || text.n == 0)
		return "text content blocks must be non-empty";
	return str_trim(text).n == 0 ? "text content blocks must contain non-whitespace text" : NULL;
}

static const char *check_use(struct talk *t, const struct json *block)
{
	struct str id = json_str(json_getc(block, "id"));

	if (!HAS_ONLY(block, "type", "id", "name", "input", "caller", "cache_control"))
		return "tool_use: Extra inputs are not permitted";
	if (!strict_is_name(id, NAME_MAX_BYTES))
		return "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'";
	if (!strict_is_name(json_str(json_getc(block, "name")), NAME_MAX_BYTES))
		return "tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
	if (json_type(json_getc(block, "input")) != JSON_OBJECT)
		return "tool_use.input: Input should be a valid dictionary";
	if (!t->has_tools)
		return "Requests which include `tool_use` or `tool_result` blocks must define tools";
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->ids[i], id))
			return "`tool_use` ids must be unique";
	if (t->n == CALLS_MAX)
		return "too many tool calls";
	t->ids[t->n++] = id;
	return NULL;
}

static const char *check_thinking(struct talk *t, const struct json *block)
{
	struct str thinking = json_str(json_getc(block, "thinking")), signature = json_str(json_getc(block, "signature"));

	if (!HAS_ONLY(block, "type", "thinking", "signature"))
		return "thinking: Extra inputs are not permitted";
	if (!str_is(signature, anthropic_signature(t->a, t->model, thinking)))
		return "Invalid `signature` in `thinking` block";
	return NULL;
}

static const char *check_result(struct talk *t, const struct json *block)
{
	struct str id = json_str(json_getc(block, "tool_use_id"));
	const struct json *content = json_getc(block, "content");

	if (!HAS_ONLY(block, "type", "tool_use_id", "content", "is_error", "cache_control") ||
	    (content && json_type(content) != JSON_STRING && json_type(content) != JSON_ARRAY))
		return "tool_result: Extra inputs are not permitted";
	if (t->spoke)
		return "`tool_use` ids were found without `tool_result` blocks immediately after: a result stands behind a text";
	for (size_t i = t->first_open; i < t->n; i++)
		if (str_eq(t->ids[i], id)) {
			if (t->answered[i])
				return "each tool_use must have a single result";
			t->answered[i] = true;
			return NULL;
		}
	return "unexpected `tool_use_id` found in `tool_result` blocks: each `tool_result` block must have a corresponding `tool_use` block "
	       "in the previous message";
}

static const char *check_block(struct talk *t, bool is_user, const struct json *block)
{
	struct str type = type_of(block);

	if (is_user && str_is(type, "tool_result"))
		return check_result(t, block);
	t->spoke = true;
	if (str_is(type, "text"))
		return check_text(block);
	if (!is_user && str_is(type, "tool_use"))
		return check_use(t, block);
	if (!is_user && str_is(type, "thinking"))
		return check_thinking(t, block);
	if (!is_user && str_is(type, "redacted_thinking"))
		return str_is(json_str(json_getc(block, "data")), STUB_REDACTED) ? NULL : "Invalid `data` in `redacted_thinking` block";
	if (!is_user && str_is(type, "fallback"))
		return NULL;
	if (is_user && str_is(type, "image"))
		return NULL;
	return arena_printf(t->a, "content: a block of type \"" STR_FMT "\" cannot stand here", STR_ARG(type));
}

static const char *check_answered(struct talk *t)
{
	for (size_t i = t->first_open; i < t->n; i++)
		if (!t->answered[i])
			return arena_printf(t->a, "`tool_use` ids were found without `tool_result` blocks immediately after: " STR_FMT,
					    STR_ARG(t->ids[i]));
	t->first_open = t->n;
	return NULL;
}

static const char *check_content(struct talk *t, bool is_user, const struct json *content)
{
	const char *wrong = NULL;

	if (json_type(content) == JSON_STRING) {
		t->spoke = true;
		return str_trim(json_str(content)).n ? NULL : "all messages must have non-empty content";
	}
	if (json_len(content) == 0)
		return "all messages must have non-empty content";
	for (size_t i = 0; i < json_len(content) && !wrong; i++)
		wrong = check_block(t, is_user, json_at(content, i));
	return wrong;
}

/* Neighbours of one role are one turn. Results stand in the turn behind their calls, before anything else. */
static const char *check_message(struct talk *t, const struct json *m)
{
	struct str role = json_str(json_getc(m, "role"));
	bool is_user = str_is(role, "user");
	const char *wrong;

	if (!HAS_ONLY(m, "role", "content") || (!is_user && !str_is(role, "assistant")))
		return "messages: Input should be 'user' or 'assistant', with content";
	if (!t->role.p && !is_user)
		return "messages: first message must use the \"user\" role";
	if (!str_eq(role, t->role)) {
		t->spoke = false;
		if (!is_user && (wrong = check_answered(t)))
			return wrong;
	}
	t->role = role;
	return check_content(t, is_user, json_getc(m, "content"));
}

static bool ends_in_blank(const struct json *m)
{
	const struct json *content = json_getc(m, "content");
	struct str text = json_type(content) == JSON_STRING ? json_str(content) : json_str(json_getc(json_at(content, json_len(content) - 1), "text"));

	return str_is(json_str(json_getc(m, "role")), "assistant") && text.n > 0 && str_trim(text).n > 0 &&
	       strchr(" \n\t\r", text.p[text.n - 1]) != NULL;
}

static const char *check_messages(struct arena *a, const struct json *v)
{
	const struct json *messages = json_getc(v, "messages");
	struct talk *t = ARENA_NEW(a, struct talk);
	const char *wrong = NULL;

	t->a = a;
	t->model = json_str(json_getc(v, "model"));
	t->has_tools = json_len(json_getc(v, "tools")) > 0;
	for (size_t i = 0; i < json_len(messages) && !wrong; i++)
		wrong = check_message(t, json_at(messages, i));
	if (!wrong)
		wrong = check_answered(t);
	if (!wrong && ends_in_blank(json_at(messages, json_len(messages) - 1)))
		wrong = "messages: final assistant content cannot end with trailing whitespace";
	return wrong;
}

/* --- the whole --- */

static const char *check_keys(struct arena *a, const struct json *v)
{
	for (size_t i = 0; i < json_len(v); i++) {
		const struct strict_key *known = strict_find(known_keys, sizeof known_keys / sizeof known_keys[0], json_key(v, i));

		if (!known)
			return arena_printf(a, STR_FMT ": Extra inputs are not permitted", STR_ARG(json_key(v, i)));
		if (!strict_fits(json_val(v, i), known->type))
			return arena_printf(a, STR_FMT ": Input is of a wrong type", STR_ARG(json_key(v, i)));
	}
	return NULL;
}

static const char *check_system(const struct json *system)
{
	const char *wrong = NULL;

	if (!system)
		return NULL;
	if (json_type(system) == JSON_STRING)
		return str_trim(json_str(system)).n ? NULL : "system: text content blocks must be non-empty";
	if (json_type(system) != JSON_ARRAY)
		return "system: Input should be a valid string or list";
	for (size_t i = 0; i < json_len(system) && !wrong; i++)
		wrong = check_text(json_at(system, i));
	return wrong;
}

static const char *check_numbers(const struct json *v, struct str version)
{
	const struct json *temperature = json_getc(v, "temperature"), *thinking = json_getc(v, "thinking");
	int64_t most = 0, budget = 0;

	if (!json_to_int(json_getc(v, "max_tokens"), &most))
		return "max_tokens: Field required";
	if (most < 1)
		return "max_tokens: Input should be greater than or equal to 1";
	if (temperature && str_is(version, "2026-10-21"))
		return "temperature: Extra inputs are not permitted";
	if (temperature && (json_to_double(temperature) < 0 || json_to_double(temperature) > 1))
		return "temperature: range: 0..1";
	if (str_is(type_of(thinking), "enabled") &&
	    (!json_to_int(json_getc(thinking, "budget_tokens"), &budget) || budget < 1024 || budget >= most))
		return "`max_tokens` must be greater than `thinking.budget_tokens`, which must be at least 1024";
	if (str_is(type_of(thinking), "enabled") && temperature && json_to_double(temperature) < 1)
		return "`temperature` may only be set to 1 when thinking is enabled";
	return NULL;
}

const char *anthropic_strict(struct arena *a, const struct json *v, struct str version)
{
	const struct json *tools = json_getc(v, "tools");
	const char *wrong;

	if (version.n == 0)
		return "anthropic-version: header is required";
	if (!str_is(version, "2023-06-01") && !str_is(version, "2026-10-21"))
		return arena_printf(a, "anthropic-version: \"" STR_FMT "\" is not a valid version", STR_ARG(version));
	if (json_type(v) != JSON_OBJECT)
		return "the body is no object";
	if ((wrong = check_keys(a, v)))
		return wrong;
	if (!json_getc(v, "model"))
		return "model: Field required";
	if (json_len(json_getc(v, "messages")) == 0)
		return "messages: at least one message is required";
	if ((wrong = check_numbers(v, version)) || (wrong = check_system(json_getc(v, "system"))))
		return wrong;
	for (size_t i = 0; i < json_len(tools); i++)
		if ((wrong = check_tool(a, tools, i)))
			return wrong;
	if ((wrong = check_output_config(a, json_getc(v, "output_config"))))
		return wrong;
	return check_messages(a, v);
}
