/* Unit tests of engine/effect.c: every class with every outcome; keys. */
#include "engine/effect.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/uuid.h"
#include "../suite_run.h"

enum { REPEATABLE = -1 };	/* pure, tx and idempotent */

static const struct {
	const char *name;
	int effect;
	enum tool_outcome outcome;
	enum err_code code;
	int status;
	bool retryable;
	enum call_end end;
	bool moves;
	enum effect_state to;
} cases[] = {
	{"not begun", REPEATABLE, TOOL_NOT_BEGUN, ERR_TOOL_FAILED, 0, true, CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	{"not begun", EFFECT_AT_MOST_ONCE, TOOL_NOT_BEGUN, ERR_TOOL_FAILED, 0, true, CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	{"a value", REPEATABLE, TOOL_DONE, ERR_NONE, 0, false, CALL_SUCCEEDED, true, EFFECT_DONE},
	{"a value", EFFECT_AT_MOST_ONCE, TOOL_DONE, ERR_NONE, 0, false, CALL_SUCCEEDED, true, EFFECT_DONE},
	{"400", REPEATABLE, TOOL_DONE, ERR_TOOL_FAILED, 400, false, CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	{"429", REPEATABLE, TOOL_DONE, ERR_TOOL_FAILED, 429, true, CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	{"499", EFFECT_AT_MOST_ONCE, TOOL_DONE, ERR_TOOL_FAILED, 499, false, CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	{"500 that is sure", EFFECT_AT_MOST_ONCE, TOOL_DONE, ERR_TOOL_FAILED, 500, false, CALL_FAILED, true, EFFECT_DONE},
	{"bad output", REPEATABLE, TOOL_DONE, ERR_TOOL_OUTPUT, 200, false, CALL_FAILED, true, EFFECT_DONE},
	{"bad output", EFFECT_AT_MOST_ONCE, TOOL_DONE, ERR_TOOL_OUTPUT, 200, false, CALL_FAILED, true, EFFECT_DONE},
	{"done, retryable", REPEATABLE, TOOL_DONE, ERR_TOOL_FAILED, 0, true, CALL_FAILED, false, EFFECT_DISPATCHED},
	{"done, retryable", EFFECT_AT_MOST_ONCE, TOOL_DONE, ERR_TOOL_FAILED, 0, true, CALL_FAILED, true, EFFECT_DONE},
	{"timeout", REPEATABLE, TOOL_UNKNOWN, ERR_TOOL_TIMEOUT, 0, true, CALL_FAILED, false, EFFECT_DISPATCHED},
	{"timeout", EFFECT_AT_MOST_ONCE, TOOL_UNKNOWN, ERR_TOOL_TIMEOUT, 0, false, CALL_UNCERTAIN, true, EFFECT_UNCERTAIN},
	{"408", EFFECT_AT_MOST_ONCE, TOOL_UNKNOWN, ERR_TOOL_FAILED, 408, false, CALL_UNCERTAIN, true, EFFECT_UNCERTAIN},
	{"503", EFFECT_AT_MOST_ONCE, TOOL_UNKNOWN, ERR_TOOL_FAILED, 503, false, CALL_UNCERTAIN, true, EFFECT_UNCERTAIN},
	{"cancelled", EFFECT_AT_MOST_ONCE, TOOL_UNKNOWN, ERR_CANCELLED, 0, false, CALL_UNCERTAIN, true, EFFECT_UNCERTAIN},
};

static void check(size_t i, enum effect_class c)
{
	struct err err = {0};
	struct effect_verdict v;

	if (cases[i].code != ERR_NONE)
		err_set(&err, cases[i].code, "x");
	err.status = cases[i].status;
	err.retryable = cases[i].retryable;
	v = effect_decide(c, cases[i].outcome, &err);
	ck_assert_msg(v.end == cases[i].end && v.moves == cases[i].moves && v.to == cases[i].to,
		      "%s for %s: end %u, moves %d, to %u", cases[i].name, effect_class_name(c), v.end, v.moves, v.to);
}

START_TEST(decides)
{
	if (cases[_i].effect != REPEATABLE) {
		check((size_t)_i, (enum effect_class)cases[_i].effect);
		return;
	}
	check((size_t)_i, EFFECT_PURE);
	check((size_t)_i, EFFECT_TX);
	check((size_t)_i, EFFECT_IDEMPOTENT);
}
END_TEST

START_TEST(no_error_is_a_value)
{
	ck_assert_int_eq(effect_decide(EFFECT_AT_MOST_ONCE, TOOL_DONE, NULL).end, CALL_SUCCEEDED);
}
END_TEST

START_TEST(classes)
{
	ck_assert(effect_may_repeat(EFFECT_PURE) && effect_may_repeat(EFFECT_TX) && effect_may_repeat(EFFECT_IDEMPOTENT));
	ck_assert(!effect_may_repeat(EFFECT_AT_MOST_ONCE));
	for (int a = EFFECT_PURE; a <= EFFECT_AT_MOST_ONCE; a++)
		for (int b = EFFECT_PURE; b <= EFFECT_AT_MOST_ONCE; b++)
			ck_assert_int_eq(effect_stricter((enum effect_class)a, (enum effect_class)b), a > b ? a : b);
}
END_TEST

START_TEST(tx_outside_its_transaction_is_not_trusted)
{
	ck_assert_int_eq(effect_as_run(EFFECT_PURE), EFFECT_PURE);
	ck_assert_int_eq(effect_as_run(EFFECT_TX), EFFECT_AT_MOST_ONCE);
	ck_assert_int_eq(effect_as_run(EFFECT_IDEMPOTENT), EFFECT_IDEMPOTENT);
	ck_assert_int_eq(effect_as_run(EFFECT_AT_MOST_ONCE), EFFECT_AT_MOST_ONCE);
}
END_TEST

START_TEST(asks_ever_less_often_and_not_for_ever)
{
	const int64_t since_us = 1767225600000000;
	int64_t before_us = since_us, gap_us = 0;

	ck_assert_int_eq(effect_ask_at_us(since_us, 0, 0), since_us);
	ck_assert_int_eq(effect_ask_at_us(since_us, 30000, 0), since_us + 30000000);
	for (int i = 0; i < EFFECT_MAX_ASKS; i++) {
		int64_t at_us = effect_ask_at_us(since_us, 30000, i);

		ck_assert_msg(at_us - before_us >= gap_us || i == 1, "ask %d", i);
		gap_us = at_us - before_us;
		before_us = at_us;
	}
	ck_assert_int_eq(before_us, since_us + 30000000 + INT64_C(24) * 3600 * 1000000);
	ck_assert_int_eq(effect_ask_at_us(since_us, 30000, EFFECT_MAX_ASKS), 0);
	ck_assert_int_eq(effect_ask_at_us(since_us, 30000, EFFECT_MAX_ASKS + 1), 0);
}
END_TEST

static void key_of(const char *id, const char *path, const char *tool, const char *args, struct digest *ret)
{
	struct arena *a = arena_new(NULL);
	const struct json *v;
	struct uuid task;

	ck_assert(uuid_parse(str_from(id), &task));
	ck_assert_int_eq(json_parse(a, str_from(args), NULL, &v, NULL), 0);
	effect_key(&task, str_from(path), str_from(tool), v, ret);
	arena_free(a);
}

#define TASK "01900000-0000-7000-8000-000000000001"

static const struct {
	const char *name, *task, *path, *tool, *args;
	bool same;
} keys[] = {
	{"again", TASK, "a/b", "t.x", "{\"a\":1,\"b\":2}", true},
	{"canonical", TASK, "a/b", "t.x", "{ \"b\": 2, \"a\": 1 }", true},
	{"other task", "01900000-0000-7000-8000-000000000002", "a/b", "t.x", "{\"a\":1,\"b\":2}", false},
	{"other path", TASK, "a/b~2", "t.x", "{\"a\":1,\"b\":2}", false},
	{"other tool", TASK, "a/b", "t.y", "{\"a\":1,\"b\":2}", false},
	{"other args", TASK, "a/b", "t.x", "{\"a\":1,\"b\":3}", false},
	{"pieces do not run together", TASK, "a/", "bt.x", "{\"a\":1,\"b\":2}", false},
};

START_TEST(looks_again)
{
	const int64_t since_us = 1000000000;
	int64_t at_us = since_us;

	for (int64_t wait_s = 2; wait_s < 60; wait_s *= 2) {	/* 2, 2, 4, 8 ... */
		ck_assert_int_eq(effect_look_at_us(since_us, at_us), at_us + wait_s * 1000000);
		at_us += wait_s * 1000000;
		if (wait_s == 2) {
			ck_assert_int_eq(effect_look_at_us(since_us, at_us), at_us + 2000000);
			at_us += 2000000;
		}
	}
	ck_assert_int_eq(effect_look_at_us(since_us, at_us), at_us + 60000000);
	ck_assert_int_eq(effect_look_at_us(since_us, since_us - 5000000), since_us - 3000000);	/* another clock */
}
END_TEST

START_TEST(keys_differ)
{
	struct digest first, second;

	key_of(TASK, "a/b", "t.x", "{\"a\":1,\"b\":2}", &first);
	key_of(keys[_i].task, keys[_i].path, keys[_i].tool, keys[_i].args, &second);
	ck_assert_msg(digest_eq(&first, &second) == keys[_i].same, "%s", keys[_i].name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("effect");
	TCase *t = tcase_create("effect");

	tcase_add_loop_test(t, decides, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, no_error_is_a_value);
	tcase_add_test(t, classes);
	tcase_add_test(t, tx_outside_its_transaction_is_not_trusted);
	tcase_add_test(t, asks_ever_less_often_and_not_for_ever);
	tcase_add_loop_test(t, keys_differ, 0, sizeof keys / sizeof keys[0]);
	tcase_add_test(t, looks_again);
	suite_add_tcase(s, t);
	return suite_run(s);
}
