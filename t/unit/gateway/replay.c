/* replay.c - recorded replies: reading, matching, extracts, shapes, and the demonstration that is shipped. */
#include "gateway/wire_replay.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "gateway/replay_extract.h"
#include "gateway/wire.h"
#include "../suite_run.h"
#include "../test_arena.h"

/* --- reading --- */

static const struct {
	const char *text, *message;
} bad[] = {
	{"", "r.json: "},
	{"[]", "r.json: expected an object"},
	{"{}", "r.json: \"replies\""},
	{"{\"replies\":[]}", "at least one"},
	{"{\"replies\":[{}]}", "replies[0]: match: expected an object"},
	{"{\"replies\":[{\"match\":{}}]}", "either \"reply\" or \"error\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"text\":\"a\"},\"error\":{\"type\":\"model.auth\"}}]}", "either"},
	{"{\"replies\":[{\"match\":{\"contain\":\"a\"},\"reply\":{\"text\":\"a\"}}]}", "unknown key \"contain\""},
	{"{\"replies\":[{\"match\":{\"contains\":5},\"reply\":{\"text\":\"a\"}}]}", "\"contains\""},
	{"{\"replies\":[{\"match\":{\"regex\":\"(\"},\"reply\":{\"text\":\"a\"}}]}", "\"regex\": missing"},
	{"{\"replies\":[{\"match\":{\"attempt\":-1},\"reply\":{\"text\":\"a\"}}]}", "\"attempt\": expected an integer"},
	{"{\"replies\":[{\"match\":{\"output\":1},\"reply\":{\"text\":\"a\"}}]}", "true or false"},
	{"{\"replies\":[{\"match\":{\"tools\":\"x\"},\"reply\":{\"text\":\"a\"}}]}", "\"tools\": expected true or false"},
	{"{\"replies\":[{\"match\":{\"turn\":\"x\"},\"reply\":{\"text\":\"a\"}}]}", "\"turn\": expected an integer"},
	{"{\"replies\":[{\"match\":{\"called\":[\"\"]},\"reply\":{\"text\":\"a\"}}]}", "\"called\""},
	{"{\"replies\":[{\"match\":{\"result\":7},\"reply\":{\"text\":\"a\"}}]}", "\"result\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[]}}]}", "an array of 1 to 128 calls"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":{\"name\":\"f\"}}}]}", "an array of 1 to 128 calls"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\"}],\"json\":1}}]}", "only \"text\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\"}],\"text\":1}}]}", "\"text\": expected string"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\"},{\"args\":{}}]}}]}", "reply: calls[1]: \"name\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\",\"arg\":{}}]}}]}", "unknown key \"arg\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\",\"args\":[]}]}}]}", "\"args\": expected an object, got array"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\",\"args\":{},\"args_text\":\"\"}]}}]}", "not both"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"f\",\"args\":{\"a\":{\"found\":\"(\"}}}]}}]}", "\"found\": missing"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"json\":{\"found\":1}}}]}", "\"found\": expected string"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"extract\":{\"from\":\"answers\"}}}]}", "expected question or results"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"extract\":{\"result\":2}}}]}", "\"result\" needs \"from\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{}}]}", "exactly one of"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"text\":\"a\",\"json\":1}}]}", "exactly one of"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"extract\":{\"sentence\":1}}}]}", "unknown key \"sentence\""},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"json\":{\"a\":[{\"extract\":{\"words\":\"x\"}}]}}}]}", "\"words\""},
	{"{\"replies\":[{\"match\":{},\"error\":{\"type\":\"tool.failed\"}}]}", "expected model.CLASS"},
	{"{\"replies\":[{\"match\":{},\"error\":{\"type\":\"model.nonsense\"}}]}", "expected model.CLASS"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"text\":\"a\"},\"usage\":{\"tokens\":1}}]}", "usage: unknown key"},
	{"{\"replies\":[{\"match\":{},\"reply\":{\"text\":\"a\"},\"delay_ms\":\"1s\"}]}", "\"delay_ms\""},
};

START_TEST(mistakes_are_named)
{
	const struct replay *r;
	struct err err;

	ck_assert_int_eq(replay_parse(a, str_from(bad[_i].text), "r.json", &r, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strstr(err.msg, bad[_i].message) && strncmp(err.msg, "r.json: ", 8) == 0, "%s", err.msg);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
	const struct replay *r;
	struct err err;

	ck_assert_int_eq(replay_parse(a, STR_NONE, "r.json", &r, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "r.json: there is no such file"));
}
END_TEST

/* --- asking --- */

static struct provider provider = {.name = {"recorded", 8}, .wire = WIRE_REPLAY};
static struct model model = {.name = {"recorded", 8}, .id = {"demo", 4}, .provider = &provider};

static int ask_all(const char *recording, struct wire_request *req, struct wire_answer *ret, struct err *err)
{
	static struct endpoint endpoint;

	endpoint = (struct endpoint){.provider = &provider, .configured = true};
	ck_assert_int_eq(replay_parse(a, str_from(recording), "r.json", &endpoint.replay, err), 0);
	req->endpoint = &endpoint;
	req->model = &model;
	return replay_answer(a, req, ret, err);
}

static int ask(const char *recording, struct wire_request *req, struct str *ret, struct err *err)
{
	struct wire_answer answer;
	int status = ask_all(recording, req, &answer, err);

	*ret = answer.text;
	return status;
}

static const char recording[] =
	"{\"about\":\"x\",\"replies\":["
	"{\"match\":{\"tier\":\"strong\"},\"reply\":{\"text\":\"strong\"}},"
	"{\"match\":{\"model\":\"other\"},\"reply\":{\"text\":\"never\"}},"
	"{\"match\":{\"contains\":[\"red\",\"blue\"]},\"reply\":{\"text\":\"both\"}},"
	"{\"match\":{\"regex\":\"^gr[ae]y\\\\b\"},\"reply\":{\"text\":\"grey\"}},"
	"{\"match\":{\"contains\":\"busy\",\"attempt\":1},\"error\":{\"type\":\"model.overloaded\",\"message\":\"wait\",\"status\":503,\"retry_after_ms\":5}},"
	"{\"match\":{\"contains\":\"busy\"},\"reply\":{\"text\":\"free\"}},"
	"{\"match\":{\"output\":true},\"reply\":{\"json\":{\"n\":1,\"s\":{\"extract\":{\"words\":2}}}}},"
	"{\"match\":{\"model\":\"demo\",\"contains\":\"green\"},\"reply\":{\"text\":\"by id\"}}"
	"]}";

static const struct {
	const char *tier, *message;
	int attempt;
	bool output;
	const char *reply;	/* NULL: an error */
	enum err_code code;
} questions[] = {
	{"strong", "anything", 1, false, "strong", ERR_NONE},
	{"cheap", "red and blue", 1, false, "both", ERR_NONE},
	{"cheap", "gray sky", 1, false, "grey", ERR_NONE},
	{"cheap", "busy", 1, false, NULL, ERR_MODEL_OVERLOADED},
	{"cheap", "busy", 2, false, "free", ERR_NONE},
	{"cheap", "one two three", 1, true, "{\"n\":1,\"s\":\"one two ...\"}", ERR_NONE},
	{"cheap", "green", 1, false, "by id", ERR_NONE},
	{"cheap", "red", 1, false, NULL, ERR_MODEL_NOT_FOUND},
};

START_TEST(the_first_match_answers)
{
	struct message m[] = {{.role = ROLE_USER, .text = str_from(questions[_i].message)}, {.role = ROLE_ASSISTANT, .text = STR("red blue busy")}};
	struct wire_request req = {.tier = str_from(questions[_i].tier), .attempt = questions[_i].attempt, .messages = m, .n_messages = 2,
				   .output = questions[_i].output ? parse("{}") : NULL};
	struct str text = STR_NONE;
	struct err err;

	err_clear(&err);
	ck_assert_int_eq(ask(recording, &req, &text, &err), questions[_i].reply ? 0 : -1);
	ck_assert_int_eq(err.code, questions[_i].code);
	if (questions[_i].reply)
		ck_assert_msg(str_is(text, questions[_i].reply), STR_FMT, STR_ARG(text));
	if (err.code == ERR_MODEL_OVERLOADED)
		ck_assert(err.status == 503 && err.retry_after_ms == 5 && err.retryable && strcmp(err.msg, "wait") == 0);
	if (err.code == ERR_MODEL_NOT_FOUND)
		ck_assert_ptr_nonnull(strstr(err.msg, "r.json"));
}
END_TEST

/* A pattern that takes too many steps finds nothing, and the next reply is looked at. */
START_TEST(patterns_are_bounded)
{
	static const char *const patterns[] = {"(a|aa)+$", "a?[a-z]{2000}", "(a+)\\\\1\\\\1[bc]"};
	const char *hostile = arena_printf(a, "{\"replies\":[{\"match\":{\"regex\":\"%s\"},\"reply\":{\"text\":\"never\"}},"
					      "{\"match\":{},\"reply\":{\"json\":{\"found\":\"x?%s\"}}}]}", patterns[_i], patterns[_i]);
	char *question = arena_alloc(a, 1000000);
	struct message m = {.role = ROLE_USER, .text = {question, 1000000}};
	struct wire_request req = {.tier = STR("cheap"), .attempt = 1, .messages = &m, .n_messages = 1};
	struct str text;
	struct err err;

	memset(question, 'a', 1000000);
	for (size_t i = 1999; i < 1000000; i += 2000)
		question[i] = '!';
	ck_assert_int_eq(ask(hostile, &req, &text, &err), 0);
	ck_assert_msg(str_is(text, "\"\""), STR_FMT, STR_ARG(text));
}
END_TEST

/* --- tools --- */

static const char agent_recording[] =
	"{\"replies\":["
	"{\"match\":{\"turn\":9},\"reply\":{\"text\":\"never\"}},"
	"{\"match\":{\"tools\":false},\"reply\":{\"text\":\"no tools\"}},"
	"{\"match\":{\"called\":[\"kb_search\",\"kb_read\"],\"result\":[\"pump\",\"part\"]},"
	" \"reply\":{\"extract\":{\"from\":\"results\",\"sentences\":1}}},"
	"{\"match\":{\"called\":\"kb_read\"},\"reply\":{\"text\":\"nothing found\"}},"
	"{\"match\":{\"called\":\"kb_search\"},\"reply\":{\"calls\":["
	"  {\"name\":\"kb_read\",\"args\":{\"id\":{\"found\":\"\\\"id\\\":\\\"([^\\\"]+)\"},\"n\":2}},{\"name\":\"kb_read\",\"args_text\":\"{oops\"}]}},"
	"{\"match\":{\"turn\":1},\"reply\":{\"text\":\"I look.\",\"calls\":[{\"name\":\"kb_search\",\"args\":{\"words\":{\"extract\":{\"words\":2}}}},"
	"  {\"name\":\"clock\"}]}}"
	"]}";

#define SEARCH (struct message){.role = ROLE_ASSISTANT, .text = STR("I look."), .calls = search, .n_calls = 2}
#define READ (struct message){.role = ROLE_ASSISTANT, .calls = read, .n_calls = 1}
#define RESULT(id, t) (struct message){.role = ROLE_TOOL, .text = STR(t), .call_id = STR(id)}

static const struct tool_call search[] = {{STR("call_1_1"), STR("kb_search"), STR("{}")}, {STR("call_1_2"), STR("clock"), STR("{}")}};
static const struct tool_call read[] = {{STR("call_2_1"), STR("kb_read"), STR("{}")}};

/* calls as name(args) id, after the text */
static const char *told(const struct wire_answer *answer)
{
	struct buf b;

	buf_init(&b, a);
	buf_addf(&b, STR_FMT "|", STR_ARG(answer->text));
	for (size_t i = 0; i < answer->n_calls; i++)
		buf_addf(&b, STR_FMT "(" STR_FMT ") " STR_FMT " ", STR_ARG(answer->calls[i].name), STR_ARG(answer->calls[i].args),
			 STR_ARG(answer->calls[i].id));
	buf_addstr(&b, answer->finish_reason);
	return buf_cstr(&b);
}

static const char *ask_agent(const struct message *m, size_t n, bool has_tools)
{
	static const struct model_tool tools[] = {{.name = STR("kb_search"), .description = STR("finds")}};
	struct wire_request req = {.tier = STR("cheap"), .attempt = 1, .messages = m, .n_messages = n, .tools = tools, .n_tools = has_tools};
	struct wire_answer answer;
	struct err err;

	ck_assert_int_eq(ask_all(agent_recording, &req, &answer, &err), 0);
	return told(&answer);
}

START_TEST(a_recorded_agent_takes_its_turns)
{
	struct message m[] = {{.role = ROLE_USER, .text = STR("Why did it stop?")}, SEARCH, RESULT("call_1_1", "{\"id\":\"doc-7\"}"),
			      RESULT("call_1_2", "noon"), READ, RESULT("call_2_1", "The pump lacks a part. It stands.")};

	ck_assert_str_eq(ask_agent(m, 1, false), "no tools|stop");
	ck_assert_str_eq(ask_agent(m, 1, true), "I look.|kb_search({\"words\":\"Why did ...\"}) call_1_1 clock({}) call_1_2 tool_calls");
	ck_assert_str_eq(ask_agent(m, 4, true), "|kb_read({\"id\":\"doc-7\",\"n\":2}) call_2_1 kb_read({oops) call_2_2 tool_calls");
	ck_assert_str_eq(ask_agent(m, 6, true), "The pump lacks a part.|stop");
	m[5].text = STR("It stands.");
	ck_assert_str_eq(ask_agent(m, 6, true), "nothing found|stop");
}
END_TEST

START_TEST(one_of_several_results_is_copied)
{
	static const char *const texts[] = {"one is here.", "two is here."};
	struct message m[] = {{.role = ROLE_USER, .text = STR("look")}, SEARCH, RESULT("call_1_1", "{\"id\":1,\"text\":\"one is here. It is.\"}"),
			      RESULT("call_1_2", "{\"id\":2,\"text\":\"two is here. It is.\"}")};

	for (int i = 0; i < 2; i++) {
		const char *text = arena_printf(a, "{\"replies\":[{\"match\":{},\"reply\":{\"extract\":{\"from\":\"results\",\"result\":%d,"
						   "\"after\":\"\\\"text\\\":\\\"\",\"sentences\":1}}}]}", i + 1);
		struct wire_request req = {.tier = STR("cheap"), .attempt = 1, .messages = m, .n_messages = 4};
		struct wire_answer answer;
		struct err err;

		ck_assert_int_eq(ask_all(text, &req, &answer, &err), 0);
		ck_assert_msg(str_is(answer.text, texts[i]), STR_FMT, STR_ARG(answer.text));
	}
}
END_TEST

/* A conversation cut at its beginning still gets ids that it does not have. */
START_TEST(ids_are_new_to_the_conversation)
{
	static const struct tool_call cut[] = {{STR("call_2_1"), STR("kb_search"), STR("{}")}};
	struct message m[] = {{.role = ROLE_USER, .text = STR("go on")}, {.role = ROLE_ASSISTANT, .calls = cut, .n_calls = 1},
			      RESULT("call_2_1", "{\"id\":\"x\"}")};

	ck_assert_str_eq(ask_agent(m, 3, true), "|kb_read({\"id\":\"x\",\"n\":2}) call_3_1 kb_read({oops) call_2_2 tool_calls");
}
END_TEST

START_TEST(tools_count_as_tokens)
{
	const char *text = "{\"replies\":[{\"match\":{},\"reply\":{\"calls\":[{\"name\":\"abcd\",\"args\":{\"a\":1}}]}}]}";
	struct model_tool tool = {.name = STR("abcd"), .description = STR("efgh"), .args = parse("{\"a\":12}")};
	struct message m[] = {{.role = ROLE_USER, .text = STR("1234")}, READ, RESULT("call_2_1", "12345")};
	struct wire_request req = {.tier = STR("cheap"), .attempt = 1, .messages = m, .n_messages = 3, .tools = &tool, .n_tools = 1};
	struct wire_answer answer;
	struct err err;

	ck_assert_int_eq(ask_all(text, &req, &answer, &err), 0);
	ck_assert(answer.has_usage);
	ck_assert_int_eq(answer.usage.in_fresh, (4 + 9 + 5 + 4 + 4 + 8 + 3) / 4);
	ck_assert_int_eq(answer.usage.out_text, (4 + 7 + 3) / 4);
}
END_TEST

/* --- copying --- */

static const struct {
	const char *message, *marker;
	size_t sentences, words;
	const char *text;
} extracts[] = {
	{"One. Two! Three?", NULL, 2, 60, "One. Two!"},
	{"Do this:\n\nFirst sentence here. Second.", NULL, 1, 60, "First sentence here."},
	{"Head\n---\nBody one. Body two.\n---\nTail.", "\n---\n", 2, 60, "Body one. Body two."},
	{"no marker. here", "\n---\n", 1, 60, "no marker."},
	{"x\n\n# A Heading\n\nText of\n  the body. More", NULL, 1, 60, "Text of the body."},
	{"x\n\nA Title\n\nText of it. More.", NULL, 1, 60, "Text of it."},
	{"x\n\nIt is so.\n\nText of it. More.", NULL, 1, 60, "It is so."},
	{"x\n\nonly a title", NULL, 1, 60, "only a title"},
	{"x\n\n- item one\n- item two\n", NULL, 2, 60, "item one item two"},
	{"Version 1.5 came out. Yes.", NULL, 1, 60, "Version 1.5 came out."},
	{"one two three four", NULL, 1, 3, "one two three ..."},
	{"{\"text\":\"Not \\\"one\\\"\\nline. Two\",\"n\":1}", "\"text\":\"", 2, 60, "Not \"one\" line. Two"},
	{"{\"text\":\"cut. in", "\"text\":\"", 2, 60, "cut. in"},
	{"", NULL, 2, 60, ""},
	{" \n\n ", NULL, 2, 60, ""},
	{"These are.\n\n[{\"file\":\"a.md\",\"summary\":\"Alpha is first. More.\"},{\"file\":\"b.md\",\"summary\":\"Beta comes second.\"}]", NULL, 3,
	 60, "Alpha is first. Beta comes second."},
	{"x\n\n{broken json. here", NULL, 1, 60, "{broken json."},
	{"gr\xC3\xBC\xC3\x9F dich. Ja.", NULL, 1, 60, "gr\xC3\xBC\xC3\x9F dich."},
};

START_TEST(sentences_are_copied)
{
	struct str marker = str_from(extracts[_i].marker);
	struct extract x = {.after = &marker, .n_after = marker.p ? 1 : 0, .sentences = extracts[_i].sentences, .words = extracts[_i].words};
	struct str text = extract_text(a, &x, str_from(extracts[_i].message));

	ck_assert_msg(str_is(text, extracts[_i].text), STR_FMT, STR_ARG(text));
}
END_TEST

static const struct {
	const char *schema, *value;
} shapes[] = {
	{"{\"type\":\"string\"}", "\"First one is here.\""},
	{"{\"type\":\"string\",\"maxLength\":5}", "\"First\""},
	{"{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}}}",
	 "{\"title\":\"First one is here.\",\"a\":\"First one is here.\",\"b\":\"Second.\"}"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "[\"First one is here.\",\"Second.\"]"},
	{"{\"type\":\"array\",\"minItems\":4,\"items\":{\"type\":\"string\"}}", "[\"First one is here.\",\"Second.\",\"First one is here.\",\"Second.\"]"},
	{"{\"type\":\"array\",\"maxItems\":1,\"items\":{\"type\":\"string\"}}", "[\"First one is here.\"]"},
	{"{\"enum\":[\"low\",\"high\"]}", "\"low\""},
	{"{\"const\":7}", "7"},
	{"{\"type\":\"integer\",\"minimum\":3}", "3"},
	{"{\"type\":[\"null\",\"boolean\"]}", "false"},
	{"{\"type\":\"number\",\"default\":1.50}", "1.50"},
	{"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "null"},
	{"{\"$ref\":\"#/$defs/p\",\"$defs\":{\"p\":{\"properties\":{\"n\":{\"type\":\"integer\"}}}}}", "{\"n\":0}"},
	{"{\"$ref\":\"#/$defs/p\",\"$defs\":{\"p\":{\"items\":{\"$ref\":\"#/$defs/p\"},\"minItems\":1,\"maxItems\":1}}}", NULL},
};

START_TEST(values_fit_their_schema)
{
	struct extract x = {.sentences = 2, .words = 60};
	const struct json *v = extract_shape(a, &x, STR("x\n\nFirst one is here. Second."), parse(shapes[_i].schema));

	if (shapes[_i].value)	/* else: it must only end */
		ck_assert_msg(str_is(json_text(a, v), shapes[_i].value), STR_FMT, STR_ARG(json_text(a, v)));
}
END_TEST

/* --- what is shipped --- */

static const struct {
	const char *message, *reply;
} shipped[] = {
	{"Summarise this document in two sentences.\nFile: a.md\n\n---\n# Title\n\nThe pump failed on Monday. A part was missing. It runs again.\n",
	 "The pump failed on Monday. A part was missing."},
	{"These are summaries of 2 documents, as JSON. Say in three sentences what they are about together.\n\n"
	 "[{\"file\":\"a.md\",\"summary\":\"The pump failed on Monday. A part was missing.\"},{\"file\":\"b.md\",\"summary\":\"Sales rose in spring.\"}]",
	 "The pump failed on Monday. Sales rose in spring."},
	{"Draft a short, friendly answer to this request.\n\n---\nMy invoice is wrong.\n", "Thank you for telling us."},
};

START_TEST(the_shipped_recording)
{
	struct str text, reply = STR_NONE;
	struct message m = {.role = ROLE_USER, .text = str_from(shipped[_i].message)};
	struct wire_request req = {.tier = STR("cheap"), .attempt = 1, .messages = &m, .n_messages = 1};
	struct err err;

	ck_assert_int_eq(file_read(a, arena_printf(a, "%s/policies/replay/demo.json", getenv("top_srcdir")), 1 << 20, &text, &err), 0);
	ck_assert_int_eq(ask(str_cstr(a, text), &req, &reply, &err), 0);
	ck_assert_msg(str_starts(reply, str_from(shipped[_i].reply)), STR_FMT, STR_ARG(reply));
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("replay");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, mistakes_are_named, 0, COUNT(bad));
	tcase_add_test(t, a_missing_file_is_named);
	tcase_add_loop_test(t, the_first_match_answers, 0, COUNT(questions));
	tcase_add_loop_test(t, patterns_are_bounded, 0, 3);
	tcase_add_test(t, a_recorded_agent_takes_its_turns);
	tcase_add_test(t, one_of_several_results_is_copied);
	tcase_add_test(t, ids_are_new_to_the_conversation);
	tcase_add_test(t, tools_count_as_tokens);
	tcase_add_loop_test(t, sentences_are_copied, 0, COUNT(extracts));
	tcase_add_loop_test(t, values_fit_their_schema, 0, COUNT(shapes));
	tcase_add_loop_test(t, the_shipped_recording, 0, COUNT(shipped));
	suite_add_tcase(s, t);
	return suite_run(s);
}
