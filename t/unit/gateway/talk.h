/* talk.h - a whole conversation over one wire, against the stub: what was answered goes back with the next question.
 *
 * Shapes:  begin_talk() says what a user wants; expect_turn() asks, and adds the answer's turn with a result for each of its calls,
 *          the last one first, of which the first has failed. A test may change talk[] in between.
 * Memory:  turns live in `arena` of stand.h.
 * Errors:  what is not as expected is a failed check.
 * Source:  gateway.h.
 */
#ifndef TEST_GATEWAY_TALK_H
#define TEST_GATEWAY_TALK_H

#include "stand.h"

enum { TALK_MAX = 32 };

extern struct message talk[TALK_MAX];
extern size_t n_talk;

/* Tier t: this model of this provider; more: keys of the model. */
void route_model(const char *provider, const char *id, const char *more);
void begin_talk(const char *text);
struct asked go_on(void);	/* asks, and adds nothing */
struct asked expect_turn(const char *text, size_t n_calls);

#endif
