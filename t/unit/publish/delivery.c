/* delivery.c (test) - what hooks make of deliveries, and why they make nothing. */
#include "publish/delivery.h"

#include <check.h>
#include <stdlib.h>

#include "config/diag.h"
#include "config/hook.h"
#include "../test_arena.h"
#include "../suite_run.h"

#define HMAC "verify: {scheme: hmac, secret: S, header: X-Sig}\ndelivery_id: .delivery.digest\n"
#define GITHUB "verify: {scheme: github, secret: S}\n"
#define STRIPE "verify: {scheme: stripe, secret: S}\n"
#define STANDARD "verify: {scheme: standard-webhooks, secret: S}\n"
#define SEES "input: {all: \"${ . }\"}\n"

static const struct hook *hook(const char *text)
{
	struct diags *d = diags_new(a);
	const struct hook *h = hook_parse(a, "h.yaml", str_from(arena_printf(a, "agentd: v1\nname: h\nworkflow: w\n%s", text)), d);
	struct buf b;

	buf_init(&b, a);
	diag_print(d, &b);
	ck_assert_msg(h != NULL, "%s", buf_cstr(&b));
	return h;
}

static int deliver(const char *file, const char *headers, const char *query, const char *body, struct delivery *ret, struct err *err)
{
	const struct delivery_request r = {.headers = parse(headers), .query = str_from(query), .body = str_from(body)};

	return delivery_read(a, hook(file), &r, ret, err);
}

static const struct {
	const char *hook, *headers, *query, *body, *id, *submission;
} good[] = {
	{HMAC SEES, "{\"x-sig\":\"s\",\"cookie\":\"c\",\"authorization\":\"a\",\"proxy-authorization\":\"p\",\"x-a\":\"1\"}", "q=1&r=a+b&e", "[1.50]",
	 NULL, "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{\"all\":{\"headers\":{\"x-a\":\"1\"},"
	 "\"body\":[1.50],\"query\":{\"q\":\"1\",\"r\":\"a b\",\"e\":\"\"},\"delivery\":{\"hook\":\"h\",\"scheme\":\"hmac\",\"id\":null,\"digest\":\"@\"}}}}"},
	{GITHUB "input: ${ .body }\nurgency: low\nlabels: {a: \"${ .body.n | tostring }\"}\n", "{\"x-github-delivery\":\"d\"}", NULL, "{\"n\":1}", "d",
	 "{\"workflow\":\"w\",\"urgency\":\"low\",\"input\":{\"n\":1},\"labels\":{\"a\":\"1\"}}"},
	{GITHUB "input: {s: \"${ .headers }\", i: \"${ .delivery.id }\"}\n",
	 "{\"x-github-delivery\":\"d\",\"x-hub-signature-256\":\"s\",\"x-hub-signature\":\"s\"}", NULL, "1", "d",
	 "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{\"s\":{\"x-github-delivery\":\"d\"},\"i\":\"d\"}}"},
	{GITHUB "input: ${ .body }\n", "{\"x-github-delivery\":\"d\",\"content-type\":\"Application/x-www-form-urlencoded; charset=utf-8\"}", NULL,
	 "a=b&payload=%7B%22s%22%3A%22a+b%22%7D", "d", "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{\"s\":\"a b\"}}"},
	{STRIPE "input: {t: \"${ .body.type }\"}\n", "{\"stripe-signature\":\"s\"}", NULL, "{\"id\":\"evt_1\",\"type\":\"x\"}", "evt_1",
	 "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{\"t\":\"x\"}}"},
	{STANDARD "input: {s: \"${ .headers }\"}\n", "{\"webhook-id\":\"m\",\"webhook-signature\":\"s\"}", NULL, "{}", "m",
	 "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{\"s\":{\"webhook-id\":\"m\"}}}"},
	{STANDARD "delivery_id: .body.n\ninput: {}\n", "{\"webhook-id\":\"m\"}", NULL, "{\"n\":7}", "7",
	 "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{}}"},
	{STANDARD "when: .body.n == 7\ninput: {}\n", "{\"webhook-id\":\"m\"}", NULL, "{\"n\":7}", "m",
	 "{\"workflow\":\"w\",\"urgency\":\"normal\",\"input\":{}}"},
};

START_TEST(submissions)
{
	struct digest again;
	struct delivery d, e;
	struct err err;
	struct str want = str_from(good[_i].submission), text;
	ptrdiff_t at = str_chr(want, '@');

	if (deliver(good[_i].hook, good[_i].headers, good[_i].query, good[_i].body, &d, &err) < 0)
		ck_abort_msg("%s", err.msg);
	ck_assert_int_eq(d.fate, DELIVERY_SUBMIT);
	text = json_text(a, d.submission);
	if (at >= 0) {	/* an id that is the body's digest */
		char hex[65];

		digest_of(str_from(good[_i].body), &again);
		digest_hex(&again, hex);
		ck_assert(str_is(d.task.idempotency_key, hex));
		want = str_from(arena_printf(a, STR_FMT "%s" STR_FMT, (int)at, want.p, hex, STR_ARG(str_sub(want, (size_t)at + 1, want.n))));
	} else {
		ck_assert(str_is(d.task.idempotency_key, good[_i].id));
	}
	ck_assert_msg(str_eq(text, want), "got " STR_FMT "\nwanted " STR_FMT, STR_ARG(text), STR_ARG(want));
	ck_assert(str_is(d.task.by.name, "hook:h") && !d.task.by.sees_all);
	ck_assert(json_equal(d.task.input, json_getc(d.submission, "input")));
	ck_assert_int_eq(deliver(good[_i].hook, good[_i].headers, good[_i].query, good[_i].body, &e, &err), 0);
	ck_assert(digest_eq(&d.task.request, &e.task.request));
	ck_assert(!uuid_eq(&d.task.id, &e.task.id));
}
END_TEST

START_TEST(a_redelivery_is_known_by_its_id)
{
	struct delivery d, e;
	struct err err;

	ck_assert_int_eq(deliver(STANDARD "input: {n: 1}\n", "{\"webhook-id\":\"m\"}", NULL, "{}", &d, &err), 0);
	ck_assert_int_eq(deliver(STANDARD "input: {n: 2}\nurgency: high\n", "{\"webhook-id\":\"m\"}", NULL, "{\"x\":1}", &e, &err), 0);
	ck_assert(digest_eq(&d.task.request, &e.task.request));
	ck_assert_int_eq(deliver(STANDARD "input: {n: 1}\n", "{\"webhook-id\":\"m2\"}", NULL, "{}", &e, &err), 0);
	ck_assert(!digest_eq(&d.task.request, &e.task.request));
}
END_TEST

static const struct {
	const char *hook, *headers, *query, *body;
	enum delivery_fate fate;
} others[] = {
	{GITHUB "input: {}\n", "{\"x-github-event\":\"ping\"}", NULL, "{\"zen\":\"x\"}", DELIVERY_PING},
	{STANDARD "when: \"false\"\ninput: {}\n", "{\"x-github-event\":\"ping\"}", NULL, "{}", DELIVERY_IGNORED},
	{GITHUB "when: .headers[\"x-github-event\"] == \"push\"\ninput: {}\n", "{\"x-github-event\":\"issues\"}", NULL, "{}", DELIVERY_IGNORED},
	{GITHUB "when: .query.a\ninput: {}\n", "{}", NULL, "{}", DELIVERY_IGNORED},
};

START_TEST(no_submissions)
{
	struct delivery d;
	struct err err;

	ck_assert_int_eq(deliver(others[_i].hook, others[_i].headers, others[_i].query, others[_i].body, &d, &err), 0);
	ck_assert_int_eq(d.fate, others[_i].fate);
}
END_TEST

static const struct {
	const char *hook, *headers, *query, *body;
	enum err_code code;
	int status;
	const char *message;
} bad[] = {
	{GITHUB "input: {}\n", "{\"x-github-delivery\":\"d\"}", NULL, "", ERR_JSON, 0, NULL},
	{GITHUB "input: {}\n", "{\"x-github-delivery\":\"d\"}", NULL, "{\"a\":1,\"a\":1}", ERR_JSON, 0, NULL},
	{GITHUB "input: {}\n", "{\"x-github-event\":\"ping\"}", NULL, "{", ERR_JSON, 0, NULL},
	{GITHUB "input: {}\n", "{\"content-type\":\"application/x-www-form-urlencoded\"}", NULL, "{}", ERR_INVALID, 400, "the form has no \"payload\""},
	{GITHUB "input: {}\n", "{\"content-type\":\"application/x-www-form-urlencoded\"}", NULL, "payload=%", ERR_INVALID, 400, "form \"%\": a bad %-escape"},
	{GITHUB "input: {}\n", "{}", "a=%00", "{}", ERR_INVALID, 400, "query \"%00\": a NUL"},
	{GITHUB "input: {}\n", "{}", NULL, "{}", ERR_INVALID, 422, "\"delivery_id\": expected 1 to 255 visible ASCII characters, got null"},
	{GITHUB "input: {}\n", "{\"x-github-delivery\":\"a b\"}", NULL, "{}", ERR_INVALID, 422,
	 "\"delivery_id\": expected 1 to 255 visible ASCII characters, got another text"},
	{STRIPE "input: {}\n", "{}", NULL, "{\"id\":5}", ERR_INVALID, 422, "\"delivery_id\": expected 1 to 255 visible ASCII characters, got null"},
	{STRIPE "delivery_id: .body.id.x\ninput: {}\n", "{}", NULL, "{\"id\":5}", ERR_INVALID, 422, "\"delivery_id\": "},
	{STANDARD "when: .body + 1\ninput: {}\n", "{\"webhook-id\":\"m\"}", NULL, "\"x\"", ERR_INVALID, 422, "\"when\": "},
	{STANDARD "input: {n: \"${ .body.x }\"}\n", "{\"webhook-id\":\"m\"}", NULL, "\"x\"", ERR_INVALID, 422, "\"input\": "},
	{STANDARD "input: ${ .body }\n", "{\"webhook-id\":\"m\"}", NULL, "\"x\"", ERR_INVALID, 422, "/input: expected an object, got string"},
	{STANDARD "input: {}\nlabels: {n: \"${ .body.n }\"}\n", "{\"webhook-id\":\"m\"}", NULL, "{\"n\":1}", ERR_INVALID, 422,
	 "/labels/n: expected a text of at most 255 bytes, got number"},
	{STANDARD "input: {}\nlabels: ${ .body }\n", "{\"webhook-id\":\"m\"}", NULL, "[]", ERR_INVALID, 422, "/labels: expected an object, got array"},
};

START_TEST(refusals)
{
	struct delivery d;
	struct err err = {0};

	ck_assert_int_eq(deliver(bad[_i].hook, bad[_i].headers, bad[_i].query, bad[_i].body, &d, &err), -1);
	ck_assert_str_eq(err_name(err.code), err_name(bad[_i].code));
	ck_assert_int_eq(err.status, bad[_i].status);
	if (bad[_i].message)
		ck_assert_msg(str_starts(str_from(err.msg), str_from(bad[_i].message)), "%s", err.msg);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("publish/delivery");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, submissions, 0, ROWS(good));
	tcase_add_test(t, a_redelivery_is_known_by_its_id);
	tcase_add_loop_test(t, no_submissions, 0, ROWS(others));
	tcase_add_loop_test(t, refusals, 0, ROWS(bad));
	suite_add_tcase(s, t);
	return suite_run(s);
}
