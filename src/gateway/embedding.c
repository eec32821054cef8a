/* embedding.c - see embedding.h. */
#include "gateway/embedding.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/json.h"

void vectors_begin(struct vectors *v, struct arena *a, size_t n, size_t dims)
{
	*v = (struct vectors){.a = a, .n = n, .dims = dims};
	v->v = ARENA_ARRAY(a, n * dims, float);
	v->taken = ARENA_ARRAY(a, n, bool);
}

/* Where vector `index` of n_numbers belongs. */
static int place_of(struct vectors *v, int64_t index, size_t n_numbers, float **ret, struct err *err)
{
	if (index < 0 || (uint64_t)index >= v->n)
		return err_set(err, ERR_MODEL_BAD_BODY, "there is a vector %lld, %zu texts were asked for", (long long)index, v->n);
	if (v->taken[index])
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld is there twice", (long long)index);
	if (n_numbers != v->dims)
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld has %zu numbers, \"dims\" of the model says %zu",
			       (long long)index, n_numbers, v->dims);
	v->taken[index] = true;
	v->n_taken++;
	*ret = v->v + (size_t)index * v->dims;
	return 0;
}

/* To length 1: not every model's are, least of all shortened ones. */
static int scale(const struct vectors *v, float *to, int64_t index, struct err *err)
{
	double sum = 0, length;

	for (size_t i = 0; i < v->dims; i++)
		sum += (double)to[i] * (double)to[i];
	length = sqrt(sum);
	if (!isfinite(length))
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld holds a number that is not finite", (long long)index);
	if (length <= 0)
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld is all zeros", (long long)index);
	for (size_t i = 0; i < v->dims; i++)
		to[i] = (float)((double)to[i] / length);
	return 0;
}

int vectors_take_numbers(struct vectors *v, int64_t index, const struct json *numbers, struct err *err)
{
	float *to;

	if (json_type(numbers) != JSON_ARRAY)
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld is no array of numbers but %s", (long long)index,
			       json_type_name(numbers));
	if (place_of(v, index, json_len(numbers), &to, err) < 0)
		return -1;
	for (size_t i = 0; i < v->dims; i++) {
		const struct json *number = json_at(numbers, i);

		if (!json_is_number(number))
			return err_set(err, ERR_MODEL_BAD_BODY, "number %zu of vector %lld is %s", i, (long long)index,
				       json_type_name(number));
		to[i] = (float)json_to_double(number);
	}
	return scale(v, to, index, err);
}

static float read_float(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

int vectors_take_base64(struct vectors *v, int64_t index, struct str text, struct err *err)
{
	struct str bytes;
	float *to;

	if (!base64_decode(v->a, text, &bytes) || bytes.n % sizeof(float) != 0)
		return err_set(err, ERR_MODEL_BAD_BODY, "vector %lld is no base64 of float32 numbers", (long long)index);
	if (place_of(v, index, bytes.n / sizeof(float), &to, err) < 0)
		return -1;
	for (size_t i = 0; i < v->dims; i++)
		to[i] = read_float(bytes.p + i * sizeof(float));
	return scale(v, to, index, err);
}

int vectors_end(const struct vectors *v, const float **ret, struct err *err)
{
	if (v->n_taken < v->n)
		return err_set(err, ERR_MODEL_BAD_BODY, "%zu vectors for %zu texts", v->n_taken, v->n);
	*ret = v->v;
	return 0;
}
