/* Unit tests of schema/check*.c: which faults a value has, where and in which words; bounds; memory; threads. */
#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/schema.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct schema *compile(const char *text)
{
	struct schema_faults faults = {.a = a};
	const struct schema *s = schema_compile(a, parse(text), &faults);

	if (!s)
		ck_abort_msg("%s: " STR_FMT, text, STR_ARG(faults.v[0].message));
	return s;
}

/* "POINTER KEYWORD MESSAGE", one a line. */
static const char *faults_text(const struct schema_faults *f)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < f->n; i++)
		buf_addf(&b, "%s" STR_FMT " " STR_FMT ": " STR_FMT, i ? "\n" : "", STR_ARG(f->v[i].pointer), STR_ARG(f->v[i].keyword),
			 STR_ARG(f->v[i].message));
	return buf_cstr(&b);
}

static const struct {
	const char *schema, *value, *faults;
} table[] = {
	{"true", "null", ""},
	{"false", "1", " : no value is allowed here"},
	{"{\"type\":\"string\"}", "1", " type: expected string, got number"},
	{"{\"type\":[\"null\",\"object\"]}", "[]", " type: expected null or object, got array"},
	{"{\"type\":\"integer\"}", "1.0", ""},
	{"{\"type\":\"integer\"}", "1e30", ""},
	{"{\"type\":\"integer\"}", "1.5", " type: expected integer, got 1.5"},
	{"{\"type\":\"number\"}", "\"1\"", " type: expected number, got string"},
	{"{\"const\":{\"a\":1,\"b\":[2.0]}}", "{\"b\":[2],\"a\":1.0}", ""},
	{"{\"const\":1}", "true", " const: expected 1"},
	{"{\"enum\":[\"a\",1,null]}", "null", ""},
	{"{\"enum\":[\"a\",1,null]}", "\"b\"", " enum: expected one of [\"a\",1,null]"},
	{"{\"minimum\":3}", "3.0", ""},
	{"{\"minimum\":3}", "2.9", " minimum: expected at least 3, got 2.9"},
	{"{\"exclusiveMinimum\":3}", "3", " exclusiveMinimum: expected more than 3, got 3"},
	{"{\"maximum\":9007199254740992}", "9007199254740993",
	 " maximum: expected at most 9007199254740992, got 9007199254740993"},
	{"{\"exclusiveMaximum\":0.1}", "0.1", " exclusiveMaximum: expected less than 0.1, got 0.1"},
	{"{\"multipleOf\":0.01}", "19.99", ""},
	{"{\"multipleOf\":0.01}", "19.999", " multipleOf: expected a multiple of 0.01, got 19.999"},
	{"{\"minimum\":5,\"multipleOf\":2}", "3",
	 " minimum: expected at least 5, got 3\n multipleOf: expected a multiple of 2, got 3"},
	{"{\"minLength\":2}", "\"\\ud83d\\ude00\"", " minLength: expected at least 2 characters, got 1"},
	{"{\"maxLength\":1}", "\"\\ud83d\\ude00\"", ""},
	{"{\"maxLength\":1}", "\"ab\"", " maxLength: expected at most 1 character, got 2"},
	{"{\"pattern\":\"b\"}", "\"abc\"", ""},
	{"{\"pattern\":\"^b\"}", "\"abc\"", " pattern: does not match the pattern \"^b\""},
	{"{\"minItems\":2,\"maxItems\":3}", "[1]", " minItems: expected at least 2 items, got 1"},
	{"{\"maxItems\":1}", "[1,2]", " maxItems: expected at most 1 item, got 2"},
	{"{\"uniqueItems\":true}", "[1,{\"a\":1,\"b\":2},true,{\"b\":2,\"a\":1.0}]", " uniqueItems: items 1 and 3 are equal"},
	{"{\"items\":{\"type\":\"integer\"}}", "[1,\"a\",2,null]",
	 "/1 type: expected integer, got string\n/3 type: expected integer, got null"},
	{"{\"prefixItems\":[{\"type\":\"integer\"}],\"items\":false}", "[1,2,3]",
	 "/1 items: no item is allowed here\n/2 items: no item is allowed here"},
	{"{\"contains\":{\"const\":1}}", "[2]", " contains: expected at least 1 item as \"contains\" says, got 0"},
	{"{\"contains\":{\"const\":1},\"minContains\":2}", "[1]", " minContains: expected at least 2 items as \"contains\" says, got 1"},
	{"{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", " maxContains: expected at most 1 item as \"contains\" says, got 2"},
	{"{\"required\":[\"a\",\"b\"]}", "{}", " required: required key \"a\" is missing\n required: required key \"b\" is missing"},
	{"{\"properties\":{\"title\":{}},\"additionalProperties\":false}", "{\"titel\":1,\"x/y\":2}",
	 "/titel additionalProperties: key \"titel\" is not allowed (did you mean \"title\"?)\n"
	 "/x~1y additionalProperties: key \"x/y\" is not allowed"},
	{"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"null\"}}}}}", "{\"a\":{\"b\":1}}", "/a/b type: expected null, got number"},
	{"{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a properties: key \"a\" is not allowed"},
	{"{\"patternProperties\":{\"^n_\":{\"type\":\"number\"}}}", "{\"n_a\":\"x\",\"b\":\"x\"}", "/n_a type: expected number, got string"},
	{"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1,\"ab\":1}",
	 "/abc propertyNames: the key itself: expected at most 2 characters, got 3"},
	{"{\"minProperties\":1}", "{}", " minProperties: expected at least 1 key, got 0"},
	{"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", " maxProperties: expected at most 1 key, got 2"},
	{"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", " dependentRequired: required key \"b\" is missing, as \"a\" is there"},
	{"{\"dependentSchemas\":{\"a\":{\"required\":[\"c\"]}}}", "{\"a\":1}", " required: required key \"c\" is missing"},
	{"{\"allOf\":[{\"minimum\":3},{\"multipleOf\":2}]}", "1",
	 " minimum: expected at least 3, got 1\n multipleOf: expected a multiple of 2, got 1"},
	{"{\"anyOf\":[{\"minimum\":3},{\"const\":1}]}", "2", " anyOf: fits none of the 2 schemas of \"anyOf\""},
	{"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"required\":[\"a\"]}]}", "{}", " required: required key \"a\" is missing"},
	{"{\"oneOf\":[{\"minimum\":3},{\"multipleOf\":2}]}", "4", " oneOf: fits schemas 0 and 1 of \"oneOf\", expected one"},
	{"{\"oneOf\":[{\"minimum\":3},{\"multipleOf\":2}]}", "1", " oneOf: fits none of the 2 schemas of \"oneOf\""},
	{"{\"not\":{\"type\":\"null\"}}", "null", " not: fits the schema of \"not\""},
	{"{\"if\":{\"minimum\":3},\"then\":{\"multipleOf\":2},\"else\":false}", "5", " multipleOf: expected a multiple of 2, got 5"},
	{"{\"if\":{\"minimum\":3},\"then\":{\"multipleOf\":2},\"else\":false}", "2", " else: no value is allowed here"},
	{"{\"allOf\":[{\"properties\":{\"a\":{}}}],\"unevaluatedProperties\":false}", "{\"a\":1,\"b\":2}",
	 "/b unevaluatedProperties: key \"b\" is not allowed"},
	/* what a rule that failed looked at is not complained of twice */
	{"{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"null\"}}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
	 "/a type: expected null, got number"},
	{"{\"prefixItems\":[{}],\"unevaluatedItems\":{\"type\":\"null\"}}", "[1,null,2]", "/2 type: expected null, got number"},
	{"{\"$defs\":{\"n\":{\"properties\":{\"next\":{\"$ref\":\"#/$defs/n\"},\"v\":{\"type\":\"integer\"}}}},\"$ref\":\"#/$defs/n\"}",
	 "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":\"x\"}}}", "/next/next/v type: expected integer, got string"},
	{"{\"format\":\"email\",\"contentMediaType\":\"application/json\"}", "\"no\"", ""},
	{"{\"properties\":{\"~a/b\":{\"type\":\"null\"}}}", "{\"~a/b\":1}", "/~0a~1b type: expected null, got number"},
};

START_TEST(faults)
{
	const struct schema *s = compile(table[_i].schema);
	struct schema_faults f = {.a = a};
	bool fits = schema_check(s, parse(table[_i].value), &f);

	ck_assert_msg(fits == (table[_i].faults[0] == '\0'), "%s of %s", table[_i].schema, table[_i].value);
	ck_assert_str_eq(faults_text(&f), table[_i].faults);
	ck_assert_int_eq(schema_check(s, parse(table[_i].value), NULL), fits);
}
END_TEST

START_TEST(list_is_bounded)
{
	const struct schema *s = compile("{\"items\":{\"type\":\"null\"}}");
	struct schema_faults f = {.a = a};
	struct json_builder b;

	json_array_begin(&b, a);
	for (int i = 0; i < 1000; i++)
		json_array_add(&b, json_int(a, i));
	ck_assert(!schema_check(s, json_array_end(&b), &f));
	ck_assert_uint_eq(f.n, SCHEMA_FAULTS);
	ck_assert(f.more);
	ck_assert(str_is(f.v[SCHEMA_FAULTS - 1].pointer, "/31"));
}
END_TEST

/* Large arrays are sorted; equal ones are found wherever they stand. */
START_TEST(unique_in_many)
{
	const struct schema *s = compile("{\"uniqueItems\":true}");
	struct schema_faults f = {.a = a};
	struct json_builder b;

	json_array_begin(&b, a);
	for (int i = 0; i < 5000; i++)
		json_array_add(&b, json_int(a, (i * 7919) % 5003));
	ck_assert(schema_check(s, json_array_end(&b), NULL));
	json_array_begin(&b, a);
	for (int i = 0; i < 5000; i++)
		json_array_add(&b, json_int(a, i == 4000 ? 17 : i));
	ck_assert(!schema_check(s, json_array_end(&b), &f));
	ck_assert_str_eq(faults_text(&f), " uniqueItems: items 17 and 4000 are equal");
	/* the order of keys and the form of numbers are none of the value */
	f.n = 0;
	json_array_begin(&b, a);
	for (int i = 0; i < 100; i++)
		json_array_add(&b, parse(i == 70 ? "{\"b\":[-0.0,1e2],\"a\":2}" : i == 30 ? "{\"a\":2.0,\"b\":[0,100]}" :
							 arena_printf(a, "{\"a\":2,\"b\":[%d,99]}", i)));
	ck_assert(!schema_check(s, json_array_end(&b), &f));
	ck_assert_str_eq(faults_text(&f), " uniqueItems: items 30 and 70 are equal");
}
END_TEST

/* Marks of more places than the stack holds. */
START_TEST(unevaluated_in_many)
{
	const struct schema *s = compile("{\"anyOf\":[{\"patternProperties\":{\"^k\":true}}],\"unevaluatedProperties\":false}");
	struct schema_faults f = {.a = a};
	struct json_builder b;

	json_object_begin(&b, a);
	for (int i = 0; i < 1000; i++)
		json_object_set(&b, str_from(arena_printf(a, "%s%d", i == 900 ? "x" : "k", i)), json_null());
	ck_assert(!schema_check(s, json_object_end(&b), &f));
	ck_assert_str_eq(faults_text(&f), "/x900 unevaluatedProperties: key \"x900\" is not allowed");
}
END_TEST

/* Each level asks twice for the one below: 2^40 questions. */
START_TEST(steps_are_bounded)
{
	struct schema_faults f = {.a = a};
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
	for (int i = 0; i < 40; i++)
		buf_addf(&b, "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1, i + 1);
	buf_adds(&b, "\"d40\":{\"type\":\"null\"}}}");
	ck_assert(!schema_check(compile(buf_cstr(&b)), parse("1"), &f));
	ck_assert_str_eq(faults_text(&f), " : checking was given up: it is nested too deep or takes too many steps");
}
END_TEST

/* Large items of one hash, as their last numbers differ by less than a double tells, pay for each comparison by their size. */
START_TEST(comparisons_are_bounded)
{
	static const int counts[] = {950, 30};
	struct schema_faults f = {.a = a};
	struct json_builder all, one;

	json_array_begin(&all, a);
	for (int i = 0; i < counts[_i]; i++) {
		json_array_begin(&one, a);
		for (int k = 0; k < 265 * 950 / counts[_i]; k++)
			json_array_add(&one, json_number(a, STR("1e0")));
		json_array_add(&one, json_number(a, str_from(arena_printf(a, "1.0000000000000000000000%03d1", i))));
		json_array_add(&all, json_array_end(&one));
	}
	ck_assert(!schema_check(compile("{\"uniqueItems\":true}"), json_array_end(&all), &f));
	ck_assert_str_eq(faults_text(&f), " : checking was given up: it is nested too deep or takes too many steps");
}
END_TEST

/* A constant of 3000 numbers against 1000 items, each of which differs from it in the last one. */
START_TEST(constants_are_bounded)
{
	struct schema_faults f = {.a = a};
	struct buf head;
	struct json_builder b;
	const char *schema;

	buf_init(&head, a);
	buf_addc(&head, '[');
	for (int i = 0; i < 3000; i++)
		buf_addf(&head, "%d,", i);
	json_array_begin(&b, a);
	for (int i = 0; i < 1000; i++)
		json_array_add(&b, parse(arena_printf(a, "%s%d]", buf_cstr(&head), i)));
	schema = arena_printf(a, "{\"items\":{\"not\":{\"%s\":%s%s-1]%s}}}", _i ? "enum" : "const", _i ? "[" : "", buf_cstr(&head),
			      _i ? "]" : "");
	ck_assert(!schema_check(compile(schema), json_array_end(&b), &f));
	ck_assert_str_eq(faults_text(&f), " : checking was given up: it is nested too deep or takes too many steps");
}
END_TEST

/* Against 50,000 bytes, of which one in each period is no letter. */
START_TEST(patterns_are_bounded)
{
	static const struct {
		const char *pattern;
		int period;
	} patterns[] = {
		{"^(a+)+$", 50000}, {"(.*)*[xz](.*)*[yz]", 50000}, {"(a|aa)+$", 50000}, {"([a-z]+)\\\\1[bc]", 50000},
		{"[a-z]{2000}", 2000}, {"(?:b|[a-z]{2000,3000}c)", 2000},
	};
	char *text = arena_alloc(a, 50001);
	struct schema_faults f = {.a = a};

	memset(text, 'a', 50000);
	for (int i = patterns[_i].period; i <= 50000; i += patterns[_i].period)
		text[i - 1] = '!';
	text[50000] = '\0';
	schema_check(compile(arena_printf(a, "{\"pattern\":\"%s\"}", patterns[_i].pattern)), json_stringc(a, text), &f);
	ck_assert_str_eq(faults_text(&f), " : checking was given up: it is nested too deep or takes too many steps");
}
END_TEST

/* Base64 of 100 kB: each group of four is a place to go back to. What that took is given back. */
START_TEST(long_texts_fit)
{
	const struct schema *s = compile("{\"pattern\":\"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$\"}");
	char *text = arena_alloc(a, 100001);
	struct mallinfo2 before, after;
	const struct json *v;
	bool fits;

	memset(text, 'Q', 100000);
	memcpy(text + 99998, "==", 3);
	v = json_stringc(a, text);
	ck_assert(schema_check(s, parse("\"QUI=\""), NULL));
	before = mallinfo2();
	fits = schema_check(s, v, NULL);
	after = mallinfo2();
	ck_assert(fits);
	ck_assert_uint_le(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 64 * 1024);
	text[50000] = '!';
	ck_assert(!schema_check(s, json_stringc(a, text), NULL));
}
END_TEST

/* A dynamic reference may turn in a circle that nobody sees before. */
START_TEST(depth_is_bounded)
{
	struct schema_faults f = {.a = a};
	const struct schema *s = compile("{\"$dynamicAnchor\":\"x\",\"allOf\":[{\"$dynamicRef\":\"#x\"}]}");

	ck_assert(!schema_check(s, parse("1"), &f));
	ck_assert_str_eq(faults_text(&f), " : checking was given up: it is nested too deep or takes too many steps");
}
END_TEST

static const char person[] =
	"{\"type\":\"object\",\"required\":[\"name\",\"tags\"],\"additionalProperties\":false,\"properties\":{"
	"\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"},\"age\":{\"type\":\"integer\",\"minimum\":0},"
	"\"tags\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"enum\":[\"a\",\"b\"]}}},"
	"\"propertyNames\":{\"maxLength\":10},\"anyOf\":[{\"required\":[\"age\"]},{\"required\":[\"tags\"]}]}";

/* mallinfo2() does not count what a sanitizer's allocator does. */
START_TEST(what_fits_costs_no_memory)
{
	const struct schema *s = compile(person);
	const struct json *v = parse("{\"name\":\"ada\",\"age\":36,\"tags\":[\"a\",\"b\"]}");
	struct mallinfo2 before, after;
	int fits = 0;

	ck_assert(schema_check(s, v, NULL));	/* what a thread needs is made once */
	before = mallinfo2();
	for (int i = 0; i < 1000; i++)		/* an assertion allocates */
		fits += schema_check(s, v, NULL);
	after = mallinfo2();
	ck_assert_int_eq(fits, 1000);
	ck_assert_uint_eq(before.uordblks, after.uordblks);
}
END_TEST

struct job {
	const struct schema *s;
	const struct json *good, *bad;
	int wrong;
};

static void *work(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 2000; i++) {
		struct arena *own = arena_new(NULL);
		struct schema_faults f = {.a = own};

		j->wrong += !schema_check(j->s, j->good, NULL) || schema_check(j->s, j->bad, &f) || f.n != 2;
		arena_free(own);
	}
	return NULL;
}

START_TEST(threads_share_a_program)
{
	struct job jobs[4];
	pthread_t threads[4];

	jobs[0] = (struct job){compile(person), parse("{\"name\":\"ada\",\"tags\":[]}"), parse("{\"name\":\"Ada\",\"tags\":[\"c\"]}"), 0};
	for (int i = 0; i < 4; i++) {
		jobs[i] = jobs[0];
		jobs[i].wrong = 0;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(jobs[i].wrong, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema/check");
	TCase *t = tcase_create("check");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, faults, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(t, list_is_bounded);
	tcase_add_test(t, unique_in_many);
	tcase_add_test(t, unevaluated_in_many);
	tcase_add_test(t, steps_are_bounded);
	tcase_add_loop_test(t, comparisons_are_bounded, 0, 2);
	tcase_add_loop_test(t, constants_are_bounded, 0, 2);
	tcase_add_loop_test(t, patterns_are_bounded, 0, 6);
	tcase_add_test(t, long_texts_fit);
	tcase_add_test(t, depth_is_bounded);
	tcase_add_test(t, what_fits_costs_no_memory);
	tcase_add_test(t, threads_share_a_program);
	suite_add_tcase(s, t);
	return suite_run(s);
}
