/* schema_expr.c - values with expressions inside: parse now, check names later. */
#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/schema.h"

struct place use_place(const struct load *l, const struct use *u, size_t offset)
{
	if (diag_is_full(l->d))
		return u->node ? u->node->at : (struct place){u->file, 1, 1};
	return u->node ? yaml_place(u->node, offset + u->shift) : text_place(u->file, u->text, offset + u->shift);
}

static void note(struct load *l, const struct use *u)
{
	if (l->n_uses == l->cap_uses) {
		size_t cap = l->cap_uses ? l->cap_uses * 2 : 64;
		struct use *v = ARENA_ARRAY(l->a, cap, struct use);
		if (l->n_uses)
			memcpy(v, l->uses, l->n_uses * sizeof(*v));
		l->uses = v;
		l->cap_uses = cap;
	}
	struct use *n = &l->uses[l->n_uses++];
	*n = *u;
	n->roots = l->roots;
	n->n_roots = l->n_roots;
	n->spot = l->spot;
}

/* A plain scalar that YAML ended early leaves a ${ without its }. */
static bool is_cut(const struct use *u)
{
	if (!u->node || u->node->style != 'p')
		return false;
	ptrdiff_t open = str_find(u->node->text, STR("${"));
	return open >= 0 && str_chr(str_sub(u->node->text, (size_t)open, u->node->text.n), '}') < 0;
}

static void report(struct load *l, const struct use *u, const struct expr_error *e)
{
	const char *hint = is_cut(u) ? "quote this expression" : e->hint;
	diag_add(l->d, DIAG_ERROR, use_place(l, u, e->offset), hint, "%s", e->msg);
}

/* `${ EXPR }` or the bare program. */
static struct str program_of(struct str s, size_t *shift)
{
	struct str t = str_trim(s);
	*shift = t.n ? (size_t)(t.p - s.p) : 0;
	if (str_starts(t, STR("${")) && str_ends(t, STR("}"))) {
		*shift += 2;
		return str_sub(t, 2, t.n - 3);
	}
	return t;
}

const struct expr *load_expr(struct load *l, const struct yaml *n, const char *what)
{
	if (n->kind != YAML_SCALAR) {
		diag_add(l->d, DIAG_ERROR, n->at, "quote the expression, for example '[1, 2]'",
			 "\"%s\": expected an expression, got %s", what, yaml_describe(n));
		return NULL;
	}
	struct use u = {.node = n, .text = n->text};
	struct str program = program_of(n->text, &u.shift);
	struct expr_error error;
	if (!program.n) {
		diag_error(l->d, n->at, "\"%s\": the expression is empty", what);
		return NULL;
	}
	if (expr_parse(l->a, program, &u.expr, &error) < 0) {
		report(l, &u, &error);
		return NULL;
	}
	note(l, &u);
	return u.expr;
}

static const struct tmpl *text_tmpl(struct load *l, struct use *u)
{
	struct expr_error error;
	if (str_find(u->text, STR("${")) < 0)
		return tmpl_constant(l->a, json_string(l->a, u->text));
	if (tmpl_parse(l->a, u->text, &u->tmpl, &error) < 0) {
		report(l, u, &error);
		return NULL;
	}
	note(l, u);
	return u->tmpl;
}

static bool holds_template(const struct yaml *n)
{
	if (n->kind == YAML_SCALAR)
		return str_find(n->text, STR("${")) >= 0;
	for (size_t i = 0; i < n->n; i++)
		if (holds_template(n->kind == YAML_LIST ? n->items[i] : n->pairs[i].value))
			return true;
	return false;
}

/* Recursion is bounded by YAML_MAX_DEPTH. */
const struct tmpl *load_tmpl(struct load *l, const struct yaml *n)
{
	if (!holds_template(n)) {
		const struct json *v = yaml_json(l->a, n, l->d);
		return v ? tmpl_constant(l->a, v) : NULL;
	}
	if (n->kind == YAML_SCALAR) {
		struct use u = {.node = n, .text = n->text};
		return text_tmpl(l, &u);
	}
	const struct tmpl **vals = ARENA_ARRAY(l->a, n->n, const struct tmpl *);
	struct str *keys = ARENA_ARRAY(l->a, n->n, struct str);
	bool ok = true;
	for (size_t i = 0; i < n->n; i++) {
		vals[i] = load_tmpl(l, n->kind == YAML_LIST ? n->items[i] : n->pairs[i].value);
		if (n->kind == YAML_MAP)
			keys[i] = n->pairs[i].key->text;
		ok &= vals[i] != NULL;
	}
	if (!ok)
		return NULL;
	return n->kind == YAML_LIST ? tmpl_array(l->a, vals, n->n) : tmpl_object(l->a, keys, vals, n->n);
}

const struct tmpl *load_tmpl_text(struct load *l, const char *file, struct str text)
{
	struct use u = {.file = file, .text = text};
	return text_tmpl(l, &u);
}

struct checking {
	struct load *l;
	const struct use *u;
};

static void on_mistake(void *arg, const struct expr_error *error)
{
	struct checking *c = arg;
	report(c->l, c->u, error);
}

void load_check(struct load *l)
{
	for (size_t i = 0; i < l->n_uses; i++) {
		const struct use *u = &l->uses[i];
		struct checking c = {l, u};
		if (u->expr)
			expr_check(u->expr, u->roots, u->n_roots, on_mistake, &c);
		else
			tmpl_check(u->tmpl, u->roots, u->n_roots, on_mistake, &c);
	}
}
