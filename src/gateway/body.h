/* body.h - what stands in the body of a 200: a stream of events, one document, or a page of a proxy.
 *
 * Shapes:  told by the first byte, not by the Content-Type: '{' or '[' is a whole document, '<' a page, anything else a
 *          stream of events.
 * Memory:  the arena given.
 * Errors:  body_piece(): ERR_MODEL_OVERSIZE for a line or event over its cap (sse.h); whatever event() returned -1 with.
 *          body_document(): ERR_MODEL_BAD_BODY.
 * Source:  this header.
 */
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include "base/str.h"
#include "gateway/sse.h"

struct err;
struct json;

enum body_kind { BODY_UNKNOWN, BODY_STREAM, BODY_DOCUMENT, BODY_PAGE };

struct body {
	enum body_kind kind;
	struct sse sse;
	struct buf document;
	struct buf stray;		/* lines of a stream that are no fields */
};

void body_init(struct body *b, struct arena *a, sse_event_fn *event, void *arg);
int body_piece(struct body *b, struct str bytes, struct err *err);
int body_document(const struct body *b, struct arena *a, const struct json **ret, struct err *err);
/* Some servers break a stream off with a bare error document: the value of its "error". NULL: there is none. */
const struct json *body_stray_error(const struct body *b, struct arena *a);

#endif
