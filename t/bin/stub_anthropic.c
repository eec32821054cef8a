/* stub_anthropic.c - a question of Messages: is it one, and who plays the answer. */
#include "t/bin/stub_anthropic.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "t/bin/stub_script.h"

/* --- how it speaks --- */

void anthropic_event(struct anthropic_stream *m, const char *type, const char *data)
{
	struct stream *s = &m->s;
	const char *space = s->eol[0] == '\n' ? " " : "";
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "event:%s%s%sdata:%s{\"type\":\"%s\"%s}%s%s", space, type, s->eol, space, type, data, s->eol, s->eol);
	send_raw(s, buf_str(&b), s->pause_ms);
}

static void begin(struct stream *s)
{
	struct anthropic_stream *m = (struct anthropic_stream *)s;
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_adds(&b, ",\"message\":{\"id\":\"msg_stub\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
	json_write_string(&b, str_from(s->model));
	buf_addf(&b, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,\"usage\":{\"input_tokens\":%zu,"
		 "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
		 "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,\"service_tier\":\"standard\"}}", m->input_tokens);
	anthropic_event(m, "message_start", buf_cstr(&b));
	anthropic_event(m, "ping", "");
}

void anthropic_start(struct anthropic_stream *m, int64_t delay_ms)
{
	begin_stream(&m->s, "", delay_ms);
	begin(&m->s);
}

static void keep_block(struct anthropic_stream *m, const struct json *block)
{
	if (m->blocks.n > 0)
		buf_addc(&m->blocks, ',');
	json_write(&m->blocks, block);
}

void anthropic_open(struct anthropic_stream *m, const char *block)
{
	anthropic_event(m, "content_block_start", arena_printf(m->s.c->arena, ",\"index\":%d,\"content_block\":%s", m->index++, block));
}

void anthropic_delta(struct anthropic_stream *m, int index, const char *delta)
{
	anthropic_event(m, "content_block_delta", arena_printf(m->s.c->arena, ",\"index\":%d,\"delta\":%s", index, delta));
}

void anthropic_close(struct anthropic_stream *m, int index)
{
	anthropic_event(m, "content_block_stop", arena_printf(m->s.c->arena, ",\"index\":%d", index));
}

static const struct json *text_block(struct arena *a, struct str text)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, "text"));
	json_object_setc(&b, "text", json_string(a, text));
	return json_object_end(&b);
}

static void close_text(struct anthropic_stream *m)
{
	if (!m->in_text)
		return;
	m->in_text = false;
	keep_block(m, text_block(m->s.c->arena, buf_str(&m->text)));
	buf_reset(&m->text);
	anthropic_close(m, m->index - 1);
}

static const char *delta_of(struct arena *a, const char *type, const char *key, struct str text)
{
	struct buf b;

	buf_init(&b, a);
	buf_addf(&b, "{\"type\":\"%s\",\"%s\":", type, key);
	json_write_string(&b, text);
	buf_addc(&b, '}');
	return buf_cstr(&b);
}

static void send_text(struct stream *s, struct str piece)
{
	struct anthropic_stream *m = (struct anthropic_stream *)s;

	if (!m->in_text)
		anthropic_open(m, "{\"type\":\"text\",\"text\":\"\"}");
	m->in_text = true;
	buf_addstr(&m->text, piece);
	anthropic_delta(m, m->index - 1, delta_of(s->c->arena, "text_delta", "text", piece));
}

void anthropic_say(struct anthropic_stream *m, struct str text)
{
	send_pieces(&m->s, text, 3);
	close_text(m);
}

/* The block as it begins: texts empty, the input a placeholder. */
static const char *emptied(struct arena *a, const struct json *block)
{
	static const char *const later[] = {"text", "thinking", "signature"};
	struct json_builder b;

	json_object_begin_from(&b, a, block);
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		if (json_getc(block, later[i]))
			json_object_setc(&b, later[i], json_stringc(a, ""));
	if (json_getc(block, "input"))
		json_object_setc(&b, "input", json_empty_object());
	return str_cstr(a, json_text(a, json_object_end(&b)));
}

static void send_thirds(struct anthropic_stream *m, const char *type, const char *key, struct str text)
{
	for (size_t i = 0; i < 3 && text.n > 0; i++)
		anthropic_delta(m, m->index - 1, delta_of(m->s.c->arena, type, key, script_third(text, i)));
}

void anthropic_block(struct anthropic_stream *m, const struct json *block)
{
	struct arena *a = m->s.c->arena;
	const struct json *input = json_getc(block, "input");
	struct str signature = json_str(json_getc(block, "signature"));

	close_text(m);
	keep_block(m, block);
	anthropic_open(m, emptied(a, block));
	send_thirds(m, "text_delta", "text", json_str(json_getc(block, "text")));
	send_thirds(m, "thinking_delta", "thinking", json_str(json_getc(block, "thinking")));
	if (signature.n > 0)
		anthropic_delta(m, m->index - 1, delta_of(a, "signature_delta", "signature", signature));
	if (input)	/* the first piece is empty, and the only one of {} */
		anthropic_delta(m, m->index - 1, delta_of(a, "input_json_delta", "partial_json", STR("")));
	if (json_len(input) > 0)
		send_thirds(m, "input_json_delta", "partial_json", json_text(a, input));
	anthropic_close(m, m->index - 1);
}

static void send_document(struct anthropic_stream *m, const char *usage)
{
	struct buf b;

	buf_init(&b, m->s.c->arena);
	buf_adds(&b, "{\"id\":\"msg_stub\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
	json_write_string(&b, str_from(m->s.model));
	buf_addf(&b, ",\"content\":[" STR_FMT "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"stop_details\":%s,\"usage\":%s}",
		 STR_ARG(buf_str(&m->blocks)), m->stop, m->details ? m->details : "null", usage ? usage : "{}");
	add_json(m->s.c, 200, arena_printf(m->s.c->arena, "request-id: req_stub_%llu\r\n", stub.requests), buf_cstr(&b));
}

void anthropic_end(struct anthropic_stream *m, const char *usage)
{
	close_text(m);
	if (m->s.whole) {
		send_document(m, usage);
		return;
	}
	anthropic_event(m, "message_delta", arena_printf(m->s.c->arena, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null,"
		"\"stop_details\":%s}%s%s", m->stop, m->details ? m->details : "null", usage ? ",\"usage\":" : "", usage ? usage : ""));
	anthropic_event(m, "message_stop", "");
	end_stream(&m->s);
}

static void end(struct stream *s, const char *usage)
{
	anthropic_end((struct anthropic_stream *)s, usage);
}

void anthropic_error(struct connection *c, int status, const char *headers, const char *type, const char *message)
{
	struct buf b;

	buf_init(&b, c->arena);
	buf_addf(&b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", type);
	json_write_string(&b, str_from(message));
	buf_addf(&b, "},\"request_id\":\"stub-%llu\"}", stub.requests);
	add_json(c, status, headers, buf_cstr(&b));
}

static const struct voice voice = {.begin = begin, .text = send_text, .end = end, .refuse = anthropic_refuse};

/* --- the question --- */

/* Clients send their key in either of two headers. */
static const char *wrong_key(struct arena *a, const struct stub_request *r)
{
	struct str key = stub_header(r, "x-api-key"), bearer = stub_header(r, "authorization");

	if (!stub.key)
		return NULL;
	if (key.n == 0 && str_starts(bearer, STR("Bearer ")))
		key = str_sub(bearer, 7, bearer.n);
	if (key.n == 0)
		return "x-api-key header is required";
	return str_is(key, stub.key) ? NULL : arena_printf(a, "strict: invalid x-api-key \"" STR_FMT "\"", STR_ARG(key));
}

static struct str last_text(const struct json *messages)
{
	const struct json *content = json_getc(json_at(messages, json_len(messages) - 1), "content");
	struct str text = json_str(content);

	for (size_t i = 0; i < json_len(content); i++)
		if (json_getc(json_at(content, i), "text"))
			text = json_str(json_getc(json_at(content, i), "text"));
	return text.p ? text : STR("");
}

static const char *read_question(struct connection *c, const struct stub_request *r, const struct json **ret)
{
	struct err err;

	if (!str_is(stub_header(r, "content-type"), "application/json"))
		return "Content-Type is not application/json";
	if (json_parse(c->arena, r->body, NULL, ret, &err) < 0)
		return arena_strdup(c->arena, err.msg);
	return anthropic_strict(c->arena, *ret, stub_header(r, "anthropic-version"));
}

/* Faults of a stream are played as a stream, whatever was asked for. */
static bool may_be_whole(const char *name)
{
	static const char *const streams[] = {"bytes", "onewrite", "crlf", "cr", "close", "reset", "hang-body", "hang-middle", "malformed", "40mib",
		"longline", "bigheader", "drip", "utf8", "usage-twice", "tools-badjson", "tools-args", "tools-surrogate", "tools-cut",
		"tools-interleaved", "surrogate", "no-done", "no-finish", "linger", "ping-storm", "unknown-event", NULL};
	const char *const *n = streams;

	while (*n && strcmp(*n, name) != 0)
		n++;
	return *n == NULL;
}

static void play_answer(struct connection *c, const struct stub_request *r, const struct json *v)
{
	struct anthropic_stream m = {.s = {.c = c, .voice = &voice, .eol = "\n"}, .input_tokens = r->body.n / 4, .stop = "end_turn"};
	struct question q;
	const char *name;

	m.s.model = q.model = str_cstr(c->arena, json_str(json_getc(v, "model")));
	name = fault_name(q.model);
	m.s.whole = !json_is_true(json_getc(v, "stream")) && may_be_whole(name);
	buf_init(&m.text, c->arena);
	buf_init(&m.blocks, c->arena);
	q.messages = json_getc(v, "messages");
	q.last = last_text(q.messages);
	q.usage = arena_printf(c->arena, "{\"input_tokens\":%zu,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
			       "\"output_tokens\":3}", m.input_tokens);
	if (!play_common(&m.s, &q, name) && !anthropic_play(&m, &q, name) && !anthropic_refuse(c, name))
		play_plain(&m.s, &q);
	stub_log(200, str_from(q.model), r->body);
}

void anthropic_messages(struct connection *c, const struct stub_request *r)
{
	const char *wrong = wrong_key(c->arena, r);
	const struct json *v;

	if (wrong) {
		anthropic_error(c, 401, NULL, "authentication_error", wrong);
		stub_log(401, STR("-"), r->body);
		return;
	}
	wrong = read_question(c, r, &v);
	if (wrong) {
		anthropic_error(c, 400, NULL, "invalid_request_error", arena_printf(c->arena, "strict: %s", wrong));
		stub_log(400, STR("-"), r->body);
		return;
	}
	play_answer(c, r, v);
}
