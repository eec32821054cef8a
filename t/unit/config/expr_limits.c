/* expr_limits.c - hostile programs and inputs: each ends with the error of its limit. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct json *json_of(struct str text)
{
	struct json_limits limits = {.max_depth = 512};
	const struct json *v = NULL;
	struct err err;

	ck_assert_msg(json_parse(a, text, &limits, &v, &err) == 0, "%s", err.msg);
	return v;
}

static void ends_with(struct str program, const struct json *root, const char *wanted)
{
	const struct expr *e;
	const struct json *v;
	struct expr_error where;
	struct err err;

	ck_assert_msg(expr_parse(a, program, &e, &where) == 0, "%s", where.msg);
	ck_assert_msg(expr_eval_all(e, root, a, &v, &err) < 0, "%.60s: no error", program.p);
	ck_assert_int_eq(err.code, ERR_EXPRESSION);
	ck_assert_msg(strstr(err.msg, wanted) != NULL, "%.60s: %s", program.p, err.msg);
}

static void is_refused(struct str program, const char *wanted)
{
	const struct expr *e;
	struct expr_error where;

	ck_assert_int_eq(expr_parse(a, program, &e, &where), -1);
	ck_assert_msg(strstr(where.msg, wanted) != NULL, "%.60s: %s", program.p, where.msg);
}

static const char operations[] = "more than 100000 operations";
static const char bytes[] = "take more than 8 MiB";
static const char too_large[] = "larger than 8 MiB";
static const char too_deep[] = "nested deeper than 64 levels";
static const char pattern[] = "tries too many ways to match";

/* 2^28 leaves in 28 arrays. */
#define DOUBLE4 "[.,.]|[.,.]|[.,.]|[.,.]"
#define UNFOLD DOUBLE4 "|" DOUBLE4 "|" DOUBLE4 "|" DOUBLE4 "|" DOUBLE4 "|" DOUBLE4 "|" DOUBLE4

static const struct {
	const char *program, *input, *wanted;
} rows[] = {
	/* operations */
	{"range(1000000000)", "null", operations},
	{"[range(0; 1e300)]", "null", operations},
	{"[range(0; 1; 1e-300)]", "null", operations},
	{"[range(9e18)] | length", "null", operations},
	{"[range(1000) | range(1000)] | length", "null", operations},
	{"[range(400)] | [.[] + .[]] | length", "null", bytes},
	{"[range(400)] | map(. + (range(400))) | length", "null", operations},
	{"[range(60)] | [\"\\(.[])\\(.[])\\(.[])\"] | length", "null", bytes},
	{"[range(60)] | [{(.[]|tostring): .[], b: .[]}] | length", "null", bytes},
	{"range(1e9)? // 1", "null", operations},
	{"[range(1e9)?]", "null", operations},
	{"first(range(1e9) | select(false))", "null", operations},
	{"any(range(1e9); false)", "null", operations},
	{"[range(90000)] | sort_by(-.)", "null", "more than"},
	{"[range(20000) | {a: 1, b: .}] | . - .", "null", "more than"},
	{"[range(5000) | 0] | index([(range(2000) | 0), 1])", "null", operations},
	{"[range(3000)] | . - map(-.)", "null", operations},
	{"[range(3000) | [.]] | contains([[1], [2999], [5]]) , (. | inside(.))", "null", operations},
	/* bytes */
	{"\"x\" * 1e9", "null", bytes},
	{"\"x\" * 9e18", "null", bytes},
	{"\"xxxxxxxxxx\" * 1000000", "null", bytes},
	{"(\"x\" * 1000000) | [., ., ., ., ., ., ., ., .] | join(\"\")", "null", bytes},
	{"(\"x\" * 1000000) | [., ., ., ., ., ., ., ., .] | add", "null", bytes},
	{"(\"x\" * 3000000) | \"\\(.)\\(.)\\(.)\"", "null", bytes},
	{"(\"x\" * 3000000) | . + . + .", "null", bytes},
	{"(\"<\" * 2000000) | @html", "null", bytes},
	{"(\"<\" * 3000000) | @uri", "null", bytes},
	{"(\"x\" * 2000000) | gsub(\"$\"; \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\") | . + .", "null", bytes},
	{"[range(9000)] | map(\"x\" * 1000) | length", "null", bytes},
	{"(\"ab\" * 1000) | gsub(\"\"; \"z\" * 10000)", "null", bytes},
	{"(\"a,\" * 200000) | split(\",\") | length", "null", bytes},
	{"(\"[\" + \"1,\" * 1000000 + \"1]\") | fromjson | length", "null", bytes},
	/* a small value that unfolds: shared parts */
	{"1|" UNFOLD, "null", too_large},
	{"1|" UNFOLD "|tojson", "null", too_large},
	{"1|" UNFOLD "|@json", "null", too_large},
	{"1|" UNFOLD "|\"\\(.)\"", "null", too_large},
	{"1|" UNFOLD "|flatten", "null", operations},
	{"[(1|" UNFOLD "), (1|" UNFOLD ")] | .[0] == .[1]", "null", operations},
	{"[(1|" UNFOLD "), (1|" UNFOLD ")] | sort", "null", operations},
	/* patterns */
	{"test(\"(a+)+$\")", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", pattern},
	{"test(\"(a|aa)+$\")", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", pattern},
	{"test(\"(?:(?:a?){40}){40}b[cd]\")", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", pattern},
	{"(\"a\" * 100000) | test(\"a*[bc]\")", "null", pattern},
	{"(\"a\" * 100000) | test(\"(.*)(.*)(.*)[bc]\")", "null", pattern},
	{"(\"a\" * 20000) | test(\"(a+)\\\\1\\\\1[bc]\")", "null", pattern},
	{"(\"a\" * 3000) | test(\"(a+)b?\\\\1[cd]\")", "null", pattern},
	{"((\"a\" * 1999 + \"!\") * 500) | test(\"a?[a-z]{2000}\")", "null", pattern},
	{"(\"e\" + \"\u0301\" * 500000) | test(\"a?\\\\X{2}\")", "null", pattern},
	{"(\"a\" * 65000) | test(\"^.*(?<=\" + \"z.{60000}|\" * 1000 + \"q)\")", "null", pattern},
	{"(\"a\" * 200000) | split(\"a\"; null) | length", "null", bytes},
	{"[range(5000) | \"(a{1,\\(. % 200 + 1)}){1,20}\\(.)\"] | map(test(.)) | length", "null", "more than"},
	{"test(\"(((((((((((((a{1,100}){1,100}){1,100}){1,100}){1,100}){1,100}){1,100}))))))){1,100}\")", "\"a\"",
	 "is not a regular expression"},
	{"test(\"(?R)\")", "\"a\"", "regular expression"},
	{"test(\"(?<a>(?&a))\")", "\"a\"", "regular expression"},
	{"test(\"\\\\C\")", "\"é\"", "is not a regular expression"},
};

START_TEST(limits)
{
	ends_with(str_from(rows[_i].program), json_of(str_from(rows[_i].input)), rows[_i].wanted);
}
END_TEST

START_TEST(sources)
{
	is_refused(repeated("", "(", 65, "1"), "nested deeper than 64 levels");
	is_refused(repeated("", "[", 30000, ""), "nested deeper than 64 levels");
	is_refused(repeated("", "{a:", 10000, ""), "nested deeper than 64 levels");
	is_refused(repeated("", "-", 60000, "1"), "nested deeper than 64 levels");
	is_refused(repeated("", "\"\\(", 20000, ""), "nested deeper than 64 levels");
	is_refused(repeated("", "map(", 16000, ""), "nested deeper than 64 levels");
	is_refused(repeated("", "if ", 20000, ""), "nested deeper than 64 levels");
	is_refused(repeated("if 1 then 1 ", "elif 1 then 1 ", 4000, "end"), "nested deeper than 64 levels");
	is_refused(repeated("1", "//1", 20000, ""), "nested deeper than 64 levels");
	is_refused(repeated("", ".[", 20000, ""), "nested deeper than 64 levels");
	is_refused(repeated("1", "+1", 1000, ""), "more than 512 operators in a chain");
	is_refused(repeated("1", "|1", 30000, ""), "more than 512 operators in a chain");
	is_refused(repeated(".", "[0]", 20000, ""), "more than 512 operators in a chain");
	is_refused(repeated("", ".a", 30000, ""), "more than 512 operators in a chain");
	is_refused(repeated(".a", "?", 60000, ""), "more than 512 operators in a chain");
	is_refused(repeated("1", ",1", 40000, ""), "an expression longer than 64 KiB");
	is_refused(repeated("", " ", 70000, "1"), "an expression longer than 64 KiB");
	is_refused((struct str){"1\0002", 3}, "a NUL byte");
	is_refused(STR("\"\xff\""), "not valid UTF-8");
	is_refused(STR(""), "an empty expression");
	is_refused(STR("  # only a comment"), "an empty expression");
}
END_TEST

/* What is wide but not deep is fine. */
START_TEST(room)
{
	const struct expr *e;
	const struct json *v;
	struct expr_error where;
	struct err err;

	ck_assert(expr_parse(a, repeated("[1", ",1", 20000, "] | length"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, NULL, a, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, "20001");
	ck_assert(expr_parse(a, repeated("1", "+1", 500, ""), &e, &where) == 0);
	ck_assert(expr_eval(e, NULL, a, &v, &err) == 0);
	ck_assert_str_eq(json_text(a, v).p, "501");
	ck_assert(expr_parse(a, repeated("", "(", 60, repeated("1", ")", 60, "").p), &e, &where) == 0);
	ck_assert(expr_parse(a, STR("[range(10000)] | map(select(. % 2 == 0)) | length"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, NULL, a, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, "5000");
	ck_assert(expr_parse(a, STR("sort | length"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, json_of(repeated("[1", ",3,2", 30000, "]")), a, &v, &err) == 0, "%s", err.msg);
	ck_assert(expr_parse(a, STR("gsub(\"\\\\s+\"; \" \") | length"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, json_of(repeated("\"", "word  ", 5000, "\"")), a, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, "25000");
}
END_TEST

START_TEST(depth)
{
	const struct json *deep = json_of(repeated("", "[", 64, repeated("", "]", 64, "").p));
	struct buf b;

	ends_with(STR("[.]"), deep, too_deep);
	ends_with(STR("{a: .}"), deep, too_deep);
	ends_with(repeated("1", "|[.]", 65, ""), NULL, too_deep);
	ends_with(repeated("1", "|{a:.}", 300, "|tojson"), NULL, too_deep);
	ends_with(STR("group_by(.)"), deep, too_deep);
	buf_init(&b, a);
	buf_addstr(&b, repeated("\"", "[", 65, "\""));
	ends_with(STR("fromjson"), json_of(buf_str(&b)), "fromjson");
}
END_TEST

/* Deep trees that stay inside the machine are compared, flattened and sorted without harm. */
START_TEST(deep_inside)
{
	const struct expr *e;
	const struct json *v;
	struct expr_error where;
	struct err err;

	ck_assert(expr_parse(a, repeated("1", "|[.]", 400, "|flatten"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, NULL, a, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, "[1]");
	ck_assert(expr_parse(a, repeated("1", "|[.]", 400, "|[.,.]|sort|(.[0]==.[1])"), &e, &where) == 0);
	ck_assert_msg(expr_eval(e, NULL, a, &v, &err) == 0, "%s", err.msg);
	ck_assert(json_is_true(v));
}
END_TEST

START_TEST(outputs)
{
	static const struct {
		const char *program, *wanted;
	} cases[] = {
		{"empty", "no output"},
		{"1, 2", "more than one output"},
		{".[]", "more than one output"},
		{"1, error(\"x\")", "x"},
		{"1, 2, error(\"x\")", "more than one output"},
		{"select(false)", "no output"},
	};
	const struct json *root = json_of(STR("[1,2]")), *v;
	const struct expr *e;
	struct expr_error where;
	struct err err;
	bool truth;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert(expr_parse(a, str_from(cases[i].program), &e, &where) == 0);
		ck_assert_int_eq(expr_eval(e, root, a, &v, &err), -1);
		ck_assert_int_eq(err.code, ERR_EXPRESSION);
		ck_assert_msg(strstr(err.msg, cases[i].wanted) != NULL, "%s: %s", cases[i].program, err.msg);
		ck_assert_int_eq(expr_test(e, root, &truth, &err), -1);
	}
}
END_TEST

/* Parts of the root are shared, what was made is not. */
START_TEST(sharing)
{
	const struct json *root = json_of(STR("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}")), *v;
	const struct expr *e;
	struct expr_error where;
	struct err err;

	ck_assert(expr_parse(a, STR(".a.b"), &e, &where) == 0);
	ck_assert(expr_eval(e, root, a, &v, &err) == 0);
	ck_assert_ptr_eq(v, json_getc(json_getc(root, "a"), "b"));
	ck_assert(expr_parse(a, STR(".a.b[] | select(.c == 2)"), &e, &where) == 0);
	ck_assert(expr_eval(e, root, a, &v, &err) == 0);
	ck_assert_ptr_eq(v, json_at(json_getc(json_getc(root, "a"), "b"), 1));
	ck_assert(expr_parse(a, STR(".a.b | map(.c)"), &e, &where) == 0);
	ck_assert(expr_eval(e, root, a, &v, &err) == 0);
	ck_assert_str_eq(json_text(a, v).p, "[1,2]");
	ck_assert(expr_parse(a, STR(".a.x"), &e, &where) == 0);
	ck_assert(expr_eval(e, NULL, a, &v, &err) == 0);
	ck_assert_int_eq(json_type(v), JSON_NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_limits");
	TCase *t = tcase_create("limits");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, limits, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(t, sources);
	tcase_add_test(t, room);
	tcase_add_test(t, depth);
	tcase_add_test(t, deep_inside);
	tcase_add_test(t, outputs);
	tcase_add_test(t, sharing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
