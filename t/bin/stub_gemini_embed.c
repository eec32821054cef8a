/* stub_gemini_embed.c - Gemini's embeddings, one text or many. Numbers as of all of the stub's vectors (stub_number.c); their length is
 * not 1. The model names
 *
 *   stub/count stub/extra   one vector too few, one too many      stub/dims    one number too many
 *   stub/null stub/nan      the second number of the last vector is none; nan is the text "NaN"
 *   stub/zero               a vector of zeros                     stub/bare    a document without vectors
 *
 * play faults, and so do those of stub_gemini_refusals.c, stub/fail-N/ID and stub/delay-N.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_gemini.h"

enum { DIMS = 8, DIMS_MAX = 4096, BATCH_MAX = 100 };

static const char *const task_types[] = {"RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION",
	"CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"};

static const char *check_keys(struct arena *a, const struct json *v, const char *const *keys)
{
	for (size_t i = 0; i < json_len(v); i++) {
		const char *const *k = keys;

		while (*k && !gemini_is_key(json_key(v, i), *k))
			k++;
		if (!*k)
			return arena_printf(a, "Invalid JSON payload received. Unknown name \"" STR_FMT "\": Cannot find field.",
					    STR_ARG(json_key(v, i)));
	}
	return json_type(v) == JSON_OBJECT ? NULL : "a request is no object";
}

static const char *check_text(struct arena *a, const struct json *v)
{
	static const char *const keys[] = {"model", "content", "taskType", "title", "outputDimensionality", NULL};
	const struct json *parts = json_getc(json_getc(v, "content"), "parts");
	struct str type = json_str(gemini_get(v, "taskType"));
	const char *wrong = check_keys(a, v, keys);
	int64_t dims = DIMS;
	size_t k = 0;

	if (wrong)
		return wrong;
	for (size_t i = 0; i < json_len(parts); i++)
		if (json_str(json_getc(json_at(parts, i), "text")).n == 0)
			return "* EmbedContentRequest.content.parts: a part is empty, or no text";
	if (json_len(parts) == 0)
		return "* EmbedContentRequest.content: contents is not specified";
	while (type.n > 0 && k < 8 && !str_is(type, task_types[k]))
		k++;
	if (k == 8)
		return arena_printf(a, "Invalid value at 'task_type': \"" STR_FMT "\"", STR_ARG(type));
	if (gemini_get(v, "outputDimensionality") &&
	    (!json_to_int(gemini_get(v, "outputDimensionality"), &dims) || dims < 1 || dims > DIMS_MAX))
		return "* EmbedContentRequest.output_dimensionality: out of range";
	return NULL;
}

static const char *check_batch(struct arena *a, const struct json *v)
{
	static const char *const keys[] = {"requests", NULL};
	const struct json *requests = json_getc(v, "requests");
	const char *wrong = check_keys(a, v, keys);

	if (!wrong && json_len(requests) == 0)
		wrong = "* BatchEmbedContentsRequest.requests: requests is not specified";
	if (!wrong && json_len(requests) > BATCH_MAX)
		wrong = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch";
	for (size_t i = 0; !wrong && i < json_len(requests); i++) {
		wrong = check_text(a, json_at(requests, i));
		if (!wrong && !json_getc(json_at(requests, i), "model"))
			wrong = "* BatchEmbedContentsRequest.requests.model: model is not specified";
	}
	return wrong;
}

/* NULL: each request names the model of the address, with its prefix. */
static const char *check_model(struct arena *a, const struct json *request, const char *model)
{
	struct str named = json_str(json_getc(request, "model"));

	if (named.n == 0 || str_is(named, arena_printf(a, "models/%s", model)))
		return NULL;
	return arena_printf(a, "strict: model \"" STR_FMT "\" is not that of the address, models/%s", STR_ARG(named), model);
}

/* Several parts are one text. */
static struct str text_of(struct arena *a, const struct json *request)
{
	const struct json *parts = json_getc(json_getc(request, "content"), "parts");
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(parts); i++)
		buf_addstr(&b, json_str(json_getc(json_at(parts, i), "text")));
	return buf_str(&b);
}

static void add_vector(struct buf *b, struct arena *a, const struct json *request, const char *fault, bool is_last)
{
	const char *broken = strcmp(fault, "null") == 0 ? "null" : strcmp(fault, "nan") == 0 ? "\"NaN\"" : NULL;
	struct str text = text_of(a, request);
	int64_t dims = DIMS;

	json_to_int(gemini_get(request, "outputDimensionality"), &dims);
	dims += strcmp(fault, "dims") == 0;
	buf_adds(b, "{\"values\":[");
	for (int64_t k = 0; k < dims; k++) {
		buf_adds(b, k ? "," : "");
		if (broken && is_last && k == 1)
			buf_adds(b, broken);
		else
			buf_addf(b, "%.9g", strcmp(fault, "zero") == 0 ? 0 : stub_number(text, (size_t)k));
	}
	buf_adds(b, "]}");
}

/* True: the fault was a refusal. */
static bool refuse(struct connection *c, const char *model)
{
	const char *name = gemini_fault(model);

	if (strncmp(name, "fail-", 5) == 0)
		return count_question(model) < strtol(name + 5, NULL, 10) && gemini_refuse(c, "503");
	return gemini_refuse(c, name);
}

static void send_vectors(struct connection *c, const char *model, struct str body)
{
	struct reply r = {.status = 200, .type = "application/json"};
	const char *name = gemini_fault(model);

	buf_init(&r.body, c->arena);
	buf_addstr(&r.body, strcmp(name, "bare") == 0 ? STR("{}") : body);
	add_reply(c, &r);
	if (strncmp(name, "delay-", 6) == 0)
		c->first->delay_ms += strtol(name + 6, NULL, 10);
}

void gemini_embed(struct connection *c, const struct stub_request *r)
{
	const char *model, *wrong;
	const struct json *v = gemini_read(c, r, check_text, &model);
	struct buf b;

	if (!v || refuse(c, model))
		return;
	wrong = check_model(c->arena, v, model);
	if (wrong) {
		gemini_error(c, 400, "INVALID_ARGUMENT", wrong, NULL);
		return;
	}
	buf_init(&b, c->arena);
	buf_adds(&b, "{\"embedding\":");
	add_vector(&b, c->arena, v, gemini_fault(model), true);
	buf_addc(&b, '}');
	send_vectors(c, model, buf_str(&b));
}

void gemini_embed_batch(struct connection *c, const struct stub_request *r)
{
	const char *model, *wrong = NULL;
	const struct json *v = gemini_read(c, r, check_batch, &model), *requests = json_getc(v, "requests");
	const char *fault;
	struct buf b;
	size_t n;

	if (!v || refuse(c, model))
		return;
	for (size_t i = 0; !wrong && i < json_len(requests); i++)
		wrong = check_model(c->arena, json_at(requests, i), model);
	if (wrong) {
		gemini_error(c, 400, "INVALID_ARGUMENT", wrong, NULL);
		return;
	}
	fault = gemini_fault(model);
	n = json_len(requests) - (strcmp(fault, "count") == 0);
	buf_init(&b, c->arena);
	buf_adds(&b, "{\"embeddings\":[");
	for (size_t i = 0; i < n; i++) {
		buf_adds(&b, i ? "," : "");
		add_vector(&b, c->arena, json_at(requests, i), fault, i + 1 == n);
	}
	if (strcmp(fault, "extra") == 0) {
		buf_addc(&b, ',');
		add_vector(&b, c->arena, json_at(requests, 0), fault, false);
	}
	buf_adds(&b, "]}");
	send_vectors(c, model, buf_str(&b));
}
