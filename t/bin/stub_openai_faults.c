/* stub_openai_faults.c - faults of servers that speak chat completions. The model names
 *
 *   stub/utf8            a character split across writes    stub/usage-chunk    usage with empty choices
 *   stub/usage-twice     two, the last one counts           stub/cost           usage.cost of 0.0123
 *   stub/tools           two tool calls interleaved         stub/tools-noindex stub/tools-empty stub/tools-args ...-badjson
 *   stub/surrogate       a lone surrogate and \u0000        stub/finish-error   usage nulls, finish_reason error, in a 200
 *   stub/error-only      200 with an error object           stub/error-late     an error event after 3 pieces
 *   stub/no-done stub/no-finish                             one half of the end marker
 *   stub/linger          [DONE], and the connection stays open
 *   stub/gzip            a compressed whole answer          stub/document       a whole answer although streamed was asked
 *   stub/length stub/filter stub/refusal                    answers without an answer
 *   stub/length-empty    all output was thought             stub/native-error   the truth in native_finish_reason alone
 *   stub/tools-surrogate stub/surrogate in arguments        stub/signed         400 unless the call's signature comes back
 *   stub/script          as the question says, turn by turn: stub_openai_script.c
 *
 * play the faults of this table.
 */
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_openai.h"

typedef void fault_fn(struct stream *s, const struct question *q);

static void play_utf8(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_raw(s, STR("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"gr\xC3"), 0);
	send_raw(s, STR("\xBC\xC3\x9F \xF0\x9F"), 5);
	send_raw(s, STR("\x8C\x8D\"},\"finish_reason\":null}]}\n\n"), 5);
	send_end(s, q->usage);
}

static void play_usage_twice(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_usage(s, "{\"prompt_tokens\":1,\"completion_tokens\":1}");
	send_end(s, "{\"prompt_tokens\":70,\"completion_tokens\":7}");
}

static void play_tools(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_delta(s, "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\","
		   "\"function\":{\"name\":\"first\",\"arguments\":\"\"}}]}", NULL, "");
	send_delta(s, "{\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":\"second\","
		   "\"arguments\":\"{\\\"b\\\":\"}}]}", NULL, "");
	send_delta(s, "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]}", NULL, "");
	send_delta(s, "{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"2}\"}}]}", NULL, "");
	send_delta(s, "{}", "tool_calls", "");
	send_usage(s, q->usage);
	send_event(s, "[DONE]");
	end_stream(s);
}

static void one_tool(struct stream *s, const char *first, const char *second)
{
	begin_stream(s, "", 0);
	send_delta(s, first, NULL, "");
	if (second)
		send_delta(s, second, NULL, "");
	send_delta(s, "{}", "tool_calls", "");
	send_event(s, "[DONE]");
	end_stream(s);
}

static void play_tools_noindex(struct stream *s, const struct question *q)
{
	(void)q;
	one_tool(s, "{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"first\",\"arguments\":\"{\"}}]}",
		 "{\"tool_calls\":[{\"function\":{\"arguments\":\"}\"}}]}");
}

static void play_tools_empty(struct stream *s, const struct question *q)
{
	(void)q;
	one_tool(s, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"first\",\"arguments\":\"\"}}]}",
		 "{\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"\"}}]}");
}

static void play_tools_args(struct stream *s, const struct question *q)
{
	(void)q;
	one_tool(s, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"first\",\"arguments\":{\"x\":1}}}]}", NULL);
}

static void play_tools_badjson(struct stream *s, const struct question *q)
{
	(void)q;
	one_tool(s, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"first\",\"arguments\":\"{oops\"}}]}", NULL);
}

static void play_surrogate(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_delta(s, "{\"content\":\"a\\ud83db\\u0000c\"}", NULL, "");
	send_end(s, q->usage);
}

static void play_tools_surrogate(struct stream *s, const struct question *q)
{
	(void)q;
	one_tool(s, "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"first\",\"arguments\":\"{\\\"x\\\":\\\"a\\ud83d\"}}]}",
		 "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"b\\u0000c\\\"}\"}}]}");
}

static bool is_value(struct arena *a, const struct json *v, const char *want)
{
	const struct json *wanted;

	return v && json_parse(a, str_from(want), NULL, &wanted, NULL) == 0 && json_equal(v, wanted);
}

/* A call with a signature; then 400 unless it comes back as it was. */
static void play_signed(struct stream *s, const struct question *q)
{
	static const char extra[] = "{\"google\":{\"thought_signature\":\"CvQB+/=\"}}";
	static const char details[] = "[{\"type\":\"reasoning.encrypted\",\"data\":\"b64+/=\",\"index\":0}]";
	const struct json *said = NULL, *call;

	for (size_t i = 0; i < json_len(q->messages); i++)
		if (str_is(json_str(json_getc(json_at(q->messages, i), "role")), "assistant"))
			said = json_at(q->messages, i);
	call = json_at(json_getc(said, "tool_calls"), 0);
	if (!said) {
		one_tool(s, arena_printf(s->c->arena, "{\"reasoning_details\":%s,\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"extra_content\":%s,"
			 "\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]}", details, extra), NULL);
		return;
	}
	if (is_value(s->c->arena, json_getc(call, "extra_content"), extra) &&
	    is_value(s->c->arena, json_getc(said, "reasoning_details"), details)) {
		play_plain(s, q);
		return;
	}
	add_error(s->c, 400, NULL, "invalid_request_error", NULL, "Function call is missing a thought_signature in functionCall parts");
}

static void play_finish_error(struct stream *s, const struct question *q)
{
	(void)q;
	add_json(s->c, 200, NULL, "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		 "\"half\"},\"finish_reason\":\"error\",\"error\":{\"code\":502,\"message\":\"upstream died\"}}],"
		 "\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":null}}");
}

static void play_error_only(struct stream *s, const struct question *q)
{
	(void)q;
	add_json(s->c, 200, NULL, "{\"error\":{\"message\":\"overloaded, try later\",\"code\":503}}");
}

static void play_error_late(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_event(s, "{\"error\":{\"message\":\"the engine died\",\"type\":\"server_error\",\"code\":500},"
		   "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}");
	end_stream(s);
}

static void play_no_done(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_delta(s, "{}", "stop", "");
	send_usage(s, q->usage);
	end_stream(s);
}

static void play_no_finish(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_usage(s, q->usage);
	send_event(s, "[DONE]");
	end_stream(s);
}

static void play_linger(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_delta(s, "{}", "stop", "");
	send_usage(s, q->usage);
	send_event(s, "[DONE]");
	add_close(s->c, false, FOREVER_MS);
}

static void play_cost(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_end(s, "{\"prompt_tokens\":100,\"completion_tokens\":10,\"cost\":0.0123,\"is_byok\":false}");
}

/* {"choices":[{"index":0,"message":{"content":"gz"},"finish_reason":"stop"}]}, compressed */
static const unsigned char gzip_body[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x0d, 0xc8, 0x31, 0x0e, 0x80, 0x20, 0x0c, 0x05,
	0xd0, 0xbb, 0xfc, 0x99, 0xc1, 0xb9, 0x57, 0x31, 0xc6, 0x90, 0x5a, 0xa1, 0x03, 0xad, 0xb1, 0x0c, 0x46, 0xc2,
	0xdd, 0xf5, 0x8d, 0x6f, 0x80, 0xab, 0x2b, 0x4b, 0x80, 0xd6, 0x01, 0xb5, 0x43, 0x1e, 0xd0, 0x92, 0xd0, 0x24,
	0x22, 0x17, 0x01, 0x0d, 0xb0, 0x5b, 0x17, 0xeb, 0x20, 0x94, 0x17, 0x33, 0xe1, 0x54, 0xd3, 0xa8, 0xfb, 0x2d,
	0x39, 0xdc, 0xfe, 0x8d, 0xee, 0x17, 0xe6, 0x36, 0x3f, 0x32, 0x06, 0x67, 0x09, 0x4b, 0x00, 0x00, 0x00,
};

static void play_gzip(struct stream *s, const struct question *q)
{
	struct reply r = {.status = 200, .type = "application/json", .headers = "Content-Encoding: gzip\r\n"};

	(void)q;
	buf_init(&r.body, s->c->arena);
	buf_add(&r.body, gzip_body, sizeof gzip_body);
	add_reply(s->c, &r);
}

static void play_document(struct stream *s, const struct question *q)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "{\"id\":\"chatcmpl-doc\",\"object\":\"chat.completion\",\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":"
		 "{\"role\":\"assistant\",\"content\":", q->model);
	json_write_string(&b, str_from(stub.text));
	buf_addf(&b, "},\"finish_reason\":\"stop\"}],\"usage\":%s}", q->usage);
	add_json(s->c, 200, NULL, buf_cstr(&b));
}

static void finish_with(struct stream *s, const struct question *q, const char *delta, const char *finish)
{
	begin_stream(s, "", 0);
	send_delta(s, delta, NULL, "");
	send_delta(s, "{}", finish, "");
	send_usage(s, q->usage);
	send_event(s, "[DONE]");
	end_stream(s);
}

static void play_length(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":\"cut sho\"}", "length");
}

static void play_length_empty(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":\"\"}", "length");
}

static void play_native_error(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_event(s, "{\"id\":\"gen-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\","
		   "\"native_finish_reason\":\"network_error\"}]}");
	send_event(s, "[DONE]");
	end_stream(s);
}

static void play_filter(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":\"half a\"}", "content_filter");
}

static void play_refusal(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":null,\"refusal\":\"I will not.\"}", "stop");
}

static const struct {
	const char *name;
	fault_fn *play;
} faults[] = {
	{"utf8", play_utf8}, {"usage-chunk", play_plain}, {"usage-twice", play_usage_twice}, {"cost", play_cost},
	{"tools", play_tools}, {"tools-noindex", play_tools_noindex}, {"tools-empty", play_tools_empty},
	{"tools-args", play_tools_args}, {"tools-badjson", play_tools_badjson}, {"surrogate", play_surrogate},
	{"tools-surrogate", play_tools_surrogate}, {"signed", play_signed}, {"length-empty", play_length_empty},
	{"native-error", play_native_error},
	{"finish-error", play_finish_error}, {"error-only", play_error_only}, {"error-late", play_error_late},
	{"no-done", play_no_done}, {"no-finish", play_no_finish}, {"linger", play_linger}, {"gzip", play_gzip},
	{"document", play_document}, {"length", play_length}, {"filter", play_filter}, {"refusal", play_refusal},
	{"script", play_script},
};

bool play_openai(struct stream *s, const struct question *q, const char *name)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strcmp(faults[i].name, name) == 0) {
			faults[i].play(s, q);
			return true;
		}
	return false;
}
