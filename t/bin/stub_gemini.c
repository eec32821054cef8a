/* stub_gemini.c - a question of generateContent: is it one, and who plays the answer. */
#include "t/bin/stub_gemini.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* --- how it speaks --- */

const char *gemini_text_part(struct arena *a, struct str text, const char *more)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"text\":");
	json_write_string(&b, text);
	buf_addf(&b, "%s}", more);
	return buf_cstr(&b);
}

void gemini_begin(struct gemini_stream *g)
{
	begin_stream(&g->s, "", 0);
}

static void send_document(struct gemini_stream *g, struct str body)
{
	struct reply r = {.status = 200, .type = "application/json"};

	if (g->sent)
		return;
	g->sent = true;
	buf_init(&r.body, g->s.c->arena);
	buf_addstr(&r.body, body);
	add_reply(g->s.c, &r);
}

void gemini_send_raw(struct gemini_stream *g, const char *response)
{
	if (g->form == GEMINI_EVENTS) {
		send_event(&g->s, response);
	} else if (g->form == GEMINI_ARRAY) {
		buf_adds(&g->gathered, g->gathered.n ? ",\r\n" : "[");
		buf_adds(&g->gathered, response);
	} else {
		send_document(g, str_from(response));
	}
}

static const char *response(struct gemini_stream *g, const char *parts, const char *finish, const char *usage, const char *more)
{
	struct buf b;

	buf_init(&b, g->s.c->arena);
	buf_addc(&b, '{');
	if (parts) {
		buf_addf(&b, "\"candidates\":[{\"content\":{\"parts\":[%s],\"role\":\"model\"}", parts);
		if (finish)
			buf_addf(&b, ",\"finishReason\":\"%s\"", finish);
		buf_adds(&b, ",\"index\":0}],");
	}
	if (usage)
		buf_addf(&b, "\"usageMetadata\":%s,", usage);
	buf_adds(&b, "\"modelVersion\":");
	json_write_string(&b, str_from(g->s.model));
	buf_addf(&b, ",\"responseId\":\"stub-response\"%s}", more);
	return buf_cstr(&b);
}

void gemini_send(struct gemini_stream *g, const char *parts, const char *finish, const char *usage, const char *more)
{
	if (g->form != GEMINI_DOCUMENT) {
		gemini_send_raw(g, response(g, parts, finish, usage ? usage : g->interim, more));
		return;
	}
	if (parts && *parts)
		buf_addf(&g->gathered, "%s%s", g->gathered.n ? "," : "", parts);
	if (finish || !parts)
		send_document(g, str_from(response(g, parts ? buf_cstr(&g->gathered) : NULL, finish, usage, more)));
}

void gemini_end(struct gemini_stream *g)
{
	if (g->form == GEMINI_EVENTS) {
		end_stream(&g->s);
	} else if (g->form == GEMINI_ARRAY) {
		buf_addc(&g->gathered, ']');
		send_document(g, buf_str(&g->gathered));
	}
}

static void say(struct stream *s, struct str text)
{
	gemini_send((struct gemini_stream *)s, gemini_text_part(s->c->arena, text, ""), NULL, NULL, "");
}

static void finish(struct stream *s, const char *usage)
{
	struct gemini_stream *g = (struct gemini_stream *)s;

	gemini_send(g, g->form == GEMINI_DOCUMENT ? "" : "{\"text\":\"\"}", "STOP", usage, "");
	gemini_end(g);
}

void gemini_error(struct connection *c, int status, const char *word, const char *message, const char *details)
{
	struct buf b;

	buf_init(&b, c->arena);
	buf_addf(&b, "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": ", status);
	json_write_string(&b, str_from(message));
	buf_addf(&b, ",\n    \"status\": \"%s\"%s%s\n  }\n}\n", word, details ? ",\n    \"details\": " : "", details ? details : "");
	add_json(c, status, NULL, buf_cstr(&b));
}

static const struct voice voice = {.text = say, .end = finish, .refuse = gemini_refuse};

/* --- the question --- */

const char *gemini_fault(const char *model)
{
	const char *at = strstr(model, "stub/");

	return at ? at + 5 : "";
}

/* NULL: the key is right. */
static const char *refuse_key(struct connection *c, const struct stub_request *r)
{
	struct str key = stub_header(r, "x-goog-api-key");
	struct str query = str_from(arena_printf(c->arena, "&" STR_FMT, STR_ARG(r->query)));
	const char *wrong;

	if (str_find(query, STR("&key=")) >= 0) {
		wrong = "strict: the key stands in the address";
		gemini_error(c, 400, "INVALID_ARGUMENT", wrong, NULL);
	} else if (stub.key && key.n == 0) {
		wrong = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
			"form of API consumer identity to call this API.";
		gemini_error(c, 403, "PERMISSION_DENIED", wrong, NULL);
	} else if (stub.key && !str_is(key, stub.key)) {
		wrong = arena_printf(c->arena, "API key not valid. Please pass a valid API key. strict: wrong key \"" STR_FMT "\"",
				     STR_ARG(key));
		gemini_error(c, 400, "INVALID_ARGUMENT", wrong, "[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
			     "\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\"}]");
	} else {
		return NULL;
	}
	return wrong;
}

const struct json *gemini_read(struct connection *c, const struct stub_request *r,
			       const char *(*check)(struct arena *a, const struct json *v), const char **model)
{
	ptrdiff_t from = str_find(r->path, STR("/models/")), colon = -1;
	const struct json *v = NULL;
	const char *wrong;
	struct err err;

	if (refuse_key(c, r)) {
		stub_log(400, STR("-"), r->body);
		return NULL;
	}
	for (size_t i = 0; i < r->path.n; i++)
		if (r->path.p[i] == ':')
			colon = (ptrdiff_t)i;
	if (from < 0 || colon <= from + 8)
		wrong = "no model in the path";
	else if (!str_starts(stub_header(r, "content-type"), STR("application/json")))
		wrong = "Content-Type is not application/json";
	else if (json_parse(c->arena, r->body, NULL, &v, &err) < 0)
		wrong = arena_strdup(c->arena, err.msg);
	else
		wrong = check(c->arena, v);
	if (wrong) {
		gemini_error(c, 400, "INVALID_ARGUMENT", arena_printf(c->arena, "strict: %s", wrong), NULL);
		stub_log(400, STR("-"), r->body);
		return NULL;
	}
	*model = str_cstr(c->arena, str_sub(r->path, (size_t)from + 8, (size_t)(colon - from) - 8));
	stub_log(200, str_from(*model), r->body);
	return v;
}

static struct str last_text(struct arena *a, const struct json *contents)
{
	const struct json *parts = json_getc(json_at(contents, json_len(contents) - 1), "parts");
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(parts); i++)
		buf_addstr(&b, json_str(json_getc(json_at(parts, i), "text")));
	return buf_str(&b);
}

/* Faults of a stream have no meaning in a document. */
static bool fits(enum gemini_form form, const char *name)
{
	static const char *const plain[] = {"", "empty", "echo", "other-model", "no-usage", "hang-headers", "html", "text"};

	if (form == GEMINI_EVENTS || strncmp(name, "fail-", 5) == 0 || strncmp(name, "delay-", 6) == 0)
		return true;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (strcmp(plain[i], name) == 0)
			return true;
	return false;
}

static void answer(struct connection *c, const struct stub_request *r, enum gemini_form form)
{
	struct gemini_stream g = {.s = {.c = c, .voice = &voice, .eol = "\n", .whole = form != GEMINI_EVENTS}, .form = form};
	const struct json *v = gemini_read(c, r, gemini_strict, &g.s.model);
	struct question q;
	const char *name;

	if (!v)
		return;
	name = gemini_fault(g.s.model);
	buf_init(&g.gathered, c->arena);
	if (strcmp(name, "no-usage") != 0)
		g.interim = arena_printf(c->arena, "{\"promptTokenCount\":%zu,\"totalTokenCount\":%zu}", r->body.n / 4, r->body.n / 4);
	q.model = g.s.model;
	q.messages = json_getc(v, "contents");
	q.last = last_text(c->arena, q.messages);
	q.usage = arena_printf(c->arena, "{\"promptTokenCount\":%zu,\"candidatesTokenCount\":3,\"totalTokenCount\":%zu,"
			       "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%zu}]}", r->body.n / 4, r->body.n / 4 + 3,
			       r->body.n / 4);
	if (!(fits(form, name) && play_common(&g.s, &q, name)) && !gemini_play(&g, &q, name) && !gemini_refuse(c, name))
		play_plain(&g.s, &q);
}

void gemini_generate(struct connection *c, const struct stub_request *r)
{
	answer(c, r, GEMINI_DOCUMENT);
}

void gemini_stream(struct connection *c, const struct stub_request *r)
{
	struct str query = str_from(arena_printf(c->arena, "&" STR_FMT "&", STR_ARG(r->query)));

	answer(c, r, str_find(query, STR("&alt=sse&")) >= 0 ? GEMINI_EVENTS : GEMINI_ARRAY);
}
