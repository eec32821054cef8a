/* wire_openai.c - chat completions and embeddings of OpenAI and everything compatible: the headers, and the rows of the table. */
#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/openai_answer.h"
#include "gateway/openai_embed.h"
#include "gateway/openai_question.h"
#include "gateway/refusal.h"
#include "gateway/wire.h"

static void post(struct arena *a, const struct wire_request *req, const char *path, bool stream, struct http_request *ret)
{
	struct http_header *h = ARENA_ARRAY(a, 5, struct http_header);
	size_t n = 0;

	h[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
	h[n++] = (struct http_header){STR("Accept"), stream ? STR("text/event-stream") : STR("application/json")};
	/* Proxies hold compressed streams back; what comes compressed all the same is decoded. */
	if (stream)
		h[n++] = (struct http_header){STR("Accept-Encoding"), STR("identity")};
	h[n++] = (struct http_header){STR("User-Agent"), STR("agentd/" AGENTD_VERSION)};
	if (req->endpoint->key)
		h[n++] = (struct http_header){STR("Authorization"),
					      str_from(arena_printf(a, "Bearer %s", req->endpoint->key))};
	ret->method = "POST";
	ret->url = arena_printf(a, "%s%s", req->endpoint->base_url, path);
	ret->headers = h;
	ret->n_headers = n;
	ret->gzip = true;
}

static int request(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	(void)err;
	post(a, req, "/chat/completions", true, ret);
	ret->body = openai_question(a, req);
	return 0;
}

static int embed(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	(void)err;
	post(a, req, "/embeddings", false, ret);
	ret->body = openai_embed_question(a, req);
	return 0;
}

static void *decoder(struct arena *a, const struct wire_request *req)
{
	return openai_decoder_new(a, req->model, req->endpoint->provider->wire == WIRE_OPENROUTER);
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
#include "gateway/openai_embed.h"

const struct wire wire_openai = {.name = "openai", .kind = WIRE_OPENAI, OPENAI_SURFACE};
const struct wire wire_openrouter = {.name = "openrouter", .kind = WIRE_OPENROUTER, OPENAI_SURFACE};
