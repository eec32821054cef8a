/* expr_ops.c - order and arithmetic.
 *
 * Integers are exact: an operation on two of them gives an integer while it fits 64 bits, else a double.
 * Any other number becomes a double on the way.
 */
#include <math.h>

#include "base/arena.h"
#include "config/expr_eval.h"

/* --- order --- */

static int cmp_arrays(struct eval *ev, const struct json *a, const struct json *b)
{
	size_t na = json_len(a), nb = json_len(b);

	for (size_t i = 0; i < na && i < nb; i++) {
		int c = eval_cmp(ev, json_at(a, i), json_at(b, i));

		if (c != 0 || ev->limit)
			return c;
	}
	return (na > nb) - (na < nb);
}

/* Keys of an object in order, by merging: never quadratic. */
static struct str *sorted_keys(struct eval *ev, const struct json *v)
{
	size_t n = json_len(v);
	struct str *from, *to;

	if (!eval_make(ev, 2 * n * sizeof *from) || !eval_work(ev, n * 64))
		return NULL;
	from = ARENA_ARRAY(ev->scratch, n, struct str);
	to = ARENA_ARRAY(ev->scratch, n, struct str);
	for (size_t i = 0; i < n; i++)
		from[i] = json_key(v, i);
	for (size_t width = 1; width < n; width *= 2) {
		struct str *swap = from;

		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n, hi = mid + width < n ? mid + width : n;
			size_t i = lo, j = mid;

			for (size_t k = lo; k < hi; k++)
				to[k] = j == hi || (i < mid && str_cmp(from[i], from[j]) <= 0) ? from[i++] : from[j++];
		}
		from = to;
		to = swap;
	}
	return from;
}

static int cmp_keys(struct eval *ev, const struct json *a, const struct json *b, const struct str **ka,
		    const struct str **kb)
{
	size_t na = json_len(a), nb = json_len(b);

	*ka = sorted_keys(ev, a);
	*kb = *ka ? sorted_keys(ev, b) : NULL;
	if (!*kb)
		return 0;
	for (size_t i = 0; i < na && i < nb; i++) {
		int c = str_cmp((*ka)[i], (*kb)[i]);

		if (c != 0)
			return c;
	}
	return (na > nb) - (na < nb);
}

/* First the sorted keys, then the values in that order. */
static int cmp_objects(struct eval *ev, const struct json *a, const struct json *b)
{
	const struct str *ka, *kb;
	int c = cmp_keys(ev, a, b, &ka, &kb);

	for (size_t i = 0; c == 0 && !ev->limit && i < json_len(a); i++)
		c = eval_cmp(ev, json_get(a, ka[i]), json_get(b, ka[i]));
	return c;
}

int eval_cmp(struct eval *ev, const struct json *a, const struct json *b)
{
	size_t text = json_str(a).n < json_str(b).n ? json_str(a).n : json_str(b).n;
	bool literal = json_type(a) == JSON_NUM || json_type(b) == JSON_NUM;

	if (a == b)
		return 0;
	if (!eval_work(ev, 16 + text / 8 + (literal ? 100 : 0)))
		return 0;
	if (json_type(a) != json_type(b) || json_type(a) < JSON_ARRAY)
		return json_cmp(a, b);
	return json_type(a) == JSON_ARRAY ? cmp_arrays(ev, a, b) : cmp_objects(ev, a, b);
}

/* --- arithmetic --- */

static bool both(const struct json *a, const struct json *b, enum json_type t)
{
	return json_type(a) == t && json_type(b) == t;
}

static bool both_numbers(const struct json *a, const struct json *b)
{
	return json_is_number(a) && json_is_number(b);
}

/* Two integers whose result fits: true. */
static bool exact(enum expr_op op, const struct json *a, const struct json *b, int64_t *ret)
{
	int64_t x, y;

	if (!both(a, b, JSON_INT))
		return false;
	json_to_int(a, &x);
	json_to_int(b, &y);
	switch (op) {
	case OP_ADD:
		return !__builtin_add_overflow(x, y, ret);
	case OP_SUB:
		return !__builtin_sub_overflow(x, y, ret);
	case OP_MUL:
		return !__builtin_mul_overflow(x, y, ret);
	case OP_DIV:
		if (y == 0 || (x == INT64_MIN && y == -1) || x % y != 0)
			return false;
		*ret = x / y;
		return true;
	default:
		return false;
	}
}

static const struct json *number_op(struct eval *ev, enum expr_op op, const struct json *a, const struct json *b)
{
	double x = json_to_double(a), y = json_to_double(b);
	int64_t i;

	if (exact(op, a, b, &i))
		return eval_int(ev, i);
	switch (op) {
	case OP_ADD:
		return eval_double(ev, x + y);
	case OP_SUB:
		return eval_double(ev, x - y);
	case OP_MUL:
		return eval_double(ev, x * y);
	default:
		return eval_double(ev, x / y);
	}
}

static const struct json *unfit(struct eval *ev, const struct json *a, const struct json *b, const char *what)
{
	struct eval_shown ra, rb;

	return eval_raise(ev, "%s and %s cannot be %s", eval_describe(&ra, a), eval_describe(&rb, b), what);
}

static const struct json *concat_strings(struct eval *ev, struct str a, struct str b)
{
	char *p;

	if (!eval_make(ev, a.n + b.n))
		return NULL;
	p = arena_alloc(ev->scratch, a.n + b.n + 1);
	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	p[a.n + b.n] = '\0';
	return json_string_ref(ev->scratch, (struct str){p, a.n + b.n});
}

static const struct json *concat_arrays(struct eval *ev, const struct json *a, const struct json *b)
{
	struct json_builder out;

	if (json_len(a) == 0 || json_len(b) == 0)
		return json_len(a) ? a : b;
	if (!eval_make(ev, (json_len(a) + json_len(b)) * 2 * sizeof(void *)))
		return NULL;
	json_array_begin(&out, ev->scratch);
	for (size_t i = 0; i < json_len(a); i++)
		json_array_add(&out, json_at(a, i));
	for (size_t i = 0; i < json_len(b); i++)
		json_array_add(&out, json_at(b, i));
	return json_array_end(&out);
}

static const struct json *merge_shallow(struct eval *ev, const struct json *a, const struct json *b)
{
	struct json_builder out;

	if (!eval_make(ev, (json_len(a) + json_len(b)) * 48))
		return NULL;
	json_object_begin_from(&out, ev->scratch, a);
	for (size_t i = 0; i < json_len(b); i++)
		json_object_set(&out, json_key(b, i), json_val(b, i));
	return eval_object(ev, &out);
}

const struct json *eval_add(struct eval *ev, const struct json *a, const struct json *b)
{
	if (json_type(a) == JSON_NULL)
		return b;
	if (json_type(b) == JSON_NULL)
		return a;
	if (both_numbers(a, b))
		return number_op(ev, OP_ADD, a, b);
	if (both(a, b, JSON_STRING))
		return concat_strings(ev, json_str(a), json_str(b));
	if (both(a, b, JSON_ARRAY))
		return concat_arrays(ev, a, b);
	if (both(a, b, JSON_OBJECT))
		return merge_shallow(ev, a, b);
	return unfit(ev, a, b, "added");
}

static const struct json *subtract(struct eval *ev, const struct json *a, const struct json *b)
{
	struct json_builder out;

	if (both_numbers(a, b))
		return number_op(ev, OP_SUB, a, b);
	if (!both(a, b, JSON_ARRAY))
		return unfit(ev, a, b, "subtracted");
	if (!eval_make(ev, json_len(a) * 2 * sizeof(void *)))
		return NULL;
	json_array_begin(&out, ev->scratch);
	for (size_t i = 0; i < json_len(a); i++) {
		bool found = false;

		for (size_t j = 0; j < json_len(b) && !found; j++)
			found = eval_cmp(ev, json_at(a, i), json_at(b, j)) == 0;
		if (ev->limit)
			return NULL;
		if (!found)
			json_array_add(&out, json_at(a, i));
	}
	return json_array_end(&out);
}

/* Repeats as jq does: less than one time is null below zero or at it, once above. */
static const struct json *repeat(struct eval *ev, struct str s, double times)
{
	size_t n;
	char *p;

	if (!(times > 0))
		return json_null();
	n = times < 1 ? 1 : times > (double)EXPR_MAX_BYTES ? (size_t)EXPR_MAX_BYTES + 1 : (size_t)times;
	if (s.n == 0 || n == 1)
		return eval_string_at(ev, s);
	if (!eval_make(ev, s.n * n))
		return NULL;
	p = arena_alloc(ev->scratch, s.n * n + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(p + i * s.n, s.p, s.n);
	p[s.n * n] = '\0';
	return json_string_ref(ev->scratch, (struct str){p, s.n * n});
}

static const struct json *merge_deep(struct eval *ev, const struct json *a, const struct json *b)
{
	struct json_builder out;

	if (!eval_charge(ev, 1) || !eval_make(ev, (json_len(a) + json_len(b)) * 48))
		return NULL;
	json_object_begin_from(&out, ev->scratch, a);
	for (size_t i = 0; i < json_len(b); i++) {
		const struct json *old = json_get(a, json_key(b, i)), *new = json_val(b, i);

		if (both(old, new, JSON_OBJECT)) {
			new = merge_deep(ev, old, new);
			if (!new)
				return NULL;
		}
		json_object_set(&out, json_key(b, i), new);
	}
	return eval_object(ev, &out);
}

static const struct json *multiply(struct eval *ev, const struct json *a, const struct json *b)
{
	if (both_numbers(a, b))
		return number_op(ev, OP_MUL, a, b);
	if (json_type(a) == JSON_STRING && json_is_number(b))
		return repeat(ev, json_str(a), json_to_double(b));
	if (json_type(b) == JSON_STRING && json_is_number(a))
		return repeat(ev, json_str(b), json_to_double(a));
	if (both(a, b, JSON_OBJECT))
		return merge_deep(ev, a, b);
	return unfit(ev, a, b, "multiplied");
}

static const struct json *divide(struct eval *ev, const struct json *a, const struct json *b)
{
	if (both(a, b, JSON_STRING))
		return eval_split(ev, json_str(a), json_str(b));
	if (!both_numbers(a, b))
		return unfit(ev, a, b, "divided");
	if (json_to_double(b) == 0)
		return unfit(ev, a, b, "divided because the divisor is zero");
	return number_op(ev, OP_DIV, a, b);
}

/* Towards zero, saturating: what `%` takes from a number. */
static int64_t truncated(const struct json *v)
{
	double d = json_to_double(v);
	int64_t i;

	if (json_to_int(v, &i))
		return i;
	if (d >= 0x1p63)
		return INT64_MAX;
	return d <= -0x1p63 ? INT64_MIN : (int64_t)d;
}

static const struct json *modulo(struct eval *ev, const struct json *a, const struct json *b)
{
	int64_t x, y;

	if (!both_numbers(a, b))
		return unfit(ev, a, b, "divided");
	x = truncated(a);
	y = truncated(b);
	if (y == 0)
		return unfit(ev, a, b, "divided because the divisor is zero");
	return eval_int(ev, y == -1 ? 0 : x % y);
}

const struct json *eval_negate(struct eval *ev, const struct json *v)
{
	struct eval_shown room;
	int64_t i;

	if (!json_is_number(v))
		return eval_raise(ev, "%s cannot be negated", eval_describe(&room, v));
	if (json_type(v) == JSON_INT && json_to_int(v, &i) && i != INT64_MIN)
		return eval_int(ev, -i);
	return eval_double(ev, -json_to_double(v));
}

const struct json *eval_binary(struct eval *ev, enum expr_op op, const struct json *a, const struct json *b)
{
	int c;

	switch (op) {
	case OP_ADD:
		return eval_add(ev, a, b);
	case OP_SUB:
		return subtract(ev, a, b);
	case OP_MUL:
		return multiply(ev, a, b);
	case OP_DIV:
		return divide(ev, a, b);
	case OP_MOD:
		return modulo(ev, a, b);
	default:
		break;
	}
	c = eval_cmp(ev, a, b);
	if (ev->limit)
		return NULL;
	return json_bool(op == OP_EQ   ? c == 0
			 : op == OP_NE ? c != 0
			 : op == OP_LT ? c < 0
			 : op == OP_LE ? c <= 0
			 : op == OP_GT ? c > 0
				       : c >= 0);
}
