/* complete.h - what may stand next on agentctl's command line, by the table of commands. Pure.
 *
 * Shapes:  a command's args are read as its usage shows them: `[--by day|week]` is an option with two words to choose from, `TASK...` an
 *          argument that may come again; words in small letters stand for themselves, others for what lies behind them (sources).
 * Memory:  what is found lives in the arena and points into the table and the words.
 * Errors:  none: of what nobody knows there are no candidates.
 * Source:  agentctl(1), completion.
 */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include <stddef.h>

#include "base/str.h"

struct arena;
struct command;

/* What the program that asks has to look up itself. */
enum {
	COMPLETE_FILES = 1, COMPLETE_AT_FILES = 2, COMPLETE_WORKFLOWS = 4, COMPLETE_TASKS = 8, COMPLETE_APPROVALS = 16, COMPLETE_TASK_STATES = 32,
	COMPLETE_APPROVAL_STATES = 64
};

struct candidate {
	struct str word;
	const char *help;		/* "": none */
};
struct completion {
	struct arena *a;
	struct str prefix;		/* in front of each candidate: "--state=" */
	struct str begun;		/* what they begin with */
	struct candidate *v;		/* those that begin so */
	size_t n, cap;
	unsigned sources;
	const char *config;		/* of -c; NULL */
};
void complete_add(struct completion *c, struct str word, const char *help);	/* if it begins as it has to */

/* words: all behind "agentctl" up to the one that is being written, which may be empty. The shell may have made words of their own of
 * "=" and "@". */
void complete(struct arena *a, const struct command *const *table, int n, char *const *words, struct completion *ret);

#endif
