/* anthropic_schema.h - a JSON Schema as Anthropic's structured output takes it.
 *
 * Shapes:  objects are closed; what the server cannot hold a model to (bounds, patterns, other formats) goes into the
 *          description, for the model to read. Whoever asked checks the answer by the schema as it was. A schema
 *          that would become another one (open maps, tuples, recursion, references to elsewhere) cannot be said so.
 * Units:   none.
 * Memory:  the arena given; parts are shared with the schema.
 * Errors:  NULL: tell it to the model in words.
 * Source:  Anthropic's documentation of structured outputs, "JSON Schema limitations".
 */
#ifndef GATEWAY_ANTHROPIC_SCHEMA_H
#define GATEWAY_ANTHROPIC_SCHEMA_H

struct arena;
struct json;

const struct json *anthropic_schema(struct arena *a, const struct json *schema);

#endif
