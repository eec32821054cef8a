/* openai_embed.c - see openai_embed.h. */
#include "gateway/openai_embed.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/embedding.h"
#include "gateway/refusal.h"
#include "gateway/openai_question.h"
#include "gateway/openai_usage.h"
#include "gateway/wire.h"

struct str openai_embed_question(struct arena *a, const struct wire_request *req)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"model\":");
	json_write_string(&b, req->model->id);
	buf_adds(&b, ",\"input\":[");
	for (size_t i = 0; i < req->n_texts; i++) {
		if (i > 0)
			buf_addc(&b, ',');
		json_write_string(&b, req->texts[i]);
	}
	buf_addc(&b, ']');
	if (req->model->shorten)
		buf_addf(&b, ",\"dimensions\":%d", req->model->dims);
	/* A third of the bytes; but not every compatible server knows how to. */
	buf_addf(&b, ",\"encoding_format\":\"%s\"}", openai_is_asked(req) ? "base64" : "float");
	return buf_str(&b);
}

static int take_datum(struct vectors *v, const struct json *datum, size_t at, struct err *err)
{
	const struct json *embedding = json_getc(datum, "embedding"), *number = json_getc(datum, "index");
	int64_t index = (int64_t)at;

	if (number && !json_to_int(number, &index))
		return err_set(err, ERR_MODEL_BAD_BODY, "the index of vector %zu is no number", at);
	if (json_type(embedding) == JSON_STRING)
		return vectors_take_base64(v, index, json_str(embedding), err);
	return vectors_take_numbers(v, index, embedding, err);
}

static int take_data(struct arena *a, const struct wire_request *req, const struct json *data, struct wire_answer *ret,
		     struct err *err)
{
	struct vectors v;

	if (json_type(data) != JSON_ARRAY)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer has no \"data\"");
	if (json_len(data) != req->n_texts)
		return err_set(err, ERR_MODEL_BAD_BODY, "%zu vectors for %zu texts", json_len(data), req->n_texts);
	vectors_begin(&v, a, req->n_texts, (size_t)req->model->dims);
	for (size_t i = 0; i < json_len(data); i++)
		if (take_datum(&v, json_at(data, i), i, err) < 0)
			return -1;
	return vectors_end(&v, &ret->vectors, err);
}

static void take_usage(const struct wire_request *req, const struct json *usage, struct wire_answer *ret)
{
	ret->has_usage = openai_usage_read(usage, &ret->usage);
	if (req->endpoint->provider->wire == WIRE_OPENROUTER)
		ret->has_cost = openai_cost_read(usage, &ret->cost_pusd);
}

int openai_embedded(struct arena *a, const struct wire_request *req, struct str body, struct wire_answer *ret, struct err *err)
{
	struct arena *scratch = arena_new(a);	/* the document is many times the vectors */
	const struct json *v, *error;
	struct err why;
	int status;

	if (str_starts(str_trim(body), STR("<")))
		status = err_set(err, ERR_MODEL_SERVER_ERROR, "an HTML page in the place of an answer");
	else if (json_parse(scratch, body, NULL, &v, &why) < 0)
		status = err_set(err, ERR_MODEL_BAD_BODY, "the answer is not JSON: %s", why.msg);
	else if (json_truth(error = json_getc(v, "error")))
		status = refusal_in_stream(scratch, error, false, err);
	else {
		take_usage(req, json_getc(v, "usage"), ret);
		ret->model = str_dup(a, str_clip(json_str(json_getc(v, "model")), 200));
		ret->request_id = str_dup(a, str_clip(json_str(json_getc(v, "id")), 200));
		ret->output_began = true;
		status = take_data(a, req, json_getc(v, "data"), ret, err);
	}
	arena_free(scratch);
	return status;
}
