/* tasks.h - what people and programs do with tasks: submit, look, wait, cancel.
 *
 * Shapes:  submissions that arrive in one loop turn share a transaction. Views are JSON texts made
 *          by SQL exactly as the API shows them (agentd-api(7)).
 * Units:   _us, _pusd.
 * Memory:  what is passed in must live until the completion; results live in the op's arena.
 * Errors:  ERR_NOT_FOUND (unknown or not the caller's), ERR_CONFLICT (wrong state),
 *          ERR_BUSY (key in flight), ERR_INVALID with err.status 422 (budget raised, same key with another body),
 *          ERR_PG_DOWN.
 * Source:  sql/functions/1_submit.sql, sql/functions/5_tasks.sql (cancel, task_view, task_list), sql/functions/5_quarantine.sql;
 *          agentd-api(7), "ROUTES" and "STATES".
 */
#ifndef STORE_TASKS_H
#define STORE_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct store;

struct principal {
	struct str name;		/* "token:ci", "os:root" */
	bool sees_all;			/* admin, or the operator at the database */
};

/* A page of a list of what belongs to tasks, newest first. */
struct task_page {
	struct str state;		/* STR_NONE: any */
	struct uuid task, before;	/* nil: any; from the newest */
	int limit;			/* 1..200 */
};

/* ready running waiting_* uncertain quarantined and, terminal, succeeded failed cancelled expired. */
bool task_state_is_known(struct str state);
bool task_state_is_terminal(struct str state);

struct submission {
	struct uuid id;			/* made by the caller */
	bool fixed_id;			/* others know it: a clock that is not the database's is an error, not a reason for another id */
	struct str workflow;
	const struct json *input;
	struct str urgency;		/* low normal high */
	const struct json *labels;	/* object of texts */
	const struct json *budget;	/* {usd?, wall_ms?, turns?, calls?}: lowers the workflow's; NULL: none */
	const struct json *webhook;	/* {url, events?}; NULL: none */
	struct str webhook_url;		/* of it */
	int64_t run_at_us;		/* 0: now */
	int64_t deadline_us;		/* 0: none */
	struct str idempotency_key;	/* STR_NONE: none */
	struct str route;		/* "POST /tasks": scope of the key */
	struct digest request;		/* of the canonical request */
	struct principal by;
	struct str origin_by;		/* of a fork: who the input came from first; STR_NONE: by */
};

struct submitted {
	struct uuid id;			/* of the task: an earlier one when replayed */
	bool replayed;
	struct str state;
	struct str body;		/* the answer's JSON text {"id","state","workflow","bundle","created_at"}; identical when replayed */
};
/* Group-committed. deadline_ms 0: none. */
struct op *tasks_submit(struct store *s, struct arena *a, const struct submission *sub, int64_t deadline_ms, op_done_fn *done, void *arg);
const struct submitted *tasks_submitted_of(const struct op *op);

/* JSON text results: *_text_of(op) */
/* {"bundle", "input", "key_used"} of the active workflow, STR_NONE if there is none: the schema of its input, and whether the
 * idempotency key of the submission was used before. */
struct op *tasks_input_schema(struct store *s, struct arena *a, const struct submission *sub, int64_t deadline_ms, op_done_fn *done,
			      void *arg);
struct op *tasks_view(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
		      int64_t deadline_ms, op_done_fn *done, void *arg);
/* The view of a task that has ended; STR_NONE of one that has not. */
struct op *tasks_view_ended(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg);
struct task_filter {
	struct str workflow, state, label_key, label_value;	/* STR_NONE: any */
	struct uuid before;		/* page: tasks older than this; nil: newest */
	int limit;			/* 1..200 */
};
struct op *tasks_list(struct store *s, struct arena *a, const struct task_filter *f, const struct principal *by,
		      int64_t deadline_ms, op_done_fn *done, void *arg);	/* {"tasks": [...], "next": id|null} */
struct op *tasks_cancel(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			int64_t deadline_ms, op_done_fn *done, void *arg);	/* the task's view */
struct op *tasks_redrive(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg);	/* a quarantined one goes on; the task's view */
/* What a task that has ended was given, made and said is erased; its view. */
struct op *tasks_purge(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
		       int64_t deadline_ms, op_done_fn *done, void *arg);
/* The word of a principal on an uncertain call; ERR_INVALID (422), ERR_NOT_FOUND, ERR_CONFLICT say why it is not taken. */
struct reconciliation {
	struct uuid id;			/* made by the caller: the same word sent again is the same one */
	struct str path, decision;	/* happened | did_not_happen | give_up */
	const struct json *result;	/* with happened, and only then; else NULL */
	int attempt_try;		/* the try that is meant; 0: the one that is uncertain */
};
struct op *tasks_reconcile(struct store *s, struct arena *a, const struct uuid *task, const struct reconciliation *rec,
			   const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg);	/* the decision as recorded */
struct str tasks_text_of(const struct op *op);

/* Which of these tasks are terminal now? */
struct op *tasks_states(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms,
			op_done_fn *done, void *arg);
struct task_state {
	struct uuid id;
	struct str state;
	bool terminal;
};
const struct task_state *tasks_states_of(const struct op *op, size_t *ret_n);

#endif
