/* expr_string.c - text: conversions, ASCII case, prefixes, split, join, index. */
#include "base/arena.h"
#include "config/expr_eval.h"

static const struct json *to_string(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return eval_text(ev, in);
}

static const struct json *to_json(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return eval_json(ev, in);
}

/* Every value the text holds is made: about 48 bytes for two of text, which the factor pays for. */
static const struct json *from_json(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct json_limits limits = {.max_bytes = EXPR_MAX_BYTES, .max_depth = EXPR_MAX_DEPTH};
	const struct json *v;
	struct eval_shown room;
	struct err err;

	(void)args;
	if (json_type(in) != JSON_STRING)
		return eval_raise(ev, "%s cannot be parsed as JSON, as it is not a string", eval_describe(&room, in));
	if (!eval_make(ev, json_str(in).n * 4) || !eval_work(ev, json_str(in).n * 2))
		return NULL;
	if (json_parse(ev->scratch, json_str(in), &limits, &v, &err) < 0)
		return eval_raise(ev, "fromjson: %s", err.msg);
	return v;
}

/* JSON's numbers; jq also takes leading zeros, so does this. */
static const struct json *to_number(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct str s = json_str(in);
	struct eval_shown room;
	const struct json *v;
	size_t zeros = 0;
	struct buf b;

	(void)args;
	if (json_is_number(in))
		return in;
	if (json_type(in) != JSON_STRING)
		return eval_raise(ev, "%s cannot be parsed as a number", eval_describe(&room, in));
	if (!eval_make(ev, s.n))
		return NULL;
	buf_init(&b, ev->scratch);
	if (s.n && s.p[0] == '-')
		buf_addc(&b, '-');
	s = str_sub(s, b.n, s.n);
	while (zeros + 1 < s.n && s.p[zeros] == '0' && s.p[zeros + 1] >= '0' && s.p[zeros + 1] <= '9')
		zeros++;
	buf_addstr(&b, str_sub(s, zeros, s.n));
	v = json_number(ev->scratch, buf_str(&b));
	return v ? v : eval_raise(ev, "%s cannot be parsed as a number", eval_describe(&room, in));
}

/* --- case --- */

static const struct json *change_case(struct eval *ev, const struct json *in, const char *name, char from, char to)
{
	struct str s = json_str(in);
	char *p;

	if (json_type(in) != JSON_STRING)
		return eval_raise(ev, "%s needs a string, got %s", name, json_type_name(in));
	if (!eval_make(ev, s.n) || !eval_work(ev, s.n))
		return NULL;
	p = arena_strndup(ev->scratch, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= from && p[i] < from + 26)
			p[i] = (char)(p[i] - from + to);
	return json_string_ref(ev->scratch, (struct str){p, s.n});
}

static const struct json *downcase(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return change_case(ev, in, "ascii_downcase", 'A', 'a');
}

static const struct json *upcase(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return change_case(ev, in, "ascii_upcase", 'a', 'A');
}

/* --- prefixes and suffixes --- */

static bool are_strings(const struct json *a, const struct json *b)
{
	return json_type(a) == JSON_STRING && json_type(b) == JSON_STRING;
}

static const struct json *ltrimstr(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct str s = json_str(in), prefix = json_str(args[0]);

	if (!are_strings(in, args[0]) || !str_starts(s, prefix))
		return in;
	return eval_string_at(ev, str_sub(s, prefix.n, s.n));
}

static const struct json *rtrimstr(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct str s = json_str(in), suffix = json_str(args[0]);

	if (!are_strings(in, args[0]) || !str_ends(s, suffix))
		return in;
	return eval_string_at(ev, str_sub(s, 0, s.n - suffix.n));
}

static const struct json *startswith(struct eval *ev, const struct json *in, const struct json *const *args)
{
	if (!are_strings(in, args[0]))
		return eval_raise(ev, "startswith needs two strings, got %s and %s", json_type_name(in),
				  json_type_name(args[0]));
	return json_bool(str_starts(json_str(in), json_str(args[0])));
}

static const struct json *endswith(struct eval *ev, const struct json *in, const struct json *const *args)
{
	if (!are_strings(in, args[0]))
		return eval_raise(ev, "endswith needs two strings, got %s and %s", json_type_name(in),
				  json_type_name(args[0]));
	return json_bool(str_ends(json_str(in), json_str(args[0])));
}

/* --- split and join --- */

static bool push_piece(struct eval *ev, struct str s, size_t from, size_t to)
{
	const struct json *v = eval_string_at(ev, str_sub(s, from, to - from));

	if (v)
		eval_push(ev, v);
	return v != NULL;
}

/* An empty separator gives the code points; an empty string has no pieces. */
static bool push_pieces(struct eval *ev, struct str s, struct str separator)
{
	size_t from = 0;
	ptrdiff_t at;

	if (separator.n == 0) {
		while (from < s.n) {
			size_t to = from;

			utf8_next(s, &to);
			if (!push_piece(ev, s, from, to))
				return false;
			from = to;
		}
		return true;
	}
	while ((at = str_find(str_sub(s, from, s.n), separator)) >= 0) {
		if (!push_piece(ev, s, from, from + (size_t)at))
			return false;
		from += (size_t)at + separator.n;
	}
	return s.n == 0 || push_piece(ev, s, from, s.n);
}

const struct json *eval_split(struct eval *ev, struct str s, struct str separator)
{
	size_t base = ev->top;
	const struct json *v = NULL;

	if (!eval_work(ev, s.n))
		return NULL;
	if (push_pieces(ev, s, separator))
		v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	return v;
}

static const struct json *split(struct eval *ev, const struct json *in, const struct json *const *args)
{
	if (!are_strings(in, args[0]))
		return eval_raise(ev, "split needs two strings, got %s and %s", json_type_name(in),
				  json_type_name(args[0]));
	return eval_split(ev, json_str(in), json_str(args[0]));
}

static const struct json *join_items(struct eval *ev, const struct json *in, struct str separator)
{
	bool object = json_type(in) == JSON_OBJECT;
	struct eval_shown room;
	struct buf out;

	buf_init(&out, ev->scratch);
	for (size_t i = 0; i < json_len(in); i++) {
		const struct json *item = object ? json_val(in, i) : json_at(in, i);
		struct str text = json_str(item);

		if (json_type(item) >= JSON_ARRAY)
			return eval_raise(ev, "%s cannot be joined", eval_describe(&room, item));
		if (json_type(item) != JSON_STRING && json_type(item) != JSON_NULL) {
			item = eval_json(ev, item);
			text = json_str(item);
			if (!item)
				return NULL;
		}
		if (!eval_make(ev, text.n + separator.n))
			return NULL;
		if (i > 0)
			buf_addstr(&out, separator);
		buf_addstr(&out, text);
	}
	return eval_string_at(ev, buf_str(&out));
}

static const struct json *join(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct eval_shown room;

	if (json_type(in) < JSON_ARRAY)
		return eval_raise(ev, "cannot iterate over %s", eval_describe(&room, in));
	if (json_type(args[0]) != JSON_STRING && (json_type(args[0]) != JSON_NULL || json_len(in) > 1))
		return eval_raise(ev, "join needs a string, got %s", eval_describe(&room, args[0]));
	return join_items(ev, in, json_str(args[0]));
}

/* --- index --- */

static const struct json *index_of_text(struct eval *ev, struct str s, struct str what)
{
	ptrdiff_t at = str_find(s, what);

	if (!eval_work(ev, s.n * 2))
		return NULL;
	if (at < 0 || what.n == 0)
		return json_null();
	return eval_int(ev, (int64_t)utf8_len(str_sub(s, 0, (size_t)at)));
}

static bool found_at(struct eval *ev, const struct json *arr, size_t at, const struct json *what)
{
	if (json_type(what) != JSON_ARRAY)
		return eval_cmp(ev, json_at(arr, at), what) == 0;
	for (size_t i = 0; i < json_len(what); i++)
		if (at + i >= json_len(arr) || eval_cmp(ev, json_at(arr, at + i), json_at(what, i)) != 0)
			return false;
	return true;
}

/* The place of a text in a text, of a value in an array, of an array within an array. */
static const struct json *index_of(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct eval_shown room;

	if (json_type(in) == JSON_NULL)
		return in;
	if (are_strings(in, args[0]))
		return index_of_text(ev, json_str(in), json_str(args[0]));
	if (json_type(in) != JSON_ARRAY)
		return eval_raise(ev, "cannot look for %s in %s", eval_describe(&room, args[0]), json_type_name(in));
	if (json_type(args[0]) == JSON_ARRAY && json_len(args[0]) == 0)
		return json_null();
	for (size_t i = 0; i < json_len(in); i++) {
		bool found = found_at(ev, in, i, args[0]);

		if (ev->limit)
			return NULL;
		if (found)
			return eval_int(ev, (int64_t)i);
	}
	return json_null();
}

#define ITERABLE (EXPR_T_ARRAY | EXPR_T_OBJECT)

const struct expr_builtin expr_string_builtins[] = {
	{"tostring", 0, EXPR_T_ANY, EXPR_T_STRING, {0}, to_string, NULL, false},
	{"tonumber", 0, EXPR_T_NUMBER | EXPR_T_STRING, EXPR_T_NUMBER, {0}, to_number, NULL, false},
	{"tojson", 0, EXPR_T_ANY, EXPR_T_STRING, {0}, to_json, NULL, false},
	{"fromjson", 0, EXPR_T_STRING, EXPR_T_ANY, {0}, from_json, NULL, false},
	{"ascii_downcase", 0, EXPR_T_STRING, EXPR_T_STRING, {0}, downcase, NULL, false},
	{"ascii_upcase", 0, EXPR_T_STRING, EXPR_T_STRING, {0}, upcase, NULL, false},
	{"ltrimstr", 1, EXPR_T_ANY, EXPR_T_ANY, {EXPR_T_ANY}, ltrimstr, NULL, false},
	{"rtrimstr", 1, EXPR_T_ANY, EXPR_T_ANY, {EXPR_T_ANY}, rtrimstr, NULL, false},
	{"startswith", 1, EXPR_T_STRING, EXPR_T_BOOLEAN, {EXPR_T_STRING}, startswith, NULL, false},
	{"endswith", 1, EXPR_T_STRING, EXPR_T_BOOLEAN, {EXPR_T_STRING}, endswith, NULL, false},
	{"split", 1, EXPR_T_STRING, EXPR_T_ARRAY, {EXPR_T_STRING}, split, NULL, false},
	{"join", 1, ITERABLE, EXPR_T_STRING, {EXPR_T_STRING | EXPR_T_NULL}, join, NULL, false},
	{"index", 1, EXPR_T_NULL | EXPR_T_STRING | EXPR_T_ARRAY, EXPR_T_NULL | EXPR_T_NUMBER, {EXPR_T_ANY}, index_of,
	 NULL, false},
	{.name = NULL},
};
