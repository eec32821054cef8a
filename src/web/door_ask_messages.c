/* door_ask_messages.c - the messages of a chat completion. */
#include "web/door_ask_room.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/gateway.h"

static int take_part(struct reading *r, const struct json *part, const char *place, bool refusals, struct buf *text)
{
	struct str type, piece;

	if (json_type(part) != JSON_OBJECT)
		return door_wrong_type(&r->in, place, "an object", part);
	if (door_need_text(&r->in, part, place, "type", &type) < 0)
		return -1;
	if (str_is(type, "text") || (refusals && str_is(type, "refusal"))) {
		if (door_need_text(&r->in, part, place, str_is(type, "text") ? "text" : "refusal", &piece) < 0)
			return -1;
		buf_addstr(text, piece);
		return 0;
	}
	return door_fail(&r->in, "unsupported_value", door_at(&r->in, place, "type"), "%s: parts of type \"" STR_FMT "\" are not passed on, "
			 "only text is", door_at(&r->in, place, "type"), STR_ARG(str_clip(type, 60)));
}

static int take_content(struct reading *r, const struct json *v, const char *place, bool refusals, struct str *ret)
{
	const char *param = door_at(&r->in, place, "content");
	struct buf text;

	if (json_type(v) == JSON_STRING) {
		*ret = json_str(v);
		return 0;
	}
	if (door_is_absent(v))
		return door_missing(&r->in, param);
	if (json_type(v) != JSON_ARRAY)
		return door_wrong_type(&r->in, param, "a string or an array of parts", v);
	buf_init(&text, r->in.a);
	for (size_t i = 0; i < json_len(v); i++)
		if (take_part(r, json_at(v, i), door_item(&r->in, param, i), refusals, &text) < 0)
			return -1;
	*ret = text.n ? buf_str(&text) : STR("");
	return 0;
}

static int take_call(struct reading *r, const struct json *v, const char *place, struct tool_call *ret)
{
	const struct json *function;

	if (json_type(v) != JSON_OBJECT)
		return door_wrong_type(&r->in, place, "an object", v);
	if (door_need_text(&r->in, v, place, "id", &ret->id) < 0 || door_need_function(&r->in, v, &place, &function) < 0)
		return -1;
	return door_need_text(&r->in, function, place, "name", &ret->name) < 0 || door_need_text(&r->in, function, place, "arguments", &ret->args) < 0 ? -1 : 0;
}

static int take_assistant(struct reading *r, const struct json *v, const char *place, struct message *ret)
{
	const struct json *calls = json_getc(v, "tool_calls"), *content = json_getc(v, "content");
	const char *param = door_at(&r->in, place, "tool_calls");
	struct tool_call *list;

	if (!door_is_absent(json_getc(v, "function_call")))
		return door_unsupported(&r->in, door_at(&r->in, place, "function_call"), "function_call is of the old form, send tool_calls");
	if (!door_is_absent(calls) && json_type(calls) != JSON_ARRAY)
		return door_wrong_type(&r->in, param, "an array", calls);
	ret->n_calls = json_len(calls);
	ret->calls = list = ARENA_ARRAY(r->in.a, ret->n_calls, struct tool_call);
	for (size_t i = 0; i < ret->n_calls; i++)
		if (take_call(r, json_at(calls, i), door_item(&r->in, param, i), &list[i]) < 0)
			return -1;
	r->has_calls |= ret->n_calls > 0;
	if (door_is_absent(content) && (ret->n_calls > 0 || json_type(json_getc(v, "refusal")) == JSON_STRING)) {
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
		return door_wrong_type(&r->in, place, "an object", v);
	if (door_need_text(&r->in, v, place, "role", &role) < 0)
		return -1;
	while (i < sizeof roles / sizeof roles[0] && !str_is(role, roles[i].name))
		i++;
	if (i == sizeof roles / sizeof roles[0])
		return door_fail(&r->in, "invalid_value", door_at(&r->in, place, "role"), "%s: \"" STR_FMT "\": expected system, developer, user, "
				"assistant or tool", door_at(&r->in, place, "role"), STR_ARG(str_clip(role, 60)));
	ret->role = roles[i].role;
	if (ret->role == ROLE_ASSISTANT)
		return take_assistant(r, v, place, ret);
	if (ret->role == ROLE_TOOL && door_need_text(&r->in, v, place, "tool_call_id", &ret->call_id) < 0)
		return -1;
	return take_content(r, json_getc(v, "content"), place, false, &ret->text);
}

int ask_messages(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	struct message *list = ARENA_ARRAY(r->in.a, json_len(v), struct message);

	if (json_len(v) == 0)
		return door_fail(&r->in, "invalid_value", name, "messages: at least one is needed");
	for (size_t i = 0; i < json_len(v); i++)
		if (take_message(r, json_at(v, i), door_item(&r->in, name, i), &list[i]) < 0)
			return -1;
	r->ask->messages = list;
	r->ask->n_messages = json_len(v);
	return 0;
}
