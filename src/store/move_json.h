/* move_json.h - the rarer parts of moves as JSON parameters of commit_steps. Internal to the room.
 *
 * Shapes:  arrays of objects; "move" counts from 1. Keys are those of json_to_recordset() in sql/functions/3_commit.sql, of
 *          caps those of agentd.caps_move().
 * Memory:  text goes to the buffers, whose first byte is '[' once something was added.
 * Errors:  none.
 * Source:  sql/functions/3_commit.sql, sql/functions/3_caps.sql.
 */
#ifndef STORE_MOVE_JSON_H
#define STORE_MOVE_JSON_H

#include <stddef.h>

#include "base/str.h"
#include "store/queue.h"

void move_effects_json(struct buf *out, size_t move, const struct move *m);
void move_hold_json(struct buf *out, size_t move, const struct move *m);
void move_calls_json(struct buf *out, size_t move, const struct move *m);
void move_caps_json(struct buf *out, size_t move, const struct move *m);	/* takes and settlements; nothing where no cap is concerned */
struct str move_json_end(struct buf *out);	/* STR_NONE when nothing was added */

#endif
