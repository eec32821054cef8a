/* faults.c - every fault that a provider can play, by its number in the list of 44, at every wire that can meet it: what class it
 * has, what is done then, what it costs, that nothing stays behind, and that nothing outlasts its limits.
 *
 *  1 plain                      12 usage chunk, no choices   23 429 with hints            34 signature comes back
 *  2 a byte at a time           13 no usage                  24 429, no quota             35 Anthropic's own
 *  3 all in one write           14 usage twice               25 429 of Gemini             36 another model answers
 *  4 line ends, BOM, comments   15 error in the choice       26 500 502 503 524 529       37 a charge of its own
 *  5 a character split          16 only an error, in a 200   27 401, 400 key, 402         38 gzip
 *  6 parallel calls             17 error after 3 pieces      28 404, ended :free          39 over the caps
 *  7 calls without index        18 clean close               29 context overflow          40 drip
 *  8 id and name repeated ""    19 reset                     30 prompt blocked            41 errors wrapped
 *  9 arguments ""               20 silence, three places     31 blocked with text         42 fails N times
 * 10 arguments no JSON          21 a broken event            32 malformed call            43 works alone
 * 11 surrogate, NUL             22 half an end mark          33 length without text       44 embeddings: embed.c
 *
 * A wire is a row of wires[]; a fault that it plays is a row of faults[] with its bit.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/routing.h"
#include "stand.h"
#include "../suite_run.h"

enum { OPENAI = 1, ROUTER = 2, BOTH = OPENAI | ROUTER, GEMINI = 4, CLAUDE = 8, ALL = BOTH | GEMINI | CLAUDE };
enum { LAST_NUMBER = 44, SLOWEST_MS = 5000, FLAT_KIB = 8192, ROUTING_KIB = 16 };

static const struct {
	unsigned bit;
	const char *name, *provider;	/* provider: of stand.h */
	const char *unsigned_words;	/* said where a signature did not come back */
} wires[] = {
	{OPENAI, "openai", "stub", "missing a thought_signature"},
	{ROUTER, "openrouter", "router", "missing a thought_signature"},
	{GEMINI, "gemini", "google", "missing a thought_signature"},
	{CLAUDE, "anthropic", "claude", "Expected `thinking`"},
};

struct fault {
	int number;
	unsigned wires;
	const char *name;		/* stub/NAME */
	const char *log;		/* attempts in order: class/cost source/status; NULL: ok/computed/200 alone */
	enum err_code end;		/* of the whole question */
	const char *text;		/* of the answer; NULL: the stub's */
	const char *calls;		/* NULL: no tools are offered, else what is called: name(arguments) ... */
};

#define THEN " ok/none/200 "		/* the free model that stands second */
static const struct fault faults[] = {
	{1, ALL, "plain", NULL, ERR_NONE, NULL, NULL},
	{1, ALL, "document", NULL, ERR_NONE, NULL, NULL},
	{1, ALL, "delay-50", NULL, ERR_NONE, NULL, NULL},
	{2, ALL, "bytes", NULL, ERR_NONE, NULL, NULL},
	{3, ALL, "onewrite", NULL, ERR_NONE, NULL, NULL},
	{4, ALL, "crlf", NULL, ERR_NONE, NULL, NULL},
	{4, ALL, "cr", NULL, ERR_NONE, NULL, NULL},
	{5, ALL, "utf8", NULL, ERR_NONE, "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8D", NULL},
	{6, ALL, "tools", NULL, ERR_NONE, "", "first({\"a\":1}) second({\"b\":2}) "},
	{6, ALL, "tools", "malformed_tool_call/computed/200 malformed_tool_call/computed/200" THEN, ERR_NONE, NULL, NULL},
	{7, BOTH, "tools-noindex", "ok/estimated/200 ", ERR_NONE, "", "first({}) "},
	{8, BOTH, "tools-empty", "ok/estimated/200 ", ERR_NONE, "", "first({}) "},
	{9, BOTH, "tools-empty", "ok/estimated/200 ", ERR_NONE, "", "first({}) "},
	{10, BOTH, "tools-badjson", "ok/estimated/200 ", ERR_NONE, "", "first({oops) "},
	{10, BOTH, "tools-args", "ok/estimated/200 ", ERR_NONE, "", "first({\"x\":1}) "},
	{11, ALL, "surrogate", NULL, ERR_NONE, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c", NULL},
	{11, BOTH, "tools-surrogate", "ok/estimated/200 ", ERR_NONE, "", "first({\"x\":\"a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c\"}) "},
	{12, BOTH | GEMINI, "usage-chunk", NULL, ERR_NONE, NULL, NULL},
	{13, ALL, "no-usage", "ok/estimated/200 ", ERR_NONE, NULL, NULL},
	{14, ALL, "usage-twice", NULL, ERR_NONE, NULL, NULL},
	{15, ALL, "finish-error", "stream_error/estimated/200 stream_error/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{15, BOTH, "native-error", "stream_error/estimated/200 stream_error/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{16, ALL, "error-only", "overloaded/none/200 overloaded/none/200" THEN, ERR_NONE, NULL, NULL},
	{17, BOTH | CLAUDE, "error-late", "stream_error/estimated/200 stream_error/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{18, ALL, "close", "truncated_stream/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{19, ALL, "reset", "truncated_stream/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{20, ALL, "hang-headers", "timeout/estimated/0" THEN, ERR_NONE, NULL, NULL},
	{20, ALL, "hang-body", "timeout/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{20, ALL, "hang-middle", "timeout/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{21, ALL, "malformed", "bad_body/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{21, ALL, "html", "server_error/none/200 server_error/none/200" THEN, ERR_NONE, NULL, NULL},
	{21, ALL, "text", "bad_body/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{22, BOTH, "no-done", NULL, ERR_NONE, NULL, NULL},
	{22, BOTH | CLAUDE, "no-finish", "truncated_stream/computed/200" THEN, ERR_NONE, NULL, NULL},
	{22, ALL, "linger", NULL, ERR_NONE, NULL, NULL},
	{23, ALL, "429-after", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},	/* 2 s is over max_hint */
	{23, ALL, "429-date", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{23, ALL, "429-ms", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{23, BOTH, "429-none", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},	/* 1.4 s in the message */
	{23, ROUTER, "429-full", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{24, BOTH | CLAUDE, "429-quota", "billing/none/429" THEN, ERR_NONE, NULL, NULL},
	{25, BOTH | GEMINI, "429-perminute", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},	/* by Google's compatible address */
	{25, BOTH | GEMINI, "429-perday", "quota_exhausted/none/429" THEN, ERR_NONE, NULL, NULL},
	{25, BOTH | GEMINI, "429-limit0", "billing/none/429" THEN, ERR_NONE, NULL, NULL},
	{26, ALL, "500", "server_error/none/500 server_error/none/500" THEN, ERR_NONE, NULL, NULL},
	{26, ALL, "502-html", "server_error/none/502 server_error/none/502" THEN, ERR_NONE, NULL, NULL},
	{26, ALL, "503", "overloaded/none/503 overloaded/none/503" THEN, ERR_NONE, NULL, NULL},
	{26, ALL, "524", "server_error/none/524 server_error/none/524" THEN, ERR_NONE, NULL, NULL},
	{26, ALL, "529", "overloaded/none/529 overloaded/none/529" THEN, ERR_NONE, NULL, NULL},
	{27, ALL, "401", "auth/none/401" THEN, ERR_NONE, NULL, NULL},
	{27, BOTH | GEMINI, "400-key", "auth/none/400" THEN, ERR_NONE, NULL, NULL},
	{27, BOTH | CLAUDE, "402", "billing/none/402" THEN, ERR_NONE, NULL, NULL},
	{27, BOTH, "402-key", "billing/none/402" THEN, ERR_NONE, NULL, NULL},
	{27, BOTH, "402-flight", "rate_limited/none/402 rate_limited/none/402" THEN, ERR_NONE, NULL, NULL},
	{28, ALL, "404", "not_found/none/404" THEN, ERR_NONE, NULL, NULL},
	{28, BOTH, "404-free", "not_found/none/404" THEN, ERR_NONE, NULL, NULL},
	{29, ALL, "400-context", "context_overflow/none/400 ", ERR_MODEL_CONTEXT_OVERFLOW, NULL, NULL},	/* the second is no larger */
	{29, BOTH, "400-context-router", "context_overflow/none/400 ", ERR_MODEL_CONTEXT_OVERFLOW, NULL, NULL},
	{30, BOTH, "403-flagged", "content_blocked/none/403 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{30, BOTH | CLAUDE, "refusal", "content_blocked/computed/200 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{31, ALL, "filter", "content_blocked/computed/200 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{33, ALL, "length-empty", "empty_output/computed/200 empty_output/computed/200" THEN, ERR_NONE, NULL, NULL},
	{33, ALL, "length", NULL, ERR_NONE, "cut sho", NULL},
	{33, ALL, "empty", "empty_output/computed/200 empty_output/computed/200" THEN, ERR_NONE, NULL, NULL},
	{36, ALL, "other-model", NULL, ERR_NONE, NULL, NULL},
	{37, OPENAI, "cost", NULL, ERR_NONE, NULL, NULL},
	{37, ROUTER, "cost", "ok/provider/200 ", ERR_NONE, NULL, NULL},
	{38, ALL, "gzip", "ok/estimated/200 ", ERR_NONE, "gz", NULL},
	{39, ALL, "40mib", "oversize/estimated/200 ", ERR_MODEL_OVERSIZE, NULL, NULL},
	{39, ALL, "longline", "oversize/estimated/200 ", ERR_MODEL_OVERSIZE, NULL, NULL},
	{39, ALL, "bigheader", "oversize/estimated/200 ", ERR_MODEL_OVERSIZE, NULL, NULL},
	{40, ALL, "drip", "timeout/estimated/200" THEN, ERR_NONE, NULL, NULL},
	{41, BOTH, "array-error", "overloaded/none/400 overloaded/none/400" THEN, ERR_NONE, NULL, NULL},
	{41, BOTH | CLAUDE, "nested-error", "rate_limited/none/400 rate_limited/none/400" THEN, ERR_NONE, NULL, NULL},
	{41, ALL, "400", "invalid_request/none/400 ", ERR_MODEL_INVALID_REQUEST, NULL, NULL},
	{42, ALL, "fail-1/", "overloaded/none/503 ok/computed/200 ", ERR_NONE, NULL, NULL},
	{42, ALL, "fail-2/", "overloaded/none/503 overloaded/none/503" THEN, ERR_NONE, NULL, NULL},
	{6, GEMINI, "tools-one", NULL, ERR_NONE, "", "first({\"a\":1}) second({\"b\":2}) "},
	{9, GEMINI, "tools-empty", NULL, ERR_NONE, "", "first({}) "},
	{10, GEMINI, "tools-badjson", NULL, ERR_NONE, "", "first({oops) "},
	{11, GEMINI, "tools-surrogate", NULL, ERR_NONE, "", "first({\"x\":\"a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c\"}) "},
	{14, GEMINI, "thoughts", NULL, ERR_NONE, NULL, NULL},
	{14, GEMINI, "cached", NULL, ERR_NONE, NULL, NULL},
	{15, GEMINI, "finish-LANGUAGE", "stream_error/computed/200 stream_error/computed/200" THEN, ERR_NONE, NULL, NULL},
	{17, GEMINI, "error-late", "stream_error/computed/200 stream_error/computed/200" THEN, ERR_NONE, NULL, NULL},
	{17, GEMINI, "error-raw", "stream_error/computed/200 stream_error/computed/200" THEN, ERR_NONE, NULL, NULL},
	{22, GEMINI, "no-finish", "truncated_stream/estimated/200" THEN, ERR_NONE, NULL, NULL},	/* its usage is no bill yet */
	{22, GEMINI, "array", NULL, ERR_NONE, NULL, NULL},
	{25, GEMINI, "429-both", "quota_exhausted/none/429" THEN, ERR_NONE, NULL, NULL},
	{25, GEMINI, "429-none", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{25, GEMINI, "429-fraction", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},	/* 246 ms */
	{25, GEMINI, "429-zero", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{26, GEMINI, "504", "timeout/none/504" THEN, ERR_NONE, NULL, NULL},
	{26, GEMINI, "499", "server_error/none/499 server_error/none/499" THEN, ERR_NONE, NULL, NULL},
	{27, GEMINI, "400-expired", "auth/none/400" THEN, ERR_NONE, NULL, NULL},
	{27, GEMINI, "403", "auth/none/403" THEN, ERR_NONE, NULL, NULL},
	{27, GEMINI, "400-billing", "billing/none/400" THEN, ERR_NONE, NULL, NULL},
	{30, GEMINI, "blocked", "content_blocked/computed/200 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{31, GEMINI, "finish-RECITATION", "content_blocked/computed/200 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{32, GEMINI, "malformed-call", "malformed_tool_call/computed/200 malformed_tool_call/computed/200" THEN, ERR_NONE, NULL, ""},
	{33, GEMINI, "no-content", "empty_output/computed/200 empty_output/computed/200" THEN, ERR_NONE, NULL, NULL},
	{41, GEMINI, "array-error", "overloaded/none/503 overloaded/none/503" THEN, ERR_NONE, NULL, NULL},
	{41, GEMINI, "nested-error", "rate_limited/none/500 rate_limited/none/500" THEN, ERR_NONE, NULL, NULL},
	{6, CLAUDE, "tools-interleaved", NULL, ERR_NONE, "", "first({\"a\":1}) second({\"b\":2}) "},
	{9, CLAUDE, "tools-empty", NULL, ERR_NONE, "", "first({}) "},
	{10, CLAUDE, "tools-badjson", NULL, ERR_NONE, "", "first({oops) "},
	{10, CLAUDE, "tools-args", NULL, ERR_NONE, "", "first({\"x\":1}) "},
	{10, CLAUDE, "tools-cut", "malformed_tool_call/computed/200 malformed_tool_call/computed/200" THEN, ERR_NONE, NULL, ""},
	{11, CLAUDE, "tools-surrogate", NULL, ERR_NONE, "", "first({\"x\":\"a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c\"}) "},
	{16, CLAUDE, "error-first", "overloaded/none/200 overloaded/none/200" THEN, ERR_NONE, NULL, NULL},
	{22, CLAUDE, "no-done", "truncated_stream/computed/200" THEN, ERR_NONE, NULL, NULL},
	{23, CLAUDE, "429-none", "rate_limited/none/429 rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{23, CLAUDE, "429-reset", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},	/* 30 s by the limit's own reset */
	{23, CLAUDE, "429-no-retry", "rate_limited/none/429" THEN, ERR_NONE, NULL, NULL},
	{26, CLAUDE, "504", "timeout/none/504" THEN, ERR_NONE, NULL, NULL},
	{26, CLAUDE, "409", "server_error/none/409 server_error/none/409" THEN, ERR_NONE, NULL, NULL},
	{27, CLAUDE, "403", "auth/none/403" THEN, ERR_NONE, NULL, NULL},
	{27, CLAUDE, "400-billing", "billing/none/400" THEN, ERR_NONE, NULL, NULL},
	{29, CLAUDE, "400-context-output", "context_overflow/none/400 ", ERR_MODEL_CONTEXT_OVERFLOW, NULL, NULL},
	{29, CLAUDE, "context-empty", "context_overflow/computed/200 ", ERR_MODEL_CONTEXT_OVERFLOW, NULL, NULL},
	{30, CLAUDE, "400-filter", "content_blocked/none/400 ", ERR_MODEL_CONTENT_BLOCKED, NULL, NULL},
	{33, CLAUDE, "context-full", NULL, ERR_NONE, "cut sho", NULL},
	{35, CLAUDE, "thinking", NULL, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "redacted", NULL, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "ping-storm", NULL, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "unknown-event", NULL, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "unknown-block", NULL, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "stop-sequence", NULL, ERR_NONE, "until here", NULL},
	{35, CLAUDE, "pause", "stream_error/computed/200 stream_error/computed/200" THEN, ERR_NONE, NULL, NULL},
	{35, CLAUDE, "cache", NULL, ERR_NONE, NULL, NULL},
	{39, CLAUDE, "413", "invalid_request/none/413 ", ERR_MODEL_INVALID_REQUEST, NULL, NULL},
	{39, CLAUDE, "413-html", "invalid_request/none/413 ", ERR_MODEL_INVALID_REQUEST, NULL, NULL},
	{41, CLAUDE, "array-error", "overloaded/none/529 overloaded/none/529" THEN, ERR_NONE, NULL, NULL},
	{43, ALL, "alone/", NULL, ERR_NONE, NULL, NULL},
};

/* Tests of their own, below and elsewhere. */
static const int elsewhere[] = {34, 44};

#define COUNT(v) (sizeof(v) / sizeof(v)[0])
enum { N_FAULTS = COUNT(faults), N_WIRES = COUNT(wires) };

/* --- one fault at one wire --- */

/* Faults that count have a name of their own at each wire. */
static void route_row(const struct fault *f, size_t wire)
{
	bool counts = f->name[strlen(f->name) - 1] == '/';

	route(arena_printf(arena, "%smodels:\n"
		"  first: {provider: %s, id: \"stub/%s%s\", max_output: 100, can: [json, tools], " PRICE "}\n"
		"  second: {provider: stub, id: \"stub/good\", max_output: 100, can: [tools], price: free}\n"
		"tiers:\n"
		"  t: {deadline: 30s, steps: [{model: first}, {model: second}]}\n",
		provider_lines(""), wires[wire].provider, f->name, counts ? wires[wire].name : ""));
}

static const struct message asked_for = {.role = ROLE_USER, .text = {"hello", 5}};

static void start_row(struct asked *q, const struct fault *f, size_t wire)
{
	route_row(f, wire);
	start_talk(q, "t", &asked_for, 1, f->calls ? 2 : 0);
}

static const char *calls_of(const struct asked *q)
{
	struct buf b;

	buf_init(&b, arena);
	for (size_t i = 0; i < q->n_tool_calls; i++)
		buf_addf(&b, STR_FMT "(" STR_FMT ") ", STR_ARG(q->tool_calls[i].name), STR_ARG(q->tool_calls[i].args));
	return buf_cstr(&b);
}

static int64_t price_of(const struct usage *u)
{
	return (u->in_fresh + u->in_cached + u->in_write_5m + u->in_write_1h) * 2000000 + (u->out_text + u->out_reason) * 10000000;
}

/* What was booked for an attempt is what its source says, to the pico-dollar. */
static void expect_money(const char *what, const struct model_call *c, int64_t worst_pusd)
{
	int64_t want = 0;

	if (strcmp(c->cost_source, "estimated") == 0)
		want = worst_pusd;
	else if (strcmp(c->cost_source, "computed") == 0)
		want = price_of(&c->usage);
	else if (strcmp(c->cost_source, "provider") == 0)
		want = INT64_C(12300000000);
	ck_assert_msg(c->cost_pusd == want && (want > 0 || strcmp(c->cost_source, "none") == 0), "%s: %s: %lld pico-dollars, not %lld",
		      what, c->cost_source, (long long)c->cost_pusd, (long long)want);
}

static int64_t worst_of(const struct fault *f)
{
	size_t bytes = 5 + (f->calls ? sizeof "kb_readreadsnow" - 1 : 0), things = 1 + (f->calls ? 2 : 0);

	return (int64_t)((bytes + 2) / 3 + things * 8 + 16) * 2000000 + 100 * INT64_C(10000000);
}

START_TEST(class_fallback_and_money)
{
	const struct fault *f = &faults[_i / N_WIRES];
	size_t wire = (size_t)_i % N_WIRES;
	const char *what = arena_printf(arena, "fault %d, %s, wire %s", f->number, f->name, wires[wire].name);
	int64_t begin = loop_now_ms(bank.loop);
	struct asked q;

	if (!(f->wires & wires[wire].bit))
		return;
	start_row(&q, f, wire);
	finish(&q);
	ck_assert_msg(q.err.code == f->end, "%s: %s: %s (%s)", what, err_name(q.err.code), q.err.msg, bank.log);
	ck_assert_msg(strcmp(bank.log, f->log ? f->log : "ok/computed/200 ") == 0, "%s: %s", what, bank.log);
	if (f->end == ERR_NONE) {
		ck_assert_msg(strcmp(q.text, f->text ? f->text : HELLO) == 0, "%s: %s", what, q.text);
		ck_assert_msg(strcmp(calls_of(&q), f->calls ? f->calls : "") == 0, "%s: %s", what, calls_of(&q));
	}
	for (size_t i = 0; i < bank.n_calls; i++)
		expect_money(what, &bank.calls[i], worst_of(f));
	ck_assert_uint_eq(q.n_calls, 1);
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
	ck_assert_int_eq(bank.n_refused, 0);
	ck_assert_msg(loop_now_ms(bank.loop) - begin < SLOWEST_MS, "%s took %lld ms", what, (long long)(loop_now_ms(bank.loop) - begin));
}
END_TEST

START_TEST(every_number_is_played)
{
	for (int number = 1; number <= LAST_NUMBER; number++) {
		bool is_played = false;

		for (size_t i = 0; i < N_FAULTS; i++)
			is_played |= faults[i].number == number;
		for (size_t i = 0; i < COUNT(elsewhere); i++)
			is_played |= elsewhere[i] == number;
		ck_assert_msg(is_played, "fault %d is not played", number);
	}
}
END_TEST

/* --- 14, 36: what the rows above do not see --- */

START_TEST(the_last_usage_counts)
{
	struct asked q;

	route_fault("usage-twice", "stub", false);
	q = ask("t");
	ck_assert_int_eq(q.usage.in_fresh, 70);
	ck_assert_int_eq(q.usage.out_text, 7);
	route_fault("length", "stub", false);
	ck_assert_str_eq(ask("t").finish, "length");
	route_fault("other-model", "stub", false);
	ask("t");
	ck_assert(str_is(bank.calls[bank.n_calls - 1].model_asked, "stub/other-model"));
	ck_assert(str_is(bank.calls[bank.n_calls - 1].model_answered, "stub/really-this"));
}
END_TEST

/* --- 34: a signature that comes back as it was --- */

START_TEST(a_signature_comes_back)
{
	const struct fault f = {34, BOTH, "signed", NULL, ERR_NONE, NULL, ""};
	struct message m[3] = {asked_for};
	struct asked q;

	if (wires[_i].bit == GEMINI)	/* has more to sign: gemini_talk.c */
		return;
	route_row(&f, (size_t)_i);
	start_talk(&q, "t", m, 1, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_uint_eq(q.n_tool_calls, 1);
	m[1] = (struct message){.role = ROLE_ASSISTANT, .text = str_from(q.text), .calls = q.tool_calls, .n_calls = 1,
				.echo = str_from(q.echo)};
	m[2] = (struct message){.role = ROLE_TOOL, .call_id = q.tool_calls[0].id, .text = STR("12:00")};
	start_talk(&q, "t", m, 3, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, HELLO);
	m[1].echo = STR("");	/* and the stub would see it missing */
	start_talk(&q, "t", m, 3, 2);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_INVALID_REQUEST);
	ck_assert_msg(strstr(q.err.msg, wires[_i].unsigned_words) != NULL, "%s", q.err.msg);
}
END_TEST

/* --- 43: two at once --- */

START_TEST(one_works_alone)
{
	const struct fault f = {43, BOTH, "alone/two-", NULL, ERR_NONE, NULL, NULL};
	struct asked q[2];

	route_row(&f, (size_t)_i);
	for (int i = 0; i < 2; i++)
		start_talk(&q[i], "t", &asked_for, 1, 0);
	for (int i = 0; i < 2; i++) {
		finish(&q[i]);
		ck_assert_msg(q[i].err.code == ERR_NONE, "%s", q[i].err.msg);
	}
	ck_assert_ptr_nonnull(strstr(bank.log, "overloaded/none/503 "));
	ck_assert_ptr_nonnull(strstr(bank.log, "ok/computed/200 "));
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

/* --- all at once --- */

/* What is held: the allocator gives back what it only kept for the next one. */
static long rss_kib(void)
{
	long pages = 0, all;
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/statm", "r");

	ck_assert(f && fscanf(f, "%ld %ld", &all, &pages) == 2);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool is_weighed(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#else
	return getenv("CK_FORK") == NULL || strcmp(getenv("CK_FORK"), "no") != 0;	/* valgrind's is not ours */
#endif
}

/* How many rows there are. */
static size_t play_all(struct asked *q)
{
	size_t n = 0, rows;

	bank.log[0] = '\0';
	bank.n_calls = 0;
	for (size_t i = 0; i < N_FAULTS; i++)
		for (size_t wire = 0; wire < N_WIRES; wire++)
			if (faults[i].wires & wires[wire].bit)
				start_row(&q[n++], &faults[i], wire);
	rows = n;
	while (n > 0)
		finish(&q[--n]);
	return rows;
}

/* Every row at once, 500 questions, among them answers of 40 MiB. The routing of a row lives as long as the gateway. */
START_TEST(memory_returns)
{
	struct asked *q = ARENA_ARRAY(arena, (size_t)N_FAULTS * N_WIRES, struct asked);
	int64_t begin = loop_now_ms(bank.loop);
	long quiet = 0;
	size_t rows;

	bank.limit_pusd = INT64_MAX;
	for (int i = 0; i < 2; i++) {	/* connections, what libraries make once, and how much was ever in flight at once */
		play_all(q);
		quiet = rss_kib() > quiet ? rss_kib() : quiet;
	}
	rows = play_all(q);
	if (is_weighed())
		ck_assert_msg(rss_kib() < quiet + FLAT_KIB + ROUTING_KIB * (long)rows, "%ld KiB after, %ld before", rss_kib(), quiet);
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
	ck_assert_int_lt(loop_now_ms(bank.loop) - begin, 3 * N_WIRES * SLOWEST_MS);
}
END_TEST

/* Whatever a provider does, the tier's deadline ends it. */
START_TEST(the_deadline_holds)
{
	static const char *const slow[] = {"hang-headers", "hang-body", "hang-middle", "drip", "linger", "429-ms", "500"};
	enum { DEADLINE_MS = 300 };

	for (size_t wire = 0; wire < N_WIRES; wire++)
		for (size_t i = 0; i < COUNT(slow); i++) {
			int64_t begin = loop_now_ms(bank.loop);
			struct asked q;

			route_fault(slow[i], wires[wire].provider, false);
			start(&q, "t", "hello", NULL, DEADLINE_MS);
			finish(&q);
			ck_assert_msg(loop_now_ms(bank.loop) - begin < DEADLINE_MS + 400, "%s, wire %s: %lld ms", slow[i],
				      wires[wire].name, (long long)(loop_now_ms(bank.loop) - begin));
			ck_assert_int_eq(bank.held_pusd, 0);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("faults");
	TCase *t = tcase_create("faults"), *all = tcase_create("all at once");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, class_fallback_and_money, 0, N_FAULTS * N_WIRES);
	tcase_add_test(t, every_number_is_played);
	tcase_add_test(t, the_last_usage_counts);
	tcase_add_loop_test(t, a_signature_comes_back, 0, N_WIRES);
	tcase_add_loop_test(t, one_works_alone, 0, N_WIRES);
	tcase_add_test(t, the_deadline_holds);
	suite_add_tcase(s, t);
	tcase_set_timeout(all, 120);
	tcase_add_unchecked_fixture(all, start_stub, stop_stub);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, memory_returns);
	suite_add_tcase(s, all);
	return suite_run(s);
}
