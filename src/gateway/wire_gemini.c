/* wire_gemini.c - generateContent of Google's Gemini API, streamed, and its embeddings: the addresses, and the row of the table. */
#include "base/arena.h"
#include "base/http.h"
#include "gateway/gemini_answer.h"
#include "gateway/gemini_embed.h"
#include "gateway/gemini_question.h"
#include "gateway/refusal.h"
#include "gateway/wire.h"

/* A model is a resource: models/ID, unless its id says of which kind it is. */
static void add_model(struct buf *b, struct str id)
{
	static const char plain[] = "-._~/:@!$&'()*+,;=";

	if (!str_starts(id, STR("models/")) && !str_starts(id, STR("tunedModels/")))
		buf_adds(b, "models/");
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(plain, c)))
			buf_addc(b, (char)c);
		else
			buf_addf(b, "%%%02X", c);
	}
}

/* The same in a body, where nothing is escaped. */
static struct str resource_of(struct arena *a, struct str id)
{
	bool is_whole = str_starts(id, STR("models/")) || str_starts(id, STR("tunedModels/"));

	return is_whole ? id : str_from(arena_printf(a, "models/" STR_FMT, STR_ARG(id)));
}

static int request(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	struct buf url;

	(void)err;
	buf_init(&url, a);
	buf_addf(&url, "%s/", req->endpoint->base_url);
	add_model(&url, req->model->id);
	buf_adds(&url, ":streamGenerateContent?alt=sse");
	wire_begin_request(a, req, "x-goog-api-key", "", ret);	/* in the address it would end in logs */
	ret->url = buf_cstr(&url);
	ret->body = gemini_question(a, req);
	return 0;
}

static int embed(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	struct buf model;

	(void)err;
	buf_init(&model, a);
	add_model(&model, req->model->id);
	wire_begin_request(a, req, "x-goog-api-key", "", ret);
	ret->url = arena_printf(a, "%s/" STR_FMT ":batchEmbedContents", req->endpoint->base_url, STR_ARG(buf_str(&model)));
	ret->body = gemini_embed_question(a, req, resource_of(a, req->model->id));
	return 0;
}

static void *decoder(struct arena *a, const struct wire_request *req)
{
	return gemini_decoder_new(a, req);
}

static int piece(void *d, struct str bytes, struct err *err)
{
	return gemini_decoder_piece(d, bytes, err);
}

static bool is_complete(const void *d)
{
	return gemini_decoder_is_complete(d);
}

static int end(void *d, struct err *err)
{
	return gemini_decoder_end(d, err);
}

static const struct wire_answer *answer(void *d)
{
	return gemini_decoder_answer(d);
}

const struct wire wire_gemini = {
	.name = "gemini",
	.kind = WIRE_GEMINI,
	.request = request,
	.decoder = decoder,
	.piece = piece,
	.is_complete = is_complete,
	.end = end,
	.answer = answer,
	.refused = refusal_of_answer,
	.embed_batch = GEMINI_EMBED_BATCH,
	.embed = embed,
	.embedded = gemini_embedded,
};
