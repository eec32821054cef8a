/* question.h - parts of the body of a question that all servers want alike.
 *
 * Shapes:  what is written holds for every server: names of tools fit its pattern, the arguments of earlier calls are
 *          JSON objects, whatever the model wrote.
 * Units:   bytes.
 * Memory:  the caller's builder; values live in the arena given.
 * Errors:  none.
 * Source:  the providers' references.
 */
#ifndef GATEWAY_QUESTION_H
#define GATEWAY_QUESTION_H

#include <stdbool.h>

#include "base/str.h"

struct json;

void question_key(struct buf *b, const char *key);	/* ,"KEY": */
/* Names that a model made up are outside the pattern now and then, and no server takes them back. Quoted. */
void question_name(struct buf *b, struct str name);
/* True: the arguments as they were written are an object, *ret. False: *ret stands for them; {} for nothing. */
bool question_args(struct arena *a, struct str args, const struct json **ret);
/* Servers refuse a schema of arguments that does not say that it is of an object. */
void question_tool_schema(struct buf *b, const struct json *schema);
/* For models that cannot be held to a schema. */
void question_told_schema(struct buf *b, const struct json *schema);

#endif
