/* calls.h - tool calls out of the fragments of an answer.
 *
 * Shapes:  fragments are told apart by index, where the server gives one, by id and by name; see call_of(). The
 *          arguments stay text; nothing counts as {}. Ids are made where the server gives none, or one twice, or
 *          one over ID_MAX: no two are alike, not even in two answers.
 * Units:   bytes.
 * Memory:  the arena given.
 * Errors:  ERR_MODEL_OVERSIZE (CALLS_MAX, ARGS_MAX), ERR_MODEL_MALFORMED_TOOL_CALL (no name, or over NAME_MAX_BYTES).
 * Source:  the providers' references, streaming of tool calls, and what compatible servers make of it.
 */
#ifndef GATEWAY_CALLS_H
#define GATEWAY_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct call;
struct err;
struct tool_call;

struct calls {
	struct arena *arena;
	struct call **v;		/* room for all, made for the first */
	size_t n;
};

struct call_fragment {
	int64_t index;			/* as the server counts; -1: it does not */
	struct str id, name, args;	/* "": not in this fragment */
};

void calls_init(struct calls *c, struct arena *a);
int calls_take(struct calls *c, const struct call_fragment *more, size_t *ret_place, struct err *err);	/* from 0, in order of coming */
int calls_end(struct calls *c, const struct tool_call **ret, struct err *err);	/* c->n of them */

#endif
