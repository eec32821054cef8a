/* bundle_cache.c - compiled bundles in a small hash table, unused ones in a list. */
#include "engine/bundle_cache.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/catalog.h"
#include "config/diag.h"
#include "engine/program.h"
#include "store/admin.h"

enum { N_SLOTS = 256 };

struct bundle_entry {
	struct bundle_cache *cache;
	struct arena *arena;
	struct digest digest;
	struct bundle_entry *next;		/* in its slot */
	struct bundle_entry *older, *newer;	/* while nobody uses it */
	const struct program_task *program;	/* NULL: on its way */
	struct op *fetch;
	struct bundle_wait *waits;
	size_t users;
};

struct bundle_cache {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	struct bundle_entry *slots[N_SLOTS];
	struct bundle_entry *oldest, *newest;
	size_t n_idle, n;
};

/* --- the list of unused bundles --- */

static void idle_remove(struct bundle_entry *e)
{
	struct bundle_cache *c = e->cache;

	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
	c->n_idle--;
}

static void idle_add(struct bundle_entry *e)
{
	struct bundle_cache *c = e->cache;

	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
	c->n_idle++;
}

/* --- entries --- */

static struct bundle_entry **slot_of(struct bundle_cache *c, const struct digest *d)
{
	return &c->slots[d->b[0] % N_SLOTS];
}

static struct bundle_entry *find(struct bundle_cache *c, const struct digest *d)
{
	struct bundle_entry *e = *slot_of(c, d);

	while (e && memcmp(e->digest.b, d->b, sizeof d->b) != 0)
		e = e->next;
	return e;
}

static void entry_free(struct bundle_entry *e)
{
	struct bundle_cache *c = e->cache;
	struct bundle_entry **at = slot_of(c, &e->digest);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	c->n--;
	arena_free(e->arena);
}

static struct bundle_entry *entry_new(struct bundle_cache *c, const struct digest *d)
{
	struct arena *a = arena_new(c->arena);
	struct bundle_entry *e = ARENA_NEW(a, struct bundle_entry);

	e->cache = c;
	e->arena = a;
	e->digest = *d;
	e->next = *slot_of(c, d);
	*slot_of(c, d) = e;
	c->n++;
	return e;
}

/* --- fetching --- */

static int compile(struct bundle_entry *e, struct str text, struct err *err)
{
	struct arena *scratch = arena_new(NULL);
	struct diags *d = diags_new(scratch);
	const struct bundle *b = NULL;
	const struct json *v;
	struct buf out;

	if (json_parse(scratch, text, NULL, &v, err) == 0) {
		/* The bundle points into its files' texts. */
		b = bundle_from_json(e->arena, json_copy(e->arena, v), d);
		if (!b) {
			buf_init(&out, scratch);
			diag_print(d, &out);
			err_set(err, ERR_CONFIG, "this worker cannot read the bundle: %.200s", buf_cstr(&out));
		}
	}
	if (b)
		e->program = program_new(e->arena, b->workflow);
	arena_free(scratch);
	return b ? 0 : -1;
}

static void tell(struct bundle_entry *e, const struct err *err)
{
	struct bundle_wait *w = e->waits;
	struct bundle_ref ref = {e, e->program};

	e->waits = NULL;
	while (w) {
		struct bundle_wait *next = w->next;

		w->entry = NULL;
		e->users += !err;
		w->fn(w->arg, err ? NULL : &ref, err);
		w = next;
	}
}

static void on_fetched(struct op *op, void *arg)
{
	struct bundle_entry *e = arg;
	struct err err = *op->err;

	if (!e->cache) {		/* the cache is gone; the entry waited for us */
		arena_free(e->arena);
		return;
	}
	e->fetch = NULL;
	if (err.code == ERR_NONE && compile(e, admin_text_of(op), &err) == 0) {
		e->users++;		/* a waiter may give its reference back at once */
		tell(e, NULL);
		bundle_put(e->cache, &(struct bundle_ref){e, e->program});
		return;
	}
	tell(e, &err);
	entry_free(e);
}

void bundle_get(struct bundle_cache *c, const struct digest *d, struct bundle_wait *w)
{
	struct bundle_entry *e = find(c, d);

	w->entry = NULL;
	if (e && e->program) {
		if (e->users++ == 0)
			idle_remove(e);
		w->fn(w->arg, &(struct bundle_ref){e, e->program}, NULL);
		return;
	}
	if (!e)
		e = entry_new(c, d);
	w->entry = e;
	w->next = e->waits;
	e->waits = w;
	if (!e->fetch)
		e->fetch = admin_bundle(c->store, arena_new(NULL), &e->digest, on_fetched, e);
}

void bundle_forget(struct bundle_wait *w)
{
	struct bundle_wait **at;

	if (!w->entry)
		return;
	for (at = &w->entry->waits; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	w->entry = NULL;
}

void bundle_put(struct bundle_cache *c, struct bundle_ref *ref)
{
	struct bundle_entry *e = ref->entry, *old;

	if (!e)
		return;
	ref->entry = NULL;
	if (--e->users > 0)
		return;
	idle_add(e);
	if (c->n_idle <= BUNDLE_CACHE_IDLE)
		return;
	old = c->oldest;
	idle_remove(old);
	entry_free(old);
}

struct bundle_cache *bundle_cache_new(struct loop *l, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct bundle_cache *c = ARENA_NEW(a, struct bundle_cache);

	c->arena = a;
	c->loop = l;
	c->store = s;
	return c;
}

void bundle_cache_free(struct bundle_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < N_SLOTS; i++) {
		for (struct bundle_entry *e = c->slots[i]; e; e = e->next) {
			if (!e->fetch)
				continue;
			arena_move(e->arena, NULL);
			e->cache = NULL;
			op_cancel(e->fetch);
		}
	}
	arena_free(c->arena);
}

