/* openai_question.h - the body of a chat completion: messages, tools, limits.
 *
 * Shapes:  what is written holds for every server that speaks this protocol: names of tools fit its pattern, the
 *          arguments of earlier calls are JSON objects, whatever the model wrote.
 * Units:   tokens.
 * Memory:  the body lives in the arena given.
 * Errors:  none.
 * Source:  OpenAI's API reference, chat completions; OpenRouter's for its own keys.
 */
#ifndef GATEWAY_OPENAI_QUESTION_H
#define GATEWAY_OPENAI_QUESTION_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct wire_request;

bool openai_is_asked(const struct wire_request *req);	/* OpenAI itself, which takes what others do not, and the other way round */
struct str openai_question(struct arena *a, const struct wire_request *req);

#endif
