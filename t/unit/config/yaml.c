/* yaml.c (test) - trees, core schema, places, and inputs that want to be slow. */
#include "config/yaml.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "../suite_run.h"

static struct arena *a;
static struct diags *d;

static void setup(void)
{
	a = arena_new(NULL);
	d = diags_new(a);
}

static void teardown(void)
{
	arena_free(a);
}

static const char *printed(void)
{
	struct buf b;
	buf_init(&b, a);
	diag_print(d, &b);
	return buf_cstr(&b);
}

static const char *as_json(const char *text)
{
	const struct yaml *n = yaml_parse(a, "f", str_from(text), d);
	const struct json *v = n ? yaml_json(a, n, d) : NULL;
	return v ? json_text(a, v).p : printed();
}

START_TEST(test_values)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"a: yes\nb: no\nc: on\nd: off\ne: y", "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"on\",\"d\":\"off\",\"e\":\"y\"}"},
		{"[true, True, FALSE, false, tRue]", "[true,true,false,false,\"tRue\"]"},
		{"[null, ~, Null, , nil]", NULL},
		{"- null\n- ~\n-\n- nil\n- ''", "[null,null,null,\"nil\",\"\"]"},
		{"[0, 7, -7, +7, 007, 0o17, 0xFf, 1_000]", "[0,7,-7,7,7,15,255,\"1_000\"]"},
		{"[9223372036854775807, -9223372036854775808]", "[9223372036854775807,-9223372036854775808]"},
		{"[1.10, .5, 5., +1.5, 1e3, 1E-2, 12e03]", "[1.10,0.5,5,1.5,1e3,1E-2,12e03]"},
		{"[12345678901234567890, 0.1000000000000000055]", "[12345678901234567890,0.1000000000000000055]"},
		{"[2026-11-01, 12:30, 1.2.3, 1e, e1, ., -, +, 0x, 0o8, 0b1]", NULL},
		{"- 2026-11-01\n- 12:30\n- 1.2.3\n- 1e\n- .\n- +\n- 0x\n- 0o8\n- 08",
		 "[\"2026-11-01\",\"12:30\",\"1.2.3\",\"1e\",\".\",\"+\",\"0x\",\"0o8\",8]"},
		{"{\"a\": \"1\", 'b': 'it''s', c: |\n  x\n}", NULL},
		{"a: |\n  x\n   y\n\n  z\nb: >-\n  one\n  two\n\n  three\n", "{\"a\":\"x\\n y\\n\\nz\\n\",\"b\":\"one two\\nthree\"}"},
		{"\"a\\u00e9\\x41\\n\": \"\\U0001F600\"", "{\"a\303\251A\\n\":\"\360\237\230\200\"}"},
		{"\xef\xbb\xbf" "a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
		{"a: b: c", NULL},
		{"x: \"a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ b\"", "{\"x\":\"a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ b\"}"},
		{"x: a[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"x\":\"a[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}"},
		{"x: |\n  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n  {{\ny: [1]", "{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\n{{\\n\",\"y\":[1]}"},
		{"# [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\nx: 1 # {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{", "{\"x\":1}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup();
		const char *got = as_json(cases[i].yaml);
		if (cases[i].json)
			ck_assert_msg(!strcmp(got, cases[i].json), "%s\ngave %s\nnot  %s", cases[i].yaml, got, cases[i].json);
		else
			ck_assert_msg(diag_errors(d) > 0 || *got == '[', "%s\ngave %s", cases[i].yaml, got);
		teardown();
	}
}
END_TEST

START_TEST(test_refused)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{"", "f:1:1: error: the file is empty"},
		{"# only a comment\n", "f:1:1: error: the file is empty"},
		{"a: 1\nb: 2\na: 3", "f:3:1: error: key \"a\" is given twice: first at line 1, column 1"},
		{"a: &x 1", "f:1:4: error: anchors are not allowed (\"&x\")"},
		{"a: *x", "f:1:4: error: aliases are not allowed (\"*x\")"},
		{"a: !t 1", "f:1:4: error: tags are not allowed (\"!t\")"},
		{"a: !!str 1", "f:1:4: error: tags are not allowed (\"tag:yaml.org,2002:str\")"},
		{"<<: {a: 1}", "f:1:1: error: merge keys (\"<<\") are not allowed"},
		{"a: 1\n---\nb: 2", "f:2:1: error: a second document begins: one per file is allowed"},
		{"a: 1\n...\nb: 2", "error: YAML syntax"},
		{"%YAML 1.2\n---\na: 1", "f:1:1: error: YAML directives are not allowed"},
		{"? [a]\n: 1", "f:1:3: error: a key must be a plain word or quoted text, got a list"},
		{"\"\": 1", "error: the key is empty"},
		{"a:\n\t- b", "hint: a tab is used for indentation: use spaces"},
		{"a: ${ {b: 1} }", "hint: quote this expression"},
		{"a: {b: ${ .x }}", "hint: quote this expression"},
		{"a: [1, 2", "error: YAML syntax: "},
		{"a: 'x", "error: YAML syntax: "},
		{"a: \x01", "f:1:4: error: control character in the file"},
		{"a: \xff", "f:1:4: error: the file is not valid UTF-8"},
		{"a: b\xc3", "f:1:5: error: the file is not valid UTF-8"},
		{"a: \xed\xa0\x80", "f:1:4: error: the file is not valid UTF-8"},
		{"\xc3\xa9: \xe2\x80\xa8", "f:1:4: error: Unicode line separator in the file"},
		{"a: 1\rb: 2", "f:1:5: error: carriage return without a line feed"},
		{"a: \"\\0\"", "f:1:4: error: the text holds an escape that is no Unicode character, or NUL"},
		{"a: \"\\ud800\"", "error: YAML syntax: "},
		{"a: .inf", "f:1:4: error: number .inf is not one that JSON can hold"},
		{"a: .nan", "f:1:4: error: number .nan is not one that JSON can hold"},
		{"a: 1e999999999", "f:1:4: error: number 1e999999999 is not one that JSON can hold"},
		{"a: 0xffffffffffffffff", "f:1:4: error: number 0xffffffffffffffff does not fit 64 bits"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup();
		as_json(cases[i].yaml);
		const char *got = printed();
		ck_assert_msg(diag_errors(d) > 0 && strstr(got, cases[i].message), "%s\ngave %s\nnot  %s", cases[i].yaml, got,
			      cases[i].message);
		teardown();
	}
}
END_TEST

START_TEST(test_nul)
{
	static const char text[] = "a: 1\0\nb: 2";
	ck_assert_ptr_null(yaml_parse(a, "f", (struct str){text, sizeof(text) - 1}, d));
	ck_assert_ptr_nonnull(strstr(printed(), "f:1:5: error: the file holds a NUL byte"));
}
END_TEST

/* Where the bytes of a scalar stand, however it is written. Each text holds one '@'. */
START_TEST(test_places)
{
	static const struct {
		const char *yaml;
		int line, col;
	} cases[] = {
		{"k: ab@", 1, 6},
		{"k:   ab\n  c@d", 2, 4},
		{"k: '@'", 1, 5},
		{"k: 'it''s @'", 1, 11},
		{"k: \"\\n\\u00e9\\x41\\\\ @\"", 1, 20},
		{"k: \"one\n\n   two @\"", 3, 8},
		{"k: \"one \\\n   two @\"", 2, 8},
		{"k: |\n  one\n    two @\n", 3, 9},
		{"k: >\n  one\n  two\n\n  three @\n", 5, 9},
		{"k: |2-\n    one @\n", 2, 9},
		{"k: \xc3\xa9\xc3\xa9@", 1, 6},
		{"- [x, {y: z@}]", 1, 12},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup();
		const struct yaml *n = yaml_parse(a, "f", str_from(cases[i].yaml), d);
		ck_assert_msg(n != NULL, "%s: %s", cases[i].yaml, printed());
		n = n->kind == YAML_MAP ? n->pairs[0].value : n->items[0]->items[1]->pairs[0].value;
		ptrdiff_t at = str_chr(n->text, '@');
		ck_assert_int_ge(at, 0);
		struct place p = yaml_place(n, (size_t)at);
		ck_assert_msg(p.line == cases[i].line && p.col == cases[i].col, "%s\ngave %d:%d, not %d:%d", cases[i].yaml,
			      p.line, p.col, cases[i].line, cases[i].col);
		teardown();
	}
}
END_TEST

/* A bound on what would take minutes if it were quadratic; memcheck is slow by itself. */
static int64_t most_ms(void)
{
	return getenv("AGENTD_VALGRIND") ? 60000 : 3000;
}

static struct str repeat(const char *head, const char *piece, size_t bytes)
{
	struct buf b;
	buf_init(&b, a);
	buf_adds(&b, head);
	while (b.n < bytes)
		buf_adds(&b, piece);
	return buf_str(&b);
}

/* libyaml alone takes up to 15 s for some of these. */
START_TEST(test_hostile)
{
	static const struct {
		const char *head, *piece, *message;
	} cases[] = {
		{"", "[", "nested more than 32 levels deep"},
		{"", "{a: ", "nested more than 32 levels deep"},
		{"", "[\n", "nested more than 32 levels deep"},
		{"", "- ", "nested more than 32 levels deep"},
		{"", "? ", "nested more than 32 levels deep"},
		{"x: a\n  [", "[", ""},		/* a plain scalar goes on: text, whatever the scan thinks */
		{"x: '\n", "[", ""},
		{"x: \"a\n", "[", ""},
		{"x: y\n- 'z\n", "[ ", ""},
		{"x: |\n  a\n", "[", ""},
		{"", "%TAG !a! b\n", "YAML directives are not allowed"},
		{"", "&a ", ""},
		{"", "!a ", ""},
		{"", "*a ", ""},
		{"", "[a,", "nested more than 32 levels deep"},
		{"[", "a,", "YAML syntax"},
		{"", "a: ", "YAML syntax"},
		{"", "'a':", ""},
		{"", "---\n", "a second document begins"},
		{"", "\"", ""},
		{"", "\n", "the file is empty"},
		{"", " \n", "the file is empty"},
		{"", "#\n", "the file is empty"},
		{"a: >\n", "\n ", ""},
		{"", "a\n", ""},
		{"", "- a\n", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup();
		struct str text = repeat(cases[i].head, cases[i].piece, YAML_MAX_BYTES - 64);
		int64_t from_ms = clock_boot_ms();
		const struct yaml *n = yaml_parse(a, "f", text, d);
		int64_t ms = clock_boot_ms() - from_ms;
		if (*cases[i].message)
			ck_assert_msg(!n && strstr(printed(), cases[i].message), "%s%s...: %s", cases[i].head, cases[i].piece,
				      printed());
		ck_assert_msg(ms < most_ms(), "%s%s...: %lld ms", cases[i].head, cases[i].piece, (long long)ms);
		teardown();
	}
}
END_TEST

START_TEST(test_many_keys)
{
	struct buf b;
	buf_init(&b, a);
	for (int i = 0; b.n < YAML_MAX_BYTES - 64; i++)
		buf_addf(&b, "k%d: 1\n", i);
	buf_adds(&b, "k7: 2\n");
	int64_t from_ms = clock_boot_ms();
	yaml_parse(a, "f", buf_str(&b), d);
	ck_assert_int_lt(clock_boot_ms() - from_ms, most_ms());
	ck_assert_uint_eq(diag_errors(d), 1);
	ck_assert_ptr_nonnull(strstr(printed(), "key \"k7\" is given twice: first at line 8"));
}
END_TEST

START_TEST(test_size)
{
	struct str text = repeat("", "a", YAML_MAX_BYTES + 1);
	ck_assert_ptr_null(yaml_parse(a, "f", text, d));
	ck_assert_ptr_nonnull(strstr(printed(), "the file is larger than 256 KiB"));
}
END_TEST

START_TEST(test_depth)
{
	struct buf b;
	for (int depth = 31; depth <= 33; depth++) {
		setup();
		buf_init(&b, a);
		for (int i = 0; i < depth; i++)
			buf_adds(&b, "[");
		for (int i = 0; i < depth; i++)
			buf_adds(&b, "]");
		ck_assert_int_eq(yaml_parse(a, "f", buf_str(&b), d) != NULL, depth <= YAML_MAX_DEPTH);
		buf_reset(&b);
		for (int i = 0; i < depth; i++)
			buf_addf(&b, "%*sa:\n", i, "");
		buf_addf(&b, "%*sz\n", depth, "");
		ck_assert_int_eq(yaml_parse(a, "g", buf_str(&b), d) != NULL, depth <= YAML_MAX_DEPTH);
		teardown();
	}
}
END_TEST

START_TEST(test_diag_limit)
{
	struct place at = {"f", 1, 1};
	for (int i = 0; i < 300; i++)
		diag_error(d, at, "mistake %d", i);
	ck_assert_uint_eq(diag_errors(d), 300);
	ck_assert_uint_eq(json_len(diag_json(d, a)), 200);
	ck_assert_ptr_nonnull(strstr(printed(), "and 100 more\n"));
}
END_TEST

START_TEST(test_diag_order)
{
	diag_source(d, "b", STR("one\ntwo \xff \x1b[31m\nthree"));
	diag_error(d, ((struct place){"b", 2, 5}), "second");
	diag_error(d, ((struct place){"a", 9, 1}), "first");
	diag_add(d, DIAG_WARNING, (struct place){"b", 2, 1}, "do so", "before");
	diag_error(d, ((struct place){"b", 2, 5}), "second");
	diag_error(d, ((struct place){"b", 3, 0}), "secret");
	ck_assert_str_eq(printed(), "a:9:1: error: first\n"
				    "b:2:1: warning: before\n  two ? ?[31m\n  ^\n  hint: do so\n"
				    "b:2:5: error: second\n  two ? ?[31m\n      ^\n"
				    "b:3: error: secret\n");
	ck_assert_uint_eq(diag_errors(d), 3);
	ck_assert_uint_eq(diag_warnings(d), 1);
	ck_assert_str_eq(json_text(a, json_at(diag_json(d, a), 1)).p,
			 "{\"file\":\"b\",\"line\":2,\"column\":1,\"level\":\"warning\",\"message\":\"before\",\"hint\":\"do so\"}");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config/yaml");
	TCase *alone = tcase_create("own arenas"), *t = tcase_create("yaml");
	tcase_add_test(alone, test_values);
	tcase_add_test(alone, test_refused);
	tcase_add_test(alone, test_places);
	tcase_add_test(alone, test_hostile);
	tcase_add_test(alone, test_depth);
	tcase_set_timeout(alone, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_nul);
	tcase_add_test(t, test_many_keys);
	tcase_add_test(t, test_size);
	tcase_add_test(t, test_diag_limit);
	tcase_add_test(t, test_diag_order);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
