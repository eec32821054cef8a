/* gemini_talk.c - whole conversations over wire gemini: signatures, ids, schemas, keys and bills, against a stub that refuses what
 * Google would refuse. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/routing.h"
#include "talk.h"
#include "../suite_run.h"

static void say(const char *text)
{
	talk[n_talk++] = (struct message){.role = ROLE_USER, .text = str_from(text)};
}

/* --- 34: signatures --- */

START_TEST(every_signature_comes_back)
{
	route_model("google", "stub/signed", "");
	begin_talk("go");
	expect_turn("I look.", 2);
	expect_turn("", 1);
	expect_turn(HELLO, 0);
	say("and?");
	expect_turn("All signatures came back.", 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ok/computed/200 ok/computed/200 ");
}
END_TEST

/* The stub would see each of them missing, or changed. */
START_TEST(a_lost_signature_is_seen)
{
	struct asked q;
	const char *echo;

	route_model("google", "stub/signed", "");
	begin_talk("go");
	expect_turn("I look.", 2);
	echo = str_cstr(arena, talk[2].echo);
	talk[2].echo = STR("");
	q = go_on();
	ck_assert_int_eq(q.err.code, ERR_MODEL_INVALID_REQUEST);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "missing a thought_signature"));
	*strstr(echo, "signature\":\"") = 'S';
	talk[2].echo = str_from(echo);
	q = go_on();
	ck_assert_ptr_nonnull(strstr(q.err.msg, "missing a thought_signature"));
	talk[2].echo = STR("{\"model\":\"google/stub/signed\",\"parts\":[{\"text\":7},{\"call\":false,\"signature\":\"bm90IGl0\"},{\"call\":false}]}");
	q = go_on();
	ck_assert_ptr_nonnull(strstr(q.err.msg, "Corrupted thought signature"));
}
END_TEST

/* To another model of the same provider, to another provider, and back. */
START_TEST(a_switch_drops_them)
{
	struct asked q;

	route_model("google", "stub/signed", "");
	begin_talk("go");
	expect_turn("I look.", 2);
	route_model("google", "gemini-2.5/stub/signed", "");
	q = go_on();
	ck_assert_ptr_nonnull(strstr(q.err.msg, "missing a thought_signature"));	/* none, not a foreign one */
	route_model("google", "gemini-3/stub/signed", "");	/* asks for one, and gets the word in its place */
	expect_turn("", 1);
	route_model("stub", "stub/plain", "");	/* strict about keys that it does not know */
	expect_turn(HELLO, 0);
	say("and?");
	route_model("google", "gemini-3/stub/signed", "");
	expect_turn("All signatures came back.", 0);
}
END_TEST

/* --- calls --- */

START_TEST(a_conversation_with_tools)
{
	struct asked q;

	route_model("google", "stub/script", "");
	begin_talk("Find out.\n@call kb_read {\"id\": \"gr\xC3\xBC\xC3\x9F\"}\n@call now\n@call kb.read {oops\n"
		   "@turn\n@say I look.\n@call now {}\n@turn\n@results\n");
	q = expect_turn("", 3);
	ck_assert(str_is(q.tool_calls[0].args, "{\"id\":\"gr\xC3\xBC\xC3\x9F\"}"));
	ck_assert(str_is(q.tool_calls[1].args, "{}"));
	ck_assert(str_is(q.tool_calls[2].args, "{oops") && str_is(q.tool_calls[2].name, "kb.read"));
	ck_assert(!str_eq(q.tool_calls[0].id, q.tool_calls[1].id) && !str_eq(q.tool_calls[1].id, q.tool_calls[2].id));
	ck_assert_str_eq(q.finish, "tool_calls");
	expect_turn("I look.", 1);
	expect_turn("result 1", 0);
}
END_TEST

/* The order of results is that of the calls, whatever the order they came in: the stub tells which is whose. */
START_TEST(results_in_the_order_of_calls)
{
	route_model("google", "stub/script", "");
	begin_talk("@call kb_read {}\n@call now {}\n@turn\n@results");
	expect_turn("", 2);
	expect_turn("result 1\nresult 2", 0);
}
END_TEST

START_TEST(ids_of_the_provider_are_kept)
{
	struct asked q;

	route_model("google", "stub/tools-id", "");
	begin_talk("go");
	q = expect_turn("", 2);
	ck_assert(str_is(q.tool_calls[0].id, "gem-1") && str_is(q.tool_calls[1].id, "gem-2"));
	q = go_on();	/* the stub compares those of calls and responses */
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	route_model("stub", "stub/plain", "");
	expect_turn(HELLO, 0);
}
END_TEST

/* --- schemas --- */

START_TEST(a_schema_is_sent_or_told)
{
	const struct json *schema;
	struct asked q;

	ck_assert_int_eq(json_parse(arena, STR("{\"$schema\":\"x\",\"type\":\"object\",\"additionalProperties\":false,"
		"\"properties\":{\"city\":{\"const\":\"Bern\"},\"people\":{\"type\":\"integer\"}}}"), NULL, &schema, NULL), 0);
	route_model("google", "stub/json", "");
	start(&q, "t", "Which city?", schema, 0);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "{\"city\": \"Bern\", \"people\": 134794}");
}
END_TEST

/* --- keys --- */

START_TEST(keys_stay_out_of_sight)
{
	struct asked q;

	route_model("google", "stub/plain", "");
	setenv("STUB_KEY", "wrong-key-123456", 1);
	route_model("google", "stub/plain", "");
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_AUTH);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "API_KEY_INVALID"));	/* the stub quotes the key */
	ck_assert_ptr_null(strstr(q.err.msg, "wrong-key-123456"));
}
END_TEST

/* --- money and names --- */

START_TEST(the_bill)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  m: {provider: google, id: stub/cached, max_output: 400, "
		"price: {input: 0.30, cached: 0.03, output: 2.50, as_of: 2026-05-16}}\ntiers:\n  t: {steps: [{model: m}]}\n", provider_lines("")));
	q = ask("t");
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_int_eq(q.cost_pusd, INT64_C(588720000));
	ck_assert_str_eq(bank.log, "ok/computed/200 ");
}
END_TEST

START_TEST(who_answered)
{
	route_model("google", "stub/other-model", "");
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert(str_is(bank.calls[0].model_asked, "stub/other-model"));
	ck_assert(str_is(bank.calls[0].model_answered, "stub/really-this"));
	ck_assert(str_is(bank.calls[0].provider_request_id, "stub-response"));
}
END_TEST

/* --- the file that is shipped --- */

START_TEST(the_shipped_provider)
{
	const char *path = arena_printf(arena, "%s/policies/routing.yaml", getenv("top_srcdir"));
	const struct routing *r;
	char text[32768];
	size_t n, at = 0;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	r = routing_parse(arena, path, (struct str){text, n}, diags);
	ck_assert_ptr_nonnull(r);
	while (at < r->n_providers && !str_is(r->providers[at].name, "gemini"))
		at++;
	ck_assert_uint_lt(at, r->n_providers);
	ck_assert_int_eq(r->providers[at].wire, WIRE_GEMINI);
	ck_assert_str_eq(r->providers[at].base_url, "https://generativelanguage.googleapis.com/v1beta");
	ck_assert_uint_eq(r->providers[at].n_key_env, 2);
	ck_assert_str_eq(r->providers[at].key_env[0], "GOOGLE_AI_STUDIO_KEY");
	ck_assert_str_eq(r->providers[at].key_env[1], "GOOGLE_API_KEY");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gemini_talk");
	TCase *t = tcase_create("gemini_talk");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_signature_comes_back);
	tcase_add_test(t, a_lost_signature_is_seen);
	tcase_add_test(t, a_switch_drops_them);
	tcase_add_test(t, a_conversation_with_tools);
	tcase_add_test(t, results_in_the_order_of_calls);
	tcase_add_test(t, ids_of_the_provider_are_kept);
	tcase_add_test(t, a_schema_is_sent_or_told);
	tcase_add_test(t, keys_stay_out_of_sight);
	tcase_add_test(t, the_bill);
	tcase_add_test(t, who_answered);
	tcase_add_test(t, the_shipped_provider);
	suite_add_tcase(s, t);
	return suite_run(s);
}
