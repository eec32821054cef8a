/* anthropic.c - what Anthropic's servers send with a 200, however it is cut, what their refusals mean, what is asked, and what
 * it costs. */
#include "gateway/anthropic_answer.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/anthropic_question.h"
#include "gateway/anthropic_schema.h"
#include "gateway/spend.h"
#include "decoder.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

/* --- answers --- */

#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define START EV("message_start", ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\"," \
	"\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":null," \
	"\"output_tokens\":1}}")
#define BLOCK(i, block) EV("content_block_start", ",\"index\":" #i ",\"content_block\":" block)
#define DELTA(i, delta) EV("content_block_delta", ",\"index\":" #i ",\"delta\":{\"type\":" delta "}")
#define CLOSE(i) EV("content_block_stop", ",\"index\":" #i)
#define PING EV("ping", "")
#define TEXT(i, t) DELTA(i, "\"text_delta\",\"text\":\"" t "\"")
#define JSON(i, t) DELTA(i, "\"input_json_delta\",\"partial_json\":\"" t "\"")
#define SAY(i, t) BLOCK(i, "{\"type\":\"text\",\"text\":\"\"}") TEXT(i, t) CLOSE(i)
#define USE(i, id, name) BLOCK(i, "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}")
#define THINK(i, t, s) BLOCK(i, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") \
	DELTA(i, "\"thinking_delta\",\"thinking\":\"" t "\"") DELTA(i, "\"signature_delta\",\"signature\":\"" s "\"") CLOSE(i)
#define STOP(reason, more, usage) EV("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null" more \
	"},\"usage\":{" usage "}")
#define END(reason) STOP(reason, "", "\"output_tokens\":3") EV("message_stop", "")

static const struct answer_case answers[] = {
	{"plain", START BLOCK(0, "{\"type\":\"text\",\"text\":\"\"}") PING TEXT(0, "Hel") TEXT(0, "lo") CLOSE(0) END("end_turn"),
	 ERR_NONE, "Hello", "stop", "", 12, 3, 0, 0},
	{"no names of events", "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n\n"
	 "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
	 ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"the name of the event where the data has none", "event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
	 END("end_turn"), ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"spaces behind the data, crlf, BOM, comments", "\xEF\xBB\xBF: hi\r\n\r\nevent: message_start\r\ndata: {\"type\":\"message_start\","
	 "\"message\":{\"usage\":{\"input_tokens\":7}}}   \r\n\r\n" SAY(0, "a") END("end_turn"), ERR_NONE, "a", "stop", "", 7, 3, 0, 0},
	{"two texts", START SAY(0, "a") SAY(1, "b") END("stop_sequence"), ERR_NONE, "ab", "stop", "", 12, 3, 0, 0},
	{"ping storm, unknown event, unknown block, unknown delta", PING PING START PING PING EV("news", ",\"x\":[1]")
	 BLOCK(0, "{\"type\":\"fallback\",\"from\":\"x\"}") CLOSE(0) BLOCK(1, "{\"type\":\"text\",\"text\":\"\"}")
	 DELTA(1, "\"citations_delta\",\"citation\":{\"cited_text\":\"no\"}") TEXT(1, "a") DELTA(1, "\"odd_delta\",\"text\":\"no\"")
	 CLOSE(1) PING END("end_turn"), ERR_NONE, "a", "stop", "", 12, 3, 0, 0},
	{"thinking", START THINK(0, "hm", "sig") SAY(1, "a") END("end_turn"), ERR_NONE, "a", "stop", "", 12, 3, 0, 0},
	{"usage of the end wins", START SAY(0, "a") STOP("end_turn", "", "\"input_tokens\":20,\"output_tokens\":5") EV("message_stop", ""),
	 ERR_NONE, "a", "stop", "", 20, 5, 0, 0},
	{"two message_delta, cumulative", START SAY(0, "a") EV("message_delta", ",\"delta\":{\"stop_reason\":null},\"usage\":{\"output_tokens\":2}")
	 STOP("end_turn", "", "\"input_tokens\":null,\"output_tokens\":9") EV("message_stop", ""), ERR_NONE, "a", "stop", "", 12, 9, 0, 0},
	{"thinking tokens are not text", START SAY(0, "a") STOP("end_turn", "",
	 "\"output_tokens\":9,\"output_tokens_details\":{\"thinking_tokens\":5}") EV("message_stop", ""), ERR_NONE, "a", "stop", "", 12, 4, 0, 5},
	{"a count that is none", START SAY(0, "a") STOP("end_turn", "", "\"output_tokens\":-3") EV("message_stop", ""),
	 ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"what comes behind the end", START SAY(0, "a") END("end_turn") "data: {oops\n\ndata: [DONE]\n\n", ERR_NONE, "a", "stop", "", 12, 3, 0, 0},
	{"cut: what it began with is not the bill", START BLOCK(0, "{\"type\":\"text\",\"text\":\"\"}") TEXT(0, "a"),
	 ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"cut before message_stop", START SAY(0, "a") STOP("end_turn", "", "\"output_tokens\":3"), ERR_MODEL_TRUNCATED_STREAM, NULL, NULL,
	 NULL, 12, 3, 0, 0},
	{"message_stop without a reason", START SAY(0, "a") EV("message_stop", ""), ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"cut inside the last event", START SAY(0, "a") STOP("end_turn", "", "\"output_tokens\":3") "data: {\"type\":\"message_stop\"}",
	 ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, 12, 3, 0, 0},
	{"length", START SAY(0, "a") END("max_tokens"), ERR_NONE, "a", "length", "", 12, 3, 0, 0},
	{"length without text", START THINK(0, "hm", "sig") END("max_tokens"), ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 12, 3, 0, 0},
	{"context full", START SAY(0, "a") END("model_context_window_exceeded"), ERR_NONE, "a", "length", "", 12, 3, 0, 0},
	{"context full at once", START END("model_context_window_exceeded"), ERR_MODEL_CONTEXT_OVERFLOW, NULL, NULL, NULL, 12, 3, 0, 0},
	{"empty", START END("end_turn"), ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 12, 3, 0, 0},
	{"empty text", START SAY(0, "\\n ") END("end_turn"), ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 12, 3, 0, 0},
	{"refusal", START SAY(0, "I can") STOP("refusal", ",\"stop_details\":{\"type\":\"refusal\",\"category\":\"bio\",\"explanation\":\"no\"}",
	 "\"output_tokens\":3") EV("message_stop", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, 12, 3, 0, 0},
	{"refusal without details", START STOP("refusal", ",\"stop_details\":null", "\"output_tokens\":3") EV("message_stop", ""),
	 ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, 12, 3, 0, 0},
	{"a pause of tools that were not offered", START SAY(0, "a") END("pause_turn"), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, 12, 3, 0, 0},
	{"unknown reason", START SAY(0, "a") END("tired"), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, 12, 3, 0, 0},
	{"broken event", START "data: {\"type\":\n\n" SAY(0, "a") END("end_turn"), ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"event is no object", "data: 42\n\n", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error late", START SAY(0, "a") EV("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
	 ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error first", START EV("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
	 ERR_MODEL_OVERLOADED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error first, of a limit", EV("error", ",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"}"),
	 ERR_MODEL_RATE_LIMITED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error first, a timeout of theirs", EV("error", ",\"error\":{\"type\":\"timeout_error\",\"message\":\"m\"}"),
	 ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error first, of the question", EV("error", ",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}"),
	 ERR_MODEL_INVALID_REQUEST, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error without a type", EV("error", ""), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"nul and lone surrogate", START SAY(0, "a\\u0000b\\ud83dc") END("end_turn"), ERR_NONE, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c", "stop", "",
	 12, 3, 0, 0},

	{"a call in pieces", START USE(0, "toolu_1", "f") JSON(0, "") JSON(0, "{\\\"a\\\":") JSON(0, " 1}") CLOSE(0) END("tool_use"),
	 ERR_NONE, "", "tool_calls", "f({\"a\": 1}) toolu_1 ", 12, 3, 0, 0},
	{"no piece at all is {}", START USE(0, "x", "f") CLOSE(0) END("tool_use"), ERR_NONE, "", "tool_calls", "f({}) x ", 12, 3, 0, 0},
	{"an empty piece is {}", START USE(0, "x", "f") JSON(0, "") CLOSE(0) END("tool_use"), ERR_NONE, "", "tool_calls", "f({}) x ", 12, 3, 0, 0},
	{"the input whole at the start", START BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\",\"input\":{\"a\":1}}") CLOSE(0)
	 END("tool_use"), ERR_NONE, "", "tool_calls", "f({\"a\":1}) x ", 12, 3, 0, 0},
	{"pieces win over the start", START BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\",\"input\":{\"a\":1}}")
	 JSON(0, "{\\\"a\\\":2}") CLOSE(0) END("tool_use"), ERR_NONE, "", "tool_calls", "f({\"a\":2}) x ", 12, 3, 0, 0},
	{"text and two calls", START SAY(0, "I look.") USE(1, "x", "f") JSON(1, "{}") CLOSE(1) USE(2, "y", "g") JSON(2, "{\\\"b\\\":2}") CLOSE(2)
	 END("tool_use"), ERR_NONE, "I look.", "tool_calls", "f({}) x g({\"b\":2}) y ", 12, 3, 0, 0},
	{"two calls interleaved", START USE(0, "x", "f") USE(1, "y", "g") JSON(1, "{\\\"b\\\":") JSON(0, "{\\\"a\\\":1}") JSON(1, "2}") CLOSE(0)
	 CLOSE(1) END("tool_use"), ERR_NONE, "", "tool_calls", "f({\"a\":1}) x g({\"b\":2}) y ", 12, 3, 0, 0},
	{"calls decide, not the reason", START USE(0, "x", "f") JSON(0, "{}") CLOSE(0) END("end_turn"), ERR_NONE, "", "tool_calls", "f({}) x ", 12, 3, 0, 0},
	{"arguments that are not JSON stay", START USE(0, "x", "f") JSON(0, "{oops") CLOSE(0) END("tool_use"), ERR_NONE, "", "tool_calls",
	 "f({oops) x ", 12, 3, 0, 0},
	{"lone surrogate in arguments", START USE(0, "x", "f") JSON(0, "{\\\"a\\\":\\\"\\ud83d\\\"}") CLOSE(0) END("tool_use"), ERR_NONE, "", "tool_calls",
	 "f({\"a\":\"\xEF\xBF\xBD\"}) x ", 12, 3, 0, 0},
	{"one id for two calls", START USE(0, "x", "f") CLOSE(0) USE(1, "x", "g") CLOSE(1) END("tool_use"), ERR_NONE, "", "tool_calls",
	 "f({}) x g({}) MADE ", 12, 3, 0, 0},
	{"a call without a name", START BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"x\"}") JSON(0, "{}") CLOSE(0) END("tool_use"),
	 ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, 12, 3, 0, 0},
	{"pieces of a call that never began", START JSON(0, "{}") END("tool_use"), ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, 12, 3, 0, 0},
	{"the output ended before the input", START USE(0, "x", "f") CLOSE(0) END("max_tokens"), ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL,
	 12, 3, 0, 0},
	{"the output ended inside the input", START USE(0, "x", "f") JSON(0, "{\\\"a\\\":") CLOSE(0) END("max_tokens"), ERR_NONE, "", "tool_calls",
	 "f({\"a\":) x ", 12, 3, 0, 0},
	{"calls that were refused", START USE(0, "x", "f") CLOSE(0) END("refusal"), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, 12, 3, 0, 0},
	{"a tool of the server's own is no call", START BLOCK(0, "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}")
	 JSON(0, "{}") CLOSE(0) SAY(1, "a") END("end_turn"), ERR_NONE, "a", "stop", "", 12, 3, 0, 0},

#define DOC(content, more) "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":" content ",\"stop_sequence\":null," \
	"\"usage\":{\"input_tokens\":4,\"output_tokens\":1}" more "}"
	{"document", DOC("[{\"type\":\"text\",\"text\":\"a\"}]", ",\"stop_reason\":\"end_turn\""), ERR_NONE, "a", "stop", "", 4, 1, 0, 0},
	{"document in an array, white space", " \n[" DOC("[{\"type\":\"text\",\"text\":\"a\"}]", ",\"stop_reason\":\"end_turn\"") "]\n", ERR_NONE, "a",
	 "stop", "", 4, 1, 0, 0},
	{"document with calls", DOC("[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\",\"input\":{\"n\":1}},"
	 "{\"type\":\"tool_use\",\"id\":\"y\",\"name\":\"g\",\"input\":{}}]", ",\"stop_reason\":\"tool_use\""), ERR_NONE, "b", "tool_calls",
	 "f({\"n\":1}) x g({}) y ", 4, 1, 0, 0},
	{"document without content", DOC("null", ",\"stop_reason\":\"end_turn\""), ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"document, empty", DOC("[]", ",\"stop_reason\":\"end_turn\""), ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 4, 1, 0, 0},
	{"document without a reason", DOC("[]", ""), ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, 4, 1, 0, 0},
	{"document with an error alone", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"},\"request_id\":\"r\"}",
	 ERR_MODEL_OVERLOADED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"half a document", "{\"content\":[", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"page", "<!doctype html><p>hi", ERR_MODEL_SERVER_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"text", "upstream connect error", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"nothing", "", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"white space", " \n \n", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
};

static const struct provider provider = {.name = {"p", 1}, .wire = WIRE_ANTHROPIC};
static const struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .can = CAN_TOOLS | CAN_JSON};
static const struct wire_request asked = {.model = &model};

START_TEST(answers_at_every_split_point)
{
	expect_answer(&wire_anthropic, &asked, &answers[_i]);
}
END_TEST

START_TEST(complete_means_message_stop)
{
	struct anthropic_decoder *d = anthropic_decoder_new(a, NULL);
	struct err err;

	ck_assert_int_eq(anthropic_decoder_piece(d, STR(START), &err), 0);
	ck_assert(!anthropic_decoder_answer(d)->output_began);
	ck_assert(str_is(anthropic_decoder_answer(d)->model, "claude-x"));
	ck_assert_int_eq(anthropic_decoder_piece(d, STR(SAY(0, "a") STOP("end_turn", "", "\"output_tokens\":3")), &err), 0);
	ck_assert(anthropic_decoder_answer(d)->output_began);
	ck_assert(!anthropic_decoder_is_complete(d));
	ck_assert_int_eq(anthropic_decoder_piece(d, STR(EV("message_stop", "")), &err), 0);
	ck_assert(anthropic_decoder_is_complete(d));
}
END_TEST

/* What the inner error says decides whether the same server is asked again. */
START_TEST(late_errors_are_classed_by_their_words)
{
	static const struct {
		const char *type;
		bool retryable;
	} v[] = {{"overloaded_error", true}, {"api_error", true}, {"rate_limit_error", true}, {"invalid_request_error", false}, {"authentication_error", false}};

	for (size_t i = 0; i < COUNT(v); i++) {
		struct anthropic_decoder *d = anthropic_decoder_new(a, NULL);
		struct err err;

		ck_assert_int_eq(anthropic_decoder_piece(d, STR(START SAY(0, "a")), &err), 0);
		ck_assert_int_eq(anthropic_decoder_piece(d, str_from(arena_printf(a, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"%s\","
			"\"message\":\"m\"}}\n\n", v[i].type)), &err), -1);
		ck_assert_int_eq(err.code, ERR_MODEL_STREAM_ERROR);
		ck_assert_msg(err.retryable == v[i].retryable, "%s", v[i].type);
	}
}
END_TEST

START_TEST(a_refusal_says_why)
{
	struct anthropic_decoder *d = anthropic_decoder_new(a, NULL);
	struct err err;

	ck_assert_int_eq(anthropic_decoder_piece(d, STR(START STOP("refusal", ",\"stop_details\":{\"category\":\"cyber\",\"explanation\":"
		"\"it could harm\"}", "\"output_tokens\":3") EV("message_stop", "")), &err), 0);
	ck_assert_int_eq(anthropic_decoder_end(d, &err), -1);
	ck_assert_str_eq(err.msg, "the model refused: it could harm");
}
END_TEST

START_TEST(caps)
{
	struct anthropic_decoder *d = anthropic_decoder_new(a, NULL);
	struct err err;
	int status = 0;

	expect_bounded_line(&wire_anthropic, &asked);
	for (int i = 0; i < 128; i++)
		ck_assert_int_eq(anthropic_decoder_piece(d, str_from(arena_printf(a, "data: {\"type\":\"content_block_start\",\"index\":%d,"
			"\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\"}}\n\n", i)), &err), 0);
	ck_assert_int_eq(anthropic_decoder_piece(d, STR(USE(128, "x", "f")), &err), -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
	d = anthropic_decoder_new(a, NULL);
	ck_assert_int_eq(anthropic_decoder_piece(d, STR(USE(0, "x", "f")), &err), 0);
	for (int i = 0; i < 2; i++)
		status = anthropic_decoder_piece(d, repeated("data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
			"\"input_json_delta\",\"partial_json\":\"", "x", 600000, "\"}}\n\n"), &err);
	ck_assert_int_eq(status, -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
	d = anthropic_decoder_new(a, NULL);
	for (int i = 0; i < 1024; i++)
		ck_assert_int_eq(anthropic_decoder_piece(d, STR(BLOCK(0, "{\"type\":\"text\",\"text\":\"x\"}")), &err), 0);
	ck_assert_int_eq(anthropic_decoder_piece(d, STR(BLOCK(0, "{\"type\":\"text\",\"text\":\"x\"}")), &err), -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
}
END_TEST

/* What is no echo any more is still an answer. */
START_TEST(a_long_input_of_a_document)
{
	struct anthropic_decoder *d = anthropic_decoder_new(a, NULL);
	struct err err;

	ck_assert_int_eq(anthropic_decoder_piece(d, repeated("{\"content\":[{\"type\":\"thinking\",\"signature\":\"s\",\"thinking\":\"", "x", 900000,
		"\"},"), &err), 0);
	ck_assert_int_eq(anthropic_decoder_piece(d, repeated("{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\",\"input\":{\"a\":\"", "y", 900000,
		"\"}}],\"stop_reason\":\"tool_use\"}"), &err), 0);
	ck_assert_int_eq(anthropic_decoder_end(d, &err), 0);
	ck_assert_uint_eq(anthropic_decoder_answer(d)->calls[0].args.n, 900000 + strlen("{\"a\":\"\"}"));
	ck_assert_uint_eq(anthropic_decoder_answer(d)->echo.n, 0);
}
END_TEST

/* --- what it costs --- */

/* Prices in USD per million, times 100. The bills are real ones that others got wrong. */
static const struct {
	const char *usage;
	int64_t input, write_5m, write_1h, cached, output, pusd;
} bills[] = {
	{"\"input_tokens\":3,\"cache_creation_input_tokens\":12304,\"cache_read_input_tokens\":0,\"output_tokens\":550",
	 300, 375, 600, 30, 1500, INT64_C(54399000000)},
	{"\"input_tokens\":6,\"cache_creation_input_tokens\":159217,\"output_tokens\":2745", 500, 625, 1000, 50, 2500, INT64_C(1063761250000)},
	{"\"input_tokens\":6,\"cache_creation_input_tokens\":159217,\"output_tokens\":2745,\"cache_creation\":{\"ephemeral_5m_input_tokens\":159217,"
	 "\"ephemeral_1h_input_tokens\":0}", 500, 625, 1000, 50, 2500, INT64_C(1063761250000)},
	{"\"input_tokens\":10,\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":1000,\"output_tokens\":1,\"cache_creation\":"
	 "{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":200}", 300, 375, 600, 30, 1500,
	 10 * 3000000 + 100 * 3750000 + 200 * 6000000 + 1000 * 300000 + 15000000},
	{"\"input_tokens\":10,\"output_tokens\":100,\"output_tokens_details\":{\"thinking_tokens\":90}", 300, 375, 600, 30, 1500,
	 10 * 3000000 + 100 * 15000000},
	/* the parts are less than the whole: the rest is of five minutes */
	{"\"input_tokens\":0,\"cache_creation_input_tokens\":300,\"output_tokens\":0,\"cache_creation\":{\"ephemeral_1h_input_tokens\":200}",
	 300, 375, 600, 30, 1500, 100 * 3750000 + 200 * 6000000},
};

static int64_t bill_of(const char *in, const struct price *p)
{
	const struct wire_answer *answer = decode(a, &wire_anthropic, &asked, str_from(in));
	int64_t cost;

	ck_assert(answer->has_usage && !answer->has_cost);
	ck_assert_int_eq(spend_cost(p, &answer->usage, &cost), 0);
	return cost;
}

/* Streamed and whole, told at the beginning or at the end. */
START_TEST(golden_bills)
{
	const struct price p = {.known = true, .input = bills[_i].input * 10000, .write_5m = bills[_i].write_5m * 10000,
				.write_1h = bills[_i].write_1h * 10000, .cached = bills[_i].cached * 10000, .output = bills[_i].output * 10000};
	const char *usage = bills[_i].usage;

	ck_assert_int_eq(bill_of(arena_printf(a, "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"end_turn\","
		"\"usage\":{%s}}", usage), &p), bills[_i].pusd);
	ck_assert_int_eq(bill_of(arena_printf(a, "data: {\"type\":\"message_start\",\"message\":{\"usage\":{%s}}}\n\n" SAY(0, "a")
		"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{%s}}\n\n" EV("message_stop", ""), usage, usage), &p),
		bills[_i].pusd);
	ck_assert_int_eq(bill_of(arena_printf(a, START SAY(0, "a") "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
		"\"usage\":{%s}}\n\n" EV("message_stop", ""), usage), &p), bills[_i].pusd);
}
END_TEST

/* --- refusals --- */

#define SAYS(type, message) "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"},\"request_id\":\"req_1\"}"
#define CODE(type, code) "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"m\",\"details\":{\"error_code\":\"" code "\"}}}"
#define NOW "date\nSun, 06 Nov 1994 08:49:37 GMT\n"
#define LIMIT(name, remaining, reset) "anthropic-ratelimit-" name "-limit\n50\nanthropic-ratelimit-" name "-remaining\n" remaining \
	"\nanthropic-ratelimit-" name "-reset\n" reset "\n"

static const struct refusal_case refusals[] = {
	{400, "", SAYS("invalid_request_error", "messages: field required"), ERR_MODEL_INVALID_REQUEST, 0, false},
	{400, "", SAYS("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", SAYS("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"), ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", SAYS("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), ERR_MODEL_BILLING, 0, false},
	{400, "", SAYS("invalid_request_error", "You have reached your specified API usage limits."), ERR_MODEL_BILLING, 0, false},
	{400, "", SAYS("invalid_request_error", "Output blocked by content filtering policy"), ERR_MODEL_CONTENT_BLOCKED, 0, false},
	{401, "", SAYS("authentication_error", "invalid x-api-key"), ERR_MODEL_AUTH, 0, false},
	{402, "", SAYS("billing_error", "m"), ERR_MODEL_BILLING, 0, false},
	{403, "", SAYS("permission_error", "m"), ERR_MODEL_AUTH, 0, false},
	{403, "", CODE("permission_error", "organization_on_hold"), ERR_MODEL_AUTH, 0, false},
	{404, "", SAYS("not_found_error", "model: claude-none"), ERR_MODEL_NOT_FOUND, 0, false},
	{409, "", SAYS("conflict_error", "m"), ERR_MODEL_SERVER_ERROR, 0, true},
	{413, "", SAYS("request_too_large", "Request exceeds the maximum size"), ERR_MODEL_INVALID_REQUEST, 0, false},
	{413, "", "<html>cloudflare", ERR_MODEL_INVALID_REQUEST, 0, false},
	{429, "", SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "retry-after\n2\n", SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 2000, true},
	{429, "retry-after\n9\nretry-after-ms\n250.5\n", SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 251, true},
	{429, NOW "retry-after\nSun, 06 Nov 1994 08:49:40 GMT\n", SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 3000, true},
	{429, NOW LIMIT("requests", "7", "1994-11-06T09:00:00Z") LIMIT("tokens", "0", "1994-11-06T08:50:07Z") LIMIT("output-tokens", "0",
	 "1994-11-06T08:49:38Z"), SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 30000, true},
	{429, NOW "retry-after\n4\n" LIMIT("tokens", "0", "1994-11-06T08:50:07Z"), SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 4000, true},
	{429, LIMIT("input-tokens", "0", "1994-11-06T08:50:07Z"), SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, NOW LIMIT("input-tokens", "0", "soon"), SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, NOW LIMIT("input-tokens", "0", "1994-11-06T08:49:00Z"), SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "", CODE("rate_limit_error", "ramp_limit_exceeded"), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "", CODE("rate_limit_error", "enforced_spend_limit_reached"), ERR_MODEL_BILLING, 0, false},
	{400, "", CODE("billing_error", "contract_spend_limit_reached"), ERR_MODEL_BILLING, 0, false},
	{429, "x-should-retry\nfalse\n", SAYS("rate_limit_error", "m"), ERR_MODEL_RATE_LIMITED, 0, false},
	{400, "x-should-retry\ntrue\n", SAYS("invalid_request_error", "m"), ERR_MODEL_INVALID_REQUEST, 0, true},
	{500, "", SAYS("api_error", "Internal server error"), ERR_MODEL_SERVER_ERROR, 0, true},
	{502, "", "<html>Bad Gateway", ERR_MODEL_SERVER_ERROR, 0, true},
	{504, "", SAYS("timeout_error", "m"), ERR_MODEL_TIMEOUT, 0, true},
	{529, NOW LIMIT("tokens", "0", "1994-11-06T08:50:07Z"), SAYS("overloaded_error", "Overloaded"), ERR_MODEL_OVERLOADED, 0, true},
	{529, "retry-after\n3\n", "", ERR_MODEL_OVERLOADED, 3000, true},
	{301, "", "", ERR_MODEL_NOT_FOUND, 0, false},
};

START_TEST(classification)
{
	expect_refusal(&wire_anthropic, &refusals[_i]);
}
END_TEST

/* --- what is asked --- */

#define ASKS(t) {.role = ROLE_USER, .text = {t, sizeof(t) - 1}}
#define SAID(t) {.role = ROLE_ASSISTANT, .text = {t, sizeof(t) - 1}}
#define SYSTEM(t) {.role = ROLE_SYSTEM, .text = {t, sizeof(t) - 1}}
#define CALLS(t, v) {.role = ROLE_ASSISTANT, .text = {t, sizeof(t) - 1}, .calls = v, .n_calls = COUNT(v)}
#define RESULT(id, t) {.role = ROLE_TOOL, .call_id = {id, sizeof(id) - 1}, .text = {t, sizeof(t) - 1}}
#define CALL(id, n, a) {{id, sizeof(id) - 1}, {n, sizeof(n) - 1}, {a, sizeof(a) - 1}}


static struct wire_request about(const struct message *m, size_t n)
{
	static const struct endpoint e = {.provider = &provider, .base_url = "https://a.example", .key = "k"};

	return (struct wire_request){.endpoint = &e, .model = &model, .messages = m, .n_messages = n, .temperature = -1};
}

static const struct json *written(const struct wire_request *req)
{
	return parse(str_cstr(a, anthropic_question(a, req)));
}

static void expect(const struct json *question, const char *key, const char *text)
{
	struct str is = json_text(a, json_getc(question, key));

	ck_assert_msg(str_is(is, text), "%s: " STR_FMT, key, STR_ARG(is));
}

static const struct tool_call two[] = {CALL("toolu_1", "f", "{\"a\":1}"), CALL("call.2|x", "web.g!", "oops")};
static const struct tool_call one[] = {CALL("toolu_1", "f", "")};

#define T(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define U(id, name, input) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":" input "}"
#define USER_TURN(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"
#define ASSISTANT_TURN(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"

static const struct {
	const char *what;
	struct message m[6];
	size_t n;
	const char *system, *messages;		/* system: NULL: none */
} talks[] = {
	{"one question", {SYSTEM("be"), ASKS("q")}, 2, "\"be\"", "[" USER_TURN(T("q")) "]"},
	{"no system", {ASKS("q")}, 1, NULL, "[" USER_TURN(T("q")) "]"},
	{"systems are hoisted", {SYSTEM("a"), ASKS("q"), SYSTEM(" "), SAID("r"), SYSTEM("b"), ASKS("s")}, 6, "\"a\\n\\nb\"",
	 "[" USER_TURN(T("q")) "," ASSISTANT_TURN(T("r")) "," USER_TURN(T("s")) "]"},
	{"neighbours are one turn", {ASKS("q"), ASKS("r"), SAID("s"), SAID("t"), ASKS("u")}, 5, NULL,
	 "[" USER_TURN(T("q") "," T("r")) "," ASSISTANT_TURN(T("s") "," T("t")) "," USER_TURN(T("u")) "]"},
	{"blank texts are left out", {ASKS("q"), SAID(" \n"), ASKS("r"), ASKS("")}, 4, NULL, "[" USER_TURN(T("q") "," T("r")) "]"},
	{"nothing is something", {SYSTEM("a"), ASKS("")}, 2, "\"a\"", "[" USER_TURN(T("(Nothing was asked.)")) "]"},
	{"the user speaks first", {SAID("a"), ASKS("b")}, 2, NULL, "[" USER_TURN(T("(What was asked is left out.)")) "," ASSISTANT_TURN(T("a")) ","
	 USER_TURN(T("b")) "]"},
	{"results come first in one turn", {ASKS("q"), CALLS("", one), RESULT("toolu_1", "x"), ASKS("and")}, 4, NULL,
	 "[" USER_TURN(T("q")) "," ASSISTANT_TURN(U("toolu_1", "f", "{}")) "," USER_TURN("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\","
	 "\"content\":\"x\"}," T("and")) "]"},
	{"an id that was used before becomes another", {ASKS("q"), CALLS("", one), RESULT("toolu_1", ""), CALLS("l", one), RESULT("toolu_1", "y")}, 5,
	 NULL, "[" USER_TURN(T("q")) "," ASSISTANT_TURN(U("toolu_1", "f", "{}")) "," USER_TURN("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\"}")
	 "," ASSISTANT_TURN(T("l") "," U("NEW", "f", "{}")) "," USER_TURN("{\"type\":\"tool_result\",\"tool_use_id\":\"NEW\",\"content\":\"y\"}") "]"},
};

/* An id that was made of another, as NEW. */
static const char *rename_ids(const char *text)
{
	struct buf b;
	const char *at;

	buf_init(&b, a);
	while ((at = strstr(text, "\"call_"))) {
		buf_add(&b, text, (size_t)(at - text));
		buf_adds(&b, "\"NEW\"");
		ck_assert(at[38] == '"');
		text = at + 39;
	}
	buf_adds(&b, text);
	return buf_cstr(&b);
}

START_TEST(conversations)
{
	struct wire_request req = about(talks[_i].m, talks[_i].n);
	const struct json *v = written(&req);
	const char *messages = rename_ids(str_cstr(a, json_text(a, json_getc(v, "messages"))));

	ck_assert_msg(strcmp(messages, talks[_i].messages) == 0, "%s: %s", talks[_i].what, messages);
	if (talks[_i].system)
		expect(v, "system", talks[_i].system);
	else
		ck_assert_ptr_null(json_getc(v, "system"));
}
END_TEST

/* The id of a call is the same where the call and where its result stands, and fits the pattern. */
START_TEST(ids_and_arguments_of_others)
{
	struct message m[] = {ASKS("q"), CALLS("", two), RESULT("call.2|x", "boom"), RESULT("toolu_1", "ok")};
	struct wire_request req = about(m, 4);
	const struct json *messages, *calls, *results;
	struct str id;

	m[2].is_error = true;
	messages = json_getc(written(&req), "messages");
	calls = json_getc(json_at(messages, 1), "content");
	results = json_getc(json_at(messages, 2), "content");
	id = json_str(json_getc(json_at(calls, 1), "id"));
	ck_assert_uint_eq(id.n, 37);
	ck_assert(str_eq(id, json_str(json_getc(json_at(results, 0), "tool_use_id"))));
	ck_assert(json_is_true(json_getc(json_at(results, 0), "is_error")));
	ck_assert_ptr_null(json_getc(json_at(results, 1), "is_error"));
	expect(json_at(calls, 1), "name", "\"web_g_\"");
	expect(json_at(calls, 1), "input", "{\"invalid_arguments\":\"oops\"}");
}
END_TEST

START_TEST(limits_tools_and_temperature)
{
	const struct message m[] = {ASKS("q")};
	const struct model_tool tools[] = {{.name = STR("kb_read"), .description = STR("reads"), .args = parse("{\"type\":\"object\",\"x\":1}")},
					   {.name = STR("now")}};
	struct wire_request req = about(m, 1);
	const struct json *v = written(&req);

	expect(v, "max_tokens", "4096");
	expect(v, "stream", "true");
	expect(v, "model", "\"id\"");
	ck_assert(!json_getc(v, "tools") && !json_getc(v, "temperature") && !json_getc(v, "output_config"));
	req.tools = tools;
	req.n_tools = 2;
	req.max_output = 77;
	req.temperature = 0.5;
	v = written(&req);
	expect(v, "max_tokens", "77");
	expect(v, "temperature", "0.5");
	expect(v, "tools", "[{\"name\":\"kb_read\",\"description\":\"reads\",\"input_schema\":{\"type\":\"object\",\"x\":1}},"
	       "{\"name\":\"now\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]");
	req.temperature = 1.5;
	expect(written(&req), "temperature", "1");
}
END_TEST

START_TEST(headers_and_address)
{
	static const struct {
		const char *base, *url;
	} v[] = {{"https://a.example", "https://a.example/v1/messages"}, {"https://a.example/v1", "https://a.example/v1/messages"},
		 {"http://127.0.0.1:1/x", "http://127.0.0.1:1/x/v1/messages"}};
	const struct message m[] = {ASKS("q")};
	struct wire_request req = about(m, 1);
	struct endpoint e = *req.endpoint;
	struct http_request http = {0};
	struct err err;
	int found = 0;

	req.endpoint = &e;
	for (size_t i = 0; i < COUNT(v); i++) {
		e.base_url = v[i].base;
		ck_assert_int_eq(wire_anthropic.request(a, &req, &http, &err), 0);
		ck_assert_str_eq(http.url, v[i].url);
	}
	for (size_t i = 0; i < http.n_headers; i++) {
		found += str_is(http.headers[i].name, "x-api-key") && str_is(http.headers[i].value, "k");
		found += str_is(http.headers[i].name, "anthropic-version") && str_is(http.headers[i].value, "2023-06-01");
		ck_assert(!str_is(http.headers[i].name, "Authorization"));
	}
	ck_assert_int_eq(found, 2);
	e.key = NULL;
	ck_assert_int_eq(wire_anthropic.request(a, &req, &http, &err), 0);
	for (size_t i = 0; i < http.n_headers; i++)
		ck_assert(!str_is(http.headers[i].name, "x-api-key"));
}
END_TEST

/* --- schemas --- */

#define OBJ(p, r) "{\"type\":\"object\",\"properties\":{" p "},\"required\":[" r "]"

static const struct {
	const char *in, *out;		/* NULL: told in words */
} schemas[] = {
	{OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") "}", OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"additionalProperties\":false}"},
	{OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"additionalProperties\":false,\"$schema\":\"x\"}",
	 OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"additionalProperties\":false}"},
	{"{\"type\":\"integer\",\"minimum\":1,\"description\":\"n\",\"maximum\":9}",
	 "{\"type\":\"integer\",\"description\":\"n\\n\\n{\\\"minimum\\\":1,\\\"maximum\\\":9}\"}"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"date\"},\"minItems\":1}",
	 "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"date\"},\"minItems\":1}"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"color\"},\"minItems\":2}",
	 "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"description\":\"{\\\"format\\\":\\\"color\\\"}\"},\"description\":\"{\\\"minItems\\\":2}\"}"},
	{"{\"oneOf\":[{\"type\":\"string\"},{\"const\":null}]}", "{\"anyOf\":[{\"type\":\"string\"},{\"const\":null}]}"},
	{"{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}", "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}"},
	{"{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/x\"},\"$defs\":{\"x\":" OBJ("\"a\":{\"type\":\"null\"}", "") "}}}",
	 "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/x\"},\"$defs\":{\"x\":" OBJ("\"a\":{\"type\":\"null\"}", "") ",\"additionalProperties\":false}}}"},
	{"true", NULL},
	{"{}", NULL},
	{"{\"type\":\"object\"}", NULL},
	{OBJ("", "") "}", NULL},
	{OBJ("\"a\":{\"type\":\"string\"}", "\"b\"") "}", NULL},
	{OBJ("\"a\":{}", "\"a\"") "}", NULL},
	{OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"additionalProperties\":true}", NULL},
	{OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"additionalProperties\":{\"type\":\"string\"}}", NULL},
	{OBJ("\"a\":{\"type\":\"string\"}", "\"a\"") ",\"patternProperties\":{\"x\":{\"type\":\"string\"}}}", NULL},
	{"{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"}]}", NULL},
	{"{\"type\":\"array\",\"items\":true}", NULL},
	{"{\"type\":\"date\"}", NULL},
	{"{\"enum\":[{\"a\":1}]}", NULL},
	{"{\"enum\":[]}", NULL},
	{"{\"anyOf\":[]}", NULL},
	{"{\"allOf\":[{\"$ref\":\"#/$defs/x\"}],\"$defs\":{\"x\":{\"type\":\"null\"}}}", NULL},
	{"{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}", NULL},
	{"{\"type\":\"array\",\"items\":{\"$ref\":\"https://x.example/y\"}}", NULL},
	{"{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/none\"},\"$defs\":{}}", NULL},
	{"{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/x\"},\"$defs\":{\"x\":" OBJ("\"a\":{\"$ref\":\"#/$defs/x\"}", "") "}}}", NULL},
};

START_TEST(schemas_as_they_are_taken)
{
	const struct json *out = anthropic_schema(a, parse(schemas[_i].in));

	ck_assert_msg((out != NULL) == (schemas[_i].out != NULL), "%s", schemas[_i].in);
	if (out)
		ck_assert_msg(str_is(json_text(a, out), schemas[_i].out), STR_FMT, STR_ARG(json_text(a, out)));
}
END_TEST

static const struct json *of_properties(int n, const char *each)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"type\":\"object\",\"properties\":{");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s\"p%d\":%s", i ? "," : "", i, each);
	buf_adds(&b, "}}");
	return parse(buf_cstr(&b));
}

START_TEST(schemas_that_would_be_too_complex)
{
	ck_assert_ptr_nonnull(anthropic_schema(a, of_properties(24, "{\"type\":\"null\"}")));
	ck_assert_ptr_null(anthropic_schema(a, of_properties(25, "{\"type\":\"null\"}")));
	ck_assert_ptr_nonnull(anthropic_schema(a, of_properties(16, "{\"type\":[\"null\",\"string\"]}")));
	ck_assert_ptr_null(anthropic_schema(a, of_properties(17, "{\"type\":[\"null\",\"string\"]}")));
}
END_TEST

START_TEST(a_schema_is_sent_or_told)
{
	const struct message m[] = {SYSTEM("be"), ASKS("q")};
	struct model unable = model;
	struct wire_request req = about(m, 2);
	const struct json *v;

	req.output = parse("{\"type\":\"string\"}");
	v = written(&req);
	expect(v, "output_config", "{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"string\"}}}");
	expect(v, "system", "\"be\"");
	unable.can = 0;
	req.model = &unable;
	v = written(&req);
	ck_assert_ptr_null(json_getc(v, "output_config"));
	ck_assert(str_ends(json_str(json_getc(v, "system")), STR(":\n{\"type\":\"string\"}\n\nbe")));
	req.model = &model;
	req.output = parse("{\"type\":\"object\"}");
	v = written(&req);
	ck_assert_ptr_null(json_getc(v, "output_config"));
	ck_assert(str_ends(json_str(json_getc(v, "system")), STR(":\n{\"type\":\"object\"}\n\nbe")));
}
END_TEST

/* --- what goes back with a turn --- */

/* Thinking before, between and behind; a redacted one; a block of a kind that is not known. */
static const char thoughtful[] = START THINK(0, "I \\u00fc\\n\\\"th", "Sig/na+ture==") BLOCK(1, "{\"type\":\"redacted_thinking\",\"data\":\"Em0/KA==\"}") CLOSE(1)
	SAY(2, "I look.") THINK(3, "more", "S2") BLOCK(4, "{\"type\":\"fallback\",\"from\":{\"model\":\"x\"}}") CLOSE(4)
	USE(5, "toolu_1", "f") JSON(5, "{\\\"a\\\":1}") CLOSE(5) THINK(6, "cut", "") USE(7, "toolu_2", "g") CLOSE(7) END("tool_use");

#define BACK_FIRST "{\"type\":\"thinking\",\"thinking\":\"I \xC3\xBC\\n\\\"th\",\"signature\":\"Sig/na+ture==\"},{\"type\":\"redacted_thinking\",\"data\":\"Em0/KA==\"}"
#define BACK_SECOND "{\"type\":\"thinking\",\"thinking\":\"more\",\"signature\":\"S2\"},{\"type\":\"fallback\",\"from\":{\"model\":\"x\"}}"
#define BACK_CALLS U("toolu_1", "f", "{\"a\":1}") "," U("toolu_2", "g", "{}")

static const struct wire_answer *decoded(const char *text, const struct model *m)
{
	const struct wire_request req = {.model = m};

	return decode(a, &wire_anthropic, &req, str_from(text));
}

static const char *turn_of(const struct wire_answer *answer, struct str text, size_t n_calls)
{
	const struct message m[] = {ASKS("q"), {.role = ROLE_ASSISTANT, .text = text, .calls = answer->calls, .n_calls = n_calls, .echo = answer->echo},
				    RESULT("toolu_1", "1"), RESULT("toolu_2", "2")};
	struct wire_request req = about(m, 4);

	return str_cstr(a, json_text(a, json_getc(json_at(json_getc(written(&req), "messages"), 1), "content")));
}

START_TEST(thinking_goes_back_as_it_came)
{
	const struct wire_answer *answer = decoded(thoughtful, &model);

	ck_assert_str_eq(turn_of(answer, answer->text, 2), "[" BACK_FIRST "," T("I look.") "," BACK_SECOND "," BACK_CALLS "]");
	/* the text was masked, or a call is gone: the order is not known, but what is theirs is */
	ck_assert_str_eq(turn_of(answer, STR("***"), 2), "[" BACK_FIRST "," BACK_SECOND "," T("***") "," BACK_CALLS "]");
	ck_assert_str_eq(turn_of(answer, answer->text, 1), "[" BACK_FIRST "," BACK_SECOND "," T("I look.") "," U("toolu_1", "f", "{\"a\":1}") "]");
}
END_TEST

START_TEST(thinking_goes_to_no_other_model)
{
	struct model other = model;

	other.id = STR("other");
	ck_assert_str_eq(turn_of(decoded(thoughtful, &other), STR("I look."), 2), "[" T("I look.") "," BACK_CALLS "]");
	ck_assert_uint_eq(decoded(thoughtful, NULL)->echo.n, 0);
}
END_TEST

START_TEST(no_thinking_no_echo)
{
	struct wire_answer broken = *decoded(thoughtful, &model);
	struct buf b;

	ck_assert_uint_eq(decoded(START SAY(0, "a") USE(1, "x", "f") CLOSE(1) END("tool_use"), &model)->echo.n, 0);
	/* pieces of a block that nobody knows cannot be joined; without a signature thinking is refused */
	ck_assert_uint_eq(decoded(START BLOCK(0, "{\"type\":\"odd\"}") DELTA(0, "\"odd_delta\",\"x\":1") THINK(1, "a", "") SAY(2, "a") END("end_turn"), &model)->echo.n, 0);
	broken.echo = STR("{\"model\":\"p/id\",\"blocks\":7}");
	ck_assert_str_eq(turn_of(&broken, STR("t"), 2), "[" T("t") "," BACK_CALLS "]");
	broken.echo = STR("{\"model\":\"p/id\",\"blocks\":[{\"text\":-5},{\"call\":9},{\"text\":6}]}");
	ck_assert_str_eq(turn_of(&broken, STR("t"), 2), "[" T("t") "," BACK_CALLS "]");
	/* one over its bound is dropped, the answer stands */
	buf_init(&b, a);
	buf_adds(&b, START BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"s\"}"));
	for (int i = 0; i < 20; i++)
		buf_addstr(&b, repeated("data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"", "x", 60000,
					"\"}}\n\n"));
	buf_adds(&b, SAY(1, "a") END("end_turn"));
	ck_assert_uint_eq(decoded(buf_cstr(&b), &model)->echo.n, 0);
}
END_TEST

/* Documents have echoes, too. */
START_TEST(thinking_of_a_document)
{
	const struct wire_answer *answer = decoded("{\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},{\"type\":\"text\",\"text\":\"a\"},"
		"{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"g\",\"input\":{}}],"
		"\"stop_reason\":\"tool_use\"}", &model);

	ck_assert_str_eq(turn_of(answer, answer->text, 2), "[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}," T("a") "," BACK_CALLS "]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("anthropic");
	TCase *t = tcase_create("anthropic");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, answers_at_every_split_point, 0, COUNT(answers));
	tcase_add_test(t, complete_means_message_stop);
	tcase_add_test(t, late_errors_are_classed_by_their_words);
	tcase_add_test(t, a_refusal_says_why);
	tcase_add_test(t, caps);
	tcase_add_test(t, a_long_input_of_a_document);
	tcase_add_loop_test(t, golden_bills, 0, COUNT(bills));
	tcase_add_loop_test(t, classification, 0, COUNT(refusals));
	tcase_add_loop_test(t, conversations, 0, COUNT(talks));
	tcase_add_test(t, ids_and_arguments_of_others);
	tcase_add_test(t, limits_tools_and_temperature);
	tcase_add_test(t, headers_and_address);
	tcase_add_loop_test(t, schemas_as_they_are_taken, 0, COUNT(schemas));
	tcase_add_test(t, schemas_that_would_be_too_complex);
	tcase_add_test(t, a_schema_is_sent_or_told);
	tcase_add_test(t, thinking_goes_back_as_it_came);
	tcase_add_test(t, thinking_goes_to_no_other_model);
	tcase_add_test(t, no_thinking_no_echo);
	tcase_add_test(t, thinking_of_a_document);
	suite_add_tcase(s, t);
	return suite_run(s);
}
