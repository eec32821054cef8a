/* door_call.h - a question of its own at the gateway, from its beginning until what it cost is settled.
 *
 * Shapes:  whoever asks begins with a struct door_call in an arena of its own: it outlives the request where the client leaves first.
 *          tell() is called once, with the client still there, and decides the reply or ends the stream.
 * Memory:  the arena of the call.
 * Errors:  door_error.h.
 * Source:  door.h.
 */
#ifndef WEB_DOOR_CALL_H
#define WEB_DOOR_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"
#include "store/queue.h"

struct arena;
struct door;
struct err;
struct gateway;
struct model_answer;
struct model_request;
struct request;
struct web;

struct door_call {
	struct arena *arena;		/* its own */
	struct door *door;
	struct web *web;
	struct request *req;		/* NULL: the client has its answer, or has gone */
	struct op *op;			/* NULL: over */
	int refs;			/* the request, and the question until it is settled */
	struct uuid id;
	struct str tier, ignored;
	const char *asked;		/* the field of the question that is meant where the question is wrong */
	void (*tell)(struct door_call *c, const struct model_answer *answer, const struct err *err);

	bool begun;			/* the head of a stream is on its way */
	bool broken;			/* nobody reads it any more */

	struct move settling;
	struct model_call record;
};

/* A new one of `size` bytes, that begins with a struct door_call. NULL: the reply is decided, there are too many, or no more to be. */
void *door_call_new(struct request *req, size_t size, struct str tier, struct str ignored);
/* gateway_call() or gateway_embed(). */
typedef struct op *door_call_fn(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg);
/* q: all but task, token, tier and facts. */
void door_call_start(struct door_call *c, struct model_request *q, door_call_fn *ask);

/* For a reply that is decided, while the client is there: x-request-id and x-agentd-ignored; the tier and the model; the cost. */
void door_call_dress(struct door_call *c);
void door_call_name_step(struct door_call *c, const struct model_answer *answer);
void door_call_name_cost(struct door_call *c, const struct model_answer *answer);
void door_call_refuse(struct door_call *c, const struct err *err);	/* decides it, dressed */
void door_call_reply(struct door_call *c);				/* it goes out, and nothing follows */

#endif
