/* door_ask.c - see door_ask.h. */
#include "web/door_ask.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gateway.h"

enum { IGNORED_NAME_MAX = 64, IGNORED_MAX = 1024 };

struct reading {
	struct arena *a;
	const struct json *body;
	struct door_ask *ask;
	struct door_fault *fault;
	int64_t max_tokens, max_completion_tokens;	/* 0: not given */
	const struct json *tool_choice;			/* NULL: not given, or auto */
	bool has_calls;					/* in the messages */
	bool stream_options;
};

/* --- what is wrong --- */

static int fail(struct reading *r, const char *code, const char *param, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int fail(struct reading *r, const char *code, const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*r->fault = (struct door_fault){.status = 400, .code = code, .param = param, .message = arena_vprintf(r->a, fmt, ap)};
	va_end(ap);
	return -1;
}

static int wrong_type(struct reading *r, const char *param, const char *expected, const struct json *v)
{
	return fail(r, "invalid_type", param, "%s: expected %s, got %s", param, expected, json_type_name(v));
}

static int missing(struct reading *r, const char *param)
{
	return fail(r, "missing_required_parameter", param, "%s is missing", param);
}

static int unsupported(struct reading *r, const char *param, const char *what)
{
	return fail(r, "unsupported_value", param, "%s: %s", param, what);
}

static bool is_absent(const struct json *v)
{
	return json_type(v) == JSON_NULL;
}

static const char *at(struct reading *r, const char *place, const char *key)
{
	return arena_printf(r->a, "%s.%s", place, key);
}

static const char *item(struct reading *r, const char *place, size_t i)
{
	return arena_printf(r->a, "%s[%zu]", place, i);
}

/* A text that has to be there. */
static int need_text(struct reading *r, const struct json *object, const char *place, const char *key, struct str *ret)
{
	const struct json *v = json_getc(object, key);

	if (is_absent(v))
		return missing(r, at(r, place, key));
	if (json_type(v) != JSON_STRING)
		return wrong_type(r, at(r, place, key), "a string", v);
	*ret = json_str(v);
	return 0;
}

/* --- messages --- */

static int take_part(struct reading *r, const struct json *part, const char *place, bool refusals, struct buf *text)
{
	struct str type, piece;

	if (json_type(part) != JSON_OBJECT)
		return wrong_type(r, place, "an object", part);
	if (need_text(r, part, place, "type", &type) < 0)
		return -1;
	if (str_is(type, "text") || (refusals && str_is(type, "refusal"))) {
		if (need_text(r, part, place, str_is(type, "text") ? "text" : "refusal", &piece) < 0)
			return -1;
		buf_addstr(text, piece);
		return 0;
	}
	return fail(r, "unsupported_value", at(r, place, "type"), "%s: parts of type \"" STR_FMT "\" are not passed on, only text is", at(r, place, "type"),
		    STR_ARG(str_clip(type, 60)));
}

static int take_content(struct reading *r, const struct json *v, const char *place, bool refusals, struct str *ret)
{
	const char *param = at(r, place, "content");
	struct buf text;

	if (json_type(v) == JSON_STRING) {
		*ret = json_str(v);
		return 0;
	}
	if (is_absent(v))
		return missing(r, param);
	if (json_type(v) != JSON_ARRAY)
		return wrong_type(r, param, "a string or an array of parts", v);
	buf_init(&text, r->a);
	for (size_t i = 0; i < json_len(v); i++)
		if (take_part(r, json_at(v, i), item(r, param, i), refusals, &text) < 0)
			return -1;
	*ret = text.n ? buf_str(&text) : STR("");
	return 0;
}

static int take_call(struct reading *r, const struct json *v, const char *place, struct tool_call *ret)
{
	const struct json *function = json_getc(v, "function");
	struct str type;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(r, place, "an object", v);
	if (need_text(r, v, place, "id", &ret->id) < 0 || need_text(r, v, place, "type", &type) < 0)
		return -1;
	if (!str_is(type, "function"))
		return unsupported(r, at(r, place, "type"), "expected \"function\"");
	place = at(r, place, "function");
	if (json_type(function) != JSON_OBJECT)
		return is_absent(function) ? missing(r, place) : wrong_type(r, place, "an object", function);
	return need_text(r, function, place, "name", &ret->name) < 0 || need_text(r, function, place, "arguments", &ret->args) < 0 ? -1 : 0;
}

static int take_assistant(struct reading *r, const struct json *v, const char *place, struct message *ret)
{
	const struct json *calls = json_getc(v, "tool_calls"), *content = json_getc(v, "content");
	const char *param = at(r, place, "tool_calls");
	struct tool_call *list;

	if (!is_absent(json_getc(v, "function_call")))
		return unsupported(r, at(r, place, "function_call"), "function_call is of the old form, send tool_calls");
	if (!is_absent(calls) && json_type(calls) != JSON_ARRAY)
		return wrong_type(r, param, "an array", calls);
	ret->n_calls = json_len(calls);
	ret->calls = list = ARENA_ARRAY(r->a, ret->n_calls, struct tool_call);
	for (size_t i = 0; i < ret->n_calls; i++)
		if (take_call(r, json_at(calls, i), item(r, param, i), &list[i]) < 0)
			return -1;
	r->has_calls |= ret->n_calls > 0;
	if (is_absent(content) && (ret->n_calls > 0 || json_type(json_getc(v, "refusal")) == JSON_STRING)) {
		ret->text = ret->n_calls > 0 ? STR("") : json_str(json_getc(v, "refusal"));
		return 0;
	}
	return take_content(r, content, place, true, &ret->text);
}

static const struct {
	const char *name;
	enum message_role role;
} roles[] = {
	{"system", ROLE_SYSTEM}, {"developer", ROLE_SYSTEM}, {"user", ROLE_USER}, {"assistant", ROLE_ASSISTANT}, {"tool", ROLE_TOOL},
};

static int take_message(struct reading *r, const struct json *v, const char *place, struct message *ret)
{
	struct str role;
	size_t i = 0;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(r, place, "an object", v);
	if (need_text(r, v, place, "role", &role) < 0)
		return -1;
	while (i < sizeof roles / sizeof roles[0] && !str_is(role, roles[i].name))
		i++;
	if (i == sizeof roles / sizeof roles[0])
		return fail(r, "invalid_value", at(r, place, "role"), "%s: \"" STR_FMT "\": expected system, developer, user, assistant or tool",
			    at(r, place, "role"), STR_ARG(str_clip(role, 60)));
	ret->role = roles[i].role;
	if (ret->role == ROLE_ASSISTANT)
		return take_assistant(r, v, place, ret);
	if (ret->role == ROLE_TOOL && need_text(r, v, place, "tool_call_id", &ret->call_id) < 0)
		return -1;
	return take_content(r, json_getc(v, "content"), place, false, &ret->text);
}

static int take_messages(struct reading *r, const struct json *v, const char *name)
{
	struct message *list = ARENA_ARRAY(r->a, json_len(v), struct message);

	if (json_len(v) == 0)
		return fail(r, "invalid_value", name, "messages: at least one is needed");
	for (size_t i = 0; i < json_len(v); i++)
		if (take_message(r, json_at(v, i), item(r, name, i), &list[i]) < 0)
			return -1;
	r->ask->messages = list;
	r->ask->n_messages = json_len(v);
	return 0;
}

/* --- tools and the form of the answer --- */

static int take_tool(struct reading *r, const struct json *v, const char *place, struct model_tool *ret)
{
	const struct json *function = json_getc(v, "function"), *description = json_getc(function, "description");
	const struct json *parameters = json_getc(function, "parameters");
	struct str type;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(r, place, "an object", v);
	if (need_text(r, v, place, "type", &type) < 0)
		return -1;
	if (!str_is(type, "function"))
		return unsupported(r, at(r, place, "type"), "expected \"function\"");
	place = at(r, place, "function");
	if (json_type(function) != JSON_OBJECT)
		return is_absent(function) ? missing(r, place) : wrong_type(r, place, "an object", function);
	if (need_text(r, function, place, "name", &ret->name) < 0)
		return -1;
	if (!is_absent(description) && json_type(description) != JSON_STRING)
		return wrong_type(r, at(r, place, "description"), "a string", description);
	if (!is_absent(parameters) && json_type(parameters) != JSON_OBJECT)
		return wrong_type(r, at(r, place, "parameters"), "an object", parameters);
	ret->description = is_absent(description) ? STR("") : json_str(description);
	ret->args = is_absent(parameters) ? NULL : parameters;
	return 0;
}

static int take_tools(struct reading *r, const struct json *v, const char *name)
{
	struct model_tool *list = ARENA_ARRAY(r->a, json_len(v), struct model_tool);

	for (size_t i = 0; i < json_len(v); i++)
		if (take_tool(r, json_at(v, i), item(r, name, i), &list[i]) < 0)
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
		: unsupported(r, name, "models may ask for several tools at once, false is not passed on");
}

static int take_format(struct reading *r, const struct json *v, const char *name)
{
	const struct json *wanted = json_getc(v, "json_schema"), *schema = json_getc(wanted, "schema");
	struct json_builder b;
	struct str type;

	if (need_text(r, v, name, "type", &type) < 0)
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
		return unsupported(r, "response_format.type", "expected text, json_object or json_schema");
	if (json_type(wanted) != JSON_OBJECT)
		return is_absent(wanted) ? missing(r, "response_format.json_schema") : wrong_type(r, "response_format.json_schema", "an object", wanted);
	if (json_type(schema) != JSON_OBJECT)
		return is_absent(schema) ? missing(r, "response_format.json_schema.schema")
			: wrong_type(r, "response_format.json_schema.schema", "an object", schema);
	r->ask->output = schema;
	return 0;
}

/* --- plain fields --- */

static int take_model(struct reading *r, const struct json *v, const char *name)
{
	if (json_str(v).n == 0)
		return fail(r, "invalid_value", name, "model is empty");
	r->ask->model = json_str(v);
	return 0;
}

static int take_limit(struct reading *r, const struct json *v, const char *name)
{
	int64_t n;

	if (!json_to_int(v, &n) || n < 1)
		return fail(r, "invalid_value", name, "%s: expected a whole number from 1 on", name);
	*(strcmp(name, "max_tokens") == 0 ? &r->max_tokens : &r->max_completion_tokens) = n;
	return 0;
}

static int take_temperature(struct reading *r, const struct json *v, const char *name)
{
	double t = json_to_double(v);

	if (!(t >= 0 && t <= 2))
		return fail(r, "invalid_value", name, "temperature: expected a number from 0 to 2");
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
	if (!is_absent(usage) && json_type(usage) != JSON_TRUE && json_type(usage) != JSON_FALSE)
		return wrong_type(r, "stream_options.include_usage", "a boolean", usage);
	r->stream_options = true;
	r->ask->include_usage = json_is_true(usage);
	return 0;
}

static int take_n(struct reading *r, const struct json *v, const char *name)
{
	int64_t n;

	return json_to_int(v, &n) && n == 1 ? 0 : unsupported(r, name, "one choice is made, expected 1");
}

static int take_modalities(struct reading *r, const struct json *v, const char *name)
{
	for (size_t i = 0; i < json_len(v); i++)
		if (!str_is(json_str(json_at(v, i)), "text"))
			return unsupported(r, name, "answers are text");
	return 0;
}

/* Nothing that is asked for is fine. */
static int refuse(struct reading *r, const struct json *v, const char *name)
{
	if (json_type(v) == JSON_FALSE || ((json_type(v) == JSON_ARRAY || json_type(v) == JSON_OBJECT) && json_len(v) == 0))
		return 0;
	return fail(r, "unsupported_parameter", name, "%s is not passed on to models", name);
}

enum { BOOL = 1, NUMBER = 2, STRING = 4, ARRAY = 8, OBJECT = 16 };

static const struct field {
	const char *name;
	unsigned types;
	int (*take)(struct reading *r, const struct json *v, const char *name);	/* NULL: ignored */
} fields[] = {
	{"model", STRING, take_model},
	{"messages", ARRAY, take_messages},
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

		if (is_absent(v))
			continue;
		if (f && !(bit_of(v) & f->types))
			return wrong_type(r, f->name, type_names(f->types), v);
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
		return unsupported(r, "tool_choice", "models cannot be made to call a tool, expected \"auto\" or \"none\"");
	if (r->has_calls)
		return unsupported(r, "tool_choice", "\"none\" is not possible where messages have tool calls");
	r->ask->n_tools = 0;
	return 0;
}

static int judge(struct reading *r)
{
	if (!r->ask->model.p)
		return missing(r, "model");
	if (!r->ask->messages)
		return missing(r, "messages");
	if (r->stream_options && !r->ask->stream)
		return fail(r, "invalid_value", "stream_options", "stream_options: only with \"stream\": true");
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
		return fail(&r, "invalid_type", NULL, "the body: expected an object, got %s", json_type_name(body));
	if (take_fields(&r, &ignored) < 0 || judge(&r) < 0)
		return -1;
	ret->ignored = ignored.n ? buf_str(&ignored) : STR("");
	return 0;
}
