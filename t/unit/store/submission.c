/* submission.c - every key of a submission, good and bad; what the digest takes into account. */
#include "store/submission.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "../suite_run.h"
#include "../test_arena.h"

static int parse_submission(const char *text, struct submission *ret, struct err *err)
{
	return submission_parse(a, parse(text), ret, err);
}

static const struct {
	const char *text;
	const char *message;	/* NULL: good */
} cases[] = {
	{"{\"workflow\": \"w\"}", NULL},
	{"[]", "the body: expected an object, got array"},
	{"null", "the body: expected an object, got null"},
	{"{}", "/workflow: expected the name of a workflow, got null"},
	{"{\"workflow\": \"\"}", "/workflow: expected the name"},
	{"{\"workflow\": 1}", "/workflow: expected the name of a workflow, got number"},
	{"{\"workflow\": \"123456789012345678901234567890123456789012345678901234567890123\"}", NULL},
	{"{\"workflow\": \"1234567890123456789012345678901234567890123456789012345678901234\"}", "/workflow: expected"},
	{"{\"workflow\": \"w\", \"inptu\": {}}", "/inptu: unknown key (did you mean \"input\"?)"},
	{"{\"workflow\": \"w\", \"a/b~\": {}}", "/a~1b~0: unknown key"},
	{"{\"workflow\": \"w\", \"\": {}}", "/: unknown key"},
	{"{\"workflow\": \"w\", \"input\": []}", "/input: expected an object, got array"},
	{"{\"workflow\": \"w\", \"input\": null}", "/input: expected an object, got null"},
	{"{\"workflow\": \"w\", \"urgency\": \"high\"}", NULL},
	{"{\"workflow\": \"w\", \"urgency\": \"HIGH\"}", "/urgency: expected \"low\""},
	{"{\"workflow\": \"w\", \"urgency\": null}", "/urgency: expected"},
	{"{\"workflow\": \"w\", \"labels\": {\"a\": \"x\"}}", NULL},
	{"{\"workflow\": \"w\", \"labels\": {\"a\": 1}}", "/labels/a: expected a text of at most 255 bytes, got number"},
	{"{\"workflow\": \"w\", \"labels\": {\"a/b\": 1}}", "/labels/a~1b: expected a text"},
	{"{\"workflow\": \"w\", \"labels\": {\"\": \"x\"}}", "/labels/: expected a name of 1 to 63 bytes"},
	{"{\"workflow\": \"w\", \"labels\": [\"a\"]}", "/labels: expected an object, got array"},
	{"{\"workflow\": \"w\", \"run_at\": \"2035-01-01T00:00:00Z\"}", NULL},
	{"{\"workflow\": \"w\", \"run_at\": \"tomorrow\"}", "/run_at: expected a time like"},
	{"{\"workflow\": \"w\", \"run_at\": 1}", "/run_at: expected a time like"},
	{"{\"workflow\": \"w\", \"run_at\": \"1970-01-01T00:00:00Z\"}", "/run_at: expected a time like"},
	{"{\"workflow\": \"w\", \"deadline\": \"1970-01-01T00:00:00Z\"}", "/deadline: expected a time like"},
	{"{\"workflow\": \"w\", \"deadline\": \"0001-01-01T00:00:00Z\"}", "/deadline: expected a time like"},
	{"{\"workflow\": \"w\", \"deadline\": \"2035-02-30T00:00:00Z\"}", "/deadline: expected a time like"},
	{"{\"workflow\": \"w\", \"budget\": 1}", "/budget: expected an object"},
	{"{\"workflow\": \"w\", \"budget\": {}}", NULL},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": \"0.10\", \"wall\": \"10m\", \"turns\": 0, \"calls\": 1000000}}", NULL},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": 0.1}}", NULL},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": -1}}", "/budget/usd: expected an amount"},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": \"1e99\"}}", "/budget/usd: expected an amount"},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": 99999999999999999999}}", "/budget/usd: expected an amount"},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": 0.0000000000001}}", "/budget/usd: expected an amount"},
	{"{\"workflow\": \"w\", \"budget\": {\"usd\": true}}", "/budget/usd: expected an amount"},
	{"{\"workflow\": \"w\", \"budget\": {\"wall\": 60}}", "/budget/wall: expected a duration"},
	{"{\"workflow\": \"w\", \"budget\": {\"wall\": \"0s\"}}", "/budget/wall: expected a duration"},
	{"{\"workflow\": \"w\", \"budget\": {\"wall\": \"99999999999999999999d\"}}", "/budget/wall: expected a duration"},
	{"{\"workflow\": \"w\", \"budget\": {\"turns\": -1}}", "/budget/turns: expected a whole number"},
	{"{\"workflow\": \"w\", \"budget\": {\"turns\": 1.5}}", "/budget/turns: expected a whole number"},
	{"{\"workflow\": \"w\", \"budget\": {\"calls\": 1000001}}", "/budget/calls: expected a whole number"},
	{"{\"workflow\": \"w\", \"budget\": {\"usdd\": 1}}", "/budget/usdd: expected one of usd, wall, turns, calls"},
};

START_TEST(keys)
{
	struct submission s;
	struct err err = {0};
	int rc = parse_submission(cases[_i].text, &s, &err);

	if (!cases[_i].message) {
		ck_assert_msg(rc == 0, "%s: %s", cases[_i].text, err.msg);
		return;
	}
	ck_assert_msg(rc < 0, "%s was taken", cases[_i].text);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_int_eq(err.status, 400);
	ck_assert_msg(strncmp(err.msg, cases[_i].message, strlen(cases[_i].message)) == 0, "%s: %s", cases[_i].text, err.msg);
}
END_TEST

START_TEST(too_many_labels)
{
	struct submission s;
	struct err err = {0};
	struct buf b;

	for (int n = 32; n <= 33; n++) {
		buf_init(&b, a);
		buf_adds(&b, "{\"workflow\": \"w\", \"labels\": {");
		for (int i = 0; i < n; i++)
			buf_addf(&b, "%s\"l%d\": \"\"", i ? "," : "", i);
		buf_adds(&b, "}}");
		ck_assert_int_eq(parse_submission(buf_cstr(&b), &s, &err), n == 32 ? 0 : -1);
	}
	ck_assert_str_eq(err.msg, "/labels: expected at most 32 labels, got object");
}
END_TEST

/* A key of a megabyte makes a short message. */
START_TEST(long_key)
{
	struct submission s;
	struct err err = {0};
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"");
	for (int i = 0; i < 1 << 18; i++)
		buf_adds(&b, "\xc3\xa4");
	buf_adds(&b, "\": 1}");
	ck_assert_int_eq(parse_submission(buf_cstr(&b), &s, &err), -1);
	ck_assert(strstr(err.msg, "...: unknown key"));
	ck_assert(utf8_valid(str_from(err.msg)));
}
END_TEST

static const struct {
	const char *one, *other;
	bool same;
} pairs[] = {
	{"{\"workflow\":\"w\",\"input\":{\"a\":1,\"b\":2}}", "{ \"input\": {\"b\": 2, \"a\": 1}, \"workflow\": \"w\" }", true},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"w\",\"input\":{},\"urgency\":\"normal\",\"labels\":{}}", true},
	{"{\"workflow\":\"w\",\"budget\":{\"usd\":\"0.10\"}}", "{\"workflow\":\"w\",\"budget\":{\"usd\":0.1}}", true},
	{"{\"workflow\":\"w\",\"budget\":{\"wall\":\"60s\"}}", "{\"workflow\":\"w\",\"budget\":{\"wall\":\"1m\"}}", true},
	{"{\"workflow\":\"w\",\"run_at\":\"2035-01-01T00:00:00Z\"}", "{\"workflow\":\"w\",\"run_at\":\"2035-01-01T01:00:00+01:00\"}", true},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"v\"}", false},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"w\",\"urgency\":\"low\"}", false},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"w\",\"labels\":{\"a\":\"\"}}", false},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"w\",\"run_at\":\"2035-01-01T00:00:00Z\"}", false},
	{"{\"workflow\":\"w\",\"run_at\":\"2035-01-01T00:00:00Z\"}", "{\"workflow\":\"w\",\"deadline\":\"2035-01-01T00:00:00Z\"}", false},
	{"{\"workflow\":\"w\"}", "{\"workflow\":\"w\",\"budget\":{}}", false},
	{"{\"workflow\":\"w\",\"input\":{\"a\":1}}", "{\"workflow\":\"w\",\"input\":{\"a\":2}}", false},
	{"{\"workflow\":\"w\",\"input\":{\"a\":9007199254740993}}", "{\"workflow\":\"w\",\"input\":{\"a\":9007199254740992}}", false},
};

START_TEST(digests)
{
	struct submission one, other;
	struct err err = {0};

	ck_assert_int_eq(parse_submission(pairs[_i].one, &one, &err), 0);
	ck_assert_int_eq(parse_submission(pairs[_i].other, &other, &err), 0);
	ck_assert_int_eq(digest_eq(&one.request, &other.request), pairs[_i].same);
	ck_assert(!uuid_eq(&one.id, &other.id));
}
END_TEST

START_TEST(idempotency_keys)
{
	static char text[257];
	struct err err = {0};

	memset(text, 'k', 256);
	ck_assert_int_eq(submission_key_check(str_sub(str_from(text), 0, 255), &err), 0);
	ck_assert_int_eq(submission_key_check(str_from(text), &err), -1);
	ck_assert_int_eq(err.status, 400);
	ck_assert_int_eq(submission_key_check(STR("!~"), &err), 0);
	ck_assert_int_eq(submission_key_check(STR(""), &err), -1);
	ck_assert_int_eq(submission_key_check(STR_NONE, &err), -1);
	ck_assert_int_eq(submission_key_check(STR("a b"), &err), -1);
	ck_assert_int_eq(submission_key_check(STR("a\x7f"), &err), -1);
	ck_assert_int_eq(submission_key_check(STR("\xc3\xa4"), &err), -1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("submission");
	TCase *t = tcase_create("submission");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, keys, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, too_many_labels);
	tcase_add_test(t, long_key);
	tcase_add_loop_test(t, digests, 0, sizeof pairs / sizeof pairs[0]);
	tcase_add_test(t, idempotency_keys);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
