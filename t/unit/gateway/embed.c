/* embed.c - texts to vectors: batches, forms, money, and everything that a provider can do wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "gateway/embedding.h"
#include "gateway/endpoint.h"
#include "gateway/openai_embed.h"
#include "gateway/spend.h"
#include "gateway/wire.h"
#include "stand.h"
#include "t/bin/stub_stream.h"
#include "../suite_run.h"

#define EMBED_PRICE "price: {input: 0.02, as_of: 2026-11-01}"

static void route_embed(const char *id, const char *provider, const char *more)
{
	route(arena_printf(arena, "%smodels:\n  e: {provider: %s, id: \"%s\", kind: embedding, dims: 8, " EMBED_PRICE "%s}\n"
		"  chat: {provider: stub, id: x, price: free}\n"
		"tiers:\n  e: {deadline: 30s, steps: [{model: e}]}\n  chat: {steps: [{model: chat}]}\n", provider_lines(""), provider,
		id, more));
}

enum { WORST = (1 + 2 + (13 + 2) / 3 + 2 + 2 + 2) * 20000 };	/* of these, in pico-dollars */
static const struct str three[] = {{"one", 3}, {"gr\xC3\xBC\xC3\x9F \"two\"\n", 13}, {"three", 5}};

static struct asked embed(const struct str *texts, size_t n)
{
	struct asked q;

	start_embed(&q, "e", texts, n);
	finish(&q);
	return q;
}

/* As the stub made them, scaled. */
static void expect_vectors(const struct asked *q, const struct str *texts, size_t n)
{
	ck_assert_msg(q->err.code == ERR_NONE, "%s: %s", err_name(q->err.code), q->err.msg);
	ck_assert_uint_eq(q->n_vectors, n);
	ck_assert_uint_eq(q->dims, 8);
	ck_assert_str_eq(q->model, "e");
	for (size_t i = 0; i < n; i++) {
		double sum = 0, ours = 0;

		for (size_t k = 0; k < 8; k++) {
			double want = stub_number(texts[i], k);

			sum += want * want;
			ours += (double)q->vectors[i * 8 + k] * (double)q->vectors[i * 8 + k];
		}
		ck_assert_msg(fabs(ours - 1) < 1e-5, "vector %zu has length %f", i, sqrt(ours));
		for (size_t k = 0; k < 8; k++)
			ck_assert_msg(fabs((double)q->vectors[i * 8 + k] - stub_number(texts[i], k) / sqrt(sum)) < 1e-5,
				      "vector %zu, number %zu", i, k);
	}
}

static const struct {
	const char *provider, *form;
} forms[] = {
	{"stub", "plain"}, {"stub", "float"}, {"stub", "base64"}, {"stub", "order"}, {"stub", "no-index"}, {"stub", "fail-1/e"},
	{"router", "plain"}, {"google", "plain"}, {"google", "fail-1/e"},
};

START_TEST(every_form_gives_the_same_vectors)
{
	struct asked q;

	route_embed(arena_printf(arena, "stub/%s%s", forms[_i].form, strchr(forms[_i].form, '/') ? forms[_i].provider : ""), forms[_i].provider, "");
	q = embed(three, 3);
	expect_vectors(&q, three, 3);
	ck_assert_str_eq(q.text, "");
	ck_assert_uint_eq(q.n_calls, 1);
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
	ck_assert_int_eq(q.usage.out_text + q.usage.out_reason, 0);
	ck_assert_str_eq(bank.calls[bank.n_calls - 1].operation, "embeddings");
	ck_assert(!bank.calls[bank.n_calls - 1].has_temperature);
	if (strcmp(forms[_i].provider, "google") == 0) {	/* which counts no tokens */
		ck_assert_int_eq(q.cost_pusd, WORST);
		ck_assert_str_eq(bank.calls[bank.n_calls - 1].cost_source, "estimated");
		return;
	}
	ck_assert_int_gt(q.usage.in_fresh, 0);
	ck_assert_int_eq(q.cost_pusd, q.usage.in_fresh * 20000);
}
END_TEST

#define GOOGLE ":"	/* in front of a fault of wire gemini */

/* Fault 44, and what any question can meet. */
static const struct {
	const char *fault;
	enum err_code code;
	const char *says, *log;
} faults[] = {
	{GOOGLE "count", ERR_MODEL_BAD_BODY, "2 vectors for 3 texts", "bad_body/estimated/200 "},
	{GOOGLE "extra", ERR_MODEL_BAD_BODY, "4 vectors for 3 texts", "bad_body/estimated/200 "},
	{GOOGLE "dims", ERR_MODEL_BAD_BODY, "vector 0 has 9 numbers, \"dims\" of the model says 8", "bad_body/estimated/200 "},
	{GOOGLE "null", ERR_MODEL_BAD_BODY, "number 1 of vector 2 is null", "bad_body/estimated/200 "},
	{GOOGLE "nan", ERR_MODEL_BAD_BODY, "number 1 of vector 2 is string", "bad_body/estimated/200 "},
	{GOOGLE "zero", ERR_MODEL_BAD_BODY, "vector 0 is all zeros", "bad_body/estimated/200 "},
	{GOOGLE "bare", ERR_MODEL_BAD_BODY, "no \"embeddings\"", "bad_body/estimated/200 "},
	{GOOGLE "429-perday", ERR_MODEL_QUOTA_EXHAUSTED, "", "quota_exhausted/none/429 "},
	{GOOGLE "400-key", ERR_MODEL_AUTH, "", "auth/none/400 "},
	{GOOGLE "503", ERR_MODEL_OVERLOADED, "", "overloaded/none/503 overloaded/none/503 "},
	{"count", ERR_MODEL_BAD_BODY, "2 vectors for 3 texts", "bad_body/computed/200 "},
	{"extra", ERR_MODEL_BAD_BODY, "4 vectors for 3 texts", "bad_body/computed/200 "},
	{"twice", ERR_MODEL_BAD_BODY, "vector 0 is there twice", "bad_body/computed/200 "},
	{"dims", ERR_MODEL_BAD_BODY, "vector 0 has 9 numbers, \"dims\" of the model says 8", "bad_body/computed/200 "},
	{"nan", ERR_MODEL_BAD_BODY, "not JSON", "bad_body/estimated/200 "},
	{"null", ERR_MODEL_BAD_BODY, "number 1 of vector 2 is null", "bad_body/computed/200 "},
	{"text-number", ERR_MODEL_BAD_BODY, "number 1 of vector 2 is string", "bad_body/computed/200 "},
	{"nan-base64", ERR_MODEL_BAD_BODY, "vector 2 holds a number that is not finite", "bad_body/computed/200 "},
	{"half", ERR_MODEL_BAD_BODY, "no base64 of float32", "bad_body/computed/200 "},
	{"zero", ERR_MODEL_BAD_BODY, "vector 0 is all zeros", "bad_body/computed/200 "},
	{"bare", ERR_MODEL_BAD_BODY, "no \"data\"", "bad_body/computed/200 "},
	{"cut", ERR_MODEL_TRUNCATED_STREAM, "broke off", "truncated_stream/estimated/200 "},
	{"html", ERR_MODEL_SERVER_ERROR, "HTML", "server_error/none/200 server_error/none/200 "},
	{"text", ERR_MODEL_BAD_BODY, "not JSON", "bad_body/estimated/200 "},
	{"error-only", ERR_MODEL_OVERLOADED, "overloaded", "overloaded/none/200 overloaded/none/200 "},
	{"refuse-dims", ERR_MODEL_INVALID_REQUEST, "does not support specifying dimensions", "invalid_request/none/400 "},
	{"401", ERR_MODEL_AUTH, "Incorrect API key", "auth/none/401 "},
	{"404", ERR_MODEL_NOT_FOUND, "does not exist", "not_found/none/404 "},
	{"400-context", ERR_MODEL_CONTEXT_OVERFLOW, "maximum context", "context_overflow/none/400 "},
	{"429-quota", ERR_MODEL_BILLING, "quota", "billing/none/429 "},
	{"500", ERR_MODEL_SERVER_ERROR, "error", "server_error/none/500 server_error/none/500 "},
	{"hang-headers", ERR_MODEL_TIMEOUT, "first_byte", "timeout/estimated/0 "},
	{"bigheader", ERR_MODEL_OVERSIZE, "", "oversize/estimated/200 "},
};

START_TEST(no_wrong_vector_gets_through)
{
	const char *fault = faults[_i].fault;
	bool google = fault[0] == GOOGLE[0];
	struct asked q;

	route_embed(arena_printf(arena, "stub/%s", fault + google), google ? "google" : "stub", "");
	q = embed(three, 3);
	ck_assert_msg(q.err.code == faults[_i].code && strstr(q.err.msg, faults[_i].says), "%s: %s: %s (%s)", faults[_i].fault,
		      err_name(q.err.code), q.err.msg, bank.log);
	ck_assert_msg(strcmp(bank.log, faults[_i].log) == 0, "%s: %s", faults[_i].fault, bank.log);
	ck_assert_uint_eq(q.n_vectors, 0);
	ck_assert_uint_eq(q.n_calls, 1);
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
}
END_TEST

START_TEST(money_is_reserved_and_settled)
{
	struct asked q;
	int64_t worst = WORST;

	bank.limit_pusd = worst;
	route_embed("stub/plain", "stub", "");
	start_embed(&q, "e", three, 3);
	loop_once(bank.loop);
	ck_assert_int_eq(bank.held_pusd, worst);
	finish(&q);
	expect_vectors(&q, three, 3);
	ck_assert(str_is(bank.calls[0].model_asked, "stub/plain") && str_is(bank.calls[0].model_answered, "stub/plain"));
	ck_assert(str_starts(bank.calls[0].provider_request_id, STR("stub-")));
	bank.limit_pusd = bank.spent_pusd + worst - 1;
	bank.log[0] = '\0';
	q = embed(three, 3);
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_str_eq(bank.log, "");
	/* nothing counted: the worst case */
	bank.limit_pusd = INT64_MAX;
	route_embed("stub/no-usage", "stub", "");
	q = embed(three, 3);
	ck_assert_int_eq(q.cost_pusd, worst);
	ck_assert_str_eq(bank.log, "ok/estimated/200 ");
	/* the router's charge */
	bank.log[0] = '\0';
	route_embed("stub/cost", "router", "");
	q = embed(three, 3);
	ck_assert_int_eq(q.cost_pusd, INT64_C(12300000000));
	ck_assert_str_eq(bank.log, "ok/provider/200 ");
}
END_TEST

/* 1,000,000 numbers at most in one answer: 1,024 dims, 1,500 texts are two requests, the second one reserved with the first's end. */
START_TEST(many_texts_go_in_batches)
{
	enum { N = 1500, DIMS = 1024 };
	struct str *texts = ARENA_ARRAY(arena, N, struct str);
	struct asked q;
	size_t at;

	for (size_t i = 0; i < N; i++)
		texts[i] = str_from(arena_printf(arena, "text %zu", i));
	route(arena_printf(arena, "%smodels:\n  e: {provider: stub, id: \"stub/plain\", kind: embedding, dims: %d, " EMBED_PRICE "}\n"
		"tiers:\n  e: {steps: [{model: e}]}\n", provider_lines(", timeout: {first_byte: 15s}"), DIMS));
	q = embed(texts, N);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ");
	ck_assert_int_eq(bank.n_with_both, 1);
	ck_assert_uint_eq(q.n_vectors, N);
	for (at = 0; at < N; at += 499) {
		double sum = 0;

		for (size_t k = 0; k < DIMS; k++)
			sum += stub_number(texts[at], k) * stub_number(texts[at], k);
		ck_assert_msg(fabs((double)q.vectors[at * DIMS + 7] - stub_number(texts[at], 7) / sqrt(sum)) < 1e-5, "vector %zu", at);
	}
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
}
END_TEST

/* Gemini takes 100 in one request. */
START_TEST(gemini_takes_a_hundred)
{
	enum { N = 250 };
	struct str *texts = ARENA_ARRAY(arena, N, struct str);
	struct asked q;

	for (size_t i = 0; i < N; i++)
		texts[i] = str_from(arena_printf(arena, "text %zu", i));
	route_embed("stub/plain", "google", "");
	q = embed(texts, N);
	expect_vectors(&q, texts, N);
	ck_assert_str_eq(bank.log, "ok/estimated/200 ok/estimated/200 ok/estimated/200 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(a_failed_batch_fails_the_whole)
{
	enum { N = 3 };
	struct str texts[N];
	char *big = arena_alloc(arena, 600000);
	struct asked q;

	memset(big, 'x', 600000);
	for (size_t i = 0; i < N; i++)
		texts[i] = (struct str){big, 600000};	/* 200,002 tokens each: a batch of its own */
	route_embed("stub/plain", "stub", "");
	bank.limit_pusd = INT64_C(2) * 200002 * 20000;
	q = embed(texts, N);
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);	/* of the third */
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ");
	ck_assert_uint_eq(q.n_vectors, 0);
	ck_assert_int_gt(q.cost_pusd, 0);
}
END_TEST

START_TEST(what_cannot_be_asked)
{
	struct str empty[] = {STR("a"), STR("")}, *many = ARENA_ARRAY(arena, EMBED_TEXTS_MAX + 1, struct str);
	struct asked q;

	route_embed("stub/plain", "stub", "");
	q = embed(empty, 2);
	ck_assert(q.err.code == ERR_MODEL_INVALID_REQUEST && strstr(q.err.msg, "text 1 is empty"));
	q = embed(empty, 0);
	ck_assert(q.err.code == ERR_MODEL_INVALID_REQUEST && strstr(q.err.msg, "no text"));
	for (size_t i = 0; i <= EMBED_TEXTS_MAX; i++)
		many[i] = STR("a");
	q = embed(many, EMBED_TEXTS_MAX + 1);
	ck_assert(q.err.code == ERR_MODEL_INVALID_REQUEST && strstr(q.err.msg, "at most 2048"));
	start_embed(&q, "chat", three, 3);
	finish(&q);
	ck_assert(q.err.code == ERR_MODEL_NO_ROUTE && strstr(q.err.msg, "makes no embeddings"));
	q = ask("e");
	ck_assert(q.err.code == ERR_MODEL_NO_ROUTE && strstr(q.err.msg, "it cannot be asked"));
	/* twice the context does not fit any more */
	route_embed("stub/plain", "stub", ", context: 2");
	q = embed(three, 3);
	ck_assert_msg(q.err.code == ERR_MODEL_CONTEXT_OVERFLOW, "%s", q.err.msg);
	ck_assert_int_eq(bank.n_moves, 0);
}
END_TEST

START_TEST(shortening_is_asked_for)
{
	struct asked q;

	route_embed("stub/refuse-dims", "stub", ", shorten: false");
	q = embed(three, 3);
	expect_vectors(&q, three, 3);
}
END_TEST

START_TEST(cancel_aborts)
{
	struct asked q;

	route_embed("stub/hang-headers", "stub", "");
	start_embed(&q, "e", three, 3);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_str_eq(bank.log, "cancelled/none/0 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

/* OpenAI itself is asked for base64; what others are asked for is in the stub's log of the tests above. */
START_TEST(what_openai_is_asked_for)
{
	const struct model m = {.id = STR("text-embedding-3-small"), .kind = MODEL_EMBEDDING, .dims = 768, .shorten = true};
	struct endpoint e = {.base_url = "https://api.openai.com/v1"};
	struct wire_request req = {.endpoint = &e, .model = &m, .texts = three, .n_texts = 2};

	ck_assert(str_is(openai_embed_question(arena, &req), "{\"model\":\"text-embedding-3-small\",\"input\":[\"one\",\"gr\xC3\xBC\xC3\x9F "
		"\\\"two\\\"\\n\"],\"dimensions\":768,\"encoding_format\":\"base64\"}"));
	e.base_url = "http://127.0.0.1:11434/v1";
	ck_assert(str_find(openai_embed_question(arena, &req), STR("\"encoding_format\":\"float\"}")) > 0);
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("embed");
	TCase *t = tcase_create("embed");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_form_gives_the_same_vectors, 0, COUNT(forms));
	tcase_add_loop_test(t, no_wrong_vector_gets_through, 0, COUNT(faults));
	tcase_add_test(t, money_is_reserved_and_settled);
	tcase_add_test(t, many_texts_go_in_batches);
	tcase_add_test(t, gemini_takes_a_hundred);
	tcase_add_test(t, a_failed_batch_fails_the_whole);
	tcase_add_test(t, what_cannot_be_asked);
	tcase_add_test(t, shortening_is_asked_for);
	tcase_add_test(t, cancel_aborts);
	tcase_add_test(t, what_openai_is_asked_for);
	suite_add_tcase(s, t);
	return suite_run(s);
}
