/* intake.h - files of a request on their way to the database, piece by piece as they come.
 *
 * Shapes:  intake_file(), intake_bytes() ..., intake_file_end(), any number of times; then intake_finish(). Whenever something is
 *          to be written the request is suspended until it is, so that a client is no faster than the database.
 * Units:   bytes.
 * Memory:  the request's arena, and what was read at once over a piece of FILE_CHUNK.
 * Errors:  req->reply is decided: 413 for a file that is too large or one too many, or the store's error. What comes after it is
 *          ignored. What was written by then belongs to nobody: the sweeper takes it away.
 * Source:  store/artifacts.h.
 */
#ifndef WEB_INTAKE_H
#define WEB_INTAKE_H

#include "base/digest.h"
#include "store/artifacts.h"

struct intake;
struct json;
struct request;

struct intake_file {
	struct artifact_new artifact;
	int64_t size;
	struct uuid sent;		/* what it was sent as: the artifact's is another when its bytes were there before */
	int64_t whole_ms;		/* CLOCK_BOOTTIME; 0: it is not ended */
	struct intake_file *next;
};

struct intake *intake_new(struct request *req);
void intake_file(struct intake *in, struct str name, struct str media_type);	/* names are checked by who knows where they stand */
void intake_bytes(struct intake *in, struct str bytes);
void intake_file_end(struct intake *in);
/* Writes what is due; after every feed. */
void intake_pump(struct intake *in);
/* then() when all is written, at once or some time; not when the reply is decided. */
void intake_finish(struct intake *in, void (*then)(struct request *req));
const struct intake_file *intake_first(const struct intake *in);	/* by name */
size_t intake_count(const struct intake *in);
const struct json *intake_limits(const struct intake *in);

#endif
