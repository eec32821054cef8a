/* workflow_load.h - what the files workflow*.c share while a workflow is read. Internal to config.
 *
 * Shapes:  reading goes in passes: keys into structs (workflow_step.c), `then` and `catch` into
 *          indexes and the graph (workflow_graph.c), names in expressions (workflow_refs.c).
 * Memory:  all of it lives in the workflow's arena.
 * Errors:  all to the diag list.
 * Source:  agentd-workflow(5).
 */
#ifndef CONFIG_WORKFLOW_LOAD_H
#define CONFIG_WORKFLOW_LOAD_H

#include "config/schema.h"
#include "config/workflow.h"

enum { WORKFLOW_MAX_STEPS = 1000 };

/* `then` or `catch` as written, and where its index goes. */
struct link {
	const struct yaml *node;
	int *slot;
	const char *key;		/* "then" */
	bool is_catch;			/* no `end` there */
};

/* The steps of one list. */
struct scope {
	const struct scope *parent;	/* NULL: top level */
	size_t holder;			/* the step of the parent that this list belongs to */
	bool is_loop, parallel;
	bool broken;			/* a link leads nowhere: what the graph would say is noise */
	struct str as;
	struct step *v;
	const struct yaml **nodes;	/* of the steps */
	size_t n;
	struct link *links;
	size_t n_links, cap_links;
	uint64_t *reach;		/* bit j of row i: a path of one edge or more leads from i to j */
	size_t row_words;
	struct scope *next;		/* in the order of reading, outer before inner */
};

/* Who evaluates an expression. */
struct spot {
	const struct scope *scope;
	size_t step;			/* SPOT_END: after the list (outputs) */
};
#define SPOT_END SIZE_MAX

struct known_step {
	struct str id;
	const struct scope *scope;
	size_t step;
	struct place place;
};

struct known_var {
	struct str name;
	const struct scope *scope;	/* seen in it and below */
};

struct workflow_load {
	struct load l;			/* first: read functions cast */
	const struct source *src;
	struct workflow *w;
	struct scope *top, **last;	/* list of scopes */
	struct scope *scope;		/* the one that is read now */
	struct scope *body;		/* of the loop that is read now */
	struct known_step ids[WORKFLOW_MAX_STEPS];
	size_t n_ids;
	size_t n_steps;
	struct known_var *vars;
	size_t n_vars, cap_vars;
	struct str *raised;		/* types that raise steps name */
	size_t n_raised, cap_raised;
	const struct yaml **on_types;	/* of retry.on */
	size_t n_on, cap_on;
	struct source_file *files;
	size_t n_files, cap_files;
	struct contract *contracts;
	size_t n_contracts, cap_contracts;
};

/* Make room for one more in a table of the arena. */
void *grow_table(struct arena *a, void *table, size_t n, size_t *cap, size_t size);

struct step_row {
	const char *name;
	enum step_kind kind;
	struct key_table keys;		/* beside the common ones; the first is the kind's own */
};

/* workflow_keys.c */
extern const struct key_table step_table, budget_table;
extern const struct step_row step_rows[STEP_KINDS];
extern const char *const step_kinds_later[];	/* NULL-ended */

/* workflow_step.c: out is the struct of the table, as everywhere; for a kind's own keys the step. */
void steps_read(struct workflow_load *w, const struct yaml *list, struct scope *scope);
key_read_fn read_steps, read_budget, read_backoff, read_retry_on, read_link;
/* workflow_kind.c */
key_read_fn read_set, read_call, read_with, read_model, read_agent, read_agent_tools, read_prompt, read_tier, read_schema, read_switch,
	read_for, read_as,
	read_for_output, read_do, read_wait, read_until, read_raise, read_type, read_ask, read_on_timeout;

/* workflow.c */
/* STR_NONE after a report. shown: the file's name for places. */
struct str workflow_read_file(struct workflow_load *w, const struct yaml *name, const char **shown);
const struct contract *workflow_contract(struct workflow_load *w, const struct yaml *name);

/* workflow_graph.c */
void graph_link(struct workflow_load *w);
void graph_check(struct workflow_load *w);
bool graph_reaches(const struct scope *s, size_t from, size_t to);

/* workflow_refs.c */
void refs_check(struct workflow_load *w);

/* workflow_schema.c: schemas with the files that they refer to, as one document, and compiled. NULL after a report. */
const struct json *schema_file(struct workflow_load *w, const struct yaml *name, const struct schema **check);
const struct json *schema_inline(struct workflow_load *w, const struct json *schema, const struct yaml *node,
				 const struct schema **check);

#endif
