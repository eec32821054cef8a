/* artifacts.h - files in pieces, and the names that tasks have for them.
 *
 * Shapes:  a file is sent as pieces of FILE_CHUNK bytes (the last one may be shorter), nr from 0, then ended with its digest; what
 *          it is ended as is the file to refer to, an earlier one when the bytes were here before. limits is
 *          {max_task, max_files, max_total, ttl_ms} (settings_artifact_limits()). Views are JSON texts as the API shows them.
 * Units:   bytes, _ms.
 * Memory:  what is passed in must live until the completion; results live in the op's arena.
 * Errors:  ERR_NOT_FOUND, ERR_CONFLICT (other content under the name, or the task has ended), ERR_SIZE (quotas of a task),
 *          ERR_STORE_FULL, ERR_REFUSED (a file that was not ended or referred to within an hour is gone), ERR_LEASE_LOST, ERR_PG_DOWN.
 * Source:  sql/functions/5_artifacts.sql; agentd-api(7), "Artifacts".
 */
#ifndef STORE_ARTIFACTS_H
#define STORE_ARTIFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct principal;
struct store;

enum { FILE_CHUNK = 256 * 1024 };

struct artifact_new {
	struct uuid id;			/* made by the caller: the same one sent again is the same */
	struct str name, media_type;	/* name: str_is_name(); media_type STR_NONE: application/octet-stream */
	struct uuid file;
	struct digest digest;		/* of its bytes: only submission_add_files() reads it */
};

struct artifact_found {
	struct uuid id, file;
	struct str name, media_type;
	int64_t size;
	struct digest digest;
};

/* --- pieces --- */
struct op *files_chunk(struct store *s, struct arena *a, const struct uuid *file, int nr, struct str bytes, const struct json *limits,
		      int64_t deadline_ms, op_done_fn *done, void *arg);
struct op *files_end(struct store *s, struct arena *a, const struct uuid *file, const struct digest *digest, int64_t size,
		    const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg);
struct uuid files_ended_of(const struct op *op);
struct op *files_read(struct store *s, struct arena *a, const struct uuid *file, int nr, int64_t deadline_ms, op_done_fn *done, void *arg);
struct str files_bytes_of(const struct op *op);	/* STR_NONE: there is no such piece (any more) */

struct file_sent {
	struct uuid file;
	int64_t whole_ms;	/* so long ago it was ended; -1: it was not */
};
void files_discard(struct store *s, const struct file_sent *v, size_t n);	/* nothing came of them; nobody waits for it */

/* --- names --- */
struct op *artifacts_attach(struct store *s, struct arena *a, const struct uuid *task, const struct artifact_new *v, size_t n,
			    const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg);
void artifacts_discard(struct store *s, const struct uuid *task);	/* the submission was not made; nobody waits for it */
struct op *artifacts_may_come(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			      op_done_fn *done, void *arg);
/* Text: {"created", "artifact"}. */
struct op *artifacts_upload(struct store *s, struct arena *a, const struct uuid *task, const struct artifact_new *n, const struct json *limits,
			    const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg);
struct artifact_maker {			/* an attempt's step */
	struct uuid task;
	int fence;
	struct str step;
	struct digest effect_key;	/* what was written with it once is what it writes again */
};
struct op *artifacts_write(struct store *s, struct arena *a, const struct artifact_maker *m, const struct artifact_new *n,
			   const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg);	/* text: the artifact */
/* Text: {"artifacts": [...]}. */
struct op *artifacts_list(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			  op_done_fn *done, void *arg);
struct str artifacts_text_of(const struct op *op);
/* By id (task and name do not count then), or id NULL: by task and name. */
struct op *artifacts_find(struct store *s, struct arena *a, const struct uuid *id, const struct uuid *task, struct str name,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg);
const struct artifact_found *artifacts_found_of(const struct op *op);

/* --- whole files, for who has or wants all bytes at once --- */
struct op *files_save(struct store *s, struct arena *a, struct str bytes, const struct json *limits, int64_t deadline_ms, op_done_fn *done,
		     void *arg);
struct file_saved {
	struct uuid file;
	struct digest digest;
};
const struct file_saved *files_saved_of(const struct op *op);
/* The first max bytes. */
struct op *files_load(struct store *s, struct arena *a, const struct artifact_found *f, size_t max, int64_t deadline_ms, op_done_fn *done,
		     void *arg);
struct str files_loaded_of(const struct op *op);
struct arena *files_loaded_in(const struct op *op);	/* where these bytes live, nothing else: arena_move() keeps them */

#endif
