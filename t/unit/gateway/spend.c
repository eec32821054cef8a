/* spend.c - bills to the last pico-dollar. */
#include "gateway/spend.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/openai_usage.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define PRICED .known = true

/* Prices in millionths of a dollar per million tokens, that is in pico-dollars per token. */
static const struct {
	struct price price;
	struct usage usage;
	const char *usd;
} bills[] = {
	/* computed by hand */
	{{PRICED, .input = 3000000, .write_5m = 3750000, .output = 15000000}, {.in_fresh = 3, .in_write_5m = 12304, .out_text = 550},
	 "0.054399"},
	{{PRICED, .input = 5000000, .write_5m = 6250000, .output = 25000000}, {.in_fresh = 6, .in_write_5m = 159217, .out_text = 2745},
	 "1.06376125"},
	{{PRICED, .input = 1250000, .cached = 125000, .output = 10000000},
	 {.in_fresh = 500, .in_cached = 1500, .out_text = 100, .out_reason = 200}, "0.0038125"},
	{{PRICED, .input = 300000, .cached = 30000, .output = 2500000},
	 {.in_fresh = 56, .in_cached = 64, .out_text = 18, .out_reason = 210}, "0.00058872"},
	{{PRICED, .write_1h = 6000000}, {.in_write_1h = 1000000}, "6"},
	{{PRICED, .free = true}, {.in_fresh = 1000000, .out_text = 1000000}, "0"},
};

START_TEST(golden_bills)
{
	int64_t pusd;
	char text[40];

	ck_assert_int_eq(spend_cost(&bills[_i].price, &bills[_i].usage, &pusd), 0);
	money_format(pusd, text);
	ck_assert_str_eq(text, bills[_i].usd);
}
END_TEST

START_TEST(products_never_wrap)
{
	struct price p = {PRICED, .input = 1000000000, .output = 1};
	struct usage u = {.in_fresh = INT64_MAX / 2};
	int64_t pusd = 7;

	ck_assert_int_eq(spend_cost(&p, &u, &pusd), -1);
	ck_assert_int_eq(pusd, 7);
	u = (struct usage){.in_fresh = 9000000000, .out_text = INT64_MAX - 5};
	ck_assert_int_eq(spend_cost(&p, &u, &pusd), -1);
	ck_assert_int_eq(pusd_add(INT64_MAX, 1), INT64_MAX);
}
END_TEST

/* The bill of the OpenAI vector from the server's own words. */
START_TEST(usage_to_bill)
{
	struct usage u;
	int64_t pusd;

	ck_assert(openai_usage_read(parse("{\"prompt_tokens\":2000,\"completion_tokens\":300,\"total_tokens\":2300,"
		"\"prompt_tokens_details\":{\"cached_tokens\":1500,\"audio_tokens\":0},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":200}}"), &u));
	ck_assert_int_eq(spend_cost(&bills[2].price, &u, &pusd), 0);
	ck_assert_int_eq(pusd, INT64_C(3812500000));
}
END_TEST

static const struct {
	const char *json;
	bool ok;
	struct usage usage;
} usages[] = {
	{"{\"prompt_tokens\":12,\"completion_tokens\":100}", true, {.in_fresh = 12, .out_text = 100}},
	{"{\"prompt_tokens\":\"12\",\"completion_tokens\":\"100\"}", true, {.in_fresh = 12, .out_text = 100}},
	{"{\"prompt_tokens\":12.0,\"completion_tokens\":1e2}", true, {.in_fresh = 12, .out_text = 100}},
	{"{\"prompt_tokens\":12,\"completion_tokens\":null}", true, {.in_fresh = 12}},
	{"{\"prompt_tokens\":100,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":30,\"cache_write_tokens\":20}}",
	 true, {.in_fresh = 50, .in_cached = 30, .in_write_5m = 20, .out_text = 1}},
	{"{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":30},"
	 "\"completion_tokens_details\":{\"reasoning_tokens\":9}}", true, {.in_cached = 30, .out_reason = 9}},
	{"{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":null}", true, {.in_fresh = 10, .out_text = 5}},
	{"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":45}", true, {.in_fresh = 10, .out_text = 5, .out_reason = 30}},
	{"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":3}", true, {.in_fresh = 10, .out_text = 5}},
	{"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":-3}", false, {0}},
	{"{}", false, {0}},
	{"null", false, {0}},
	{"{\"prompt_tokens\":null,\"completion_tokens\":null}", false, {0}},
	{"{\"prompt_tokens\":-1,\"completion_tokens\":5}", false, {0}},
	{"{\"prompt_tokens\":1.5,\"completion_tokens\":5}", false, {0}},
	{"{\"prompt_tokens\":\"1x\",\"completion_tokens\":5}", false, {0}},
	{"{\"prompt_tokens\":99999999999999,\"completion_tokens\":5}", false, {0}},
	{"{\"prompt_tokens\":5,\"completion_tokens\":5,\"completion_tokens_details\":{\"reasoning_tokens\":-2}}", false, {0}},
};

START_TEST(usage_buckets)
{
	struct usage u = {0};

	ck_assert_int_eq(openai_usage_read(parse(usages[_i].json), &u), usages[_i].ok);
	ck_assert_mem_eq(&u, &usages[_i].usage, sizeof u);
}
END_TEST

static const struct {
	const char *json;
	bool ok;
	int64_t pusd;
} charges[] = {
	{"{\"cost\":0.0123}", true, INT64_C(12300000000)},
	{"{\"cost\":0}", true, 0},
	{"{\"cost\":2}", true, INT64_C(2000000000000)},
	{"{\"cost\":1.5e-05}", true, INT64_C(15000000)},
	{"{\"cost\":0.00000000000049}", true, 0},
	{"{\"cost\":0.001,\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":0.02}}", true, INT64_C(21000000000)},
	{"{\"cost\":0.001,\"is_byok\":true}", false, 0},
	{"{\"cost\":null}", false, 0},
	{"{\"cost\":-1}", false, 0},
	{"{\"cost\":\"1\"}", false, 0},
	{"{\"cost\":1e300}", false, 0},
	{"{}", false, 0},
};

START_TEST(named_charges)
{
	int64_t pusd = 0;

	ck_assert_int_eq(openai_cost_read(parse(charges[_i].json), &pusd), charges[_i].ok);
	ck_assert_int_eq(pusd, charges[_i].pusd);
}
END_TEST

START_TEST(worst_case)
{
	struct message m[2] = {{.role = ROLE_SYSTEM, .text = STR("abc")}, {.role = ROLE_USER, .text = STR("defg")}};
	struct model model = {.price = {PRICED, .input = 2, .cached = 1, .write_5m = 3, .write_1h = 5, .output = 7}, .max_output = 100};
	int64_t tokens = spend_input_tokens(&(struct model_request){.messages = m, .n_messages = 2}), pusd;
	struct err err;

	ck_assert_int_eq(tokens, 3 + 2 * TOKENS_PER_MESSAGE + TOKENS_PER_REQUEST);
	ck_assert_int_eq(spend_input_tokens(&(struct model_request){.output = parse("{\"type\":\"object\"}")}), 6 + TOKENS_PER_REQUEST);
	ck_assert_int_eq(spend_max_output(&model, 0), 100);
	ck_assert_int_eq(spend_max_output(&model, 30), 30);
	ck_assert_int_eq(spend_max_output(&model, 300), 100);
	ck_assert_int_eq(spend_estimate(&model, 10, 30, &pusd, &err), 0);
	ck_assert_int_eq(pusd, 10 * 5 + 30 * 7);
	model.max_output = 0;
	ck_assert_int_eq(spend_max_output(&model, 0), 0);
	ck_assert_int_eq(spend_max_output(&model, 30), 30);
	ck_assert_int_eq(spend_estimate(&model, 10, 0, &pusd, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "max_output"));
	model.price.output = INT64_MAX / 10;
	ck_assert_int_eq(spend_estimate(&model, 10, 30, &pusd, &err), -1);
	model.price = (struct price){0};
	ck_assert_int_eq(spend_estimate(&model, 10, 30, &pusd, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "price"));
	model.price = (struct price){PRICED, .free = true};
	ck_assert_int_eq(spend_estimate(&model, 10, 0, &pusd, &err), 0);
	ck_assert_int_eq(pusd, 0);
}
END_TEST

#define USAGE .has_usage = true, .usage = {.in_fresh = 10, .out_text = 1}
#define SENT .sent = true

/* Against a price of 2 and 30, with an estimate of 1000. */
static const struct {
	struct attempt_end end;
	int64_t pusd;
	const char *source;
} settlements[] = {
	{{ERR_NONE, 200, SENT, .output_began = true, USAGE}, 50, "computed"},
	{{ERR_NONE, 200, SENT, .output_began = true}, 1000, "estimated"},
	{{ERR_NONE, 200, SENT, .output_began = true, USAGE, .has_cost = true, .cost_pusd = 77}, 77, "provider"},
	{{ERR_MODEL_RATE_LIMITED, 429, SENT}, 0, "none"},
	{{ERR_MODEL_RATE_LIMITED, 200, SENT}, 0, "none"},
	{{ERR_MODEL_BILLING, 402, SENT}, 0, "none"},
	{{ERR_MODEL_SERVER_ERROR, 500, SENT}, 0, "none"},
	{{ERR_MODEL_SERVER_ERROR, 200, SENT}, 0, "none"},
	{{ERR_MODEL_CONTENT_BLOCKED, 403, SENT}, 0, "none"},
	{{ERR_MODEL_CONTENT_BLOCKED, 200, SENT, .output_began = true, USAGE}, 50, "computed"},
	{{ERR_MODEL_TIMEOUT, 0, SENT}, 1000, "estimated"},
	{{ERR_MODEL_TIMEOUT, .sent = false}, 0, "none"},
	{{ERR_MODEL_TIMEOUT, 408, SENT}, 0, "none"},
	{{ERR_MODEL_NETWORK, .sent = false}, 0, "none"},
	{{ERR_MODEL_NETWORK, 0, SENT}, 1000, "estimated"},
	{{ERR_MODEL_TRUNCATED_STREAM, 200, SENT, .output_began = true}, 1000, "estimated"},
	{{ERR_MODEL_TRUNCATED_STREAM, 200, SENT, .output_began = true, USAGE}, 50, "computed"},
	{{ERR_MODEL_STREAM_ERROR, 200, SENT, .output_began = true}, 1000, "estimated"},
	{{ERR_MODEL_BAD_BODY, 200, SENT}, 1000, "estimated"},
	{{ERR_MODEL_EMPTY_OUTPUT, 200, SENT, USAGE}, 50, "computed"},
	{{ERR_MODEL_CANCELLED, .sent = false}, 0, "none"},
	{{ERR_MODEL_CANCELLED, 0, SENT}, 1000, "estimated"},
	{{ERR_MODEL_OVERSIZE, 200, SENT, .output_began = true}, 1000, "estimated"},
};

START_TEST(settlement)
{
	struct price p = {PRICED, .input = 2, .output = 30}, none = {PRICED, .free = true};
	const char *source;

	ck_assert_int_eq(spend_settle(&p, &settlements[_i].end, 1000, &source), settlements[_i].pusd);
	ck_assert_str_eq(source, settlements[_i].source);
	ck_assert_int_eq(spend_settle(&none, &settlements[_i].end, 0, &source),
			 settlements[_i].end.has_cost ? settlements[_i].pusd : 0);
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("spend");
	TCase *t = tcase_create("spend");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, golden_bills, 0, COUNT(bills));
	tcase_add_test(t, products_never_wrap);
	tcase_add_test(t, usage_to_bill);
	tcase_add_loop_test(t, usage_buckets, 0, COUNT(usages));
	tcase_add_loop_test(t, named_charges, 0, COUNT(charges));
	tcase_add_test(t, worst_case);
	tcase_add_loop_test(t, settlement, 0, COUNT(settlements));
	suite_add_tcase(s, t);
	return suite_run(s);
}
