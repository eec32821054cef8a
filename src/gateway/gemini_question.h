/* gemini_question.h - the body of a generateContent: contents, system instruction, tools, generation config.
 *
 * Shapes:  system messages are one systemInstruction, wherever they stood; neighbours of the same role are one content; the
 *          results of a turn stand in the order of its calls. Where tools are offered Gemini takes no schema of the
 *          answer: the model is told of it.
 * Units:   tokens.
 * Memory:  the body lives in the arena given.
 * Errors:  none.
 * Source:  Google's API reference, models.generateContent.
 */
#ifndef GATEWAY_GEMINI_QUESTION_H
#define GATEWAY_GEMINI_QUESTION_H

#include "base/str.h"

struct arena;
struct wire_request;

struct str gemini_question(struct arena *a, const struct wire_request *req);

/* Gemini wants names that begin with a letter or '_': others go out with a '_' in front, and come back without. */
struct str gemini_tool_name(struct arena *a, struct str name);

#endif
