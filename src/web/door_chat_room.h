/* door_chat_room.h - a question to a tier and its client, for the files of door_chat.h.
 *
 * Shapes:  the request may leave before the question is settled, and the answer may come before the client has read it.
 * Memory:  the chat's own arena, until nobody refers to it.
 * Errors:  none.
 * Source:  door.h.
 */
#ifndef WEB_DOOR_CHAT_ROOM_H
#define WEB_DOOR_CHAT_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "store/queue.h"
#include "web/door_write.h"

struct door;
struct err;
struct model_answer;
struct op;
struct request;
struct web;

struct chat {
	struct arena *arena;		/* its own */
	struct door *door;
	struct web *web;
	struct request *req;		/* NULL: the client has its answer, or has gone */
	struct op *op;			/* NULL: over */
	int refs;			/* the request, and the question until it is settled */
	struct door_head head;
	bool stream;
	struct str ignored;

	bool begun;			/* the head of a stream is on its way */
	bool broken;			/* nobody reads it any more */
	bool over;			/* nothing is written to in or out any more */
	struct buf in;			/* text that came and is in no chunk yet */
	size_t passed;			/* bytes of text that came in pieces */
	struct buf last;		/* the end of the stream */
	struct buf out;			/* what is being sent */
	size_t sent;			/* of out */
	int64_t until_ms;		/* when what is being sent must be over */

	struct move settling;
	struct model_call record;
};

/* door_chat.c */
void chat_dress(struct chat *c);				/* headers of a reply that is decided: what was asked, */
void chat_name_step(struct chat *c, const struct model_answer *answer);	/* and who answers */

/* door_chat_stream.c */
void chat_begin_stream(struct chat *c, const struct model_answer *answer);
void chat_end_stream(struct chat *c, const struct model_answer *answer, const struct err *err);
void chat_on_text(void *chat, struct str piece);		/* on_text of gateway.h */

#endif
