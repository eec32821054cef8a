/* json_pointer.c - "~0" is a tilde and "~1" a slash. */
#include "base/json_pointer.h"

#include "base/json.h"

enum { MAX_DIGITS = 9 };

void json_pointer_add(struct buf *b, struct str key)
{
	buf_addc(b, '/');
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '~')
			buf_adds(b, "~0");
		else if (key.p[i] == '/')
			buf_adds(b, "~1");
		else
			buf_addc(b, key.p[i]);
	}
}

void json_pointer_add_index(struct buf *b, size_t index)
{
	buf_addf(b, "/%zu", index);
}

bool json_pointer_next(struct str *pointer, struct str *ret)
{
	struct str rest;
	ptrdiff_t end;

	if (!pointer->n || pointer->p[0] != '/')
		return false;
	rest = str_sub(*pointer, 1, pointer->n);
	end = str_chr(rest, '/');
	*ret = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
	*pointer = str_sub(rest, ret->n, rest.n);
	return true;
}

bool json_pointer_names(struct str token, struct str key)
{
	size_t k = 0;

	for (size_t i = 0; i < token.n; i++, k++) {
		char c = token.p[i];

		if (c == '~' && i + 1 < token.n)
			c = token.p[++i] == '1' ? '/' : '~';
		if (k >= key.n || key.p[k] != c)
			return false;
	}
	return k == key.n;
}

bool json_pointer_index(struct str token, size_t *ret)
{
	size_t index = 0;

	if (token.n == 0 || token.n > MAX_DIGITS || (token.n > 1 && token.p[0] == '0'))
		return false;
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] < '0' || token.p[i] > '9')
			return false;
		index = index * 10 + (size_t)(token.p[i] - '0');
	}
	*ret = index;
	return true;
}

static const struct json *child(const struct json *v, struct str token)
{
	size_t index;

	if (json_type(v) == JSON_ARRAY)
		return json_pointer_index(token, &index) ? json_at(v, index) : NULL;
	if (str_chr(token, '~') < 0)
		return json_get(v, token);
	for (size_t i = 0; i < json_len(v); i++)
		if (json_pointer_names(token, json_key(v, i)))
			return json_val(v, i);
	return NULL;
}

const struct json *json_pointer_find(const struct json *v, struct str pointer)
{
	struct str token;

	while (v && json_pointer_next(&pointer, &token))
		v = child(v, token);
	return pointer.n ? NULL : v;
}
