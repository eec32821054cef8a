/* workflow_refs.c - the names in expressions: does what they mean exist, and can it exist by then? */
#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/workflow_load.h"

struct ref {
	struct workflow_load *w;
	const struct use *u;
	const struct spot *spot;
};

static const char *const result_keys[] = {"output", "status", "error", "visits"};
static const char *const answer_keys[] = {"decision", "by", "comment", "form"};
static const char *const task_keys[] = {"id", "workflow", "bundle", "urgency", "labels", "created_at", "submitted_by",
					"parent"};

static void report(struct ref *r, size_t offset, const char *hint, const char *msg)
{
	diag_add(r->w->l.d, DIAG_ERROR, use_place(&r->w->l, r->u, offset), hint, "%s", msg);
}

static bool is_within(const struct scope *inner, const struct scope *outer)
{
	while (inner && inner != outer)
		inner = inner->parent;
	return inner != NULL;
}

static bool is_among(struct str key, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(key, names[i]))
			return true;
	return false;
}

/* --- steps --- */

static const struct known_step *find_step(const struct workflow_load *w, struct str id)
{
	for (size_t i = 0; i < w->n_ids; i++)
		if (str_eq(w->ids[i].id, id))
			return &w->ids[i];
	return NULL;
}

/* The step of scope that holds the one who asks, or the one who asks itself. */
static size_t seen_from(const struct spot *spot, const struct scope *scope)
{
	size_t at = spot->step;
	for (const struct scope *s = spot->scope; s != scope; s = s->parent)
		at = s->holder;
	return at;
}

static void report_unknown_step(struct ref *r, struct str id, size_t offset)
{
	struct workflow_load *w = r->w;
	struct arena *a = w->l.a;
	const char **names = ARENA_ARRAY(a, w->n_ids + 1, const char *);
	size_t n = 0;
	for (size_t i = 0; i < w->n_ids && diag_suggests(w->l.d); i++)
		if (is_within(r->spot->scope, w->ids[i].scope))
			names[n++] = str_cstr(a, w->ids[i].id);
	report(r, offset, NULL, arena_printf(a, "there is no step \"" STR_FMT "\"%s", STR_ARG(id),
					     load_nearest(r->w->l.d, a, id, names, n)));
}

static const char *schema_names(struct ref *r, const struct json *schema, struct str key, bool *closed)
{
	struct arena *a = r->w->l.a;
	const struct json *props = json_get(schema, STR("properties"));
	size_t n = diag_suggests(r->w->l.d) ? json_len(props) : 0;
	const char **names = ARENA_ARRAY(a, n ? n : 1, const char *);
	for (size_t i = 0; i < n; i++)
		names[i] = str_cstr(a, json_key(props, i));
	const struct json *more = json_get(schema, STR("additionalProperties"));
	*closed = more && json_type(more) == JSON_FALSE;
	return load_nearest(r->w->l.d, a, key, names, n);
}

/* A name that the schema excludes is an error, one that looks like a slip a warning. */
static void check_property(struct ref *r, const struct json *schema, const char *what, struct str key, size_t offset)
{
	struct arena *a = r->w->l.a;
	const struct json *props = json_get(schema, STR("properties"));
	static const char *const open[] = {"patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"};
	if (!props || json_get(props, key))
		return;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (json_get(schema, str_from(open[i])))
			return;
	bool closed;
	const char *near = schema_names(r, schema, key, &closed);
	if (closed)
		report(r, offset, NULL, arena_printf(a, "%s has no \"" STR_FMT "\"%s", what, STR_ARG(key), near));
	else if (*near)
		diag_add(r->w->l.d, DIAG_WARNING, use_place(&r->w->l, r->u, offset), NULL,
			 "the schema of %s does not name \"" STR_FMT "\"%s", what, STR_ARG(key), near);
}

static void check_output(struct ref *r, const struct step *s, struct str key, size_t offset)
{
	struct arena *a = r->w->l.a;
	const char *what = arena_printf(a, "the output of \"" STR_FMT "\"", STR_ARG(s->id));
	const struct step_model *ask = s->kind == STEP_MODEL ? &s->u.model : s->kind == STEP_AGENT ? &s->u.agent.ask : NULL;
	if (ask && !ask->output && !str_is(key, "text"))
		report(r, offset, "without a schema the output is {text}",
		       arena_printf(a, "%s has no \"" STR_FMT "\"", what, STR_ARG(key)));
	else if (ask && ask->output)
		check_property(r, ask->output, what, key, offset);
	else if (s->kind == STEP_SET) {
		for (size_t i = 0; i < s->u.set.n; i++)
			if (str_eq(s->u.set.names[i], key))
				return;
		report(r, offset, NULL, arena_printf(a, "%s has no \"" STR_FMT "\"", what, STR_ARG(key)));
	} else if (s->kind == STEP_APPROVE && !is_among(key, answer_keys, 4)) {
		report(r, offset, "the answer is {decision, by, comment, form}",
		       arena_printf(a, "%s has no \"" STR_FMT "\"%s", what, STR_ARG(key), load_nearest(r->w->l.d, a, key, answer_keys, 4)));
	}
}

static void check_step(struct ref *r, const struct str *keys, size_t n, size_t offset)
{
	struct arena *a = r->w->l.a;
	const struct known_step *k = find_step(r->w, keys[1]);
	if (!k) {
		report_unknown_step(r, keys[1], offset);
		return;
	}
	if (!is_within(r->spot->scope, k->scope)) {
		report(r, offset, "after a loop only the loop's own output is visible",
		       arena_printf(a, "step \"" STR_FMT "\" is inside a loop and cannot be seen from here", STR_ARG(keys[1])));
		return;
	}
	size_t here = seen_from(r->spot, k->scope);
	if (here != SPOT_END && !k->scope->broken && !graph_reaches(k->scope, k->step, here)) {
		report(r, offset, here == k->step ? "a step cannot read its own result" : NULL,
		       arena_printf(a, "step \"" STR_FMT "\" has certainly not run yet", STR_ARG(keys[1])));
		return;
	}
	if (n < 3)
		return;
	if (!is_among(keys[2], result_keys, 4))
		report(r, offset, "a step has .output, .status, .error and .visits",
		       arena_printf(a, "a step has no \"" STR_FMT "\"%s", STR_ARG(keys[2]),
				    load_nearest(r->w->l.d, a, keys[2], result_keys, 4)));
	else if (n > 3 && str_is(keys[2], "output"))
		check_output(r, &k->scope->v[k->step], keys[3], offset);
}

/* --- variables and the rest of the root --- */

static bool is_seen(const struct ref *r, const struct known_var *v)
{
	return !v->scope || is_within(r->spot->scope, v->scope);
}

static void check_var(struct ref *r, struct str name, size_t offset)
{
	struct workflow_load *w = r->w;
	size_t n = 0;
	for (size_t i = 0; i < w->n_vars; i++)
		if (is_seen(r, &w->vars[i]) && str_eq(w->vars[i].name, name))
			return;
	const char **names = ARENA_ARRAY(w->l.a, diag_suggests(w->l.d) ? w->n_vars + 1 : 1, const char *);
	for (size_t i = 0; i < w->n_vars && diag_suggests(w->l.d); i++)
		if (is_seen(r, &w->vars[i]))
			names[n++] = str_cstr(w->l.a, w->vars[i].name);
	report(r, offset, n ? NULL : "variables are written by set steps and by `as` of a loop",
	       arena_printf(w->l.a, "no step sets the variable \"" STR_FMT "\"%s", STR_ARG(name),
			    load_nearest(w->l.d, w->l.a, name, names, n)));
}

static void check_loop(struct ref *r, struct str name, size_t offset)
{
	for (const struct scope *s = r->spot->scope; s; s = s->parent)
		if (s->is_loop)
			return;
	report(r, offset, NULL, arena_printf(r->w->l.a, "\"." STR_FMT "\" has a value only inside a for step", STR_ARG(name)));
}

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct ref *r = arg;
	struct arena *a = r->w->l.a;
	(void)length;
	if (!n)
		return;
	if (str_is(keys[0], "steps") && n > 1)
		check_step(r, keys, n, offset);
	else if (str_is(keys[0], "vars") && n > 1)
		check_var(r, keys[1], offset);
	else if (str_is(keys[0], "item") || str_is(keys[0], "index"))
		check_loop(r, keys[0], offset);
	else if (str_is(keys[0], "error"))
		report(r, offset, "after `catch: ID` read .steps.ID.error", "\".error\" has a value only inside a try step's catch");
	else if (str_is(keys[0], "input") && n > 1)
		check_property(r, r->w->w->input, "the input", keys[1], offset);
	else if (str_is(keys[0], "task") && n > 1 && !is_among(keys[1], task_keys, sizeof(task_keys) / sizeof(*task_keys)))
		report(r, offset, NULL,
		       arena_printf(a, "a task has no \"" STR_FMT "\"%s", STR_ARG(keys[1]),
				    load_nearest(r->w->l.d, a, keys[1], task_keys, sizeof(task_keys) / sizeof(*task_keys))));
}

void refs_check(struct workflow_load *w)
{
	for (size_t i = 0; i < w->l.n_uses; i++) {
		const struct use *u = &w->l.uses[i];
		struct ref r = {w, u, u->spot};
		if (u->expr)
			expr_refs(u->expr, on_ref, &r);
		else
			tmpl_refs(u->tmpl, on_ref, &r);
	}
}
