/* path.h - step paths: the durable addresses of what a task does.
 *
 * Shapes:  a path is segments joined by '/': `id`, `id~V` (V >= 2), `id[I]`, `id~V[I]`, `turn-N` (N >= 1), as in
 *          journal.h; `ask-N` and `approval-N` likewise; `call-K` (K >= 0), below a turn. "" is the task itself.
 * Memory:  made paths live in the arena given; taken segments point into the path.
 * Errors:  path_take() is false for what no path_*() function makes.
 * Source:  agentd-internals(7), "Journal".
 */
#ifndef ENGINE_PATH_H
#define ENGINE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct segment {
	struct str id;		/* "turn" for a turn, "ask" for an ask, "call" for a call */
	int visit;		/* from 1 */
	bool has_item;
	size_t item;
	int turn;		/* 0: not a turn */
	int ask;		/* 0: not an ask */
	int approval;		/* 0: not a request for approval */
	bool is_call;
	int call;
};

/* Takes the first segment off *rest, with the '/' behind it. */
bool path_take(struct str *rest, struct segment *ret);

struct str path_step(struct arena *a, struct str scope, struct str id, int visit);
struct str path_item(struct arena *a, struct str loop, size_t item);
struct str path_turn(struct arena *a, struct str step, int turn);
struct str path_ask(struct arena *a, struct str step, int ask);
struct str path_approval(struct arena *a, struct str step, int approval);

#endif
