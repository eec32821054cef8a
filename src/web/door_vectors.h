/* door_vectors.h - the body of a question for embeddings, read into what the gateway takes, and its answer as text.
 *
 * Shapes:  the input is one text or a list of them, none empty. Vectors are written in the order of the texts, as numbers that give the
 *          same float32 back, or as base64 of their bytes.
 * Units:   tokens; float32, little-endian in base64.
 * Memory:  everything lives in the arena given and points into the body.
 * Errors:  door_body.h.
 * Source:  agentd-api(7), "POST /v1/embeddings"; OpenAI's reference of embeddings.
 */
#ifndef WEB_DOOR_VECTORS_H
#define WEB_DOOR_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "web/door_body.h"

struct model_answer;

/* In one answer, that is made and held whole: some 25 MB of text. */
enum { DOOR_NUMBERS_MAX = 2000000 };

struct door_texts {
	struct str model;
	const struct str *texts;
	size_t n_texts;
	int64_t dims;			/* 0: not given */
	bool base64;
	struct str ignored;		/* as of struct door_ask */
};

int door_texts_parse(struct arena *a, const struct json *body, struct door_texts *ret, struct door_fault *fault);
/* Whether vectors of so many numbers are what was asked for, and one answer holds them all. */
int door_texts_judge(struct arena *a, const struct door_texts *q, int dims, struct door_fault *fault);
void door_write_vectors(struct buf *out, struct str model, const struct model_answer *answer, bool base64);

#endif
