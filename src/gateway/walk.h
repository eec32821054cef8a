/* walk.h - one call on its way through its tier: wait, be let through, reserve, ask, record, decide. For the files of the walk.
 *
 * Shapes:  a call is always in exactly one stage, and each stage ends in one function:
 *
 *            STAGE_WAIT    its timer runs, or it stands in a line   -> after_wait(), or walk_admit() with a slot
 *            STAGE_ADMIT   may it be asked now? (health.h)          -> walk_reserve(), a wait before that, or another step
 *            STAGE_COMMIT  a move is with the store                 -> after_move(), or, refused, a wait, another step or the end
 *            STAGE_ASK     an attempt is under way                  -> walk_decide(), the next batch of texts, or the end
 *            STAGE_OVER
 *
 *          What an attempt cost is recorded before the next one begins: by a move of its own, or together with the next
 *          reservation. The record of the last attempt is left to the caller.
 *          Functions that go on with a call may end it: nothing of it is touched behind them.
 * Units:   _ms of the loop's time, _pusd, tokens.
 * Memory:  all of it lives in the op's arena.
 * Errors:  those of gateway.h, by walk_finish().
 * Source:  agentd-routing(5), "How a question goes".
 */
#ifndef GATEWAY_WALK_H
#define GATEWAY_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "gateway/gateway.h"
#include "gateway/health.h"
#include "gateway/route.h"
#include "gateway/slots.h"
#include "gateway/wire.h"
#include "store/queue.h"

struct attempt_result;
struct gateway;
struct shadow_decision;
struct snapshot;

enum walk_stage { STAGE_WAIT, STAGE_ADMIT, STAGE_COMMIT, STAGE_ASK, STAGE_OVER };

struct step_caps {
	const struct spend_cap *v;
	size_t n;
};

struct walk {
	struct op op;
	struct gateway *gateway;
	struct walk *next, **at;
	enum walk_stage stage;
	bool cancelled;

	/* what is asked, and where */
	const struct snapshot *snapshot;
	struct model_request req;
	const struct tier *tier;
	struct route *route;
	const struct shadow_decision *own;	/* mode shadow: of our own route; NULL: it is the one that is walked */
	struct route_fact *facts;
	int64_t input_tokens;		/* of an embedding: of this batch */
	int64_t deadline_ms;

	/* walk_step.c */
	size_t step;
	int tries;			/* of this step */
	struct route_failure failure;	/* the last attempt's; tries 0: none */
	struct health_ticket ticket;

	/* walk_wait.c */
	struct loop_timer *timer;	/* made when it first waits */
	void (*after_wait)(struct walk *w);
	int64_t delay_ms;		/* before it stands in line */
	struct slot_waiter waiter;
	bool has_slot, wait_noted;

	/* walk_money.c */
	struct move move;
	void (*after_move)(struct walk *w);
	int64_t estimate_pusd;
	struct spend_hold hold;
	bool hold_open;
	bool saw_sibling, tried_alone;	/* of a refused reservation */
	int64_t cap_wait_ms;		/* for what others hold at a cap; 0: not waiting */
	struct step_caps *caps;		/* by step; NULL: none has any */
	struct spend_ask *asks;		/* by step, of those that caps refused */

	/* walk_ask.c */
	struct wire_request question;
	struct op *attempt;
	int n_attempts;			/* of the call */
	int64_t started_us;
	bool passed_on;			/* some text of this attempt is with the caller: nobody else can be asked */
	struct model_answer answer;

	/* walk_record.c */
	struct model_call record;	/* of the last attempt, until it is committed */
	bool has_record;

	/* walk_embed.c */
	size_t text_at, n_batch;	/* the texts of this attempt */
	float *vectors;
};

/* walk.c: the beginning and the end. */
const struct model *walk_model(const struct walk *w);
const struct endpoint *walk_endpoint(const struct walk *w);
int64_t walk_left_ms(const struct walk *w);
uint32_t walk_roll(void);				/* for jitter */
void walk_finish(struct walk *w, const struct err *err);	/* NULL: well, or cancelled */
void walk_end(struct walk *w, const struct route_choice *choice);	/* the route has come to its end */

/* walk_step.c: which step, and does its provider let it through? */
void walk_refresh(struct walk *w);			/* before each decision: breakers open and close meanwhile */
void walk_go(struct walk *w, const struct route_choice *choice);
void walk_decide(struct walk *w, const struct err *err);	/* an attempt failed */
void walk_refuse(struct walk *w, enum cap_exceeded word, const char *why);	/* by a cap; after walk_refresh() */
void walk_admit(struct walk *w);			/* with a slot in hand */
void walk_look_again(struct walk *w);			/* what is known of providers has changed */

/* walk_wait.c: for a time, or in the line of a provider. */
void walk_wait(struct walk *w, const char *reason, int64_t ms, void (*after)(struct walk *w));
void walk_wait_turn(struct walk *w);			/* delay_ms, then the line */
void walk_wait_recorded(struct walk *w);		/* the same, with what came before recorded first */
void walk_wake(struct walk *w);				/* its wait is over */
void walk_end_wait(struct walk *w);			/* it waits for nothing any more */
bool walk_take_slot(struct walk *w);
void walk_give_slot(struct walk *w);

/* walk_money.c: reserving, and what becomes of a refusal. */
void walk_collect_caps(struct walk *w, const struct model_request *req);	/* the facts of req are needed no longer than this */
/* A move with the record of what came before, if there is one, and the hold, if not NULL. */
void walk_commit(struct walk *w, const struct spend_hold *hold, void (*after)(struct walk *w));
void walk_reserve(struct walk *w);

/* walk_ask.c: an attempt. */
void walk_ask(struct walk *w);

/* walk_record.c: what an attempt was, and what is booked for it. */
void walk_record(struct walk *w, const struct attempt_result *r, const struct err *err);
void walk_record_unasked(struct walk *w, enum err_code code);	/* reserved, but nobody was asked */

/* walk_embed.c: texts, one batch behind the other. */
int64_t walk_begin_texts(struct walk *w);		/* the tokens of the longest text */
void walk_keep_vectors(struct walk *w, const struct wire_answer *answer);

#endif
