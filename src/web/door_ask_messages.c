/* door_ask_messages.c - the messages of a chat completion. */
#include "web/door_ask_room.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gateway.h"

static int take_part(struct reading *r, const struct json *part, const char *place, bool refusals, struct buf *text)
{
	struct str type, piece;

	if (json_type(part) != JSON_OBJECT)
		return ask_wrong_type(r, place, "an object", part);
	if (ask_text(r, part, place, "type", &type) < 0)
		return -1;
	if (str_is(type, "text") || (refusals && str_is(type, "refusal"))) {
		if (ask_text(r, part, place, str_is(type, "text") ? "text" : "refusal", &piece) < 0)
			return -1;
		buf_addstr(text, piece);
		return 0;
	}
	return ask_fail(r, "unsupported_value", ask_at(r, place, "type"), "%s: parts of type \"" STR_FMT "\" are not passed on, only text is",
			ask_at(r, place, "type"), STR_ARG(str_clip(type, 60)));
}

static int take_content(struct reading *r, const struct json *v, const char *place, bool refusals, struct str *ret)
{
	const char *param = ask_at(r, place, "content");
	struct buf text;

	if (json_type(v) == JSON_STRING) {
		*ret = json_str(v);
		return 0;
	}
	if (ask_is_absent(v))
		return ask_missing(r, param);
	if (json_type(v) != JSON_ARRAY)
		return ask_wrong_type(r, param, "a string or an array of parts", v);
	buf_init(&text, r->a);
	for (size_t i = 0; i < json_len(v); i++)
		if (take_part(r, json_at(v, i), ask_item(r, param, i), refusals, &text) < 0)
			return -1;
	*ret = text.n ? buf_str(&text) : STR("");
	return 0;
}

static int take_call(struct reading *r, const struct json *v, const char *place, struct tool_call *ret)
{
	const struct json *function;

	if (json_type(v) != JSON_OBJECT)
		return ask_wrong_type(r, place, "an object", v);
	if (ask_text(r, v, place, "id", &ret->id) < 0 || ask_function(r, v, &place, &function) < 0)
		return -1;
	return ask_text(r, function, place, "name", &ret->name) < 0 || ask_text(r, function, place, "arguments", &ret->args) < 0 ? -1 : 0;
}

static int take_assistant(struct reading *r, const struct json *v, const char *place, struct message *ret)
{
	const struct json *calls = json_getc(v, "tool_calls"), *content = json_getc(v, "content");
	const char *param = ask_at(r, place, "tool_calls");
	struct tool_call *list;

	if (!ask_is_absent(json_getc(v, "function_call")))
		return ask_unsupported(r, ask_at(r, place, "function_call"), "function_call is of the old form, send tool_calls");
	if (!ask_is_absent(calls) && json_type(calls) != JSON_ARRAY)
		return ask_wrong_type(r, param, "an array", calls);
	ret->n_calls = json_len(calls);
	ret->calls = list = ARENA_ARRAY(r->a, ret->n_calls, struct tool_call);
	for (size_t i = 0; i < ret->n_calls; i++)
		if (take_call(r, json_at(calls, i), ask_item(r, param, i), &list[i]) < 0)
			return -1;
	r->has_calls |= ret->n_calls > 0;
	if (ask_is_absent(content) && (ret->n_calls > 0 || json_type(json_getc(v, "refusal")) == JSON_STRING)) {
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
		return ask_wrong_type(r, place, "an object", v);
	if (ask_text(r, v, place, "role", &role) < 0)
		return -1;
	while (i < sizeof roles / sizeof roles[0] && !str_is(role, roles[i].name))
		i++;
	if (i == sizeof roles / sizeof roles[0])
		return ask_fail(r, "invalid_value", ask_at(r, place, "role"), "%s: \"" STR_FMT "\": expected system, developer, user, "
				"assistant or tool", ask_at(r, place, "role"), STR_ARG(str_clip(role, 60)));
	ret->role = roles[i].role;
	if (ret->role == ROLE_ASSISTANT)
		return take_assistant(r, v, place, ret);
	if (ret->role == ROLE_TOOL && ask_text(r, v, place, "tool_call_id", &ret->call_id) < 0)
		return -1;
	return take_content(r, json_getc(v, "content"), place, false, &ret->text);
}

int ask_messages(struct reading *r, const struct json *v, const char *name)
{
	struct message *list = ARENA_ARRAY(r->a, json_len(v), struct message);

	if (json_len(v) == 0)
		return ask_fail(r, "invalid_value", name, "messages: at least one is needed");
	for (size_t i = 0; i < json_len(v); i++)
		if (take_message(r, json_at(v, i), ask_item(r, name, i), &list[i]) < 0)
			return -1;
	r->ask->messages = list;
	r->ask->n_messages = json_len(v);
	return 0;
}
