/* check.c - a value against a program. */
#include "schema/check.h"

#include "base/arena.h"
#include "base/json.h"

bool check_fail(struct run *r, const struct at *at, const char *keyword, const char *fmt, ...)
{
	va_list ap;

	if (!r->faults || r->given_up)
		return false;
	va_start(ap, fmt);
	fault_add(r->faults, at, keyword, fmt, ap);
	va_end(ap);
	return false;
}

bool check_spend(struct run *r, uint64_t steps)
{
	if (steps < r->steps) {
		r->steps -= steps;
		return true;
	}
	r->steps = 0;
	r->given_up = true;
	return false;
}

struct arena *check_scratch(struct run *r)
{
	if (!r->scratch)
		r->scratch = arena_new(NULL);
	return r->scratch;
}

struct str check_shown(struct run *r, const struct json *v)
{
	struct str text;

	if (!r->faults)
		return STR("");
	text = json_text(r->faults->a, v);
	if (text.n <= SHOWN_BYTES)
		return text;
	return str_from(arena_printf(r->faults->a, STR_FMT "...", STR_ARG(str_clip(text, SHOWN_BYTES))));
}

/* --- marks --- */

void marks_begin(struct run *r, struct marks *m, size_t n)
{
	size_t words = (n + 63) / 64;

	m->n = n;
	m->all = false;
	m->bits = m->small;
	if (n > SMALL_MARKS) {
		check_spend(r, words);
		m->bits = ARENA_ARRAY(check_scratch(r), words, uint64_t);
	} else {
		memset(m->small, 0, words * sizeof m->small[0]);
	}
}

void marks_merge(struct marks *into, const struct marks *from)
{
	if (!into || into->all)
		return;
	into->all = from->all;
	for (size_t i = 0; !into->all && i < (into->n + 63) / 64; i++)
		into->bits[i] |= from->bits[i];
}

/* --- values --- */

static bool fits_type(uint8_t types, const struct json *v)
{
	static const uint8_t masks[] = {
		[JSON_NULL] = TYPE_NULL,     [JSON_FALSE] = TYPE_BOOLEAN,
		[JSON_TRUE] = TYPE_BOOLEAN,  [JSON_INT] = TYPE_NUMBER | TYPE_INTEGER,
		[JSON_NUM] = TYPE_NUMBER,    [JSON_STRING] = TYPE_STRING,
		[JSON_ARRAY] = TYPE_ARRAY,   [JSON_OBJECT] = TYPE_OBJECT,
	};
	enum json_type t = json_type(v);

	if (types & masks[t])
		return true;
	return t == JSON_NUM && (types & TYPE_INTEGER) && json_is_integer(v);
}

static bool fail_type(struct run *r, const struct node *n, const struct json *v, const struct at *at)
{
	char room[80];
	struct str want;

	if (!r->faults)
		return false;
	want = types_text(n->types, room, sizeof room);
	if (json_is_number(v) && (n->types & TYPE_INTEGER))
		return check_fail(r, at, "type", "expected " STR_FMT ", got " STR_FMT, STR_ARG(want), STR_ARG(check_shown(r, v)));
	return check_fail(r, at, "type", "expected " STR_FMT ", got %s", STR_ARG(want), json_type_name(v));
}

/* A number is as long as its writer likes, whatever it is compared with. */
static bool equals(struct run *r, const struct json *constant, uint64_t steps, const struct json *v)
{
	if (json_type(v) == JSON_NUM)
		steps += own_steps(v);
	return check_spend(r, steps) && json_equal(constant, v);
}

static bool fits_choice(struct run *r, const struct node *n, const struct json *v)
{
	for (size_t i = 0; i < json_len(n->choices) && !r->given_up; i++)
		if (equals(r, json_at(n->choices, i), n->choice_steps[i], v))
			return true;
	return false;
}

bool check_pattern(struct run *r, const struct pattern *p, struct str s)
{
	enum pattern_answer answer = pattern_find(p, s, 0, false, NULL, &r->steps);

	if (answer == PATTERN_GIVEN_UP)
		r->given_up = true;
	return answer == PATTERN_YES;
}

/* Counting needs no look at each character where the bytes decide. */
static bool fits_length(const struct string_rules *rules, struct str s, size_t *ret)
{
	*ret = s.n;
	if (s.n <= rules->max && s.n / 4 >= rules->min)
		return true;
	*ret = utf8_len(s);
	return *ret >= rules->min && *ret <= rules->max;
}

bool check_string(struct run *r, const struct string_rules *rules, struct str s, const struct at *at)
{
	size_t n, limit;
	bool ok = true;

	if (!fits_length(rules, s, &n)) {
		limit = n < rules->min ? rules->min : rules->max;
		check_fail(r, at, n < rules->min ? "minLength" : "maxLength", "expected at %s %zu character%s, got %zu",
		     n < rules->min ? "least" : "most", limit, limit == 1 ? "" : "s", n);
		if (!keep(r, &ok, false))
			return false;
	}
	if (rules->pattern && !check_pattern(r, rules->pattern, s))
		ok = check_fail(r, at, "pattern", "does not match the pattern \"" STR_FMT "\"",
			  STR_ARG(str_clip(pattern_text(rules->pattern), SHOWN_BYTES)));
	return ok;
}

bool check_number(struct run *r, const struct number_rules *rules, const struct json *v, const struct at *at)
{
	const struct {
		const char *keyword, *text;
		const struct json *limit;
		int wrong;		/* of comparing v with the limit, which 0 may be too */
		bool strict;
	} limits[] = {
		{"minimum", "at least", rules->minimum, -1, false},
		{"maximum", "at most", rules->maximum, 1, false},
		{"exclusiveMinimum", "more than", rules->above, -1, true},
		{"exclusiveMaximum", "less than", rules->below, 1, true},
	};
	bool ok = true;

	if (json_type(v) == JSON_NUM && !check_spend(r, own_steps(v)))
		return false;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		int c = limits[i].limit ? json_cmp(v, limits[i].limit) : -2 * limits[i].wrong;

		if (c != limits[i].wrong && (c != 0 || !limits[i].strict))
			continue;
		check_fail(r, at, limits[i].keyword, "expected %s " STR_FMT ", got " STR_FMT, limits[i].text,
		     STR_ARG(check_shown(r, limits[i].limit)), STR_ARG(check_shown(r, v)));
		if (!keep(r, &ok, false))
			return false;
	}
	if (rules->multiple_of && !json_is_multiple(v, rules->multiple_of))
		ok = check_fail(r, at, "multipleOf", "expected a multiple of " STR_FMT ", got " STR_FMT,
			  STR_ARG(check_shown(r, rules->multiple_of)), STR_ARG(check_shown(r, v)));
	return ok;
}

/* --- nodes --- */

static bool check_value(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m)
{
	bool ok = true;

	if (n->constant && !equals(r, n->constant, n->constant_steps, v)) {
		check_fail(r, at, "const", "expected " STR_FMT, STR_ARG(check_shown(r, n->constant)));
		if (!keep(r, &ok, false))
			return false;
	}
	if (n->choices && !fits_choice(r, n, v)) {
		check_fail(r, at, "enum", "expected one of " STR_FMT, STR_ARG(check_shown(r, n->choices)));
		if (!keep(r, &ok, false))
			return false;
	}
	switch (json_type(v)) {
	case JSON_INT:
	case JSON_NUM:
		return (!n->number || check_number(r, n->number, v, at)) && ok;
	case JSON_STRING:
		return (!n->string || check_string(r, n->string, json_str(v), at)) && ok;
	case JSON_ARRAY:
		return (!n->array || check_array(r, n, v, at, m)) && ok;
	case JSON_OBJECT:
		return (!n->object || check_object(r, n, v, at, m)) && ok;
	default:
		return ok;
	}
}

/* What no other rule of the node has looked at. */
static bool check_unevaluated(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m)
{
	bool object = json_type(v) == JSON_OBJECT, ok = true;
	const struct node *rest = object ? n->unevaluated_properties : n->unevaluated_items;
	const char *keyword = object ? "unevaluatedProperties" : "unevaluatedItems";

	for (size_t i = 0; !m->all && i < m->n; i++) {
		const struct at here = {.up = at, .key = object ? json_key(v, i) : STR_NONE, .index = i};

		if (marks_has(m, i))
			continue;
		if (!check_spend(r, 1) ||
		    !keep(r, &ok, check_node(r, rest, object ? json_val(v, i) : json_at(v, i), &here, NULL, keyword)))
			return false;
	}
	marks_all(m);
	return ok;
}

static bool check_rules(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m)
{
	enum json_type t = json_type(v);
	bool asks = (t == JSON_OBJECT && n->unevaluated_properties) || (t == JSON_ARRAY && n->unevaluated_items), ok = true;
	struct marks own, *marks = m;

	if (!fits_type(n->types, v))
		return fail_type(r, n, v, at);
	if (asks) {
		marks = &own;
		marks_begin(r, marks, json_len(v));
	}
	if (!keep(r, &ok, check_value(r, n, v, at, marks)))
		return false;
	if (n->in_place && !keep(r, &ok, check_in_place(r, n->in_place, v, at, marks)))
		return false;
	/* What a rule that failed would have looked at is not to be complained of as well. */
	if (!asks || !ok)
		return ok;
	if (!check_unevaluated(r, n, v, at, marks))
		return false;
	marks_merge(m, marks);
	return true;
}

static bool fail_never(struct run *r, const struct at *at, const char *keyword)
{
	if (keyword && at->up && at->key.p)
		return check_fail(r, at, keyword, "key \"" STR_FMT "\" is not allowed", STR_ARG(str_clip(at->key, SHOWN_BYTES)));
	if (keyword && at->up)
		return check_fail(r, at, keyword, "no item is allowed here");
	return check_fail(r, at, keyword, "no value is allowed here");
}

bool check_node(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m,
		const char *keyword)
{
	const struct scope *outer = r->scope, scope = {.up = outer, .resource = n->resource};
	bool ok;

	if (n->kind == NODE_ALWAYS)
		return true;
	if (n->kind == NODE_NEVER)
		return fail_never(r, at, keyword);
	if (!check_spend(r, 1))
		return false;
	if (r->depth == MAX_DEPTH) {
		r->given_up = true;
		return false;
	}
	if (!outer || outer->resource != n->resource)
		r->scope = &scope;
	r->depth++;
	ok = check_rules(r, n, v, at, m) && !r->given_up;
	r->depth--;
	r->scope = outer;
	return ok;
}

bool check_quietly(struct run *r, const struct node *n, const struct json *v, struct marks *m)
{
	const struct at nowhere = {.up = NULL};
	struct schema_faults *faults = r->faults;
	bool fits;

	r->faults = NULL;
	fits = check_node(r, n, v, &nowhere, m, NULL);
	r->faults = faults;
	return fits;
}

static bool run(const struct schema *s, const struct json *v, struct schema_faults *faults)
{
	struct run r = {.program = s, .faults = faults, .steps = MAX_STEPS};
	const struct at top = {.up = NULL};
	bool fits = check_node(&r, s->root, v, &top, NULL, NULL);

	arena_free(r.scratch);
	if (!r.given_up || !faults)
		return fits && !r.given_up;
	faults->n -= faults->n == SCHEMA_FAULTS;
	r.given_up = false;
	check_fail(&r, &top, NULL, "checking was given up: it is nested too deep or takes too many steps");
	return false;
}

/* "/a/b: MESSAGE; /c: MESSAGE; and 3 more" */
static void put_faults(struct buf *b, const struct schema_faults *f, size_t max)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct schema_fault *x = &f->v[i];

		if (i > 0 && b->n + x->pointer.n + x->message.n + 4 > max) {
			buf_addf(b, "; and %zu%s more", f->n - i, f->more ? " or" : "");
			return;
		}
		buf_addf(b, "%s" STR_FMT "%s" STR_FMT, i ? "; " : "", STR_ARG(str_clip(x->pointer, max / 2)),
			 x->pointer.n ? ": " : "", STR_ARG(x->message));
	}
}

int schema_require(const struct schema *s, const struct json *v, enum err_code code, struct err *err)
{
	struct schema_faults *f;
	struct arena *scratch;
	struct buf b;

	if (schema_check(s, v, NULL))
		return 0;
	scratch = arena_new(NULL);
	f = ARENA_NEW(scratch, struct schema_faults);
	f->a = scratch;
	schema_check(s, v, f);
	buf_init(&b, scratch);
	put_faults(&b, f, sizeof err->msg - 40);
	err_set(err, code, "%s", buf_cstr(&b));
	arena_free(scratch);
	return -1;
}

/* What fits, which is the rule, is found without a place to keep anything. */
bool schema_check(const struct schema *s, const struct json *v, struct schema_faults *ret)
{
	if (run(s, v, NULL))
		return true;
	if (!ret)
		return false;
	run(s, v, ret);
	return false;
}
