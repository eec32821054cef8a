/* multipart.h - multipart/form-data as it comes: parts are told head by head, bytes by bytes.
 *
 * Shapes:  pieces of any size go in; for every part head() once, data() any number of times, end() once. Nothing is kept but a head, and as
 *          many bytes as could be a boundary. A body begins with its boundary and ends behind the last one: no preamble, no epilogue.
 * Units:   bytes; the head of a part has at most 4 KiB.
 * Memory:  the arena given. What callbacks are given lives until they return.
 * Errors:  ERR_INVALID with status 400; a callback's -1 ends the parsing with its error. After an error nothing may be fed.
 * Source:  RFC 7578, RFC 2046, 5.1.
 */
#ifndef WEB_MULTIPART_H
#define WEB_MULTIPART_H

#include "base/str.h"

struct arena;
struct err;
struct multipart;

struct part_head {
	struct str name, filename, type;	/* STR_NONE: has none; a part always has a name */
};

struct multipart_user {
	int (*head)(void *arg, const struct part_head *h, struct err *err);
	int (*data)(void *arg, struct str bytes, struct err *err);
	int (*end)(void *arg, struct err *err);
	void *arg;
};

/* content_type is the header's value; NULL with err when it names no boundary. */
struct multipart *multipart_new(struct arena *a, struct str content_type, struct multipart_user user, struct err *err);
int multipart_feed(struct multipart *m, struct str bytes, struct err *err);
int multipart_finish(struct multipart *m, struct err *err);	/* no more comes */

#endif
