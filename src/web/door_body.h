/* door_body.h - the body of a question in OpenAI's form: a table of fields, each taken, ignored or refused.
 *
 * Shapes:  what is unknown, or known to have no effect here, is ignored and its name listed. null counts as absent, as clients send it.
 *          A reader of its own kind begins with a struct door_reading.
 * Units:   none.
 * Memory:  the arena of the reading.
 * Errors:  struct door_fault: 400 with the place (messages[2].content[0].type) and one of OpenAI's codes.
 * Source:  agentd-api(7), "OPENAI-COMPATIBLE ROUTES".
 */
#ifndef WEB_DOOR_BODY_H
#define WEB_DOOR_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct json;

struct door_fault {
	int status;
	const char *code, *param;	/* NULL: none */
	const char *message;
};

struct door_reading {
	struct arena *a;
	const struct json *body;
	struct door_fault *fault;
};

enum { DOOR_BOOL = 1, DOOR_NUMBER = 2, DOOR_STRING = 4, DOOR_ARRAY = 8, DOOR_OBJECT = 16 };

struct door_field {
	const char *name;
	unsigned types;
	int (*take)(struct door_reading *r, const struct json *v, const char *name);	/* NULL: ignored */
};

/* All fields of the body; *ret_ignored: "seed, top_p"; "": nothing was. */
int door_take_fields(struct door_reading *r, const struct door_field *fields, size_t n, struct str *ret_ignored);

bool door_is_absent(const struct json *v);
/* Each returns -1. */
int door_fail(struct door_reading *r, const char *code, const char *param, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int door_wrong_type(struct door_reading *r, const char *param, const char *expected, const struct json *v);
int door_missing(struct door_reading *r, const char *param);
int door_unsupported(struct door_reading *r, const char *param, const char *what);

/* A place is the path of a value in the body. */
const char *door_at(struct door_reading *r, const char *place, const char *key);
const char *door_item(struct door_reading *r, const char *place, size_t i);
/* A text that has to be there. */
int door_need_text(struct door_reading *r, const struct json *object, const char *place, const char *key, struct str *ret);
/* The function of a tool, or of a call of one; *place becomes its place. */
int door_need_function(struct door_reading *r, const struct json *v, const char **place, const struct json **ret);

#endif
