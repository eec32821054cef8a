/* output.c - cutting results to their cap. */
#include "tools/output.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { LINE_BYTES = 200 };

struct str output_cut_utf8(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return str_sub(s, 0, max);
}

const char *output_line(struct arena *a, struct str bytes)
{
	struct str text = json_str(json_string_clean(a, str_sub(str_trim(bytes), 0, LINE_BYTES)));
	char *line = str_cstr(a, str_trim(text));

	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return line;
}

static size_t escaped_bytes(unsigned char c)
{
	if (c >= ' ')
		return c == '"' || c == '\\' ? 2 : 1;
	return strchr("\b\f\n\r\t", c) && c ? 2 : 6;
}

/* The value without its end, so that its text has at most max bytes; NULL when it has no end to lose. */
static const struct json *cut_string(struct arena *a, struct str s, size_t max)
{
	size_t i = 0, n = 2;	/* the quotes */

	if (max < 2)
		return NULL;
	while (i < s.n && n + escaped_bytes((unsigned char)s.p[i]) <= max)
		n += escaped_bytes((unsigned char)s.p[i++]);
	return json_string_ref(a, output_cut_utf8(s, i));
}

static const struct json *cut_array(struct arena *a, const struct json *v, size_t max)
{
	struct json_builder b;
	size_t n = 2;

	if (max < 2)
		return NULL;
	json_array_begin(&b, a);
	for (size_t i = 0; i < json_len(v); i++) {
		n += json_size(json_at(v, i)) + (i > 0);
		if (n > max)
			break;
		json_array_add(&b, json_at(v, i));
	}
	return json_array_end(&b);
}

static const struct json *cut_value(struct arena *a, const struct json *v, size_t max)
{
	if (json_type(v) == JSON_STRING)
		return cut_string(a, json_str(v), max);
	return json_type(v) == JSON_ARRAY ? cut_array(a, v, max) : NULL;
}

static bool can_be_cut(const struct json *v)
{
	return json_type(v) == JSON_STRING || json_type(v) == JSON_ARRAY;
}

/* Index of the longest member that can be cut, or the length of the object. */
static size_t longest_member(const struct json *obj)
{
	size_t best = json_len(obj), best_size = 0;

	for (size_t i = 0; i < json_len(obj); i++) {
		size_t size = can_be_cut(json_val(obj, i)) ? json_size(json_val(obj, i)) : 0;

		if (size > best_size) {
			best = i;
			best_size = size;
		}
	}
	return best;
}

/* One member gives way after the other, the longest first; each at most once more than is needed. */
static const struct json *cut_object(struct arena *a, const struct json *obj, size_t max)
{
	struct json_builder b;
	const struct json *v;
	size_t size;

	json_object_begin_from(&b, a, obj);
	json_object_setc(&b, "truncated", json_bool(true));
	v = json_object_end(&b);
	while ((size = json_size(v)) > max) {
		size_t i = longest_member(v), over = size - max, had;
		const struct json *shorter;

		if (i == json_len(v))
			return NULL;
		had = json_size(json_val(v, i));
		shorter = cut_value(a, json_val(v, i), had > over + 2 ? had - over : 2);
		if (!shorter || json_size(shorter) >= had)
			return NULL;
		json_object_begin_from(&b, a, v);
		json_object_set(&b, json_key(v, i), shorter);
		v = json_object_end(&b);
	}
	return v;
}

int output_fit(struct arena *a, const struct json *v, size_t max_bytes, bool cut, const struct json **ret,
	       bool *ret_truncated, struct err *err)
{
	size_t size = json_size(v);

	*ret_truncated = size > max_bytes;
	*ret = v;
	if (size <= max_bytes)
		return 0;
	*ret = !cut ? NULL
	       : json_type(v) == JSON_OBJECT ? cut_object(a, v, max_bytes) : cut_value(a, v, max_bytes);
	if (*ret)
		return 0;
	*ret_truncated = false;
	return err_set(err, ERR_TOOL_OUTPUT, "the result has %zu bytes, expected at most %zu (output.max of the tool)",
		       size, max_bytes);
}
