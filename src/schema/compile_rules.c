/* compile_rules.c - one keyword's rule. */
#include "base/arena.h"
#include "base/json.h"
#include "schema/compile.h"

/* --- groups, made where a keyword needs one --- */

static struct number_rules *numbers(struct compile *c, struct node *n)
{
	if (!n->number)
		n->number = ARENA_NEW(c->a, struct number_rules);
	return n->number;
}

static struct string_rules *strings(struct compile *c, struct node *n)
{
	if (!n->string) {
		n->string = ARENA_NEW(c->a, struct string_rules);
		n->string->max = SIZE_MAX;
	}
	return n->string;
}

static struct array_rules *arrays(struct compile *c, struct node *n)
{
	if (!n->array) {
		n->array = ARENA_NEW(c->a, struct array_rules);
		n->array->max = n->array->max_contains = SIZE_MAX;
		n->array->min_contains = 1;
	}
	return n->array;
}

static struct object_rules *objects(struct compile *c, struct node *n)
{
	if (!n->object) {
		n->object = ARENA_NEW(c->a, struct object_rules);
		n->object->max = SIZE_MAX;
	}
	return n->object;
}

static struct in_place *in_place(struct compile *c, struct node *n)
{
	if (!n->in_place)
		n->in_place = ARENA_NEW(c->a, struct in_place);
	return n->in_place;
}

/* --- values of keywords --- */

static size_t count(const struct json *v)
{
	int64_t i;

	return json_to_int(v, &i) ? (size_t)i : SIZE_MAX;
}

static uint8_t type_mask(const struct json *v)
{
	uint8_t mask = 0;

	if (json_type(v) == JSON_STRING)
		return type_named(json_str(v));
	for (size_t i = 0; i < json_len(v); i++)
		mask |= type_named(json_str(json_at(v, i)));
	return mask;
}

static const uint64_t *steps_of_items(struct compile *c, const struct json *v)
{
	uint64_t *steps = ARENA_ARRAY(c->a, json_len(v), uint64_t);

	for (size_t i = 0; i < json_len(v); i++)
		steps[i] = value_steps(json_at(v, i));
	return steps;
}

static struct node_list node_list(struct compile *c, const struct json *v, const struct at *at, uint32_t resource)
{
	struct node_list list = {ARENA_ARRAY(c->a, json_len(v), const struct node *), json_len(v)};

	for (size_t i = 0; i < list.n; i++) {
		const struct at here = {.up = at, .index = i};

		list.v[i] = compile_walk(c, json_at(v, i), &here, resource);
	}
	return list;
}

static const struct pattern *pattern(struct compile *c, const char *keyword, struct str text, const struct at *at, bool at_key)
{
	struct pattern_error error;
	const struct pattern *p = ecma_compile(c->a, text, &error);
	struct schema_fault *fault;

	if (p)
		return p;
	fault = compile_complain(c, at, keyword, "\"%s\" cannot be read: %s", keyword, error.message);
	if (fault) {
		fault->offset = error.offset;
		fault->at_key = at_key;
	}
	return NULL;
}

static void pattern_properties(struct compile *c, struct node *n, const struct json *v, const struct at *at)
{
	struct object_rules *o = objects(c, n);

	o->patterns = ARENA_ARRAY(c->a, json_len(v), struct pattern_rule);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};
		const struct pattern *p = pattern(c, "patternProperties", here.key, &here, true);
		const struct node *sub = compile_walk(c, json_val(v, i), &here, n->resource);

		if (p)
			o->patterns[o->n_patterns++] = (struct pattern_rule){p, sub};
	}
}

/* Of all three keywords; each appends. */
static void dependents(struct compile *c, struct node *n, const struct json *v, const struct at *at)
{
	struct object_rules *o = objects(c, n);
	struct dependent *all = ARENA_ARRAY(c->a, o->n_dependents + json_len(v), struct dependent);

	if (o->n_dependents)
		memcpy(all, o->dependents, o->n_dependents * sizeof *all);
	o->dependents = all;
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};
		const struct json *what = json_val(v, i);
		bool names = json_type(what) == JSON_ARRAY;

		all[o->n_dependents++] = (struct dependent){
			.key = here.key,
			.required = names ? what : NULL,
			.node = names ? NULL : compile_walk(c, what, &here, n->resource),
		};
	}
}

/* --- the table of keys --- */

size_t key_hash(struct str key)
{
	uint64_t head = 0, tail = 0, h;

	memcpy(&head, str_chars(key), key.n < 8 ? key.n : 8);
	if (key.n > 8)
		memcpy(&tail, key.p + key.n - 8, 8);
	/* Names of one family differ in their last bytes, which are the highest ones of tail. */
	h = head ^ (tail << 23 | tail >> 41) ^ key.n;
	h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
	return (size_t)((h ^ h >> 29) * 0xBF58476D1CE4E5B9u >> 32);
}

static struct property *property(struct object_rules *o, struct str key)
{
	size_t i = key_hash(key) & o->mask;

	while (o->table[i].key.p && !str_eq(o->table[i].key, key))
		i = (i + 1) & o->mask;
	o->table[i].key = (struct str){str_chars(key), key.n};
	return &o->table[i];
}

/* properties and required are read when both are known; a schema of a property is walked at once. */
static void properties(struct compile *c, struct node *n, const struct json *v, const struct at *at)
{
	struct object_rules *o = objects(c, n);
	struct node_list list = {ARENA_ARRAY(c->a, json_len(v), const struct node *), json_len(v)};

	o->properties = v;
	for (size_t i = 0; i < list.n; i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};

		list.v[i] = compile_walk(c, json_val(v, i), &here, n->resource);
	}
	o->property_nodes = list.v;
}

void rules_finish(struct compile *c, struct node *n)
{
	struct object_rules *o = n->object;
	size_t keys = o ? json_len(o->properties) + json_len(o->required) : 0, size = 8;

	if (keys == 0)
		return;
	while (size < 2 * keys)
		size *= 2;
	o->table = ARENA_ARRAY(c->a, size, struct property);
	o->mask = size - 1;
	for (size_t i = 0; i < json_len(o->properties); i++)
		property(o, json_key(o->properties, i))->node = o->property_nodes[i];
	for (size_t i = 0; i < json_len(o->required); i++) {
		struct property *p = property(o, json_str(json_at(o->required, i)));

		o->n_required += !p->required;
		p->required = true;
	}
}

/* --- one keyword --- */

static void read_value_rule(struct compile *c, struct node *n, enum keyword k, const struct json *v)
{
	switch (k) {
	case KEY_TYPE:
		n->types = type_mask(v);
		break;
	case KEY_CONST:
		n->constant = v;
		n->constant_steps = value_steps(v);
		break;
	case KEY_ENUM:
		n->choices = v;
		n->choice_steps = steps_of_items(c, v);
		break;
	case KEY_MINIMUM:
		numbers(c, n)->minimum = v;
		break;
	case KEY_MAXIMUM:
		numbers(c, n)->maximum = v;
		break;
	case KEY_ABOVE:
		numbers(c, n)->above = v;
		break;
	case KEY_BELOW:
		numbers(c, n)->below = v;
		break;
	case KEY_MULTIPLE_OF:
		numbers(c, n)->multiple_of = v;
		break;
	case KEY_MIN_LENGTH:
		strings(c, n)->min = count(v);
		break;
	case KEY_MAX_LENGTH:
		strings(c, n)->max = count(v);
		break;
	case KEY_MIN_ITEMS:
		arrays(c, n)->min = count(v);
		break;
	case KEY_MAX_ITEMS:
		arrays(c, n)->max = count(v);
		break;
	case KEY_UNIQUE_ITEMS:
		arrays(c, n)->unique = json_is_true(v);
		break;
	case KEY_MIN_CONTAINS:
		arrays(c, n)->min_contains = count(v);
		break;
	case KEY_MAX_CONTAINS:
		arrays(c, n)->max_contains = count(v);
		break;
	case KEY_MIN_PROPERTIES:
		objects(c, n)->min = count(v);
		break;
	case KEY_MAX_PROPERTIES:
		objects(c, n)->max = count(v);
		break;
	case KEY_REQUIRED:
		objects(c, n)->required = v;
		break;
	default:	/* $schema, $id, annotations: no rule */
		break;
	}
}

void rule_read(struct compile *c, struct node *n, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	switch (row->keyword) {
	case KEY_PATTERN:
		strings(c, n)->pattern = pattern(c, row->name, json_str(v), at, false);
		break;
	case KEY_PREFIX_ITEMS:
		arrays(c, n)->prefix = node_list(c, v, at, n->resource);
		break;
	case KEY_ITEMS:
		arrays(c, n)->items = compile_walk(c, v, at, n->resource);
		break;
	case KEY_CONTAINS:
		arrays(c, n)->contains = compile_walk(c, v, at, n->resource);
		break;
	case KEY_PROPERTIES:
		properties(c, n, v, at);
		break;
	case KEY_PATTERN_PROPERTIES:
		pattern_properties(c, n, v, at);
		break;
	case KEY_ADDITIONAL_PROPERTIES:
		objects(c, n)->additional = compile_walk(c, v, at, n->resource);
		break;
	case KEY_PROPERTY_NAMES:
		objects(c, n)->names = compile_walk(c, v, at, n->resource);
		break;
	case KEY_DEPENDENT_REQUIRED:
	case KEY_DEPENDENT_SCHEMAS:
	case KEY_DEPENDENCIES:
		dependents(c, n, v, at);
		break;
	case KEY_UNEVALUATED_PROPERTIES:
		n->unevaluated_properties = compile_walk(c, v, at, n->resource);
		break;
	case KEY_UNEVALUATED_ITEMS:
		n->unevaluated_items = compile_walk(c, v, at, n->resource);
		break;
	case KEY_REF:
	case KEY_DYNAMIC_REF:
		in_place(c, n);
		reference_add(c, n, json_str(v), row->keyword == KEY_DYNAMIC_REF, at);
		break;
	case KEY_ALL_OF:
		in_place(c, n)->all_of = node_list(c, v, at, n->resource);
		break;
	case KEY_ANY_OF:
		in_place(c, n)->any_of = node_list(c, v, at, n->resource);
		break;
	case KEY_ONE_OF:
		in_place(c, n)->one_of = node_list(c, v, at, n->resource);
		break;
	case KEY_NOT:
		in_place(c, n)->not = compile_walk(c, v, at, n->resource);
		break;
	case KEY_IF:
		in_place(c, n)->if_ = compile_walk(c, v, at, n->resource);
		break;
	case KEY_THEN:
		in_place(c, n)->then_ = compile_walk(c, v, at, n->resource);
		break;
	case KEY_ELSE:
		in_place(c, n)->else_ = compile_walk(c, v, at, n->resource);
		break;
	case KEY_ANCHOR:
	case KEY_DYNAMIC_ANCHOR:
		anchor_add(c, n, json_str(v), row->keyword == KEY_DYNAMIC_ANCHOR, at);
		break;
	case KEY_DEFS:
		for (size_t i = 0; i < json_len(v); i++) {
			const struct at here = {.up = at, .key = json_key(v, i)};

			compile_walk(c, json_val(v, i), &here, n->resource);
		}
		break;
	case KEY_CONTENT_SCHEMA:
		compile_walk(c, v, at, n->resource);
		break;
	default:
		read_value_rule(c, n, row->keyword, v);
		break;
	}
}
