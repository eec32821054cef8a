/* json_value.c - reading, making, building and copying values. */
#include "base/json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct json *parsed(const char *text)
{
	const struct json *v = NULL;
	struct err err;

	ck_assert_msg(json_parse(a, str_from(text), NULL, &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

static const struct {
	const char *text;
	enum json_type type;
	const char *name;
	bool truth, number;
	size_t len;
} kinds[] = {
	{"null", JSON_NULL, "null", false, false, 0},
	{"false", JSON_FALSE, "boolean", false, false, 0},
	{"true", JSON_TRUE, "boolean", true, false, 0},
	{"0", JSON_INT, "number", true, true, 0},
	{"-5", JSON_INT, "number", true, true, 0},
	{"0.0", JSON_NUM, "number", true, true, 0},
	{"1e3", JSON_NUM, "number", true, true, 0},
	{"9223372036854775808", JSON_NUM, "number", true, true, 0},
	{"\"\"", JSON_STRING, "string", true, false, 0},
	{"\"abc\"", JSON_STRING, "string", true, false, 0},
	{"[]", JSON_ARRAY, "array", true, false, 0},
	{"[1,2]", JSON_ARRAY, "array", true, false, 2},
	{"{}", JSON_OBJECT, "object", true, false, 0},
	{"{\"a\":1}", JSON_OBJECT, "object", true, false, 1},
};

START_TEST(kinds_of_values)
{
	const struct json *v = parsed(kinds[_i].text);

	ck_assert_int_eq(json_type(v), kinds[_i].type);
	ck_assert_str_eq(json_type_name(v), kinds[_i].name);
	ck_assert_int_eq(json_truth(v), kinds[_i].truth);
	ck_assert_int_eq(json_is_number(v), kinds[_i].number);
	ck_assert_int_eq(json_is_true(v), kinds[_i].type == JSON_TRUE);
	ck_assert_uint_eq(json_len(v), kinds[_i].len);
}
END_TEST

START_TEST(absent_values_are_null)
{
	int64_t i = 42;

	ck_assert_int_eq(json_type(NULL), JSON_NULL);
	ck_assert_str_eq(json_type_name(NULL), "null");
	ck_assert(!json_is_true(NULL) && !json_truth(NULL) && !json_is_number(NULL));
	ck_assert_uint_eq(json_len(NULL), 0);
	ck_assert_ptr_null(json_at(NULL, 0));
	ck_assert_ptr_null(json_getc(NULL, "a"));
	ck_assert_ptr_null(json_key(NULL, 0).p);
	ck_assert_ptr_null(json_val(NULL, 0));
	ck_assert_ptr_null(json_str(NULL).p);
	ck_assert_ptr_null(json_literal(NULL).p);
	ck_assert(!json_to_int(NULL, &i));
	ck_assert_int_eq(i, 42);
	ck_assert_double_eq(json_to_double(NULL), 0);
	ck_assert(json_equal(NULL, json_null()));
	ck_assert_int_eq(json_cmp(NULL, json_null()), 0);
	ck_assert_str_eq(json_text(a, NULL).p, "null");
	ck_assert_ptr_eq(json_copy(a, NULL), json_null());
}
END_TEST

START_TEST(parts_of_containers)
{
	const struct json *arr = parsed("[10,[],\"x\"]"), *obj = parsed("{\"b\":1,\"a\":null}");

	ck_assert(json_equal(json_at(arr, 0), json_int(a, 10)));
	ck_assert(str_is(json_str(json_at(arr, 2)), "x"));
	ck_assert_ptr_null(json_at(arr, 3));
	ck_assert_ptr_null(json_at(obj, 0));
	ck_assert_ptr_null(json_val(arr, 0));
	ck_assert_ptr_null(json_getc(arr, "a"));
	ck_assert(str_is(json_key(obj, 0), "b"));
	ck_assert(str_is(json_key(obj, 1), "a"));
	ck_assert_ptr_null(json_key(obj, 2).p);
	ck_assert_ptr_null(json_key(arr, 0).p);
	ck_assert_ptr_eq(json_val(obj, 1), json_null());
	ck_assert_ptr_null(json_val(obj, 2));
	ck_assert_ptr_eq(json_getc(obj, "a"), json_null());
	ck_assert_ptr_null(json_getc(obj, "c"));
	ck_assert_ptr_null(json_get(obj, STR("a\0")));
	ck_assert_ptr_null(json_str(arr).p);
	ck_assert(str_is(json_literal(parsed("1.50")), "1.50"));
	ck_assert_ptr_null(json_literal(parsed("1")).p);
}
END_TEST

START_TEST(needed_members)
{
	const struct json *o = parsed("{\"s\":\"text\",\"i\":7,\"f\":1.0,\"h\":1.5,\"n\":null,\"o\":{}}");
	struct str s;
	struct err err;

	ck_assert_int_eq(json_need_str(o, "s", &s, &err), 0);
	ck_assert(str_is(s, "text"));
	ck_assert_int_eq(json_need_str(o, "o", &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_str_eq(err.msg, "\"o\": expected string, got object");
	ck_assert_int_eq(json_need_str(o, "n", &s, &err), -1);
	ck_assert_str_eq(err.msg, "\"n\": expected string, got null");
	ck_assert_int_eq(json_need_str(o, "x", &s, &err), -1);
	ck_assert_str_eq(err.msg, "\"x\": expected string, but it is missing");
	ck_assert_int_eq(json_need_str(NULL, "x", &s, NULL), -1);
	ck_assert_int_eq(json_need_str(parsed("[]"), "x", &s, NULL), -1);
}
END_TEST

static const struct {
	struct str bytes;
	const char *json;
} strings[] = {
	{STR(""), "\"\""},
	{STR("plain"), "\"plain\""},
	{STR("\u00e9\U0001f600"), "\"\u00e9\U0001f600\""},
	{STR("a\0b"), "\"a\ufffdb\""},
	{STR("\0"), "\"\ufffd\""},
	{STR("a\xff" "b"), "\"a\ufffdb\""},
	{STR("\xc3"), "\"\ufffd\""},
	{STR("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\""},
	{STR("\xf0\x9f\x98"), "\"\ufffd\ufffd\ufffd\""},
	{STR("\xc0\xaf\0\xff\u00e9"), "\"\ufffd\ufffd\ufffd\ufffd\u00e9\""},
};

START_TEST(strings_are_always_valid)
{
	const struct json *clean = json_string_clean(a, strings[_i].bytes);

	ck_assert_str_eq(json_text(a, clean).p, strings[_i].json);
	ck_assert(json_equal(json_string(a, strings[_i].bytes), clean));
	ck_assert(utf8_valid(json_str(clean)));
	ck_assert(json_equal(parsed(strings[_i].json), clean));
}
END_TEST

START_TEST(strings_copied_and_borrowed)
{
	char text[] = "abc";
	const struct json *copy = json_string(a, str_from(text)), *ref = json_string_ref(a, str_from(text));

	text[0] = 'X';
	ck_assert(str_is(json_str(copy), "abc"));
	ck_assert(str_is(json_str(ref), "Xbc"));
	ck_assert(str_is(json_str(json_copy(a, ref)), "Xbc"));
	ck_assert(str_is(json_str(json_stringc(a, "lit")), "lit"));
	ck_assert(json_equal(json_string_ref(a, STR_NONE), parsed("\"\"")));
	ck_assert_int_eq(json_type(json_stringc(a, NULL)), JSON_STRING);
}
END_TEST

START_TEST(arrays_are_made)
{
	const struct json *items[] = {json_int(a, 1), NULL, json_bool(true)};
	const struct json *v = json_array(a, items, 3);
	struct json_builder b;

	items[0] = NULL;
	ck_assert_str_eq(json_text(a, v).p, "[1,null,true]");
	ck_assert_ptr_eq(json_array(a, NULL, 0), json_empty_array());
	json_array_begin(&b, a);
	ck_assert_ptr_eq(json_array_end(&b), json_empty_array());
	json_array_begin(&b, a);
	json_array_add(&b, NULL);
	for (int i = 0; i < 1000; i++)
		json_array_add(&b, json_int(a, i));
	v = json_array_end(&b);
	ck_assert_uint_eq(json_len(v), 1001);
	ck_assert_ptr_eq(json_at(v, 0), json_null());
	ck_assert(json_equal(json_at(v, 1000), json_int(a, 999)));
	/* a builder may be used again */
	json_array_add(&b, json_bool(false));
	ck_assert_str_eq(json_text(a, json_array_end(&b)).p, "[false]");
	ck_assert_uint_eq(json_len(v), 1001);
}
END_TEST

/* The room is a guess: none, too little and too much build the same. */
START_TEST(room_for_members_is_a_guess)
{
	static const size_t rooms[] = {0, 1, 3, 40};
	struct json_builder b;

	for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
		json_object_begin_room(&b, a, rooms[i]);
		for (int k = 0; k < 20; k++) {
			char key[8];

			snprintf(key, sizeof key, "k%d", k);
			json_object_set(&b, str_dup(a, str_from(key)), json_int(a, k));
		}
		ck_assert_uint_eq(json_len(json_object_end(&b)), 20);
	}
	json_object_begin_room(&b, a, 0);
	ck_assert_ptr_eq(json_object_end(&b), json_empty_object());
}
END_TEST

START_TEST(objects_are_made)
{
	struct json_builder b;
	const struct json *v, *w;

	json_object_begin(&b, a);
	ck_assert_ptr_eq(json_object_end(&b), json_empty_object());
	json_object_begin(&b, a);
	json_object_setc(&b, "b", json_int(a, 1));
	json_object_setc(&b, "a", NULL);
	json_object_setc(&b, "b", json_int(a, 2));
	v = json_object_end(&b);
	ck_assert_str_eq(json_text(a, v).p, "{\"b\":2,\"a\":null}");
	json_object_begin_from(&b, a, v);
	json_object_setc(&b, "a", json_bool(true));
	json_object_setc(&b, "c", json_empty_array());
	w = json_object_end(&b);
	ck_assert_str_eq(json_text(a, w).p, "{\"b\":2,\"a\":true,\"c\":[]}");
	ck_assert_str_eq(json_text(a, v).p, "{\"b\":2,\"a\":null}");
	json_object_begin_from(&b, a, NULL);
	ck_assert_ptr_eq(json_object_end(&b), json_empty_object());
	json_object_begin_from(&b, a, parsed("[1]"));
	json_object_setc(&b, "x", json_null());
	ck_assert_str_eq(json_text(a, json_object_end(&b)).p, "{\"x\":null}");
}
END_TEST

/* Against a plain table: every key is set several times, in an order that repeats nothing nearby. */
START_TEST(large_objects_are_made)
{
	enum { N = 997, SETS = 20000 };
	static int last[N], place[N];
	struct json_builder b;
	const struct json *v;
	int n = 0;

	for (int i = 0; i < N; i++)
		last[i] = -1;
	json_object_begin(&b, a);
	for (int i = 0; i < SETS; i++) {
		int k = i * 389 % N * (i % 7 + 1) % N;

		if (last[k] < 0)
			place[n++] = k;
		last[k] = i;
		json_object_set(&b, str_from(arena_printf(a, "key%d", k)), json_int(a, i));
	}
	ck_assert_uint_lt(b.cap, 4 * N);
	v = json_object_end(&b);
	ck_assert_uint_eq(json_len(v), (size_t)n);
	for (int i = 0; i < n; i++) {
		char key[16];
		int64_t got;

		snprintf(key, sizeof key, "key%d", place[i]);
		ck_assert(str_is(json_key(v, (size_t)i), key));
		ck_assert(json_to_int(json_val(v, (size_t)i), &got));
		ck_assert_int_eq(got, last[place[i]]);
		ck_assert_ptr_eq(json_getc(v, key), json_val(v, (size_t)i));
	}
}
END_TEST

/* Around the border between linear look-up and the index. */
START_TEST(objects_of_every_size)
{
	struct json_builder b;
	const struct json *v;

	json_object_begin(&b, a);
	for (int i = 0; i < _i; i++)
		json_object_set(&b, str_from(arena_printf(a, "%c%d", 'z' - i % 26, i)), json_int(a, i));
	for (int i = 0; i < _i; i++)
		json_object_set(&b, str_from(arena_printf(a, "%c%d", 'z' - i % 26, i)), json_int(a, -i));
	v = json_object_end(&b);
	ck_assert_uint_eq(json_len(v), (size_t)_i);
	for (int i = 0; i < _i; i++) {
		const struct json *got = json_getc(v, arena_printf(a, "%c%d", 'z' - i % 26, i));

		ck_assert(json_equal(got, json_int(a, -i)));
		ck_assert_ptr_eq(got, json_val(v, (size_t)i));
	}
	ck_assert_ptr_null(json_getc(v, "absent"));
	ck_assert(json_equal(v, json_copy(a, v)));
	ck_assert(json_equal(v, parsed(json_text(a, v).p)));
}
END_TEST

START_TEST(copies_stand_alone)
{
	struct arena *from = arena_new(NULL);
	const struct json *v, *copy;
	char key[] = "borrowed";
	struct json_builder b;
	struct buf text;

	buf_init(&text, from);
	buf_adds(&text, "{\"big\":{");
	for (int i = 0; i < 40; i++)
		buf_addf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
	buf_adds(&text, "},\"l\":[1,2.50,\"s\",true,false,null,[],{}]}");
	ck_assert_int_eq(json_parse(from, buf_str(&text), NULL, &v, NULL), 0);
	json_object_begin_from(&b, from, v);
	json_object_setc(&b, key, json_string_ref(from, str_from(key)));
	v = json_object_end(&b);
	copy = json_copy(a, v);
	ck_assert(json_equal(v, copy));
	arena_free(from);
	memset(key, '!', sizeof key - 1);
	ck_assert(str_is(json_str(json_getc(copy, "borrowed")), "borrowed"));
	ck_assert(json_equal(json_getc(json_getc(copy, "big"), "k39"), json_int(a, 39)));
	ck_assert_str_eq(json_text(a, json_getc(copy, "l")).p, "[1,2.50,\"s\",true,false,null,[],{}]");
}
END_TEST

/* What an array of small records costs, in times of its text. */
START_TEST(values_are_small)
{
	struct arena *own = arena_new(NULL);
	const struct json *v;
	struct buf b;

	buf_init(&b, a);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%s{\"id\":%d,\"name\":\"name %d\"}", i ? "," : "[", i, i);
	buf_addc(&b, ']');
	ck_assert_int_eq(json_parse(own, buf_str(&b), NULL, &v, NULL), 0);
	ck_assert_uint_lt(arena_bytes(own), 8 * b.n);
	arena_free(own);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("json_value");
	TCase *tc = tcase_create("json_value");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, kinds_of_values, 0, ROWS(kinds));
	tcase_add_test(tc, absent_values_are_null);
	tcase_add_test(tc, parts_of_containers);
	tcase_add_test(tc, needed_members);
	tcase_add_loop_test(tc, strings_are_always_valid, 0, ROWS(strings));
	tcase_add_test(tc, strings_copied_and_borrowed);
	tcase_add_test(tc, arrays_are_made);
	tcase_add_test(tc, room_for_members_is_a_guess);
	tcase_add_test(tc, objects_are_made);
	tcase_add_test(tc, large_objects_are_made);
	tcase_add_loop_test(tc, objects_of_every_size, 14, 36);
	tcase_add_test(tc, copies_stand_alone);
	tcase_add_test(tc, values_are_small);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
