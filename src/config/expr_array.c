/* expr_array.c - functions over the items of arrays (and the values of objects). */
#include <math.h>

#include "base/arena.h"
#include "config/expr_eval.h"

static int map(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top;
	const struct json *v = NULL;
	int rc = eval_items(ev, in, SIZE_MAX);

	(void)want;
	rc = eval_each(ev, call->kids[0], base, rc, SIZE_MAX);
	if (rc == 0)
		v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

/* The input once for each true output of the condition. */
static int pick(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top, kept = base;
	int rc = eval_node(ev, call->kids[0], in, SIZE_MAX);

	(void)want;
	for (size_t i = base; i < ev->top; i++)
		if (json_truth(ev->stack[i]))
			ev->stack[kept++] = in;
	ev->top = kept;
	return rc;
}

/* --- add: runs of one type are joined at once, as joining them one by one would be quadratic --- */

static size_t run_of(const struct json *const *v, size_t n, enum json_type t, size_t *size)
{
	size_t i = 0;

	for (*size = 0; i < n && (json_type(v[i]) == t || json_type(v[i]) == JSON_NULL); i++)
		*size += t == JSON_STRING ? json_str(v[i]).n : json_len(v[i]);
	return i;
}

static const struct json *add_strings(struct eval *ev, const struct json *const *v, size_t n, size_t bytes)
{
	struct buf out;

	if (!eval_make(ev, 2 * bytes) || !eval_work(ev, 8 * n))
		return NULL;
	buf_init(&out, ev->scratch);
	for (size_t i = 0; i < n; i++)
		buf_addstr(&out, json_str(v[i]));
	return eval_string_at(ev, buf_str(&out));
}

static const struct json *add_arrays(struct eval *ev, const struct json *const *v, size_t n, size_t items)
{
	struct json_builder out;

	if (!eval_make(ev, 2 * items * sizeof *v) || !eval_work(ev, 8 * n))
		return NULL;
	json_array_begin(&out, ev->scratch);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < json_len(v[i]); k++)
			json_array_add(&out, json_at(v[i], k));
	return json_array_end(&out);
}

static const struct json *add_objects(struct eval *ev, const struct json *const *v, size_t n, size_t members)
{
	struct json_builder out;

	if (!eval_make(ev, members * 48) || !eval_work(ev, 8 * n))
		return NULL;
	json_object_begin(&out, ev->scratch);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < json_len(v[i]); k++)
			json_object_set(&out, json_key(v[i], k), json_val(v[i], k));
	return eval_object(ev, &out);
}

static const struct json *add_run(struct eval *ev, const struct json *const *v, size_t n, size_t *used)
{
	size_t size;

	switch (json_type(v[0])) {
	case JSON_STRING:
		*used = run_of(v, n, JSON_STRING, &size);
		return add_strings(ev, v, *used, size);
	case JSON_ARRAY:
		*used = run_of(v, n, JSON_ARRAY, &size);
		return add_arrays(ev, v, *used, size);
	case JSON_OBJECT:
		*used = run_of(v, n, JSON_OBJECT, &size);
		return add_objects(ev, v, *used, size);
	default:
		*used = 1;
		return eval_work(ev, 16) ? v[0] : NULL;
	}
}

static const struct json *add_all(struct eval *ev, const struct json *const *v, size_t n)
{
	const struct json *sum = json_null();
	size_t used;

	for (size_t i = 0; i < n; i += used) {
		const struct json *run = add_run(ev, v + i, n - i, &used);

		sum = run ? eval_add(ev, sum, run) : NULL;
		if (!sum)
			return NULL;
	}
	return sum;
}

static int add(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top;
	const struct json *v = NULL;

	(void)call;
	(void)want;
	if (eval_items(ev, in, SIZE_MAX) == 0)
		v = add_all(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

/* --- any, all: stop at the first answer, errors behind it are never raised --- */

static int quantify(struct eval *ev, const struct expr_node *call, const struct json *in, bool sought)
{
	const struct expr_node *generator = call->n_kids == 2 ? call->kids[0] : NULL;
	const struct expr_node *condition = call->n_kids ? call->kids[call->n_kids - 1] : NULL;
	size_t base = ev->top, from;
	int rc = generator ? eval_node(ev, generator, in, SIZE_MAX) : eval_items(ev, in, SIZE_MAX);
	struct err kept = ev->err;
	bool found = false;

	from = ev->top;
	for (size_t i = base; i < from && !found && !ev->limit; i++) {
		int step = 0;

		if (condition)
			step = eval_node(ev, condition, ev->stack[i], SIZE_MAX);
		else
			eval_push(ev, ev->stack[i]);
		for (size_t k = from; k < ev->top; k++)
			found = found || json_truth(ev->stack[k]) == sought;
		ev->top = from;
		if (step < 0 && !found) {
			ev->top = base;
			return -1;
		}
	}
	ev->top = base;
	if (ev->limit)
		return -1;
	if (rc < 0 && !found) {
		ev->err = kept;
		return -1;
	}
	eval_push(ev, json_bool(found == sought));
	return 0;
}

static int any(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return quantify(ev, call, in, true);
}

static int all(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return quantify(ev, call, in, false);
}

/* --- first, last, reverse, flatten --- */

static const struct json *first_item(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return eval_field(ev, in, json_int(ev->scratch, 0));
}

static const struct json *last_item(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return eval_field(ev, in, json_int(ev->scratch, -1));
}

static int first(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top;
	int rc = eval_node(ev, call->kids[0], in, 1);

	(void)want;
	if (ev->top == base || ev->limit)
		return rc;
	ev->top = base + 1;
	return 0;
}

static int last(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top;
	int rc = eval_node(ev, call->kids[0], in, SIZE_MAX);
	const struct json *v = ev->top > base ? ev->stack[ev->top - 1] : json_null();

	(void)want;
	ev->top = base;
	if (rc < 0)
		return -1;
	eval_push(ev, v);
	return 0;
}

static const struct json *reverse(struct eval *ev, const struct json *in, const struct json *const *args)
{
	size_t n = json_len(in);
	const struct json **items;
	struct eval_shown room;

	(void)args;
	if (json_type(in) == JSON_NULL)
		return json_empty_array();
	if (json_type(in) != JSON_ARRAY)
		return eval_raise(ev, "%s cannot be reversed, as it is not an array", eval_describe(&room, in));
	if (n == 0)
		return in;
	if (!eval_make(ev, 2 * n * sizeof *items))
		return NULL;
	items = ARENA_ARRAY(ev->scratch, n, const struct json *);
	for (size_t i = 0; i < n; i++)
		items[i] = json_at(in, n - 1 - i);
	return json_array(ev->scratch, items, n);
}

/* Values nest no deeper than the program and the input let them, so that this may recurse. */
static bool flatten_into(struct eval *ev, const struct json *v, double depth)
{
	bool object = json_type(v) == JSON_OBJECT;

	for (size_t i = 0; i < json_len(v); i++) {
		const struct json *item = object ? json_val(v, i) : json_at(v, i);

		if (!eval_work(ev, 16))
			return false;
		if (json_type(item) != JSON_ARRAY || depth <= 0)
			eval_push(ev, item);
		else if (!flatten_into(ev, item, depth - 1))
			return false;
	}
	return true;
}

static const struct json *flatten(struct eval *ev, const struct json *in, const struct json *const *args)
{
	double depth = args ? json_to_double(args[0]) : 1e9;
	size_t base = ev->top;
	const struct json *v = NULL;
	struct eval_shown room;

	if (args && !json_is_number(args[0]))
		return eval_raise(ev, "the depth to flatten must be a number, got %s", eval_describe(&room, args[0]));
	if (depth < 0)
		return eval_raise(ev, "the depth to flatten must not be negative");
	if (json_type(in) < JSON_ARRAY)
		return eval_raise(ev, "cannot iterate over %s", eval_describe(&room, in));
	if (flatten_into(ev, in, depth))
		v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	return v;
}

/* --- range --- */

struct span {
	const struct json *from, *to, *by;
};

static int push_integers(struct eval *ev, int64_t from, int64_t to, int64_t by, size_t want)
{
	for (size_t n = 0; n < want && (by > 0 ? from < to : from > to); n++) {
		const struct json *v = eval_charge(ev, 1) ? eval_int(ev, from) : NULL;

		if (!v)
			return -1;
		eval_push(ev, v);
		if (__builtin_add_overflow(from, by, &from))
			break;
	}
	return 0;
}

static int push_doubles(struct eval *ev, double from, double to, double by, size_t want)
{
	for (size_t n = 0; n < want && (by > 0 ? from < to : from > to); n++) {
		const struct json *v = eval_charge(ev, 1) ? eval_double(ev, from) : NULL;

		if (!v)
			return -1;
		eval_push(ev, v);
		from += by;
	}
	return 0;
}

static int push_span(struct eval *ev, const struct span *s, size_t want)
{
	int64_t from, to, by;
	double d = json_to_double(s->by);

	if (!json_is_number(s->from) || !json_is_number(s->to) || !json_is_number(s->by))
		return eval_fail(ev, "the bounds of range must be numbers");
	if (d == 0)
		return 0;
	if (json_to_int(s->from, &from) && json_to_int(s->to, &to) && json_to_int(s->by, &by))
		return push_integers(ev, from, to, by, want);
	return push_doubles(ev, json_to_double(s->from), json_to_double(s->to), d, want);
}

/* Every combination of bounds, the first argument slowest. */
static int spans(struct eval *ev, const struct expr_node *call, const struct json *in, const struct json **bounds,
		 size_t n, size_t want)
{
	size_t base = ev->top, from;
	struct err kept;
	int rc, step = 0;

	if (n == call->n_kids)
		return push_span(ev, n == 1 ? &(struct span){bounds[3], bounds[0], bounds[4]}
				  : n == 2  ? &(struct span){bounds[0], bounds[1], bounds[4]}
					    : &(struct span){bounds[0], bounds[1], bounds[2]}, want);
	rc = eval_node(ev, call->kids[n], in, SIZE_MAX);
	kept = ev->err;
	from = ev->top;
	for (size_t i = base; i < from && step == 0 && !ev->limit && ev->top - from < want; i++) {
		bounds[n] = ev->stack[i];
		step = spans(ev, call, in, bounds, n + 1, want - (ev->top - from));
	}
	eval_settle(ev, base, from);
	if (step < 0 || ev->limit)
		return -1;
	if (rc < 0)
		ev->err = kept;
	return rc;
}

static int range(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	const struct json *bounds[EXPR_MAX_ARGS + 2] = {0};

	bounds[3] = json_int(ev->scratch, 0);
	bounds[4] = json_int(ev->scratch, 1);
	return spans(ev, call, in, bounds, 0, want);
}

#define ITERABLE (EXPR_T_ARRAY | EXPR_T_OBJECT)
#define NULL_OR_ARRAY (EXPR_T_NULL | EXPR_T_ARRAY)

const struct expr_builtin expr_array_builtins[] = {
	{"map", 1, ITERABLE, EXPR_T_ARRAY, {EXPR_T_NONE}, NULL, map, false},
	{"select", 1, EXPR_T_ANY, EXPR_T_ANY, {EXPR_T_ANY}, NULL, pick, false},
	{"add", 0, ITERABLE, EXPR_T_ANY, {0}, NULL, add, false},
	{"any", 0, ITERABLE, EXPR_T_BOOLEAN, {0}, NULL, any, false},
	{"any", 1, ITERABLE, EXPR_T_BOOLEAN, {EXPR_T_NONE}, NULL, any, false},
	{"any", 2, EXPR_T_ANY, EXPR_T_BOOLEAN, {EXPR_T_ANY, EXPR_T_NONE}, NULL, any, true},
	{"all", 0, ITERABLE, EXPR_T_BOOLEAN, {0}, NULL, all, false},
	{"all", 1, ITERABLE, EXPR_T_BOOLEAN, {EXPR_T_NONE}, NULL, all, false},
	{"all", 2, EXPR_T_ANY, EXPR_T_BOOLEAN, {EXPR_T_ANY, EXPR_T_NONE}, NULL, all, true},
	{"first", 0, NULL_OR_ARRAY, EXPR_T_ANY, {0}, first_item, NULL, false},
	{"first", 1, EXPR_T_ANY, EXPR_T_ANY, {EXPR_T_ANY}, NULL, first, true},
	{"last", 0, NULL_OR_ARRAY, EXPR_T_ANY, {0}, last_item, NULL, false},
	{"last", 1, EXPR_T_ANY, EXPR_T_ANY, {EXPR_T_ANY}, NULL, last, true},
	{"reverse", 0, NULL_OR_ARRAY, EXPR_T_ARRAY, {0}, reverse, NULL, false},
	{"flatten", 0, ITERABLE, EXPR_T_ARRAY, {0}, flatten, NULL, false},
	{"flatten", 1, ITERABLE, EXPR_T_ARRAY, {EXPR_T_NUMBER}, flatten, NULL, false},
	{"range", 1, EXPR_T_ANY, EXPR_T_NUMBER, {EXPR_T_NUMBER}, NULL, range, true},
	{"range", 2, EXPR_T_ANY, EXPR_T_NUMBER, {EXPR_T_NUMBER, EXPR_T_NUMBER}, NULL, range, true},
	{"range", 3, EXPR_T_ANY, EXPR_T_NUMBER, {EXPR_T_NUMBER, EXPR_T_NUMBER, EXPR_T_NUMBER}, NULL, range, true},
	{.name = NULL},
};
