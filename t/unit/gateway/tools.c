/* tools.c - questions with tools: what is refused, what is written, what is counted, what is given back. */
#include "gateway/request.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/openai_answer.h"
#include "gateway/openai_question.h"
#include "gateway/spend.h"
#include "gateway/wire.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define COUNT(v) (sizeof(v) / sizeof(v)[0])
#define USER(t) {.role = ROLE_USER, .text = {t, sizeof(t) - 1}}
#define SAYS(t) {.role = ROLE_ASSISTANT, .text = {t, sizeof(t) - 1}}
#define CALLS(v) {.role = ROLE_ASSISTANT, .calls = v, .n_calls = COUNT(v)}
#define RESULT(id, t) {.role = ROLE_TOOL, .call_id = {id, sizeof(id) - 1}, .text = {t, sizeof(t) - 1}}
#define CALL(id, n, a) {{id, sizeof(id) - 1}, {n, sizeof(n) - 1}, {a, sizeof(a) - 1}}

static const struct tool_call one[] = {CALL("a", "kb_read", "{\"id\":1}")};
static const struct tool_call two[] = {CALL("a", "kb_read", "{\"id\":1}"), CALL("b", "kb_read", "")};
static const struct tool_call twins[] = {CALL("a", "kb_read", "{}"), CALL("a", "kb_read", "{}")};
static const struct tool_call no_id[] = {CALL("", "kb_read", "{}")};
static const struct tool_call no_name[] = {CALL("a", "", "{}")};

/* --- conversations --- */

static const struct {
	const char *wrong;	/* NULL: nothing */
	struct message m[6];
	size_t n;
	bool no_tools;
} talks[] = {
	{NULL, {USER("q")}, 1, false},
	{NULL, {USER("q"), CALLS(two), RESULT("b", "x"), RESULT("a", "y")}, 4, false},
	{NULL, {USER("q"), CALLS(one), RESULT("a", "x"), CALLS(one), RESULT("a", "y"), USER("r")}, 6, false},
	{NULL, {USER("q"), SAYS("no"), USER("r")}, 3, true},
	{"made 2 tool calls and has 1 results", {USER("q"), CALLS(two), RESULT("b", "x")}, 3, false},
	{"made 1 tool calls and has 0 results", {USER("q"), CALLS(one), USER("r")}, 3, false},
	{"made 1 tool calls and has 0 results", {USER("q"), CALLS(one)}, 2, false},
	{"made 2 tool calls and has 1 results", {USER("q"), CALLS(two), RESULT("a", "x"), CALLS(one), RESULT("a", "x")}, 5, false},
	{"\"a\" has two results", {USER("q"), CALLS(two), RESULT("a", "x"), RESULT("a", "y")}, 4, false},
	{"\"a\" has two results", {USER("q"), CALLS(twins), RESULT("a", "x"), RESULT("a", "y")}, 4, false},
	{"message 2 is the result of tool call \"c\", which was not made", {USER("q"), CALLS(one), RESULT("c", "x")}, 3, false},
	{"message 1 is the result of tool call \"a\", which was not made", {USER("q"), RESULT("a", "x")}, 2, false},
	{"message 0 is the result", {RESULT("a", "x")}, 1, false},
	{"no id or no name", {USER("q"), CALLS(no_id), RESULT("", "x")}, 3, false},
	{"no id or no name", {USER("q"), CALLS(no_name), RESULT("a", "x")}, 3, false},
	{"no tools are offered", {USER("q"), CALLS(one), RESULT("a", "x")}, 3, true},
	{"is not the assistant's", {{.role = ROLE_USER, .calls = one, .n_calls = 1}, RESULT("a", "x")}, 2, false},
};

START_TEST(conversations_must_be_whole)
{
	const struct model_tool tool = {.name = STR("kb_read")};
	struct model_request req = {.messages = talks[_i].m, .n_messages = talks[_i].n, .tools = &tool, .n_tools = !talks[_i].no_tools};
	struct err err;
	int status = request_check(&req, &err);

	ck_assert_int_eq(status, talks[_i].wrong ? -1 : 0);
	if (talks[_i].wrong) {
		ck_assert_int_eq(err.code, ERR_MODEL_INVALID_REQUEST);
		ck_assert_msg(strstr(err.msg, talks[_i].wrong) != NULL, "%s", err.msg);
	}
}
END_TEST

static const struct {
	const char *wrong, *name, *args;
} offers[] = {
	{NULL, "kb_read", NULL},
	{NULL, "A-z_9", "{\"type\":\"object\"}"},
	{NULL, "x", "{\"properties\":{}}"},
	{"tool name \"\"", "", NULL},
	{"tool name \"kb.read\"", "kb.read", NULL},
	{"tool name", "0123456789012345678901234567890123456789012345678901234567890123x", NULL},
	{"not of type object", "x", "{\"type\":\"string\"}"},
	{"not of type object", "x", "{\"type\":[\"object\"]}"},
	{"not of type object", "x", "true"},
	{"\"other\" is offered twice", "other", NULL},
};

START_TEST(tools_must_be_such_that_all_take_them)
{
	const struct model_tool tools[] = {{.name = STR("other")},
					   {.name = str_from(offers[_i].name), .args = offers[_i].args ? parse(offers[_i].args) : NULL}};
	struct model_request req = {.tools = tools, .n_tools = 2};
	struct err err;

	ck_assert_int_eq(request_check(&req, &err), offers[_i].wrong ? -1 : 0);
	if (offers[_i].wrong)
		ck_assert_msg(strstr(err.msg, offers[_i].wrong) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(not_too_many_tools)
{
	struct model_tool tools[TOOLS_MAX + 1];
	struct model_request req = {.tools = tools, .n_tools = TOOLS_MAX};
	struct err err;

	for (int i = 0; i <= TOOLS_MAX; i++)
		tools[i] = (struct model_tool){.name = str_from(arena_printf(a, "t%d", i))};
	ck_assert_int_eq(request_check(&req, &err), 0);
	req.n_tools++;
	ck_assert_int_eq(request_check(&req, &err), -1);
}
END_TEST

/* Nothing of the copy is shared, but what a caller never gives back. */
START_TEST(a_copy_is_of_its_own)
{
	const struct message m[] = {{.role = ROLE_ASSISTANT, .text = STR("t"), .calls = one, .n_calls = 1, .echo = STR("e")}, RESULT("a", "x")};
	const struct model_tool tool = {.name = STR("n"), .description = STR("d"), .args = parse("{\"a\":1}")};
	const struct spend_limit limit = {STR("p"), 7};
	const struct model_request from = {.path = STR("path"), .tier = STR("t"), .facts = parse("{}"), .output = parse("{\"b\":1}"), .messages = m,
					   .n_messages = 2, .tools = &tool, .n_tools = 1, .limits = &limit, .n_limits = 1};
	struct model_request to = request_copy(a, &from);
	const struct str pairs[][2] = {
		{from.path, to.path}, {from.tier, to.tier}, {m[0].text, to.messages[0].text}, {m[0].echo, to.messages[0].echo},
		{one[0].id, to.messages[0].calls[0].id}, {one[0].name, to.messages[0].calls[0].name},
		{one[0].args, to.messages[0].calls[0].args}, {m[1].call_id, to.messages[1].call_id}, {m[1].text, to.messages[1].text},
		{tool.name, to.tools[0].name}, {tool.description, to.tools[0].description}, {limit.path, to.limits[0].path},
	};

	for (size_t i = 0; i < COUNT(pairs); i++)
		ck_assert_msg(str_eq(pairs[i][0], pairs[i][1]) && pairs[i][0].p != pairs[i][1].p, "%zu", i);
	ck_assert(to.tools[0].args != tool.args && json_equal(to.tools[0].args, tool.args));
	ck_assert(to.output != from.output && json_equal(to.output, from.output));
	ck_assert(to.messages[1].role == ROLE_TOOL && to.limits[0].limit_pusd == 7 && !to.facts);
}
END_TEST

START_TEST(all_of_it_counts)
{
	struct message m[] = {USER("abc"), CALLS(two), RESULT("a", "0123456789"), RESULT("b", "")};
	struct model_tool tool = {.name = STR("kb_read"), .description = STR("reads"), .args = parse("{\"type\":\"object\"}")};
	struct model_request req = {.messages = m, .n_messages = 4, .tools = &tool, .n_tools = 1};
	/* text, calls, results with their ids, the tool */
	int64_t bytes = 3 + (1 + 7 + 8) + (1 + 7) + (1 + 10) + 1 + (7 + 5 + 17);

	ck_assert_int_eq(spend_input_tokens(&req), (bytes + 2) / 3 + (4 + 2 + 1) * TOKENS_PER_MESSAGE + TOKENS_PER_REQUEST);
	m[1].echo = STR("0123456789ab");
	ck_assert_int_eq(spend_input_tokens(&req), (bytes + 14) / 3 + (4 + 2 + 1) * TOKENS_PER_MESSAGE + TOKENS_PER_REQUEST);
}
END_TEST

/* --- what is written --- */

static struct provider provider = {.name = {"p", 1}};
static struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .can = CAN_TOOLS};

static const struct json *write_question(enum wire_kind wire, const char *base_url, const struct message *m, size_t n,
					 const struct model_tool *tools, size_t n_tools)
{
	struct endpoint e = {.provider = &provider, .base_url = base_url};
	struct wire_request req = {.endpoint = &e, .model = &model, .messages = m, .n_messages = n, .tools = tools, .n_tools = n_tools,
				   .temperature = -1};

	provider.wire = wire;
	return parse(str_cstr(a, openai_question(a, &req)));
}

static void expect(const struct json *question, const char *key, const char *text)
{
	struct str is = json_text(a, json_getc(question, key));

	ck_assert_msg(str_is(is, text), "%s: " STR_FMT, key, STR_ARG(is));
}

START_TEST(the_body_of_a_question)
{
	const struct tool_call wild[] = {CALL("a", "web.fetch it!", "{oops"), CALL("b", "f", " "), CALL("c", "f", "[1]"), CALL("d", "f", " {} ")};
	const struct message m[] = {USER("q"), {.role = ROLE_ASSISTANT, .text = STR("I \"look\""), .calls = one, .n_calls = 1},
				    RESULT("a", "12"), CALLS(wild), RESULT("a", ""), RESULT("b", ""), RESULT("c", ""), RESULT("d", ""), SAYS("done")};
	const struct model_tool tools[] = {{.name = STR("kb_read"), .description = STR("reads"), .args = parse("{\"type\":\"object\",\"x\":1}")},
					   {.name = STR("now")}, {.name = STR("y"), .args = parse("{\"required\":[\"a\"]}")}};
	const struct json *v = write_question(WIRE_OPENAI, "http://x/v1", m, COUNT(m), tools, 3);

	expect(v, "tools",
	       "[{\"type\":\"function\",\"function\":{\"name\":\"kb_read\",\"description\":\"reads\",\"parameters\":{\"type\":\"object\",\"x\":1}}},"
	       "{\"type\":\"function\",\"function\":{\"name\":\"now\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}},"
	       "{\"type\":\"function\",\"function\":{\"name\":\"y\",\"parameters\":{\"type\":\"object\",\"required\":[\"a\"]}}}]");
	expect(v, "messages",
	       "[{\"role\":\"user\",\"content\":\"q\"},"
	       "{\"role\":\"assistant\",\"content\":\"I \\\"look\\\"\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"kb_read\","
	       "\"arguments\":\"{\\\"id\\\":1}\"}}]},"
	       "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"12\"},"
	       "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
	       "{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"web_fetch_it_\",\"arguments\":\"{\\\"invalid_arguments\\\":\\\"{oops\\\"}\"}},"
	       "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	       "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"invalid_arguments\\\":\\\"[1]\\\"}\"}},"
	       "{\"id\":\"d\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
	       "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"\"},{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"\"},"
	       "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"\"},{\"role\":\"tool\",\"tool_call_id\":\"d\",\"content\":\"\"},"
	       "{\"role\":\"assistant\",\"content\":\"done\"}]");
	ck_assert_ptr_null(json_getc(v, "provider"));
	expect(write_question(WIRE_OPENROUTER, "http://x/v1", m, 1, tools, 1), "provider", "{\"require_parameters\":true}");
	v = write_question(WIRE_OPENROUTER, "http://x/v1", m, 1, NULL, 0);
	ck_assert(!json_getc(v, "provider") && !json_getc(v, "tools"));
}
END_TEST

START_TEST(long_ids_are_shortened_for_openai)
{
	const struct tool_call calls[] = {CALL("chatcmpl-tool-0123456789abcdef0123456789abcdef", "f", "{}")};
	const struct message m[] = {CALLS(calls), {.role = ROLE_TOOL, .call_id = calls[0].id}};
	const struct model_tool tool = {.name = STR("f")};
	const struct json *v = json_getc(write_question(WIRE_OPENAI, "https://api.openai.com/v1", m, 2, &tool, 1), "messages");
	struct str id = json_str(json_getc(json_at(json_getc(json_at(v, 0), "tool_calls"), 0), "id"));

	ck_assert_uint_eq(id.n, 37);
	ck_assert(str_starts(id, STR("call_")));
	ck_assert(str_eq(id, json_str(json_getc(json_at(v, 1), "tool_call_id"))));
	v = json_getc(write_question(WIRE_OPENAI, "http://x/v1", m, 2, &tool, 1), "messages");
	ck_assert(str_eq(json_str(json_getc(json_at(v, 1), "tool_call_id")), calls[0].id));
}
END_TEST

/* --- what goes back with a turn --- */

#define EVENT(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"
#define F(index, more) "{\"tool_calls\":[{\"index\":" #index ",\"id\":\"c" #index "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}" more "}]}"

static const char signed_answer[] =
	EVENT("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,\"text\":\"I th\",\"format\":\"x\"}]}")
	EVENT("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,\"text\":\"ink\",\"format\":\"x\",\"signature\":null}]}")
	EVENT("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,\"signature\":\"S\"},{\"type\":\"reasoning.encrypted\",\"data\":\"D\"}]}")
	EVENT(F(0, ",\"extra_content\":{\"google\":{\"thought_signature\":\"sig\"}}")) EVENT(F(1, "")) END;

static struct str decode(const char *text, const struct model *m)
{
	struct openai_decoder *d = openai_decoder_new(a, m, false);
	struct err err;

	ck_assert_int_eq(openai_decoder_piece(d, str_from(text), &err), 0);
	ck_assert_int_eq(openai_decoder_end(d, &err), 0);
	return openai_decoder_answer(d)->echo;
}

static const struct json *turn_with(struct str echo)
{
	const struct tool_call calls[] = {CALL("c0", "f", "{}"), CALL("c1", "f", "{}")};
	const struct message m[] = {{.role = ROLE_ASSISTANT, .calls = calls, .n_calls = 2, .echo = echo}, RESULT("c0", ""), RESULT("c1", "")};
	const struct model_tool tool = {.name = STR("f")};

	return json_at(json_getc(write_question(WIRE_OPENROUTER, "http://x/v1", m, 3, &tool, 1), "messages"), 0);
}

START_TEST(signatures_go_back_to_the_model_that_made_them)
{
	struct str echo = decode(signed_answer, &model);
	struct model other = model;
	const struct json *turn = turn_with(echo);

	expect(turn, "reasoning_details", "[{\"type\":\"reasoning.text\",\"index\":0,\"format\":\"x\",\"signature\":\"S\",\"text\":\"I think\"},"
	       "{\"type\":\"reasoning.encrypted\",\"data\":\"D\"}]");
	expect(json_at(json_getc(turn, "tool_calls"), 0), "extra_content", "{\"google\":{\"thought_signature\":\"sig\"}}");
	ck_assert_ptr_null(json_getc(json_at(json_getc(turn, "tool_calls"), 1), "extra_content"));

	other.id = STR("other");
	turn = turn_with(decode(signed_answer, &other));
	ck_assert_ptr_null(json_getc(turn, "reasoning_details"));
	ck_assert_ptr_null(json_getc(json_at(json_getc(turn, "tool_calls"), 0), "extra_content"));
}
END_TEST

START_TEST(no_signatures_no_echo)
{
	struct buf b;

	ck_assert_uint_eq(decode(EVENT(F(0, "")) END, &model).n, 0);
	ck_assert_uint_eq(decode(signed_answer, NULL).n, 0);
	ck_assert_uint_eq(decode(EVENT("{\"reasoning_details\":[7,{}],\"tool_calls\":[]}") EVENT(F(0, ",\"extra_content\":null")) END, &model).n,
			  strlen("{\"model\":\"p/id\",\"reasoning_details\":[{}]}"));
	ck_assert_ptr_null(json_getc(turn_with(STR("{broken")), "reasoning_details"));
	/* one over its bound is dropped, the answer stands */
	buf_init(&b, a);
	for (int i = 0; i < 20; i++) {
		buf_adds(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_details\":[{\"index\":1,\"text\":\"");
		for (int k = 0; k < 60000; k++)
			buf_addc(&b, 'x');
		buf_adds(&b, "\"}]}}]}\n\n");
	}
	buf_adds(&b, EVENT(F(0, "")) END);
	ck_assert_uint_eq(decode(buf_cstr(&b), &model).n, 0);
}
END_TEST

static size_t echo_of_keys(int n)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_details\":[{");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s\"k%d\":1", i ? "," : "", i);
	buf_adds(&b, "}]}}]}\n\n" EVENT(F(0, "")) END);
	return decode(buf_cstr(&b), &model).n;
}

START_TEST(a_detail_of_too_many_keys_is_no_echo)
{
	ck_assert_uint_gt(echo_of_keys(64), 0);
	ck_assert_uint_eq(echo_of_keys(65), 0);
	ck_assert_uint_eq(echo_of_keys(20000), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools");
	TCase *t = tcase_create("tools");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, conversations_must_be_whole, 0, COUNT(talks));
	tcase_add_loop_test(t, tools_must_be_such_that_all_take_them, 0, COUNT(offers));
	tcase_add_test(t, not_too_many_tools);
	tcase_add_test(t, a_copy_is_of_its_own);
	tcase_add_test(t, all_of_it_counts);
	tcase_add_test(t, the_body_of_a_question);
	tcase_add_test(t, long_ids_are_shortened_for_openai);
	tcase_add_test(t, signatures_go_back_to_the_model_that_made_them);
	tcase_add_test(t, no_signatures_no_echo);
	tcase_add_test(t, a_detail_of_too_many_keys_is_no_echo);
	suite_add_tcase(s, t);
	return suite_run(s);
}
