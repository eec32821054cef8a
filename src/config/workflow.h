/* workflow.h - a workflow, checked and linked: what the engine interprets.
 *
 * Shapes:  steps of a scope stand in an array; `then` and `catch` are indexes
 *          into that array. Expressions are parsed, templates compiled, prompt and
 *          schema files read in.
 * Units:   _ms _pusd as in clock.h; 0 or -1 as stated means "not given".
 * Memory:  everything lives in one arena and is immutable: shared by all tasks of
 *          the bundle.
 * Errors:  workflow_compile() reports all mistakes to the diag list and returns
 *          NULL when there is an error.
 * Source:  agentd-workflow(5). Keys are rows of the tables in workflow_keys.c.
 */
#ifndef CONFIG_WORKFLOW_H
#define CONFIG_WORKFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"
#include "config/diag.h"
#include "config/risk.h"

struct arena;
struct expr;
struct json;
struct schema;
struct tmpl;

enum step_kind { STEP_SET, STEP_CALL, STEP_MODEL, STEP_AGENT, STEP_SWITCH, STEP_FOR, STEP_WAIT, STEP_RAISE, STEP_APPROVE, STEP_KINDS };
const char *step_kind_name(enum step_kind k);	/* "set" */

enum { STEP_NEXT = -1, STEP_END = -2, STEP_NONE = -3 };	/* beside indexes in then, catch */
enum { ON_TIMEOUT_DENY = -4, ON_TIMEOUT_FAIL = -5 };		/* beside indexes in on_timeout */

enum retain { RETAIN_SHORT, RETAIN_LONG };
enum effect_class { EFFECT_PURE, EFFECT_TX, EFFECT_IDEMPOTENT, EFFECT_AT_MOST_ONCE };	/* from lax to strict */
const char *effect_class_name(enum effect_class c);	/* "at_most_once" */
bool effect_class_parse(struct str s, enum effect_class *ret);

struct budget {
	int64_t usd_pusd;	/* -1: none */
	int64_t wall_ms;	/* -1: none */
	int turns, calls;	/* -1: none */
};

struct retry_policy {
	int max;		/* retries; 0: none */
	int64_t delay_ms;	/* default 1 s */
	int64_t cap_ms;		/* default 60 s */
	bool exponential;
	const struct str *on;	/* type names or prefixes "tool.*"; NULL: every retryable error */
	size_t n_on;
};

struct steps;

struct step_set {
	const struct str *names;
	const struct tmpl *const *values;
	size_t n;
};

/* Of a call that a model asked for (engine/agent.h) either may be missing. */
struct step_call {
	struct str tool;
	const struct tmpl *with;	/* object */
};

struct step_model {
	struct str tier;
	const struct tmpl *system;	/* NULL: none */
	const struct tmpl *prompt;
	const struct tmpl *context;	/* NULL: none */
	const struct json *output;	/* a schema; NULL: plain text */
	const struct schema *output_check;	/* the same, compiled */
	int64_t max_output;		/* tokens; 0: the model's */
	double temperature;		/* < 0: not given */
};

enum agent_truncate { TRUNCATE_NONE, TRUNCATE_OLDEST, TRUNCATE_SUMMARISE };

struct step_agent {
	struct step_model ask;		/* first: what it has in common with model */
	const struct str *tools;
	size_t n_tools;
	int max_turns;
	enum agent_truncate truncate;	/* what to leave out when the conversation does not fit any more */
};

/* Models know no dots: "web.fetch" is "web_fetch" to them. No two manifests have the same name so (catalog.c). */
struct str tool_name_for_model(struct arena *a, struct str tool);

struct switch_edge {
	const struct expr *when;	/* NULL: default */
	int then;
	int max_visits;			/* 0: not bounded here */
};

struct step_switch {
	const struct switch_edge *edges;
	size_t n;
};

enum for_on_error { FOR_FAIL, FOR_COLLECT, FOR_SKIP };

struct step_for {
	const struct expr *in;
	struct str as;			/* STR_NONE: not given */
	int parallel;			/* 1: sequential */
	enum for_on_error on_error;
	const struct tmpl *output;	/* NULL: of the last step that ran */
	const struct steps *body;
};

struct step_wait {
	int64_t duration_ms;		/* -1: until is given */
	const struct tmpl *until;
};

struct step_raise {
	const struct tmpl *type, *message;
	bool retryable;
};

struct step_ask {			/* a person is asked: by an `approve` step, or before a call */
	const struct tmpl *title;	/* NULL: says what is called */
	const struct tmpl *show;	/* NULL: nothing */
	const struct json *form;	/* schema of the answer; NULL: none */
	const struct schema *form_check;	/* the same, compiled */
	enum risk risk;
	int approvers;			/* how many different people have to approve */
	int64_t timeout_ms;
	int on_timeout;			/* index, ON_TIMEOUT_DENY or ON_TIMEOUT_FAIL */
};

struct step {
	struct place place;
	struct str id;
	enum step_kind kind;
	const struct expr *when;	/* NULL: always */
	int then;			/* index, STEP_NEXT or STEP_END */
	int catch;			/* index or STEP_NONE */
	int64_t timeout_ms;		/* 0: none */
	struct budget budget;
	struct retry_policy retry;
	enum risk risk;
	const struct step_ask *ask;	/* of `approve` always; of a call: NULL unless it has an `ask` */
	union {
		struct step_set set;
		struct step_call call;
		struct step_model model;
		struct step_agent agent;
		struct step_switch sw;
		struct step_for loop;
		struct step_wait wait;
		struct step_raise raise;
	} u;
};

struct steps {
	const struct step *v;
	size_t n;
};

/* What a task pins of a tool. */
struct contract {
	struct str name, description;
	const struct json *args;	/* JSON Schema */
	enum effect_class effect;
};

struct workflow {
	struct str name, description;
	const struct json *input;	/* JSON Schema; NULL: any object */
	const struct schema *input_check;	/* the same, compiled */
	struct budget budget;
	enum retain retain;
	const struct steps *steps;
	const struct tmpl *output;	/* NULL: of the last top-level step that ran */
	const struct contract *contracts;	/* by name */
	size_t n_contracts;
	struct str lane;		/* its own key: "default"; what it needs: lane.h */
	struct place lane_at;
	const char *file;
};

/* Of a tool that the workflow names; NULL: it does not. */
const struct contract *workflow_find_contract(const struct workflow *w, struct str tool);

/* The lowest number of the engine's semantics that runs it: that of the newest step kind in it. */
int workflow_semantics(const struct workflow *w);

/* Where texts come from: a directory on disk, or the files of a bundle. */
struct source {
	/* path is relative to the workflow file's directory, '/'-separated. Texts live as long as the source. */
	int (*read)(const struct source *s, const char *path, struct str *ret, struct err *err);
	/* The contract of a tool, or NULL: unknown. near may be filled with a suggestion. */
	const struct contract *(*contract)(const struct source *s, struct str tool, const char **near);
	const char *(*tier_problem)(const struct source *s, struct str tier);	/* why no step can ask it; NULL: it can. NULL: not checked (bundles) */
	void *arg;
};

/* Every file read is noted in files (sorted by path), for the bundle. */
struct source_file {
	struct str path, text;
};

/* text is the workflow file's own text, path its name for places. */
const struct workflow *workflow_compile(struct arena *a, const struct source *src, const char *path, struct str text,
					struct diags *d, struct source_file **ret_files, size_t *ret_n_files);

#endif
