/* workflow_edge.c - see workflow_edge.h. */
#include "config/workflow_edge.h"

const char *edge_kind_name(enum edge_kind k)
{
	static const char *const names[] = {"next", "then", "switch", "skip", "catch", "timeout"};

	return names[k];
}

struct walk {
	size_t n, from;
	step_edge_fn *fn;
	void *arg;
};

static void edge(const struct walk *w, enum edge_kind kind, int to, const struct switch_edge *sw)
{
	struct step_edge e = {.kind = kind, .to = w->n, .sw = sw};

	if (to == STEP_NEXT)
		e.to = w->from + 1;
	else if (to >= 0)
		e.to = (size_t)to;
	w->fn(w->arg, w->from, &e);
}

/* A skipped step may go on below as well as along its `then`: both count. */
void step_edges(const struct step *v, size_t n, size_t from, step_edge_fn *fn, void *arg)
{
	const struct walk w = {n, from, fn, arg};
	const struct step *step = &v[from];
	bool goes_on = step->kind != STEP_RAISE;

	if (step->kind == STEP_SWITCH) {
		for (size_t i = 0; i < step->u.sw.n; i++) {
			const struct switch_edge *e = &step->u.sw.edges[i];
			edge(&w, EDGE_SWITCH, e->then, e);
			if (!e->when && i + 1 == step->u.sw.n)
				goes_on = false;
		}
	}
	if (goes_on)
		edge(&w, step->then == STEP_NEXT ? EDGE_NEXT : EDGE_THEN, step->then, NULL);
	if (step->when)
		edge(&w, EDGE_SKIP, STEP_NEXT, NULL);
	if (step->catch >= 0)
		edge(&w, EDGE_CATCH, step->catch, NULL);
	if (step->ask && step->ask->on_timeout >= 0)
		edge(&w, EDGE_TIMEOUT, step->ask->on_timeout, NULL);
}
