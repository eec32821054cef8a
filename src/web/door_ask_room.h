/* door_ask_room.h - a body while it is read, for the files of door_ask.h.
 *
 * Shapes:  a place is the path of a value in the body: "messages[2].content[0]".
 * Memory:  the arena of the reading.
 * Errors:  -1 with the fault of the reading set.
 * Source:  door_ask.h.
 */
#ifndef WEB_DOOR_ASK_ROOM_H
#define WEB_DOOR_ASK_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/door_ask.h"

struct reading {
	struct arena *a;
	const struct json *body;
	struct door_ask *ask;
	struct door_fault *fault;
	int64_t max_tokens, max_completion_tokens;	/* 0: not given */
	const struct json *tool_choice;			/* NULL: not given, or auto */
	bool has_calls;					/* in the messages */
	bool stream_options;
};

/* door_ask_fault.c: what is wrong, and where. All of int return -1. */
int ask_fail(struct reading *r, const char *code, const char *param, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int ask_wrong_type(struct reading *r, const char *param, const char *expected, const struct json *v);
int ask_missing(struct reading *r, const char *param);
int ask_unsupported(struct reading *r, const char *param, const char *what);
const char *ask_at(struct reading *r, const char *place, const char *key);
const char *ask_item(struct reading *r, const char *place, size_t i);

bool ask_is_absent(const struct json *v);
/* A text that has to be there. */
int ask_text(struct reading *r, const struct json *object, const char *place, const char *key, struct str *ret);
/* The function of a tool, or of a call of one; *place becomes its place. */
int ask_function(struct reading *r, const struct json *v, const char **place, const struct json **ret);

int ask_messages(struct reading *r, const struct json *v, const char *name);	/* door_ask_messages.c: a field of the table */

#endif
