/* batch.c - growing lists of a move. */
#include "engine/batch.h"

#include <string.h>

#include "base/arena.h"
#include "gateway/record.h"

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

void batch_add_calls(struct batch *b, const struct model_call *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		b->calls = grow(b, b->calls, b->n_calls, &b->cap_calls, sizeof *b->calls);
		b->calls[b->n_calls++] = record_copy(b->arena, &v[i]);
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
