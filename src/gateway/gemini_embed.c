/* gemini_embed.c - see gemini_embed.h. */
#include "gateway/gemini_embed.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/embedding.h"
#include "gateway/refusal.h"
#include "gateway/wire.h"

struct str gemini_embed_question(struct arena *a, const struct wire_request *req, struct str resource)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"requests\":[");
	for (size_t i = 0; i < req->n_texts; i++) {
		buf_adds(&b, i > 0 ? ",{\"model\":" : "{\"model\":");
		json_write_string(&b, resource);
		buf_adds(&b, ",\"content\":{\"parts\":[{\"text\":");
		json_write_string(&b, req->texts[i]);
		buf_adds(&b, "}]}");
		if (req->model->shorten)
			buf_addf(&b, ",\"outputDimensionality\":%d", req->model->dims);
		buf_addc(&b, '}');
	}
	buf_adds(&b, "]}");
	return buf_str(&b);
}

static int take_embeddings(struct arena *a, const struct wire_request *req, const struct json *list, struct wire_answer *ret,
			   struct err *err)
{
	struct vectors v;

	if (json_type(list) != JSON_ARRAY)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer has no \"embeddings\"");
	if (json_len(list) != req->n_texts)
		return err_set(err, ERR_MODEL_BAD_BODY, "%zu vectors for %zu texts", json_len(list), req->n_texts);
	vectors_begin(&v, a, req->n_texts, (size_t)req->model->dims);
	for (size_t i = 0; i < json_len(list); i++)
		if (vectors_take_numbers(&v, (int64_t)i, json_getc(json_at(list, i), "values"), err) < 0)
			return -1;
	return vectors_end(&v, &ret->vectors, err);
}

int gemini_embedded(struct arena *a, const struct wire_request *req, struct str body, struct wire_answer *ret, struct err *err)
{
	struct arena *scratch = arena_new(a);	/* the document is many times the vectors */
	const struct json *v, *first;
	struct err why;
	int status;

	if (str_starts(str_trim(body), STR("<"))) {
		status = err_set(err, ERR_MODEL_SERVER_ERROR, "an HTML page in the place of an answer");
	} else if (json_parse(scratch, body, NULL, &v, &why) < 0) {
		status = err_set(err, ERR_MODEL_BAD_BODY, "the answer is not JSON: %s", why.msg);
	} else {
		first = json_type(v) == JSON_ARRAY ? json_at(v, 0) : v;	/* errors come in arrays, too */
		if (json_truth(json_getc(first, "error"))) {
			status = refusal_in_stream(scratch, json_getc(first, "error"), false, err);
		} else {
			ret->model = req->model->id;	/* it names none */
			ret->output_began = true;
			status = take_embeddings(a, req, json_getc(v, "embeddings"), ret, err);
		}
	}
	arena_free(scratch);
	return status;
}
