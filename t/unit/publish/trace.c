/* Unit tests of publish/trace.c and trace_otlp.c: facts in, the tree and the document out. */
#include "publish/trace.h"

#include <stdlib.h>
#include <string.h>

#include "../suite_run.h"
#include "../test_arena.h"

#define TASK "019ab000-0000-7000-8000-0000000000aa"
#define HEAD(state, to) "{\"task\":\"" TASK "\",\"workflow\":\"w\",\"bundle\":\"00\",\"state\":\"" state "\",\"from\":1764000000000000,\"to\":" to \
	",\"now\":1764000009000000,"
#define STEP(path, kind, try, from, to, more) "{\"path\":\"" path "\",\"kind\":\"" kind "\",\"try\":" #try ",\"tries\":" #try \
	",\"from\":17640000" #from ",\"to\":" to more "}"
#define TO(n) "17640000" #n
#define CALL(id, path, from, more) "{\"id\":\"" id "\",\"path\":\"" path "\",\"attempt\":1,\"from\":17640000" #from ",\"ms\":1000,\"provider\":\"p\"," \
	"\"model\":\"m\",\"in_fresh\":1,\"in_cached\":2,\"in_write\":4,\"out_text\":8,\"out_reason\":16,\"cost_usd\":\"0.5\",\"error\":\"\"" more "}"

/* Each span: a point for each level it is deep, its name, its error, "+" when it is open. */
static const struct {
	const char *facts, *tree;
} trees[] = {
	{HEAD("ready", "null") "\"steps\":[],\"calls\":[]}", "invoke_workflow w+\n"},
	{HEAD("failed", TO(05000000)) "\"error\":\"tool.failed\",\"steps\":[],\"calls\":[]}", "invoke_workflow w!tool.failed\n"},
	{HEAD("cancelled", TO(05000000)) "\"steps\":["
		STEP("a", "wait", 1, 01000000, TO(05000000), ",\"status\":\"cancelled\"") "],\"calls\":[]}",
		"invoke_workflow w!cancelled\n.wait a!cancelled\n"},
	{HEAD("running", "null") "\"steps\":["
		STEP("each", "for", 1, 01000000, "null", "") ","
		STEP("each[0]/a", "call", 1, 02000000, TO(02500000), ",\"tool\":\"t.x\",\"error\":\"tool.failed\"") ","
		STEP("each[0]/a", "call", 2, 03000000, TO(03500000), ",\"tool\":\"t.x\"") ","
		STEP("each[1]", "for", 1, 02000001, TO(04000000), "") ","
		STEP("each[1]/a~2", "set", 1, 02000002, TO(02000003), "") "],\"calls\":[]}",
		"invoke_workflow w+\n.for each+\n..execute_tool t.x!tool.failed\n..for each\n...set a\n..execute_tool t.x\n"},
	{HEAD("running", "null") "\"steps\":["
		STEP("work", "agent", 1, 01000000, "null", "") ","
		STEP("work/turn-1/call-0", "call", 1, 03000000, TO(03500000), ",\"tool\":\"t.x\"") ","
		STEP("works", "model", 1, 01000001, "null", ",\"tier\":\"fast\"") "],\"calls\":["
		CALL("a", "work/turn-1", 02000000, "") "," CALL("b", "works", 02000000, "") "," CALL("c", "gone", 00500000, "") "]}",
		"invoke_workflow w+\n.chat m\n.invoke_agent work+\n..chat m\n..execute_tool t.x\n.route fast+\n..chat m\n"},
	{"{}", "invoke_workflow+\n"},
};

static struct str tree_of(const struct trace *t)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < t->n; i++) {
		const struct trace_span *s = t->spans[i];

		for (int d = 0; d < s->depth; d++)
			buf_addc(&b, '.');
		buf_addstr(&b, s->name);
		if (s->error.n)
			buf_addf(&b, "!" STR_FMT, STR_ARG(s->error));
		buf_adds(&b, s->open ? "+\n" : "\n");
		ck_assert_msg(s->to_us >= s->from_us, "%s", buf_cstr(&b));
	}
	return buf_str(&b);
}

START_TEST(test_tree)
{
	struct str got = tree_of(trace_make(a, parse(trees[_i].facts)));

	ck_assert_msg(str_is(got, trees[_i].tree), "got:\n" STR_FMT "wanted:\n%s", STR_ARG(got), trees[_i].tree);
}
END_TEST

START_TEST(test_sums)
{
	static const char facts[] = HEAD("running", "null") "\"steps\":[" STEP("work", "agent", 1, 01000000, "null", "") "],\"calls\":["
		CALL("a", "work/turn-1", 02000000, "") "," CALL("b", "work/turn-2", 03000000, "") "]}";
	struct trace *t = trace_make(a, parse("{\"calls\":[]}"));

	ck_assert_int_eq(t->spans[0]->sum.n_calls, 0);
	ck_assert_ptr_null(t->spans[0]->asked);
	t = trace_make(a, parse(facts));
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(t->spans[i]->sum.n_calls, 2);
		ck_assert_int_eq(t->spans[i]->sum.in, 14);
		ck_assert_int_eq(t->spans[i]->sum.out, 48);
		ck_assert_int_eq(t->spans[i]->sum.cost_pusd, 1000000000000);
		ck_assert(str_is(json_str(json_getc(t->spans[i]->asked, "id")), "b"));
	}
}
END_TEST

/* The same rows give the same ids; what differs in anything has another one. */
START_TEST(test_ids)
{
	const struct json *facts = parse(trees[3].facts);
	struct trace *t = trace_make(a, facts), *again = trace_make(a, facts);

	ck_assert_str_eq(t->id, "019ab0000000700080000000000000aa");
	for (size_t i = 0; i < t->n; i++) {
		ck_assert_uint_eq(strlen(t->spans[i]->id), TRACE_SPAN_ID);
		ck_assert_str_eq(t->spans[i]->id, again->spans[i]->id);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(t->spans[i]->id, t->spans[k]->id);
	}
}
END_TEST

/* The attributes of the last span, and one of them. */
static const struct {
	const char *call, *key, *value;		/* NULL: it has none */
} attributes[] = {
	{"", "gen_ai.usage.input_tokens", "{\"intValue\":\"7\"}"},
	{"", "gen_ai.usage.output_tokens", "{\"intValue\":\"24\"}"},
	{"", "gen_ai.usage.cache_creation.input_tokens", "{\"intValue\":\"4\"}"},
	{"", "gen_ai.usage.cost", "{\"doubleValue\":0.5}"},
	{"", "agentd.cost.usd", "{\"stringValue\":\"0.5\"}"},
	{"", "gen_ai.request.temperature", NULL},
	{",\"temperature\":null", "gen_ai.request.temperature", NULL},
	{",\"temperature\":0", "gen_ai.request.temperature", "{\"doubleValue\":0}"},
	{",\"temperature\":0.7", "gen_ai.request.temperature", "{\"doubleValue\":0.7}"},
	{",\"max_output\":9007199254740993", "gen_ai.request.max_tokens", "{\"intValue\":\"9007199254740993\"}"},
	{",\"finish_reason\":\"length\"", "gen_ai.response.finish_reasons", "{\"arrayValue\":{\"values\":[{\"stringValue\":\"length\"}]}}"},
	{",\"finish_reason\":null", "gen_ai.response.finish_reasons", NULL},
	{"", "gen_ai.provider.name", "{\"stringValue\":\"p\"}"},
	{",\"wire\":\"openai\"", "gen_ai.provider.name", "{\"stringValue\":\"p\"}"},
	{",\"wire\":\"gemini\"", "gen_ai.provider.name", "{\"stringValue\":\"gcp.gemini\"}"},
	{",\"wire\":\"openai\",\"first_ms\":250", "gen_ai.response.time_to_first_chunk", "{\"doubleValue\":0.25}"},
	{",\"wire\":\"openai\",\"first_ms\":250", "gen_ai.request.stream", "{\"boolValue\":true}"},
	{",\"wire\":\"replay\",\"first_ms\":250", "gen_ai.request.stream", NULL},
	{",\"wire\":\"openai\",\"first_ms\":0", "gen_ai.response.time_to_first_chunk", NULL},
	{",\"answered\":null,\"request_id\":\"\"", "gen_ai.response.id", NULL},
	{",\"answered\":null", "gen_ai.response.model", NULL},
	{",\"answered\":\"m-1\"", "gen_ai.response.model", "{\"stringValue\":\"m-1\"}"},
	{"", "error.type", NULL},
	{"", "gen_ai.operation.name", "{\"stringValue\":\"chat\"}"},
	{",\"operation\":\"embeddings\",\"first_ms\":250", "gen_ai.operation.name", "{\"stringValue\":\"embeddings\"}"},
	{",\"operation\":\"embeddings\",\"first_ms\":250", "gen_ai.request.stream", NULL},
};

START_TEST(test_attributes)
{
	const char *facts = arena_printf(a, HEAD("running", "null") "\"steps\":[],\"calls\":[" CALL("a", "x", 01000000, "%s") "]}", attributes[_i].call);
	const struct json *doc = trace_otlp(a, parse(facts)), *spans, *list, *found = NULL;

	spans = json_getc(json_at(json_getc(json_at(json_getc(doc, "resourceSpans"), 0), "scopeSpans"), 0), "spans");
	ck_assert_uint_eq(json_len(spans), 2);
	list = json_getc(json_at(spans, 1), "attributes");
	for (size_t i = 0; i < json_len(list); i++)
		if (str_is(json_str(json_getc(json_at(list, i), "key")), attributes[_i].key))
			found = json_getc(json_at(list, i), "value");
	if (attributes[_i].value)
		ck_assert_str_eq(str_cstr(a, json_text(a, found)), attributes[_i].value);
	else
		ck_assert_ptr_null(found);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish/trace");
	TCase *t = tcase_create("trace");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_tree, 0, sizeof trees / sizeof trees[0]);
	tcase_add_test(t, test_sums);
	tcase_add_test(t, test_ids);
	tcase_add_loop_test(t, test_attributes, 0, sizeof attributes / sizeof attributes[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
