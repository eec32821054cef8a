/* door.c - OpenAI-compatible questions and answers: every field, every refusal with its place, every error's status, and the texts. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "web/door_ask.h"
#include "web/door_chat.h"
#include "web/door_error.h"
#include "web/door_write.h"
#include "../suite_run.h"

#define COUNT(v) (sizeof(v) / sizeof(v)[0])
#define M "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TALK(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define TOOL "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"}}}"
#define CALL "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"

static struct arena *a;

static void setup(void)
{
	a = arena_new(NULL);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct json *parse(const char *text)
{
	const struct json *v;
	struct err err;

	ck_assert_msg(json_parse(a, str_from(text), NULL, &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

/* --- questions --- */

/* What is read, in one line: roles and texts, tools, output, limit, temperature in per cent, stream, what is ignored. */
static const char *told(const struct door_ask *q)
{
	static const char roles[] = {[ROLE_SYSTEM] = 's', [ROLE_USER] = 'u', [ROLE_ASSISTANT] = 'a', [ROLE_TOOL] = 't'};
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct message *m = &q->messages[i];

		buf_addf(&b, "%c:" STR_FMT " ", roles[m->role], STR_ARG(m->text));
		for (size_t k = 0; k < m->n_calls; k++)
			buf_addf(&b, "(" STR_FMT " " STR_FMT " " STR_FMT ") ", STR_ARG(m->calls[k].id), STR_ARG(m->calls[k].name),
				 STR_ARG(m->calls[k].args));
		if (m->call_id.n)
			buf_addf(&b, "<" STR_FMT "> ", STR_ARG(m->call_id));
	}
	for (size_t i = 0; i < q->n_tools; i++)
		buf_addf(&b, "[" STR_FMT " " STR_FMT " " STR_FMT "] ", STR_ARG(q->tools[i].name), STR_ARG(q->tools[i].description),
			 STR_ARG(q->tools[i].args ? json_text(a, q->tools[i].args) : STR("-")));
	if (q->output)
		buf_addf(&b, STR_FMT " ", STR_ARG(json_text(a, q->output)));
	buf_addf(&b, "max=%d temp=%d", (int)q->max_output, (int)(q->temperature * 100));
	buf_adds(&b, q->stream ? q->include_usage ? " stream+usage" : " stream" : "");
	if (q->ignored.n)
		buf_addf(&b, " ignored=" STR_FMT, STR_ARG(q->ignored));
	return buf_cstr(&b);
}

static const struct {
	const char *body, *told;
} taken[] = {
	{"{" M "}", "u:hi max=0 temp=-100"},
	{TALK("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":\"b\"}," HI), "s:a s:b u:hi max=0 temp=-100"},
	{TALK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}"), "u:ab max=0 temp=-100"},
	{TALK("{\"role\":\"user\",\"content\":[]}"), "u: max=0 temp=-100"},
	{TALK(HI ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL "]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":"
	      "\"text\",\"text\":\"r\"}]}"), "u:hi a: (c f {}) t:r <c> max=0 temp=-100"},
	{TALK(HI ",{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":null,\"refusal\":null,\"annotations\":[]}"), "u:hi a:x max=0 temp=-100"},
	{TALK(HI ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"}"), "u:hi a:no max=0 temp=-100"},
	{TALK(HI ",{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}"), "u:hi a:no max=0 temp=-100"},
	{"{" M ",\"max_tokens\":7}", "u:hi max=7 temp=-100"},
	{"{" M ",\"max_completion_tokens\":9}", "u:hi max=9 temp=-100"},
	{"{" M ",\"max_tokens\":7,\"max_completion_tokens\":9}", "u:hi max=7 temp=-100"},
	{"{" M ",\"max_tokens\":9,\"max_completion_tokens\":7}", "u:hi max=7 temp=-100"},
	{"{" M ",\"max_tokens\":null,\"temperature\":null,\"stream\":null,\"stop\":null,\"tools\":null}", "u:hi max=0 temp=-100"},
	{"{" M ",\"temperature\":0.5,\"n\":1}", "u:hi max=0 temp=50"},
	{"{" M ",\"temperature\":0}", "u:hi max=0 temp=0"},
	{"{" M ",\"temperature\":2}", "u:hi max=0 temp=200"},
	{"{" M ",\"stream\":true}", "u:hi max=0 temp=-100 stream"},
	{"{" M ",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false}}", "u:hi max=0 temp=-100 stream+usage"},
	{"{" M ",\"stream\":true,\"stream_options\":{}}", "u:hi max=0 temp=-100 stream"},
	{"{" M ",\"tools\":[" TOOL "]}", "u:hi [f d {\"type\":\"object\"}] max=0 temp=-100"},
	{"{" M ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\",\"strict\":true}}],\"tool_choice\":\"auto\"}", "u:hi [g  -] max=0 temp=-100"},
	{"{" M ",\"tools\":[" TOOL "],\"tool_choice\":\"none\",\"parallel_tool_calls\":true}", "u:hi max=0 temp=-100"},
	{"{" M ",\"tool_choice\":\"none\",\"parallel_tool_calls\":false}", "u:hi max=0 temp=-100"},
	{"{" M ",\"response_format\":{\"type\":\"text\"}}", "u:hi max=0 temp=-100"},
	{"{" M ",\"response_format\":{\"type\":\"json_object\"}}", "u:hi {\"type\":\"object\"} max=0 temp=-100"},
	{"{" M ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"strict\":true,\"schema\":{\"type\":\"array\"}}}}",
	 "u:hi {\"type\":\"array\"} max=0 temp=-100"},
	{"{" M ",\"seed\":1,\"top_p\":0.5,\"user\":\"me\",\"of_tomorrow\":{}}", "u:hi max=0 temp=-100 ignored=seed, top_p, user, of_tomorrow"},
	{"{" M ",\"a b\":1,\"x\\r\\ny\":1,\"\":1,\"ok\":1}", "u:hi max=0 temp=-100 ignored=ok"},
	{"{" M ",\"stop\":[],\"logprobs\":false,\"logit_bias\":{},\"modalities\":[\"text\"],\"functions\":[]}", "u:hi max=0 temp=-100"},
};

START_TEST(is_taken)
{
	struct door_fault fault = {.message = ""};
	struct door_ask q;

	ck_assert_msg(door_ask_parse(a, parse(taken[_i].body), &q, &fault) == 0, "%s: %s", taken[_i].body, fault.message);
	ck_assert(str_is(q.model, "m"));
	ck_assert_str_eq(told(&q), taken[_i].told);
}
END_TEST

static const struct {
	const char *body, *code, *param, *message;
} refused[] = {
	{"[]", "invalid_type", NULL, "the body: expected an object, got array"},
	{"{}", "missing_required_parameter", "model", "model is missing"},
	{"{\"model\":\"m\"}", "missing_required_parameter", "messages", "messages is missing"},
	{"{\"model\":null,\"messages\":[" HI "]}", "missing_required_parameter", "model", "model is missing"},
	{"{\"model\":\"\",\"messages\":[" HI "]}", "invalid_value", "model", "model is empty"},
	{"{\"model\":7,\"messages\":[" HI "]}", "invalid_type", "model", "model: expected a string, got number"},
	{TALK(""), "invalid_value", "messages", "messages: at least one is needed"},
	{TALK("7"), "invalid_type", "messages[0]", "messages[0]: expected an object, got number"},
	{TALK(HI ",{\"content\":\"x\"}"), "missing_required_parameter", "messages[1].role", "messages[1].role is missing"},
	{TALK("{\"role\":\"function\",\"content\":\"x\"}"), "invalid_value", "messages[0].role",
	 "messages[0].role: \"function\": expected system, developer, user, assistant or tool"},
	{TALK("{\"role\":\"user\"}"), "missing_required_parameter", "messages[0].content", "messages[0].content is missing"},
	{TALK("{\"role\":\"user\",\"content\":7}"), "invalid_type", "messages[0].content",
	 "messages[0].content: expected a string or an array of parts, got number"},
	{TALK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}"),
	 "unsupported_value", "messages[0].content[1].type",
	 "messages[0].content[1].type: parts of type \"image_url\" are not passed on, only text is"},
	{TALK("{\"role\":\"user\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"x\"}]}"), "unsupported_value", "messages[0].content[0].type",
	 "messages[0].content[0].type: parts of type \"refusal\" are not passed on, only text is"},
	{TALK("{\"role\":\"user\",\"content\":[\"x\"]}"), "invalid_type", "messages[0].content[0]",
	 "messages[0].content[0]: expected an object, got string"},
	{TALK("{\"role\":\"tool\",\"content\":\"x\"}"), "missing_required_parameter", "messages[0].tool_call_id", "messages[0].tool_call_id is missing"},
	{TALK("{\"role\":\"assistant\",\"content\":null}"), "missing_required_parameter", "messages[0].content", "messages[0].content is missing"},
	{TALK("{\"role\":\"assistant\",\"content\":\"\",\"function_call\":{\"name\":\"f\"}}"), "unsupported_value", "messages[0].function_call",
	 "messages[0].function_call: function_call is of the old form, send tool_calls"},
	{TALK("{\"role\":\"assistant\",\"tool_calls\":{}}"), "invalid_type", "messages[0].tool_calls",
	 "messages[0].tool_calls: expected an array, got object"},
	{TALK("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"custom\"}]}"), "unsupported_value", "messages[0].tool_calls[0].type",
	 "messages[0].tool_calls[0].type: expected \"function\""},
	{TALK("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\"}]}"), "missing_required_parameter",
	 "messages[0].tool_calls[0].function", "messages[0].tool_calls[0].function is missing"},
	{TALK("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]}"),
	 "invalid_type", "messages[0].tool_calls[0].function.arguments",
	 "messages[0].tool_calls[0].function.arguments: expected a string, got object"},
	{"{" M ",\"max_tokens\":0}", "invalid_value", "max_tokens", "max_tokens: expected a whole number from 1 on"},
	{"{" M ",\"max_completion_tokens\":1.5}", "invalid_value", "max_completion_tokens", "max_completion_tokens: expected a whole number from 1 on"},
	{"{" M ",\"max_tokens\":\"7\"}", "invalid_type", "max_tokens", "max_tokens: expected a number, got string"},
	{"{" M ",\"temperature\":2.1}", "invalid_value", "temperature", "temperature: expected a number from 0 to 2"},
	{"{" M ",\"temperature\":-0.1}", "invalid_value", "temperature", "temperature: expected a number from 0 to 2"},
	{"{" M ",\"stream\":1}", "invalid_type", "stream", "stream: expected a boolean, got number"},
	{"{" M ",\"stream_options\":{\"include_usage\":true}}", "invalid_value", "stream_options", "stream_options: only with \"stream\": true"},
	{"{" M ",\"stream\":true,\"stream_options\":{\"include_usage\":1}}", "invalid_type", "stream_options.include_usage",
	 "stream_options.include_usage: expected a boolean, got number"},
	{"{" M ",\"n\":2}", "unsupported_value", "n", "n: one choice is made, expected 1"},
	{"{" M ",\"tools\":{}}", "invalid_type", "tools", "tools: expected an array, got object"},
	{"{" M ",\"tools\":[{\"type\":\"custom\"}]}", "unsupported_value", "tools[0].type", "tools[0].type: expected \"function\""},
	{"{" M ",\"tools\":[{\"type\":\"function\",\"function\":{}}]}", "missing_required_parameter", "tools[0].function.name",
	 "tools[0].function.name is missing"},
	{"{" M ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":[]}}]}", "invalid_type", "tools[0].function.parameters",
	 "tools[0].function.parameters: expected an object, got array"},
	{"{" M ",\"tools\":[" TOOL "],\"tool_choice\":\"required\"}", "unsupported_value", "tool_choice",
	 "tool_choice: models cannot be made to call a tool, expected \"auto\" or \"none\""},
	{"{" M ",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}", "unsupported_value", "tool_choice",
	 "tool_choice: models cannot be made to call a tool, expected \"auto\" or \"none\""},
	{"{\"tools\":[" TOOL "],\"tool_choice\":\"none\",\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[" CALL "]}]}",
	 "unsupported_value", "tool_choice", "tool_choice: \"none\" is not possible where messages have tool calls"},
	{"{" M ",\"tools\":[" TOOL "],\"parallel_tool_calls\":false}", "unsupported_value", "parallel_tool_calls",
	 "parallel_tool_calls: models may ask for several tools at once, false is not passed on"},
	{"{" M ",\"response_format\":{\"type\":\"xml\"}}", "unsupported_value", "response_format.type",
	 "response_format.type: expected text, json_object or json_schema"},
	{"{" M ",\"response_format\":{\"type\":\"json_schema\"}}", "missing_required_parameter", "response_format.json_schema",
	 "response_format.json_schema is missing"},
	{"{" M ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":true}}}", "invalid_type",
	 "response_format.json_schema.schema", "response_format.json_schema.schema: expected an object, got boolean"},
	{"{" M ",\"stop\":\"x\"}", "unsupported_parameter", "stop", "stop is not passed on to models"},
	{"{" M ",\"logprobs\":true}", "unsupported_parameter", "logprobs", "logprobs is not passed on to models"},
	{"{" M ",\"modalities\":[\"audio\"]}", "unsupported_value", "modalities", "modalities: answers are text"},
	{"{" M ",\"function_call\":\"auto\"}", "unsupported_parameter", "function_call", "function_call is not passed on to models"},
	{"{" M ",\"seed\":\"x\"}", "invalid_type", "seed", "seed: expected a number, got string"},
};

START_TEST(is_refused)
{
	struct door_fault fault;
	struct door_ask q;

	ck_assert_msg(door_ask_parse(a, parse(refused[_i].body), &q, &fault) < 0, "%s: was taken", refused[_i].body);
	ck_assert_int_eq(fault.status, 400);
	ck_assert_str_eq(fault.code, refused[_i].code);
	if (refused[_i].param)
		ck_assert_str_eq(fault.param, refused[_i].param);
	else
		ck_assert_ptr_null(fault.param);
	ck_assert_str_eq(fault.message, refused[_i].message);
}
END_TEST

/* --- answers --- */

static const struct tool_call calls[] = {{STR("c1"), STR("f"), STR("{\"a\":1}")}, {STR("c2"), STR("g"), STR("")}};

static struct door_head head(bool usage)
{
	return (struct door_head){.created_s = 5, .model = STR("m\"x"), .usage = usage};
}

#define ID "\"id\":\"chatcmpl-00000000-0000-0000-0000-000000000000\","
#define REST ",\"created\":5,\"model\":\"m\\\"x\","
#define USAGE "\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":9,\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_tokens\":2,\"audio_tokens\":0}," \
	      "\"completion_tokens_details\":{\"reasoning_tokens\":5,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"
#define WHOLE "{" ID "\"object\":\"chat.completion\"" REST "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
#define CHUNK "data: {" ID "\"object\":\"chat.completion.chunk\"" REST "\"choices\":[{\"index\":0,\"delta\":{"

static struct model_answer answer(const char *text, size_t n_calls)
{
	return (struct model_answer){
		.text = str_from(text), .finish_reason = n_calls ? STR("tool_calls") : STR("stop"), .tool_calls = calls, .n_tool_calls = n_calls,
		.usage = {.in_fresh = 3, .in_cached = 2, .in_write_5m = 1, .out_text = 4, .out_reason = 5}};
}

START_TEST(is_written_whole)
{
	struct door_head h = head(false);
	struct model_answer text = answer("a\n", 0), tools = answer("", 2);
	struct buf b;

	buf_init(&b, a);
	door_write_whole(&b, &h, &text);
	ck_assert_str_eq(buf_cstr(&b), WHOLE "\"a\\n\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE ",\"system_fingerprint\":null}");
	parse(buf_cstr(&b));
	buf_init(&b, a);
	door_write_whole(&b, &h, &tools);
	ck_assert_str_eq(buf_cstr(&b), WHOLE "null,\"refusal\":null,\"tool_calls\":["
		"{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},"
		"{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},\"logprobs\":null,"
		"\"finish_reason\":\"tool_calls\"}]," USAGE ",\"system_fingerprint\":null}");
	parse(buf_cstr(&b));
}
END_TEST

START_TEST(is_written_in_pieces)
{
	struct door_head h = head(true), plain = head(false);
	struct model_answer tools = answer("", 2), text = answer("a", 0);
	struct buf b;

	buf_init(&b, a);
	door_write_first(&b, &h);
	door_write_text(&b, &h, STR("a"));
	door_write_end(&b, &h, &tools);
	ck_assert_str_eq(buf_cstr(&b), CHUNK "\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n"
		CHUNK "\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}\n\n"
		CHUNK "\"tool_calls\":["
		"{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},"
		"{\"index\":1,\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},\"finish_reason\":null}],\"usage\":null}\n\n"
		CHUNK "},\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n\n"
		"data: {" ID "\"object\":\"chat.completion.chunk\"" REST "\"choices\":[]," USAGE "}\n\n"
		"data: [DONE]\n\n");
	buf_init(&b, a);
	door_write_text(&b, &plain, STR(""));
	door_write_end(&b, &plain, &text);
	ck_assert_str_eq(buf_cstr(&b), CHUNK "},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}
END_TEST

/* What gathered while a client read slowly is cut between characters. */
START_TEST(long_text_makes_several_chunks)
{
	struct door_head h = head(false);
	struct buf text, b, back;
	struct str rest;
	size_t n = 0;

	buf_init(&text, a);
	for (int i = 0; i < 20000; i++)
		buf_adds(&text, "\xE2\x82\xAC");
	buf_init(&b, a);
	buf_init(&back, a);
	door_write_text(&b, &h, buf_str(&text));
	for (rest = buf_str(&b); rest.n; n++) {
		ptrdiff_t end = str_find(rest, STR("\n\n"));
		const struct json *v;

		ck_assert(end > 0 && json_parse(a, str_sub(rest, 6, (size_t)end - 6), NULL, &v, NULL) == 0);
		buf_addstr(&back, json_str(json_getc(json_getc(json_at(json_getc(v, "choices"), 0), "delta"), "content")));
		rest = str_sub(rest, (size_t)end + 2, rest.n);
	}
	ck_assert_uint_gt(n, 3);
	ck_assert(str_eq(buf_str(&back), buf_str(&text)));
}
END_TEST

/* --- errors --- */

/* Every class of the gateway has a status of its own making, and never one that blames the caller's token. */
START_TEST(every_class_has_a_status)
{
	for (int code = ERR_MODEL_RATE_LIMITED; code <= ERR_MODEL_NO_ROUTE; code++) {
		struct err err = {.code = (enum err_code)code, .msg = "said"};
		struct door_error e = door_error_of(&err);

		if (code == ERR_MODEL_CANCELLED)	/* the gateway says ERR_CANCELLED */
			continue;
		ck_assert_msg(e.status == 400 || e.status == 429 || (e.status > 500 && e.status < 505), "%s: %d", err_name(err.code), e.status);
		ck_assert(e.code && e.type && e.message.n);
		/* who repeats a question that is wrong gets the same answer */
		ck_assert_msg(e.status != 400 || e.final, "%s", err_name(err.code));
		err.retry_after_ms = 1500;
		e = door_error_of(&err);
		ck_assert(!e.final && e.retry_after_s == 2);
	}
}
END_TEST

START_TEST(errors_have_four_fields)
{
	struct err err = {.code = ERR_BUDGET_USD, .msg = "the cap \"day\" is used up"};
	struct door_error e = door_error_of(&err);
	struct str text = door_error_text(a, &e);
	struct buf b;

	ck_assert_int_eq(e.status, 429);
	ck_assert(e.final);
	ck_assert(str_is(text, "{\"error\":{\"message\":\"the cap \\\"day\\\" is used up\",\"type\":\"insufficient_quota\",\"param\":null,"
			 "\"code\":\"budget_exceeded\"}}"));
	buf_init(&b, a);
	door_write_error(&b, text);
	ck_assert(str_starts(buf_str(&b), STR("data: {\"error\":")) && str_ends(buf_str(&b), STR("}}\n\n")));
}
END_TEST

/* --- workflows as models --- */

static const struct {
	const char *schema, *messages, *input;	/* input NULL: refused */
} inputs[] = {
	{"null", HI, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"},
	{"{\"type\":\"object\",\"properties\":{\"messages\":{},\"x\":{}}}", "{\"role\":\"developer\",\"content\":\"a\"}," HI,
	 "{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"}]}"},
	{"{\"type\":\"object\",\"required\":[\"topic\"],\"properties\":{\"topic\":{},\"x\":{}}}", HI, "{\"topic\":\"hi\"}"},
	{"{\"type\":\"object\",\"properties\":{\"topic\":{}}}", HI ",{\"role\":\"assistant\",\"content\":\"yes?\"}", "{\"topic\":\"hi\"}"},
	{"{\"type\":\"object\",\"properties\":{\"topic\":{}}}", HI ",{\"role\":\"user\",\"content\":\"last\"}", "{\"topic\":\"last\"}"},
	{"{\"type\":\"object\",\"properties\":{\"topic\":{}}}", "{\"role\":\"user\",\"content\":\"{\\\"topic\\\":7}\"}", "{\"topic\":7}"},
	{"{\"type\":\"object\",\"properties\":{\"topic\":{}}}", "{\"role\":\"user\",\"content\":\"[7]\"}", "{\"topic\":\"[7]\"}"},
	{"{\"type\":\"string\"}", HI, "\"hi\""},
	{"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}", HI, NULL},
	{"{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{},\"b\":{}}}", HI, NULL},
	{"{\"type\":\"object\",\"required\":[\"a\",\"b\"]}", "{\"role\":\"user\",\"content\":\"{\\\"a\\\":1,\\\"b\\\":2}\"}", "{\"a\":1,\"b\":2}"},
	{"{\"type\":\"object\",\"properties\":{\"a\":{}}}", "{\"role\":\"system\",\"content\":\"x\"}", NULL},
};

START_TEST(a_question_becomes_an_input)
{
	const char *body = arena_printf(a, "{\"model\":\"m\",\"messages\":[%s]}", inputs[_i].messages);
	struct door_fault fault = {.message = ""};
	const struct json *input;
	struct door_ask q;
	int r;

	ck_assert_int_eq(door_ask_parse(a, parse(body), &q, &fault), 0);
	r = door_flow_input(a, parse(inputs[_i].schema), &q, &input, &fault);
	ck_assert_msg((r == 0) == (inputs[_i].input != NULL), "%s", fault.message);
	if (r == 0)
		ck_assert_str_eq(json_text(a, input).p, inputs[_i].input);
	else
		ck_assert_str_eq(fault.param, "messages");
}
END_TEST

START_TEST(an_output_becomes_a_text)
{
	static const char *const outputs[][2] = {
		{"\"a\"", "a"}, {"\"\"", ""}, {"{\"text\":\"a\"}", "a"}, {"{\"text\":\"a\",\"b\":1}", "{\"text\":\"a\",\"b\":1}"},
		{"{\"text\":7}", "{\"text\":7}"}, {"null", "null"}, {"[1]", "[1]"}, {"7", "7"},
	};

	for (size_t i = 0; i < COUNT(outputs); i++)
		ck_assert_str_eq(str_cstr(a, door_flow_text(a, parse(outputs[i][0]))), outputs[i][1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/door");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, is_taken, 0, COUNT(taken));
	tcase_add_loop_test(t, is_refused, 0, COUNT(refused));
	tcase_add_test(t, is_written_whole);
	tcase_add_test(t, is_written_in_pieces);
	tcase_add_test(t, long_text_makes_several_chunks);
	tcase_add_test(t, every_class_has_a_status);
	tcase_add_test(t, errors_have_four_fields);
	tcase_add_loop_test(t, a_question_becomes_an_input, 0, COUNT(inputs));
	tcase_add_test(t, an_output_becomes_a_text);
	suite_add_tcase(s, t);
	return suite_run(s);
}
