/* stub_faults.c - the answers of the stub provider. The model names
 *
 *   stub/bytes           one byte at a time                 stub/onewrite       the whole stream in one write
 *   stub/crlf stub/cr    other line ends, BOM, comments, no space after data:
 *   stub/utf8            a character split across writes    stub/usage-chunk    usage with empty choices
 *   stub/no-usage        none at all                        stub/usage-twice    two, the last one counts
 *   stub/tools           two tool calls interleaved         stub/tools-noindex stub/tools-empty stub/tools-args ...-badjson
 *   stub/surrogate       a lone surrogate and \u0000        stub/finish-error   usage nulls, finish_reason error, in a 200
 *   stub/error-only      200 with an error object           stub/error-late     an error event after 3 pieces
 *   stub/close           clean close after 3 pieces         stub/reset          reset after 3 pieces
 *   stub/hang-headers stub/hang-body stub/hang-middle       silence at three places
 *   stub/malformed       a broken event in the middle       stub/no-done stub/no-finish   one half of the end marker
 *   stub/429-after stub/429-date stub/429-ms stub/429-none  rate limits with their hints
 *   stub/429-quota       insufficient_quota                 stub/429-perday stub/429-limit0 stub/429-perminute
 *   stub/500 stub/502-html stub/503 stub/524 stub/529       their trouble
 *   stub/401 stub/400-key stub/402 stub/402-key stub/402-flight stub/404 stub/400-context stub/400 stub/403-flagged
 *   stub/other-model     answers as another model           stub/cost           usage.cost of 0.0123
 *   stub/gzip            a compressed whole answer          stub/document       a whole answer although streamed was asked
 *   stub/html            200 with a page                    stub/text           200 with plain text
 *   stub/40mib stub/longline stub/bigheader                 over every cap
 *   stub/drip            a piece every 5 s                  stub/array-error stub/nested-error
 *   stub/empty stub/length stub/filter stub/refusal         answers without an answer
 *   stub/linger          [DONE], and the connection stays open
 *   stub/fail-N/ID       N times 503, then an answer; counted by the whole name
 *   stub/delay-N         answers after N ms                 stub/echo           the last message comes back
 *   stub/script          as the question says, turn by turn: stub_script.c
 *
 * play the faults of this table; any other is answered plainly.
 */
#include "t/bin/stub_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_stream.h"

enum { COUNTERS = 256 };

static struct {
	char model[128];
	int n;
} counters[COUNTERS];

/* --- the faults: each a function of the question --- */

typedef void fault_fn(struct stream *s, const struct question *q);

static void play_plain(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_delta(s, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", NULL, ",\"usage\":null,\"obfuscation\":\"WuQ\"");
	send_pieces(s, str_from(stub.text), 3);
	send_end(s, q->usage);
}

static void play_bytes(struct stream *s, const struct question *q)
{
	s->bytes = true;
	play_plain(s, q);
}

static void play_onewrite(struct stream *s, const struct question *q)
{
	struct connection *c = s->c;
	struct buf b;

	play_plain(s, q);
	buf_init(&b, c->arena);
	for (struct part *p = c->first; p; p = p->next)
		buf_add(&b, p->p, p->n);
	c->first = NULL;
	c->end = &c->first;
	add_part(c, b.p, b.n, stub.delay_ms);
}

static void play_line_ends(struct stream *s, const struct question *q, const char *eol)
{
	struct buf b;

	begin_stream(s, "", 0);
	send_raw(s, STR("\xEF\xBB\xBF"), 0);
	s->eol = eol;
	buf_init(&b, s->c->arena);
	buf_addf(&b, ": keep alive%sid: 7%sretry: 100%s%s", eol, eol, eol, eol);
	send_raw(s, buf_str(&b), 0);
	send_pieces(s, str_from(stub.text), 3);
	send_raw(s, buf_str(&b), 0);
	send_end(s, q->usage);
}

static void play_crlf(struct stream *s, const struct question *q)
{
	play_line_ends(s, q, "\r\n");
}

static void play_cr(struct stream *s, const struct question *q)
{
	play_line_ends(s, q, "\r");
}

static void play_utf8(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_raw(s, STR("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"gr\xC3"), 0);
	send_raw(s, STR("\xBC\xC3\x9F \xF0\x9F"), 5);
	send_raw(s, STR("\x8C\x8D\"},\"finish_reason\":null}]}\n\n"), 5);
	send_end(s, q->usage);
}

static void play_no_usage(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	send_end(s, NULL);
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

static void play_close(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	end_stream(s);
}

static void play_reset(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 3);
	add_close(s->c, true, 20);
}

enum { FOREVER_MS = 3600 * 1000 };

static void play_hang_headers(struct stream *s, const struct question *q)
{
	(void)q;
	add_close(s->c, false, FOREVER_MS);
}

static void play_hang_body(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	add_close(s->c, false, FOREVER_MS);
}

static void play_hang_middle(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 2);
	add_close(s->c, false, FOREVER_MS);
}

static void play_malformed(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_pieces(s, str_from(stub.text), 2);
	send_event(s, "{\"choices\":[{\"delta\":{\"content\":\"lost");
	send_end(s, q->usage);
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

static void play_html(struct stream *s, const struct question *q)
{
	(void)q;
	add_body(s->c, 200, "text/html", "<!doctype html><title>Welcome</title><p>Log in to continue");
}

static void play_text(struct stream *s, const struct question *q)
{
	(void)q;
	add_body(s->c, 200, "text/plain", "upstream connect error\n\n");
}

static void play_40mib(struct stream *s, const struct question *q)
{
	char *piece = arena_alloc(s->c->arena, 1 << 16);
	const struct part *last;
	struct buf b;

	(void)q;
	memset(piece, 'x', 1 << 16);
	buf_init(&b, s->c->arena);
	buf_adds(&b, "{\"content\":\"");
	buf_add(&b, piece, 1 << 16);
	buf_adds(&b, "\"}");
	begin_stream(s, "", 0);
	send_delta(s, buf_cstr(&b), NULL, "");
	for (last = s->c->first; last->next; last = last->next)
		;
	for (int i = 1; i < 640; i++)
		add_part(s->c, last->p, last->n, 0);
	send_end(s, NULL);
}

static void play_longline(struct stream *s, const struct question *q)
{
	char *piece = arena_alloc(s->c->arena, 2 << 20);

	(void)q;
	memset(piece, 'x', 2 << 20);
	memcpy(piece, "data: ", 6);
	begin_stream(s, "", 0);
	send_raw(s, (struct str){piece, 2 << 20}, 0);
	end_stream(s);
}

static void play_bigheader(struct stream *s, const struct question *q)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	for (int i = 0; i < 70; i++)
		buf_addf(&b, "x-pad-%d: %01000d\r\n", i, 0);
	begin_stream(s, buf_cstr(&b), 0);
	send_end(s, q->usage);
}

static void play_drip(struct stream *s, const struct question *q)
{
	s->pause_ms = 5000;
	play_plain(s, q);
}

static void play_empty(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_end(s, q->usage);
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

static void play_filter(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":\"half a\"}", "content_filter");
}

static void play_refusal(struct stream *s, const struct question *q)
{
	finish_with(s, q, "{\"content\":null,\"refusal\":\"I will not.\"}", "stop");
}

static void play_other_model(struct stream *s, const struct question *q)
{
	s->model = "stub/really-this";
	play_plain(s, q);
}

static void play_echo(struct stream *s, const struct question *q)
{
	begin_stream(s, "", 0);
	send_pieces(s, q->last, 3);
	send_end(s, q->usage);
}

static const struct {
	const char *name;
	fault_fn *play;
} faults[] = {
	{"bytes", play_bytes}, {"onewrite", play_onewrite}, {"crlf", play_crlf}, {"cr", play_cr}, {"utf8", play_utf8},
	{"usage-chunk", play_plain}, {"no-usage", play_no_usage}, {"usage-twice", play_usage_twice},
	{"tools", play_tools}, {"tools-noindex", play_tools_noindex}, {"tools-empty", play_tools_empty},
	{"tools-args", play_tools_args}, {"tools-badjson", play_tools_badjson}, {"surrogate", play_surrogate},
	{"finish-error", play_finish_error}, {"error-only", play_error_only}, {"error-late", play_error_late},
	{"close", play_close}, {"reset", play_reset}, {"hang-headers", play_hang_headers}, {"hang-body", play_hang_body},
	{"hang-middle", play_hang_middle}, {"malformed", play_malformed}, {"no-done", play_no_done},
	{"no-finish", play_no_finish}, {"linger", play_linger}, {"cost", play_cost}, {"gzip", play_gzip},
	{"document", play_document}, {"html", play_html}, {"text", play_text}, {"40mib", play_40mib},
	{"longline", play_longline}, {"bigheader", play_bigheader}, {"drip", play_drip}, {"empty", play_empty},
	{"length", play_length}, {"filter", play_filter}, {"refusal", play_refusal}, {"other-model", play_other_model},
	{"echo", play_echo}, {"script", play_script},
};

/* How often this model name was asked before. */
static int count_question(const char *model)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		if (counters[i].model[0] == '\0')
			snprintf(counters[i].model, sizeof counters[i].model, "%s", model);
		if (strncmp(counters[i].model, model, sizeof counters[i].model - 1) == 0)
			return counters[i].n++;
	}
	return 0;
}

void play(struct connection *c, const struct question *q)
{
	struct stream s = {.c = c, .model = q->model, .eol = "\n"};
	const char *name = strncmp(q->model, "stub/", 5) == 0 ? q->model + 5 : "";

	if (strncmp(name, "delay-", 6) == 0) {
		play_plain(&s, q);
		c->first->delay_ms += strtol(name + 6, NULL, 10);
		return;
	}
	if (strncmp(name, "fail-", 5) == 0) {
		if (count_question(q->model) < strtol(name + 5, NULL, 10))
			play_status(c, "503");
		else
			play_plain(&s, q);
		return;
	}
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strcmp(faults[i].name, name) == 0) {
			faults[i].play(&s, q);
			return;
		}
	if (!play_status(c, name))
		play_plain(&s, q);
}
