/* state.h - the state of a run, moved by journal rows and by nothing else. Pure: no clock, no I/O.
 *
 * Shapes:  a tree. A scope is a list of steps being executed: the workflow's own, or one iteration of a
 *          loop; it has a cursor (the step that is next or under way). A node is what is known of one step of a
 *          scope, made at its first visit. An open loop (struct each) holds the scopes of its iterations, which go when they
 *          end. An agent's turn with calls is such a loop too, whose iterations are scopes of one call step each (agent.h); it
 *          closes by itself when all calls have ended. Replay and live running go the same way: state_apply().
 *
 *          A few fields belong to who runs the state, not to the journal: node.flight, node.mine, node.looked, node.ledger,
 *          node.word and the wake of an uncertain or running one, node.asked_us, node.summarise, scope.held_seq, each.abort.
 *          Scopes that may have something to do stand in the ready list.
 * Units:   _us by the database's clock.
 * Memory:  values of rows are referenced, not copied: the value of a row must live as long as its scope. Closed
 *          scopes go to the graveyard (an arena of the caller), or at once when there is none; what outlives
 *          an iteration (its output, what `set` wrote) is copied out of it.
 * Errors:  ERR_JOURNAL_CONFLICT; the state is then no longer usable.
 * Source:  journal.h; agentd-workflow(5), "SCOPE AND OUTPUTS".
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/journal.h"

struct arena;
struct err;
struct approval_word;
struct flight;
struct journal_row;
struct json;
struct ledger_word;
struct program;
struct program_step;
struct program_task;
struct scope;
struct vars;

enum node_status {
	NODE_NONE, NODE_RUNNING, NODE_WAITING, NODE_RETRYING, NODE_ASKING, NODE_UNCERTAIN,
	NODE_SUCCEEDED, NODE_FAILED, NODE_SKIPPED, NODE_CANCELLED, NODE_STATUSES
};

enum { NODE_MAX_REPAIRS = 2, AGENT_PARALLEL_CALLS = 16 };

struct each {				/* an open loop */
	struct node *node;
	const struct json *items;	/* of an agent: the calls of the turn */
	int parallel;
	size_t n, next;			/* next: the lowest item that has not begun */
	size_t open, ended;
	struct scope **scopes;		/* by item; NULL: not begun or ended */
	const struct json **outputs;	/* by item; NULL: none (skipped) */
	uint8_t *begun;			/* by item */
	const struct json *error;	/* of the iteration that failed the loop */
	const struct json *abort;	/* the loop itself is to fail: timeout, wall budget */
};

struct turn {				/* an answer of a model that was not the last */
	const struct json *text;
	const struct json *calls;	/* NULL: none */
	const struct json *echo;	/* NULL: none */
	const struct json **outputs, **errors;	/* by call; NULL in both: it was ended before it gave a result */
	int left_out;			/* so many turns were not shown when it was asked */
};

struct node {
	struct scope *scope;
	int index;			/* of the step in its scope */
	enum node_status status;
	int visits, try_no;
	int n_free;			/* tries of this visit that do not count */
	int n_asks;			/* times the tool did not know what became of this try */
	int n_requests;			/* times a person was asked in this try */
	bool mine;			/* its step.started is ours: start the operation once it is committed */
	bool waits_slot;		/* RETRYING: nobody may answer it now; its next try is not counted */
	bool turns_ended;		/* the last turn says that nothing follows from it */
	int n_turns, cap_turns;
	struct turn *turns;		/* of this try; of an agent: of this visit */
	int left_out;			/* agent: so many turns are not shown any more */
	const struct json *summary;	/* agent: stands for turns that are left out; NULL: none */
	int summarise;			/* so many turns are to be summarised before the next is asked; 0: none */
	bool summarised;		/* for the next turn that was done, or tried */
	const struct json *started;	/* value of step.started */
	const struct json *again;	/* RETRYING: the call that did not happen, to be made as it was; else NULL */
	const struct json *output, *error;
	int64_t entered_us;		/* begin of this visit */
	int64_t started_us;		/* begin of this try */
	int64_t unbooked_pusd;		/* what was asked in vain cost: it goes with the next row of the node; not known after a restart */
	int64_t asked_us;		/* when a model was asked last; not known after a restart: 0 */
	int64_t uncertain_us;		/* since then this try is uncertain; 0: it never was */
	int64_t requested_us;		/* when a person was asked last */
	int64_t waited_us;		/* for people, in this try; not counted by the timeout of an agent */
	const struct json *request;	/* ASKING: the last approval.requested; */
	const struct json *decision;	/* and what was decided; NULL: nothing */
	const struct json *approved;	/* the request of this visit, of a model or agent of this try, that was approved last, */
	const struct json *approval;	/* and its decision; both NULL: none */
	int64_t wake_us;		/* WAITING: until; RETRYING: the next try; ASKING: the request expires; UNCERTAIN: the tool is asked
					 * then; not looked: looks then; else 0 */
	int64_t deadline_us;		/* end of the try or of the wall budget; 0: none */
	int64_t n_calls, n_model_turns;	/* at and below it, for budgets */
	struct each *each;		/* an open loop */
	int *edges;			/* switch: traversals by edge */
	struct flight *flight;
	bool looked;			/* the ledger, or the request, was read for this try since we have the task, or need not be */
	const struct ledger_word *ledger;	/* what it said; NULL: nothing that the journal does not say */
	const struct approval_word *word;	/* ASKING: what was read of the request; NULL: nothing */
	struct node *timed_prev, *timed_next;
	bool timed;
};

enum scope_state { SCOPE_OPEN, SCOPE_ENDED, SCOPE_CLOSED };

struct scope {
	struct scope *parent;		/* NULL: the workflow's own */
	struct node *owner;		/* the loop */
	struct arena *arena;
	const struct program *program;
	struct node **nodes;		/* by index; NULL: never visited */
	int cursor;			/* program->n: past the last step */
	int last_ran;			/* -1: none */
	enum scope_state state;		/* ENDED: all steps are over, its output is not taken yet */
	bool cancelling;		/* no further step; closes when the present one is over */
	bool cancelled;			/* it was closed so */
	struct str path;		/* "each[3]"; "" */
	size_t item;
	const struct json *item_value;
	struct vars *vars;		/* shared with the parent unless the loop is parallel */
	const struct json *as_value;	/* the loop's `as` */
	const struct json *error;	/* it failed with */
	int64_t held_seq;		/* of the move that carries its last result: begin nothing before that is committed */
	struct scope *ready_prev, *ready_next;
	bool ready;
};

struct vars {
	struct scope *owner;
	struct arena *arena;
	const struct json *value;
	size_t live_bytes;		/* at the last compaction */
};

struct state {
	struct arena *arena;
	const struct program_task *program;
	const struct json *input, *facts;
	struct scope *root;
	struct scope *ready_head, *ready_tail;
	struct node *timed;		/* nodes with wake_us or deadline_us */
	int64_t timed_min_us;		/* no later than the earliest of them; INT64_MAX: none */
	struct arena *graveyard;
	size_t n_slots;			/* nodes that wait for a model that may be asked */
	size_t n_uncertain, n_asking;	/* n_asking: requests nobody has decided, as far as the journal knows */
	unsigned taint;			/* TAINT_ bits of who submitted the task and of all calls that have begun */
	int64_t n_calls, n_model_turns, n_steps;
	int64_t committed_seq;		/* number of the last move that was committed */
	bool task_cancelling;		/* set by state_cancel_all() */
};

void state_init(struct state *st, struct arena *a, const struct program_task *p, const struct json *input,
		const struct json *facts);
/* row->at_us counts as now. */
int state_apply(struct state *st, const struct journal_row *row, struct err *err);

/* --- what act does beside applying rows --- */
struct scope *state_take_ready(struct state *st);		/* NULL: none */
void state_push_ready(struct state *st, struct scope *sc);	/* unless closed */
struct scope *state_open_item(struct state *st, struct each *e, size_t item);
/* Closes without a row a cancelling scope that stands between two steps. */
void state_close_cancelled(struct state *st, struct scope *sc);
void state_cancel_items(struct state *st, struct each *e);	/* all iterations begin to cancel */
void state_cancel_all(struct state *st);			/* the task is to end */
void state_set_deadline(struct state *st, struct node *n, int64_t at_us);	/* 0: none */
void state_set_wake(struct state *st, struct node *n, int64_t at_us);	/* of an uncertain or running node; 0: none */
/* When a try that began then must be over: its timeout, or the wall budget of the visit; 0: never. */
int64_t node_deadline(const struct node *n, int64_t try_began_us);
int64_t node_agent_deadline(const struct node *n);	/* of an agent, whose try is under way; while it waits for nobody */
bool scope_is_held(const struct state *st, const struct scope *sc);
int64_t state_earliest(struct state *st);			/* of wakes and deadlines; INT64_MAX: none */
/* Pushes the scopes of all nodes that are due. */
void state_push_due(struct state *st, int64_t now_us);
void state_look_again(struct state *st);			/* at all requests that nobody had decided */

/* --- reading --- */
struct node *state_node(struct scope *sc, int index);		/* made when it is not there */
const struct program_step *node_program(const struct node *n);
const struct program_step *scope_step(const struct scope *sc);	/* at the cursor; NULL: past the end */
bool node_is_open(const struct node *n);			/* NULL: no */
bool scope_is_call(const struct scope *sc);			/* of a call that an agent's model asked for */
/* What the next row of this node bears. kind ROW_STEP_CANCELLED and rows of an open try: the present ones. */
int node_next_visit(const struct node *n, enum row_kind kind);
int node_next_try(const struct node *n, enum row_kind kind);
struct str node_path(struct arena *a, const struct node *n, enum row_kind kind);
const struct json *scope_output(const struct scope *sc);	/* of the last step that ran; null */
const char *node_status_name(enum node_status s);		/* what .steps.ID.status says */

#endif
