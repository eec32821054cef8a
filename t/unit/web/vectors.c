/* vectors.c - questions for embeddings: every field, every refusal with its place, and the answer in both forms. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "web/door_vectors.h"
#include "../suite_run.h"

#define COUNT(v) (sizeof(v) / sizeof(v)[0])
#define M "\"model\":\"m\","

static struct arena *a;

static void setup(void)
{
	a = arena_new(NULL);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct json *parse(const char *text)
{
	const struct json *v;
	struct err err;

	ck_assert_msg(json_parse(a, str_from(text), NULL, &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

/* --- questions --- */

static const char *told(const struct door_texts *q)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < q->n_texts; i++)
		buf_addf(&b, "%s" STR_FMT, i ? "|" : "", STR_ARG(q->texts[i]));
	buf_adds(&b, q->base64 ? " base64" : " float");
	if (q->dims)
		buf_addf(&b, " dims=%d", (int)q->dims);
	if (q->ignored.n)
		buf_addf(&b, " ignored=" STR_FMT, STR_ARG(q->ignored));
	return buf_cstr(&b);
}

static const struct {
	const char *body, *told;
} taken[] = {
	{"{" M "\"input\":\"a\"}", "a float"},
	{"{" M "\"input\":[\"a\"]}", "a float"},
	{"{" M "\"input\":[\"a\",\"b\",\"a\"]}", "a|b|a float"},
	{"{" M "\"input\":\" \"}", "  float"},
	{"{" M "\"input\":\"a\",\"encoding_format\":\"float\"}", "a float"},
	{"{" M "\"input\":\"a\",\"encoding_format\":\"base64\"}", "a base64"},
	{"{" M "\"input\":\"a\",\"encoding_format\":null,\"dimensions\":null,\"user\":null}", "a float"},
	{"{" M "\"input\":\"a\",\"dimensions\":1}", "a float dims=1"},
	{"{\"dimensions\":768,\"input\":\"a\",\"model\":\"m\"}", "a float dims=768"},
	{"{" M "\"input\":\"a\",\"user\":\"me\",\"input_type\":\"query\",\"a b\":1}", "a float ignored=user, input_type"},
};

START_TEST(is_taken)
{
	struct door_fault fault = {.message = ""};
	struct door_texts q;

	ck_assert_msg(door_texts_parse(a, parse(taken[_i].body), &q, &fault) == 0, "%s: %s", taken[_i].body, fault.message);
	ck_assert(str_is(q.model, "m"));
	ck_assert_str_eq(told(&q), taken[_i].told);
}
END_TEST

static const struct {
	const char *body, *code, *param, *message;
} refused[] = {
	{"[]", "invalid_type", NULL, "the body: expected an object, got array"},
	{"{\"input\":\"a\"}", "missing_required_parameter", "model", "model is missing"},
	{"{\"model\":\"\",\"input\":\"a\"}", "invalid_value", "model", "model is empty"},
	{"{\"model\":7,\"input\":\"a\"}", "invalid_type", "model", "model: expected a string, got number"},
	{"{\"model\":\"m\"}", "missing_required_parameter", "input", "input is missing"},
	{"{" M "\"input\":null}", "missing_required_parameter", "input", "input is missing"},
	{"{" M "\"input\":7}", "invalid_type", "input", "input: expected a string or an array, got number"},
	{"{" M "\"input\":{\"text\":\"a\"}}", "invalid_type", "input", "input: expected a string or an array, got object"},
	{"{" M "\"input\":\"\"}", "invalid_value", "input", "input is empty: nothing can be embedded"},
	{"{" M "\"input\":[]}", "invalid_value", "input", "input: at least one text is needed"},
	{"{" M "\"input\":[\"a\",\"\"]}", "invalid_value", "input[1]", "input[1] is empty: nothing can be embedded"},
	{"{" M "\"input\":[\"a\",null]}", "invalid_type", "input[1]", "input[1]: expected a string, got null"},
	{"{" M "\"input\":[{\"type\":\"text\"}]}", "invalid_type", "input[0]", "input[0]: expected a string, got object"},
	{"{" M "\"input\":[1,2]}", "unsupported_value", "input", "input: tokens are not passed on to models, only text is"},
	{"{" M "\"input\":[[1,2],[3]]}", "unsupported_value", "input", "input: tokens are not passed on to models, only text is"},
	{"{" M "\"input\":[[]]}", "unsupported_value", "input", "input: tokens are not passed on to models, only text is"},
	{"{" M "\"input\":\"a\",\"encoding_format\":\"hex\"}", "invalid_value", "encoding_format",
	 "encoding_format: \"hex\": expected float or base64"},
	{"{" M "\"input\":\"a\",\"encoding_format\":[]}", "invalid_type", "encoding_format", "encoding_format: expected a string, got array"},
	{"{" M "\"input\":\"a\",\"dimensions\":0}", "invalid_value", "dimensions", "dimensions: expected a whole number from 1 on"},
	{"{" M "\"input\":\"a\",\"dimensions\":-8}", "invalid_value", "dimensions", "dimensions: expected a whole number from 1 on"},
	{"{" M "\"input\":\"a\",\"dimensions\":1.5}", "invalid_value", "dimensions", "dimensions: expected a whole number from 1 on"},
	{"{" M "\"input\":\"a\",\"dimensions\":\"8\"}", "invalid_type", "dimensions", "dimensions: expected a number, got string"},
	{"{" M "\"input\":\"a\",\"user\":7}", "invalid_type", "user", "user: expected a string, got number"},
};

static void expect_fault(const struct door_fault *fault, const char *code, const char *param, const char *message)
{
	ck_assert_int_eq(fault->status, 400);
	ck_assert_str_eq(fault->code, code);
	if (param)
		ck_assert_str_eq(fault->param, param);
	else
		ck_assert_ptr_null(fault->param);
	ck_assert_str_eq(fault->message, message);
}

START_TEST(is_refused)
{
	struct door_fault fault;
	struct door_texts q;

	ck_assert_msg(door_texts_parse(a, parse(refused[_i].body), &q, &fault) < 0, "%s: was taken", refused[_i].body);
	expect_fault(&fault, refused[_i].code, refused[_i].param, refused[_i].message);
}
END_TEST

static const struct json *many(int n)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{" M "\"input\":[");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s\"%d\"", i ? "," : "", i);
	buf_adds(&b, "]}");
	return parse(buf_cstr(&b));
}

START_TEST(takes_so_many_and_no_more)
{
	struct door_fault fault;
	struct door_texts q;

	ck_assert_int_eq(door_texts_parse(a, many(2048), &q, &fault), 0);
	ck_assert_uint_eq(q.n_texts, 2048);
	ck_assert(str_is(q.texts[2047], "2047"));
	ck_assert_int_lt(door_texts_parse(a, many(2049), &q, &fault), 0);
	expect_fault(&fault, "invalid_value", "input", "input: 2049 texts, at most 2048 can be embedded at once");
}
END_TEST

START_TEST(another_length_is_refused)
{
	struct door_texts q = {.model = STR("m")};
	struct door_fault fault;

	ck_assert_int_eq(door_texts_judge(a, &q, 8, &fault), 0);
	q.dims = 8;
	ck_assert_int_eq(door_texts_judge(a, &q, 8, &fault), 0);
	q.dims = 7;
	ck_assert_int_lt(door_texts_judge(a, &q, 8, &fault), 0);
	expect_fault(&fault, "unsupported_value", "dimensions", "dimensions: vectors of model \"m\" have 8 numbers, no other length is made");
	q.dims = INT64_C(1) << 32 | 8;
	ck_assert_int_lt(door_texts_judge(a, &q, 8, &fault), 0);

	q.dims = 0;
	q.n_texts = 1302;
	ck_assert_int_eq(door_texts_judge(a, &q, 1536, &fault), 0);
	q.n_texts = 1303;
	ck_assert_int_lt(door_texts_judge(a, &q, 1536, &fault), 0);
	expect_fault(&fault, "invalid_value", "input",
		     "input: 1303 texts, at most 1302 can be embedded at once by model \"m\", whose vectors have 1536 numbers");
	q.n_texts = 30;
	ck_assert_int_eq(door_texts_judge(a, &q, 65536, &fault), 0);
	q.n_texts = 31;
	ck_assert_int_lt(door_texts_judge(a, &q, 65536, &fault), 0);
}
END_TEST

/* --- answers --- */

static const struct model_answer answer = {
	.vectors = (const float[]){0.5F, -0.0F, 1e-30F, -1, 0.25F, -0.01F}, .n_vectors = 2, .dims = 3, .usage = {.in_fresh = 3, .in_cached = 2}};

START_TEST(is_written)
{
	struct buf b;

	buf_init(&b, a);
	door_write_vectors(&b, STR("m\"x"), &answer, false);
	ck_assert_str_eq(buf_cstr(&b), "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5,-0,1e-30]},"
		"{\"object\":\"embedding\",\"index\":1,\"embedding\":[-1,0.25,-0.00999999978]}],\"model\":\"m\\\"x\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}");
	parse(buf_cstr(&b));
	buf_init(&b, a);
	door_write_vectors(&b, STR("m"), &answer, true);
	ck_assert_str_eq(buf_cstr(&b), "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"AAAAPwAAAIBgQqIN\"},"
		"{\"object\":\"embedding\",\"index\":1,\"embedding\":\"AACAvwAAgD4K1yO8\"}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}");
}
END_TEST

/* Whatever a vector may hold: who reads the numbers as float32 has the very same, and so has who reads the bytes. */
START_TEST(both_forms_are_exact)
{
	enum { N = 20000 };
	float *v = ARENA_ARRAY(a, N, float);
	struct model_answer m = {.vectors = v, .n_vectors = 1, .dims = N};
	const struct json *numbers, *base64;
	struct str bytes;
	struct buf b;

	srand(7);
	for (int i = 0; i < N; i++)
		v[i] = (float)ldexp((double)(rand() % 16777216) - 8388608, -23 - rand() % 120);
	buf_init(&b, a);
	door_write_vectors(&b, STR("m"), &m, false);
	numbers = json_getc(json_at(json_getc(parse(buf_cstr(&b)), "data"), 0), "embedding");
	buf_init(&b, a);
	door_write_vectors(&b, STR("m"), &m, true);
	base64 = json_getc(json_at(json_getc(parse(buf_cstr(&b)), "data"), 0), "embedding");
	ck_assert(base64_decode(a, json_str(base64), &bytes));
	ck_assert_uint_eq(bytes.n, N * 4);
	for (size_t i = 0; i < N; i++) {
		const unsigned char *p = (const unsigned char *)bytes.p + 4 * i;
		uint32_t want, got = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		float number = strtof(str_cstr(a, json_text(a, json_at(numbers, i))), NULL);

		memcpy(&want, &v[i], sizeof want);
		ck_assert_uint_eq(got, want);
		ck_assert_msg(!(number < v[i]) && !(number > v[i]), "number %zu", i);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/vectors");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, is_taken, 0, COUNT(taken));
	tcase_add_loop_test(t, is_refused, 0, COUNT(refused));
	tcase_add_test(t, takes_so_many_and_no_more);
	tcase_add_test(t, another_length_is_refused);
	tcase_add_test(t, is_written);
	tcase_add_test(t, both_forms_are_exact);
	suite_add_tcase(s, t);
	return suite_run(s);
}
