/* record.c - see record.h. */
#include "gateway/record.h"

#include "base/arena.h"

static void keep(struct arena *a, struct str *text)
{
	*text = text->p ? str_dup(a, *text) : STR_NONE;
}

static const struct shadow_call *copy_shadow(struct arena *a, const struct shadow_call *from)
{
	struct shadow_call *to = arena_dup(a, from, sizeof *from);

	keep(a, &to->own_provider);
	keep(a, &to->own_model);
	keep(a, &to->own_problem);
	return to;
}

struct model_call record_copy(struct arena *a, const struct model_call *from)
{
	struct model_call to = *from;	/* operation and cost_source are words of this room */

	keep(a, &to.path);
	keep(a, &to.tier);
	keep(a, &to.provider);
	keep(a, &to.model_asked);
	keep(a, &to.model_answered);
	keep(a, &to.provider_request_id);
	keep(a, &to.key_fingerprint);
	keep(a, &to.wire);
	keep(a, &to.finish_reason);
	keep(a, &to.error_class);
	to.shadow = from->shadow ? copy_shadow(a, from->shadow) : NULL;
	return to;
}
