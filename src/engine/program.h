/* program.h - a workflow beside what the engine wants to know of it: which values each step reads.
 *
 * Shapes:  a tree parallel to the workflow's scopes. refs are the union over the expressions of one
 *          step that are evaluated in its scope; a named step is an (up, index) pair, so that a root is
 *          built of what is read and nothing else.
 * Memory:  lives in the arena given, beside the workflow; immutable.
 * Errors:  none: what does not resolve is null when it is read.
 * Source:  agentd-workflow(5), "EXPRESSIONS"; config/expr.h (expr_refs).
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct step;
struct steps;
struct workflow;

enum { READS_INPUT = 1, READS_STEPS = 2, READS_VARS = 4, READS_TASK = 8, READS_ITEM = 16, READS_INDEX = 32,
       READS_ERROR = 64, READS_ALL = 127 };

struct ref {
	int up;			/* scopes outwards, 0: the reader's own */
	int index;
};

struct refs {
	unsigned reads;		/* READS_* */
	bool all_steps;		/* not only named ones */
	const struct ref *steps;
	size_t n_steps;
};

struct program;

struct program_step {
	const struct step *step;
	struct refs refs;
	struct refs output;	/* for: of its `output:`, read in the iteration */
	const struct program *body;
};

struct program {
	const struct program *parent;
	const struct program_step *v;
	size_t n;
};

struct program_task {
	const struct workflow *workflow;
	const struct program *top;
	struct refs output;	/* of the task's `output:` */
};

const struct program_task *program_new(struct arena *a, const struct workflow *w);
/* Index of the step with that id, or -1; tried first at hint. */
int program_find(const struct program *p, const char *id, size_t n, int hint);

#endif
