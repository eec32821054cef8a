/* fault.c - places and lists of what is wrong. */
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "schema/program.h"

static void put_token(struct buf *b, struct str key)
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

static void put_place(struct buf *b, const struct at *at)
{
	const struct at *chain[1024];
	size_t n = 0;

	for (; at && at->up && n < 1024; at = at->up)
		chain[n++] = at;
	while (n-- > 0) {
		if (chain[n]->raw)
			buf_addstr(b, chain[n]->key);
		else if (chain[n]->key.p)
			put_token(b, chain[n]->key);
		else
			buf_addf(b, "/%zu", chain[n]->index);
	}
}

struct str at_pointer(struct arena *a, const struct at *at)
{
	struct buf b;

	buf_init(&b, a);
	put_place(&b, at);
	buf_cstr(&b);
	return buf_str(&b);
}

struct schema_fault *fault_add(struct schema_faults *f, const struct at *at, const char *keyword, const char *fmt, va_list ap)
{
	struct schema_fault *fault;

	if (f->n == SCHEMA_FAULTS) {
		f->more = true;
		return NULL;
	}
	fault = &f->v[f->n++];
	*fault = (struct schema_fault){
		.pointer = at_pointer(f->a, at),
		.keyword = str_from(keyword ? keyword : ""),
		.message = str_from(arena_vprintf(f->a, fmt, ap)),
		.offset = SIZE_MAX,
	};
	return fault;
}

const struct json *schema_faults_json(struct arena *a, const char *place, const struct schema_faults *f)
{
	struct json_builder list, o;

	json_array_begin(&list, a);
	for (size_t i = 0; i < f->n; i++) {
		json_object_begin(&o, a);
		json_object_setc(&o, "pointer", json_stringc(a, arena_printf(a, "%s" STR_FMT, place, STR_ARG(f->v[i].pointer))));
		json_object_setc(&o, "message", json_string(a, f->v[i].message));
		json_array_add(&list, json_object_end(&o));
	}
	return json_array_end(&list);
}

/* --- reading a pointer --- */

/* "a~1b" is the key a/b: does it name key? */
static bool token_is(struct str token, struct str key)
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

static const struct json *member(const struct json *v, struct str token)
{
	if (str_chr(token, '~') < 0)
		return json_get(v, token);
	for (size_t i = 0; i < json_len(v); i++)
		if (token_is(token, json_key(v, i)))
			return json_val(v, i);
	return NULL;
}

static const struct json *item(const struct json *v, struct str token)
{
	size_t i = 0;

	if (token.n == 0 || token.n > 9 || (token.n > 1 && token.p[0] == '0'))
		return NULL;
	for (size_t k = 0; k < token.n; k++) {
		if (token.p[k] < '0' || token.p[k] > '9')
			return NULL;
		i = i * 10 + (size_t)(token.p[k] - '0');
	}
	return json_at(v, i);
}

const struct json *schema_pointer(const struct json *v, struct str pointer)
{
	while (v && pointer.n && pointer.p[0] == '/') {
		ptrdiff_t end;
		struct str token;

		pointer = str_sub(pointer, 1, pointer.n);
		end = str_chr(pointer, '/');
		token = end < 0 ? pointer : str_sub(pointer, 0, (size_t)end);
		pointer = str_sub(pointer, token.n, pointer.n);
		v = json_type(v) == JSON_ARRAY ? item(v, token) : member(v, token);
	}
	return pointer.n ? NULL : v;
}
