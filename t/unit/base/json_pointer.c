/* Unit tests of base/json_pointer.c: RFC 6901. */
#include "base/json_pointer.h"

#include <check.h>
#include <stdlib.h>

#include "../suite_run.h"
#include "../test_arena.h"

#define DOCUMENT "{\"a\":[10,{\"x/y\":1,\"~\":2,\"~1\":3}],\"\":{\"\":4}}"

static const struct {
	const char *pointer, *value;	/* NULL: nothing */
} rows[] = {
	{"", DOCUMENT},	      {"/a/0", "10"},	  {"/a/1/x~1y", "1"}, {"/a/1/~0", "2"}, {"/a/1/~01", "3"}, {"//", "4"},
	{"/a/2", NULL},	      {"/a/00", NULL},	  {"/a/-", NULL},     {"/a/", NULL},	{"a", NULL},	   {"/a/0/b", NULL},
	{"/a/1/x~0y", NULL}, {"/a/1/x/y", NULL}, {"/b/c", NULL},     {"/a/9999999999", NULL},
};

START_TEST(find)
{
	const struct json *v = json_pointer_find(parse(DOCUMENT), str_from(rows[_i].pointer));

	ck_assert_msg(rows[_i].value ? v && json_equal(v, parse(rows[_i].value)) : !v, "%s", rows[_i].pointer);
}
END_TEST

static const char *const keys[] = {"", "a", "x/y", "~", "~1", "~01/", "//~~"};

START_TEST(names)
{
	struct str key = str_from(keys[_i]), rest, token;
	struct buf b;

	buf_init(&b, a);
	json_pointer_add(&b, key);
	json_pointer_add_index(&b, 12);
	rest = buf_str(&b);
	ck_assert(json_pointer_next(&rest, &token));
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		ck_assert_msg(json_pointer_names(token, str_from(keys[i])) == ((int)i == _i), "%s names %s", buf_cstr(&b), keys[i]);
	ck_assert(str_is(rest, "/12"));
	ck_assert(json_pointer_next(&rest, &token) && str_is(token, "12") && !json_pointer_next(&rest, &token));
}
END_TEST

START_TEST(indices)
{
	size_t i = 7;

	ck_assert(json_pointer_index(STR("0"), &i) && i == 0);
	ck_assert(json_pointer_index(STR("120"), &i) && i == 120);
	ck_assert(!json_pointer_index(STR(""), &i) && !json_pointer_index(STR("01"), &i) && !json_pointer_index(STR("1a"), &i));
	ck_assert(!json_pointer_index(STR("1000000000"), &i) && i == 120);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/json_pointer");
	TCase *t = tcase_create("json_pointer");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, find, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_loop_test(t, names, 0, (int)(sizeof keys / sizeof *keys));
	tcase_add_test(t, indices);
	suite_add_tcase(s, t);
	return suite_run(s);
}
