/* intent.h - a call as its step.started row records it. Pure.
 *
 * Shapes:  {"tool", "effect", "key", "args", "taint"?, "approval"?}, see journal.h. state.c lets no other step.started of a call
 *          pass: whoever has a node's `started` or `again` has an intent.
 * Memory:  points into the value.
 * Errors:  none.
 * Source:  agentd-internals(7), "Effects".
 */
#ifndef ENGINE_INTENT_H
#define ENGINE_INTENT_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/str.h"
#include "config/workflow.h"

struct arena;
struct json;

struct intent {
	struct str tool;
	enum effect_class effect;
	struct digest key;
	const struct json *args;
	unsigned taint;			/* TAINT_ bits of the tool's manifest when the call began */
	struct str approval;		/* id; STR_NONE: none was asked for */
};

/* false: v records no call, and *ret is of no use. */
bool intent_read(const struct json *v, struct intent *ret);
const struct json *intent_json(struct arena *a, const struct intent *i);

#endif
