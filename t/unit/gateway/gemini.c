/* gemini.c - what Gemini sends with a 200, however it is cut, what its refusals mean, and what it is asked. */
#include "gateway/gemini_answer.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/gemini_echo.h"
#include "gateway/gemini_question.h"
#include "gateway/spend.h"
#include "decoder.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

/* --- answers --- */

#define D "data: "
#define E "\r\n\r\n"
#define CANDIDATE(parts, more) "{\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"}" more ",\"index\":0}]"
#define COUNTS(counts) ",\"usageMetadata\":{" counts "}"
#define PARTS(parts) D CANDIDATE(parts, "") "}" E
#define TEXT(t) PARTS("{\"text\":\"" t "\"}")
#define FINISH(f, counts) D CANDIDATE("{\"text\":\"\"}", ",\"finishReason\":\"" f "\"") COUNTS(counts) "}" E
#define STOP FINISH("STOP", "")
#define CALL(name, args) "{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}"

static const struct answer_case answers[] = {
	{"plain", TEXT("Hel") TEXT("lo") FINISH("STOP", "\"promptTokenCount\":12,\"candidatesTokenCount\":3,\"totalTokenCount\":15"),
	 ERR_NONE, "Hello", "stop", "", 12, 3, 0, 0},
	{"the bill: cached inside, thoughts outside",
	 TEXT("a") FINISH("STOP", "\"promptTokenCount\":120,\"candidatesTokenCount\":18,\"thoughtsTokenCount\":210,"
			  "\"cachedContentTokenCount\":64,\"toolUsePromptTokenCount\":0,\"totalTokenCount\":348,"
			  "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":120}]"),
	 ERR_NONE, "a", "stop", "", 56, 18, 64, 210},
	{"tool prompts are input", TEXT("a") FINISH("STOP", "\"promptTokenCount\":10,\"toolUsePromptTokenCount\":5,\"candidatesTokenCount\":1"),
	 ERR_NONE, "a", "stop", "", 15, 1, 0, 0},
	{"more cached than there was", TEXT("a") FINISH("STOP", "\"promptTokenCount\":10,\"cachedContentTokenCount\":64,\"candidatesTokenCount\":1"),
	 ERR_NONE, "a", "stop", "", 0, 1, 64, 0},
	{"thoughts in the total alone", TEXT("a") FINISH("STOP", "\"promptTokenCount\":10,\"candidatesTokenCount\":1,\"totalTokenCount\":51"),
	 ERR_NONE, "a", "stop", "", 10, 1, 0, 40},
	{"counts that are null, text or absent", TEXT("a") FINISH("STOP", "\"promptTokenCount\":\"10\",\"candidatesTokenCount\":null"),
	 ERR_NONE, "a", "stop", "", 10, 0, 0, 0},
	{"counts that nobody can mean", TEXT("a") FINISH("STOP", "\"promptTokenCount\":-1"), ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"no usage", TEXT("a") STOP, ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"usage is cumulative, the last counts",
	 D CANDIDATE("{\"text\":\"a\"}", "") COUNTS("\"promptTokenCount\":7,\"totalTokenCount\":7") "}" E
	 FINISH("STOP", "\"promptTokenCount\":7,\"candidatesTokenCount\":2,\"totalTokenCount\":9"), ERR_NONE, "a", "stop", "", 7, 2, 0, 0},
	{"usage behind the end, without candidates", TEXT("a") STOP D "{\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1}}" E,
	 ERR_NONE, "a", "stop", "", 4, 1, 0, 0},
	{"usage before the end is no bill",
	 D CANDIDATE("{\"text\":\"a\"}", "") COUNTS("\"promptTokenCount\":7,\"totalTokenCount\":7") "}" E, ERR_MODEL_TRUNCATED_STREAM, NULL,
	 NULL, NULL, -1, 0, 0, 0},
	{"cut", TEXT("a"), ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, 0, 0, 0},
	{"cut inside the last event", TEXT("a") D CANDIDATE("", ",\"finishReason\":\"STOP\"") "}", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL,
	 NULL, -1, 0, 0, 0},
	{"a proxy's end mark", TEXT("a") STOP D "[DONE]" E, ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"an end mark is no finish reason", TEXT("a") D "[DONE]" E, ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, 0, 0, 0},
	{"other candidates", D "{\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":\"no\"}]},\"finishReason\":\"STOP\"},"
	 "{\"content\":{\"parts\":[{\"text\":\"yes\"}]}}]}" E STOP, ERR_NONE, "yes", "stop", "", -1, 0, 0, 0},
	{"thoughts are not the answer", PARTS("{\"text\":\"**Hm**\",\"thought\":true}") PARTS("{\"text\":\"a\",\"thought\":false}") STOP,
	 ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"thoughts alone", PARTS("{\"text\":\"**Hm**\",\"thought\":true}") STOP, ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, -1, 0, 0, 0},
	{"parts of other kinds", PARTS("{\"executableCode\":{\"code\":\"1\"}},{\"thoughtSignature\":\"s\"},{},{\"text\":\"a\"},7,null") STOP,
	 ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"several parts in one", PARTS("{\"text\":\"a\"},{\"text\":\"b\"}") STOP, ERR_NONE, "ab", "stop", "", -1, 0, 0, 0},
	{"no content at the end", TEXT("a") D "{\"candidates\":[{\"finishReason\":\"STOP\"}]}" E, ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"no content at all", D "{\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}]}" E, ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, -1,
	 0, 0, 0},
	{"content that is none", D "{\"candidates\":[{\"content\":{\"parts\":{\"0\":1}},\"finishReason\":\"STOP\"}]}" E, ERR_MODEL_EMPTY_OUTPUT,
	 NULL, NULL, NULL, -1, 0, 0, 0},
	{"candidates that are none", D "{\"candidates\":{\"0\":{}}}" E TEXT("a") STOP, ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"length", TEXT("a") FINISH("MAX_TOKENS", ""), ERR_NONE, "a", "length", "", -1, 0, 0, 0},
	{"length without text", FINISH("MAX_TOKENS", "\"promptTokenCount\":5,\"thoughtsTokenCount\":100,\"totalTokenCount\":105"),
	 ERR_MODEL_EMPTY_OUTPUT, NULL, NULL, NULL, 5, 0, 0, 100},
	{"safety with a text", TEXT("half") FINISH("SAFETY", "\"promptTokenCount\":5,\"candidatesTokenCount\":1"), ERR_MODEL_CONTENT_BLOCKED,
	 NULL, NULL, NULL, 5, 1, 0, 0},
	{"recitation", FINISH("RECITATION", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"blocklist", FINISH("BLOCKLIST", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"prohibited", FINISH("PROHIBITED_CONTENT", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"spii", FINISH("SPII", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"image safety", FINISH("IMAGE_SAFETY", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"image prohibited", FINISH("IMAGE_PROHIBITED_CONTENT", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"image recitation", FINISH("IMAGE_RECITATION", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"malformed call, with one", PARTS(CALL("f", "{}")) FINISH("MALFORMED_FUNCTION_CALL", ""), ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL,
	 NULL, -1, 0, 0, 0},
	{"unexpected call", FINISH("UNEXPECTED_TOOL_CALL", ""), ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, -1, 0, 0, 0},
	{"too many calls", FINISH("TOO_MANY_TOOL_CALLS", ""), ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, -1, 0, 0, 0},
	{"language", TEXT("a") FINISH("LANGUAGE", ""), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"other", FINISH("OTHER", ""), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"no image", FINISH("NO_IMAGE", ""), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"a reason of a later version", TEXT("a") FINISH("MISSING_THOUGHT_SIGNATURE", ""), ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"blocked prompt", D "{\"promptFeedback\":{\"blockReason\":\"SAFETY\",\"safetyRatings\":[]},\"usageMetadata\":{\"promptTokenCount\":9}}" E,
	 ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, 9, 0, 0, 0},
	{"feedback that blocks nothing", D "{\"promptFeedback\":{\"safetyRatings\":[]}}" E TEXT("a") STOP, ERR_NONE, "a", "stop", "", -1, 0, 0, 0},
	{"broken event", TEXT("a") D "{\"candidates\":[{" E TEXT("b") STOP, ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"event is no object", D "42" E, ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"error event late", TEXT("a") D "{\"error\":{\"code\":500,\"message\":\"died\",\"status\":\"INTERNAL\"}}" E, ERR_MODEL_STREAM_ERROR,
	 NULL, NULL, NULL, -1, 0, 0, 0},
	{"error event late, with what was counted till then",
	 D CANDIDATE("{\"text\":\"a\"}", "") COUNTS("\"promptTokenCount\":7,\"totalTokenCount\":7") "}" E
	 D "{\"error\":{\"code\":500,\"status\":\"INTERNAL\"}}" E, ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, 7, 0, 0, 0},
	{"error event first", D "{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\"}}" E, ERR_MODEL_RATE_LIMITED,
	 NULL, NULL, NULL, -1, 0, 0, 0},
	{"error event in an array", D "[{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}]" E, ERR_MODEL_OVERLOADED, NULL, NULL, NULL, -1,
	 0, 0, 0},
	{"bare error document, late", TEXT("a") "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n",
	 ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"bare error document behind a comment", ": hello\n{\"error\": {\"code\": 503,\n\"status\": \"UNAVAILABLE\"}}\n\n", ERR_MODEL_OVERLOADED,
	 NULL, NULL, NULL, -1, 0, 0, 0},
	{"bare error document in an array", TEXT("a") ",\n[{\n\"error\": {\n\"code\": 503}\n}\n]\n", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL,
	 NULL, -1, 0, 0, 0},
	{"nul and lone surrogate", TEXT("a\\u0000b\\ud83dc") STOP, ERR_NONE, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c", "stop", "", -1, 0, 0, 0},
	{"BOM, comments, no space", "\xEF\xBB\xBF: hi\n\ndata:{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\n\n",
	 ERR_NONE, "a", "stop", "", -1, 0, 0, 0},

	{"a call", PARTS(CALL("f", "{\"a\": 1}")) STOP, ERR_NONE, "", "tool_calls", "f({\"a\":1}) MADE ", -1, 0, 0, 0},
	{"calls in one response and in two", PARTS(CALL("f", "{}") "," CALL("f", "{}")) PARTS(CALL("g", "{\"b\":[2]}")) STOP, ERR_NONE, "",
	 "tool_calls", "f({}) MADE f({}) MADE g({\"b\":[2]}) MADE ", -1, 0, 0, 0},
	{"no arguments", PARTS("{\"functionCall\":{\"name\":\"f\"}},{\"functionCall\":{\"name\":\"g\",\"args\":null}}") STOP, ERR_NONE, "",
	 "tool_calls", "f({}) MADE g({}) MADE ", -1, 0, 0, 0},
	{"arguments that are none", PARTS(CALL("f", "\"{oops\"") "," CALL("g", "[1]")) STOP, ERR_NONE, "", "tool_calls",
	 "f({oops) MADE g([1]) MADE ", -1, 0, 0, 0},
	{"ids of Gemini's, one of them twice",
	 PARTS("{\"functionCall\":{\"id\":\"x\",\"name\":\"f\"}},{\"functionCall\":{\"id\":\"x\",\"name\":\"g\"}},{\"functionCall\":{\"id\":\"y\",\"name\":\"h\"}}")
	 STOP, ERR_NONE, "", "tool_calls", "f({}) x g({}) MADE h({}) y ", -1, 0, 0, 0},
	{"text and a call", TEXT("I look.") PARTS(CALL("f", "{}")) STOP, ERR_NONE, "I look.", "tool_calls", "f({}) MADE ", -1, 0, 0, 0},
	{"a call that length cut behind", PARTS(CALL("f", "{}")) FINISH("MAX_TOKENS", ""), ERR_NONE, "", "tool_calls", "f({}) MADE ", -1, 0, 0, 0},
	{"calls that the filter stopped", PARTS(CALL("f", "{}")) FINISH("SAFETY", ""), ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"a call without a name", PARTS("{\"functionCall\":{\"args\":{}}}") STOP, ERR_MODEL_MALFORMED_TOOL_CALL, NULL, NULL, NULL, -1, 0, 0, 0},
	{"a surrogate in arguments", PARTS(CALL("f", "{\"x\":\"\\ud83d\\u0000\"}")) STOP, ERR_NONE, "", "tool_calls",
	 "f({\"x\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}) MADE ", -1, 0, 0, 0},
	{"a name that was changed for Gemini", PARTS(CALL("_1st", "{}") "," CALL("_own", "{}")) STOP, ERR_NONE, "", "tool_calls",
	 "1st({}) MADE _own({}) MADE ", -1, 0, 0, 0},

	{"document", CANDIDATE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") COUNTS("\"promptTokenCount\":4,\"candidatesTokenCount\":1") "}",
	 ERR_NONE, "a", "stop", "", 4, 1, 0, 0},
	{"array", "[" CANDIDATE("{\"text\":\"a\"}", "") "}\n,\r\n" CANDIDATE("{\"text\":\"b\"}", ",\"finishReason\":\"STOP\"") "}\n]\n", ERR_NONE,
	 "ab", "stop", "", -1, 0, 0, 0},
	{"array that ends with an error", "[" CANDIDATE("{\"text\":\"a\"}", "") "},{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}]",
	 ERR_MODEL_STREAM_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"array without an end", "[" CANDIDATE("{\"text\":\"a\"}", "") "}]", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, 0, 0, 0},
	{"half an array", "[" CANDIDATE("{\"text\":\"a\"}", "") "}", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"document with an error alone", "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", ERR_MODEL_OVERLOADED, NULL, NULL, NULL, -1,
	 0, 0, 0},
	{"blocked document", "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL, NULL, -1, 0, 0, 0},
	{"document without candidates", "{\"ok\":true}", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"empty array", "[]", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"page", "<!doctype html><p>hi", ERR_MODEL_SERVER_ERROR, NULL, NULL, NULL, -1, 0, 0, 0},
	{"text", "upstream connect error", ERR_MODEL_BAD_BODY, NULL, NULL, NULL, -1, 0, 0, 0},
	{"nothing", "", ERR_MODEL_TRUNCATED_STREAM, NULL, NULL, NULL, -1, 0, 0, 0},
};

static struct provider provider = {.name = {"p", 1}, .wire = WIRE_GEMINI};
static struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .can = CAN_TOOLS | CAN_JSON};
static const struct model_tool offered[] = {{.name = {"1st", 3}}};
static const struct wire_request asked = {.model = &model, .tools = offered, .n_tools = 1};

START_TEST(answers_at_every_split_point)
{
	expect_answer(&wire_gemini, &asked, &answers[_i]);
}
END_TEST

START_TEST(complete_means_a_finish_reason)
{
	struct gemini_decoder *d = gemini_decoder_new(a, NULL);
	struct err err;

	ck_assert_int_eq(gemini_decoder_piece(d, STR(TEXT("a")), &err), 0);
	ck_assert(!gemini_decoder_is_complete(d));
	ck_assert_int_eq(gemini_decoder_piece(d, STR(STOP), &err), 0);
	ck_assert(gemini_decoder_is_complete(d));
}
END_TEST

START_TEST(names_and_made_ids)
{
	static const char in[] = D "{\"modelVersion\":\"gemini-2.5-flash-001\",\"responseId\":\"r-1\",\"candidates\":[{\"content\":{\"parts\":["
		CALL("f", "{}") "," CALL("f", "{}") "]},\"finishReason\":\"STOP\"}]}" E;
	struct str ids[4];

	for (size_t i = 0; i < 4; i += 2) {
		const struct wire_answer *answer = decode(a, &wire_gemini, &asked, STR(in));

		ck_assert(str_is(answer->model, "gemini-2.5-flash-001"));
		ck_assert(str_is(answer->request_id, "r-1"));
		ck_assert_uint_eq(answer->n_calls, 2);
		ids[i] = answer->calls[0].id;
		ids[i + 1] = answer->calls[1].id;
	}
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert(!str_eq(ids[i], ids[k]));
}
END_TEST

START_TEST(caps)
{
	struct gemini_decoder *d = gemini_decoder_new(a, NULL);
	struct err err;

	expect_bounded_line(&wire_gemini, &asked);
	for (int i = 0; i < 128; i++)
		ck_assert_int_eq(gemini_decoder_piece(d, STR(PARTS(CALL("f", "{}"))), &err), 0);
	ck_assert_int_eq(gemini_decoder_piece(d, STR(PARTS(CALL("f", "{}"))), &err), -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
}
END_TEST

/* $0.30 in, $0.03 cached, $2.50 out: the bill of 348 tokens. */
START_TEST(the_bill)
{
	const struct price price = {.known = true, .input = 300000, .cached = 30000, .output = 2500000};
	const struct usage usage = {.in_fresh = 56, .in_cached = 64, .out_text = 18, .out_reason = 210};
	int64_t pusd;

	ck_assert_int_eq(spend_cost(&price, &usage, &pusd), 0);
	ck_assert_int_eq(pusd, INT64_C(588720000));
}
END_TEST

/* --- refusals --- */

#define ERROR(code, status, message, details) "{\n\"error\":{\"code\":" code ",\"message\":\"" message "\",\"status\":\"" status "\",\"details\":[" details "]}}"
#define TYPE(t) "{\"@type\":\"type.googleapis.com/google.rpc." t "\","
#define QUOTA(id) TYPE("QuotaFailure") "\"violations\":[{\"quotaMetric\":\"m\",\"quotaId\":\"" id "\",\"quotaValue\":\"20\"}]}"
#define TWO_QUOTAS TYPE("QuotaFailure") "\"violations\":[{\"quotaId\":\"RequestsPerMinute\"},{\"quotaId\":\"RequestsPerDayPerProject\"}]}"
#define DELAY(s) TYPE("RetryInfo") "\"retryDelay\":\"" s "\"}"
#define REASON(r) TYPE("ErrorInfo") "\"reason\":\"" r "\",\"domain\":\"googleapis.com\"}"
#define EXHAUSTED(message, details) ERROR("429", "RESOURCE_EXHAUSTED", message, details)

static const struct refusal_case refusals[] = {
	{429, "", EXHAUSTED("q", QUOTA("GenerateRequestsPerMinutePerProjectPerModel") "," DELAY("36s")), ERR_MODEL_RATE_LIMITED, 36000, true},
	{429, "", EXHAUSTED("q", QUOTA("GenerateContentInputTokensPerModelPerMinute-FreeTier") "," DELAY("45.837906927s")), ERR_MODEL_RATE_LIMITED, 45838, true},
	{429, "", EXHAUSTED("q", QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "," DELAY("36s")), ERR_MODEL_QUOTA_EXHAUSTED, 36000, false},
	{429, "", EXHAUSTED("q", TWO_QUOTAS "," DELAY("1s")), ERR_MODEL_QUOTA_EXHAUSTED, 1000, false},
	{429, "", EXHAUSTED("* Quota exceeded for metric: x, limit: 0, model: m\\nPlease retry in 12s.", QUOTA("RequestsPerDay")), ERR_MODEL_BILLING, 12000, false},
	{429, "", EXHAUSTED("* Quota exceeded for metric: x, limit: 20, model: m\\nPlease retry in 36.429760048s.", ""), ERR_MODEL_RATE_LIMITED, 36430, true},
	{429, "", EXHAUSTED("Resource has been exhausted (e.g. check quota).", ""), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "", "{\"error\":{\"code\":429,\"message\":\"Resource has been exhausted (e.g. check quota).\",\"status\":\"RESOURCE_EXHAUSTED\"}}", ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "", EXHAUSTED("q", DELAY("0s")), ERR_MODEL_RATE_LIMITED, 0, true},
	{429, "", EXHAUSTED("q", DELAY("0.245s")), ERR_MODEL_RATE_LIMITED, 245, true},
	{429, "", "[" EXHAUSTED("q", DELAY("3s")) "]", ERR_MODEL_RATE_LIMITED, 3000, true},
	{429, "", "{\"error\":{\"code\":429,\"status\":\"Too Many Requests\",\"message\":\"{\\n  \\\"error\\\": {\\\"code\\\": 429, \\\"status\\\": \\\"RESOURCE_EXHAUSTED\\\","
	      "\\\"details\\\":[{\\\"retryDelay\\\":\\\"2s\\\"}]}}\"}}", ERR_MODEL_RATE_LIMITED, 2000, true},
	{400, "", ERROR("400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", REASON("API_KEY_INVALID")), ERR_MODEL_AUTH, 0, false},
	{400, "", "[" ERROR("400", "INVALID_ARGUMENT", "API key not valid.", REASON("API_KEY_INVALID")) "]", ERR_MODEL_AUTH, 0, false},
	{400, "", ERROR("400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", ""), ERR_MODEL_AUTH, 0, false},
	{400, "", ERROR("400", "INVALID_ARGUMENT", "Unknown name \\\"x\\\": Cannot find field.", TYPE("BadRequest") "\"fieldViolations\":[{\"description\":\"d\"}]}"), ERR_MODEL_INVALID_REQUEST, 0, false},
	{400, "", ERROR("400", "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8).", ""), ERR_MODEL_CONTEXT_OVERFLOW, 0, false},
	{400, "", ERROR("400", "INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts.", ""), ERR_MODEL_INVALID_REQUEST, 0, false},
	{400, "", ERROR("400", "FAILED_PRECONDITION", "User location is not supported for the API use.", ""), ERR_MODEL_BILLING, 0, false},
	{401, "", ERROR("401", "UNAUTHENTICATED", "m", ""), ERR_MODEL_AUTH, 0, false},
	{403, "", ERROR("403", "PERMISSION_DENIED", "Your API key was reported as leaked.", ""), ERR_MODEL_AUTH, 0, false},
	{404, "", ERROR("404", "NOT_FOUND", "models/x is not found for API version v1beta", ""), ERR_MODEL_NOT_FOUND, 0, false},
	{499, "", ERROR("499", "CANCELLED", "m", ""), ERR_MODEL_SERVER_ERROR, 0, true},
	{500, "", ERROR("500", "INTERNAL", "An internal error has occurred.", ""), ERR_MODEL_SERVER_ERROR, 0, true},
	{503, "", ERROR("503", "UNAVAILABLE", "The model is overloaded.", ""), ERR_MODEL_OVERLOADED, 0, true},
	{504, "", ERROR("504", "DEADLINE_EXCEEDED", "Deadline expired.", ""), ERR_MODEL_TIMEOUT, 0, true},
	{502, "", "<html><title>Error 502 (Server Error)!!1</title>", ERR_MODEL_SERVER_ERROR, 0, true},
};

START_TEST(classification)
{
	expect_refusal(&wire_gemini, &refusals[_i]);
}
END_TEST

/* --- what is asked --- */

#define SYSTEM(t) {.role = ROLE_SYSTEM, .text = {t, sizeof(t) - 1}}
#define USER(t) {.role = ROLE_USER, .text = {t, sizeof(t) - 1}}
#define SAYS(t) {.role = ROLE_ASSISTANT, .text = {t, sizeof(t) - 1}}
#define CALLS(v) {.role = ROLE_ASSISTANT, .calls = v, .n_calls = COUNT(v)}
#define RESULT(i, t) {.role = ROLE_TOOL, .call_id = {i, sizeof(i) - 1}, .text = {t, sizeof(t) - 1}}
#define MADE(i, n, x) {{i, sizeof(i) - 1}, {n, sizeof(n) - 1}, {x, sizeof(x) - 1}}

static const struct json *question(const struct wire_request *req)
{
	return parse(str_cstr(a, gemini_question(a, req)));
}

static const struct json *contents(const struct message *m, size_t n)
{
	const struct wire_request req = {.model = &model, .messages = m, .n_messages = n, .tools = offered, .n_tools = 1, .temperature = -1};

	return json_getc(question(&req), "contents");
}

static void expect(const struct json *v, const char *text)
{
	struct str is = json_text(a, v);

	ck_assert_msg(str_is(is, text), STR_FMT, STR_ARG(is));
}

START_TEST(the_body_of_a_question)
{
	const struct message m[] = {SYSTEM("Be brief."), USER("q"), SYSTEM("And kind."), SYSTEM("")};
	const struct model_tool tools[] = {{.name = STR("kb_read"), .description = STR("reads"),
					    .args = parse("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
							  "\"properties\":{\"id\":{\"type\":\"integer\"}},\"additionalProperties\":false}")},
					   {.name = STR("now")}, {.name = STR("1st"), .args = parse("{\"required\":[\"a\"]}")}};
	struct wire_request req = {.model = &model, .messages = m, .n_messages = COUNT(m), .tools = tools, .n_tools = COUNT(tools),
				   .max_output = 100, .temperature = 0.5};

	expect(question(&req),
	       "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]}],"
	       "\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief.\\n\\nAnd kind.\"}]},"
	       "\"tools\":[{\"functionDeclarations\":["
	       "{\"name\":\"kb_read\",\"description\":\"reads\",\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},"
	       "\"additionalProperties\":false}},"
	       "{\"name\":\"now\",\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{}}},"
	       "{\"name\":\"_1st\",\"parametersJsonSchema\":{\"type\":\"object\",\"required\":[\"a\"]}}]}],"
	       "\"generationConfig\":{\"maxOutputTokens\":100,\"temperature\":0.5}}");
	req = (struct wire_request){.model = &model, .messages = &m[1], .n_messages = 1, .temperature = -1};
	expect(question(&req), "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]}],\"generationConfig\":{}}");
	req.n_messages = 0;
	expect(json_getc(question(&req), "contents"), "[{\"role\":\"user\",\"parts\":[{\"text\":\"Do what you are instructed to do.\"}]}]");
}
END_TEST

START_TEST(a_schema_of_the_answer)
{
	const struct message m[] = {SYSTEM("Be brief."), USER("q")};
	const struct json *schema = parse("{\"$schema\":\"s\",\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}");
	struct wire_request req = {.model = &model, .messages = m, .n_messages = 2, .output = schema, .temperature = -1};
	static const char told[] = "{\"parts\":[{\"text\":\"Answer with one JSON value that is valid under this JSON Schema, and with nothing else:\\n"
		"{\\\"$schema\\\":\\\"s\\\",\\\"type\\\":\\\"object\\\",\\\"properties\\\":{\\\"a\\\":{\\\"type\\\":\\\"string\\\"}}}\\n\\nBe brief.\"}]}";
	struct model plain = model;

	expect(json_getc(question(&req), "generationConfig"), "{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
	       "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}");
	expect(json_getc(question(&req), "systemInstruction"), "{\"parts\":[{\"text\":\"Be brief.\"}]}");
	req.tools = offered;	/* Gemini takes either */
	req.n_tools = 1;
	expect(json_getc(question(&req), "generationConfig"), "{}");
	expect(json_getc(question(&req), "systemInstruction"), told);
	req.n_tools = 0;
	plain.can = 0;
	req.model = &plain;
	expect(json_getc(question(&req), "generationConfig"), "{}");
	expect(json_getc(question(&req), "systemInstruction"), told);
}
END_TEST

START_TEST(a_conversation)
{
	const struct tool_call two[] = {MADE("a", "kb.read it", "{\"id\": 1}"), MADE("b", "1st", "{oops")};
	const struct message m[] = {USER("q"), USER("r"), {.role = ROLE_ASSISTANT, .text = STR("I look."), .calls = two, .n_calls = 2},
				    RESULT("b", "plain"), RESULT("a", "{\"x\":1}"), USER("and?"), SAYS(""), SAYS("done"), USER("s")};

	expect(contents(m, COUNT(m)),
	       "[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"},{\"text\":\"r\"}]},"
	       "{\"role\":\"model\",\"parts\":[{\"text\":\"I look.\"},{\"functionCall\":{\"name\":\"kb_read_it\",\"args\":{\"id\":1}}},"
	       "{\"functionCall\":{\"name\":\"_1st\",\"args\":{\"invalid_arguments\":\"{oops\"}}}]},"
	       "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"kb_read_it\",\"response\":{\"x\":1}}},"
	       "{\"functionResponse\":{\"name\":\"_1st\",\"response\":{\"output\":\"plain\"}}},{\"text\":\"and?\"}]},"
	       "{\"role\":\"model\",\"parts\":[{\"text\":\"\"},{\"text\":\"done\"}]},"
	       "{\"role\":\"user\",\"parts\":[{\"text\":\"s\"}]}]");
}
END_TEST

START_TEST(results_are_objects)
{
	static const struct {
		const char *result, *response;
	} v[] = {
		{"{\"a\":1}", "{\"a\":1}"}, {"{\"error\":\"e\"}", "{\"error\":\"e\"}"}, {"[1]", "{\"output\":[1]}"}, {"12", "{\"output\":12}"},
		{"\"t\"", "{\"output\":\"t\"}"}, {"null", "{\"output\":null}"}, {"", "{\"output\":\"\"}"}, {"a\nb", "{\"output\":\"a\\nb\"}"},
		{"{\"a\":\"\\ud83d\"}", "{\"a\":\"\xEF\xBF\xBD\"}"},
	};
	const struct tool_call one[] = {MADE("a", "f", "")};

	for (size_t i = 0; i < COUNT(v); i++) {
		const struct message m[] = {USER("q"), CALLS(one), {.role = ROLE_TOOL, .call_id = STR("a"), .text = str_from(v[i].result)}};
		const struct json *part = json_at(json_getc(json_at(contents(m, 3), 2), "parts"), 0);

		expect(json_getc(json_getc(part, "functionResponse"), "response"), v[i].response);
	}
}
END_TEST

/* History that was cut begins with the model: Gemini refuses that. */
START_TEST(a_user_begins)
{
	const struct tool_call one[] = {MADE("a", "f", "")};
	const struct message m[] = {CALLS(one), RESULT("a", "x")};
	const struct json *v = contents(m, 2);

	ck_assert_uint_eq(json_len(v), 3);
	ck_assert(str_is(json_str(json_getc(json_at(v, 0), "role")), "user"));
	ck_assert(str_is(json_str(json_getc(json_at(v, 1), "role")), "model"));
}
END_TEST

/* --- what goes back with a turn --- */

#define SIGNED(t, s) "{\"text\":\"" t "\",\"thoughtSignature\":\"" s "\"}"
#define SIGNED_CALL(n, more, s) "{\"functionCall\":{\"name\":\"" n "\",\"args\":{}" more "},\"thoughtSignature\":\"" s "\"}"

static struct message decoded(const char *text, const struct model *m)
{
	const struct wire_request req = {.model = m};
	const struct wire_answer *answer = decode(a, &wire_gemini, &req, str_from(text));

	return (struct message){.role = ROLE_ASSISTANT, .text = answer->text, .calls = answer->calls, .n_calls = answer->n_calls,
				.echo = answer->echo};
}

static const char *turn(const struct message *m, const struct model *to)
{
	struct buf b;

	buf_init(&b, a);
	gemini_write_turn(&b, a, to, m);
	return buf_cstr(&b);
}

START_TEST(signatures_go_back_on_their_parts)
{
	struct message m = decoded(TEXT("I \xE2\x82\xAC") TEXT(" look") PARTS(SIGNED("", "s0+/=")) PARTS("{\"text\":\"now\"}")
				  PARTS("{\"text\":\"Hm\",\"thought\":true,\"thoughtSignature\":\"t1\"},{\"text\":\"so\",\"thought\":true}")
				  PARTS(SIGNED_CALL("f", "", "c1\\u003d")) PARTS(CALL("g", "{}")) STOP, &model);
	struct message other;

	ck_assert_str_eq(turn(&m, &model),
			 "{\"text\":\"I \xE2\x82\xAC look\"},{\"text\":\"\",\"thoughtSignature\":\"s0+/=\"},{\"text\":\"now\"},"
			 "{\"text\":\"Hm\",\"thought\":true,\"thoughtSignature\":\"t1\"},"
			 "{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"c1=\"},{\"functionCall\":{\"name\":\"g\",\"args\":{}}}");
	/* The text was changed since: calls keep theirs. */
	other = m;
	other.text = STR("I \xE2\x82\xAC look now!");
	ck_assert_str_eq(turn(&other, &model), "{\"text\":\"I \xE2\x82\xAC look now!\"},"
			 "{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"c1=\"},{\"functionCall\":{\"name\":\"g\",\"args\":{}}}");
	/* A call was taken away: nothing fits any more. */
	other = m;
	other.n_calls = 1;
	ck_assert_str_eq(turn(&other, &model), "{\"text\":\"I \xE2\x82\xAC looknow\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}");
}
END_TEST

START_TEST(signatures_go_to_nobody_else)
{
	struct message m = decoded(TEXT("a") PARTS(SIGNED_CALL("f", "", "c1")) STOP, &model);
	struct model other = model, later = model;

	other.id = STR("gemini-2.5-flash");
	ck_assert_str_eq(turn(&m, &other), "{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}");
	later.id = STR("models/gemini-3-pro-preview");
	ck_assert_str_eq(turn(&m, &later), "{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}},"
			 "\"thoughtSignature\":\"skip_thought_signature_validator\"}");
	m.echo = STR("{broken");
	ck_assert_str_eq(turn(&m, &model), "{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}");
	/* Of another wire of the same name. */
	m.echo = STR("{\"model\":\"p/id\",\"calls\":[{\"google\":{\"thought_signature\":\"c1\"}}]}");
	ck_assert_str_eq(turn(&m, &model), "{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}");
	/* And one that somebody made up. */
	m.echo = STR("{\"model\":\"p/id\",\"parts\":[{\"text\":99999999999},{\"text\":-3},{\"call\":true},7,{\"text\":\"x\"}]}");
	ck_assert_ptr_nonnull(strstr(turn(&m, &model), "{\"text\":\"a\"},{\"functionCall\":"));
}
END_TEST

/* The word stands on the first call of a turn alone, and never beside a signature. */
START_TEST(a_word_for_unsigned_calls)
{
	const struct tool_call two[] = {MADE("a", "f", ""), MADE("b", "g", "")};
	const struct message m = CALLS(two);
	struct model later = model;

	later.id = STR("gemini-3-flash");
	ck_assert_str_eq(turn(&m, &later), "{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"skip_thought_signature_validator\"},"
			 "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}");
	later.id = STR("gemini-flash-latest");
	ck_assert_ptr_nonnull(strstr(turn(&m, &later), "skip_thought"));
	later.id = STR("gemini-2.0-flash");
	ck_assert_ptr_null(strstr(turn(&m, &later), "skip_thought"));
	later.id = STR("gemma-3-27b-it");
	ck_assert_ptr_null(strstr(turn(&m, &later), "skip_thought"));
}
END_TEST

START_TEST(ids_go_back_where_they_came_from)
{
	struct message m[3] = {USER("q"), decoded(PARTS("{\"functionCall\":{\"id\":\"gem-1\",\"name\":\"f\"}}," CALL("g", "{}")) STOP, &model)};
	struct message talk[] = {m[0], m[1], {.role = ROLE_TOOL, .call_id = m[1].calls[0].id, .text = STR("1")},
				 {.role = ROLE_TOOL, .call_id = m[1].calls[1].id, .text = STR("2")}};
	const struct json *v = contents(talk, 4);

	expect(json_getc(json_at(v, 1), "parts"), "[{\"functionCall\":{\"name\":\"f\",\"id\":\"gem-1\",\"args\":{}}},"
	       "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}]");
	expect(json_getc(json_at(v, 2), "parts"), "[{\"functionResponse\":{\"name\":\"f\",\"id\":\"gem-1\",\"response\":{\"output\":1}}},"
	       "{\"functionResponse\":{\"name\":\"g\",\"response\":{\"output\":2}}}]");
	talk[1].echo = STR("");		/* of another provider */
	v = contents(talk, 4);
	expect(json_getc(json_at(v, 1), "parts"), "[{\"functionCall\":{\"name\":\"f\",\"args\":{}}},{\"functionCall\":{\"name\":\"g\",\"args\":{}}}]");
}
END_TEST

START_TEST(no_signatures_no_echo)
{
	struct buf b;

	ck_assert_uint_eq(decoded(TEXT("a") PARTS(CALL("f", "{}")) STOP, &model).echo.n, 0);
	ck_assert_uint_eq(decoded(PARTS("{\"text\":\"Hm\",\"thought\":true}") TEXT("a") STOP, &model).echo.n, 0);
	/* one over its bound is dropped, the answer stands */
	buf_init(&b, a);
	buf_adds(&b, TEXT("a"));
	for (int i = 0; i < 20; i++) {
		buf_adds(&b, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"");
		for (int k = 0; k < 60000; k++)
			buf_addc(&b, 'x');
		buf_adds(&b, "\"}]}}]}\n\n");
	}
	buf_adds(&b, STOP);
	ck_assert_uint_eq(decoded(buf_cstr(&b), &model).echo.n, 0);
	/* so is one of too many parts */
	buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, PARTS(SIGNED("a", "s")));
	buf_adds(&b, STOP);
	ck_assert_uint_eq(decoded(buf_cstr(&b), &model).echo.n, 0);
}
END_TEST

/* --- where it is asked --- */

START_TEST(the_address)
{
	static const struct {
		const char *id, *url;
	} v[] = {
		{"gemini-2.5-flash", "http://x/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"models/gemini-2.5-flash", "http://x/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"tunedModels/mine", "http://x/v1beta/tunedModels/mine:streamGenerateContent?alt=sse"},
		{"a b?c#d%", "http://x/v1beta/models/a%20b%3Fc%23d%25:streamGenerateContent?alt=sse"},
	};
	const struct endpoint e = {.provider = &provider, .base_url = "http://x/v1beta", .key = "the-key"};
	const struct message m[] = {USER("q")};

	for (size_t i = 0; i < COUNT(v); i++) {
		struct model named = model;
		struct wire_request req = {.endpoint = &e, .model = &named, .messages = m, .n_messages = 1, .temperature = -1};
		struct http_request h = {0};
		struct err err;
		int keys = 0;

		named.id = str_from(v[i].id);
		ck_assert_int_eq(wire_of(WIRE_GEMINI)->request(a, &req, &h, &err), 0);
		ck_assert_str_eq(h.url, v[i].url);
		for (size_t k = 0; k < h.n_headers; k++)
			keys += str_is(h.headers[k].name, "x-goog-api-key") && str_is(h.headers[k].value, "the-key");
		ck_assert_int_eq(keys, 1);
		ck_assert_ptr_null(strstr(h.url, "the-key"));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gemini");
	TCase *t = tcase_create("gemini");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, answers_at_every_split_point, 0, COUNT(answers));
	tcase_add_test(t, complete_means_a_finish_reason);
	tcase_add_test(t, names_and_made_ids);
	tcase_add_test(t, caps);
	tcase_add_test(t, the_bill);
	tcase_add_loop_test(t, classification, 0, COUNT(refusals));
	tcase_add_test(t, the_body_of_a_question);
	tcase_add_test(t, a_schema_of_the_answer);
	tcase_add_test(t, a_conversation);
	tcase_add_test(t, results_are_objects);
	tcase_add_test(t, a_user_begins);
	tcase_add_test(t, signatures_go_back_on_their_parts);
	tcase_add_test(t, signatures_go_to_nobody_else);
	tcase_add_test(t, a_word_for_unsigned_calls);
	tcase_add_test(t, ids_go_back_where_they_came_from);
	tcase_add_test(t, no_signatures_no_echo);
	tcase_add_test(t, the_address);
	suite_add_tcase(s, t);
	return suite_run(s);
}
