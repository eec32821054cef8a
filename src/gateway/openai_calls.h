/* openai_calls.h - tool calls out of the fragments of an answer.
 *
 * Shapes:  fragments are told apart by index, where the server gives one, by id and by name; see call_of(). The
 *          arguments stay text; nothing counts as {}. Ids are made where the server gives none, or one twice, or
 *          one over ID_MAX: no two are alike, not even in two answers.
 * Units:   bytes.
 * Memory:  the arena given.
 * Errors:  ERR_MODEL_OVERSIZE (CALLS_MAX, ARGS_MAX), ERR_MODEL_MALFORMED_TOOL_CALL (no name, or over NAME_MAX_BYTES).
 * Source:  OpenAI's API reference, streaming of tool calls, and what compatible servers make of it.
 */
#ifndef GATEWAY_OPENAI_CALLS_H
#define GATEWAY_OPENAI_CALLS_H

#include <stddef.h>

#include "gateway/openai_echo.h"

struct err;
struct json;
struct tool_call;

struct openai_calls {
	struct arena *arena;
	struct fragments **v;		/* room for all, made for the first */
	size_t n;
	struct echo *echo;		/* takes what stands beside the function */
};

void openai_calls_init(struct openai_calls *c, struct arena *a, struct echo *echo);
int openai_calls_take(struct openai_calls *c, const struct json *list, struct err *err);
int openai_calls_end(struct openai_calls *c, const struct tool_call **ret, struct err *err);

#endif
