/* stub_openai.c - a question of chat completions: is it one, and who plays the answer. */
#include "t/bin/stub_openai.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* --- how it speaks --- */

void send_delta(struct stream *s, const char *delta, const char *finish, const char *more)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_adds(&b, "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":");
	json_write_string(&b, str_from(s->model));
	buf_addf(&b, ",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s%s%s}]%s}", delta, finish ? "\"" : "",
		 finish ? finish : "null", finish ? "\"" : "", more);
	send_event(s, buf_cstr(&b));
}

static void send_role(struct stream *s)
{
	send_delta(s, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", NULL, ",\"usage\":null,\"obfuscation\":\"WuQ\"");
}

static void send_text(struct stream *s, struct str text)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_adds(&b, "{\"content\":");
	json_write_string(&b, text);
	buf_addc(&b, '}');
	send_delta(s, buf_cstr(&b), NULL, ",\"usage\":null");
}

void send_usage(struct stream *s, const char *usage)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"%s\",\"choices\":[],"
		 "\"usage\":%s}", s->model, usage);
	send_event(s, buf_cstr(&b));
}

void send_end(struct stream *s, const char *usage)
{
	send_delta(s, "{}", "stop", ",\"usage\":null");
	if (usage)
		send_usage(s, usage);
	send_event(s, "[DONE]");
	end_stream(s);
}

void add_error(struct connection *c, int status, const char *headers, const char *type, const char *code,
	       const char *message)
{
	struct buf b;

	buf_init(&b, c->arena);
	buf_addf(&b, "{\"error\":{\"message\":");
	json_write_string(&b, str_from(message));
	buf_addf(&b, ",\"type\":\"%s\",\"param\":null,\"code\":%s%s%s}}", type, code ? "\"" : "", code ? code : "null",
		 code ? "\"" : "");
	add_json(c, status, headers, buf_cstr(&b));
}

static const struct voice voice = {.begin = send_role, .text = send_text, .end = send_end, .refuse = play_status};

/* --- the question --- */

static const char *find_wrong(struct connection *c, const struct stub_request *r, check_fn *check, const struct json **ret)
{
	struct err err;

	if (!str_is(stub_header(r, "content-type"), "application/json"))
		return "Content-Type is not application/json";
	if (json_parse(c->arena, r->body, NULL, ret, &err) < 0)
		return arena_strdup(c->arena, err.msg);
	return check(c->arena, *ret);
}

const struct json *openai_read(struct connection *c, const struct stub_request *r, check_fn *check)
{
	struct str key = stub_header(r, "authorization");
	const struct json *v;
	const char *wrong;

	if (stub.key && (!str_starts(key, STR("Bearer ")) || !str_is(str_sub(key, 7, key.n), stub.key))) {
		add_error(c, 401, NULL, "invalid_request_error", "invalid_api_key",
			  arena_printf(c->arena, "strict: wrong key \"" STR_FMT "\"", STR_ARG(key)));
		stub_log(401, STR("-"), r->body);
		return NULL;
	}
	wrong = find_wrong(c, r, check, &v);
	if (wrong) {
		add_error(c, 400, NULL, "invalid_request_error", NULL, arena_printf(c->arena, "strict: %s", wrong));
		stub_log(400, STR("-"), r->body);
		return NULL;
	}
	stub_log(200, json_str(json_getc(v, "model")), r->body);
	return v;
}

void openai_chat(struct connection *c, const struct stub_request *r)
{
	struct stream s = {.c = c, .voice = &voice, .eol = "\n"};
	const struct json *v = openai_read(c, r, strict_check);
	struct question q;

	if (!v)
		return;
	q.model = s.model = str_cstr(c->arena, json_str(json_getc(v, "model")));
	q.messages = json_getc(v, "messages");
	q.last = json_str(json_getc(json_at(q.messages, json_len(q.messages) - 1), "content"));
	q.usage = arena_printf(c->arena, "{\"prompt_tokens\":%zu,\"completion_tokens\":3,\"total_tokens\":%zu}", r->body.n / 4,
			       r->body.n / 4 + 3);
	if (!play_common(&s, &q, fault_name(q.model)) && !play_openai(&s, &q, fault_name(q.model)) &&
	    !play_status(c, fault_name(q.model)))
		play_plain(&s, &q);
}
