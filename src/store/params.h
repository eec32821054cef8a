/* params.h - parameters of a function call: scalars as text, arrays in PostgreSQL's binary form.
 *
 * Shapes:  an array is begun with its element type, filled, and ended into the next parameter. Binary arrays
 *          need no escaping and no parsing on the other side.
 * Memory:  everything goes to the arena; nothing points at the caller's data afterwards.
 * Errors:  none.
 * Source:  src/backend/utils/adt/arrayfuncs.c (array_recv).
 */
#ifndef STORE_PARAMS_H
#define STORE_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct principal;
struct task_page;

enum { PARAMS_MAX = 24 };

struct params {
	struct arena *a;
	int n;
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX];
	int formats[PARAMS_MAX];	/* 0 text, 1 binary */
};

void params_text(struct params *p, struct str s);		/* STR_NONE: null */
void params_int(struct params *p, int64_t i);
void params_bool(struct params *p, bool b);
void params_uuid(struct params *p, const struct uuid *u);	/* nil: null */
void params_digest(struct params *p, const struct digest *d);
void params_bytes(struct params *p, struct str bytes);		/* a bytea */
void params_json(struct params *p, const struct json *v);	/* NULL: null */
void params_canonical(struct params *p, const struct json *v);	/* the same in the one form that equal values share */
void params_page(struct params *p, const struct task_page *f);	/* four: state, task, before, limit */
void params_principal(struct params *p, const struct principal *by);	/* two: its name ("" for STR_NONE), whether it sees all */

enum array_type { ARRAY_BOOL = 16, ARRAY_BYTEA = 17, ARRAY_INT8 = 20, ARRAY_INT2 = 21, ARRAY_INT4 = 23,
		  ARRAY_TEXT = 25, ARRAY_JSON = 114, ARRAY_UUID = 2950 };	/* the types' OIDs */

struct array {
	struct buf buf;
	enum array_type type;
	int32_t n;
	bool has_null;
};

void array_begin(struct array *r, struct arena *a, enum array_type type);
void array_null(struct array *r);
void array_bool(struct array *r, bool b);
void array_int2(struct array *r, int i);
void array_int4(struct array *r, int64_t i);
void array_int8(struct array *r, int64_t i);
void array_text(struct array *r, struct str s);			/* STR_NONE: null */
void array_bytes(struct array *r, const void *p, size_t n);
void array_uuid(struct array *r, const struct uuid *u);
void array_json(struct array *r, const struct json *v);		/* NULL: null */
void params_array(struct params *p, struct array *r);		/* ends it */
void params_uuids(struct params *p, const struct uuid *v, size_t n);	/* an array of them */

#endif
