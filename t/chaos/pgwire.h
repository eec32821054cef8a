/* pgwire.h - an eye on one direction of a connection in PostgreSQL's frontend/backend protocol 3.
 *
 * Shapes:  bytes go in in pieces of any size; they come out through emit(), and messages are told while they pass: head()
 *          before the first byte of a message is emitted (false: it and all behind it are swallowed), done() behind its last.
 *          body holds the first bytes of the message only.
 * Memory:  none; messages of any size stream through.
 * Errors:  a length that cannot be ends the eye: pgwire_feed() answers false.
 * Source:  PostgreSQL's manual, "Message Formats".
 */
#ifndef CHAOS_PGWIRE_H
#define CHAOS_PGWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first message of a frontend has no type; these stand for it. */
enum { PGWIRE_STARTUP = 1, PGWIRE_ENCRYPT = 2, PGWIRE_CANCEL = 3 };

struct pgwire_user {
	bool (*head)(void *arg, int type);
	void (*emit)(void *arg, const char *p, size_t n);
	void (*done)(void *arg, int type, const char *body, size_t n);
	void *arg;
};

struct pgwire {
	struct pgwire_user user;
	bool untyped;		/* the frontend has not sent its startup message yet */
	bool over;
	int type;
	char head[8];
	size_t n_head;
	uint32_t left;
	char body[128];
	size_t n_body;
};

void pgwire_init(struct pgwire *w, bool frontend, struct pgwire_user user);
bool pgwire_feed(struct pgwire *w, const char *p, size_t n);

#endif
