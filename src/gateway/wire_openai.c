/* wire_openai.c - chat completions and embeddings of OpenAI and everything compatible: the addresses, and the rows of the table. */
#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/openai_answer.h"
#include "gateway/openai_embed.h"
#include "gateway/openai_question.h"
#include "gateway/refusal.h"
#include "gateway/wire.h"

static void begin(struct arena *a, const struct wire_request *req, const char *path, struct http_request *ret)
{
	wire_begin_request(a, req, "Authorization", "Bearer ", ret);
	ret->url = arena_printf(a, "%s%s", req->endpoint->base_url, path);
}

static int request(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	(void)err;
	begin(a, req, "/chat/completions", ret);
	ret->body = openai_question(a, req);
	return 0;
}

static int embed(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	(void)err;
	begin(a, req, "/embeddings", ret);
	ret->body = openai_embed_question(a, req);
	return 0;
}

static void *decoder(struct arena *a, const struct wire_request *req)
{
	/* another gateway, like a router, knows what it was charged */
	return openai_decoder_new(a, req->model, req->endpoint->provider->wire == WIRE_OPENROUTER || req->model->unreserved);
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
	.answer = answer, .refused = refusal_of_answer, .embed_batch = OPENAI_EMBED_BATCH, .embed = embed, \
	.embedded = openai_embedded

const struct wire wire_openai = {.name = "openai", .kind = WIRE_OPENAI, OPENAI_SURFACE};
const struct wire wire_openrouter = {.name = "openrouter", .kind = WIRE_OPENROUTER, OPENAI_SURFACE};
