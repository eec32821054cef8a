/* probe_watch.c - see probe_watch.h. */
#include "gateway/probe_watch.h"

#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/probes.h"
#include "store/probes.h"
#include "store/store.h"

struct probe_watch {
	struct store *store;
	struct gateway *gateway;
	probe_watch_fn *fn;
	void *arg;
	struct op *op;
	bool again, tell;		/* read once more; fn is owed a call */
};

static void read_now(void *arg);

static bool take(struct probe_watch *w, struct arena *a, struct str text, struct err *err)
{
	const struct probes *p;

	if (probes_parse(a, text, clock_wall_us(), &p, err) < 0)
		return false;
	if (gateway_set_probes(w->gateway, p) || w->tell)
		w->fn(w->arg, p);
	w->tell = false;
	return true;
}

static void on_read(struct op *op, void *arg)
{
	struct probe_watch *w = arg;
	struct err err = *op->err;

	w->op = NULL;
	if (err.code == ERR_CANCELLED)
		return;
	if (err.code != ERR_NONE || !take(w, op->arena, probes_text_of(op), &err))
		log_error("probes.unknown", "error=%s", log_quotec(err.msg));
	if (w->again)
		read_now(w);
}

static void read_now(void *arg)
{
	struct probe_watch *w = arg;

	w->again = w->op != NULL;
	if (!w->op)
		w->op = probes_read(w->store, arena_new(NULL), on_read, w);
}

void probe_watch_again(struct probe_watch *w)
{
	w->tell = true;
	read_now(w);
}

struct probe_watch *probe_watch_start(struct arena *a, struct store *s, struct gateway *g, probe_watch_fn *fn, void *arg)
{
	struct probe_watch *w = ARENA_NEW(a, struct probe_watch);

	w->store = s;
	w->gateway = g;
	w->fn = fn;
	w->arg = arg;
	gateway_set_probes(g, &(const struct probes){0});
	probe_watch_again(w);
	store_listen(s, "agentd_probes", read_now, w);
	return w;
}
