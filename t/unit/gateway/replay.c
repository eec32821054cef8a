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

static struct arena *arena;

static void setup(void)
{
	arena = arena_new(NULL);
}

static void teardown(void)
{
	arena_free(arena);
}

static const struct json *parse(const char *text)
{
	const struct json *v;

	ck_assert_int_eq(json_parse(arena, str_from(text), NULL, &v, NULL), 0);
	return v;
}

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

	ck_assert_int_eq(replay_parse(arena, str_from(bad[_i].text), "r.json", &r, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strstr(err.msg, bad[_i].message) && strncmp(err.msg, "r.json: ", 8) == 0, "%s", err.msg);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
	const struct replay *r;
	struct err err;

	ck_assert_int_eq(replay_parse(arena, STR_NONE, "r.json", &r, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "r.json: there is no such file"));
}
END_TEST

/* --- asking --- */

static struct provider provider = {.name = {"recorded", 8}, .wire = WIRE_REPLAY};
static struct model model = {.name = {"recorded", 8}, .id = {"demo", 4}, .provider = &provider};

static int ask(const char *recording, struct wire_request *req, struct str *ret, struct err *err)
{
	static struct endpoint endpoint;

	endpoint = (struct endpoint){.provider = &provider, .configured = true};
	ck_assert_int_eq(replay_parse(arena, str_from(recording), "r.json", &endpoint.replay, err), 0);
	req->endpoint = &endpoint;
	req->model = &model;
	return replay_answer(arena, req, ret, err);
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
	{"x\n\n- item one\n- item two\n", NULL, 2, 60, "item one item two"},
	{"Version 1.5 came out. Yes.", NULL, 1, 60, "Version 1.5 came out."},
	{"one two three four", NULL, 1, 3, "one two three ..."},
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
	struct str text = extract_text(arena, &x, str_from(extracts[_i].message));

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
	const struct json *v = extract_shape(arena, &x, STR("x\n\nFirst one is here. Second."), parse(shapes[_i].schema));

	if (shapes[_i].value)	/* else: it must only end */
		ck_assert_msg(str_is(json_text(arena, v), shapes[_i].value), STR_FMT, STR_ARG(json_text(arena, v)));
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

	ck_assert_int_eq(file_read(arena, arena_printf(arena, "%s/policies/replay/demo.json", getenv("top_srcdir")), 1 << 20, &text, &err), 0);
	ck_assert_int_eq(ask(str_cstr(arena, text), &req, &reply, &err), 0);
	ck_assert_msg(str_starts(reply, str_from(shipped[_i].reply)), STR_FMT, STR_ARG(reply));
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("replay");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, mistakes_are_named, 0, COUNT(bad));
	tcase_add_test(t, a_missing_file_is_named);
	tcase_add_loop_test(t, the_first_match_answers, 0, COUNT(questions));
	tcase_add_loop_test(t, sentences_are_copied, 0, COUNT(extracts));
	tcase_add_loop_test(t, values_fit_their_schema, 0, COUNT(shapes));
	tcase_add_loop_test(t, the_shipped_recording, 0, COUNT(shipped));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
