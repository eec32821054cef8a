/* door_ask.c - the fields of a chat completion: the table, what each means, and what depends on several. */
#include "web/door_ask.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "web/door_ask_room.h"

enum { IGNORED_NAME_MAX = 64, IGNORED_MAX = 1024 };

/* --- tools and the form of the answer --- */

static int take_tool(struct reading *r, const struct json *v, const char *place, struct model_tool *ret)
{
	const struct json *function, *description, *parameters;

	if (json_type(v) != JSON_OBJECT)
		return ask_wrong_type(r, place, "an object", v);
	if (ask_function(r, v, &place, &function) < 0 || ask_text(r, function, place, "name", &ret->name) < 0)
		return -1;
	description = json_getc(function, "description");
	parameters = json_getc(function, "parameters");
	if (!ask_is_absent(description) && json_type(description) != JSON_STRING)
		return ask_wrong_type(r, ask_at(r, place, "description"), "a string", description);
	if (!ask_is_absent(parameters) && json_type(parameters) != JSON_OBJECT)
		return ask_wrong_type(r, ask_at(r, place, "parameters"), "an object", parameters);
	ret->description = ask_is_absent(description) ? STR("") : json_str(description);
	ret->args = ask_is_absent(parameters) ? NULL : parameters;
	return 0;
}

static int take_tools(struct reading *r, const struct json *v, const char *name)
{
	struct model_tool *list = ARENA_ARRAY(r->a, json_len(v), struct model_tool);

	for (size_t i = 0; i < json_len(v); i++)
		if (take_tool(r, json_at(v, i), ask_item(r, name, i), &list[i]) < 0)
			return -1;
	r->ask->tools = list;
	r->ask->n_tools = json_len(v);
	return 0;
}

static int take_tool_choice(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	if (!str_is(json_str(v), "auto"))
		r->tool_choice = v;
	return 0;
}

static int take_parallel(struct reading *r, const struct json *v, const char *name)
{
	(void)r;
	(void)name;
	return json_is_true(v) || json_len(json_getc(r->body, "tools")) == 0 ? 0
		: ask_unsupported(r, name, "models may ask for several tools at once, false is not passed on");
}

static int take_format(struct reading *r, const struct json *v, const char *name)
{
	const struct json *wanted = json_getc(v, "json_schema"), *schema = json_getc(wanted, "schema");
	struct json_builder b;
	struct str type;

	if (ask_text(r, v, name, "type", &type) < 0)
		return -1;
	if (str_is(type, "text"))
		return 0;
	if (str_is(type, "json_object")) {
		json_object_begin(&b, r->a);
		json_object_setc(&b, "type", json_stringc(r->a, "object"));
		r->ask->output = json_object_end(&b);
		return 0;
	}
	if (!str_is(type, "json_schema"))
		return ask_unsupported(r, "response_format.type", "expected text, json_object or json_schema");
	if (json_type(wanted) != JSON_OBJECT)
		return ask_is_absent(wanted) ? ask_missing(r, "response_format.json_schema")
			: ask_wrong_type(r, "response_format.json_schema", "an object", wanted);
	if (json_type(schema) != JSON_OBJECT)
		return ask_is_absent(schema) ? ask_missing(r, "response_format.json_schema.schema")
			: ask_wrong_type(r, "response_format.json_schema.schema", "an object", schema);
	r->ask->output = schema;
	return 0;
}

/* --- plain fields --- */

static int take_model(struct reading *r, const struct json *v, const char *name)
{
	if (json_str(v).n == 0)
		return ask_fail(r, "invalid_value", name, "model is empty");
	r->ask->model = json_str(v);
	return 0;
}

static int take_limit(struct reading *r, const struct json *v, const char *name)
{
	int64_t n;

	if (!json_to_int(v, &n) || n < 1)
		return ask_fail(r, "invalid_value", name, "%s: expected a whole number from 1 on", name);
	*(strcmp(name, "max_tokens") == 0 ? &r->max_tokens : &r->max_completion_tokens) = n;
	return 0;
}

static int take_temperature(struct reading *r, const struct json *v, const char *name)
{
	double t = json_to_double(v);

	if (!(t >= 0 && t <= 2))
		return ask_fail(r, "invalid_value", name, "temperature: expected a number from 0 to 2");
	r->ask->temperature = t;
	return 0;
}

static int take_stream(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	r->ask->stream = json_is_true(v);
	return 0;
}

static int take_stream_options(struct reading *r, const struct json *v, const char *name)
{
	const struct json *usage = json_getc(v, "include_usage");

	(void)name;
	if (!ask_is_absent(usage) && json_type(usage) != JSON_TRUE && json_type(usage) != JSON_FALSE)
		return ask_wrong_type(r, "stream_options.include_usage", "a boolean", usage);
	r->stream_options = true;
	r->ask->include_usage = json_is_true(usage);
	return 0;
}

static int take_n(struct reading *r, const struct json *v, const char *name)
{
	int64_t n;

	return json_to_int(v, &n) && n == 1 ? 0 : ask_unsupported(r, name, "one choice is made, expected 1");
}

static int take_modalities(struct reading *r, const struct json *v, const char *name)
{
	for (size_t i = 0; i < json_len(v); i++)
		if (!str_is(json_str(json_at(v, i)), "text"))
			return ask_unsupported(r, name, "answers are text");
	return 0;
}

/* Nothing that is asked for is fine. */
static int refuse(struct reading *r, const struct json *v, const char *name)
{
	if (json_type(v) == JSON_FALSE || ((json_type(v) == JSON_ARRAY || json_type(v) == JSON_OBJECT) && json_len(v) == 0))
		return 0;
	return ask_fail(r, "unsupported_parameter", name, "%s is not passed on to models", name);
}

enum { BOOL = 1, NUMBER = 2, STRING = 4, ARRAY = 8, OBJECT = 16 };

static const struct field {
	const char *name;
	unsigned types;
	int (*take)(struct reading *r, const struct json *v, const char *name);	/* NULL: ignored */
} fields[] = {
	{"model", STRING, take_model},
	{"messages", ARRAY, ask_messages},
	{"max_tokens", NUMBER, take_limit},
	{"max_completion_tokens", NUMBER, take_limit},
	{"temperature", NUMBER, take_temperature},
	{"stream", BOOL, take_stream},
	{"stream_options", OBJECT, take_stream_options},
	{"tools", ARRAY, take_tools},
	{"tool_choice", STRING | OBJECT, take_tool_choice},
	{"parallel_tool_calls", BOOL, take_parallel},
	{"response_format", OBJECT, take_format},
	{"n", NUMBER, take_n},
	{"modalities", ARRAY, take_modalities},
	/* an answer without them would not be what was asked for */
	{"stop", STRING | ARRAY, refuse},
	{"logprobs", BOOL, refuse},
	{"top_logprobs", NUMBER, refuse},
	{"logit_bias", OBJECT, refuse},
	{"audio", OBJECT, refuse},
	{"functions", ARRAY, refuse},
	{"function_call", STRING | OBJECT, refuse},
	{"web_search_options", OBJECT, refuse},
	/* hints, or words for somebody else */
	{"top_p", NUMBER, NULL},
	{"presence_penalty", NUMBER, NULL},
	{"frequency_penalty", NUMBER, NULL},
	{"seed", NUMBER, NULL},
	{"reasoning_effort", STRING, NULL},
	{"verbosity", STRING, NULL},
	{"metadata", OBJECT, NULL},
	{"store", BOOL, NULL},
	{"user", STRING, NULL},
	{"prediction", OBJECT, NULL},
	{"prompt_cache_key", STRING, NULL},
	{"safety_identifier", STRING, NULL},
	{"service_tier", STRING, NULL},
};

static unsigned bit_of(const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL:
		return 0;
	case JSON_FALSE:
	case JSON_TRUE:
		return BOOL;
	case JSON_INT:
	case JSON_NUM:
		return NUMBER;
	case JSON_STRING:
		return STRING;
	case JSON_ARRAY:
		return ARRAY;
	case JSON_OBJECT:
		return OBJECT;
	}
	return 0;
}

static const char *type_names(unsigned types)
{
	switch (types) {
	case BOOL:
		return "a boolean";
	case NUMBER:
		return "a number";
	case STRING:
		return "a string";
	case ARRAY:
		return "an array";
	case OBJECT:
		return "an object";
	case STRING | ARRAY:
		return "a string or an array";
	default:
		return "a string or an object";
	}
}

static const struct field *field_of(struct str key)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (str_is(key, fields[i].name))
			return &fields[i];
	return NULL;
}

/* A name that cannot stand in a header is left out of the list. */
static void ignore(struct buf *list, struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && !memchr("_-.", c, 3))
			return;
	}
	if (key.n == 0 || key.n > IGNORED_NAME_MAX || list->n + key.n + 2 > IGNORED_MAX)
		return;
	if (list->n)
		buf_adds(list, ", ");
	buf_addstr(list, key);
}

static int take_fields(struct reading *r, struct buf *ignored)
{
	for (size_t i = 0; i < json_len(r->body); i++) {
		const struct field *f = field_of(json_key(r->body, i));
		const struct json *v = json_val(r->body, i);

		if (ask_is_absent(v))
			continue;
		if (f && !(bit_of(v) & f->types))
			return ask_wrong_type(r, f->name, type_names(f->types), v);
		if (!f || !f->take)
			ignore(ignored, json_key(r->body, i));
		else if (f->take(r, v, f->name) < 0)
			return -1;
	}
	return 0;
}

/* --- what depends on several fields --- */

static int judge_tool_choice(struct reading *r)
{
	struct str word = json_str(r->tool_choice);

	if (!r->tool_choice)
		return 0;
	if (!str_is(word, "none"))
		return ask_unsupported(r, "tool_choice", "models cannot be made to call a tool, expected \"auto\" or \"none\"");
	if (r->has_calls)
		return ask_unsupported(r, "tool_choice", "\"none\" is not possible where messages have tool calls");
	r->ask->n_tools = 0;
	return 0;
}

static int judge(struct reading *r)
{
	if (!r->ask->model.p)
		return ask_missing(r, "model");
	if (!r->ask->messages)
		return ask_missing(r, "messages");
	if (r->stream_options && !r->ask->stream)
		return ask_fail(r, "invalid_value", "stream_options", "stream_options: only with \"stream\": true");
	r->ask->max_output = r->max_tokens;
	if (r->max_completion_tokens && (!r->max_tokens || r->max_completion_tokens < r->max_tokens))
		r->ask->max_output = r->max_completion_tokens;
	return judge_tool_choice(r);
}

int door_ask_parse(struct arena *a, const struct json *body, struct door_ask *ret, struct door_fault *fault)
{
	struct reading r = {.a = a, .body = body, .ask = ret, .fault = fault};
	struct buf ignored;

	*ret = (struct door_ask){.temperature = -1};
	buf_init(&ignored, a);
	if (json_type(body) != JSON_OBJECT)
		return ask_fail(&r, "invalid_type", NULL, "the body: expected an object, got %s", json_type_name(body));
	if (take_fields(&r, &ignored) < 0 || judge(&r) < 0)
		return -1;
	ret->ignored = ignored.n ? buf_str(&ignored) : STR("");
	return 0;
}
