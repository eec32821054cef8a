/* program.c - walks a workflow once and notes what each step reads. */
#include "engine/program.h"

#include <string.h>

#include "base/arena.h"
#include "config/expr.h"
#include "config/workflow.h"

struct collect {
	struct arena *a;
	const struct program *scope;	/* of the reader */
	struct refs *refs;
	struct ref *v;
	size_t cap;
};

static const struct {
	const char *name;
	unsigned reads;
} roots[] = {
	{"input", READS_INPUT}, {"steps", READS_STEPS}, {"vars", READS_VARS}, {"task", READS_TASK},
	{"item", READS_ITEM}, {"index", READS_INDEX}, {"error", READS_ERROR},
};

int program_find(const struct program *p, const char *id, size_t n, int hint)
{
	struct str name = {id, n};

	if (hint >= 0 && (size_t)hint < p->n && str_eq(p->v[hint].step->id, name))
		return hint;
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].step->id, name))
			return (int)i;
	return -1;
}

static void add_step(struct collect *c, struct str id)
{
	int up = 0, index = -1;
	size_t n = c->refs->n_steps;

	for (const struct program *p = c->scope; p; p = p->parent, up++) {
		index = program_find(p, id.p, id.n, -1);
		if (index >= 0)
			break;
	}
	if (index < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (c->v[i].up == up && c->v[i].index == index)
			return;
	if (n == c->cap) {
		struct ref *grown = ARENA_ARRAY(c->a, c->cap ? 2 * c->cap : 4, struct ref);

		if (n)
			memcpy(grown, c->v, n * sizeof *grown);
		c->v = grown;
		c->cap = c->cap ? 2 * c->cap : 4;
	}
	c->v[c->refs->n_steps++] = (struct ref){up, index};
}

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct collect *c = arg;

	(void)offset;
	(void)length;
	if (n == 0) {
		c->refs->reads = READS_ALL;
		c->refs->all_steps = true;
		return;
	}
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		if (!str_is(keys[0], roots[i].name))
			continue;
		c->refs->reads |= roots[i].reads;
		if (roots[i].reads == READS_STEPS && n == 1)
			c->refs->all_steps = true;
		else if (roots[i].reads == READS_STEPS)
			add_step(c, keys[1]);
	}
}

static void collect_begin(struct collect *c, struct arena *a, const struct program *scope, struct refs *refs)
{
	*c = (struct collect){.a = a, .scope = scope, .refs = refs};
}

static void read_expr(struct collect *c, const struct expr *e)
{
	if (e)
		expr_refs(e, on_ref, c);
}

static void read_tmpl(struct collect *c, const struct tmpl *t)
{
	if (t)
		tmpl_refs(t, on_ref, c);
}

static void collect_end(struct collect *c)
{
	c->refs->steps = c->v;
}

static void read_ask(struct collect *c, const struct step_model *s)
{
	read_tmpl(c, s->system);
	read_tmpl(c, s->prompt);
	read_tmpl(c, s->context);
}

static void read_step(struct collect *c, const struct step *s)
{
	read_expr(c, s->when);
	if (s->ask) {
		read_tmpl(c, s->ask->title);
		read_tmpl(c, s->ask->show);
	}
	switch (s->kind) {
	case STEP_SET:
		for (size_t i = 0; i < s->u.set.n; i++)
			read_tmpl(c, s->u.set.values[i]);
		break;
	case STEP_CALL:
		read_tmpl(c, s->u.call.with);
		break;
	case STEP_MODEL:
		read_ask(c, &s->u.model);
		break;
	case STEP_AGENT:
		read_ask(c, &s->u.agent.ask);
		break;
	case STEP_SWITCH:
		for (size_t i = 0; i < s->u.sw.n; i++)
			read_expr(c, s->u.sw.edges[i].when);
		break;
	case STEP_FOR:
		read_expr(c, s->u.loop.in);
		break;
	case STEP_WAIT:
		read_tmpl(c, s->u.wait.until);
		break;
	case STEP_RAISE:
		read_tmpl(c, s->u.raise.type);
		read_tmpl(c, s->u.raise.message);
		break;
	case STEP_APPROVE:
	case STEP_KINDS:
		break;
	}
}

/* Ids first, so that expressions may name steps further down; then what each step reads. The
 * depth is that of the YAML file, which is bounded. */
static const struct program *build(struct arena *a, const struct steps *steps, const struct program *parent)
{
	struct program *p = ARENA_NEW(a, struct program);
	struct program_step *v = ARENA_ARRAY(a, steps->n, struct program_step);
	struct collect c;

	*p = (struct program){.parent = parent, .v = v, .n = steps->n};
	for (size_t i = 0; i < steps->n; i++)
		v[i].step = &steps->v[i];
	for (size_t i = 0; i < steps->n; i++) {
		collect_begin(&c, a, p, &v[i].refs);
		read_step(&c, v[i].step);
		collect_end(&c);
		if (v[i].step->kind != STEP_FOR)
			continue;
		v[i].body = build(a, v[i].step->u.loop.body, p);
		collect_begin(&c, a, v[i].body, &v[i].output);
		read_tmpl(&c, v[i].step->u.loop.output);
		collect_end(&c);
	}
	return p;
}

const struct program_task *program_new(struct arena *a, const struct workflow *w)
{
	struct program_task *t = ARENA_NEW(a, struct program_task);
	struct collect c;

	t->workflow = w;
	t->top = build(a, w->steps, NULL);
	collect_begin(&c, a, t->top, &t->output);
	read_tmpl(&c, w->output);
	collect_end(&c);
	return t;
}
