/* gemini_echo.h - what Gemini wants back with the turn that it gave: thought signatures, on the parts that they came on.
 *
 * Shapes:  an echo (echo.h) {"model": TAG, "parts": [PART...]} tells the parts of a turn in their order:
 *          {"text": BYTES} so much of the turn's text, {"call": BOOL} its next tool call, true when the id is
 *          Gemini's, {"thought": TEXT} a thought that was signed; each with "signature" where it had one.
 *          A turn that is the same goes back part by part; where text or calls were changed since, the calls keep
 *          their signatures. A turn without a signature is none of this model's: models that ask for one get the
 *          word that stands for it.
 * Units:   bytes.
 * Memory:  the arena given.
 * Errors:  none: an echo that does not fit its turn counts as none.
 * Source:  Google's documentation of thought signatures.
 */
#ifndef GATEWAY_GEMINI_ECHO_H
#define GATEWAY_GEMINI_ECHO_H

#include "gateway/echo.h"

struct buf;
struct message;
struct tool_call;

/* What is gathered while an answer comes. */
struct gemini_echo {
	struct arena *arena;
	struct gemini_part *parts;
	size_t n, room;
	size_t bytes;
};

void gemini_echo_init(struct gemini_echo *e, struct arena *a);
void gemini_echo_text(struct gemini_echo *e, struct str text, struct str signature);
void gemini_echo_thought(struct gemini_echo *e, struct str text, struct str signature);
void gemini_echo_call(struct gemini_echo *e, struct str id, struct str signature);
/* calls: of the answer, in order. "": nothing was to be kept. */
struct str gemini_echo_end(const struct gemini_echo *e, const struct model *m, const struct tool_call *calls);

/* The parts of an assistant's turn, divided by commas; at least one. */
void gemini_write_turn(struct buf *b, struct arena *a, const struct model *m, const struct message *turn);
/* Did the ids of this turn's calls come from Gemini? ret has one for each. */
void gemini_own_ids(struct arena *a, const struct model *m, const struct message *turn, bool *ret);

#endif
