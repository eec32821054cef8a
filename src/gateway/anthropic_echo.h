/* anthropic_echo.h - the echo (echo.h) of Anthropic's servers: thinking and its signatures, and where they stood.
 *
 * Shapes:  {"model": TAG, "blocks": [BLOCK...]} in the order of the answer: a block of the server's is an object with a
 *          "type", as it came; {"text": N} is N bytes of the turn's text, {"call": I} its I-th call. Only an
 *          answer with a block that is neither has an echo.
 * Units:   bytes.
 * Memory:  the arena given.
 * Errors:  blocks_begin() is NULL for more than BLOCKS_MAX blocks. What is over ECHO_MAX is no echo.
 * Source:  Anthropic's documentation of extended thinking, "Preserving thinking blocks".
 */
#ifndef GATEWAY_ANTHROPIC_ECHO_H
#define GATEWAY_ANTHROPIC_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct json;
struct model;

enum { BLOCKS_MAX = 1024 };

enum block_kind { BLOCK_TEXT, BLOCK_CALL, BLOCK_THINKING, BLOCK_OTHER };

struct block {
	struct block *next;
	int64_t index;			/* as the server counts */
	enum block_kind kind;
	size_t text_bytes;		/* BLOCK_TEXT: of the answer's text */
	size_t call;			/* BLOCK_CALL: which */
	const struct json *start;	/* as it began; BLOCK_CALL: its input, NULL: none; BLOCK_TEXT: NULL */
	struct buf thinking;		/* BLOCK_THINKING */
	struct str signature;
	bool is_partial;		/* BLOCK_OTHER: pieces came that nobody can join */
};

struct block_list {
	struct arena *arena;
	struct block *first, *last;
	size_t n, bytes;
};

void blocks_init(struct block_list *l, struct arena *a);
/* start: what goes back, of a block of the server's. */
struct block *blocks_begin(struct block_list *l, int64_t index, enum block_kind kind, const struct json *start);
struct block *blocks_find(const struct block_list *l, int64_t index);	/* the latest; NULL: none */
void blocks_think(struct block_list *l, struct block *b, struct str more);
void blocks_sign(struct block_list *l, struct block *b, struct str signature);
struct str blocks_echo(const struct block_list *l, const struct model *m);	/* "": nothing was to be kept */

#endif
