/* gateway.c - whole calls against the stub provider: money, ends from outside, configuration, tools. Faults: faults.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/http.h"
#include "base/json.h"
#include "config/routing.h"
#include "stand.h"
#include "t/bin/stub_openai.h"
#include "../suite_run.h"

/* --- text as it comes --- */

static struct {
	char text[256];
	int n;
	struct op *leave;	/* cancelled at the first piece; NULL: none is */
} heard;

static void on_text(void *arg, struct str piece)
{
	ck_assert_ptr_eq(arg, &heard);
	ck_assert(utf8_valid(piece) && piece.n > 0);
	ck_assert(str_is(gateway_answer_of(heard.leave)->provider, "stub"));
	heard.n++;
	strncat(heard.text, piece.p, piece.n);
}

static void on_text_leave(void *arg, struct str piece)
{
	on_text(arg, piece);
	op_cancel(heard.leave);
}

static struct asked listen_to(const char *tier, void (*fn)(void *arg, struct str piece))
{
	struct message m[] = {{.role = ROLE_USER, .text = STR("hello")}};
	struct model_request req = {.token = STR("token:ci"), .path = STR("chat"), .tier = str_from(tier), .messages = m, .n_messages = 1,
				    .temperature = -1, .on_text = fn, .text_arg = &heard};
	struct asked q = {0};

	memset(&heard, 0, sizeof heard);
	start_request(&q, &req);
	heard.leave = q.op;
	finish(&q);
	return q;
}

/* The pieces are the text, or its beginning; once there was one nobody else is asked. */
static const struct {
	const char *fault, *heard, *log;
} spoken[] = {
	{"plain", HELLO, "ok/computed/200 "},
	{"bytes", HELLO, "ok/computed/200 "},
	{"utf8", "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8D", "ok/computed/200 "},
	{"document", "", "ok/computed/200 "},
	{"error-late", HELLO, "stream_error/estimated/200 "},
	{"close", HELLO, "truncated_stream/estimated/200 "},
	{"reset", HELLO, "truncated_stream/estimated/200 "},
	{"500", HELLO, "server_error/none/500 server_error/none/500 ok/none/200 "},
	{"error-only", HELLO, "overloaded/none/200 overloaded/none/200 ok/none/200 "},
};

START_TEST(text_comes_as_it_is_made)
{
	struct asked q;

	route_fault(spoken[_i].fault, "stub", true);
	q = listen_to("t", on_text);
	ck_assert_str_eq(heard.text, spoken[_i].heard);
	ck_assert_str_eq(bank.log, spoken[_i].log);
	ck_assert_int_eq(bank.held_pusd, 0);
	if (q.err.code == ERR_NONE)
		ck_assert(strncmp(q.text, heard.text, strlen(heard.text)) == 0);
}
END_TEST

START_TEST(who_leaves_while_it_comes_is_settled)
{
	struct asked q;

	route_fault("bytes", "stub", true);
	q = listen_to("t", on_text_leave);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_int_eq(heard.n, 1);
	ck_assert_str_eq(bank.log, "cancelled/estimated/200 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

/* --- money --- */

START_TEST(a_paid_call_is_reserved_and_settled)
{
	struct asked q;
	/* bytes: "be brief" and "hello" */
	int64_t worst = ((13 + 2) / 3 + 2 * 8 + 16) * 2000000 + 100 * INT64_C(10000000);
	struct model_call *c = &bank.calls[0];
	struct digest d;
	char hex[65];

	bank.limit_pusd = worst;
	route_fault("other-model", "stub", false);
	start(&q, "t", "hello", NULL, 0);
	loop_once(bank.loop);
	ck_assert_int_eq(bank.held_pusd, worst);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
	ck_assert_int_eq(q.cost_pusd, q.usage.in_fresh * 2000000 + 3 * INT64_C(10000000));
	ck_assert_int_eq(q.usage.out_text, 3);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
	ck_assert_int_eq(c->attempt, 1);
	ck_assert(str_is(c->path, "draft/turn-1"));
	ck_assert(str_is(c->provider, "stub") && str_is(c->tier, "t"));
	ck_assert(str_is(c->model_asked, "stub/other-model") && str_is(c->model_answered, "stub/really-this"));
	ck_assert(str_is(c->provider_request_id, "chatcmpl-stub"));
	ck_assert(str_is(c->wire, "openai") && str_is(c->finish_reason, "stop"));
	ck_assert_str_eq(c->operation, "chat");
	ck_assert_int_eq(c->max_output, 100);
	digest_of(STR(KEY), &d);
	digest_hex(&d, hex);
	ck_assert(str_eq(c->key_fingerprint, (struct str){hex, 8}));
	ck_assert_int_gt(c->started_us, 0);
	/* one pico-dollar less is refused, and nothing is asked */
	bank.limit_pusd = bank.spent_pusd + worst - 1;
	bank.log[0] = '\0';
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_uint_eq(q.n_calls, 0);
	ck_assert_str_eq(bank.log, "");
}
END_TEST

START_TEST(a_free_model_takes_no_hold)
{
	route_fault("404", "unset", true);
	bank.limit_pusd = 0;
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_int_eq(bank.n_moves, 0);
	ck_assert_str_eq(bank.log, "ok/none/200 ");
}
END_TEST

START_TEST(a_hold_rides_with_the_failed_call)
{
	route(arena_printf(arena, "%smodels:\n"
		"  a: {provider: stub, id: \"stub/401\", max_output: 100, " PRICE "}\n"
		"  b: {provider: stub, id: \"stub/404\", max_output: 100, " PRICE "}\n"
		"  c: {provider: stub, id: x, max_output: 100, " PRICE "}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}, {model: c}]}\n", provider_lines("")));
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_int_eq(bank.n_moves, 3);
	ck_assert_int_eq(bank.n_with_both, 2);
	ck_assert_int_eq(bank.calls[0].attempt, 1);
	ck_assert_int_eq(bank.calls[2].attempt, 3);
}
END_TEST

START_TEST(an_estimate_can_use_up_the_budget)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n"
		"  a: {provider: stub, id: \"stub/close\", max_output: 100, " PRICE "}\n"
		"  b: {provider: stub, id: x, max_output: 100, " PRICE "}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}]}\n", provider_lines("")));
	bank.limit_pusd = INT64_C(1500000000);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_uint_eq(q.n_calls, 1);	/* the refused move committed nothing: its call is handed on */
	ck_assert_str_eq(bank.log, "truncated_stream/estimated/200 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(the_charge_of_a_router_counts)
{
	struct asked q;

	route_fault("cost", "router", false);
	q = ask("t");
	ck_assert_int_eq(q.cost_pusd, INT64_C(12300000000));
	ck_assert_str_eq(bank.log, "ok/provider/200 ");
	bank.log[0] = '\0';
	route_fault("cost", "stub", false);
	q = ask("t");
	ck_assert_int_eq(q.cost_pusd, 100 * 2000000 + 10 * INT64_C(10000000));
	ck_assert_str_eq(bank.log, "ok/computed/200 ");
}
END_TEST

START_TEST(no_bound_no_call)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: x, " PRICE "}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "max_output"));
}
END_TEST

/* Two questions of one task, money for one at a time: the second waits for the first. */
START_TEST(money_held_by_a_sibling_is_waited_for)
{
	struct asked a, b;

	route_fault("delay-100", "stub", false);
	bank.limit_pusd = INT64_C(1500000000);
	start(&a, "t", "hello", NULL, 0);
	start(&b, "t", "hello", NULL, 0);
	finish(&a);
	finish(&b);
	ck_assert_msg(a.err.code == ERR_NONE && b.err.code == ERR_NONE, "%s %s", a.err.msg, b.err.msg);
	ck_assert_int_gt(bank.n_refused, 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ");
}
END_TEST

/* --- ends from outside --- */

START_TEST(a_lost_lease_stops_it)
{
	struct asked q;

	route_fault("plain", "stub", true);
	bank.stale = true;
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_LEASE_LOST);
	ck_assert_uint_eq(q.n_calls, 0);
	/* also between two attempts */
	bank.stale = false;
	route_fault("500", "stub", true);
	start(&q, "t", "hello", NULL, 0);
	loop_once(bank.loop);
	bank.stale = true;
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_LEASE_LOST);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

START_TEST(a_closed_store_stops_it)
{
	struct asked q;

	route_fault("plain", "stub", true);
	bank.closed = true;
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

static bool stub_has_asked;

static void on_stats(struct op *op, void *arg)
{
	const struct http_result *r = http_result_of(op);

	(void)arg;
	stub_has_asked = str_find(r->body, STR("\"open\":2")) >= 0;
	*(bool *)arg = true;
}

START_TEST(cancel_aborts_and_settles)
{
	struct asked q;
	bool done = true;
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/stats", stub_port);
	/* while it asks: the request is out */
	route_fault("hang-headers", "stub", true);
	start(&q, "t", "hello", NULL, 0);
	stub_has_asked = false;
	while (!stub_has_asked) {
		struct http_request req = {.method = "GET", .url = url};

		if (done)
			http_start(http, arena_new(NULL), &req, NULL, on_stats, &done);
		done = false;
		loop_once(bank.loop);
	}
	while (!done)
		loop_once(bank.loop);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_str_eq(bank.log, "cancelled/estimated/0 ");
	ck_assert_int_eq(bank.held_pusd, 0);
	/* before anything went out: the hold is given back */
	bank.log[0] = '\0';
	start(&q, "t", "hello", NULL, 0);
	op_cancel(q.op);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_str_eq(bank.log, "cancelled/none/0 ");
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
}
END_TEST

START_TEST(cancel_while_it_waits)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/429-ms\", price: free}\n"
		"tiers:\n  t: {steps: [{model: a}]}\n", provider_lines(", retry: {max: 1, backoff: [10s, 20s], max_hint: 30s}")));
	start(&q, "t", "hello", NULL, 0);
	while (bank.n_moves == 0)
		loop_once(bank.loop);
	loop_once(bank.loop);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_uint_eq(q.n_calls, 0);
	ck_assert_str_eq(bank.log, "rate_limited/none/429 ");
}
END_TEST

START_TEST(the_deadline_bounds_all_attempts)
{
	struct asked q;
	int64_t begin = loop_now_ms(bank.loop);

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/hang-headers\", price: free}\n"
		"tiers:\n  t: {deadline: 30s, steps: [{model: a}, {model: a}, {model: a}]}\n", provider_lines(", timeout: {first_byte: 400ms}")));
	start(&q, "t", "hello", NULL, 600);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_TIMEOUT);
	ck_assert_str_eq(bank.log, "timeout/none/0 timeout/none/0 ");
	ck_assert_int_lt(loop_now_ms(bank.loop) - begin, 3000);
	ck_assert_ptr_nonnull(strstr(q.err.hint, "deadline"));
}
END_TEST

START_TEST(the_line_is_first_in_first_out)
{
	struct asked q[5];

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/delay-60\", price: free}\n"
		"tiers:\n  t: {steps: [{model: a}]}\n", provider_lines(", max_in_flight: 1")));
	for (int i = 0; i < 5; i++)
		start(&q[i], "t", "hello", NULL, i == 3 ? 50 : 0);
	op_cancel(q[2].op);
	for (int i = 0; i < 5; i++)
		finish(&q[i]);
	ck_assert(q[0].err.code == ERR_NONE && q[1].err.code == ERR_NONE && q[4].err.code == ERR_NONE);
	ck_assert_int_eq(q[2].err.code, ERR_CANCELLED);
	ck_assert_int_eq(q[3].err.code, ERR_MODEL_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(q[3].err.msg, "max_in_flight 1"));
	ck_assert_str_eq(bank.log, "ok/none/200 ok/none/200 ok/none/200 ");
	ck_assert(bank.calls[1].started_us >= bank.calls[0].started_us + 50000);
	ck_assert(bank.calls[2].started_us >= bank.calls[1].started_us + 50000);
}
END_TEST

/* --- configuration --- */

START_TEST(no_route_says_why)
{
	struct asked q = ask("t");

	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "no policies/routing.yaml"));
	route_fault("plain", "unset", false);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "OTHER_KEY is not set"));
	q = ask("nope");
	ck_assert_ptr_nonnull(strstr(q.err.msg, "unknown tier \"nope\""));
	route(arena_printf(arena, "%smode: off\nmodels:\n  a: {provider: stub, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	q = ask("t");
	ck_assert_ptr_nonnull(strstr(q.err.msg, "mode \"off\""));
}
END_TEST

START_TEST(nobody_listens)
{
	struct asked q;

	route_fault("plain", "gone", true);
	q = ask("t");
	ck_assert_str_eq(q.text, HELLO);
	ck_assert_str_eq(bank.log, "network/none/0 network/none/0 ok/none/200 ");
}
END_TEST

START_TEST(keys_in_order_of_precedence)
{
	const char *yaml = arena_printf(arena, "%s  two: {wire: openai, base_url: \"http://127.0.0.1:%d/v1\", key_env: [OTHER_KEY, STUB_KEY]}\n"
		"models:\n  a: {provider: two, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n", provider_lines(""), stub_port);
	struct asked q;

	setenv("OTHER_KEY", "  ", 1);		/* empty counts as unset */
	route(yaml);
	ck_assert_str_eq(ask("t").text, HELLO);
	setenv("OTHER_KEY", "wrong-key-123456", 1);
	route(yaml);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_AUTH);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "strict: wrong key"));	/* the stub quotes it */
	ck_assert_ptr_null(strstr(q.err.msg, "wrong-key-123456"));
	setenv("OTHER_KEY", "a-key\nNEXT=line", 1);
	route(yaml);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "the value of OTHER_KEY contains"));
	ck_assert_ptr_null(strstr(q.err.msg, "a-key"));
}
END_TEST

START_TEST(an_address_from_the_environment)
{
	const char *yaml = arena_printf(arena, "%s  local: {wire: openai, base_url_env: [STUB_URL], key_env: [STUB_KEY]}\n"
		"models:\n  a: {provider: local, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n", provider_lines(""));

	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "STUB_URL is not set"));
	setenv("STUB_URL", "http://models.example/v1", 1);
	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "unencrypted"));
	setenv("STUB_URL", "http://127.0.0.1.example/v1", 1);
	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "unencrypted"));
	setenv("STUB_URL", arena_printf(arena, "http://127.0.0.1:%d/v1//", stub_port), 1);
	route(yaml);
	ck_assert_str_eq(ask("t").text, HELLO);
}
END_TEST

START_TEST(a_schema_is_sent_or_told)
{
	const struct json *schema;
	struct asked q;

	ck_assert_int_eq(json_parse(arena, STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"), NULL, &schema, NULL), 0);
	route_fault("echo", "stub", false);		/* can: [json]: strict checks of response_format */
	start(&q, "t", "question", schema, 0);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "question");
	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/echo\", price: free}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	start(&q, "t", "question", schema, 0);
	finish(&q);
	ck_assert_str_eq(q.text, "question");
	ck_assert_int_gt(q.usage.in_fresh, 60);		/* the schema went along in the messages */
}
END_TEST

START_TEST(what_is_configured)
{
	const struct routing *r;
	const struct json *d;

	route_fault("plain", "unset", true);
	r = routing_parse(arena, "r.yaml", str_from(arena_printf(arena, "%smodels:\n"
		"  a: {provider: unset, id: x, price: free}\n  b: {provider: stub, id: x, price: free}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}]}\n", provider_lines(""))), diags);
	d = gateway_describe(arena, r, NULL);
	ck_assert_msg(str_is(json_text(arena, d), arena_printf(arena,
		"{\"t\":[{\"model\":\"a\",\"provider\":\"unset\",\"configured\":false,\"key_env\":\"OTHER_KEY\",\"key_fingerprint\":null,"
		"\"base_url\":null,\"reason\":\"OTHER_KEY is not set\",\"warning\":null,\"left_out\":null},"
		"{\"model\":\"b\",\"provider\":\"stub\",\"configured\":true,\"key_env\":\"STUB_KEY\",\"key_fingerprint\":\"c871f067\","
		"\"base_url\":\"http://127.0.0.1:%d/v1\",\"reason\":null,\"warning\":null,\"left_out\":null}]}", stub_port)),
		STR_FMT, STR_ARG(json_text(arena, d)));
}
END_TEST

/* Every tier that is shipped answers on a machine without any account. */
START_TEST(the_shipped_routing_answers)
{
	static const char *const names[] = {"OPENROUTER_API_KEY", "GOOGLE_AI_STUDIO_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY",
		"OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "AGENTD_LOCAL_BASE_URL"};
	static const char *const tiers[] = {"free", "cheap", "strong"};
	const char *path = arena_printf(arena, "%s/policies/routing.yaml", getenv("top_srcdir"));
	const struct routing *r;
	char text[32768];
	size_t n;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	r = routing_parse(arena, path, (struct str){text, n}, diags);
	ck_assert_ptr_nonnull(r);
	gateway_set_routing(gateway, r);
	for (size_t i = 0; i < 3; i++) {
		struct asked q;

		start(&q, tiers[i], "Summarise this.\n\n---\nA first sentence. A second one. A third.", NULL, 0);
		finish(&q);
		ck_assert_msg(q.err.code == ERR_NONE, "%s: %s", tiers[i], q.err.msg);
		ck_assert_str_eq(q.text, "A first sentence. A second one.");
		ck_assert_int_eq(q.cost_pusd, 0);
	}
	/* and with one key the recording is left alone */
	setenv("OPENAI_API_KEY", "sk-none-0123456789", 1);
	setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", 1);
	gateway_set_routing(gateway, r);
	ck_assert_int_eq(ask("cheap").err.code, ERR_MODEL_NETWORK);
}
END_TEST

/* --- tools --- */

static void route_script(void)
{
	route(arena_printf(arena, "%smodels:\n"
		"  plain: {provider: stub, id: \"stub/script\", price: free, can: [json]}\n"
		"  able: {provider: stub, id: \"stub/script\", max_output: 100, can: [tools], " PRICE "}\n"
		"tiers:\n"
		"  t: {steps: [{model: plain}, {model: able}]}\n"
		"  unable: {steps: [{model: plain}]}\n", provider_lines("")));
}

/* The answer as a turn, and a result for each of its calls. */
static size_t add_turn(struct message *m, size_t n, const struct asked *q)
{
	m[n++] = (struct message){.role = ROLE_ASSISTANT, .text = str_from(q->text), .calls = q->tool_calls, .n_calls = q->n_tool_calls};
	for (size_t i = 0; i < q->n_tool_calls; i++)
		m[n++] = (struct message){.role = ROLE_TOOL, .call_id = q->tool_calls[i].id,
					  .text = str_from(arena_printf(arena, "result %zu", i + 1))};
	return n;
}

static void expect_call(const struct asked *q, size_t i, const char *id, const char *name, const char *args)
{
	ck_assert_uint_lt(i, q->n_tool_calls);
	ck_assert_msg(str_is(q->tool_calls[i].id, id) && str_is(q->tool_calls[i].name, name) && str_is(q->tool_calls[i].args, args),
		      STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(q->tool_calls[i].id), STR_ARG(q->tool_calls[i].name),
		      STR_ARG(q->tool_calls[i].args));
}

/* Three turns: parallel calls, one without arguments and one malformed; then text and a call; then the end. */
START_TEST(a_conversation_with_tools)
{
	struct message m[16] = {{.role = ROLE_SYSTEM, .text = STR("be brief")}, {.role = ROLE_USER, .text = STR("Find out.\n"
		"@call kb_read {\"id\": \"gr\xC3\xBC\xC3\x9F\"}\n@call now\n@call kb.read {oops\n"
		"@turn\n@say I look.\n@call now {}\n"
		"@turn\n@results\n")}};
	size_t n = 2;
	struct asked q;

	route_script();
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "");
	ck_assert_str_eq(q.finish, "tool_calls");
	ck_assert_uint_eq(q.n_tool_calls, 3);
	expect_call(&q, 0, "call_1_1", "kb_read", "{\"id\": \"gr\xC3\xBC\xC3\x9F\"}");
	expect_call(&q, 1, "call_1_2", "now", "{}");
	expect_call(&q, 2, "call_1_3", "kb.read", "{oops");

	n = add_turn(m, n, &q);
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "I look.");
	ck_assert_uint_eq(q.n_tool_calls, 1);
	expect_call(&q, 0, "call_2_1", "now", "{}");

	n = add_turn(m, n, &q);
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "result 1");
	ck_assert_str_eq(q.finish, "stop");
	ck_assert_uint_eq(q.n_tool_calls, 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ok/computed/200 ");	/* of the able model: it has a price */
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(calls_of_a_server_that_tells_little)
{
	struct message m = {.role = ROLE_USER, .text = STR("go")};
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  m: {provider: stub, id: \"stub/tools-noindex\", price: free, can: [tools]}\n"
		"tiers:\n  t: {steps: [{model: m}]}\n", provider_lines("")));
	start_talk(&q, "t", &m, 1, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_uint_gt(q.n_tool_calls, 0);
}
END_TEST

START_TEST(tools_need_a_model_that_can_use_them)
{
	struct message m = {.role = ROLE_USER, .text = STR("go")};
	struct asked q;

	route_script();
	start_talk(&q, "unable", &m, 1, 2);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_msg(strstr(q.err.msg, "plain: it is not declared to use tools (can: [tools])") != NULL, "%s", q.err.msg);
	start_talk(&q, "unable", &m, 1, 0);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
}
END_TEST

START_TEST(half_a_conversation_costs_nothing)
{
	const struct tool_call call = {.id = STR("a"), .name = STR("now"), .args = STR("{}")};
	struct message m[] = {{.role = ROLE_USER, .text = STR("go")}, {.role = ROLE_ASSISTANT, .calls = &call, .n_calls = 1}};
	struct asked q;

	route_script();
	start_talk(&q, "t", m, 2, 2);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_INVALID_REQUEST);
	ck_assert_int_eq(bank.n_moves, 0);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

/* The stub is as strict as the strictest provider: else the tests above would prove little. */
START_TEST(the_stub_refuses_what_providers_refuse)
{
	static const struct {
		const char *body, *wrong;
	} refused[] = {
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}],"
#define CALLED(id, args) "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\"," \
	"\"function\":{\"name\":\"f\",\"arguments\":\"" args "\"}}]}"
#define ANSWERED(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define SAID "{\"role\":\"user\",\"content\":\"x\"}"
		{TOOLS "\"messages\":[" CALLED("a", "{}") "]", "\"a\" has no answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," SAID "," ANSWERED("a") "]", "\"a\" has no answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," ANSWERED("a") "]", "answered twice"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("b") "]", "must answer a preceding tool call"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," CALLED("b", "{}") "," ANSWERED("a") "]", "must answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," CALLED("a", "{}") "," ANSWERED("a") "]", "\"a\" twice"},
		{TOOLS "\"messages\":[" CALLED("a", "{oops") "," ANSWERED("a") "]", "no text of an object"},
		{"\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "]", "without tools"},
		{"\"tools\":[],\"messages\":[" SAID "]", "empty or too long"},
		{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"messages\":[" SAID "]", "not of type object"},
		{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f.g\"}}],\"messages\":[" SAID "]", "does not fit"},
	};
	const char *body = arena_printf(arena, "{\"model\":\"m\",\"stream\":true,%s}", refused[_i].body);
	const struct json *v;
	const char *wrong;

	ck_assert_int_eq(json_parse(arena, str_from(body), NULL, &v, NULL), 0);
	wrong = strict_check(arena, v);
	ck_assert_msg(wrong && strstr(wrong, refused[_i].wrong), "%s: %s", body, wrong ? wrong : "taken");
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("gateway");
	TCase *t = tcase_create("gateway");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, text_comes_as_it_is_made, 0, COUNT(spoken));
	tcase_add_test(t, who_leaves_while_it_comes_is_settled);
	tcase_add_test(t, a_paid_call_is_reserved_and_settled);
	tcase_add_test(t, a_free_model_takes_no_hold);
	tcase_add_test(t, a_hold_rides_with_the_failed_call);
	tcase_add_test(t, an_estimate_can_use_up_the_budget);
	tcase_add_test(t, the_charge_of_a_router_counts);
	tcase_add_test(t, no_bound_no_call);
	tcase_add_test(t, money_held_by_a_sibling_is_waited_for);
	tcase_add_test(t, a_lost_lease_stops_it);
	tcase_add_test(t, a_closed_store_stops_it);
	tcase_add_test(t, cancel_aborts_and_settles);
	tcase_add_test(t, cancel_while_it_waits);
	tcase_add_test(t, the_deadline_bounds_all_attempts);
	tcase_add_test(t, the_line_is_first_in_first_out);
	tcase_add_test(t, no_route_says_why);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, keys_in_order_of_precedence);
	tcase_add_test(t, an_address_from_the_environment);
	tcase_add_test(t, a_schema_is_sent_or_told);
	tcase_add_test(t, what_is_configured);
	tcase_add_test(t, a_conversation_with_tools);
	tcase_add_test(t, calls_of_a_server_that_tells_little);
	tcase_add_test(t, tools_need_a_model_that_can_use_them);
	tcase_add_test(t, half_a_conversation_costs_nothing);
	tcase_add_loop_test(t, the_stub_refuses_what_providers_refuse, 0, 11);
	tcase_add_test(t, the_shipped_routing_answers);
	suite_add_tcase(s, t);
	return suite_run(s);
}
