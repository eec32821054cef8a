/* artifact.h - where the artifacts of tasks are kept, for tools that read and write them.
 *
 * Shapes:  functions that somebody who knows the database hands in (tools_set_artifacts()); each starts an op, and answer() tells in
 *          its completion what it got.
 * Units:   bytes, _ms.
 * Memory:  what is passed in must live until the completion; answers live in the op's arena.
 * Errors:  ERR_NOT_FOUND, ERR_CONFLICT, ERR_SIZE, ERR_STORE_FULL, ERR_REFUSED: it did not happen, and why; ERR_LEASE_LOST;
 *          ERR_PG_DOWN: nobody knows.
 * Source:  agentd-tool(5), "ARTIFACT".
 */
#ifndef TOOLS_ARTIFACT_H
#define TOOLS_ARTIFACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;

struct artifact_save {
	struct uuid task;
	int fence;
	struct digest effect_key;
	struct str step, name, media_type, bytes;
};

struct artifact_answer {
	struct str text;		/* of list and save: JSON as the API shows it */
	struct str bytes, media_type;	/* of load */
	struct arena *bytes_in;		/* where the bytes live, nothing else: arena_move() keeps them */
	int64_t size;
};

struct artifact_port {
	void *arg;
	struct op *(*list)(void *arg, struct arena *a, const struct uuid *task, int64_t deadline_ms, op_done_fn *done, void *user);
	struct op *(*load)(void *arg, struct arena *a, const struct uuid *task, struct str name, size_t max, int64_t deadline_ms,
			   op_done_fn *done, void *user);	/* the first max bytes */
	struct op *(*save)(void *arg, struct arena *a, const struct artifact_save *s, int64_t deadline_ms, op_done_fn *done, void *user);
	const struct artifact_answer *(*answer)(const struct op *op);
};

#endif
