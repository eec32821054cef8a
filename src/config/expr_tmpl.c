/* expr_tmpl.c - values with `${ }` inside. All programs of one template share one budget. */
#include <stdio.h>

#include "base/arena.h"
#include "config/expr_eval.h"
#include "config/expr_run.h"

enum tmpl_kind { TMPL_CONSTANT, TMPL_EXPR, TMPL_TEXT, TMPL_ARRAY, TMPL_OBJECT };

/* A piece of text: literal (expr NULL) or made by a program. */
struct piece {
	struct str literal;
	const struct expr *expr;
};

struct tmpl {
	enum tmpl_kind kind;
	const struct json *value;		/* CONSTANT */
	const struct expr *expr;		/* EXPR */
	size_t n;
	const struct piece *pieces;		/* TEXT */
	const struct tmpl *const *kids;		/* ARRAY, OBJECT */
	const struct str *keys;			/* OBJECT */
};

/* --- making --- */

static struct tmpl *make(struct arena *a, enum tmpl_kind kind)
{
	struct tmpl *t = ARENA_NEW(a, struct tmpl);

	t->kind = kind;
	return t;
}

const struct tmpl *tmpl_constant(struct arena *a, const struct json *v)
{
	struct tmpl *t = make(a, TMPL_CONSTANT);

	t->value = v;
	return t;
}

const struct tmpl *tmpl_expr(struct arena *a, const struct expr *e)
{
	struct tmpl *t = make(a, TMPL_EXPR);

	t->expr = e;
	return t;
}

static bool all_constant(const struct tmpl *const *kids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kids[i]->kind != TMPL_CONSTANT)
			return false;
	return true;
}

const struct tmpl *tmpl_array(struct arena *a, const struct tmpl *const *items, size_t n)
{
	struct json_builder b;
	struct tmpl *t;

	if (all_constant(items, n)) {
		json_array_begin(&b, a);
		for (size_t i = 0; i < n; i++)
			json_array_add(&b, items[i]->value);
		return tmpl_constant(a, json_array_end(&b));
	}
	t = make(a, TMPL_ARRAY);
	t->n = n;
	t->kids = arena_dup(a, items, n * sizeof *items);
	return t;
}

const struct tmpl *tmpl_object(struct arena *a, const struct str *keys, const struct tmpl *const *vals, size_t n)
{
	struct str *copy = ARENA_ARRAY(a, n ? n : 1, struct str);
	struct json_builder b;
	struct tmpl *t;

	for (size_t i = 0; i < n; i++)
		copy[i] = str_dup(a, keys[i]);
	if (all_constant(vals, n)) {
		json_object_begin(&b, a);
		for (size_t i = 0; i < n; i++)
			json_object_set(&b, copy[i], vals[i]->value);
		return tmpl_constant(a, json_object_end(&b));
	}
	t = make(a, TMPL_OBJECT);
	t->n = n;
	t->keys = copy;
	t->kids = arena_dup(a, vals, n * sizeof *vals);
	return t;
}

bool tmpl_is_constant(const struct tmpl *t)
{
	return t->kind == TMPL_CONSTANT;
}

struct str tmpl_prefix(const struct tmpl *t)
{
	if (t->kind == TMPL_CONSTANT)
		return json_str(t->value);
	if (t->kind != TMPL_TEXT)
		return STR_NONE;
	return t->pieces[0].expr ? STR("") : t->pieces[0].literal;
}

/* --- parsing --- */

struct pieces {
	struct arena *a;
	struct piece *v;
	size_t n, cap;
	struct buf literal;	/* collected since the last program */
};

static void add_piece(struct pieces *ps, struct piece p)
{
	if (ps->n == ps->cap) {
		size_t cap = ps->cap ? ps->cap * 2 : 4;
		struct piece *v = ARENA_ARRAY(ps->a, cap, struct piece);

		if (ps->n)
			memcpy(v, ps->v, ps->n * sizeof *v);
		ps->v = v;
		ps->cap = cap;
	}
	ps->v[ps->n++] = p;
}

static void close_literal(struct pieces *ps)
{
	if (ps->literal.n)
		add_piece(ps, (struct piece){str_dup(ps->a, buf_str(&ps->literal)), NULL});
	buf_reset(&ps->literal);
}

/* A program that runs into the end of the text was cut or never closed: say that, not what the parser missed. */
static int explain(struct str text, size_t start, struct expr_error *error)
{
	if (error->offset < text.n)
		return -1;
	error->offset = start;
	error->length = 2;
	snprintf(error->msg, sizeof error->msg, "unclosed `${`");
	snprintf(error->hint, sizeof error->hint,
		 "quote this expression: YAML ends plain text at \": \", at \" #\" and, in [ ] and { }, at a comma");
	return -1;
}

static int read_pieces(struct pieces *ps, struct str text, struct expr_error *error)
{
	size_t at = 0;

	while (at < text.n) {
		struct str rest = str_sub(text, at, text.n);
		const struct expr *e;

		if (str_starts(rest, STR("$${"))) {
			buf_addstr(&ps->literal, STR("${"));
			at += 3;
		} else if (str_starts(rest, STR("${"))) {
			close_literal(ps);
			if (expr_parse_at(ps->a, text, at + 2, true, &e, &at, error) < 0)
				return explain(text, (size_t)(rest.p - text.p), error);
			add_piece(ps, (struct piece){STR_NONE, e});
		} else {
			ptrdiff_t next = str_chr(str_sub(rest, 1, rest.n), '$');
			size_t n = next < 0 ? rest.n : (size_t)next + 1;

			buf_addstr(&ps->literal, str_sub(rest, 0, n));
			at += n;
		}
	}
	close_literal(ps);
	return 0;
}

int tmpl_parse(struct arena *a, struct str text, const struct tmpl **ret, struct expr_error *error)
{
	struct pieces ps = {.a = a};
	struct tmpl *t;

	memset(error, 0, sizeof *error);
	if (!utf8_valid(text) || str_chr(text, '\0') >= 0) {
		error->length = 1;
		snprintf(error->msg, sizeof error->msg, "text that is not valid UTF-8 or holds a NUL");
		return -1;
	}
	text = str_dup(a, text);
	buf_init(&ps.literal, a);
	if (read_pieces(&ps, text, error) < 0)
		return -1;
	if (ps.n == 0 || (ps.n == 1 && !ps.v[0].expr)) {
		*ret = tmpl_constant(a, json_string(a, ps.n ? ps.v[0].literal : STR("")));
		return 0;
	}
	if (ps.n == 1) {
		*ret = tmpl_expr(a, ps.v[0].expr);
		return 0;
	}
	t = make(a, TMPL_TEXT);
	t->n = ps.n;
	t->pieces = ps.v;
	*ret = t;
	return 0;
}

/* --- asking --- */

void tmpl_refs(const struct tmpl *t, expr_ref_fn *fn, void *arg)
{
	if (t->kind == TMPL_EXPR)
		expr_refs(t->expr, fn, arg);
	for (size_t i = 0; i < t->n; i++) {
		if (t->kind != TMPL_TEXT)
			tmpl_refs(t->kids[i], fn, arg);
		else if (t->pieces[i].expr)
			expr_refs(t->pieces[i].expr, fn, arg);
	}
}

void tmpl_check(const struct tmpl *t, const char *const *roots, size_t n_roots,
		void (*report)(void *arg, const struct expr_error *error), void *arg)
{
	if (t->kind == TMPL_EXPR)
		expr_check(t->expr, roots, n_roots, report, arg);
	for (size_t i = 0; i < t->n; i++) {
		if (t->kind != TMPL_TEXT)
			tmpl_check(t->kids[i], roots, n_roots, report, arg);
		else if (t->pieces[i].expr)
			expr_check(t->pieces[i].expr, roots, n_roots, report, arg);
	}
}

/* --- evaluating --- */

static struct str source_of(const struct expr *e)
{
	return eval_head(str_trim(str_sub(e->source, e->node->offset, e->node->length)), 80);
}

/* Appends v as text; null is an error, as a hole in a text is never what was meant. */
static int add_text(struct eval *ev, struct buf *out, const struct json *v, struct err *err)
{
	const struct json *text;

	if (json_type(v) == JSON_NULL) {
		err_set(err, ERR_EXPRESSION, "null cannot become text");
		return err_hint(err, "give a value for this case: ${ ... // \"none\" }");
	}
	text = eval_text(ev, v);
	if (!text || !eval_make(ev, json_str(text).n))
		return err_copy(err, &ev->err);
	buf_addstr(out, json_str(text));
	return 0;
}

static int add_pieces(struct eval *ev, const struct tmpl *t, const struct json *root, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->pieces[i];
		const struct json *v;

		if (!p->expr) {
			if (!eval_make(ev, p->literal.n))
				return err_copy(err, &ev->err);
			buf_addstr(out, p->literal);
			continue;
		}
		if (expr_run(ev, p->expr, root, &v, err) < 0 || add_text(ev, out, v, err) < 0) {
			struct str source = source_of(p->expr);

			return err_prefix(err, "${ " STR_FMT " }: ", STR_ARG(source));
		}
	}
	return 0;
}

static int eval_value(struct eval *ev, const struct tmpl *t, const struct json *root, struct arena *a,
		      const struct json **ret, struct err *err);

static int eval_kids(struct eval *ev, const struct tmpl *t, const struct json *root, struct arena *a,
		     const struct json **ret, struct err *err)
{
	struct json_builder b;

	if (t->kind == TMPL_OBJECT)
		json_object_begin(&b, a);
	else
		json_array_begin(&b, a);
	for (size_t i = 0; i < t->n; i++) {
		const struct json *v;

		if (eval_value(ev, t->kids[i], root, a, &v, err) < 0)
			return -1;
		if (t->kind == TMPL_OBJECT)
			json_object_set(&b, str_dup(a, t->keys[i]), v);
		else
			json_array_add(&b, v);
	}
	*ret = t->kind == TMPL_OBJECT ? json_object_end(&b) : json_array_end(&b);
	return 0;
}

static int eval_value(struct eval *ev, const struct tmpl *t, const struct json *root, struct arena *a,
		      const struct json **ret, struct err *err)
{
	const struct json *v;
	struct buf out;

	switch (t->kind) {
	case TMPL_CONSTANT:
		*ret = json_copy(a, t->value);
		return 0;
	case TMPL_EXPR:
		if (expr_run(ev, t->expr, root, &v, err) < 0)
			return -1;
		return expr_keep(ev, t->expr, v, a, ret, err);
	case TMPL_TEXT:
		buf_init(&out, ev->scratch);
		if (add_pieces(ev, t, root, &out, err) < 0)
			return -1;
		*ret = json_string_ref(a, str_dup(a, buf_str(&out)));
		return 0;
	default:
		return eval_kids(ev, t, root, a, ret, err);
	}
}

/* Results are stored and parsed again, within the same depth; a template adds its own levels. */
static bool is_deeper(const struct json *v, size_t levels)
{
	bool object = json_type(v) == JSON_OBJECT;

	if (json_type(v) >= JSON_ARRAY && levels == 0)
		return true;
	for (size_t i = 0; i < json_len(v); i++)
		if (is_deeper(object ? json_val(v, i) : json_at(v, i), levels - 1))
			return true;
	return false;
}

int tmpl_eval(const struct tmpl *t, const struct json *root, struct arena *a, const struct json **ret, struct err *err)
{
	const struct json *v;
	struct eval ev;
	int rc;

	if (t->kind == TMPL_EXPR)
		return expr_eval(t->expr, root, a, ret, err);
	if (t->kind == TMPL_CONSTANT) {
		*ret = json_copy(a, t->value);
		return 0;
	}
	eval_begin(&ev);
	rc = eval_value(&ev, t, root, a, &v, err);
	eval_end(&ev);
	if (rc == 0 && is_deeper(v, EXPR_MAX_DEPTH))
		return err_set(err, ERR_EXPRESSION, "a value nested deeper than %d levels", EXPR_MAX_DEPTH);
	if (rc == 0)
		*ret = v;
	return rc;
}

int tmpl_eval_text(const struct tmpl *t, const struct json *root, struct arena *a, struct str *ret, struct err *err)
{
	const struct json *v;
	struct eval ev;
	struct buf out;
	int rc;

	eval_begin(&ev);
	buf_init(&out, ev.scratch);
	if (t->kind == TMPL_TEXT) {
		rc = add_pieces(&ev, t, root, &out, err);
	} else {
		rc = eval_value(&ev, t, root, ev.scratch, &v, err);
		if (rc == 0)
			rc = add_text(&ev, &out, v, err);
	}
	if (rc == 0)
		*ret = str_dup(a, buf_str(&out));
	eval_end(&ev);
	return rc;
}
