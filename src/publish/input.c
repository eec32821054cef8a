/* input.c - schemas by workflow. */
#include "publish/input.h"

#include "base/arena.h"
#include "base/json.h"
#include "schema/schema.h"
#include "store/tasks.h"

enum { MAX_KNOWN = 256 };

struct known {
	struct arena *arena;
	struct str workflow, bundle;
	const struct schema *schema;	/* NULL: any object */
};

struct inputs {
	struct arena *arena;
	struct known v[MAX_KNOWN];
	size_t n;
};

struct inputs *inputs_new(struct arena *a)
{
	struct inputs *c = ARENA_NEW(a, struct inputs);

	c->arena = a;
	return c;
}

static size_t find(const struct inputs *c, struct str workflow)
{
	size_t i = 0;

	while (i < c->n && !str_eq(c->v[i].workflow, workflow))
		i++;
	return i;
}

static void forget(struct inputs *c, size_t i)
{
	if (i == c->n)
		return;
	arena_free(c->v[i].arena);
	c->v[i] = c->v[--c->n];
}

bool inputs_fit(const struct inputs *c, const struct submission *s)
{
	size_t i = find(c, s->workflow);

	return i < c->n && (!c->v[i].schema || schema_check(c->v[i].schema, s->input, NULL));
}

/* A schema of an older version that this one does not take is the worker's affair. */
static const struct known *learn(struct inputs *c, struct str workflow, const struct json *v)
{
	struct str bundle = json_str(json_getc(v, "bundle"));
	const struct json *schema = json_getc(v, "input");
	size_t i = find(c, workflow);
	struct schema_faults *faults;
	struct known *k;

	if (i < c->n && str_eq(c->v[i].bundle, bundle))
		return &c->v[i];
	forget(c, i);
	if (c->n == MAX_KNOWN)
		forget(c, 0);
	k = &c->v[c->n++];
	k->arena = arena_new(c->arena);
	k->workflow = str_dup(k->arena, workflow);
	k->bundle = str_dup(k->arena, bundle);
	k->schema = NULL;
	if (json_type(schema) == JSON_NULL)
		return k;
	faults = ARENA_NEW(k->arena, struct schema_faults);
	faults->a = k->arena;
	k->schema = schema_compile(k->arena, json_copy(k->arena, schema), faults);
	return k;
}

bool inputs_judge(struct inputs *c, const struct submission *s, struct str answer, struct schema_faults *ret)
{
	struct arena *scratch = arena_new(NULL);
	const struct json *v = NULL;
	const struct known *k;
	bool fits = true;

	if (!answer.p) {
		forget(c, find(c, s->workflow));
	} else if (json_parse(scratch, answer, NULL, &v, NULL) == 0) {
		k = learn(c, s->workflow, v);
		fits = json_is_true(json_getc(v, "key_used")) || !k->schema || schema_check(k->schema, s->input, ret);
	}
	arena_free(scratch);
	return fits;
}

void inputs_learn(struct inputs *c, const struct submission *s, struct str body)
{
	size_t i = find(c, s->workflow);

	if (i < c->n && str_find(body, c->v[i].bundle) < 0)
		forget(c, i);
}
