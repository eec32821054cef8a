/* door_ask.c - the fields of a chat completion: the table, what each means, and what depends on several. */
#include "web/door_ask.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "web/door_ask_room.h"

/* --- tools and the form of the answer --- */

static int take_tool(struct reading *r, const struct json *v, const char *place, struct model_tool *ret)
{
	const struct json *function, *description, *parameters;

	if (json_type(v) != JSON_OBJECT)
		return door_wrong_type(&r->in, place, "an object", v);
	if (door_need_function(&r->in, v, &place, &function) < 0 || door_need_text(&r->in, function, place, "name", &ret->name) < 0)
		return -1;
	description = json_getc(function, "description");
	parameters = json_getc(function, "parameters");
	if (!door_is_absent(description) && json_type(description) != JSON_STRING)
		return door_wrong_type(&r->in, door_at(&r->in, place, "description"), "a string", description);
	if (!door_is_absent(parameters) && json_type(parameters) != JSON_OBJECT)
		return door_wrong_type(&r->in, door_at(&r->in, place, "parameters"), "an object", parameters);
	ret->description = door_is_absent(description) ? STR("") : json_str(description);
	ret->args = door_is_absent(parameters) ? NULL : parameters;
	return 0;
}

static int take_tools(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	struct model_tool *list = ARENA_ARRAY(r->in.a, json_len(v), struct model_tool);

	for (size_t i = 0; i < json_len(v); i++)
		if (take_tool(r, json_at(v, i), door_item(&r->in, name, i), &list[i]) < 0)
			return -1;
	r->ask->tools = list;
	r->ask->n_tools = json_len(v);
	return 0;
}

static int take_tool_choice(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;

	(void)name;
	if (!str_is(json_str(v), "auto"))
		r->tool_choice = v;
	return 0;
}

static int take_parallel(struct door_reading *r, const struct json *v, const char *name)
{
	return json_is_true(v) || json_len(json_getc(r->body, "tools")) == 0 ? 0
		: door_unsupported(r, name, "models may ask for several tools at once, false is not passed on");
}

static int take_format(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	const struct json *wanted = json_getc(v, "json_schema"), *schema = json_getc(wanted, "schema");
	struct json_builder b;
	struct str type;

	if (door_need_text(&r->in, v, name, "type", &type) < 0)
		return -1;
	if (str_is(type, "text"))
		return 0;
	if (str_is(type, "json_object")) {
		json_object_begin(&b, r->in.a);
		json_object_setc(&b, "type", json_stringc(r->in.a, "object"));
		r->ask->output = json_object_end(&b);
		return 0;
	}
	if (!str_is(type, "json_schema"))
		return door_unsupported(&r->in, "response_format.type", "expected text, json_object or json_schema");
	if (json_type(wanted) != JSON_OBJECT)
		return door_is_absent(wanted) ? door_missing(&r->in, "response_format.json_schema")
			: door_wrong_type(&r->in, "response_format.json_schema", "an object", wanted);
	if (json_type(schema) != JSON_OBJECT)
		return door_is_absent(schema) ? door_missing(&r->in, "response_format.json_schema.schema")
			: door_wrong_type(&r->in, "response_format.json_schema.schema", "an object", schema);
	r->ask->output = schema;
	return 0;
}

/* --- plain fields --- */

static int take_model(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;

	if (json_str(v).n == 0)
		return door_fail(&r->in, "invalid_value", name, "model is empty");
	r->ask->model = json_str(v);
	return 0;
}

static int take_limit(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	int64_t n;

	if (!json_to_int(v, &n) || n < 1)
		return door_fail(&r->in, "invalid_value", name, "%s: expected a whole number from 1 on", name);
	*(strcmp(name, "max_tokens") == 0 ? &r->max_tokens : &r->max_completion_tokens) = n;
	return 0;
}

static int take_temperature(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	double t = json_to_double(v);

	if (!(t >= 0 && t <= 2))
		return door_fail(&r->in, "invalid_value", name, "temperature: expected a number from 0 to 2");
	r->ask->temperature = t;
	return 0;
}

static int take_stream(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;

	(void)name;
	r->ask->stream = json_is_true(v);
	return 0;
}

static int take_stream_options(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	const struct json *usage = json_getc(v, "include_usage");

	(void)name;
	if (!door_is_absent(usage) && json_type(usage) != JSON_TRUE && json_type(usage) != JSON_FALSE)
		return door_wrong_type(&r->in, "stream_options.include_usage", "a boolean", usage);
	r->stream_options = true;
	r->ask->include_usage = json_is_true(usage);
	return 0;
}

static int take_n(struct door_reading *r, const struct json *v, const char *name)
{
	int64_t n;

	return json_to_int(v, &n) && n == 1 ? 0 : door_unsupported(r, name, "one choice is made, expected 1");
}

static int take_modalities(struct door_reading *r, const struct json *v, const char *name)
{
	for (size_t i = 0; i < json_len(v); i++)
		if (!str_is(json_str(json_at(v, i)), "text"))
			return door_unsupported(r, name, "answers are text");
	return 0;
}

/* Nothing that is asked for is fine. */
static int refuse(struct door_reading *r, const struct json *v, const char *name)
{
	if (json_type(v) == JSON_FALSE || ((json_type(v) == JSON_ARRAY || json_type(v) == JSON_OBJECT) && json_len(v) == 0))
		return 0;
	return door_fail(r, "unsupported_parameter", name, "%s is not passed on to models", name);
}

static const struct door_field fields[] = {
	{"model", DOOR_STRING, take_model},
	{"messages", DOOR_ARRAY, ask_messages},
	{"max_tokens", DOOR_NUMBER, take_limit},
	{"max_completion_tokens", DOOR_NUMBER, take_limit},
	{"temperature", DOOR_NUMBER, take_temperature},
	{"stream", DOOR_BOOL, take_stream},
	{"stream_options", DOOR_OBJECT, take_stream_options},
	{"tools", DOOR_ARRAY, take_tools},
	{"tool_choice", DOOR_STRING | DOOR_OBJECT, take_tool_choice},
	{"parallel_tool_calls", DOOR_BOOL, take_parallel},
	{"response_format", DOOR_OBJECT, take_format},
	{"n", DOOR_NUMBER, take_n},
	{"modalities", DOOR_ARRAY, take_modalities},
	/* an answer without them would not be what was asked for */
	{"stop", DOOR_STRING | DOOR_ARRAY, refuse},
	{"logprobs", DOOR_BOOL, refuse},
	{"top_logprobs", DOOR_NUMBER, refuse},
	{"logit_bias", DOOR_OBJECT, refuse},
	{"audio", DOOR_OBJECT, refuse},
	{"functions", DOOR_ARRAY, refuse},
	{"function_call", DOOR_STRING | DOOR_OBJECT, refuse},
	{"web_search_options", DOOR_OBJECT, refuse},
	/* hints, or words for somebody else */
	{"top_p", DOOR_NUMBER, NULL},
	{"presence_penalty", DOOR_NUMBER, NULL},
	{"frequency_penalty", DOOR_NUMBER, NULL},
	{"seed", DOOR_NUMBER, NULL},
	{"reasoning_effort", DOOR_STRING, NULL},
	{"verbosity", DOOR_STRING, NULL},
	{"metadata", DOOR_OBJECT, NULL},
	{"store", DOOR_BOOL, NULL},
	{"user", DOOR_STRING, NULL},
	{"prediction", DOOR_OBJECT, NULL},
	{"prompt_cache_key", DOOR_STRING, NULL},
	{"safety_identifier", DOOR_STRING, NULL},
	{"service_tier", DOOR_STRING, NULL},
};

/* --- what depends on several fields --- */

static int judge_tool_choice(struct reading *r)
{
	struct str word = json_str(r->tool_choice);

	if (!r->tool_choice)
		return 0;
	if (!str_is(word, "none"))
		return door_unsupported(&r->in, "tool_choice", "models cannot be made to call a tool, expected \"auto\" or \"none\"");
	if (r->has_calls)
		return door_unsupported(&r->in, "tool_choice", "\"none\" is not possible where messages have tool calls");
	r->ask->n_tools = 0;
	return 0;
}

static int judge(struct reading *r)
{
	if (!r->ask->model.p)
		return door_missing(&r->in, "model");
	if (!r->ask->messages)
		return door_missing(&r->in, "messages");
	if (r->stream_options && !r->ask->stream)
		return door_fail(&r->in, "invalid_value", "stream_options", "stream_options: only with \"stream\": true");
	r->ask->max_output = r->max_tokens;
	if (r->max_completion_tokens && (!r->max_tokens || r->max_completion_tokens < r->max_tokens))
		r->ask->max_output = r->max_completion_tokens;
	return judge_tool_choice(r);
}

int door_ask_parse(struct arena *a, const struct json *body, struct door_ask *ret, struct door_fault *fault)
{
	struct reading r = {.in = {.a = a, .body = body, .fault = fault}, .ask = ret};

	*ret = (struct door_ask){.temperature = -1};
	return door_take_fields(&r.in, fields, sizeof fields / sizeof fields[0], &ret->ignored) < 0 ? -1 : judge(&r);
}
