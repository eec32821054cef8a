/* door_vectors.c - see door_vectors.h. */
#include "web/door_vectors.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/json.h"
#include "gateway/gateway.h"

struct reading {
	struct door_reading in;
	struct door_texts *ret;
};

/* --- the question --- */

static int take_model(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;

	if (json_str(v).n == 0)
		return door_fail(in, "invalid_value", name, "model is empty");
	r->ret->model = json_str(v);
	return 0;
}

static int refuse_item(struct door_reading *in, const struct json *v, const char *name, size_t i)
{
	const char *place = arena_printf(in->a, "%s[%zu]", name, i);

	if (json_is_number(v) || json_type(v) == JSON_ARRAY)
		return door_unsupported(in, name, "tokens are not passed on to models, only text is");
	if (json_type(v) == JSON_STRING)
		return door_fail(in, "invalid_value", place, "%s is empty: nothing can be embedded", place);
	return door_wrong_type(in, place, "a string", v);
}

static int take_input(struct door_reading *in, const struct json *v, const char *name)
{
	struct door_texts *ret = ((struct reading *)in)->ret;
	bool is_list = json_type(v) == JSON_ARRAY;
	size_t n = is_list ? json_len(v) : 1;
	struct str *texts;

	if (n == 0)
		return door_fail(in, "invalid_value", name, "input: at least one text is needed");
	if (n > EMBED_TEXTS_MAX)
		return door_fail(in, "invalid_value", name, "input: %zu texts, at most %d can be embedded at once", n, EMBED_TEXTS_MAX);
	if (!is_list && json_str(v).n == 0)
		return door_fail(in, "invalid_value", name, "input is empty: nothing can be embedded");
	texts = ARENA_ARRAY(in->a, n, struct str);
	for (size_t i = 0; i < n; i++) {
		texts[i] = json_str(is_list ? json_at(v, i) : v);
		if (texts[i].n == 0)
			return refuse_item(in, json_at(v, i), name, i);
	}
	ret->texts = texts;
	ret->n_texts = n;
	return 0;
}

static int take_format(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;
	struct str word = json_str(v);

	r->ret->base64 = str_is(word, "base64");
	return r->ret->base64 || str_is(word, "float") ? 0
		: door_fail(in, "invalid_value", name, "%s: \"" STR_FMT "\": expected float or base64", name, STR_ARG(str_clip(word, 60)));
}

static int take_dimensions(struct door_reading *in, const struct json *v, const char *name)
{
	struct reading *r = (struct reading *)in;

	if (json_to_int(v, &r->ret->dims) && r->ret->dims >= 1)
		return 0;
	return door_fail(in, "invalid_value", name, "%s: expected a whole number from 1 on", name);
}

static const struct door_field fields[] = {
	{"model", DOOR_STRING, take_model},
	{"input", DOOR_STRING | DOOR_ARRAY, take_input},
	{"encoding_format", DOOR_STRING, take_format},
	{"dimensions", DOOR_NUMBER, take_dimensions},
	{"user", DOOR_STRING, NULL},
};

int door_texts_parse(struct arena *a, const struct json *body, struct door_texts *ret, struct door_fault *fault)
{
	struct reading r = {.in = {.a = a, .body = body, .fault = fault}, .ret = ret};

	*ret = (struct door_texts){.ignored = STR("")};
	if (door_take_fields(&r.in, fields, sizeof fields / sizeof fields[0], &ret->ignored) < 0)
		return -1;
	if (!ret->model.p)
		return door_missing(&r.in, "model");
	return ret->texts ? 0 : door_missing(&r.in, "input");
}

int door_texts_judge(struct arena *a, const struct door_texts *q, int dims, struct door_fault *fault)
{
	struct door_reading r = {.a = a, .fault = fault};

	if (q->dims != 0 && q->dims != dims)
		return door_fail(&r, "unsupported_value", "dimensions",
				 "dimensions: vectors of model \"" STR_FMT "\" have %d numbers, no other length is made", STR_ARG(q->model), dims);
	if (q->n_texts > (size_t)(DOOR_NUMBERS_MAX / dims))
		return door_fail(&r, "invalid_value", "input",
				 "input: %zu texts, at most %d can be embedded at once by model \"" STR_FMT "\", whose vectors have %d numbers",
				 q->n_texts, DOOR_NUMBERS_MAX / dims, STR_ARG(q->model), dims);
	return 0;
}

/* --- the answer --- */

/* Nine digits, from which the same float32 comes back. An answer may hold millions of them: printf() is for those that are rare. */
static void add_number(struct buf *out, float f)
{
	double v = fabs((double)f), scale = 1e9;
	int places = 9;
	char text[32], *p = text + sizeof text;
	uint64_t digits;

	if (!(v >= 1e-9 && v < 1)) {
		buf_addf(out, "%.9g", (double)f);
		return;
	}
	for (; v * scale < 1e8; scale *= 10)
		places++;
	for (digits = (uint64_t)(v * scale + 0.5); digits % 10 == 0; digits /= 10)
		places--;
	for (; places > 0; places--, digits /= 10)
		*--p = (char)('0' + digits % 10);
	*--p = '.';
	*--p = '0';
	if (f < 0)
		*--p = '-';
	buf_add(out, p, (size_t)(text + sizeof text - p));
}

static void add_numbers(struct buf *out, const float *v, size_t dims)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < dims; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_number(out, v[i]);
	}
	buf_addc(out, ']');
}

static void put_float(char *to, float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	for (int i = 0; i < 4; i++)
		to[i] = (char)(bits >> 8 * i & 0xFF);
}

static void add_base64(struct buf *out, const float *v, size_t dims)
{
	struct arena *a = arena_new(NULL);
	char *bytes = arena_alloc(a, dims * sizeof(float));

	for (size_t i = 0; i < dims; i++)
		put_float(bytes + i * sizeof(float), v[i]);
	buf_addc(out, '"');
	buf_adds(out, base64_encode(a, bytes, dims * sizeof(float)));
	buf_addc(out, '"');
	arena_free(a);
}

void door_write_vectors(struct buf *out, struct str model, const struct model_answer *answer, bool base64)
{
	const struct usage *u = &answer->usage;
	int64_t tokens = u->in_fresh + u->in_cached + u->in_write_5m + u->in_write_1h;

	buf_adds(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < answer->n_vectors; i++) {
		buf_addf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "", i);
		(base64 ? add_base64 : add_numbers)(out, answer->vectors + i * answer->dims, answer->dims);
		buf_addc(out, '}');
	}
	buf_adds(out, "],\"model\":");
	json_write_string(out, model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}}", tokens, tokens);
}
