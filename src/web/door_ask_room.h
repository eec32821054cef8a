/* door_ask_room.h - the body of a chat completion while it is read, for the files of door_ask.h.
 *
 * Memory:  the arena of the reading.
 * Errors:  door_body.h.
 * Source:  door.h.
 */
#ifndef WEB_DOOR_ASK_ROOM_H
#define WEB_DOOR_ASK_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "web/door_ask.h"

struct reading {
	struct door_reading in;
	struct door_ask *ask;
	int64_t max_tokens, max_completion_tokens;	/* 0: not given */
	const struct json *tool_choice;			/* NULL: not given, or auto */
	bool has_calls;					/* in the messages */
	bool stream_options;
};

int ask_messages(struct door_reading *in, const struct json *v, const char *name);	/* door_ask_messages.c: a field of the table */

#endif
