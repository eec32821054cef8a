/* batch.c - growing lists of a move. */
#include "engine/batch.h"

#include <string.h>

#include "base/arena.h"

struct batch *batch_new(struct arena *parent, int64_t seq)
{
	struct arena *a = arena_new(parent);
	struct batch *b = ARENA_NEW(a, struct batch);

	b->arena = a;
	b->seq = seq;
	return b;
}

static void *grow(struct batch *b, void *v, size_t n, size_t *cap, size_t size)
{
	void *grown;

	if (n < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 2;
	grown = arena_alloc(b->arena, *cap * size);
	if (n)
		memcpy(grown, v, n * size);
	return grown;
}

void batch_add_row(struct batch *b, const struct journal_row *row)
{
	b->rows = grow(b, b->rows, b->n_rows, &b->cap_rows, sizeof *b->rows);
	b->rows[b->n_rows++] = *row;
}

void batch_add_effect(struct batch *b, const struct effect_change *e)
{
	b->effects = grow(b, b->effects, b->n_effects, &b->cap_effects, sizeof *b->effects);
	b->effects[b->n_effects++] = *e;
}

static struct str dup_or_none(struct arena *a, struct str s)
{
	return s.p ? str_dup(a, s) : STR_NONE;
}

static const struct shadow_call *copy_shadow(struct arena *a, const struct shadow_call *from)
{
	struct shadow_call *s = arena_dup(a, from, sizeof *from);

	s->own_provider = dup_or_none(a, s->own_provider);
	s->own_model = dup_or_none(a, s->own_model);
	s->own_problem = dup_or_none(a, s->own_problem);
	return s;
}

void batch_add_calls(struct batch *b, const struct model_call *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct model_call c = v[i];

		c.path = str_dup(b->arena, c.path);
		c.tier = str_dup(b->arena, c.tier);
		c.provider = str_dup(b->arena, c.provider);
		c.model_asked = str_dup(b->arena, c.model_asked);
		c.model_answered = str_dup(b->arena, c.model_answered);
		c.provider_request_id = str_dup(b->arena, c.provider_request_id);
		c.key_fingerprint = str_dup(b->arena, c.key_fingerprint);
		c.wire = str_dup(b->arena, c.wire);
		c.finish_reason = str_dup(b->arena, c.finish_reason);
		c.error_class = str_dup(b->arena, c.error_class);
		c.shadow = c.shadow ? copy_shadow(b->arena, c.shadow) : NULL;
		c.cost_source = c.cost_source ? arena_strdup(b->arena, c.cost_source) : NULL;
		b->calls = grow(b, b->calls, b->n_calls, &b->cap_calls, sizeof *b->calls);
		b->calls[b->n_calls++] = c;
	}
}

void batch_hold(struct batch *b, struct scope *sc)
{
	b->held = grow(b, b->held, b->n_held, &b->cap_held, sizeof *b->held);
	b->held[b->n_held++] = sc;
}

bool batch_is_empty(const struct batch *b)
{
	return !b || (b->n_rows == 0 && b->n_effects == 0 && b->n_calls == 0);
}
