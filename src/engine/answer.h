/* answer.h - from a model's text to a step's value, and what to say when it does not fit. Pure.
 *
 * Shapes:  without a schema the value is {"text"}. With one, the text is JSON, alone or in one code fence.
 * Memory:  values and messages live in the arena given.
 * Errors:  ERR_SCHEMA_OUTPUT: not JSON, or not what the schema says.
 * Source:  agentd-workflow(5), "model".
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "base/str.h"

struct arena;
struct err;
struct json;
struct schema;

int answer_read(struct arena *a, const struct schema *schema, struct str text, const struct json **ret, struct err *err);
/* The user message that asks for a better answer than text. What was wrong with it follows from it: the same words each time. */
struct str answer_repair(struct arena *a, const struct schema *check, const struct json *schema, struct str text);
/* What stands in the first code fence, else the text; trimmed. */
struct str answer_unfence(struct str text);

#endif
