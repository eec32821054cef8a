/* openai.c - what servers send with a 200, however it is cut, and what their refusals mean. */
#include "gateway/openai_answer.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/refusal.h"
#include "gateway/retry_hint.h"
#include "decoder.h"
#include "../suite_run.h"
#include "../test_arena.h"

/* --- answers --- */

#define D "data: "
#define E "\n\n"
#define DELTA(d) D "{\"choices\":[{\"index\":0,\"delta\":" d ",\"finish_reason\":null}],\"usage\":null}" E
#define TEXT(t) DELTA("{\"content\":\"" t "\"}")
#define FINISH(f) D "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" f "\"}]}" E
#define USAGE(p, c) D "{\"choices\":[],\"usage\":{\"prompt_tokens\":" p ",\"completion_tokens\":" c "}}" E
#define DONE D "[DONE]" E
#define CALL(fragments) DELTA("{\"content\":null,\"tool_calls\":[" fragments "]}")

static const struct answer_case answers[] = {
	{"plain", TEXT("Hel") TEXT("lo") FINISH("stop") USAGE("12", "3") DONE, ERR_NONE, "Hello", "stop", "", 12, 3, 0, 0},
	{"role in every chunk", DELTA("{\"role\":\"assistant\",\"content\":\"\"}") DELTA("{\"role\":\"assistant\",\"content\":\"a\"}")
	 FINISH("stop") DONE, ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"content null, choices absent", D "{\"id\":\"x\"}" E DELTA("{\"content\":null}") TEXT("a") FINISH("stop") DONE,
	 ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"finish without done", TEXT("a") FINISH("stop"), ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"done without finish", TEXT("a") DONE, ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"cut", TEXT("a"), ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"cut inside the last event", TEXT("a") D "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
	 ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"spaces before done", TEXT("a") FINISH("stop") D "   [DONE]  " E, ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"usage in the finish chunk", TEXT("a") D "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
	 "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}" E DONE, ERR_NONE, "a", "stop", "", 5, 1, 0, 0},
	{"the last usage counts", TEXT("a") USAGE("1", "1") FINISH("stop") USAGE("7", "2") DONE, ERR_NONE, "a", "stop", "", 7, 2, 0, 0},
	{"other choices", D "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},{\"index\":0,\"delta\":{\"content\":\"yes\"}}]}" E
	 FINISH("stop"), ERR_NONE, "yes", "stop", "", -1, -1, 0, 0},
	{"length", TEXT("a") FINISH("length") DONE, ERR_NONE, "a", "length", "", -1, -1, 0, 0},
	{"length without text", FINISH("length") DONE, ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, -1, -1, 0, 0},
	{"unknown finish with text", TEXT("a") FINISH("end_turn") DONE, ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"unknown finish without text", FINISH("abort") DONE, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"finish error", TEXT("a") FINISH("error") DONE, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"empty", FINISH("stop") USAGE("5", "0") DONE, ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 5, 0, 0, 0},
	{"filter", TEXT("a") FINISH("content_filter") DONE, ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"refusal", DELTA("{\"refusal\":\"I \"}") DELTA("{\"refusal\":\"won't\"}") FINISH("stop") DONE, ERR_MODEL_CONTENT_BLOCKED,
	 NULL, NULL, NULL, -1, -1, 0, 0},
	{"native finish tells the truth", D "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\","
	 "\"native_finish_reason\":\"network_error\"}]}" E DONE, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"broken event", TEXT("a") D "{\"choices\":[{" E TEXT("b") FINISH("stop") DONE, ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"event is no object", D "42" E, ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error event late", TEXT("a") D "{\"error\":{\"message\":\"died\",\"code\":500}}" E, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL,
	 -1, -1, 0, 0},
	{"error event first", D "{\"error\":{\"message\":\"slow\",\"code\":429}}" E, ERR_MODEL_RATE_LIMITED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error event without words", D "{\"error\":{\"message\":\"died\"}}" E, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error as text", D "{\"error\":\"died\"}" E, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"error null is none", D "{\"error\":null,\"choices\":[]}" E TEXT("a") FINISH("stop"), ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"nul and lone surrogate", TEXT("a\\u0000b\\ud83dc") FINISH("stop") DONE, ERR_NONE, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c", "stop",
	 "", -1, -1, 0, 0},
	{"content parts", DELTA("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}") FINISH("stop"),
	 ERR_NONE, "ab", "stop", "", -1, -1, 0, 0},
	{"BOM, comments, crlf", "\xEF\xBB\xBF: hi\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\r\n\r\n",
	 ERR_NONE, "a", "stop", "", -1, -1, 0, 0},

	{"two calls interleaved",
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
	 CALL("{\"index\":1,\"id\":\"y\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"b\\\":\"}}")
	 CALL("{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}")
	 CALL("{\"index\":1,\"function\":{\"arguments\":\"2}\"}}") FINISH("tool_calls") DONE,
	 ERR_NONE, "", "tool_calls", "f({\"a\":1}) x g({\"b\":2}) y ", -1, -1, 0, 0},
	{"no index: a new id begins a call",
	 CALL("{\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}") CALL("{\"function\":{\"arguments\":\"}\"}}")
	 CALL("{\"id\":\"y\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}") FINISH("stop") DONE,
	 ERR_NONE, "", "tool_calls", "f({}) x g({}) y ", -1, -1, 0, 0},
	{"repeated empty id and name, no arguments",
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
	 CALL("{\"index\":0,\"id\":\"\",\"function\":{\"name\":null,\"arguments\":\"\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x ", -1, -1, 0, 0},
	{"repeated full id and name",
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x ", -1, -1, 0, 0},
	{"arguments as an object, no id", CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":{\"n\":1}}}") FINISH("stop"),
	 ERR_NONE, "", "tool_calls", "f({\"n\":1}) MADE ", -1, -1, 0, 0},
	{"arguments that are not JSON stay", CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{oops\"}}")
	 FINISH("tool_calls"), ERR_NONE, "", "tool_calls", "f({oops) x ", -1, -1, 0, 0},
	{"gaps in the index, the order of coming stays",
	 CALL("{\"index\":5,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
	 CALL("{\"index\":2,\"id\":\"y\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
	 CALL("{\"index\":5,\"function\":{\"arguments\":\"}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x g({}) y ", -1, -1, 0, 0},
	{"parallel calls that all have index 0",
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
	 CALL("{\"index\":0,\"function\":{\"arguments\":\"}\"}}")
	 CALL("{\"index\":0,\"id\":\"y\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}}")
	 CALL("{\"index\":0,\"function\":{\"arguments\":\"2}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x f({\"a\":2}) y ", -1, -1, 0, 0},
	{"parallel calls without index and id",
	 CALL("{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"}\\\"}\"}}")
	 CALL("{\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({\"a\":\"}\"}) MADE g({}) MADE ", -1, -1, 0, 0},
	{"the name repeated within a call that has no id",
	 CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"}\"}}")
	 CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"\\\"}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({\"a\":\"}\"}) MADE ", -1, -1, 0, 0},
	{"a quoted quote before a brace does not end the arguments",
	 CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"\\\\\\\"}\"}}")
	 CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"\\\"}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({\"a\":\"\\\"}\"}) MADE ", -1, -1, 0, 0},
	{"another id in each fragment, the name once",
	 CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
	 CALL("{\"index\":0,\"id\":\"y\",\"function\":{\"arguments\":\"}\"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x ", -1, -1, 0, 0},
	{"one id for two calls", CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\"}},"
	 "{\"index\":1,\"id\":\"x\",\"function\":{\"name\":\"g\",\"arguments\":\" \"}}") FINISH("tool_calls"),
	 ERR_NONE, "", "tool_calls", "f({}) x g({}) MADE ", -1, -1, 0, 0},
	{"text and calls", TEXT("I look.") CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
	 FINISH("tool_calls"), ERR_NONE, "I look.", "tool_calls", "f({}) x ", -1, -1, 0, 0},
	{"a list of calls that is none", DELTA("{\"content\":\"a\",\"tool_calls\":null}") DELTA("{\"tool_calls\":{\"0\":1}}") FINISH("stop"),
	 ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"calls that the filter stopped", CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\"}}") FINISH("content_filter"),
	 ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"a call without a name", CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"arguments\":\"{}\"}}") FINISH("tool_calls"),
	 ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, -1, -1, 0, 0},

	{"document", "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\","
	 "\"refusal\":null},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}",
	 ERR_NONE, "a", "stop", "", 4, 1, 0, 0},
	{"document in an array, white space", " \n[{\"choices\":[{\"message\":{\"content\":\"a\"}}]}]\n", ERR_NONE, "a", "stop", "", -1, -1, 0, 0},
	{"document with a call", "{\"choices\":[{\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"x\",\"function\":{\"name\":\"f\","
	 "\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}", ERR_NONE, "", "tool_calls", "f({}) x ", -1, -1, 0, 0},
	{"document with an error alone", "{\"error\":{\"message\":\"no\",\"code\":503}}", ERR_MODEL_OVERLOADED, NULL, NULL, NULL, -1, -1, 0, 0},
	{"document with an error in the choice", "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"half\"},\"finish_reason\":\"error\","
	 "\"error\":{\"code\":502,\"message\":\"died\"}}],\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":null}}",
	 ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"document without choices", "{\"ok\":true}", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"half a document", "{\"choices\":[", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"page", "<!doctype html><p>hi", ERR_MODEL_SERVER_ERROR, NULL, NULL, NULL, -1, -1, 0, 0},
	{"text", "upstream connect error", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, -1, 0, 0},
	{"nothing", "", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
	{"white space", " \n \n", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, -1, 0, 0},
};

static const struct provider provider = {.name = {"p", 1}};
static const struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider};
static const struct endpoint endpoint = {.provider = &provider};
static const struct wire_request asked = {.endpoint = &endpoint, .model = &model};

START_TEST(answers_at_every_split_point)
{
	expect_answer(&wire_openai, &asked, &answers[_i]);
}
END_TEST

START_TEST(complete_means_both_marks)
{
	struct openai_decoder *d = openai_decoder_new(a, NULL, false);
	struct err err;

	ck_assert(!openai_decoder_is_complete(d));
	ck_assert_int_eq(openai_decoder_piece(d, STR(TEXT("a") FINISH("stop")), &err), 0);
	ck_assert(!openai_decoder_is_complete(d));
	ck_assert_int_eq(openai_decoder_piece(d, STR(DONE), &err), 0);
	ck_assert(openai_decoder_is_complete(d));
}
END_TEST

START_TEST(names_and_charges)
{
	static const char in[] = D "{\"id\":\"gen-1\",\"model\":\"really/this\",\"choices\":[{\"delta\":{\"content\":\"a\"},"
		"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":0.5}}" E;

	for (int trust = 0; trust < 2; trust++) {
		struct openai_decoder *d = openai_decoder_new(a, NULL, trust);
		const struct wire_answer *answer;
		struct err err;

		ck_assert_int_eq(openai_decoder_piece(d, STR(in), &err), 0);
		answer = openai_decoder_answer(d);
		ck_assert(str_is(answer->model, "really/this"));
		ck_assert(str_is(answer->request_id, "gen-1"));
		ck_assert_int_eq(answer->has_cost, trust);
		ck_assert_int_eq(answer->cost_pusd, trust ? INT64_C(500000000000) : 0);
	}
}
END_TEST

START_TEST(caps)
{
	struct openai_decoder *d = openai_decoder_new(a, NULL, false);
	struct err err;

	expect_bounded_line(&wire_openai, &asked);
	for (int i = 0; i < 128; i++)
		ck_assert_int_eq(openai_decoder_piece(d, str_from(arena_printf(a, D "{\"choices\":[{\"delta\":{\"tool_calls\":"
			"[{\"index\":%d,\"function\":{\"name\":\"f\"}}]}}]}" E, i)), &err), 0);
	ck_assert_int_eq(openai_decoder_piece(d, STR(CALL("{\"index\":128,\"function\":{\"name\":\"f\"}}")), &err), -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
}
END_TEST

/* --- refusals --- */

#define GOOGLE(message, details) "[{\"error\":{\"code\":429,\"message\":\"" message "\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[" details "]}}]"
#define QUOTA(id) "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":\"x\"},{\"quotaId\":\"" id "\"}]}"
#define DELAY(s) "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" s "\"}"

static const struct refusal_case refusals[] = {
	{400, "", "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}", ERR_MODEL_INVALID_REQUEST, 0, false},
	{400, "", "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}", ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\"}}", ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}}", ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low\"}}", ERR_MODEL_BILLING, 0, false},
	{400, "", "{\"error\":{\"message\":\"unsupported\",\"code\":\"unsupported_parameter\"}}", ERR_MODEL_INVALID_REQUEST, 0, false},
	{400, "", "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"message\":\"API key not valid\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}", ERR_MODEL_AUTH, 0, false},
	{400, "", "{\"error\":{\"code\":400,\"status\":\"FAILED_PRECONDITION\",\"message\":\"enable billing\"}}", ERR_MODEL_BILLING, 0, false},
	{400, "", "{\"error\":{\"code\":400,\"message\":\"{\\\"error\\\":{\\\"status\\\":\\\"UNAVAILABLE\\\",\\\"message\\\":\\\"x\\\"}}\"}}", ERR_MODEL_OVERLOADED, 0, true},
	{401, "", "{\"error\":{\"message\":\"Incorrect API key provided\",\"code\":\"invalid_api_key\"}}", ERR_MODEL_AUTH, 0, false},
	{401, "", "no JSON", ERR_MODEL_AUTH, 0, false},
	{402, "", "{\"error\":{\"code\":402,\"message\":\"m\"}}", ERR_MODEL_BILLING, 0, false},
	{402, "retry-after\n1\n", "{\"error\":{\"code\":402,\"metadata\":{\"limit_source\":\"openrouter_in_flight_budget\"}}}", ERR_MODEL_RATE_LIMITED, 1000, true},
	{402, "", "{\"error\":{\"code\":402,\"metadata\":{\"limit_source\":\"openrouter_in_flight_budget\"}}}", ERR_MODEL_BILLING, 0, false},
	{403, "", "{\"error\":{\"message\":\"country\"}}", ERR_MODEL_AUTH, 0, false},
	{403, "", "{\"error\":{\"code\":403,\"metadata\":{\"reasons\":[\"x\"]}}}", ERR_MODEL_CONTENT_BLOCKED, 0, false},
	{404, "", "{\"error\":{\"code\":\"model_not_found\"}}", ERR_MODEL_NOT_FOUND, 0, false},
	{404, "", "<html>", ERR_MODEL_NOT_FOUND, 0, false},
	{301, "", "", ERR_MODEL_NOT_FOUND, 0, false},
	{408, "", "", ERR_MODEL_TIMEOUT, 0, true},
	{409, "", "", ERR_MODEL_SERVER_ERROR, 0, true},
	{413, "", "<html>cloud", ERR_MODEL_INVALID_REQUEST, 0, false},
	{422, "", "{}", ERR_MODEL_INVALID_REQUEST, 0, false},
	{429, "", "", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "retry-after\n2\n", "{}", ERR_MODEL_RATE_LIMITED, 2000, true},
	{429, "retry-after\n1.5\n", "{}", ERR_MODEL_RATE_LIMITED, 1500, true},
	{429, "retry-after\n9\nretry-after-ms\n250\n", "{}", ERR_MODEL_RATE_LIMITED, 250, true},
	{429, "date\nSun, 06 Nov 1994 08:49:37 GMT\nretry-after\nSun, 06 Nov 1994 08:49:40 GMT\n", "{}", ERR_MODEL_RATE_LIMITED, 3000, true},
	{429, "retry-after\nSun, 06 Nov 1994 08:49:40 GMT\n", "{}", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "date\nSun, 06 Nov 1994 08:49:40 GMT\nretry-after\nSun, 06 Nov 1994 08:49:37 GMT\n", "{}", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "retry-after\n-5\n", "{}", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "retry-after\nnan\n", "{}", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "retry-after\n99999999999999999999\n", "{}", ERR_MODEL_RATE_LIMITED, 24 * 3600 * 1000, true},
	{429, "", "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"Limit 100, Used 99, Requested 9. Please try again in 174ms.\"}}", ERR_MODEL_RATE_LIMITED, 174, true},
	{429, "", "{\"error\":{\"message\":\"Please try again in 6m0s.\"}}", ERR_MODEL_RATE_LIMITED, 360000, true},
	{429, "", "{\"error\":{\"message\":\"on tokens per min (TPM): Limit 100, Requested 200.\"}}", ERR_MODEL_QUOTA_EXHAUSTED, 0, false},
	{429, "", "{\"error\":{\"message\":\"Rate limit reached on tokens per day (TPD)\"}}", ERR_MODEL_QUOTA_EXHAUSTED, 0, false},
	{429, "", "{\"error\":{\"message\":\"Rate limit exceeded: free-models-per-day\",\"code\":429}}", ERR_MODEL_QUOTA_EXHAUSTED, 0, false},
	{429, "", "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}", ERR_MODEL_BILLING, 0, false},
	{429, "", "{\"error\":{\"availability\":{\"retry_after\":1.5}}}", ERR_MODEL_RATE_LIMITED, 1500, true},
	{429, "", GOOGLE("Please retry in 36.429760048s.", DELAY("36.4s") "," QUOTA("PerMinute")), ERR_MODEL_RATE_LIMITED, 36400, true},
	{429, "", GOOGLE("Please retry in 36.429760048s.", QUOTA("PerMinute")), ERR_MODEL_RATE_LIMITED, 36430, true},
	{429, "", GOOGLE("limit: 20, model", QUOTA("GenerateRequestsPerDayPerProject") "," DELAY("45.8s")), ERR_MODEL_QUOTA_EXHAUSTED, 45800, false},
	{429, "", GOOGLE("limit: 0, model", QUOTA("GenerateRequestsPerDayPerProject")), ERR_MODEL_BILLING, 0, false},
	{429, "", GOOGLE("Resource has been exhausted (e.g. check quota).", ""), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "x-should-retry\nfalse\n", "{}", ERR_MODEL_RATE_LIMITED, 0, false},
	{500, "", "", ERR_MODEL_SERVER_ERROR, 0, true},
	{502, "", "<html>Bad Gateway", ERR_MODEL_SERVER_ERROR, 0, true},
	{503, "", "{\"error\":{\"message\":\"busy\"}}", ERR_MODEL_OVERLOADED, 0, true},
	{504, "", "", ERR_MODEL_SERVER_ERROR, 0, true},
	{524, "", "error code: 524", ERR_MODEL_SERVER_ERROR, 0, true},
	{529, "", "{\"error\":{\"type\":\"overloaded_error\"}}", ERR_MODEL_OVERLOADED, 0, true},
	{529, "retry-after\n3\n", "", ERR_MODEL_OVERLOADED, 3000, true},
	{500, "", "{\"error\":{\"metadata\":{\"error_type\":\"context_length_exceeded\"},\"code\":500}}", ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", "{\"error\":{\"metadata\":{\"error_type\":\"content_policy_violation\"}}}", ERR_MODEL_CONTENT_BLOCKED, 0, false},
	{500, "", "\xff\xfe not text", ERR_MODEL_SERVER_ERROR, 0, true},
};

START_TEST(classification)
{
	expect_refusal(&wire_openai, &refusals[_i]);
}
END_TEST

START_TEST(durations)
{
	static const struct {
		const char *in;
		int64_t ms;
	} v[] = {
		{"1.4s", 1400}, {"174ms", 174}, {"6m0s", 360000}, {"1h2m3.5s", 3723500}, {"0s", 0}, {"36.429760048s", 36430}, {"2s.", 2000},
		{"", -1}, {"s", -1}, {"12", -1}, {"-3s", -1}, {"9999999h", 24 * 3600 * 1000}, {"1.2.3s", -1},
	};

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		ck_assert_msg(go_duration_ms(str_from(v[i].in)) == v[i].ms, "%s", v[i].in);
}
END_TEST

START_TEST(long_messages_are_cut_between_characters)
{
	struct buf b;
	struct http_result r = {.status = 500};
	struct err err;

	buf_init(&b, a);
	for (int i = 0; i < 500; i++)
		buf_adds(&b, "\xE2\x82\xAC");
	r.body = buf_str(&b);
	ck_assert_int_eq(refusal_of_answer(a, &r, &err), -1);
	ck_assert(utf8_valid(str_from(err.msg)));
	ck_assert_uint_lt(strlen(err.msg), 300);
	ck_assert_uint_gt(strlen(err.msg), 200);
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("openai");
	TCase *t = tcase_create("openai");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, answers_at_every_split_point, 0, COUNT(answers));
	tcase_add_test(t, complete_means_both_marks);
	tcase_add_test(t, names_and_charges);
	tcase_add_test(t, caps);
	tcase_add_loop_test(t, classification, 0, COUNT(refusals));
	tcase_add_test(t, durations);
	tcase_add_test(t, long_messages_are_cut_between_characters);
	suite_add_tcase(s, t);
	return suite_run(s);
}
