/* expr_tmpl.c - values with `${ }` inside. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "../suite_run.h"

static struct arena *a;
static const struct json *root;

static void setup(void)
{
	struct err err;

	a = arena_new(NULL);
	ck_assert(json_parse(a, STR("{\"input\":{\"n\":3,\"s\":\"text\",\"l\":[1,\"b\"],\"d\":1.50,\"x\":null,"
				    "\"q\":\"a \\\"b\\\" ${.input.n}\"}}"), NULL, &root, &err) == 0);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct tmpl *parsed(const char *text)
{
	const struct tmpl *t;
	struct expr_error where;

	ck_assert_msg(tmpl_parse(a, str_from(text), &t, &where) == 0, "%s: %s", text, where.msg);
	return t;
}

/* --- values and text; NULL: an error that holds the word in `text` --- */

static const struct {
	const char *source, *value, *text;
} values[] = {
	{"plain", "\"plain\"", "plain"},
	{"", "\"\"", ""},
	{"${ .input.n }", "3", "3"},
	{"${.input.n}", "3", "3"},
	{"${ .input.s }", "\"text\"", "text"},
	{"${ .input.l }", "[1,\"b\"]", "[1,\"b\"]"},
	{"${ .input.d }", "1.50", "1.50"},
	{"n=${ .input.n }", "\"n=3\"", "n=3"},
	{"${ .input.n } ", "\"3 \"", "3 "},
	{"${ .input.n }${ .input.s }", "\"3text\"", "3text"},
	{"a ${ .input.s } b ${ .input.l } c", "\"a text b [1,\\\"b\\\"] c\"", "a text b [1,\"b\"] c"},
	{"${ true } and ${ {a: 1} }", "\"true and {\\\"a\\\":1}\"", "true and {\"a\":1}"},
	{"$${ .input.n }", "\"${ .input.n }\"", "${ .input.n }"},
	{"$$${ .input.n }", "\"$${ .input.n }\"", "$${ .input.n }"},
	{"cost: $5 and $ {x}", "\"cost: $5 and $ {x}\"", "cost: $5 and $ {x}"},
	{"$${a} ${ .input.n }", "\"${a} 3\"", "${a} 3"},
	{"${ {a: {b: .input.n}} }", "{\"a\":{\"b\":3}}", "{\"a\":{\"b\":3}}"},
	{"${ \"}\" }", "\"}\"", "}"},
	{"${ \"\\(\"}\" + \"{\")\" }!", "\"}{!\"", "}{!"},
	{"${ .input | {n} | .n }", "3", "3"},
	{"${ .input.s # why\n }", "\"text\"", "text"},
	{"${ .input.x // \"none\" }.", "\"none.\"", "none."},
	{"it's \"${ .input.s }\" {}", "\"it's \\\"text\\\" {}\"", "it's \"text\" {}"},
	{"é ${ .input.s } ü", "\"é text ü\"", "é text ü"},
	{"${ .input.q }!", "\"a \\\"b\\\" ${.input.n}!\"", "a \"b\" ${.input.n}!"},	/* never read again */
	{"${ .input.x }", "null", NULL},
	{"a ${ .input.x }", NULL, "${ .input.x }: null cannot become text"},
	{"a ${ empty }", NULL, "${ empty }: the expression gave no output"},
	{"a ${ 1, 2 }", NULL, "more than one output"},
	{"${ .input.n.m }", NULL, "cannot index number with \"m\""},
	{"a ${ .input.n | keys }", NULL, "${ .input.n | keys }: number (3) has no keys"},
};

START_TEST(tmpl_values)
{
	const struct tmpl *t = parsed(values[_i].source);
	const struct json *v;
	struct str text;
	struct err err;
	int rc = tmpl_eval(t, root, a, &v, &err);

	if (!values[_i].value) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(err.code, ERR_EXPRESSION);
		ck_assert_msg(strstr(err.msg, values[_i].text) != NULL, "%s", err.msg);
		ck_assert_int_eq(tmpl_eval_text(t, root, a, &text, &err), -1);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, values[_i].value);
	rc = tmpl_eval_text(t, root, a, &text, &err);
	if (!values[_i].text) {
		ck_assert_int_eq(rc, -1);
		ck_assert_msg(strstr(err.msg, "null cannot become text") != NULL, "%s", err.msg);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(text.p, values[_i].text);
}
END_TEST

static const struct {
	const char *source;
	size_t offset;
	const char *msg;
} broken[] = {
	{"${ .a", 0, "unclosed `${`"},
	{"a ${ .a | ", 2, "unclosed `${`"},
	{"a ${ \"x }", 2, "unclosed `${`"},
	{"a ${ {b: 1 }", 2, "unclosed `${`"},
	{"a ${", 2, "unclosed `${`"},
	{"a ${ .a # why }", 2, "unclosed `${`"},
	{"${ }", 3, "an empty expression"},
	{"ab ${ .a ] }", 9, "unexpected ']'"},
	{"ab ${ lenght }", 6, "unknown function 'lenght'"},
	{"${ .a } ${ .b + }", 16, "unexpected '}'"},
	{"\xff", 0, "not valid UTF-8"},
};

START_TEST(tmpl_broken)
{
	const struct tmpl *t;
	struct expr_error where;

	ck_assert_int_eq(tmpl_parse(a, str_from(broken[_i].source), &t, &where), -1);
	ck_assert_msg(strstr(where.msg, broken[_i].msg) != NULL, "%s", where.msg);
	ck_assert_uint_eq(where.offset, broken[_i].offset);
	if (strstr(where.msg, "unclosed"))
		ck_assert(strstr(where.hint, "quote this expression") != NULL);
}
END_TEST

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	(void)keys;
	buf_addf(arg, "%zu@%zu+%zu ", n, offset, length);
}

static void on_mistake(void *arg, const struct expr_error *error)
{
	buf_addf(arg, "%zu+%zu %s ", error->offset, error->length, error->msg);
}

START_TEST(tmpl_asked)
{
	static const char *const roots[] = {"input", "steps"};
	const struct tmpl *t = parsed("é ${ .input.n } and ${ .stps.x.output | length } end");
	struct buf out;

	buf_init(&out, a);
	tmpl_refs(t, on_ref, &out);
	ck_assert_str_eq(buf_cstr(&out), "2@6+8 3@24+14 ");
	buf_reset(&out);
	tmpl_check(t, roots, 2, on_mistake, &out);
	ck_assert_str_eq(buf_cstr(&out), "24+5 there is no \".stps\" here ");
	ck_assert(!tmpl_is_constant(t));
	ck_assert(tmpl_is_constant(parsed("no $ {} here")));
	ck_assert(str_is(tmpl_prefix(parsed("https://x/${ .input.n }")), "https://x/"));
	ck_assert(str_is(tmpl_prefix(parsed("${ .input.n }/x")), ""));
	ck_assert(str_is(tmpl_prefix(parsed("all of it")), "all of it"));
	ck_assert(tmpl_prefix(parsed("${ .input.n }")).p == NULL);
	ck_assert(tmpl_prefix(tmpl_constant(a, json_int(a, 1))).p == NULL);
}
END_TEST

START_TEST(tmpl_nested)
{
	const struct tmpl *items[2] = {parsed("${ .input.n }"), parsed("x${ .input.s }")}, *vals[2], *t;
	struct str keys[2] = {STR("list"), STR("k")};
	const struct json *v;
	struct str text;
	struct err err;

	vals[0] = tmpl_array(a, items, 2);
	vals[1] = tmpl_constant(a, json_int(a, 7));
	t = tmpl_object(a, keys, vals, 2);
	ck_assert(!tmpl_is_constant(t));
	ck_assert(tmpl_eval(t, root, a, &v, &err) == 0);
	ck_assert_str_eq(json_text(a, v).p, "{\"list\":[3,\"xtext\"],\"k\":7}");
	ck_assert(tmpl_eval_text(t, root, a, &text, &err) == 0);
	ck_assert_str_eq(text.p, "{\"list\":[3,\"xtext\"],\"k\":7}");
	vals[0] = tmpl_constant(a, json_null());
	t = tmpl_object(a, keys, vals, 2);
	ck_assert(tmpl_is_constant(t));
	ck_assert(tmpl_eval(t, root, a, &v, &err) == 0);
	ck_assert_str_eq(json_text(a, v).p, "{\"list\":null,\"k\":7}");
	ck_assert(tmpl_is_constant(tmpl_array(a, NULL, 0)));
}
END_TEST

/* All programs of a template share one budget. */
START_TEST(tmpl_budget)
{
	const struct tmpl *items[20];
	const struct json *v;
	struct str text;
	struct err err;

	for (size_t i = 0; i < 20; i++)
		items[i] = parsed("${ [range(9000)] | length }");
	ck_assert(tmpl_eval(items[0], root, a, &v, &err) == 0);
	ck_assert_int_eq(tmpl_eval(tmpl_array(a, items, 20), root, a, &v, &err), -1);
	ck_assert(strstr(err.msg, "more than 100000 operations") != NULL);
	ck_assert_int_eq(tmpl_eval_text(parsed("${ \"x\" * 3000000 }${ \"x\" * 3000000 }"), root, a, &text, &err), -1);
	ck_assert(strstr(err.msg, "more than 8 MiB") != NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_tmpl");
	TCase *t = tcase_create("tmpl");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, tmpl_values, 0, (int)(sizeof values / sizeof *values));
	tcase_add_loop_test(t, tmpl_broken, 0, (int)(sizeof broken / sizeof *broken));
	tcase_add_test(t, tmpl_asked);
	tcase_add_test(t, tmpl_nested);
	tcase_add_test(t, tmpl_budget);
	suite_add_tcase(s, t);
	return suite_run(s);
}
