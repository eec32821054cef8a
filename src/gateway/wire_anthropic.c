/* wire_anthropic.c - Anthropic's Messages: the address, the version, and the row of the table. */
#include "base/arena.h"
#include "base/http.h"
#include "gateway/anthropic_answer.h"
#include "gateway/anthropic_error.h"
#include "gateway/anthropic_question.h"
#include "gateway/wire.h"

/* The latest that takes a temperature; newer ones refuse it, whatever the model. */
#define API_VERSION "2023-06-01"

static int request(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err)
{
	bool has_v1 = str_ends(str_from(req->endpoint->base_url), STR("/v1"));

	(void)err;
	wire_begin_request(a, req, "x-api-key", "", ret);
	wire_add_header(a, ret, STR("anthropic-version"), STR(API_VERSION));
	ret->url = arena_printf(a, "%s%s/messages", req->endpoint->base_url, has_v1 ? "" : "/v1");
	ret->body = anthropic_question(a, req);
	return 0;
}

static void *decoder(struct arena *a, const struct wire_request *req)
{
	return anthropic_decoder_new(a, req->model);
}

static int piece(void *d, struct str bytes, struct err *err)
{
	return anthropic_decoder_piece(d, bytes, err);
}

static bool is_complete(const void *d)
{
	return anthropic_decoder_is_complete(d);
}

static int end(void *d, struct err *err)
{
	return anthropic_decoder_end(d, err);
}

static const struct wire_answer *answer(void *d)
{
	return anthropic_decoder_answer(d);
}

const struct wire wire_anthropic = {
	.name = "anthropic", .kind = WIRE_ANTHROPIC, .request = request, .decoder = decoder, .piece = piece,
	.is_complete = is_complete, .end = end, .answer = answer, .refused = anthropic_error_of_answer,
};
