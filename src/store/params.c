/* params.c - parameters and binary arrays. */
#include "store/params.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "store/tasks.h"

static void add(struct params *p, const char *value, size_t n, int format)
{
	if (p->n == PARAMS_MAX)
		fatal("more than %d parameters", PARAMS_MAX);
	p->values[p->n] = value;
	p->lengths[p->n] = (int)n;
	p->formats[p->n] = format;
	p->n++;
}

void params_text(struct params *p, struct str s)
{
	add(p, s.p ? str_cstr(p->a, s) : NULL, s.n, 0);
}

void params_int(struct params *p, int64_t i)
{
	add(p, arena_printf(p->a, "%" PRId64, i), 0, 0);
}

void params_bool(struct params *p, bool b)
{
	add(p, b ? "t" : "f", 0, 0);
}

void params_uuid(struct params *p, const struct uuid *u)
{
	char text[37];

	if (!u || uuid_is_nil(u)) {
		add(p, NULL, 0, 0);
		return;
	}
	uuid_format(u, text);
	add(p, arena_strdup(p->a, text), 0, 0);
}

void params_bytes(struct params *p, struct str bytes)
{
	add(p, arena_dup(p->a, str_chars(bytes), bytes.n), bytes.n, 1);
}

void params_digest(struct params *p, const struct digest *d)
{
	params_bytes(p, (struct str){(const char *)d->b, sizeof d->b});
}

void params_canonical(struct params *p, const struct json *v)
{
	struct buf b;

	if (!v) {
		add(p, NULL, 0, 0);
		return;
	}
	buf_init(&b, p->a);
	json_canonical(&b, v);
	add(p, buf_cstr(&b), b.n, 0);
}

void params_json(struct params *p, const struct json *v)
{
	struct str text;

	if (!v) {
		add(p, NULL, 0, 0);
		return;
	}
	text = json_text(p->a, v);
	add(p, text.p, text.n, 0);
}

/* --- arrays: header of 20 bytes, then length and bytes of each element, all big-endian --- */

enum { HEADER = 20, EMPTY_HEADER = 12 };

static void put32(unsigned char *at, uint32_t v)
{
	at[0] = (unsigned char)(v >> 24);
	at[1] = (unsigned char)(v >> 16);
	at[2] = (unsigned char)(v >> 8);
	at[3] = (unsigned char)v;
}

static void add32(struct buf *b, uint32_t v)
{
	unsigned char bytes[4];

	put32(bytes, v);
	buf_add(b, bytes, sizeof bytes);
}

void array_begin(struct array *r, struct arena *a, enum array_type type)
{
	static const char header[HEADER];

	buf_init(&r->buf, a);
	buf_add(&r->buf, header, HEADER);
	r->type = type;
	r->n = 0;
	r->has_null = false;
}

void array_null(struct array *r)
{
	add32(&r->buf, UINT32_MAX);
	r->has_null = true;
	r->n++;
}

void array_bytes(struct array *r, const void *p, size_t n)
{
	add32(&r->buf, (uint32_t)n);
	buf_add(&r->buf, p, n);
	r->n++;
}

void array_bool(struct array *r, bool b)
{
	array_bytes(r, b ? "\1" : "\0", 1);
}

void array_int2(struct array *r, int i)
{
	unsigned char bytes[2] = {(unsigned char)((unsigned)i >> 8), (unsigned char)i};

	array_bytes(r, bytes, sizeof bytes);
}

void array_int4(struct array *r, int64_t i)
{
	unsigned char bytes[4];

	put32(bytes, (uint32_t)i);
	array_bytes(r, bytes, sizeof bytes);
}

void array_int8(struct array *r, int64_t i)
{
	unsigned char bytes[8];

	put32(bytes, (uint32_t)((uint64_t)i >> 32));
	put32(bytes + 4, (uint32_t)(uint64_t)i);
	array_bytes(r, bytes, sizeof bytes);
}

void array_text(struct array *r, struct str s)
{
	if (s.p)
		array_bytes(r, s.p, s.n);
	else
		array_null(r);
}

void array_uuid(struct array *r, const struct uuid *u)
{
	array_bytes(r, u->b, sizeof u->b);
}

void array_json(struct array *r, const struct json *v)
{
	size_t at = r->buf.n;

	if (!v) {
		array_null(r);
		return;
	}
	add32(&r->buf, 0);
	json_write(&r->buf, v);
	put32((unsigned char *)r->buf.p + at, (uint32_t)(r->buf.n - at - 4));
	r->n++;
}

void params_array(struct params *p, struct array *r)
{
	unsigned char *h = (unsigned char *)r->buf.p;

	put32(h, r->n > 0 ? 1 : 0);
	put32(h + 4, r->has_null ? 1 : 0);
	put32(h + 8, (uint32_t)r->type);
	put32(h + 12, (uint32_t)r->n);
	put32(h + 16, 1);
	add(p, r->buf.p, r->n > 0 ? r->buf.n : EMPTY_HEADER, 1);
}

void params_page(struct params *p, const struct task_page *f)
{
	params_text(p, f->state);
	params_uuid(p, &f->task);
	params_uuid(p, &f->before);
	params_int(p, f->limit);
}

void params_principal(struct params *p, const struct principal *by)
{
	params_text(p, by->name.p ? by->name : STR(""));
	params_bool(p, by->sees_all);
}

void params_uuids(struct params *p, const struct uuid *v, size_t n)
{
	struct array list;

	array_begin(&list, p->a, ARRAY_UUID);
	for (size_t i = 0; i < n; i++)
		array_uuid(&list, &v[i]);
	params_array(p, &list);
}
