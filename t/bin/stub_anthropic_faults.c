/* stub_anthropic_faults.c - what only Anthropic's servers say, beside the faults of stub_faults.c. The model names
 *
 *   stub/utf8            a character split across writes    stub/usage-twice    two counts, the last one counts
 *   stub/tools           two calls                          stub/tools-interleaved   their pieces take turns
 *   stub/tools-empty     no piece of the input              stub/tools-badjson  input that is no JSON
 *   stub/tools-args      the input whole at the start       stub/tools-cut      max_tokens before the input
 *   stub/tools-surrogate stub/surrogate                     a lone surrogate and \u0000
 *   stub/finish-error    an unknown reason, no counts           stub/error-only     200 with an error document
 *   stub/error-late      an error event after 3 pieces      stub/error-first    before any of them
 *   stub/no-done         no message_stop                    stub/no-finish      no stop_reason
 *   stub/length stub/length-empty stub/context-full stub/context-empty          stub/stop-sequence
 *   stub/refusal         with its explanation               stub/filter         behind half a text
 *   stub/pause           pause_turn                         stub/linger         message_stop, and the connection stays open
 *   stub/thinking        thinking and its signature         stub/redacted       redacted_thinking
 *   stub/ping-storm stub/unknown-event stub/unknown-block   stub/document       a whole answer although streamed was asked
 *   stub/signed          thinking, redacted thinking, a text and a call; all of them must come back with its result
 *   stub/cache           counts of the cache                stub/gzip           a compressed whole answer
 *   stub/script          as the question says, turn by turn: stub_script.h
 *
 * play the faults of this table.
 */
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_anthropic.h"

typedef void fault_fn(struct anthropic_stream *m, const struct question *q);

static void say_blocks(struct anthropic_stream *m, const struct question *q, const char *blocks)
{
	const struct json *v = NULL;

	json_parse(m->s.c->arena, str_from(blocks), NULL, &v, NULL);
	anthropic_start(m, 0);
	for (size_t i = 0; i < json_len(v); i++)
		anthropic_block(m, json_at(v, i));
	anthropic_end(m, q->usage);
}

#define USE(id, name, input) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":" input "}"
#define SAY(t) "{\"type\":\"text\",\"text\":\"" t "\"}"

/* Answers that are blocks and a reason. */
static const struct {
	const char *name, *blocks, *stop, *details;
} contents[] = {
	{"tools", "[" USE("toolu_a", "first", "{\"a\":1}") "," USE("toolu_b", "second", "{\"b\":2}") "]", "tool_use", NULL},
	{"tools-empty", "[" USE("toolu_a", "first", "{}") "]", "tool_use", NULL},
	{"stop-sequence", "[" SAY("until here") "]", "stop_sequence", NULL},
	{"length", "[" SAY("cut sho") "]", "max_tokens", NULL},
	{"length-empty", "[]", "max_tokens", NULL},
	{"context-full", "[" SAY("cut sho") "]", "model_context_window_exceeded", NULL},
	{"context-empty", "[]", "model_context_window_exceeded", NULL},
	{"refusal", "[]", "refusal", "{\"type\":\"refusal\",\"category\":\"cyber\",\"explanation\":\"This could enable harm.\"}"},
	{"filter", "[" SAY("half a") "]", "refusal", NULL},
	{"pause", "[" SAY("I search.") "]", "pause_turn", NULL},
	{"redacted", "[{\"type\":\"redacted_thinking\",\"data\":\"" STUB_REDACTED "\"}," SAY("Hello from the stub.") "]", "end_turn", NULL},
	{"unknown-block", "[{\"type\":\"fallback\",\"from\":{\"model\":\"x\"}}," SAY("Hello from the stub.") "]", "end_turn", NULL},
};

static bool play_content(struct anthropic_stream *m, const struct question *q, const char *name)
{
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
		if (strcmp(contents[i].name, name) == 0) {
			m->stop = contents[i].stop;
			m->details = contents[i].details;
			say_blocks(m, q, contents[i].blocks);
			return true;
		}
	return false;
}

/* --- thinking --- */

#define THOUGHT "I should greet. \\u00fc \\\"quoted\\\"\\n"

static const char *thinking_block(struct anthropic_stream *m, const char *thought)
{
	struct arena *a = m->s.c->arena;
	const struct json *text = NULL;

	json_parse(a, str_from(arena_printf(a, "\"%s\"", thought)), NULL, &text, NULL);
	return arena_printf(a, "{\"type\":\"thinking\",\"thinking\":\"%s\",\"signature\":\"%s\"}", thought,
			    anthropic_signature(a, str_from(m->s.model), json_str(text)));
}

static void play_thinking(struct anthropic_stream *m, const struct question *q)
{
	struct arena *a = m->s.c->arena;
	size_t in = m->input_tokens;
	struct question counted = *q;

	counted.usage = arena_printf(a, "{\"input_tokens\":%zu,\"output_tokens\":30,\"output_tokens_details\":{\"thinking_tokens\":27}}", in);
	say_blocks(m, &counted, arena_printf(a, "[%s," SAY("%s") "]", thinking_block(m, THOUGHT), stub.text));
}

static const struct json *content_of_last(const struct json *messages, const char *role)
{
	for (size_t i = json_len(messages); i > 0; i--)
		if (str_is(json_str(json_getc(json_at(messages, i - 1), "role")), role))
			return json_getc(json_at(messages, i - 1), "content");
	return NULL;
}

/* Strict checks have seen that what is there is as it was; here, that nothing is missing. */
static bool all_came_back(const struct json *content)
{
	static const char *const types[] = {"thinking", "redacted_thinking", "text", "thinking", "tool_use"};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (!str_is(json_str(json_getc(json_at(content, i), "type")), types[i]))
			return false;
	return true;
}

static void play_signed(struct anthropic_stream *m, const struct question *q)
{
	const struct json *content = content_of_last(q->messages, "assistant");

	if (content && !all_came_back(content)) {
		anthropic_error(m->s.c, 400, NULL, "invalid_request_error", "messages.1.content.0.type: Expected `thinking` or "
				"`redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start "
				"with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).");
		return;
	}
	if (content) {
		say_blocks(m, q, arena_printf(m->s.c->arena, "[" SAY("%s") "]", stub.text));
		return;
	}
	m->stop = "tool_use";
	say_blocks(m, q, arena_printf(m->s.c->arena, "[%s,{\"type\":\"redacted_thinking\",\"data\":\"" STUB_REDACTED "\"}," SAY("I look.") ",%s,"
				      USE("toolu_s", "now", "{}") "]", thinking_block(m, THOUGHT), thinking_block(m, "More.")));
}

/* --- of the stream --- */

static void play_utf8(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_open(m, "{\"type\":\"text\",\"text\":\"\"}");
	send_raw(&m->s, STR("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"gr\xC3"), 0);
	send_raw(&m->s, STR("\xBC\xC3\x9F \xF0\x9F"), 5);
	send_raw(&m->s, STR("\x8C\x8D\"}}\n\n"), 5);
	anthropic_close(m, 0);
	anthropic_end(m, q->usage);
}

static void play_usage_twice(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	anthropic_start(m, 0);
	anthropic_say(m, str_from(stub.text));
	anthropic_event(m, "message_delta", ",\"delta\":{\"stop_reason\":null,\"stop_sequence\":null},\"usage\":{\"input_tokens\":1,\"output_tokens\":1}");
	anthropic_end(m, "{\"input_tokens\":70,\"output_tokens\":7}");
}

static void play_finish_error(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	anthropic_start(m, 0);
	anthropic_say(m, STR("half"));
	m->stop = "error";
	anthropic_end(m, "{\"input_tokens\":null,\"output_tokens\":null}");
}

static void play_cache(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	anthropic_start(m, 0);
	anthropic_say(m, str_from(stub.text));
	anthropic_end(m, "{\"input_tokens\":3,\"cache_creation_input_tokens\":12304,\"cache_read_input_tokens\":50,\"cache_creation\":"
		      "{\"ephemeral_5m_input_tokens\":12000,\"ephemeral_1h_input_tokens\":304},\"output_tokens\":550}");
}

static void one_tool(struct anthropic_stream *m, const struct question *q, const char *input, const char *delta)
{
	anthropic_start(m, 0);
	anthropic_open(m, arena_printf(m->s.c->arena, "{\"type\":\"tool_use\",\"id\":\"toolu_a\",\"name\":\"first\",\"input\":%s}", input));
	if (delta)
		anthropic_delta(m, 0, arena_printf(m->s.c->arena, "{\"type\":\"input_json_delta\",\"partial_json\":\"%s\"}", delta));
	anthropic_close(m, 0);
	m->stop = "tool_use";
	anthropic_end(m, q->usage);
}

static void play_tools_badjson(struct anthropic_stream *m, const struct question *q)
{
	one_tool(m, q, "{}", "{oops");
}

static void play_tools_args(struct anthropic_stream *m, const struct question *q)
{
	one_tool(m, q, "{\"x\":1}", NULL);
}

static void play_tools_surrogate(struct anthropic_stream *m, const struct question *q)
{
	one_tool(m, q, "{}", "{\\\"x\\\":\\\"a\\ud83db\\u0000c\\\"}");
}

static void play_tools_cut(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_open(m, USE("toolu_a", "first", "{}"));
	anthropic_close(m, 0);
	m->stop = "max_tokens";
	anthropic_end(m, q->usage);
}

static void play_tools_interleaved(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_open(m, USE("toolu_a", "first", "{}"));
	anthropic_open(m, USE("toolu_b", "second", "{}"));
	anthropic_delta(m, 1, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"b\\\":\"}");
	anthropic_delta(m, 0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}");
	anthropic_delta(m, 1, "{\"type\":\"input_json_delta\",\"partial_json\":\"2}\"}");
	anthropic_close(m, 0);
	anthropic_close(m, 1);
	m->stop = "tool_use";
	anthropic_end(m, q->usage);
}

static void play_surrogate(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_open(m, SAY(""));
	anthropic_delta(m, 0, "{\"type\":\"text_delta\",\"text\":\"a\\ud83db\\u0000c\"}");
	anthropic_close(m, 0);
	anthropic_end(m, q->usage);
}

static void play_error_only(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	add_json(m->s.c, 200, NULL, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}");
}

static void fail_after(struct anthropic_stream *m, int pieces)
{
	m->s.whole = false;
	anthropic_start(m, 0);
	if (pieces > 0)
		send_pieces(&m->s, str_from(stub.text), pieces);
	anthropic_event(m, "error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}");
	end_stream(&m->s);
}

static void play_error_late(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	fail_after(m, 3);
}

static void play_error_first(struct anthropic_stream *m, const struct question *q)
{
	(void)q;
	fail_after(m, 0);
}

static void play_no_done(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_say(m, str_from(stub.text));
	anthropic_event(m, "message_delta", arena_printf(m->s.c->arena, ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":%s", q->usage));
	end_stream(&m->s);
}

static void play_no_finish(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_say(m, str_from(stub.text));
	anthropic_event(m, "message_delta", arena_printf(m->s.c->arena, ",\"delta\":{\"stop_reason\":null},\"usage\":%s", q->usage));
	anthropic_event(m, "message_stop", "");
	end_stream(&m->s);
}

static void play_linger(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_say(m, str_from(stub.text));
	anthropic_event(m, "message_delta", arena_printf(m->s.c->arena, ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":%s", q->usage));
	anthropic_event(m, "message_stop", "");
	add_close(m->s.c, false, FOREVER_MS);
}

static void play_ping_storm(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	for (int i = 0; i < 500; i++)
		anthropic_event(m, "ping", "");
	send_pieces(&m->s, str_from(stub.text), 2);
	for (int i = 0; i < 500; i++)
		anthropic_event(m, "ping", "");
	m->s.voice->text(&m->s, str_sub(str_from(stub.text), strlen(stub.text) * 2 / 3, strlen(stub.text)));
	anthropic_end(m, q->usage);
}

static void play_unknown_event(struct anthropic_stream *m, const struct question *q)
{
	anthropic_start(m, 0);
	anthropic_event(m, "weather_report", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"rain\"}");
	anthropic_open(m, SAY(""));
	anthropic_delta(m, 0, "{\"type\":\"mood_delta\",\"text\":\"good\"}");
	anthropic_delta(m, 0, arena_printf(m->s.c->arena, "{\"type\":\"text_delta\",\"text\":\"%s\"}", stub.text));
	anthropic_close(m, 0);
	anthropic_end(m, q->usage);
}

static void play_document(struct anthropic_stream *m, const struct question *q)
{
	m->s.whole = true;
	play_plain(&m->s, q);
}

/* {"content":[{"type":"text","text":"gz"}],"stop_reason":"end_turn"}, compressed */
static const unsigned char gzip_body[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xab, 0x56, 0x4a, 0xce, 0xcf, 0x2b, 0x49, 0xcd, 0x2b,
	0x51, 0xb2, 0x8a, 0xae, 0x56, 0x2a, 0xa9, 0x2c, 0x48, 0x55, 0xb2, 0x52, 0x2a, 0x49, 0xad, 0x28, 0x51, 0xd2, 0x81,
	0x50, 0x56, 0x4a, 0xe9, 0x55, 0x4a, 0xb5, 0xb1, 0x3a, 0x4a, 0xc5, 0x25, 0xf9, 0x05, 0xf1, 0x45, 0xa9, 0x89, 0xc5,
	0xf9, 0x79, 0x40, 0xc1, 0xd4, 0xbc, 0x94, 0xf8, 0x92, 0xd2, 0xa2, 0x3c, 0xa5, 0x5a, 0x00, 0x06, 0x8d, 0xd9, 0x85,
	0x42, 0x00, 0x00, 0x00,
};

static void play_gzip(struct anthropic_stream *m, const struct question *q)
{
	struct reply r = {.status = 200, .type = "application/json", .headers = "Content-Encoding: gzip\r\n"};

	(void)q;
	buf_init(&r.body, m->s.c->arena);
	buf_add(&r.body, gzip_body, sizeof gzip_body);
	add_reply(m->s.c, &r);
}

static const struct {
	const char *name;
	fault_fn *play;
} faults[] = {
	{"thinking", play_thinking}, {"signed", play_signed}, {"utf8", play_utf8}, {"usage-twice", play_usage_twice}, {"finish-error", play_finish_error}, {"cache", play_cache},
	{"tools-badjson", play_tools_badjson}, {"tools-args", play_tools_args}, {"tools-surrogate", play_tools_surrogate},
	{"tools-cut", play_tools_cut}, {"tools-interleaved", play_tools_interleaved}, {"surrogate", play_surrogate},
	{"error-only", play_error_only}, {"error-late", play_error_late}, {"error-first", play_error_first}, {"no-done", play_no_done},
	{"no-finish", play_no_finish}, {"linger", play_linger}, {"ping-storm", play_ping_storm}, {"unknown-event", play_unknown_event},
	{"document", play_document}, {"gzip", play_gzip}, {"script", anthropic_play_script},
};

bool anthropic_play(struct anthropic_stream *m, const struct question *q, const char *name)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strcmp(faults[i].name, name) == 0) {
			faults[i].play(m, q);
			return true;
		}
	return play_content(m, q, name);
}
