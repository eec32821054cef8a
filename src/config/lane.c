/* lane.c - see lane.h. */
#include "config/lane.h"

#include <stdlib.h>

#include "base/arena.h"
#include "config/manifest.h"
#include "config/schema.h"
#include "config/settings.h"
#include "config/workflow.h"

bool lane_in(struct str lane, const struct str *lanes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(lanes[i], lane))
			return true;
	return false;
}

static void add(struct str *v, size_t *n, struct str lane)
{
	if (lane.n && !str_is(lane, "default") && !lane_in(lane, v, *n))
		v[(*n)++] = lane;
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct lane_needs lane_needs_of(struct arena *a, const struct workflow *w, lane_tool_fn *tool, const void *arg)
{
	struct str *v = ARENA_ARRAY(a, w->n_contracts + 1, struct str);
	size_t n = 0;

	add(v, &n, w->lane);
	for (size_t i = 0; i < w->n_contracts; i++) {
		const struct manifest *m = tool(arg, w->contracts[i].name);

		if (m)
			add(v, &n, m->lane);
	}
	if (n == 0)
		v[n++] = STR("default");
	qsort(v, n, sizeof *v, compare);
	return (struct lane_needs){v, n};
}

struct str lane_join(struct arena *a, const struct lane_needs *needs)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < needs->n; i++) {
		if (i)
			buf_addc(&b, '+');
		buf_add(&b, needs->v[i].p, needs->v[i].n);
	}
	return buf_str(&b);
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > 63 || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	return true;
}

int lane_list(struct arena *a, struct str text, const struct str **ret, size_t *ret_n, struct err *err)
{
	struct str *v = ARENA_ARRAY(a, text.n / 2 + 1, struct str);
	size_t n = 0;

	for (size_t from = 0, to; from <= text.n; from = to + 1) {
		struct str name;

		for (to = from; to < text.n && text.p[to] != ','; to++)
			;
		name = str_sub(text, from, to - from);
		if (!is_name(name))
			return err_set(err, ERR_USAGE, "\"" STR_FMT "\" is no lane: expected " LANE_TEXT, STR_ARG(str_sub(name, 0, 100)));
		if (lane_in(name, v, n))
			return err_set(err, ERR_USAGE, "lane \"" STR_FMT "\" is given twice", STR_ARG(name));
		v[n++] = name;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

/* --- checks --- */

void lane_check(struct arena *a, struct diags *d, struct place at, struct str lane, const struct settings *s)
{
	const char **names;

	if (!s || lane_in(lane, s->worker.lanes, s->worker.n_lanes))
		return;
	names = ARENA_ARRAY(a, s->worker.n_lanes, const char *);
	for (size_t i = 0; i < s->worker.n_lanes; i++)
		names[i] = str_cstr(a, s->worker.lanes[i]);
	diag_add(d, DIAG_WARNING, at,
		 arena_printf(a, "tasks wait for a worker that is started with --lanes " STR_FMT ", or has it in worker.lanes",
			      STR_ARG(lane)),
		 "worker.lanes of agentd.yaml does not have the lane \"" STR_FMT "\"%s", STR_ARG(lane),
		 load_nearest(d, a, lane, names, s->worker.n_lanes));
}

void lane_check_workflow(struct arena *a, struct diags *d, const struct workflow *w, const struct lane_needs *needs,
			 const struct settings *s)
{
	if (lane_in(w->lane, needs->v, needs->n))	/* not a default that tools replace */
		lane_check(a, d, w->lane_at, w->lane, s);
	if (needs->n > LANES_MAX)
		diag_error(d, w->lane_at, "the workflow and its tools need %zu lanes, at most %d can be: " STR_FMT, needs->n, LANES_MAX,
			   STR_ARG(lane_join(a, needs)));
}
