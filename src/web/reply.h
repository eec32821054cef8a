/* reply.h - answers: JSON texts and RFC 9457 problem documents.
 *
 * Shapes:  a reply is decided once per request; the connection sends it when it is resumed.
 *          Problem type is "urn:agentd:problem:WORD"; the words are those of the table in reply.c.
 * Memory:  texts must live as long as the request's arena.
 * Errors:  none.
 * Source:  agentd-api(7), section PROBLEMS.
 */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct MHD_Response;
struct arena;
struct request;
struct schema_faults;

struct reply {
	int status;		/* 0: not decided yet */
	struct str body;
	const char *type;	/* NULL: JSON */
	const char *csp;	/* Content-Security-Policy of a form for people; NULL: that of all others */
	bool problem;
	const char *word, *detail;	/* of a problem, as its body has them */
	bool close;		/* end the connection after it */
	const char *location;	/* NULL: none */
	const char *allow;
	int retry_after_s;	/* 0: none */
	bool replayed;		/* Idempotency-Replayed: true */
	struct MHD_Response *(*make)(struct request *req);	/* the answer is made piece by piece, no body; NULL: it is not */
	bool page;		/* a file of the page: browsers may keep it, and run what it loads from here */
	const struct reply_header *more;
};

struct reply_header {
	const char *name, *value;
	const struct reply_header *next;
};

void reply_json(struct reply *r, int status, struct str body);
void reply_empty(struct reply *r);	/* 204 */
void reply_made(struct reply *r, const char *type, struct MHD_Response *(*make)(struct request *req));	/* 200 */
void reply_file(struct reply *r, struct arena *a, const char *type, const char *etag, struct str body);	/* of the page */
void reply_add(struct reply *r, struct arena *a, const char *name, const char *value);	/* a header, to a reply that is decided */
void reply_problem(struct reply *r, struct arena *a, int status, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* 422 with all that is wrong: "errors": [{"pointer", "message"}]; pointers are of the body, in which the value stands at place. */
void reply_faults(struct reply *r, struct arena *a, const char *detail, const char *place, const struct schema_faults *f);
/* By err.code (and err.status where it is set). Our own faults are logged and show no detail. */
void reply_err(struct reply *r, struct arena *a, const struct err *err);

#endif
