/* print.c - tables, safe text and JSON on standard output. */
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/visible.h"
#include "config/diag.h"
#include "ctl/ctl.h"

enum { MAX_COLUMNS = 12 };

struct table {
	struct arena *a;
	size_t columns, n, cap;
	struct str *cells;	/* headings first */
};

/* An empty text may have no address, which fwrite() does not take. */
static void put(FILE *out, struct str s)
{
	if (s.n)
		fwrite(s.p, 1, s.n, out);
}

static void put_escaped(FILE *out, struct str s)
{
	struct arena *a = arena_new(NULL);

	put(out, str_visible(a, s, true));
	arena_free(a);
}

void print_text(struct str s)
{
	put_escaped(stdout, s);
}

struct str print_line_of(struct arena *a, struct str s)
{
	return str_visible(a, s, false);
}

int64_t print_count_of(const struct json *row, const char *key)
{
	int64_t n = 0;

	json_to_int(json_getc(row, key), &n);
	return n;
}

void print_error(const char *text)
{
	fputs("agentctl: ", stderr);
	put_escaped(stderr, str_from(text));
	fputc('\n', stderr);
}

/* For a terminal the escapes of print_text() are those of JSON, as such characters stand only in strings. */
void print_json(struct ctl *c, const struct json *v)
{
	struct buf b;

	buf_init(&b, c->arena);
	if (isatty(STDOUT_FILENO)) {
		json_write_pretty(&b, v);
		print_text(buf_str(&b));
	} else {
		json_write(&b, v);
		put(stdout, buf_str(&b));
	}
	putchar('\n');
}

static struct str column_text(struct arena *a, const struct json *row, const struct column *column)
{
	const struct json *v;

	if (column->text)
		return column->text(a, row);
	v = json_getc(row, column->key);
	return json_type(v) == JSON_INT ? json_text(a, v) : cell(row, column->key);
}

struct table *table_of(struct arena *a, const struct json *rows, const struct column *columns, size_t n)
{
	const char *headings[MAX_COLUMNS];
	struct table *t;

	for (size_t i = 0; i < n; i++)
		headings[i] = columns[i].heading;
	t = table_new(a, headings, n);
	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);

		for (size_t k = 0; k < n; k++)
			table_cell(t, column_text(a, row, &columns[k]));
	}
	return t;
}

void print_rows(struct ctl *c, const struct json *rows, const struct column *columns, size_t n)
{
	table_print(table_of(c->arena, rows, columns, n));
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
	t->cells[t->n++] = str_visible(t->a, text, false);
}

void table_write(const struct table *t, struct buf *out)
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

		buf_addf(out, STR_FMT "%*s%s", STR_ARG(t->cells[i]), last ? 0 : (int)pad + 2, "", last ? "\n" : "");
	}
}

void table_print(const struct table *t)
{
	struct buf b;

	buf_init(&b, t->a);
	table_write(t, &b);
	put(stdout, buf_str(&b));
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
	put_escaped(stderr, buf_str(&out));
}
