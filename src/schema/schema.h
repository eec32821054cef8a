/* schema.h - JSON Schema 2020-12: compile once, check values against it.
 *
 * Shapes:  a schema is compiled into an immutable program, which several threads may use at once. A fault names a place by
 *          a JSON pointer (RFC 6901): into the schema when compiling, into the value when checking. References stay inside
 *          the document ($ref, $dynamicRef, $anchor, $id) or lead to the metaschema of the draft, which is built in.
 *          `format` and the content keywords are annotations. `pattern` is ECMA-262 with the u flag, nothing anchors it.
 *          Numbers compare by their exact values; 1.0 is an integer.
 * Units:   lengths of strings in code points.
 * Memory:  the program lives in the arena given and points into the schema's own value, which must live as long. Faults live
 *          in the arena of their list. A value that fits costs no memory, unless it has more than 256 members
 *          or items under unevaluated*, or more than 32 items under uniqueItems.
 * Errors:  all at once, up to SCHEMA_FAULTS. A check is bounded in depth and steps however hostile value and schema are; one
 *          that was given up does not fit, and says so.
 * Source:  JSON Schema 2020-12 (Core and Validation), its test suite; ECMA-262.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena;
struct json;
struct schema;

enum { SCHEMA_FAULTS = 32 };

struct schema_fault {
	struct str pointer;	/* "" is the whole */
	struct str keyword;	/* that was broken; "" where none was */
	struct str message;
	/* Of compiling only: */
	size_t offset;		/* byte in the text that the pointer leads to, or SIZE_MAX */
	bool at_key;		/* the key is meant, not its value */
	bool warning;
};

struct schema_faults {
	struct arena *a;
	struct schema_fault v[SCHEMA_FAULTS];
	size_t n;
	bool more;		/* there were more than v holds */
};

/* NULL where it has an error; warnings (unknown keywords that look like one of the draft's) may stand in ret beside a program. */
const struct schema *schema_compile(struct arena *a, const struct json *schema, struct schema_faults *ret);

/* Does v fit? ret: NULL, or all that is wrong. */
bool schema_check(const struct schema *s, const struct json *v, struct schema_faults *ret);

/* As schema_check(); -1 and an error of that code, whose message has as many faults as it holds. */
int schema_require(const struct schema *s, const struct json *v, enum err_code code, struct err *err);

/* The list [{"pointer", "message"}] that answers show; place: the pointer to the value that was checked, "" where it is the whole. */
const struct json *schema_faults_json(struct arena *a, const char *place, const struct schema_faults *f);

#endif
