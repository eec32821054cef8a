/* argcheck.h - do the arguments of a call fit the manifest's schema?
 *
 * Shapes:  the part of JSON Schema that manifests of tools use: type, enum, const, required, properties,
 *          additionalProperties: false, items, minLength, maxLength, minimum, maximum, minItems,
 *          maxItems. Other keywords are not looked at.
 * Memory:  none kept.
 * Errors:  ERR_TOOL_ARGS naming the argument.
 * Source:  JSON Schema 2020-12; LANGUAGE "Tools as a workflow sees them".
 */
#ifndef TOOLS_ARGCHECK_H
#define TOOLS_ARGCHECK_H

struct err;
struct json;

int argcheck(const struct json *schema, const struct json *args, struct err *err);

#endif
