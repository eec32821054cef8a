/* stub_script.h - what a question prescribes for its answers, turn by turn: model stub/script.
 *
 * Shapes:  the first user message with a line that begins with '@' is the script; its lines
 *
 *            @call NAME ARGUMENTS   a tool call of this turn, the arguments as they stand there, JSON or not; none: ""
 *            @say TEXT              the turn's text
 *            @results               the turn's text is the results of the turn before, each on a line of its own
 *            @delay MS              the turn waits before it answers
 *            @limit BYTES           the turn is refused as too long where the texts of the question have more (OpenAI)
 *            @turn                  the next turn begins
 *
 *          are played turn by turn. Behind the last turn the answer is the stub's text.
 * Units:   milliseconds; bytes; turns from 1.
 * Memory:  the arena given.
 * Errors:  none: other lines are skipped.
 * Source:  this header.
 */
#ifndef T_BIN_STUB_SCRIPT_H
#define T_BIN_STUB_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { SCRIPT_CALLS_MAX = 64, SCRIPT_PIECES = 3 };

struct script_turn {
	struct str names[SCRIPT_CALLS_MAX], args[SCRIPT_CALLS_MAX];
	size_t n;
	struct str text;
	int64_t delay_ms;
	size_t limit;			/* 0: none */
	bool results;
	bool exists;
};

struct str script_in(struct str text);		/* the script in a message's text; "": none */
struct script_turn *script_turn(struct arena *a, struct str script, int wanted);
struct str script_third(struct str s, size_t k);	/* the k-th third, cut between characters */

#endif
