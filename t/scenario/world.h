/* world.h - all that lies around an engine, faked in memory: database, tools, models.
 *
 * Shapes:  a world outlives crashes of the engine: it holds the journal, the ledger and what tools were told. It
 *          implements queue_commit(), admin_bundle(), tools_*() and gateway_*() for the engine under test.
 *          What a tool or model answers follows from the script and from committed rows alone, so that a
 *          repeated call is answered alike.
 * Memory:  one arena, world_free().
 * Errors:  a script that does not parse ends the program with its line.
 * Source:  t/scenario/README.
 */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/queue.h"
#include "config/manifest.h"
#include "tools/tools.h"

struct arena;
struct engine;
struct json;
struct loop;
struct policy;

enum crash_mode { CRASH_NEVER, CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT };

struct reply {
	struct reply *next;
	struct str name;		/* tool, or path of a model turn */
	const struct json *match;	/* args of the tool; NULL: any */
	int nth;			/* try, from 1; 0: any */
	bool once, used;		/* once: the first time that it is asked for */
	int longer;			/* a model's: to more than so many messages; 0: any */
	bool hang;			/* answers only when it is cancelled */
	bool error;
	enum tool_outcome outcome;
	struct err err;
	const struct json *value;	/* of a tool */
	struct str text;		/* of a model */
	const struct json *calls;	/* of a model: [[NAME, ARGS]...], ARGS a text as it is or a value; NULL: none */
};

struct fake_tool {
	struct fake_tool *next;
	struct manifest *manifest;
};

struct ledger_row {
	struct ledger_row *next;
	struct digest key;
	struct str tool, effect_class, path;
	enum effect_state state;
	int fence, attempt_try;
	const struct json *result;
	struct str decision, by;	/* STR_NONE: none */
	int did_not_happen;		/* times that was said */
};

struct decide {				/* a person's word */
	struct decide *next;
	struct str path, decision;
	const struct json *result;
	bool early;			/* spoken as soon as the effect is uncertain, while the task runs */
	bool done;
};

struct settled {			/* what the ledger says of a call that was under way, when the task is claimed */
	struct settled *next;
	struct str path;
	enum effect_state state;
	const struct json *result;
	bool done;
};

struct request {			/* for a person */
	struct request *next;
	struct str id, path, state, by, comment;
	const struct json *value;	/* of its row */
	const struct json *form, *args;	/* args: as edited */
	struct digest digest, key;	/* key: of the effect that consumed it */
	int64_t expires_us;
	int dispatches;
};

struct answered {			/* what a person says of a request */
	struct answered *next;
	struct str path, decision, by, comment;
	const struct json *args, *form;
	int64_t late_ms;		/* -1: taken up at once; else so long after the end of the request */
	bool early, done;
};

struct told {				/* what a tool was really asked to do */
	struct told *next;
	struct digest key;
	struct str tool;
	enum effect_class effect;
	int times, not_begun;
};

enum event_kind { EVENT_CANCEL, EVENT_DRAIN, EVENT_RELEASE, EVENT_DROP, EVENT_GONE, EVENT_POLICY };

struct event {
	struct event *next;
	enum event_kind kind;
	int on_move;			/* 0: not so */
	struct str on_call;		/* of that tool or turn, "ledger" or "word"; STR_NONE: not so */
	bool done;
};

struct world {
	struct arena *arena;
	struct loop *loop;
	struct engine *engine;
	const struct policy *policy, *later_policy;	/* NULL: none */

	/* the script */
	struct str workflow;
	const struct json *input, *budget;
	int64_t deadline_ms;
	struct reply *replies;
	struct fake_tool *tools;
	struct event *events;
	struct decide *decides;
	struct settled *settled;
	struct answered *verdicts;
	struct str guarded;		/* a tool that is called only when a person approved */
	struct str gone;		/* a tool that the task pinned and nobody has */
	int unreadable;			/* so many readings of the ledger fail; ERR_NONE: find nothing */
	enum err_code unreadable_code;
	int refuse_move;		/* that move is refused */
	enum err_code refuse_code;

	/* the database */
	struct uuid task;
	int fence;
	struct journal_row *rows;
	size_t n_rows, cap_rows;
	struct ledger_row *ledger;
	struct request *requests;
	int64_t now_us;			/* virtual, beside what really passes */
	int n_moves;
	bool cancel_asked;
	bool claimed, ended, parked, unread;
	struct str state;
	int64_t run_at_us;
	const struct json *output, *error;
	size_t n_model_calls;
	struct buf log;			/* what was committed, as text */

	/* trouble */
	enum crash_mode crash;
	int crash_at;
	bool crashed;

	struct told *told;
	size_t n_in_flight;
};

struct world *world_new(struct loop *l);
void world_free(struct world *w);
void world_script(struct world *w, struct str workflow, struct str script);
void world_policy(struct world *w, struct str text, struct str later);	/* STR_NONE: none */
struct claimed *world_claim(struct world *w);
int64_t world_now_us(const struct world *w);
bool effect_state_parse(struct str word, enum effect_state *ret);
/* The words that may be spoken now; false: none was. */
bool world_decide(struct world *w, bool early);
/* A commit that is no move: whether it takes place, by the script's crash; *ret_after says that it does and we die then. */
bool world_commits(struct world *w, bool *ret_after);
/* What the script does on that call; false: nothing. */
bool world_fire(struct world *w, struct str name);
/* "" or what is wrong with the ledger and with what tools were asked to do. */
const char *world_audit(struct world *w);

/* The one world that the fakes serve. */
extern struct world *the_world;

#endif
