/* replay_extract.h - copies sentences out of a text: the extractive part of recorded replies.
 *
 * Shapes:  pure functions; nothing is understood, only copied and cut.
 * Memory:  the arena given.
 * Errors:  none; a text without a word gives "".
 * Source:  wire_replay.h, EXTRACT.
 */
#ifndef GATEWAY_REPLAY_EXTRACT_H
#define GATEWAY_REPLAY_EXTRACT_H

#include <stddef.h>

#include "base/str.h"

struct arena;
struct json;

struct extract {
	const struct str *after;	/* markers, best first */
	size_t n_after;
	size_t sentences, words;
};

/* The sentences of the part of message that the markers choose, white space made single. */
size_t extract_sentences(struct arena *a, const struct extract *x, struct str message, const struct str **ret);
struct str extract_text(struct arena *a, const struct extract *x, struct str message);
/* A value that fits schema as far as types, enums, lengths and counts go. */
const struct json *extract_shape(struct arena *a, const struct extract *x, struct str message, const struct json *schema);

#endif
