/* gateway_room.h - struct gateway for the files of this room; others see gateway.h.
 *
 * Shapes:  a list of the walks under way, and what they share: slots and the health of providers.
 * Memory:  snapshots live as long as the gateway, as walks go on with the one they began with.
 * Errors:  gateway_find_tier(): ERR_MODEL_NO_ROUTE.
 * Source:  gateway.h.
 */
#ifndef GATEWAY_GATEWAY_ROOM_H
#define GATEWAY_GATEWAY_ROOM_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct endpoint;
struct err;
struct health;
struct http;
struct loop;
struct probes;
struct routing;
struct slots;
struct store;
struct tier;
struct walk;

/* Routing as it was when a call began. */
struct snapshot {
	const struct routing *routing;
	struct endpoint *endpoints;
};

struct gateway {
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct arena *arena;
	const struct snapshot *now;	/* NULL: there is no routing */
	struct arena *probes_arena;
	const struct probes *probes;	/* NULL: not asked for */
	struct slots *slots;
	struct health *health;
	struct walk *walks;
};

/* The tier to walk: the file's, or in mode shadow the other gateway's for it; *ret_own is then the file's. */
int gateway_find_tier(const struct gateway *g, struct str name, bool embeds, const struct tier **ret, const struct tier **ret_own,
		      struct err *err);

#endif
