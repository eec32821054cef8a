/* stub_openai_embed.c - the stub's embeddings. Number k of a text's vector is made from both, so that whoever asks can make it
 * again; no vector has length 1. The model names
 *
 *   stub/float stub/base64   in this form, whatever was asked for     stub/order   the last one first, each with its index
 *   stub/no-index            in order, without index                  stub/twice   index 0 for all
 *   stub/count stub/extra    one vector too few, one too many         stub/dims    one number too many
 *   stub/nan stub/null stub/text-number   the second number of the last vector is none
 *   stub/nan-base64          the same in base64                       stub/half    base64 that ends within a number
 *   stub/zero                a vector of zeros                        stub/no-usage stub/cost   as of chats
 *   stub/bare                a document without data                  stub/cut     a clean close in the middle
 *   stub/refuse-dims         400 to a question with dimensions
 *
 * play faults, and so do those of stub_openai_refusals.c, stub/fail-N/ID, stub/delay-N, stub/hang-headers, stub/bigheader,
 * stub/html, stub/text and stub/error-only.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/json.h"
#include "t/bin/stub_openai.h"

enum { DIMS = 8, TEXTS_MAX = 2048, DIMS_MAX = 4096 };

struct embedding {
	struct connection *c;
	const char *fault;
	bool base64;
	size_t n, dims;
	const struct json *input;
};

static const char *embed_check(struct arena *a, const struct json *v)
{
	static const char *const keys[] = {"model", "input", "dimensions", "encoding_format"};
	const struct json *input = json_getc(v, "input");
	struct str format = json_str(json_getc(v, "encoding_format"));
	int64_t dims = DIMS;

	for (size_t i = 0; i < json_len(v); i++) {
		size_t k = 0;

		while (k < 4 && !str_is(json_key(v, i), keys[k]))
			k++;
		if (k == 4)
			return arena_printf(a, "key \"" STR_FMT "\" is unknown", STR_ARG(json_key(v, i)));
	}
	if (json_str(json_getc(v, "model")).n == 0 || json_len(input) == 0 || json_type(input) != JSON_ARRAY)
		return "model or input are missing";
	if (json_len(input) > TEXTS_MAX)
		return "more than 2048 inputs";
	for (size_t i = 0; i < json_len(input); i++)
		if (json_str(json_at(input, i)).n == 0)
			return "an input is empty, or no text";
	if (json_getc(v, "dimensions") && (!json_to_int(json_getc(v, "dimensions"), &dims) || dims < 1 || dims > DIMS_MAX))
		return "dimensions is no number from 1 to 4096";
	if (json_getc(v, "encoding_format") && !str_is(format, "float") && !str_is(format, "base64"))
		return "encoding_format is neither float nor base64";
	return NULL;
}

static bool is_fault(const struct embedding *e, const char *name)
{
	return strcmp(e->fault, name) == 0;
}

static void add_float(struct buf *b, double d)
{
	float f = (float)d;
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	for (int i = 0; i < 4; i++)
		buf_addc(b, (char)(bits >> 8 * i & 0xFF));
}

static void add_base64(struct buf *b, const struct embedding *e, struct str text, bool broken, size_t dims)
{
	struct buf raw;

	buf_init(&raw, e->c->arena);
	for (size_t k = 0; k < dims; k++)
		add_float(&raw, is_fault(e, "zero") ? 0 : broken && k == 1 ? (double)NAN : stub_number(text, k));
	if (is_fault(e, "half"))
		raw.n -= 2;
	buf_addf(b, "\"%s\"", base64_encode(e->c->arena, raw.p, raw.n));
}

static void add_numbers(struct buf *b, const struct embedding *e, struct str text, const char *broken, size_t dims)
{
	buf_addc(b, '[');
	for (size_t k = 0; k < dims; k++) {
		if (k > 0)
			buf_addc(b, ',');
		if (broken && k == 1)
			buf_adds(b, broken);
		else
			buf_addf(b, "%.9g", is_fault(e, "zero") ? 0 : stub_number(text, k));
	}
	buf_addc(b, ']');
}

static void add_vector(struct buf *b, const struct embedding *e, size_t i)
{
	struct str text = json_str(json_at(e->input, i));
	bool is_last = i + 1 == e->n;
	const char *broken = is_fault(e, "nan") ? "NaN" : is_fault(e, "null") ? "null" : is_fault(e, "text-number") ? "\"1\"" : NULL;
	size_t dims = e->dims + is_fault(e, "dims");

	buf_adds(b, "{\"object\":\"embedding\",");
	if (!is_fault(e, "no-index"))
		buf_addf(b, "\"index\":%zu,", is_fault(e, "twice") ? 0 : i);
	buf_adds(b, "\"embedding\":");
	if (e->base64)
		add_base64(b, e, text, is_last && is_fault(e, "nan-base64"), dims);
	else
		add_numbers(b, e, text, is_last ? broken : NULL, dims);
	buf_addc(b, '}');
}

static void add_data(struct buf *b, const struct embedding *e)
{
	size_t n = e->n - is_fault(e, "count");

	buf_adds(b, "\"data\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, ',');
		add_vector(b, e, is_fault(e, "order") ? n - 1 - i : i);
	}
	if (is_fault(e, "extra")) {
		buf_adds(b, n > 0 ? "," : "");
		add_vector(b, e, 0);
	}
	buf_addc(b, ']');
}

static void add_usage(struct buf *b, const struct embedding *e, size_t n_bytes)
{
	if (is_fault(e, "cost"))
		buf_adds(b, ",\"usage\":{\"prompt_tokens\":100,\"total_tokens\":100,\"cost\":0.0123,\"is_byok\":false}");
	else if (!is_fault(e, "no-usage"))
		buf_addf(b, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}", n_bytes / 4, n_bytes / 4);
}

/* What any question can meet; false: no such name. */
static bool play_trouble(struct connection *c, const char *model)
{
	static const char *const names[] = {"hang-headers", "bigheader", "html", "text"};
	struct stream s = {.c = c, .model = model, .eol = "\n", .voice = &(struct voice){.end = send_end}};
	struct question q = {.model = model, .usage = "{}"};
	const char *name = fault_name(model);

	if (strncmp(name, "fail-", 5) == 0)
		return count_question(model) < strtol(name + 5, NULL, 10) && play_status(c, "503");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return play_common(&s, &q, name);
	return strcmp(name, "error-only") == 0 ? play_openai(&s, &q, name) : play_status(c, name);
}

static void send_embeddings(const struct embedding *e, const char *model, size_t n_bytes)
{
	struct connection *c = e->c;
	struct reply r = {.status = 200, .type = "application/json"};

	buf_init(&r.body, c->arena);
	buf_adds(&r.body, "{\"object\":\"list\",");
	if (!is_fault(e, "bare")) {
		add_data(&r.body, e);
		buf_addc(&r.body, ',');
	}
	buf_adds(&r.body, "\"model\":");
	json_write_string(&r.body, str_from(model));
	add_usage(&r.body, e, n_bytes);
	buf_addc(&r.body, '}');
	add_reply(c, &r);
	if (is_fault(e, "cut")) {
		c->first->n -= 20;
		add_close(c, false, 0);
	}
	if (strncmp(e->fault, "delay-", 6) == 0)
		c->first->delay_ms += strtol(e->fault + 6, NULL, 10);
}

void openai_embed(struct connection *c, const struct stub_request *r)
{
	const struct json *v = openai_read(c, r, embed_check);
	struct embedding e = {.c = c, .input = json_getc(v, "input")};
	const char *model;
	int64_t dims = DIMS;

	if (!v)
		return;
	model = str_cstr(c->arena, json_str(json_getc(v, "model")));
	if (play_trouble(c, model))
		return;
	json_to_int(json_getc(v, "dimensions"), &dims);
	e.n = json_len(e.input);
	e.dims = (size_t)dims;
	e.fault = fault_name(model);
	e.base64 = is_fault(&e, "base64") || is_fault(&e, "nan-base64") || is_fault(&e, "half") ||
		   (str_is(json_str(json_getc(v, "encoding_format")), "base64") && !is_fault(&e, "float"));
	if (is_fault(&e, "refuse-dims") && json_getc(v, "dimensions"))
		add_error(c, 400, NULL, "invalid_request_error", NULL, "This model does not support specifying dimensions.");
	else
		send_embeddings(&e, model, r->body.n);
}
