/* record.h - the record of an attempt, kept beyond the call that made it. Pure; sees nothing else of this room.
 *
 * Memory:  a record that an answer hands over (gateway.h) has its texts in the op's arena; the copy has them in the arena given.
 * Errors:  none.
 * Source:  store/queue.h (struct model_call).
 */
#ifndef GATEWAY_RECORD_H
#define GATEWAY_RECORD_H

#include "store/queue.h"

struct arena;

struct model_call record_copy(struct arena *a, const struct model_call *from);

#endif
