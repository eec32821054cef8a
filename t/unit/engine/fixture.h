/* fixture.h - a state made of a workflow's text and journal rows written as text, and its state as text.
 *
 * Shapes:  a row is "PATH TRY KIND VALUE"; KIND without "step.", VALUE defaults to {}, of started to a call of "t.t". Rows are separated by '\n';
 *          "@MS" sets the time (ms) of the rows that follow. Tool "t.t" exists.
 * Memory:  one arena, fixture_free().
 * Errors:  a fixture that does not compile ends the test.
 * Source:  engine/state.h.
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "base/err.h"
#include "engine/state.h"

struct fixture {
	struct arena *arena;
	struct state state;
	int64_t at_us;
	struct err err;		/* of the row that did not fit */
};

/* graves: closed scopes are buried instead of freed. */
struct fixture *fixture_new(const char *yaml, bool graves);
void fixture_free(struct fixture *f);
/* -1 at the first row that does not fit: then f->err. */
int fixture_apply(struct fixture *f, const char *rows);
/* "a=succeeded b=running#2 each=running[1/3 1:(x=waiting)] @1", then "closed", "failed TYPE", "cancelled" ... */
const char *fixture_dump(struct fixture *f);
struct scope *fixture_scope(struct fixture *f, const char *path);	/* "each[1]"; "" */

#endif
