/* openai_echo.h - the echo (echo.h) of OpenAI-compatible servers.
 *
 * Shapes:  {"model": TAG, "calls": [VALUE|null...], "reasoning_details": [...]}: of each tool
 *          call its extra_content (Gemini), and the turn's reasoning_details (OpenRouter), pieces of a stream joined.
 * Units:   bytes.
 * Memory:  values live in the arena given.
 * Errors:  none.
 * Source:  Google's and OpenRouter's documentation of thought signatures and reasoning tokens.
 */
#ifndef GATEWAY_OPENAI_ECHO_H
#define GATEWAY_OPENAI_ECHO_H

#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;
struct json;
struct model;

/* What is gathered while an answer comes. */
struct echo {
	struct arena *arena;
	const struct json **calls;	/* NULL: nothing */
	size_t n_calls, room;
	struct echo_detail *details;
	size_t n_details;
	size_t bytes;
};

void echo_init(struct echo *e, struct arena *a);
void echo_take_call(struct echo *e, size_t call, const struct json *extra);
void echo_take_details(struct echo *e, const struct json *details);
struct str echo_text(const struct echo *e, const struct model *m);	/* "": nothing was to be kept */

void echo_write_message(struct buf *b, const struct json *echo);	/* ,"reasoning_details":[...] or nothing */
void echo_write_call(struct buf *b, const struct json *echo, size_t call);	/* ,"extra_content":VALUE or nothing */

#endif
