/* door_write.h - chat completions as text: one document, or the events of a stream.
 *
 * Shapes:  a stream is a first chunk with the role, chunks of text, and an end: the tool calls, each whole and with its index, the
 *          chunk with the finish reason, where it was asked for one with the usage and no choices, and [DONE]. With usage asked for
 *          all other chunks say "usage": null.
 * Memory:  a head's texts must live as long as it is used.
 * Errors:  none.
 * Source:  OpenAI's reference of chat completions; agentd-api(7), "Chat completions".
 */
#ifndef WEB_DOOR_WRITE_H
#define WEB_DOOR_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"

struct model_answer;

struct door_head {			/* the same in all chunks */
	struct uuid id;
	int64_t created_s;
	struct str model;		/* as it was asked for */
	bool usage;			/* of a stream */
};

void door_write_whole(struct buf *out, const struct door_head *h, const struct model_answer *answer);
void door_write_first(struct buf *out, const struct door_head *h);
void door_write_text(struct buf *out, const struct door_head *h, struct str text);	/* "": nothing; long text makes several chunks */
void door_write_end(struct buf *out, const struct door_head *h, const struct model_answer *answer);
void door_write_error(struct buf *out, struct str error);	/* the event of a stream that ends without [DONE] */

#endif
