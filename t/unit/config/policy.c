/* policy.c - what rules say of facts: tables of rules, facts and judgements. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/manifest.h"
#include "config/policy_judge.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct policy *policy_of(const char *rules)
{
	struct diags *d = diags_new(a);
	const struct policy *p = policy_parse(a, "risk.yaml", str_from(arena_printf(a, "agentd: v1\n%s\n", rules)), d);
	struct buf b;

	buf_init(&b, a);
	diag_print(d, &b);
	ck_assert_msg(p != NULL, "%s", buf_cstr(&b));
	return p;
}

/* id NULL: no rule; failed: a part of why it could not be told, NULL: it could. */
struct row {
	const char *rules, *facts;
	enum effect_class effect;
	enum verdict verdict;
	const char *id, *failed;
};

static void check_row(const struct row *w, size_t i)
{
	struct judgement j;

	policy_judge(policy_of(arena_printf(a, "rules:\n%s", w->rules)), parse(w->facts), w->effect, &j);
	ck_assert_msg(j.verdict == w->verdict, "row %zu: %s (%s)", i, verdict_name(j.verdict), j.failed);
	ck_assert_msg(w->id ? j.rule && str_is(j.rule->id, w->id) : !j.rule, "row %zu: another rule decides", i);
	ck_assert_msg(w->failed ? strstr(j.failed, w->failed) != NULL : !j.failed[0], "row %zu: %s", i, j.failed);
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], i);
}
#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

#define REST "  - {id: rest, verdict: allow}\n"
#define MAIL "  - {id: mail, match: {tool: '^mail[.]', args.to: '@(?!example\\.com$)'}, verdict: ask, risk: high}\n"

START_TEST(test_order_and_default)
{
	static const struct row rows[] = {
		{"  - {id: a, when: '.tool == \"x.y\"', verdict: deny}\n" REST, "{\"tool\":\"x.y\"}", EFFECT_PURE, VERDICT_DENY, "a", NULL},
		{"  - {id: a, when: '.tool == \"x.y\"', verdict: deny}\n" REST, "{\"tool\":\"x.z\"}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: a, when: '.tool == \"x.y\"', verdict: allow}\n  - {id: b, when: '.tool == \"x.y\"', verdict: deny}\n",
		 "{\"tool\":\"x.y\"}", EFFECT_AT_MOST_ONCE, VERDICT_ALLOW, "a", NULL},
		/* no rule fits: the class decides, and only of a call */
		{"  - {id: a, when: 'false', verdict: deny}\n", "{\"tool\":\"x\"}", EFFECT_PURE, VERDICT_ALLOW, NULL, NULL},
		{"  - {id: a, when: 'false', verdict: deny}\n", "{\"tool\":\"x\"}", EFFECT_TX, VERDICT_ALLOW, NULL, NULL},
		{"  - {id: a, when: 'false', verdict: deny}\n", "{\"tool\":\"x\"}", EFFECT_IDEMPOTENT, VERDICT_ALLOW, NULL, NULL},
		{"  - {id: a, when: 'false', verdict: deny}\n", "{\"tool\":\"x\"}", EFFECT_AT_MOST_ONCE, VERDICT_ASK, NULL, NULL},
		{"  - {id: a, when: 'false', verdict: deny}\n", "{\"tool\":null}", EFFECT_AT_MOST_ONCE, VERDICT_ALLOW, NULL, NULL},
		{"  - {id: a, when: 'false', verdict: deny}\n", "{}", EFFECT_AT_MOST_ONCE, VERDICT_ALLOW, NULL, NULL},
		/* only false and null are not true */
		{"  - {id: a, when: .args.n, verdict: deny}\n" REST, "{\"args\":{\"n\":0}}", EFFECT_PURE, VERDICT_DENY, "a", NULL},
		{"  - {id: a, when: .args.n, verdict: deny}\n" REST, "{\"args\":{}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: a, when: .taint.untrusted and .token.name == \"ci\", verdict: deny}\n" REST,
		 "{\"taint\":{\"untrusted\":true},\"token\":{\"name\":\"ci\"}}", EFFECT_PURE, VERDICT_DENY, "a", NULL},
		{"  - {id: a, when: .taint.untrusted and .token.name == \"ci\", verdict: deny}\n" REST,
		 "{\"taint\":{\"untrusted\":true},\"token\":null}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
	};
	CHECK_ROWS(rows);
}
END_TEST

START_TEST(test_match)
{
	static const struct row rows[] = {
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":{\"to\":\"a@else.org\"}}", EFFECT_PURE, VERDICT_ASK, "mail", NULL},
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":{\"to\":\"a@example.com\"}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		/* a line feed at the end is not the end */
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":{\"to\":\"a@example.com\\n\"}}", EFFECT_PURE, VERDICT_ASK, "mail", NULL},
		/* all patterns must be found */
		{MAIL REST, "{\"tool\":\"blog.post\",\"args\":{\"to\":\"a@else.org\"}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		/* absent and null hold nothing, a path through something else than an object neither */
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":{}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":{\"to\":null}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":null}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{MAIL REST, "{\"tool\":\"mail.send\",\"args\":[\"to\"]}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: t, match: {tool: ''}, verdict: deny}\n" REST, "{\"tool\":null}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: t, match: {args.a: ''}, verdict: deny}\n" REST, "{\"args\":{\"a\":\"\"}}", EFFECT_PURE, VERDICT_DENY, "t", NULL},
		/* what is no text is compact JSON */
		{"  - {id: t, match: {args.n: '^1[0-9]{3}$'}, verdict: deny}\n" REST, "{\"args\":{\"n\":1234}}", EFFECT_PURE, VERDICT_DENY, "t", NULL},
		{"  - {id: t, match: {args.n: '^true$'}, verdict: deny}\n" REST, "{\"args\":{\"n\":true}}", EFFECT_PURE, VERDICT_DENY, "t", NULL},
		{"  - {id: t, match: {args.l: '^\\[\"a\",\"b\"\\]$'}, verdict: deny}\n" REST, "{\"args\":{\"l\":[\"a\", \"b\"]}}", EFFECT_PURE,
		 VERDICT_DENY, "t", NULL},
		/* a list is never as trusted as its last item */
		{"  - {id: t, match: {args.l: '@example\\.com$'}, verdict: allow}\n", "{\"args\":{\"l\":[\"a@else.org\",\"b@example.com\"]}}",
		 EFFECT_PURE, VERDICT_ALLOW, NULL, NULL},
		/* deep paths; a pattern is not anchored; ^ and $ are the ends of the whole text */
		{"  - {id: t, match: {args.a.b-c.d_e: 'x'}, verdict: deny}\n" REST, "{\"args\":{\"a\":{\"b-c\":{\"d_e\":\"axa\"}}}}", EFFECT_PURE,
		 VERDICT_DENY, "t", NULL},
		{"  - {id: t, match: {args.a: '^b$'}, verdict: deny}\n" REST, "{\"args\":{\"a\":\"a\\nb\\nc\"}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: t, match: {args.a: '^.$'}, verdict: deny}\n" REST, "{\"args\":{\"a\":\"\\u00fc\"}}", EFFECT_PURE, VERDICT_DENY, "t", NULL},
		{"  - {id: t, match: {task.labels.team: '^ops$'}, verdict: deny}\n" REST, "{\"task\":{\"labels\":{\"team\":\"ops\"}}}", EFFECT_PURE,
		 VERDICT_DENY, "t", NULL},
		/* pattern and condition must both hold */
		{"  - {id: t, match: {args.a: x}, when: .args.n > 1, verdict: deny}\n" REST, "{\"args\":{\"a\":\"x\",\"n\":1}}", EFFECT_PURE,
		 VERDICT_ALLOW, "rest", NULL},
		{"  - {id: t, match: {args.a: x}, when: .args.n > 1, verdict: deny}\n" REST, "{\"args\":{\"a\":\"x\",\"n\":2}}", EFFECT_PURE,
		 VERDICT_DENY, "t", NULL},
	};
	CHECK_ROWS(rows);
}
END_TEST

#define FAILS(verdict) "  - {id: bad, when: '.args.to | startswith(\"a\")', verdict: " verdict "}\n"

/* Whatever the truth would have been, what comes out is no milder. */
START_TEST(test_errors_are_strict)
{
	static const struct row rows[] = {
		{FAILS("allow") REST, "{\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_ASK, "bad", "\"when\": "},
		{FAILS("ask") REST, "{\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_ASK, "bad", "\"when\": "},
		{FAILS("deny") REST, "{\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_DENY, "bad", "\"when\": "},
		/* the rules below it still count */
		{FAILS("allow") "  - {id: no, verdict: deny}\n", "{\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_DENY, "no", NULL},
		{FAILS("ask") "  - {id: no, verdict: deny}\n", "{\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_DENY, "no", NULL},
		{FAILS("deny") REST, "{\"args\":{}}", EFFECT_PURE, VERDICT_DENY, "bad", "\"when\": "},
		{FAILS("allow"), "{\"tool\":\"x\",\"args\":{}}", EFFECT_PURE, VERDICT_ASK, "bad", "\"when\": "},
		/* one condition that is not met is enough */
		{"  - {id: bad, match: {tool: '^mail'}, when: '.args.to | startswith(\"a\")', verdict: deny}\n" REST,
		 "{\"tool\":\"blog\",\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		{"  - {id: bad, when: '.tool == \"m\" and (.args.to | startswith(\"a\"))', verdict: deny}\n" REST,
		 "{\"tool\":\"b\",\"args\":{\"to\":5}}", EFFECT_PURE, VERDICT_ALLOW, "rest", NULL},
		/* no output, several */
		{"  - {id: bad, when: 'empty', verdict: allow}\n" REST, "{}", EFFECT_PURE, VERDICT_ASK, "bad", "no output"},
		{"  - {id: bad, when: '.args[]', verdict: allow}\n" REST, "{\"args\":[1,2]}", EFFECT_PURE, VERDICT_ASK, "bad", "more than one"},
		{"  - {id: bad, when: 'error(\"why\")', verdict: allow}\n" REST, "{}", EFFECT_PURE, VERDICT_ASK, "bad", "why"},
		/* two of them: the first is named, the strictest counts */
		{FAILS("allow") "  - {id: bad2, when: 'error', verdict: ask}\n" REST, "{\"args\":{}}", EFFECT_PURE, VERDICT_ASK, "bad", "\"when\""},
		{FAILS("ask") "  - {id: bad2, when: 'error', verdict: deny}\n" REST, "{\"args\":{}}", EFFECT_PURE, VERDICT_DENY, "bad2", "\"when\""},
	};
	CHECK_ROWS(rows);
}
END_TEST

START_TEST(test_limits_are_strict)
{
	static const char *const patterns[] = {"^(a+)+$", "(a+)\\1\\1[bc]", ".*(?<=z.{59000}q)"};
	struct judgement j;
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"args\":{\"a\":\"");
	for (int i = 0; i < 60000; i++)
		buf_addc(&b, 'a');
	buf_adds(&b, "!\"}}");
	for (int i = 0; i < 3; i++) {
		const char *rule = arena_printf(a, "rules:\n  - {id: evil, match: {args.a: '%s'}, verdict: allow}\n" REST, patterns[i]);

		policy_judge(policy_of(rule), parse(buf_cstr(&b)), EFFECT_PURE, &j);
		ck_assert_int_eq(j.verdict, VERDICT_ASK);
		ck_assert_msg(strstr(j.failed, "args.a: the regular expression") != NULL, "%s", j.failed);
	}
	policy_judge(policy_of("rules:\n  - {id: long, when: '[range(1000000)] | length > 0', verdict: allow}\n" REST), parse("{}"),
		     EFFECT_PURE, &j);
	ck_assert_int_eq(j.verdict, VERDICT_ASK);
	ck_assert(j.failed[0]);
}
END_TEST

START_TEST(test_what_is_asked)
{
	struct judgement j;
	const struct policy *p = policy_of("rules:\n"
		"  - {id: bad, when: .args.n | startswith(\"a\"), verdict: ask, risk: medium, expires: 2h, approvers: 3, reason: why bad}\n"
		"  - {id: big, when: .args.n > 5, verdict: ask, risk: high, reason: it is big, expires: 8h, approvers: 2}\n"
		"  - {id: low, verdict: allow, risk: low}\n");

	policy_judge(p, parse("{\"args\":{\"n\":\"a\"}}"), EFFECT_PURE, &j);
	ck_assert(str_is(j.rule->id, "bad") && j.risk == RISK_MEDIUM && str_is(j.reason, "why bad"));
	ck_assert(j.expires_ms == 2 * 3600 * 1000 && j.approvers == 3 && !j.failed[0]);
	/* what cannot be told: the first rule's, tightened by the one that fits */
	policy_judge(p, parse("{\"args\":{\"n\":6}}"), EFFECT_PURE, &j);
	ck_assert(j.verdict == VERDICT_ASK && str_is(j.rule->id, "bad") && j.failed[0]);
	ck_assert(j.risk == RISK_HIGH && j.expires_ms == 2 * 3600 * 1000 && j.approvers == 3);
	policy_judge(policy_of("rules:\n  - {id: a, verdict: ask}\n"), parse("{}"), EFFECT_PURE, &j);
	ck_assert(!j.risk && !j.reason.p && j.expires_ms == POLICY_EXPIRES_MS && j.approvers == 1);
}
END_TEST

/* The first rule cannot be told, the second fits: of each the stricter, whichever says it. */
START_TEST(test_tightening)
{
	static const struct {
		const char *unsure, *fits;
		enum verdict verdict;
		const char *id, *risk;
		int hours, approvers;
	} rows[] = {
		{"ask, risk: high, expires: 2h, approvers: 3", "ask, risk: low, expires: 8h, approvers: 2", VERDICT_ASK, "u", "high", 2, 3},
		{"ask, risk: low, expires: 8h, approvers: 2", "ask, risk: high, expires: 2h, approvers: 3", VERDICT_ASK, "u", "high", 2, 3},
		{"ask, risk: high, expires: 2h, approvers: 3", "deny, risk: low, expires: 8h, approvers: 2", VERDICT_DENY, "f", "high", 2, 3},
		{"ask, risk: low, expires: 8h, approvers: 2", "deny, risk: forbidden, expires: 2h", VERDICT_DENY, "f", "forbidden", 2, 2},
		{"allow, risk: medium", "allow, risk: low, expires: 1h, approvers: 2", VERDICT_ASK, "u", "medium", 1, 2},
		{"deny", "allow, risk: low", VERDICT_DENY, "u", "low", 24, 1},
	};
	struct judgement j;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		policy_judge(policy_of(arena_printf(a, "rules:\n  - {id: u, when: 'error', verdict: %s}\n  - {id: f, verdict: %s}\n",
						    rows[i].unsure, rows[i].fits)), parse("{}"), EFFECT_PURE, &j);
		ck_assert_msg(j.verdict == rows[i].verdict && str_is(j.rule->id, rows[i].id), "row %zu", i);
		ck_assert_msg(strcmp(risk_name(j.risk), rows[i].risk) == 0, "row %zu", i);
		ck_assert_msg(j.expires_ms == rows[i].hours * 3600000 && j.approvers == rows[i].approvers, "row %zu", i);
	}
}
END_TEST

enum { RULES = 3, STATES = 9 };		/* of a rule: three verdicts, and it does not fit, fits or cannot be told */

static enum verdict first_of(const int *states, unsigned fits, enum verdict none)
{
	for (int i = 0; i < RULES; i++)
		if (states[i] % 3 == FIT_YES || (states[i] % 3 == FIT_UNKNOWN && fits >> i & 1))
			return (enum verdict)(states[i] / 3);
	return none;
}

/* By definition: the strictest of all readings, and `ask` as soon as two readings are possible. */
static enum verdict strictest(const int *states, enum verdict none)
{
	enum verdict v = first_of(states, 0, none);

	for (unsigned fits = 0; fits < 1 << RULES; fits++)
		if (verdict_is_stricter(first_of(states, fits, none), v))
			v = first_of(states, fits, none);
	for (int i = 0; i < RULES && states[i] % 3 != FIT_YES; i++)
		if (states[i] % 3 == FIT_UNKNOWN && v == VERDICT_ALLOW)
			v = VERDICT_ASK;
	return v;
}

START_TEST(test_every_reading)
{
	static const char *const when[] = {[FIT_NO] = "false", [FIT_YES] = "true", [FIT_UNKNOWN] = "error"};

	for (int n = 0; n < STATES * STATES * STATES; n++) {
		int states[RULES] = {n % STATES, n / STATES % STATES, n / STATES / STATES};
		struct judgement j;
		struct buf b;

		buf_init(&b, a);
		buf_adds(&b, "rules:\n");
		for (int i = 0; i < RULES; i++)
			buf_addf(&b, "  - {id: r%d, when: '%s', verdict: %s}\n", i, when[states[i] % 3], verdict_name((enum verdict)(states[i] / 3)));
		policy_judge(policy_of(buf_cstr(&b)), parse("{\"tool\":\"t\"}"), EFFECT_AT_MOST_ONCE, &j);
		ck_assert_msg(j.verdict == strictest(states, VERDICT_ASK), "%s: %s", buf_cstr(&b), verdict_name(j.verdict));
		policy_judge(policy_of(buf_cstr(&b)), parse("{\"tool\":\"t\"}"), EFFECT_PURE, &j);
		ck_assert_msg(j.verdict == strictest(states, VERDICT_ALLOW), "%s: %s", buf_cstr(&b), verdict_name(j.verdict));
	}
}
END_TEST

static void is_json(const char *rules, const char *wanted)
{
	struct judgement j;
	const struct json *v;

	policy_judge(policy_of(rules), parse("{\"tool\":\"t\"}"), EFFECT_AT_MOST_ONCE, &j);
	v = judgement_json(a, &j);
	ck_assert_msg(json_equal(v, parse(wanted)), STR_FMT, STR_ARG(json_text(a, v)));
}

START_TEST(test_json)
{
	is_json("rules:\n  - {id: a, verdict: deny, risk: high, reason: so, expires: 1s, approvers: 2}",
		"{\"verdict\":\"deny\",\"rule\":\"a\",\"risk\":\"high\",\"reason\":\"so\",\"expires_ms\":1000,\"approvers\":2}");
	is_json("rules:\n  - {id: a, when: 'false', verdict: deny}",
		"{\"verdict\":\"ask\",\"rule\":null,\"risk\":null,\"reason\":null,\"expires_ms\":86400000,\"approvers\":1}");
	is_json("rules:\n  - {id: a, when: 'error(\"x\")', verdict: deny}",
		"{\"verdict\":\"deny\",\"rule\":\"a\",\"risk\":null,\"reason\":null,\"expires_ms\":86400000,\"approvers\":1,"
		"\"failed\":\"\\\"when\\\": x\"}");
}
END_TEST

START_TEST(test_facts)
{
	const struct json *task = parse("{\"id\":\"t\",\"submitted_by\":\"token:ci\"}"), *f;

	f = policy_facts(a, task, parse("{\"x\":1}"), STR("web.fetch"), parse("{\"url\":\"u\"}"), TAINT_READS_PRIVATE);
	ck_assert(json_equal(f, parse("{\"task\":{\"id\":\"t\",\"submitted_by\":\"token:ci\",\"input\":{\"x\":1}},\"tool\":\"web.fetch\","
					"\"args\":{\"url\":\"u\"},\"taint\":{\"untrusted\":false,\"private\":true,\"outside\":false},"
					"\"token\":{\"name\":\"ci\"}}")));
	f = policy_facts(a, parse("{\"submitted_by\":\"os:root\"}"), NULL, STR_NONE, NULL, TAINT_READS_UNTRUSTED | TAINT_ACTS_OUTSIDE);
	ck_assert(json_equal(f, parse("{\"task\":{\"submitted_by\":\"os:root\",\"input\":null},\"tool\":null,\"args\":null,"
					"\"taint\":{\"untrusted\":true,\"private\":false,\"outside\":true},\"token\":null}")));
	f = policy_facts(a, parse("{\"submitted_by\":\"hook:github\"}"), NULL, STR_NONE, NULL, 0);
	ck_assert(json_equal(json_getc(f, "token"), parse("{\"name\":\"hook:github\"}")));
	f = policy_facts(a, parse("{\"submitted_by\":\"hooks\"}"), NULL, STR_NONE, NULL, 0);
	ck_assert_int_eq(json_type(json_getc(f, "token")), JSON_NULL);
}
END_TEST

START_TEST(test_taint)
{
	ck_assert_uint_eq(policy_taint_of(STR("hook:github")), TAINT_READS_UNTRUSTED);
	ck_assert_uint_eq(policy_taint_of(STR("token:hook:github")), 0);
	ck_assert_uint_eq(policy_taint_of(STR("os:root")), 0);
	ck_assert_uint_eq(policy_taint_of(STR_NONE), 0);
	ck_assert_uint_eq(policy_taint(0, TAINT_READS_UNTRUSTED | TAINT_ACTS_OUTSIDE), TAINT_ACTS_OUTSIDE);
	ck_assert_uint_eq(policy_taint(TAINT_READS_UNTRUSTED, TAINT_READS_PRIVATE), TAINT_READS_UNTRUSTED | TAINT_READS_PRIVATE);
	ck_assert_uint_eq(policy_taint(TAINT_READS_PRIVATE, 0), TAINT_READS_PRIVATE);
}
END_TEST

static void refuses(const char *rules, const char *facts, enum effect_class effect, const char *wanted)
{
	struct judgement j;
	struct err err = {0};

	policy_judge(policy_of(rules), parse(facts), effect, &j);
	ck_assert_int_eq(judgement_refuses(&j, &err), wanted ? -1 : 0);
	if (!wanted)
		return;
	ck_assert_int_eq(err.code, ERR_POLICY_DENIED);
	ck_assert(!err.retryable);
	ck_assert_str_eq(err.msg, wanted);
}

START_TEST(test_refusals)
{
	refuses("rules:\n  - {id: a, verdict: allow}", "{}", EFFECT_AT_MOST_ONCE, NULL);
	refuses("rules:\n  - {id: a, verdict: deny}", "{}", EFFECT_PURE, "rule \"a\" of the policy denies it");
	refuses("rules:\n  - {id: a, verdict: deny, reason: no shells}", "{}", EFFECT_PURE, "rule \"a\" of the policy denies it: no shells");
	refuses("rules:\n  - {id: a, verdict: ask, reason: big}", "{}", EFFECT_PURE,
		"rule \"a\" of the policy wants a person to be asked, and nobody can be asked about a submission: big");
	refuses("rules:\n  - {id: a, when: 'error(\"x\")', verdict: deny, reason: big}", "{}", EFFECT_PURE,
		"rule \"a\" of the policy denies it: it cannot be told whether it fits: \"when\": x");
	refuses("rules:\n  - {id: a, when: 'false', verdict: allow}", "{\"tool\":\"t\"}", EFFECT_AT_MOST_ONCE,
		"no rule of the policy fits: a person would have to be asked, and nobody can be asked about a submission");
}
END_TEST

START_TEST(test_stricter)
{
	static const enum verdict order[] = {VERDICT_ALLOW, VERDICT_ASK, VERDICT_DENY};

	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			ck_assert_int_eq(verdict_is_stricter(order[i], order[k]), i > k);
}
END_TEST

static void test_says(const char *test, const char *wanted)
{
	struct diags *d = diags_new(a);
	const struct policy *p = policy_of(arena_printf(a, "rules:\n" MAIL REST "tests:\n  - %s\n", test));
	struct buf b;

	ck_assert_uint_eq(policy_test(p, d), wanted ? 1 : 0);
	buf_init(&b, a);
	diag_print(d, &b);
	if (wanted)
		ck_assert_msg(strstr(buf_cstr(&b), wanted) != NULL, "%s", buf_cstr(&b));
	else
		ck_assert_uint_eq(b.n, 0);
}

START_TEST(test_tests)
{
	test_says("{given: {tool: mail.send, args: {to: a@else.org}}, expect: {id: mail, verdict: ask}}", NULL);
	test_says("{given: {tool: mail.send}, expect: {id: rest}}", NULL);
	test_says("{given: {tool: mail.send}, expect: {verdict: allow}}", NULL);
	test_says("{given: {tool: mail.send}, expect: {}}", NULL);
	test_says("{given: {tool: mail.send}, expect: {id: mail}}", "risk.yaml:6:5: error: rule \"rest\" says allow, expected rule \"mail\"\n");
	test_says("{given: {tool: mail.send}, expect: {id: mail}}", "hint: \"mail\": args.to is absent");
	test_says("{given: {tool: mail.send, args: {to: b@x.org}}, expect: {verdict: deny}}", "rule \"mail\" says ask, expected deny\n");
	test_says("{given: {tool: mail.send, args: {to: b@x.org}}, expect: {id: rest, verdict: allow}}", "expected rule \"rest\" and allow\n");
	test_says("{given: {tool: x.y}, expect: {id: mail, verdict: ask}}", "rule \"rest\" says allow, expected rule \"mail\" and ask\n");
	test_says("{given: {tool: null, effect: pure}, expect: {verdict: allow}}", NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config/policy");
	TCase *t = tcase_create("policy");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_order_and_default);
	tcase_add_test(t, test_match);
	tcase_add_test(t, test_errors_are_strict);
	tcase_add_test(t, test_limits_are_strict);
	tcase_add_test(t, test_what_is_asked);
	tcase_add_test(t, test_tightening);
	tcase_add_test(t, test_every_reading);
	tcase_add_test(t, test_json);
	tcase_add_test(t, test_facts);
	tcase_add_test(t, test_taint);
	tcase_add_test(t, test_refusals);
	tcase_add_test(t, test_stricter);
	tcase_add_test(t, test_tests);
	suite_add_tcase(s, t);
	return suite_run(s);
}
