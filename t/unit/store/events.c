/* events.c - ids of events: what is one, and back. */
#include "store/events.h"
#include "../suite_run.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *text;
	bool of_all, good;
	int64_t v[3];
	const char *back;	/* NULL: as text */
} places[] = {
	{"0", false, true, {0, 0, 0}, NULL},
	{"12", false, true, {12, 0, 0}, NULL},
	{"12.3", false, true, {12, 3, 0}, NULL},
	{"012.0", false, true, {12, 0, 0}, "12"},
	{"999999999999999999", false, true, {999999999999999999, 0, 0}, NULL},
	{"9999999999999999999", false, false, {0}, NULL},
	{"12.3.4", false, false, {0}, NULL},
	{"", false, false, {0}, NULL},
	{".", false, false, {0}, NULL},
	{"12.", false, false, {0}, NULL},
	{".3", false, false, {0}, NULL},
	{"-1", false, false, {0}, NULL},
	{"+1", false, false, {0}, NULL},
	{"1e3", false, false, {0}, NULL},
	{" 1", false, false, {0}, NULL},
	{"1\n", false, false, {0}, NULL},
	{"715.12.3", true, true, {715, 12, 3}, NULL},
	{"715.12.0", true, true, {715, 12, 0}, NULL},
	{"715.12", true, false, {0}, NULL},
	{"715", true, false, {0}, NULL},
	{"715.12.3.4", true, false, {0}, NULL},
	{"715..3", true, false, {0}, NULL},
};

START_TEST(test_place)
{
	char text[EVENT_PLACE_CHARS];
	struct event_place p;

	ck_assert_msg(event_place_parse(str_from(places[_i].text), places[_i].of_all, &p) == places[_i].good, "\"%s\"", places[_i].text);
	if (!places[_i].good)
		return;
	for (int k = 0; k < 3; k++)
		ck_assert_int_eq(p.v[k], places[_i].v[k]);
	event_place_format(&p, places[_i].of_all, text);
	ck_assert_str_eq(text, places[_i].back ? places[_i].back : places[_i].text);
}
END_TEST

START_TEST(test_equal)
{
	struct event_place a = {{1, 2, 3}};

	for (int k = 0; k < 3; k++) {
		struct event_place b = a;

		ck_assert(event_place_eq(&a, &b));
		b.v[k]++;
		ck_assert(!event_place_eq(&a, &b));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("events");
	TCase *t = tcase_create("places");

	tcase_add_loop_test(t, test_place, 0, sizeof places / sizeof places[0]);
	tcase_add_test(t, test_equal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
