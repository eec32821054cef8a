/* health.h - may a provider be asked now, and what its answers say of it: breakers, rpm and tpm, as all workers share them.
 *
 * Shapes:  the rows are the database's; each process keeps a copy of the breakers, made new when somebody changes one (NOTIFY), when
 *          it has become old, and by every answer to what it says itself. health_look() reads that copy. Before a question goes
 *          out it is admitted: at once and without a call where the breaker is closed and the provider has no limits; else by the
 *          database, together with all that ask in the same loop turn: as the one probe of a half-open breaker, or at its place
 *          in the provider's minute. What became of it is told with all of the same turn, after the answer has gone on its way;
 *          of a provider that works nothing is told.
 * Units:   milliseconds. Times of the database come as times from now.
 * Memory:  a ticket is embedded in its owner and, while it is asked for, must live until fn.
 * Errors:  none to the caller: what the database refuses is logged.
 * Source:  agentd-routing(5), "Breaker"; sql/functions/3_health.sql.
 */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "config/routing.h"

struct arena;
struct health;
struct loop;
struct store;

struct health *health_new(struct loop *l, struct store *s);	/* s NULL: only what health_load() gives */
void health_free(struct health *h);	/* calls under way are cancelled; no ticket may be asked for */
/* The copy has changed. */
void health_on_change(struct health *h, void (*fn)(void *arg), void *arg);
/* An answer of store/breakers.h. */
int health_load(struct health *h, struct str text, struct err *err);
void health_refresh(struct health *h);	/* reads the rows, unless that was done a moment ago */

enum shut { SHUT_NOT, SHUT_OPEN, SHUT_PROBED, SHUT_RATE };

struct health_view {
	enum shut shut;
	int64_t ms;			/* SHUT_OPEN: until a probe is let through; SHUT_PROBED: until its lease is over at the latest */
	struct str error_class;		/* that opened it */
	bool half_open;			/* whoever asks is the probe */
};
struct health_view health_look(const struct health *h, const struct model *m);

enum { HEALTH_SCOPES = 2 };

struct health_ticket {
	const struct model *model;
	int64_t tokens;			/* of the question and the most of its answer, as far as known */
	int64_t no[HEALTH_SCOPES];	/* of the breakers when it began */
	bool probes[HEALTH_SCOPES];
	struct uuid probe;
	bool counted;			/* in the provider's minute */
	/* while it is asked for: */
	struct health_ticket *next;
	void (*fn)(void *arg, enum shut shut, int64_t ms);	/* SHUT_NOT: it may, after ms; else nobody is let through for ms */
	void *arg;
};
/* true: it may go now. false: fn says, not inside this call; the ticket cannot be called back. most_ms: a longer wait is not wanted. */
bool health_admit(struct health *h, struct health_ticket *t, const struct model *m, int64_t tokens, int64_t most_ms,
		  void (*fn)(void *arg, enum shut shut, int64_t ms), void *arg);
/* What became of it: err NULL or ERR_NONE: an answer. tokens: what it took; -1: not known. Ends the ticket. */
void health_tell(struct health *h, struct health_ticket *t, const struct err *err, int64_t tokens);
void health_drop(struct health *h, struct health_ticket *t);	/* nobody was asked. Nothing where there is no ticket */

/* A question that waits here for a while, for whoever asks why; reason NULL: it waits no more. until_ms < 0: nobody knows. */
struct health_wait {
	struct uuid task;
	int fence;
	struct str path, provider;
	const char *reason;
	int64_t until_ms, left_ms;
};
void health_note_wait(struct health *h, const struct health_wait *w);

#endif
