/* wire_openai.c - chat completions of OpenAI and everything compatible: the request, and the rows of the table. */
#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/openai_answer.h"
#include "gateway/openai_error.h"
#include "gateway/wire.h"

static void add_key(struct buf *b, const char *key)
{
	buf_addf(b, ",\"%s\":", key);
}

static const char *role_name(enum message_role role)
{
	return role == ROLE_SYSTEM ? "system" : role == ROLE_ASSISTANT ? "assistant" : "user";
}

static void add_message(struct buf *b, const char *role, struct str text)
{
	buf_addf(b, "%s{\"role\":\"%s\",\"content\":", b->p[b->n - 1] == '[' ? "" : ",", role);
	json_write_string(b, text);
	buf_addc(b, '}');
}

/* Models that cannot be held to a schema are told of it. */
static void add_schema_message(struct buf *b, struct arena *a, const struct json *schema)
{
	struct buf text;

	buf_init(&text, a);
	buf_adds(&text, "Answer with one JSON value that is valid under this JSON Schema, and with nothing else:\n");
	json_write(&text, schema);
	add_message(b, "system", buf_str(&text));
}

static void add_messages(struct buf *b, struct arena *a, const struct wire_request *req)
{
	add_key(b, "messages");
	buf_addc(b, '[');
	if (req->output && !(req->model->can & CAN_JSON))
		add_schema_message(b, a, req->output);
	for (size_t i = 0; i < req->n_messages; i++)
		add_message(b, role_name(req->messages[i].role), req->messages[i].text);
	buf_addc(b, ']');
}

/* OpenAI's newer models refuse max_tokens, and several compatible servers know only that. */
static const char *max_tokens_key(const char *base_url)
{
	return str_starts(str_from(base_url), STR("https://api.openai.com/")) ? "max_completion_tokens" : "max_tokens";
}

static struct str make_body(struct arena *a, const struct wire_request *req)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"model\":");
	json_write_string(&b, req->model->id);
	add_messages(&b, a, req);
	if (req->max_output > 0) {
		add_key(&b, max_tokens_key(req->endpoint->base_url));
		buf_addf(&b, "%lld", (long long)req->max_output);
	}
	if (req->temperature >= 0) {
		add_key(&b, "temperature");
		json_write(&b, json_double(a, req->temperature));
	}
	if (req->output && (req->model->can & CAN_JSON)) {
		add_key(&b, "response_format");
		buf_adds(&b, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"schema\":");
		json_write(&b, req->output);
		buf_adds(&b, "}}");
	}
	buf_adds(&b, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	return buf_str(&b);
}

static int request(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	struct http_header *h = ARENA_ARRAY(a, 5, struct http_header);
	size_t n = 0;

	(void)err;
	h[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
	h[n++] = (struct http_header){STR("Accept"), STR("text/event-stream")};
	/* Proxies hold compressed streams back; what comes compressed all the same is decoded. */
	h[n++] = (struct http_header){STR("Accept-Encoding"), STR("identity")};
	h[n++] = (struct http_header){STR("User-Agent"), STR("agentd/" AGENTD_VERSION)};
	if (req->endpoint->key)
		h[n++] = (struct http_header){STR("Authorization"),
					      str_from(arena_printf(a, "Bearer %s", req->endpoint->key))};
	ret->method = "POST";
	ret->url = arena_printf(a, "%s/chat/completions", req->endpoint->base_url);
	ret->headers = h;
	ret->n_headers = n;
	ret->body = make_body(a, req);
	ret->gzip = true;
	return 0;
}

static void *decoder(struct arena *a, const struct wire_request *req)
{
	return openai_decoder_new(a, req->endpoint->provider->wire == WIRE_OPENROUTER);
}

static int piece(void *d, struct str bytes, struct err *err)
{
	return openai_decoder_piece(d, bytes, err);
}

static bool is_complete(const void *d)
{
	return openai_decoder_is_complete(d);
}

static int end(void *d, struct err *err)
{
	return openai_decoder_end(d, err);
}

static const struct wire_answer *answer(void *d)
{
	return openai_decoder_answer(d);
}

#define OPENAI_SURFACE \
	.request = request, .decoder = decoder, .piece = piece, .is_complete = is_complete, .end = end, \
	.answer = answer, .refused = openai_error_of_answer

const struct wire wire_openai = {.name = "openai", .kind = WIRE_OPENAI, OPENAI_SURFACE};
const struct wire wire_openrouter = {.name = "openrouter", .kind = WIRE_OPENROUTER, OPENAI_SURFACE};
