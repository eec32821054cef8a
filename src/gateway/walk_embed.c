/* walk_embed.c - texts to embed: as many in one attempt as their provider takes, the next batch behind its answer. */
#include "gateway/walk.h"

#include <string.h>

#include "base/arena.h"
#include "config/routing.h"
#include "gateway/spend.h"

enum {
	BATCH_TOKENS = 250000,		/* OpenAI takes 300,000 in one request */
	BATCH_NUMBERS = 1000000		/* in the vectors of one answer */
};

/* Within what providers take in one request, and what an answer of 32 MiB can hold. */
static void begin_batch(struct walk *w)
{
	const struct model *m = walk_model(w);
	const struct wire *wire = wire_of(m->provider->wire);
	const struct str *texts = w->req.texts + w->text_at;
	size_t most = w->req.n_texts - w->text_at, n = 0;
	int64_t tokens = 0;

	if (most > wire->embed_batch)
		most = wire->embed_batch;
	while (n < most && (n == 0 || (tokens + spend_text_tokens(&texts[n], 1) <= BATCH_TOKENS &&
				       (n + 1) * (size_t)m->dims <= BATCH_NUMBERS)))
		tokens += spend_text_tokens(&texts[n++], 1);
	w->n_batch = n;
	w->input_tokens = tokens;
}

static int64_t longest_text(const struct walk *w)
{
	int64_t most = 0;

	for (size_t i = 0; i < w->req.n_texts; i++) {
		int64_t tokens = spend_text_tokens(&w->req.texts[i], 1);

		most = tokens > most ? tokens : most;
	}
	return most;
}

int64_t walk_begin_texts(struct walk *w)
{
	w->vectors = ARENA_ARRAY(w->op.arena, w->req.n_texts * (size_t)walk_model(w)->dims, float);
	begin_batch(w);
	return longest_text(w);
}

void walk_keep_vectors(struct walk *w, const struct wire_answer *answer)
{
	size_t dims = (size_t)walk_model(w)->dims;

	memcpy(w->vectors + w->text_at * dims, answer->vectors, w->n_batch * dims * sizeof *w->vectors);
	w->text_at += w->n_batch;
	if (w->text_at < w->req.n_texts) {
		begin_batch(w);
		walk_go(w, &(struct route_choice){.step = w->step});
		return;
	}
	w->answer.vectors = w->vectors;
	w->answer.n_vectors = w->req.n_texts;
	w->answer.dims = dims;
	walk_finish(w, NULL);
}
