/* workflow_graph.c - `then` and `catch` as a graph: links, dead steps, cycles without a bound. */
#include "base/arena.h"
#include "config/workflow_edge.h"
#include "config/workflow_load.h"

/* --- links --- */

static int find_in(const struct scope *s, struct str id)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i].id, id))
			return (int)i;
	return -1;
}

static void report_link(struct workflow_load *w, const struct scope *s, const struct link *k)
{
	struct load *l = &w->l;
	struct str id = k->node->text;
	const char **names = ARENA_ARRAY(l->a, s->n + 1, const char *);
	size_t n = 0;
	for (size_t i = 0; i < w->n_ids; i++) {
		if (w->ids[i].scope == s && diag_suggests(l->d))
			names[n++] = str_cstr(l->a, w->ids[i].id);
		else if (str_eq(w->ids[i].id, id)) {
			diag_error(l->d, k->node->at, "\"%s\" leads to \"" STR_FMT "\", which stands in another list of steps",
				   k->key, STR_ARG(id));
			return;
		}
	}
	if (!k->is_catch)
		names[n++] = "end";
	diag_error(l->d, k->node->at, "\"%s\" leads to the unknown step \"" STR_FMT "\"%s", k->key, STR_ARG(id),
		   load_nearest(l->d, l->a, id, names, n));
}

static void link_scope(struct workflow_load *w, struct scope *s)
{
	for (size_t i = 0; i < s->n_links; i++) {
		const struct link *k = &s->links[i];
		if (str_is(k->node->text, "end") && !k->is_catch) {
			*k->slot = STEP_END;
			continue;
		}
		int to = find_in(s, k->node->text);
		if (to >= 0) {
			*k->slot = to;
		} else {
			report_link(w, s, k);
			s->broken = true;
		}
	}
}

void graph_link(struct workflow_load *w)
{
	for (struct scope *s = w->top; s; s = s->next)
		link_scope(w, s);
}

/* --- edges --- */

static void set_bit(uint64_t *rows, size_t words, size_t i, size_t j)
{
	rows[i * words + j / 64] |= UINT64_C(1) << (j % 64);
}

static bool get_bit(const uint64_t *rows, size_t words, size_t i, size_t j)
{
	return rows[i * words + j / 64] >> (j % 64) & 1;
}

/* Warshall on bit rows: at most 1000 steps, so 16 words and a million row operations at worst. */
static void close_rows(uint64_t *rows, size_t words, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < n; i++)
			if (get_bit(rows, words, i, k))
				for (size_t x = 0; x < words; x++)
					rows[i * words + x] |= rows[k * words + x];
}

struct matrix {
	const struct scope *scope;
	uint64_t *rows;
	size_t words;
	bool unbounded_only;
};

static bool is_bounded(const struct step_edge *e)
{
	return e->sw && e->sw->max_visits > 0;
}

static void add_edge(void *arg, size_t from, const struct step_edge *e)
{
	struct matrix *m = arg;
	if (e->to == m->scope->n || (m->unbounded_only && is_bounded(e)))
		return;
	set_bit(m->rows, m->words, from, e->to);
}

static uint64_t *closure(struct arena *a, const struct scope *s, bool unbounded_only)
{
	struct matrix m = {.scope = s, .words = (s->n + 63) / 64, .unbounded_only = unbounded_only};
	m.rows = ARENA_ARRAY(a, s->n * m.words, uint64_t);
	for (size_t i = 0; i < s->n; i++)
		step_edges(s->v, s->n, i, add_edge, &m);
	close_rows(m.rows, m.words, s->n);
	return m.rows;
}

bool graph_reaches(const struct scope *s, size_t from, size_t to)
{
	return get_bit(s->reach, s->row_words, from, to);
}

/* --- checks --- */

static void check_dead(struct workflow_load *w, const struct scope *s)
{
	for (size_t i = 1; i < s->n; i++) {
		if (graph_reaches(s, 0, i))
			continue;
		/* The first of a dead run says it for all that only it leads to. */
		bool first = true;
		for (size_t j = 1; j < i && first; j++)
			first = graph_reaches(s, 0, j) || !graph_reaches(s, j, i);
		if (first)
			diag_add(w->l.d, DIAG_ERROR, s->v[i].place, "lead a \"then\" or \"catch\" to it, or remove it",
				 "step \"" STR_FMT "\" can never run", STR_ARG(s->v[i].id));
	}
}

struct cycle {
	struct workflow_load *w;
	const struct scope *scope;
	const uint64_t *rows;
	size_t words;
};

static const struct yaml *node_of_link(const struct scope *s, size_t from, size_t to)
{
	const struct yaml *map = s->nodes[from];
	const struct yaml *then = yaml_get(map, "then"), *sw = yaml_get(map, "switch");
	for (size_t i = 0; sw && i < sw->n && sw->kind == YAML_LIST; i++) {
		const struct yaml *t = yaml_get(sw->items[i], "then");
		if (t && str_eq(t->text, s->v[to].id) && !yaml_get(sw->items[i], "max_visits"))
			return t;
	}
	if (then && str_eq(then->text, s->v[to].id))
		return then;
	return yaml_get(map, "catch");
}

/* Every cycle holds an edge that does not lead down. */
static void check_back_edge(void *arg, size_t from, const struct step_edge *e)
{
	struct cycle *c = arg;
	const struct scope *s = c->scope;
	size_t to = e->to;
	if (to > from || is_bounded(e))
		return;
	if (from != to && !get_bit(c->rows, c->words, to, from))
		return;
	const struct yaml *n = node_of_link(s, from, to);
	diag_add(c->w->l.d, DIAG_ERROR, n ? n->at : s->v[from].place,
		 "give a switch edge of the cycle max_visits, or the task a budget",
		 "this leads back to \"" STR_FMT "\" without a bound", STR_ARG(s->v[to].id));
}

static bool has_bound(const struct budget *b)
{
	return b->usd_pusd >= 0 || b->wall_ms >= 0 || b->turns >= 0 || b->calls >= 0;
}

/* What a step on the cycle may spend bounds nothing: each visit has its budget anew. What the loop around it may
 * spend does. */
static void check_cycles(struct workflow_load *w, const struct scope *s)
{
	if (has_bound(&w->w->budget))
		return;
	for (const struct scope *at = s; at->parent; at = at->parent)
		if (has_bound(&at->parent->v[at->holder].budget))
			return;
	struct cycle c = {w, s, closure(w->l.a, s, true), s->row_words};
	for (size_t i = 0; i < s->n; i++)
		step_edges(s->v, s->n, i, check_back_edge, &c);
}

void graph_check(struct workflow_load *w)
{
	for (struct scope *s = w->top; s; s = s->next) {
		s->row_words = (s->n + 63) / 64;
		s->reach = closure(w->l.a, s, false);
		if (!s->broken) {
			check_dead(w, s);
			check_cycles(w, s);
		}
	}
}
