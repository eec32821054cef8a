/* stub_gemini_faults.c - faults of the Gemini API. The model names
 *
 *   stub/utf8             a character split across writes   stub/usage-chunk    usage without candidates at the end
 *   stub/usage-twice      two, the last one counts          stub/thoughts       thoughts before the text, counted apart
 *   stub/cached           the counts of a bill: 120 in, 64 of them cached, 18 out, 210 thought
 *   stub/tools            two tool calls in two responses   stub/tools-one      both in one
 *   stub/tools-id         with ids of Gemini's              stub/tools-empty    without arguments
 *   stub/tools-badjson    arguments that are a text         stub/tools-surrogate a lone surrogate and \u0000 in arguments
 *   stub/surrogate        the same in a text                stub/json           an object as text
 *   stub/finish-error     counts that are null, finish OTHER  stub/finish-WORD  ends with that finish reason after a text
 *   stub/error-only       200 with an error document        stub/error-late     an error event after 3 pieces
 *   stub/error-raw        a bare error document after 3 pieces, no event
 *   stub/no-finish        everything but a finish reason    stub/linger         the end, and the connection stays open
 *   stub/gzip             a compressed whole answer         stub/document       one document although a stream was asked
 *   stub/array            an array, as without alt=sse
 *   stub/length           cut text                          stub/length-empty   all output was thought
 *   stub/filter           SAFETY after a text               stub/blocked        a blocked prompt, no candidates
 *   stub/malformed-call   MALFORMED_FUNCTION_CALL with a call in it
 *   stub/no-content       STOP without content
 *   stub/signed           400 unless every signature comes back where it was: stub_gemini_signed.c
 *   stub/script           as the question says, turn by turn: stub_gemini_script.c
 *
 * play the faults of this table.
 */
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_gemini.h"

typedef void fault_fn(struct gemini_stream *g, const struct question *q);

static void say(struct gemini_stream *g, const char *text)
{
	gemini_send(g, gemini_text_part(g->s.c->arena, str_from(text), ""), NULL, NULL, "");
}

/* The end of an answer, whatever it said. */
static void finish_with(struct gemini_stream *g, const char *parts, const char *finish, const char *usage)
{
	gemini_send(g, parts, finish, usage, "");
	gemini_end(g);
}

static void play_utf8(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	send_raw(&g->s, STR("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"gr\xC3"), 0);
	send_raw(&g->s, STR("\xBC\xC3\x9F \xF0\x9F"), 5);
	send_raw(&g->s, STR("\x8C\x8D\"}]}}]}\n\n"), 5);
	finish_with(g, "", "STOP", q->usage);
}

static void play_usage_chunk(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	g->interim = NULL;
	gemini_send(g, "", "STOP", NULL, "");
	gemini_send(g, NULL, NULL, q->usage, "");
	gemini_end(g);
}

static void play_usage_twice(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	gemini_send(g, gemini_text_part(g->s.c->arena, str_from(stub.text), ""), NULL, "{\"promptTokenCount\":1,\"candidatesTokenCount\":1}",
		    "");
	finish_with(g, "", "STOP", "{\"promptTokenCount\":70,\"candidatesTokenCount\":7,\"totalTokenCount\":77}");
}

static void play_thoughts(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	gemini_send(g, gemini_text_part(g->s.c->arena, STR("**Thinking** of it"), ",\"thought\":true"), NULL, NULL, "");
	send_pieces(&g->s, str_from(stub.text), 3);
	finish_with(g, "", "STOP", "{\"promptTokenCount\":20,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":40,\"totalTokenCount\":63}");
}

static void play_cached(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	finish_with(g, "", "STOP", "{\"promptTokenCount\":120,\"cachedContentTokenCount\":64,\"candidatesTokenCount\":18,"
		    "\"thoughtsTokenCount\":210,\"totalTokenCount\":348}");
}

#define FIRST(id) "{\"functionCall\":{" id "\"name\":\"first\",\"args\":{\"a\":1}}}"
#define SECOND(id) "{\"functionCall\":{" id "\"name\":\"second\",\"args\":{\"b\":2}}}"

static void play_tools(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	gemini_send(g, FIRST(""), NULL, NULL, "");
	gemini_send(g, SECOND(""), NULL, NULL, "");
	finish_with(g, "", "STOP", q->usage);
}

static void play_tools_one(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, FIRST("") "," SECOND(""), "STOP", q->usage);
}

static void play_tools_id(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, FIRST("\"id\":\"gem-1\",") "," SECOND("\"id\":\"gem-2\","), "STOP", q->usage);
}

static void play_tools_empty(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, "{\"functionCall\":{\"name\":\"first\"}}", "STOP", q->usage);
}

static void play_tools_badjson(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, "{\"functionCall\":{\"name\":\"first\",\"args\":\"{oops\"}}", "STOP", q->usage);
}

static void play_tools_surrogate(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, "{\"functionCall\":{\"name\":\"first\",\"args\":{\"x\":\"a\\ud83db\\u0000c\"}}}", "STOP", q->usage);
}

static void play_surrogate(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	gemini_send(g, "{\"text\":\"a\\ud83db\\u0000c\"}", NULL, NULL, "");
	finish_with(g, "", "STOP", q->usage);
}

static void play_json(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	send_pieces(&g->s, STR("{\"city\": \"Bern\", \"people\": 134794}"), 3);
	finish_with(g, "", "STOP", q->usage);
}

static void play_finish_error(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	g->interim = NULL;
	say(g, "half");
	finish_with(g, "", "OTHER", "{\"promptTokenCount\":null,\"candidatesTokenCount\":null}");
}

static void play_error_only(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	add_json(g->s.c, 200, NULL, "{\"error\":{\"code\":503,\"message\":\"The model is overloaded. Please try again later.\","
		 "\"status\":\"UNAVAILABLE\"}}");
}

#define INTERNAL "{\"error\":{\"code\":500,\"message\":\"An internal error has occurred.\",\"status\":\"INTERNAL\"}}"

static void play_error_late(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	gemini_send_raw(g, INTERNAL);
	gemini_end(g);
}

static void play_error_raw(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	if (g->s.whole)
		gemini_send_raw(g, INTERNAL);
	send_raw(&g->s, STR("{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"The model is overloaded.\",\n"
			    "    \"status\": \"UNAVAILABLE\"\n  }\n}\n"), 0);
	gemini_end(g);
}

static void play_no_finish(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	gemini_send(g, NULL, NULL, q->usage, "");
	gemini_end(g);
}

static void play_linger(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	send_pieces(&g->s, str_from(stub.text), 3);
	gemini_send(g, "", "STOP", q->usage, "");
	add_close(g->s.c, false, FOREVER_MS);
}

/* {"candidates":[{"content":{"parts":[{"text":"gz"}]},"finishReason":"STOP"}]}, compressed */
static const unsigned char gzip_body[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x4e, 0xcc, 0x4b, 0xc9, 0x4c, 0x49, 0x2c,
	0x49, 0x2d, 0x56, 0xb2, 0x8a, 0xae, 0x56, 0x4a, 0xce, 0xcf, 0x2b, 0x49, 0xcd, 0x2b, 0x51, 0xb2, 0xaa, 0x56, 0x2a, 0x48,
	0x2c, 0x2a, 0x81, 0x08, 0x96, 0xa4, 0x56, 0x00, 0x45, 0x94, 0xd2, 0xab, 0x94, 0x6a, 0x63, 0x6b, 0x75, 0x94, 0xd2, 0x32,
	0xf3, 0x32, 0x8b, 0x33, 0x82, 0x52, 0x13, 0x8b, 0xf3, 0xf3, 0x80, 0xc2, 0xc1, 0x21, 0xfe, 0x01, 0x20, 0x09, 0x00, 0x98,
	0x93, 0x99, 0x5e, 0x4c, 0x00, 0x00, 0x00,
};

static void play_gzip(struct gemini_stream *g, const struct question *q)
{
	struct reply r = {.status = 200, .type = "application/json", .headers = "Content-Encoding: gzip\r\n"};

	(void)q;
	buf_init(&r.body, g->s.c->arena);
	buf_add(&r.body, gzip_body, sizeof gzip_body);
	add_reply(g->s.c, &r);
}

static void play_as(struct gemini_stream *g, const struct question *q, enum gemini_form form)
{
	g->form = form;
	g->s.whole = true;
	play_plain(&g->s, q);
}

static void play_document(struct gemini_stream *g, const struct question *q)
{
	play_as(g, q, GEMINI_DOCUMENT);
}

static void play_array(struct gemini_stream *g, const struct question *q)
{
	play_as(g, q, GEMINI_ARRAY);
}

static void play_length(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	say(g, "cut sho");
	finish_with(g, "", "MAX_TOKENS", q->usage);
}

static void play_length_empty(struct gemini_stream *g, const struct question *q)
{
	(void)q;
	gemini_begin(g);
	finish_with(g, "", "MAX_TOKENS", "{\"promptTokenCount\":20,\"thoughtsTokenCount\":100,\"totalTokenCount\":120}");
}

static void play_filter(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	say(g, "half a");
	finish_with(g, "", "SAFETY", q->usage);
}

static void play_blocked(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	gemini_send(g, NULL, NULL, "{\"promptTokenCount\":20,\"totalTokenCount\":20}", ",\"promptFeedback\":{\"blockReason\":"
		    "\"PROHIBITED_CONTENT\",\"safetyRatings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"HIGH\"}]}");
	gemini_end(g);
	(void)q;
}

static void play_malformed_call(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	finish_with(g, FIRST(""), "MALFORMED_FUNCTION_CALL\",\"finishMessage\":\"Malformed function call: first(a=", q->usage);
}

static void play_no_content(struct gemini_stream *g, const struct question *q)
{
	gemini_begin(g);
	gemini_send_raw(g, arena_printf(g->s.c->arena, "{\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":%s}", q->usage));
	gemini_end(g);
}

static const struct {
	const char *name;
	fault_fn *play;
} faults[] = {
	{"utf8", play_utf8}, {"usage-chunk", play_usage_chunk}, {"usage-twice", play_usage_twice}, {"thoughts", play_thoughts},
	{"cached", play_cached}, {"tools", play_tools}, {"tools-one", play_tools_one}, {"tools-id", play_tools_id},
	{"tools-empty", play_tools_empty}, {"tools-badjson", play_tools_badjson}, {"tools-surrogate", play_tools_surrogate},
	{"surrogate", play_surrogate}, {"json", play_json}, {"finish-error", play_finish_error}, {"error-only", play_error_only},
	{"error-late", play_error_late}, {"error-raw", play_error_raw}, {"no-finish", play_no_finish}, {"linger", play_linger},
	{"gzip", play_gzip}, {"document", play_document}, {"array", play_array}, {"length", play_length},
	{"length-empty", play_length_empty}, {"filter", play_filter}, {"blocked", play_blocked},
	{"malformed-call", play_malformed_call}, {"no-content", play_no_content}, {"signed", gemini_play_signed},
	{"script", gemini_play_script},
};

bool gemini_play(struct gemini_stream *g, const struct question *q, const char *name)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strcmp(faults[i].name, name) == 0) {
			faults[i].play(g, q);
			return true;
		}
	if (strncmp(name, "finish-", 7) != 0)
		return false;
	gemini_begin(g);
	say(g, "half a");
	finish_with(g, "", name + 7, q->usage);
	return true;
}
