/* delivery.h - a delivery of a webhook, made the submission that its hook asks for.
 *
 * Shapes:  what the hook's expressions see is {headers, body, query, delivery}. headers are those of the request but for those that
 *          prove who sent it. body is the JSON of the request, of a form that of its field "payload". delivery is {hook, scheme, id,
 *          digest}: digest is the SHA-256 of the body as it came, id is null where the scheme has none.
 * Memory:  everything lives in the arena given; the request must live as long.
 * Errors:  ERR_JSON: the body is none. ERR_INVALID (400): a form that cannot be read. ERR_INVALID (422): the hook makes nothing of
 *          this delivery; the message names the key and what went wrong.
 * Source:  agentd-hooks(5).
 */
#ifndef PUBLISH_DELIVERY_H
#define PUBLISH_DELIVERY_H

#include "base/str.h"
#include "store/tasks.h"

struct arena;
struct err;
struct hook;
struct json;

struct delivery_request {
	const struct json *headers;	/* names in lower case, as signature.h has them */
	struct str query;		/* as sent */
	struct str body;
};

enum delivery_fate { DELIVERY_SUBMIT, DELIVERY_IGNORED, DELIVERY_PING };

struct delivery {
	enum delivery_fate fate;
	const struct json *submission;	/* as POST /tasks takes it */
	/* The same. Its idempotency key is the id of the delivery and its request only that: a delivery that comes again is the first one,
	 * also when the hook makes something else of it by now. */
	struct submission task;
};

int delivery_read(struct arena *a, const struct hook *h, const struct delivery_request *r, struct delivery *ret, struct err *err);

#endif
