/* Unit tests of engine/answer.c: from a model's text to a value. */
#include "engine/answer.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/schema.h"
#include "../suite_run.h"

static const struct {
	const char *text, *inner;
} fences[] = {
	{"  {\"a\":1}\n", "{\"a\":1}"},
	{"```json\n{\"a\":1}\n```", "{\"a\":1}"},
	{"Here you are:\n```\n[1]\n```\nBye.", "[1]"},
	{"```\n[1]", "[1]"},
	{"``` {\"a\":1} ```", "``` {\"a\":1} ```"},
	{"{\"code\":\"```\\nx\\n```\"}", "{\"code\":\"```\\nx\\n```\"}"},
	{"[\"```\\nx\"]", "[\"```\\nx\"]"},
	{"\"```\\nx\"", "\"```\\nx\""},
	{"", ""},
};

START_TEST(unfences)
{
	struct arena *a = arena_new(NULL);

	ck_assert_str_eq(str_cstr(a, answer_unfence(str_from(fences[_i].text))), fences[_i].inner);
	arena_free(a);
}
END_TEST

#define OBJ                                                                                                            \
	"{\"type\":\"object\",\"required\":[\"ok\"],\"properties\":{\"ok\":{\"type\":\"boolean\"},"                    \
	"\"n\":{\"type\":\"integer\"},\"x\":{\"type\":[\"string\",\"null\"]},\"c\":{\"enum\":[\"red\",2]}}"

static const struct {
	const char *schema, *text, *value;	/* value NULL: refused */
	const char *why;			/* in the message */
} cases[] = {
	{NULL, "hello", "{\"text\":\"hello\"}", NULL},
	{OBJ "}", "{\"ok\":true}", "{\"ok\":true}", NULL},
	{OBJ "}", "{\"ok\":true,\"n\":3,\"x\":null,\"c\":2,\"else\":[]}", "{\"ok\":true,\"n\":3,\"x\":null,\"c\":2,\"else\":[]}", NULL},
	{OBJ "}", "{\"ok\":true,\"n\":3.0}", "{\"ok\":true,\"n\":3.0}", NULL},
	{OBJ "}", "{\"ok\":true,\"x\":\"s\"}", "{\"ok\":true,\"x\":\"s\"}", NULL},
	{OBJ "}", "nope", NULL, "not JSON"},
	{OBJ "}", "{\"ok\":true} {}", NULL, "not JSON"},
	{OBJ "}", "[]", NULL, "expected object, got array"},
	{OBJ "}", "{}", NULL, "required key \"ok\""},
	{OBJ "}", "{\"ok\":1}", NULL, "/ok: expected boolean, got number"},
	{OBJ "}", "{\"ok\":true,\"n\":3.5}", NULL, "/n: expected integer"},
	{OBJ "}", "{\"ok\":true,\"n\":1e300}", "{\"ok\":true,\"n\":1e300}", NULL},	/* whole, however large */
	{OBJ "}", "{\"ok\":true,\"n\":\"3\"}", NULL, "/n: expected integer"},
	{OBJ "}", "{\"ok\":true,\"x\":3}", NULL, "/x: expected null or string, got number"},
	{OBJ "}", "{\"ok\":true,\"c\":\"blue\"}", NULL, "/c: expected one of [\"red\",2]"},
	{OBJ ",\"additionalProperties\":false}", "{\"ok\":true,\"z\":3}", NULL, "\"z\" is not allowed"},
	{OBJ ",\"additionalProperties\":false,\"patternProperties\":{\"z\":{}}}", "{\"ok\":true,\"z\":3}", "{\"ok\":true,\"z\":3}", NULL},
	{"{}", "[1]", "[1]", NULL},
	{"true", "3", "3", NULL},
	{"false", "3", NULL, "no value is allowed here"},
	{"{\"enum\":[1,2]}", "2", "2", NULL},
	{"{\"enum\":[1,2]}", "3", NULL, "expected one of [1,2]"},
	{"{\"type\":[\"array\",\"number\"]}", "3.5", "3.5", NULL},
	{"{\"type\":[\"array\",\"number\"]}", "{}", NULL, "expected number or array, got object"},
};

START_TEST(reads)
{
	struct arena *a = arena_new(NULL);
	const struct json *schema = NULL, *v = NULL;
	struct schema_faults faults = {.a = a};
	const struct schema *check = NULL;
	struct err err = {0};
	int r;

	if (cases[_i].schema) {
		ck_assert_int_eq(json_parse(a, str_from(cases[_i].schema), NULL, &schema, &err), 0);
		check = schema_compile(a, schema, &faults);
		ck_assert_ptr_nonnull(check);
	}
	r = answer_read(a, check, str_from(cases[_i].text), &v, &err);
	if (cases[_i].value) {
		ck_assert_msg(r == 0, "%s: %s", cases[_i].text, err.msg);
		ck_assert_str_eq(json_text(a, v).p, cases[_i].value);
	} else {
		ck_assert_int_eq(r, -1);
		ck_assert_int_eq(err.code, ERR_SCHEMA_OUTPUT);
		ck_assert_msg(strstr(err.msg, cases[_i].why) != NULL, "%s", err.msg);
		ck_assert(str_find(answer_repair(a, check, schema, str_from(cases[_i].text)), str_from(err.msg)) > 0);
	}
	arena_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer");
	TCase *t = tcase_create("answer");

	tcase_add_loop_test(t, unfences, 0, sizeof fences / sizeof fences[0]);
	tcase_add_loop_test(t, reads, 0, sizeof cases / sizeof cases[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
