/* link.h - one connection to PostgreSQL on the loop: made, set up, watched, made again when lost.
 *
 * Shapes:  down -> connecting -> setting up -> up -> down ... Between tries full jitter, 50 ms to 2 s. A connection that
 *          is up has the session settings of link.c.
 * Memory:  the link owns the PGconn and its loop handles.
 * Errors:  none to the caller; link_reason() says in words why it is down.
 * Source:  libpq "Asynchronous Command Processing".
 */
#ifndef STORE_LINK_H
#define STORE_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>

struct link;
struct loop;

enum { LINK_STATEMENT_MS = 60000 };

struct link_user {
	void (*up)(void *arg);		/* ready for commands */
	void (*readable)(void *arg);	/* input was consumed: look for results, notifications */
	void (*down)(void *arg);	/* was up and is lost; the PGconn is gone */
	void *arg;
};

/* statement_ms: what the server lets a statement run; at most LINK_STATEMENT_MS. */
struct link *link_open(struct loop *l, const char *conninfo, const char *application, int statement_ms, struct link_user user);
void link_close(struct link *k);
PGconn *link_conn(const struct link *k);	/* NULL unless up */
bool link_is_up(const struct link *k);
const char *link_reason(const struct link *k);	/* "" when there is none */
/* After commands were sent. false: the connection was lost meanwhile. */
bool link_flush(struct link *k);
void link_lost(struct link *k, const char *reason);
/* Whether an answer is due: then nothing heard for longer than the server lets a statement run means that the connection is lost. */
void link_expect(struct link *k, bool answer);

#endif
