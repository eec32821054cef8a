/* anthropic_talk.c - whole conversations over wire anthropic: tools, thinking, schemas, keys, against a stub that refuses what Anthropic
 * would refuse; and that it does. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "config/routing.h"
#include "talk.h"
#include "t/bin/stub_anthropic.h"
#include "../suite_run.h"

/* --- tools --- */

START_TEST(a_conversation_with_tools)
{
	struct asked q;

	route_model("claude", "stub/script", "");
	begin_talk("Find out.\n@call kb_read {\"id\": \"gr\xC3\xBC\xC3\x9F\"}\n@call now\n@call kb.read {oops\n"
		   "@turn\n@say I look.\n@call now {}\n@turn\n@results\n");
	q = expect_turn("", 3);
	ck_assert(str_is(q.tool_calls[0].args, "{\"id\": \"gr\xC3\xBC\xC3\x9F\"}") && str_is(q.tool_calls[0].id, "toolu_1_1"));
	ck_assert(str_is(q.tool_calls[1].args, "{}"));
	ck_assert(str_is(q.tool_calls[2].args, "{oops") && str_is(q.tool_calls[2].name, "kb.read"));
	ck_assert_str_eq(q.finish, "tool_calls");
	expect_turn("I look.", 1);
	expect_turn("ERROR result 1", 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ok/computed/200 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

/* A conversation that another provider began, with ids that only it would take, and the same ones in each turn. */
START_TEST(calls_of_another_provider)
{
	static const struct tool_call calls[] = {{STR("functions.now:0"), STR("now"), STR("{}")}, {STR("call_1"), STR("now"), STR("")}};

	route_model("claude", "stub/plain", "");
	begin_talk("go");
	for (int i = 0; i < 2; i++) {
		talk[n_talk++] = (struct message){.role = ROLE_ASSISTANT, .calls = calls, .n_calls = 2};
		talk[n_talk++] = (struct message){.role = ROLE_TOOL, .call_id = calls[0].id, .text = STR("")};
		talk[n_talk++] = (struct message){.role = ROLE_TOOL, .call_id = calls[1].id, .text = STR("12:00")};
	}
	expect_turn(HELLO, 0);
}
END_TEST

/* --- thinking --- */

START_TEST(thinking_comes_back)
{
	struct asked q;
	char *echo;

	route_model("claude", "stub/signed", "");
	begin_talk("go");
	expect_turn("I look.", 1);
	expect_turn(HELLO, 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ");
	/* the stub would see it changed, or missing */
	begin_talk("go");
	expect_turn("I look.", 1);
	echo = str_cstr(arena, talk[2].echo);
	*strstr(echo, "I should greet") = 'i';
	talk[2].echo = str_from(echo);
	q = go_on();
	ck_assert_int_eq(q.err.code, ERR_MODEL_INVALID_REQUEST);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "Invalid `signature` in `thinking` block"));
	talk[2].echo = STR("");
	q = go_on();
	ck_assert_ptr_nonnull(strstr(q.err.msg, "Expected `thinking`"));
}
END_TEST

/* To another model of the same provider, to another provider, and back. */
START_TEST(a_switch_drops_it)
{
	route_model("claude", "stub/signed", "");
	begin_talk("go");
	expect_turn("I look.", 1);
	route_model("claude", "stub/plain", "");	/* a signature of another model would be refused */
	expect_turn(HELLO, 0);
	n_talk--;
	route_model("stub", "stub/plain", "");		/* strict about keys that it does not know */
	expect_turn(HELLO, 0);
	n_talk--;
	route_model("claude", "stub/signed", "");
	expect_turn(HELLO, 0);
}
END_TEST

START_TEST(thinking_is_counted_apart)
{
	struct asked q;

	route_model("claude", "stub/thinking", "");
	q = ask("t");
	ck_assert_int_eq(q.usage.out_text, 3);
	ck_assert_int_eq(q.usage.out_reason, 27);
	ck_assert_int_eq(q.cost_pusd, q.usage.in_fresh * 2000000 + 30 * INT64_C(10000000));
}
END_TEST

START_TEST(the_cache_is_counted_apart)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  m: {provider: claude, id: stub/cache, max_output: 1000, price: {input: 3, cached: 0.3, write_5m: 3.75, "
		"write_1h: 6, output: 15, as_of: 2026-11-01}}\ntiers:\n  t: {steps: [{model: m}]}\n", provider_lines("")));
	bank.limit_pusd = INT64_MAX;
	q = ask("t");
	ck_assert_int_eq(q.cost_pusd, 3 * 3000000 + 50 * 300000 + 12000 * INT64_C(3750000) + 304 * INT64_C(6000000) + 550 * INT64_C(15000000));
	ck_assert_str_eq(bank.log, "ok/computed/200 ");
}
END_TEST

/* --- schemas, temperature, keys --- */

START_TEST(a_schema_is_sent_or_told)
{
	static const char *const schemas[] = {
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":2},\"b\":{\"type\":\"array\",\"items\":{\"type\":\"integer\","
		"\"minimum\":1},\"minItems\":3}},\"required\":[\"a\"]}",
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
	};

	route_model("claude", "stub/echo", "");		/* strict about what a schema holds */
	for (size_t i = 0; i < 2; i++) {
		const struct json *schema;
		struct asked q;

		ck_assert_int_eq(json_parse(arena, str_from(schemas[i]), NULL, &schema, NULL), 0);
		start(&q, "t", "question", schema, 0);
		finish(&q);
		ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
		ck_assert_str_eq(q.text, "question");
	}
}
END_TEST

/* ask() gives 0.5; with a version that takes none the stub would refuse it, so what is asked tells by its length. */
START_TEST(a_temperature_is_left_out)
{
	int64_t with, without;

	route_model("claude", "stub/plain", "");
	with = ask("t").usage.in_fresh;
	route_model("claude", "stub/plain", ", temperature: false");
	without = ask("t").usage.in_fresh;
	ck_assert_int_eq(with - without, (int64_t)strlen(",\"temperature\":0.5") / 4);
}
END_TEST

START_TEST(keys_stay_out_of_sight)
{
	struct asked q;
	struct digest d;
	char hex[65];

	route_model("claude", "stub/plain", "");
	ask("t");
	digest_of(STR(KEY), &d);
	digest_hex(&d, hex);
	ck_assert(str_eq(bank.calls[0].key_fingerprint, (struct str){hex, 8}));
	ck_assert(str_starts(bank.calls[0].provider_request_id, STR("stub-")));
	setenv("STUB_KEY", "wrong-key-123456", 1);
	route_model("claude", "stub/plain", "");
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_AUTH);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "invalid x-api-key"));	/* the stub quotes it */
	ck_assert_ptr_null(strstr(q.err.msg, "wrong-key-123456"));
}
END_TEST

/* --- the stub is as strict as they are: else the tests above would prove little --- */

#define HEAD "\"model\":\"m\",\"max_tokens\":9,"
#define TOOLS "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
#define ASKED "{\"role\":\"user\",\"content\":\"q\"}"
#define USED(id) "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":{}}]}"
#define RESULT(id) "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"x\"}"
#define SAYS "{\"type\":\"text\",\"text\":\"t\"}"
#define USER(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"
#define TALK(messages) "\"messages\":[" messages "]"

static const struct {
	const char *version, *body, *wrong;	/* wrong: NULL: it is taken */
} judged[] = {
	{"2023-06-01", HEAD TALK(ASKED), NULL},
	{"2026-10-21", HEAD TALK(ASKED), NULL},
	{"", HEAD TALK(ASKED), "header is required"},
	{"2024-01-01", HEAD TALK(ASKED), "not a valid version"},
	{"2023-06-01", "\"model\":\"m\"," TALK(ASKED), "max_tokens: Field required"},
	{"2023-06-01", HEAD "\"max_completion_tokens\":9," TALK(ASKED), "max_completion_tokens: Extra inputs"},
	{"2023-06-01", HEAD "\"temperature\":1.5," TALK(ASKED), "range: 0..1"},
	{"2026-10-21", HEAD "\"temperature\":0.5," TALK(ASKED), "temperature: Extra inputs"},
	{"2023-06-01", HEAD "\"system\":\" \"," TALK(ASKED), "system: text"},
	{"2023-06-01", HEAD TALK(""), "at least one message"},
	{"2023-06-01", HEAD TALK("{\"role\":\"system\",\"content\":\"q\"}"), "'user' or 'assistant'"},
	{"2023-06-01", HEAD TALK("{\"role\":\"assistant\",\"content\":\"q\"}"), "first message must use the \"user\" role"},
	{"2023-06-01", HEAD TALK(USER("")), "non-empty content"},
	{"2023-06-01", HEAD TALK(USER("{\"type\":\"text\",\"text\":\"\"}")), "must be non-empty"},
	{"2023-06-01", HEAD TALK(USER("{\"type\":\"text\",\"text\":\" \"}")), "non-whitespace"},
	{"2023-06-01", HEAD TALK(ASKED ",{\"role\":\"assistant\",\"content\":\"so \"}"), "trailing whitespace"},
	{"2023-06-01", HEAD TALK(ASKED "," USED("a") "," USER(RESULT("a"))), "must define tools"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(RESULT("a"))), NULL},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(RESULT("a") "," SAYS)), NULL},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(SAYS "," RESULT("a"))), "behind a text"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(SAYS)), "immediately after: a"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a")), "immediately after: a"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USED("b") "," USER(RESULT("b") "," RESULT("a"))), NULL},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(RESULT("a") "," RESULT("a"))), "single result"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(RESULT("b"))), "unexpected `tool_use_id`"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a") "," USER(RESULT("a")) "," USED("a") "," USER(RESULT("a"))), "ids must be unique"},
	{"2023-06-01", HEAD TOOLS TALK(ASKED "," USED("a.b") "," USER(RESULT("a.b"))), "match pattern"},
	{"2023-06-01", HEAD "\"tools\":[{\"name\":\"f\"}]," TALK(ASKED), "input_schema.type"},
	{"2023-06-01", HEAD "\"tools\":[{\"name\":\"f.g\",\"input_schema\":{\"type\":\"object\"}}]," TALK(ASKED), "match pattern"},
	{"2023-06-01", HEAD "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}," TALK(ASKED), "explicitly set to false"},
	{"2023-06-01", HEAD "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"string\",\"minLength\":1}}}," TALK(ASKED),
	 "is not supported"},
	{"2023-06-01", HEAD "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}," TALK(ASKED), "budget_tokens"},
	{"2023-06-01", HEAD TALK(ASKED ",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}," SAYS "]}"),
	 "Invalid `signature`"},
	{"2023-06-01", HEAD TALK(ASKED ",{\"role\":\"assistant\",\"content\":[{\"type\":\"redacted_thinking\",\"data\":\"s\"}," SAYS "]}"),
	 "Invalid `data`"},
};

START_TEST(the_stub_refuses_what_anthropic_refuses)
{
	const char *body = arena_printf(arena, "{%s,\"stream\":true}", judged[_i].body), *wrong;
	const struct json *v;

	ck_assert_int_eq(json_parse(arena, str_from(body), NULL, &v, NULL), 0);
	wrong = anthropic_strict(arena, v, str_from(judged[_i].version));
	if (judged[_i].wrong)
		ck_assert_msg(wrong && strstr(wrong, judged[_i].wrong), "%s: %s", body, wrong ? wrong : "taken");
	else
		ck_assert_msg(!wrong, "%s: %s", body, wrong);
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("anthropic_talk");
	TCase *t = tcase_create("anthropic_talk");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_conversation_with_tools);
	tcase_add_test(t, calls_of_another_provider);
	tcase_add_test(t, thinking_comes_back);
	tcase_add_test(t, a_switch_drops_it);
	tcase_add_test(t, thinking_is_counted_apart);
	tcase_add_test(t, the_cache_is_counted_apart);
	tcase_add_test(t, a_schema_is_sent_or_told);
	tcase_add_test(t, a_temperature_is_left_out);
	tcase_add_test(t, keys_stay_out_of_sight);
	tcase_add_loop_test(t, the_stub_refuses_what_anthropic_refuses, 0, COUNT(judged));
	suite_add_tcase(s, t);
	return suite_run(s);
}
