/* value_check.h - does a value fit a JSON Schema, as far as its top level goes?
 *
 * Shapes:  looks at `type` (one or several), `required`, the `type` of `properties`, `additionalProperties: false` and
 *          `enum`; other keywords are not looked at.
 * Memory:  none kept.
 * Errors:  ERR_SCHEMA_OUTPUT (of an input the caller's ERR_SCHEMA_INPUT) with what is wrong and where, one mistake.
 * Source:  JSON Schema 2020-12, the part above.
 */
#ifndef ENGINE_VALUE_CHECK_H
#define ENGINE_VALUE_CHECK_H

struct err;
struct json;

int value_check(const struct json *schema, const struct json *v, struct err *err);

#endif
