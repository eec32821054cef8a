/* workflow_step.c - lists of steps: the keys that every step has. */
#include "base/arena.h"
#include "config/workflow_load.h"

void *grow_table(struct arena *a, void *table, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return table;
	size_t want = *cap ? *cap * 2 : 16;
	void *v = arena_array(a, want, size);
	if (n)
		memcpy(v, table, n * size);
	*cap = want;
	return v;
}

void read_budget(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct budget *b = (struct budget *)((char *)out + k->offset);
	if (load_expect(l, v, k->name, YAML_MAP))
		keys_read(l, k->table, v, b);
}

void read_backoff(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int word = 0;
	key_read_plain(l, k, v, &word, 0);
	((struct retry_policy *)out)->exponential = word == 1;
}

void read_retry_on(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	key_read_plain(l, k, v, out, k->offset);
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
		w->on_types = grow_table(l->a, w->on_types, w->n_on, &w->cap_on, sizeof(*w->on_types));
		w->on_types[w->n_on++] = v->items[i];
	}
}

void read_link(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct scope *s = w->scope;
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"%s\": expected the id of a step, got %s", k->name, yaml_describe(v));
		return;
	}
	s->links = grow_table(l->a, s->links, s->n_links, &s->cap_links, sizeof(*s->links));
	s->links[s->n_links++] = (struct link){
		.node = v, .slot = (int *)((char *)out + k->offset), .key = k->name, .is_catch = strcmp(k->name, "then") != 0};
}

/* --- one step --- */

static const struct step_row *find_row(struct str name)
{
	for (size_t i = 0; i < STEP_KINDS; i++)
		if (str_is(name, step_rows[i].name))
			return &step_rows[i];
	return NULL;
}

static bool is_later(struct str name)
{
	for (size_t i = 0; step_kinds_later[i]; i++)
		if (str_is(name, step_kinds_later[i]))
			return true;
	return false;
}

static const char *known_kinds(struct arena *a)
{
	struct buf b;
	buf_init(&b, a);
	for (size_t i = 0; i < STEP_KINDS; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", step_rows[i].name);
	return buf_cstr(&b);
}

static bool is_common(struct str key)
{
	for (size_t i = 0; i < step_table.n; i++)
		if (str_is(key, step_table.keys[i].name))
			return true;
	return false;
}

static void report_no_kind(struct load *l, const struct yaml *map)
{
	const char *names[STEP_KINDS];
	for (size_t i = 0; i < STEP_KINDS; i++)
		names[i] = step_rows[i].name;
	for (size_t i = 0; i < map->n; i++) {
		struct str key = map->pairs[i].key->text;
		if (is_common(key))
			continue;
		const char *near = load_nearest(l->d, l->a, key, names, STEP_KINDS);
		diag_error(l->d, map->pairs[i].key->at, "unknown step kind \"" STR_FMT "\"%s", STR_ARG(key),
			   *near ? near : arena_printf(l->a, " (known: %s)", known_kinds(l->a)));
		return;
	}
	diag_error(l->d, map->at, "the step has no kind: expected one of %s", known_kinds(l->a));
}

static const struct step_row *kind_of(struct load *l, const struct yaml *map)
{
	const struct step_row *row = NULL;
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml *key = map->pairs[i].key;
		const struct step_row *r = find_row(key->text);
		if (is_later(key->text)) {
			diag_error(l->d, key->at, "step kind \"" STR_FMT "\" is not part of this version (known: %s)",
				   STR_ARG(key->text), known_kinds(l->a));
			return NULL;
		}
		if (r && row) {
			diag_error(l->d, key->at, "a step has one kind, this one has \"%s\" and \"%s\"", row->name, r->name);
			return NULL;
		}
		if (r)
			row = r;
	}
	if (!row)
		report_no_kind(l, map);
	return row;
}

static void note_id(struct workflow_load *w, struct scope *scope, size_t i, struct place at)
{
	struct str id = scope->v[i].id;
	if (str_is(id, "end")) {
		diag_error(w->l.d, at, "\"end\" cannot be the id of a step: `then: end` ends the list");
		return;
	}
	for (size_t k = 0; k < w->n_ids; k++) {
		if (!str_eq(w->ids[k].id, id))
			continue;
		diag_error(w->l.d, at, "step id \"" STR_FMT "\" is given twice: first at line %d", STR_ARG(id),
			   w->ids[k].place.line);
		return;
	}
	w->ids[w->n_ids++] = (struct known_step){id, scope, i, at};
}

static void read_step(struct workflow_load *w, const struct yaml *map, struct scope *scope, size_t i)
{
	struct load *l = &w->l;
	struct step *s = &scope->v[i];
	scope->nodes[i] = map;
	*s = (struct step){.place = map->at, .then = STEP_NEXT, .catch = STEP_NONE, .budget = {-1, -1, -1, -1}};
	struct spot *spot = ARENA_NEW(l->a, struct spot);
	*spot = (struct spot){scope, i};
	l->spot = spot;
	if (map->kind != YAML_MAP) {
		diag_error(l->d, map->at, "expected a step (a map), got %s", yaml_describe(map));
		return;
	}
	const struct yaml *id = yaml_get(map, "id");
	const struct step_row *row = kind_of(l, map);
	keys_read_known(l, &step_table, map, s);
	if (id && s->id.n)
		note_id(w, scope, i, id->at);
	if (!row)
		return;
	s->kind = row->kind;
	const struct key_table *tables[] = {&step_table, &row->keys};
	keys_check_known(l, row->keys.name, map, tables, 2);
	keys_read_known(l, &row->keys, map, s);
}

void steps_read(struct workflow_load *w, const struct yaml *list, struct scope *scope)
{
	struct load *l = &w->l;
	if (!list->n) {
		diag_error(l->d, list->at, "the list of steps is empty");
		return;
	}
	if (w->n_steps + list->n > WORKFLOW_MAX_STEPS) {
		diag_error(l->d, list->at, "a workflow holds at most %d steps", WORKFLOW_MAX_STEPS);
		return;
	}
	w->n_steps += list->n;
	scope->v = ARENA_ARRAY(l->a, list->n, struct step);
	scope->nodes = ARENA_ARRAY(l->a, list->n, const struct yaml *);
	scope->n = list->n;
	*w->last = scope;
	w->last = &scope->next;
	struct scope *outer = w->scope;
	const void *spot = l->spot;
	w->scope = scope;
	for (size_t i = 0; i < list->n; i++)
		read_step(w, list->items[i], scope, i);
	w->scope = outer;
	l->spot = spot;
}

void read_steps(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct workflow *flow = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	struct scope *scope = ARENA_NEW(l->a, struct scope);
	steps_read(w, v, scope);
	struct steps *steps = ARENA_NEW(l->a, struct steps);
	*steps = (struct steps){scope->v, scope->n};
	flow->steps = steps;
}
