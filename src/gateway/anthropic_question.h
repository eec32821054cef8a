/* anthropic_question.h - the body of a question for Anthropic's Messages.
 *
 * Shapes:  system texts stand apart, joined by a blank line. Neighbours of one role are one message, so that the results
 *          of all calls of a turn come first in the next one. Texts without a visible character are left out, as they
 *          are refused. An earlier turn of the same model goes back as it came, thinking included (anthropic_echo.h).
 * Units:   tokens.
 * Memory:  the body lives in the arena given.
 * Errors:  none.
 * Source:  Anthropic's API reference, "Messages".
 */
#ifndef GATEWAY_ANTHROPIC_QUESTION_H
#define GATEWAY_ANTHROPIC_QUESTION_H

#include "base/str.h"

struct arena;
struct wire_request;

/* max_tokens is required there: of a model without max_output, asked by a step without one. */
enum { ANTHROPIC_MAX_OUTPUT = 4096 };

struct str anthropic_question(struct arena *a, const struct wire_request *req);

#endif
