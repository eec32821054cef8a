/* print.c - tables, safe text and JSON on standard output. */
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/diag.h"
#include "ctl/ctl.h"

enum { MAX_COLUMNS = 12 };

struct table {
	struct arena *a;
	size_t columns, n, cap;
	struct str *cells;	/* headings first */
};

/* Control characters (C0, DEL, C1) and line ends become visible escapes. */
static struct str escaped(struct arena *a, struct str s, bool keep_lines)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		uint32_t cp = utf8_next(s, &i);

		if ((cp == '\n' || cp == '\t') && keep_lines)
			buf_addc(&b, (char)cp);
		else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069))
			buf_addf(&b, "\\u%04x", (unsigned)cp);
		else
			buf_add(&b, s.p + from, i - from);
	}
	return buf_str(&b);
}

/* An empty text may have no address, which fwrite() does not take. */
static void put(FILE *out, struct str s)
{
	if (s.n)
		fwrite(s.p, 1, s.n, out);
}

void print_text(struct str s)
{
	struct arena *a = arena_new(NULL);
	struct str e = escaped(a, s, true);

	put(stdout, e);
	arena_free(a);
}

void print_json(struct ctl *c, const struct json *v)
{
	struct buf b;

	buf_init(&b, c->arena);
	if (isatty(STDOUT_FILENO))
		json_write_pretty(&b, v);
	else
		json_write(&b, v);
	buf_addc(&b, '\n');
	put(stdout, buf_str(&b));
}

struct table *table_new(struct arena *a, const char *const *headings, size_t n)
{
	struct table *t = ARENA_NEW(a, struct table);

	t->a = a;
	t->columns = n;
	for (size_t i = 0; i < n; i++)
		table_cell(t, str_from(headings[i]));
	return t;
}

void table_cell(struct table *t, struct str text)
{
	if (t->n == t->cap) {
		struct str *more = ARENA_ARRAY(t->a, t->cap ? t->cap * 2 : 64, struct str);

		if (t->n)
			memcpy(more, t->cells, t->n * sizeof *more);
		t->cells = more;
		t->cap = t->cap ? t->cap * 2 : 64;
	}
	t->cells[t->n++] = escaped(t->a, text, false);
}

void table_print(const struct table *t)
{
	size_t width[MAX_COLUMNS] = {0};

	for (size_t i = 0; i < t->n; i++) {
		size_t w = utf8_len(t->cells[i]);

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->n; i++) {
		size_t col = i % t->columns;
		bool last = col + 1 == t->columns;
		size_t pad = width[col] - utf8_len(t->cells[i]);

		printf(STR_FMT "%*s%s", STR_ARG(t->cells[i]), last ? 0 : (int)pad + 2, "", last ? "\n" : "");
	}
}

struct str cell(const struct json *obj, const char *key)
{
	const struct json *v = json_getc(obj, key);

	if (json_type(v) == JSON_NULL)
		return STR("");
	if (json_type(v) == JSON_STRING)
		return json_str(v);
	if (json_type(v) == JSON_TRUE)
		return STR("yes");
	if (json_type(v) == JSON_FALSE)
		return STR("no");
	return json_type(v) == JSON_NUM ? json_literal(v) : STR_NONE;
}

void print_diags(struct ctl *c, struct diags *d)
{
	struct buf out;

	buf_init(&out, c->arena);
	diag_print(d, &out);
	put(stderr, buf_str(&out));
}
