/* stub_gemini_strict.c - is a question one that Google would take? Known keys at every level, schemas of the old and of the new
 * kind, tools that Google names well, and calls that are answered at once, all of them and in their order. */
#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_gemini.h"

static const char *const question_keys[] = {"contents", "systemInstruction", "tools", "toolConfig", "safetySettings",
	"generationConfig", "cachedContent", "serviceTier", "store", NULL};
static const char *const config_keys[] = {"temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed",
	"presencePenalty", "frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig",
	"responseLogprobs", "logprobs", "responseModalities", "mediaResolution", "speechConfig", "imageConfig",
	"enableEnhancedCivicAnswers", NULL};
static const char *const thinking_keys[] = {"includeThoughts", "thinkingBudget", "thinkingLevel", NULL};
static const char *const content_keys[] = {"role", "parts", NULL};
static const char *const part_keys[] = {"text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode",
	"codeExecutionResult", "thought", "thoughtSignature", NULL};
static const char *const call_keys[] = {"id", "name", "args", NULL};
static const char *const response_keys[] = {"id", "name", "response", "willContinue", "scheduling", "parts", NULL};
static const char *const tool_keys[] = {"functionDeclarations", NULL};
static const char *const declaration_keys[] = {"name", "description", "parameters", "parametersJsonSchema", "response",
	"responseJsonSchema", "behavior", NULL};
/* Of the schemas before JSON Schema was taken. */
static const char *const schema_keys[] = {"type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems",
	"properties", "required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf",
	"propertyOrdering", "default", "items", "minimum", "maximum", NULL};

enum { NAME_MAX_BYTES = 128 };

bool gemini_is_key(struct str key, const char *name)
{
	size_t i = 0;

	for (; *name; name++) {
		char lower = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;

		if (i < key.n && key.p[i] == *name)
			i++;
		else if (lower != *name && i + 1 < key.n && key.p[i] == '_' && key.p[i + 1] == lower)
			i += 2;
		else
			return false;
	}
	return i == key.n;
}

const struct json *gemini_get(const struct json *obj, const char *name)
{
	for (size_t i = 0; json_type(obj) == JSON_OBJECT && i < json_len(obj); i++)
		if (gemini_is_key(json_key(obj, i), name))
			return json_val(obj, i);
	return NULL;
}

/* NULL: only these keys. */
static const char *check_keys(struct arena *a, const struct json *obj, const char *const *keys, const char *where)
{
	if (json_type(obj) != JSON_OBJECT)
		return arena_printf(a, "%s is no object", where);
	for (size_t i = 0; i < json_len(obj); i++) {
		const char *const *k = keys;

		while (*k && !gemini_is_key(json_key(obj, i), *k))
			k++;
		if (!*k)
			return arena_printf(a, "Invalid JSON payload received. Unknown name \"" STR_FMT "\" at '%s': Cannot find field.",
					    STR_ARG(json_key(obj, i)), where);
	}
	return NULL;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-')))
			return false;
	}
	return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* --- schemas --- */

static const char *check_schema(struct arena *a, const struct json *v, const char *where)
{
	const struct json *properties = json_getc(v, "properties"), *items = json_getc(v, "items");
	struct str type = json_str(json_getc(v, "type"));
	const char *wrong = check_keys(a, v, schema_keys, where);

	for (size_t i = 0; !wrong && i < json_len(properties); i++)
		wrong = check_schema(a, json_val(properties, i),
				     arena_printf(a, "%s.properties[%zu].value", where, i));
	for (size_t i = 0; !wrong && i < json_len(gemini_get(v, "anyOf")); i++)
		wrong = check_schema(a, json_at(gemini_get(v, "anyOf"), i), arena_printf(a, "%s.any_of[%zu]", where, i));
	if (!wrong && items)
		wrong = check_schema(a, items, arena_printf(a, "%s.items", where));
	if (!wrong && (str_is(type, "ARRAY") || str_is(type, "array")) && !items)
		wrong = arena_printf(a, "%s.items: missing field.", where);
	return wrong;
}

static const char *check_json_schema(struct arena *a, const struct json *v, const char *where)
{
	if (json_type(v) != JSON_OBJECT)
		return arena_printf(a, "%s is no object", where);
	return json_getc(v, "$schema") ? arena_printf(a, "%s has $schema", where) : NULL;
}

/* --- tools --- */

static const char *check_declaration(struct arena *a, const struct json *list, size_t at)
{
	const struct json *f = json_at(list, at), *old = json_getc(f, "parameters"), *schema = gemini_get(f, "parametersJsonSchema");
	const char *where = arena_printf(a, "tools[0].function_declarations[%zu]", at);
	const char *wrong = check_keys(a, f, declaration_keys, where);
	struct str name = json_str(json_getc(f, "name"));

	if (wrong)
		return wrong;
	if (!is_name(name))
		return arena_printf(a, "* GenerateContentRequest.%s.name: Invalid function name. Must start with a letter or an underscore.",
				    where);
	if (old && schema)
		return arena_printf(a, "%s has both parameters and parametersJsonSchema", where);
	for (size_t i = 0; i < at; i++)
		if (str_eq(json_str(json_getc(json_at(list, i), "name")), name))
			return arena_printf(a, "Duplicate function declaration found: " STR_FMT, STR_ARG(name));
	if (old)
		return check_schema(a, old, arena_printf(a, "%s.parameters", where));
	return schema ? check_json_schema(a, schema, arena_printf(a, "%s.parametersJsonSchema", where)) : NULL;
}

static const char *check_tools(struct arena *a, const struct json *tools)
{
	const char *wrong = NULL;

	for (size_t i = 0; !wrong && i < json_len(tools); i++) {
		const struct json *list = gemini_get(json_at(tools, i), "functionDeclarations");

		wrong = check_keys(a, json_at(tools, i), tool_keys, "tools[0]");
		if (!wrong && json_len(list) == 0)
			wrong = "tools[0].function_declarations is empty";
		for (size_t k = 0; !wrong && k < json_len(list); k++)
			wrong = check_declaration(a, list, k);
	}
	return wrong;
}

/* --- the conversation --- */

struct talk {
	struct arena *a;
	const struct json *open;	/* the parts of a model's content whose calls are to be answered; NULL: none are */
	bool began;
};

static size_t count(const struct json *parts, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(parts); i++)
		n += gemini_get(json_at(parts, i), key) != NULL;
	return n;
}

/* The k-th of these parts. */
static const struct json *nth(const struct json *parts, const char *key, size_t k)
{
	for (size_t i = 0; i < json_len(parts); i++) {
		const struct json *v = gemini_get(json_at(parts, i), key);

		if (v && k-- == 0)
			return v;
	}
	return NULL;
}

static const char *check_part(struct talk *t, const struct json *part)
{
	const struct json *call = gemini_get(part, "functionCall"), *response = gemini_get(part, "functionResponse");
	const char *wrong = check_keys(t->a, part, part_keys, "contents.parts");
	size_t n = 0;

	for (size_t i = 0; i < 7; i++)
		n += gemini_get(part, part_keys[i]) != NULL;
	if (!wrong && n != 1)
		wrong = "* GenerateContentRequest.contents.parts: required oneof field 'data' must have one initialized field";
	if (!wrong && call)
		wrong = check_keys(t->a, call, call_keys, "contents.parts.function_call");
	if (!wrong && response)
		wrong = check_keys(t->a, response, response_keys, "contents.parts.function_response");
	if (!wrong && (call || response) && !is_name(json_str(json_getc(call ? call : response, "name"))))
		wrong = "* GenerateContentRequest.contents.parts: a function's name cannot be empty, or is invalid";
	if (!wrong && call && json_getc(call, "args") && json_type(json_getc(call, "args")) != JSON_OBJECT)
		wrong = "Invalid value at 'contents.parts.function_call.args' (type.googleapis.com/google.protobuf.Struct)";
	if (!wrong && response && json_type(json_getc(response, "response")) != JSON_OBJECT)
		wrong = "Invalid value at 'contents.parts.function_response.response' (type.googleapis.com/google.protobuf.Struct)";
	return wrong;
}

/* The answers to the calls of the content before: all, in order, in this content. */
static const char *check_responses(struct talk *t, const struct json *parts)
{
	size_t n = count(parts, "functionResponse");

	if (n != count(t->open, "functionCall"))
		return "Please ensure that the number of function response parts is equal to the number of function call parts of the "
		       "function call turn.";
	for (size_t i = 0; i < n; i++) {
		const struct json *call = nth(t->open, "functionCall", i), *response = nth(parts, "functionResponse", i);

		if (!str_eq(json_str(json_getc(call, "name")), json_str(json_getc(response, "name"))))
			return "the function response parts are not in the order of the calls";
		if (!str_eq(json_str(json_getc(call, "id")), json_str(json_getc(response, "id"))))
			return "the id of a function response is not that of its call";
	}
	t->open = NULL;
	return NULL;
}

static const char *check_content(struct talk *t, const struct json *content)
{
	const struct json *parts = json_getc(content, "parts");
	struct str role = json_str(json_getc(content, "role"));
	const char *wrong = check_keys(t->a, content, content_keys, "contents");

	if (!wrong && json_len(parts) == 0)
		wrong = "* GenerateContentRequest.contents.parts: contents.parts must not be empty.";
	if (!wrong && role.n > 0 && !str_is(role, "user") && !str_is(role, "model"))
		wrong = "Please use a valid role: user, model.";
	for (size_t i = 0; !wrong && i < json_len(parts); i++)
		wrong = check_part(t, json_at(parts, i));
	if (!wrong && !str_is(role, "model"))
		wrong = check_responses(t, parts);
	else if (!wrong && (t->open || (!t->began && count(parts, "functionCall") > 0)))
		wrong = "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
	else if (!wrong && count(parts, "functionResponse") > 0)
		wrong = "a function response of the model";
	else if (!wrong && count(parts, "functionCall") > 0)
		t->open = parts;
	t->began = true;
	return wrong;
}

static const char *check_contents(struct arena *a, const struct json *contents)
{
	struct talk t = {.a = a};
	const char *wrong = NULL;

	if (json_len(contents) == 0)
		return "* GenerateContentRequest.contents: contents is not specified";
	for (size_t i = 0; !wrong && i < json_len(contents); i++)
		wrong = check_content(&t, json_at(contents, i));
	if (!wrong && t.open)
		wrong = "Please ensure that the number of function response parts is equal to the number of function call parts of the "
			"function call turn.";
	return wrong;
}

/* --- the whole --- */

static const char *check_config(struct arena *a, const struct json *config, bool has_tools)
{
	const struct json *old = gemini_get(config, "responseSchema"), *schema = gemini_get(config, "responseJsonSchema");
	const struct json *max = gemini_get(config, "maxOutputTokens"), *thinking = gemini_get(config, "thinkingConfig");
	bool is_json = str_is(json_str(gemini_get(config, "responseMimeType")), "application/json");
	const char *wrong = check_keys(a, config, config_keys, "generation_config");
	int64_t n;

	if (!wrong && old && schema)
		wrong = "both responseSchema and responseJsonSchema";
	if (!wrong && (old || schema) && !is_json)
		wrong = "a schema of the response without responseMimeType application/json";
	if (!wrong && is_json && has_tools)
		wrong = "Function calling with a response mime type: 'application/json' is unsupported";
	if (!wrong && max && (!json_to_int(max, &n) || n < 1))
		wrong = "max_output_tokens must be positive.";
	if (!wrong && thinking)
		wrong = check_keys(a, thinking, thinking_keys, "generation_config.thinking_config");
	if (!wrong && old)
		wrong = check_schema(a, old, "generation_config.response_schema");
	return wrong || !schema ? wrong : check_json_schema(a, schema, "generation_config.response_json_schema");
}

const char *gemini_strict(struct arena *a, const struct json *v)
{
	const struct json *config = gemini_get(v, "generationConfig"), *instruction = gemini_get(v, "systemInstruction");
	const char *wrong = check_keys(a, v, question_keys, "question");

	if (!wrong && instruction)
		wrong = check_keys(a, instruction, content_keys, "system_instruction");
	if (!wrong && instruction && json_str(json_getc(json_at(json_getc(instruction, "parts"), 0), "text")).n == 0)
		wrong = "system_instruction without a text";
	if (!wrong)
		wrong = check_tools(a, json_getc(v, "tools"));
	if (!wrong && config)
		wrong = check_config(a, config, json_getc(v, "tools") != NULL);
	return wrong ? wrong : check_contents(a, json_getc(v, "contents"));
}
