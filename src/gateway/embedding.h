/* embedding.h - the vectors of one answer: each exactly once, of the length that routing.yaml names, scaled to length 1.
 *
 * Shapes:  vectors_begin(), one vectors_take_...() per vector, in any order, vectors_end().
 * Units:   float32, as pgvector keeps them.
 * Memory:  the arena given to vectors_begin().
 * Errors:  ERR_MODEL_BAD_BODY: too many, too few, one twice, another length, no number, not finite, or without any direction (all
 *          zeros). Nothing is guessed: a wrong vector would be found years from now, by whoever searches for it in vain.
 * Source:  agentd-routing(5), "Embeddings".
 */
#ifndef GATEWAY_EMBEDDING_H
#define GATEWAY_EMBEDDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;
struct json;

struct vectors {
	struct arena *a;
	size_t n, dims, n_taken;
	float *v;
	bool *taken;
};

void vectors_begin(struct vectors *v, struct arena *a, size_t n, size_t dims);
int vectors_take_numbers(struct vectors *v, int64_t index, const struct json *numbers, struct err *err);
int vectors_take_base64(struct vectors *v, int64_t index, struct str text, struct err *err);	/* float32, little-endian */
int vectors_end(const struct vectors *v, const float **ret, struct err *err);

#endif
