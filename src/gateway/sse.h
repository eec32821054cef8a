/* sse.h - server-sent events out of bytes that arrive in any pieces.
 *
 * Shapes:  sse_feed() takes the next piece and calls event() once for every complete
 *          event that has data: `data:` lines joined by '\n', `event:` its name.
 *          Line ends are \n, \r\n and a lone \r; comments, ids and unknown fields are
 *          skipped, unless somebody wants the latter; one leading BOM is dropped.
 * Units:   bytes.
 * Memory:  the parser is a plain struct of the caller; its buffers are the arena's. What event() is
 *          given is valid during the call only.
 * Errors:  ERR_SIZE for a line or an event over its cap; whatever event() returned -1 with. After an
 *          error the parser takes nothing more.
 * Source:  the WHATWG HTML standard, section 9.2.
 */
#ifndef GATEWAY_SSE_H
#define GATEWAY_SSE_H

#include <stdbool.h>

#include "base/str.h"

struct err;

enum { SSE_LINE_MAX = 1 << 20, SSE_EVENT_MAX = 8 << 20, SSE_STRAY_MAX = 64 << 10 };

typedef int sse_event_fn(void *arg, struct str name, struct str data, struct err *err);

struct sse {
	struct buf line;		/* a line of which the end has not arrived */
	struct buf data;
	struct buf name;
	struct buf *stray;		/* takes lines of unknown fields, SSE_STRAY_MAX bytes of them; NULL: they are skipped */
	sse_event_fn *event;
	void *arg;
	bool has_data;			/* a data line since the last event, also an empty one */
	bool begun;			/* the first line is over: no BOM any more */
	bool after_cr;			/* a \n that comes next belongs to the \r before it */
	bool failed;
};

void sse_init(struct sse *s, struct arena *a, sse_event_fn *event, void *arg);
int sse_feed(struct sse *s, struct str piece, struct err *err);
/* Input ended: true when it ended inside an event, which is dropped. */
bool sse_end(const struct sse *s);

#endif
