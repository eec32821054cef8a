/* slots.h - how many questions may be under way at a provider: a count and a line of waiters, first in first out.
 *
 * Shapes:  providers are told apart by name, so that a reload of routing keeps the counts.
 * Memory:  a waiter is embedded in its owner; names are copied to the arena.
 * Errors:  none.
 * Source:  max_in_flight of agentd-routing(5).
 */
#ifndef GATEWAY_SLOTS_H
#define GATEWAY_SLOTS_H

#include <stdbool.h>

#include "config/routing.h"

struct arena;
struct slots;

struct slot_waiter {
	struct slot_waiter *next, **at;	/* at NULL: not in line */
	const struct provider *provider;
	void (*fn)(void *arg);		/* the slot is taken for you */
	void *arg;
};

struct slots *slots_new(struct arena *a);
/* Takes a slot, or returns false: then stand in line. */
bool slots_take(struct slots *s, const struct provider *p);
void slots_wait(struct slots *s, const struct provider *p, struct slot_waiter *w, void (*fn)(void *), void *arg);
void slots_leave(struct slots *s, struct slot_waiter *w);	/* out of the line; nothing when not in it */
/* Gives a slot back; the first in line may be called inside. */
void slots_give(struct slots *s, const struct provider *p);

#endif
