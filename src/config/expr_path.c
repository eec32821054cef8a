/* expr_path.c - going into values: keys, positions, slices, all items. */
#include <math.h>

#include "base/arena.h"
#include "config/expr_eval.h"

const struct json *expr_index(const struct json *in, const struct json *key, struct err *err)
{
	struct eval_shown room;
	enum json_type t = json_type(in);

	if (json_type(key) == JSON_STRING) {
		if (t == JSON_OBJECT) {
			const struct json *v = json_get(in, json_str(key));

			return v ? v : json_null();
		}
		if (t == JSON_NULL)
			return json_null();
		err_set(err, ERR_EXPRESSION, "cannot index %s with \"" STR_FMT "\"", json_type_name(in),
			STR_ARG(eval_head(json_str(key), 60)));
		return NULL;
	}
	if (json_is_number(key) && t == JSON_ARRAY) {
		double at = trunc(json_to_double(key)), n = (double)json_len(in);

		if (at < 0)
			at += n;
		return at >= 0 && at < n ? json_at(in, (size_t)at) : json_null();
	}
	if (json_is_number(key) && t == JSON_NULL)
		return json_null();
	err_set(err, ERR_EXPRESSION, "cannot index %s with %s", json_type_name(in), eval_describe(&room, key));
	return NULL;
}

const struct json *eval_field(struct eval *ev, const struct json *in, const struct json *key)
{
	struct err err;
	const struct json *v = expr_index(in, key, &err);

	return v ? v : eval_raise(ev, "%s", err.msg);
}

/* Bounds of a slice as jq takes them: floor of the start, ceiling of the end, negative from the back. */
static bool bounds(const struct json *from, const struct json *to, size_t len, size_t *start, size_t *end)
{
	double n = (double)len, s = 0, e = n;

	if ((json_type(from) != JSON_NULL && !json_is_number(from)) ||
	    (json_type(to) != JSON_NULL && !json_is_number(to)))
		return false;
	if (json_is_number(from))
		s = floor(json_to_double(from) + (json_to_double(from) < 0 ? n : 0));
	if (json_is_number(to))
		e = ceil(json_to_double(to) + (json_to_double(to) < 0 ? n : 0));
	s = s < 0 ? 0 : s > n ? n : s;
	e = e < s ? s : e > n ? n : e;
	*start = (size_t)s;
	*end = (size_t)e;
	return true;
}

static size_t byte_of(struct str s, size_t code_point)
{
	size_t i = 0;

	while (code_point-- > 0 && i < s.n)
		utf8_next(s, &i);
	return i;
}

static const struct json *slice_string(struct eval *ev, struct str s, const struct json *from, const struct json *to)
{
	size_t start, end;

	if (!eval_work(ev, 2 * s.n))
		return NULL;
	if (!bounds(from, to, utf8_len(s), &start, &end))
		return eval_raise(ev, "the bounds of a slice must be numbers");
	start = byte_of(s, start);
	end = start + byte_of(str_sub(s, start, s.n), end - (size_t)utf8_len(str_sub(s, 0, start)));
	return eval_string_at(ev, str_sub(s, start, end - start));
}

const struct json *eval_slice(struct eval *ev, const struct json *in, const struct json *from, const struct json *to)
{
	const struct json **items;
	size_t start, end;

	if (json_type(in) == JSON_NULL)
		return json_null();
	if (json_type(in) == JSON_STRING)
		return slice_string(ev, json_str(in), from, to);
	if (json_type(in) != JSON_ARRAY)
		return eval_raise(ev, "cannot slice %s", json_type_name(in));
	if (!bounds(from, to, json_len(in), &start, &end))
		return eval_raise(ev, "the bounds of a slice must be numbers");
	if (end == start)
		return json_empty_array();
	if (!eval_make(ev, (end - start) * 2 * sizeof *items))
		return NULL;
	items = ARENA_ARRAY(ev->scratch, end - start, const struct json *);
	for (size_t i = start; i < end; i++)
		items[i - start] = json_at(in, i);
	return json_array(ev->scratch, items, end - start);
}

int eval_items(struct eval *ev, const struct json *in, size_t want)
{
	bool object = json_type(in) == JSON_OBJECT;
	struct eval_shown room;
	size_t n = json_len(in);

	if (json_type(in) < JSON_ARRAY)
		return eval_fail(ev, "cannot iterate over %s", eval_describe(&room, in));
	if (n > want)
		n = want;
	if (!eval_work(ev, 16 * n))
		return -1;
	for (size_t i = 0; i < n; i++)
		eval_push(ev, object ? json_val(in, i) : json_at(in, i));
	return 0;
}
