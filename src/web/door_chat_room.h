/* door_chat_room.h - a chat completion while a tier answers it, for the files of door_chat.h.
 *
 * Shapes:  the answer may come before the client has read it.
 * Memory:  the arena of the call.
 * Errors:  none.
 * Source:  door.h.
 */
#ifndef WEB_DOOR_CHAT_ROOM_H
#define WEB_DOOR_CHAT_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "web/door_call.h"
#include "web/door_write.h"

struct err;
struct model_answer;

struct chat {
	struct door_call call;
	struct door_head head;
	bool stream;

	bool over;			/* nothing is written to in or out any more */
	struct buf in;			/* text that came and is in no chunk yet */
	size_t passed;			/* bytes of text that came in pieces */
	struct buf last;		/* the end of the stream */
	struct buf out;			/* what is being sent */
	size_t sent;			/* of out */
	int64_t until_ms;		/* when what is being sent must be over */
};

/* door_chat_stream.c */
void chat_begin_stream(struct chat *c, const struct model_answer *answer);
void chat_end_stream(struct chat *c, const struct model_answer *answer, const struct err *err);
void chat_on_text(void *chat, struct str piece);		/* on_text of gateway.h */

#endif
