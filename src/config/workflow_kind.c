/* workflow_kind.c - the keys of each step kind. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/workflow_load.h"

#define VAR_PATTERN "^[a-zA-Z_][a-zA-Z0-9_]{0,62}$"
#define VAR_TEXT "a letter or _, then letters, digits and _"
#define TYPE_PATTERN "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$"
#define TYPE_TEXT "lower-case words joined by dots such as data.missing"

static void *slot(void *out, const struct key *k)
{
	return (char *)out + k->offset;
}

/* --- variables --- */

static void note_var(struct workflow_load *w, struct str name, const struct scope *scope)
{
	w->vars = grow_table(w->l.a, w->vars, w->n_vars, &w->cap_vars, sizeof(*w->vars));
	w->vars[w->n_vars++] = (struct known_var){name, scope};
}

/* What `set` writes is seen everywhere, or inside one iteration of a parallel loop only. */
static const struct scope *var_scope(const struct scope *s)
{
	while (s && !s->parallel)
		s = s->parent;
	return s;
}

void read_set(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct step_set *set = &((struct step *)out)->u.set;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	if (!v->n)
		diag_error(l->d, v->at, "\"set\" names no variable");
	struct str *names = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct str);
	const struct tmpl **values = ARENA_ARRAY(l->a, v->n ? v->n : 1, const struct tmpl *);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *key = v->pairs[i].key;
		names[i] = key->text;
		values[i] = load_tmpl(l, v->pairs[i].value);
		if (key->text.n && load_name(l, key, "name of a variable", VAR_PATTERN, VAR_TEXT))
			note_var(w, key->text, var_scope(w->scope));
	}
	*set = (struct step_set){names, values, v->n};
}

/* --- call --- */

void read_call(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_call *call = &((struct step *)out)->u.call;
	call->with = tmpl_constant(l->a, json_empty_object());
	if (!load_name(l, v, "name of a tool", k->pattern, k->pattern_text))
		return;
	call->tool = v->text;
	workflow_contract((struct workflow_load *)l, v);
}

static const struct contract *find_contract(const struct workflow_load *w, struct str tool)
{
	for (size_t i = 0; i < w->n_contracts; i++)
		if (str_eq(w->contracts[i].name, tool))
			return &w->contracts[i];
	return NULL;
}

static void check_arguments(struct workflow_load *w, const struct contract *c, const struct yaml *with)
{
	struct load *l = &w->l;
	const struct json *props = json_get(c->args, STR("properties"));
	const struct json *required = json_get(c->args, STR("required"));
	bool closed = json_type(json_get(c->args, STR("additionalProperties"))) == JSON_FALSE &&
		      json_get(c->args, STR("additionalProperties"));
	size_t n = diag_suggests(l->d) ? json_len(props) : 0;
	const char **names = ARENA_ARRAY(l->a, n ? n : 1, const char *);
	for (size_t i = 0; i < n; i++)
		names[i] = str_cstr(l->a, json_key(props, i));
	for (size_t i = 0; i < with->n && closed; i++) {
		struct str key = with->pairs[i].key->text;
		if (!json_get(props, key) && !json_get(c->args, STR("patternProperties")))
			diag_error(l->d, with->pairs[i].key->at, "tool \"" STR_FMT "\" has no argument \"" STR_FMT "\"%s",
				   STR_ARG(c->name), STR_ARG(key), load_nearest(l->d, l->a, key, names, n));
	}
	for (size_t i = 0; i < json_len(required); i++) {
		struct str name = json_str(json_at(required, i));
		if (name.p && !yaml_get(with, str_cstr(l->a, name)))
			diag_error(l->d, with->at, "tool \"" STR_FMT "\" needs the argument \"" STR_FMT "\"",
				   STR_ARG(c->name), STR_ARG(name));
	}
}

void read_with(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct step_call *call = &((struct step *)out)->u.call;
	bool whole = yaml_is_text(v) && str_starts(str_trim(v->text), STR("${"));
	if (!whole && !load_expect(l, v, k->name, YAML_MAP))
		return;
	call->with = load_tmpl(l, v);
	const struct contract *c = find_contract(w, call->tool);
	if (c && v->kind == YAML_MAP)
		check_arguments(w, c, v);
}

/* --- approve and ask --- */

void read_ask(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_ask *ask = ARENA_NEW(l->a, struct step_ask);
	ask->on_timeout = ON_TIMEOUT_DENY;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	((struct step *)out)->ask = ask;
	keys_read(l, k->table, v, ask);
}

void read_on_timeout(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int *on_timeout = slot(out, k);
	if (yaml_is_text(v) && str_is(v->text, "deny"))
		*on_timeout = ON_TIMEOUT_DENY;
	else if (yaml_is_text(v) && str_is(v->text, "fail"))
		*on_timeout = ON_TIMEOUT_FAIL;
	else
		read_link(l, k, v, out);
}

/* --- model --- */

void read_model(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_model *m = &((struct step *)out)->u.model;
	m->temperature = -1;
	if (load_expect(l, v, k->name, YAML_MAP))
		keys_read(l, k->table, v, m);
}

void read_tier(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	const char *problem;
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"tier\": expected the name of a tier, got %s", yaml_describe(v));
		return;
	}
	*(struct str *)slot(out, k) = v->text;
	problem = w->src->tier_problem ? w->src->tier_problem(w->src, v->text) : NULL;
	if (problem)
		diag_error(l->d, v->at, "tier \"" STR_FMT "\" %s", STR_ARG(v->text), problem);
}

static bool names_file(struct str s)
{
	if (!str_ends(s, STR(".md")) && !str_ends(s, STR(".txt")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]))
			return false;
	return true;
}

void read_prompt(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	const struct tmpl **t = slot(out, k);
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"%s\": expected text or the name of a .md or .txt file, got %s", k->name,
			   yaml_describe(v));
		return;
	}
	if (!str_trim(v->text).n) {
		diag_error(l->d, v->at, "\"%s\" is empty", k->name);
		return;
	}
	if (!names_file(v->text)) {
		*t = load_tmpl(l, v);
		return;
	}
	const char *shown;
	struct str text = workflow_read_file(w, v, &shown);
	if (!text.p)
		return;
	if (str_ends(text, STR("\n")))
		text.n -= str_ends(text, STR("\r\n")) ? 2 : 1;
	if (!str_trim(text).n)
		diag_error(l->d, v->at, "file \"" STR_FMT "\" is empty", STR_ARG(v->text));
	else
		*t = load_tmpl_text(l, shown, text);
}

void read_schema(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	const struct json **s = slot(out, k);
	const struct schema **check = (const struct schema **)(void *)((char *)out + k->offset_n);
	if (yaml_is_text(v)) {
		*s = schema_file((struct workflow_load *)l, v, check);
	} else if (v->kind == YAML_MAP) {
		*s = yaml_json(l->a, v, l->d);
		if (*s)
			*s = schema_inline((struct workflow_load *)l, *s, v, check);
	} else {
		diag_error(l->d, v->at, "\"%s\": expected a JSON Schema (a map) or the name of a file that holds one, got %s",
			   k->name, yaml_describe(v));
	}
}

/* --- agent --- */

void read_agent(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_agent *s = &((struct step *)out)->u.agent;
	s->ask.temperature = -1;
	if (load_expect(l, v, k->name, YAML_MAP))
		keys_read(l, k->table, v, s);
}

struct str tool_name_for_model(struct arena *a, struct str tool)
{
	char *p = arena_alloc(a, tool.n + 1);
	for (size_t i = 0; i < tool.n; i++)
		p[i] = tool.p[i] == '.' ? '_' : tool.p[i];
	p[tool.n] = 0;
	return (struct str){p, tool.n};
}

static void check_twice(struct load *l, const struct yaml *list, size_t i)
{
	const struct yaml *v = list->items[i];
	for (size_t k = 0; k < i; k++) {
		if (!yaml_is_text(list->items[k]) || !str_eq(list->items[k]->text, v->text))
			continue;
		diag_error(l->d, v->at, "tool \"" STR_FMT "\" is given twice", STR_ARG(v->text));
		return;
	}
}

void read_agent_tools(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	key_read_plain(l, k, v, out, k->offset);
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
		if (!yaml_is_text(v->items[i]) || !load_matches(l, v->items[i]->text, k->pattern))
			continue;
		check_twice(l, v, i);
		workflow_contract((struct workflow_load *)l, v->items[i]);
	}
}

/* --- switch --- */

void read_switch(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_switch *sw = &((struct step *)out)->u.sw;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (!v->n)
		diag_error(l->d, v->at, "the switch has no edge");
	struct switch_edge *edges = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct switch_edge);
	*sw = (struct step_switch){edges, v->n};
	for (size_t i = 0; i < v->n; i++) {
		edges[i].then = STEP_NEXT;
		if (!keys_read(l, k->table, v->items[i], &edges[i]))
			continue;
		if (i + 1 < v->n && !yaml_get(v->items[i], "when"))
			diag_error(l->d, v->items[i + 1]->at, "this edge is never reached: the one above has no \"when\"");
	}
}

/* --- for --- */

void read_for(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct step *s = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct scope *outer = w->body, *body = ARENA_NEW(l->a, struct scope);
	body->parent = w->scope;
	body->holder = (size_t)(s - w->scope->v);
	body->is_loop = true;
	w->body = body;
	keys_read(l, k->table, v, &s->u.loop);
	w->body = outer;
}

void read_as(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	if (!load_name(l, v, "name of a variable", k->pattern, k->pattern_text))
		return;
	*(struct str *)slot(out, k) = v->text;
	note_var(w, v->text, w->body);
}

void read_for_output(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	const void *before = l->spot;
	struct spot *spot = ARENA_NEW(l->a, struct spot);
	*spot = (struct spot){w->body, SPOT_END};
	l->spot = spot;
	*(const struct tmpl **)slot(out, k) = load_tmpl(l, v);
	l->spot = before;
}

void read_do(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	struct step_for *loop = out;
	struct scope *body = w->body;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	body->parallel = loop->parallel > 1;
	steps_read(w, v, body);
	struct steps *steps = ARENA_NEW(l->a, struct steps);
	*steps = (struct steps){body->v, body->n};
	loop->body = steps;
}

/* --- wait --- */

void read_wait(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct step_wait *wait = &((struct step *)out)->u.wait;
	wait->duration_ms = -1;
	if (v->kind == YAML_MAP)
		keys_read(l, k->table, v, wait);
	else if (v->kind != YAML_SCALAR || !duration_parse(v->text, &wait->duration_ms))
		diag_error(l->d, v->at, "\"wait\": expected a duration such as 30s, or {until: TIME}, got %s",
			   yaml_is_text(v) ? arena_printf(l->a, "\"" STR_FMT "\"", STR_ARG(v->text)) : yaml_describe(v));
}

void read_until(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	const struct tmpl **until = slot(out, k);
	int64_t at_us;
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"until\": expected an RFC 3339 time or an expression, got %s", yaml_describe(v));
	} else if (time_parse(v->text, &at_us)) {
		*until = tmpl_constant(l->a, json_string(l->a, v->text));
	} else if (v->text.n && v->text.p[0] >= '0' && v->text.p[0] <= '9') {
		diag_error(l->d, v->at, "\"until\": expected a time such as 2026-11-23T09:00:00Z, got \"" STR_FMT "\"",
			   STR_ARG(v->text));
	} else if (str_find(v->text, STR("${")) >= 0) {
		*until = load_tmpl(l, v);
	} else {
		const struct expr *e = load_expr(l, v, k->name);
		*until = e ? tmpl_expr(l->a, e) : NULL;
	}
}

/* --- raise --- */

void read_raise(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (load_expect(l, v, k->name, YAML_MAP))
		keys_read(l, k->table, v, &((struct step *)out)->u.raise);
}

void read_type(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct workflow_load *w = (struct workflow_load *)l;
	const struct tmpl **type = slot(out, k);
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"type\": expected text, got %s", yaml_describe(v));
		return;
	}
	*type = load_tmpl(l, v);
	if (str_find(v->text, STR("${")) >= 0)
		return;
	if (!load_name(l, v, "type of an error", TYPE_PATTERN, TYPE_TEXT))
		return;
	w->raised = grow_table(l->a, w->raised, w->n_raised, &w->cap_raised, sizeof(*w->raised));
	w->raised[w->n_raised++] = v->text;
}
