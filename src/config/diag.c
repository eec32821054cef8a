/* diag.c - collect, sort and print diagnostics. */
#include "config/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"

enum { DIAG_MAX = 200, SHOWN_COLS = 140, SUGGESTIONS_MAX = 100 };

struct entry {
	enum diag_level level;
	struct place at;
	const char *msg, *hint;
	size_t seq;
};

struct source_text {
	const char *file;
	struct str text;
};

struct diags {
	struct arena *a;
	struct entry v[DIAG_MAX];
	size_t n;
	size_t count[2];
	size_t n_suggested;
	struct source_text *sources;
	size_t n_sources, cap_sources;
	bool sorted;
};

struct diags *diags_new(struct arena *a)
{
	struct diags *d = ARENA_NEW(a, struct diags);
	d->a = a;
	return d;
}

static bool is_known(const struct diags *d, enum diag_level level, struct place at, const char *msg)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct entry *e = &d->v[i];
		if (e->level == level && e->at.line == at.line && e->at.col == at.col && !strcmp(e->msg, msg) &&
		    (e->at.file == at.file || (e->at.file && at.file && !strcmp(e->at.file, at.file))))
			return true;
	}
	return false;
}

void diag_add(struct diags *d, enum diag_level level, struct place at, const char *hint, const char *fmt, ...)
{
	if (d->n == DIAG_MAX) {
		d->count[level]++;
		return;
	}
	va_list ap;
	va_start(ap, fmt);
	const char *msg = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
	/* One expression may be used at several places of the compiled workflow. */
	if (is_known(d, level, at, msg))
		return;
	d->count[level]++;
	struct entry *e = &d->v[d->n];
	*e = (struct entry){.level = level, .at = at, .msg = msg, .seq = d->n++};
	if (at.file)
		e->at.file = arena_strdup(d->a, at.file);
	if (hint && *hint)
		e->hint = arena_strdup(d->a, hint);
	d->sorted = false;
}

void diag_source(struct diags *d, const char *file, struct str text)
{
	for (size_t i = 0; i < d->n_sources; i++)
		if (!strcmp(d->sources[i].file, file))
			return;
	if (d->n_sources == d->cap_sources) {
		size_t cap = d->cap_sources ? d->cap_sources * 2 : 16;
		struct source_text *v = ARENA_ARRAY(d->a, cap, struct source_text);
		if (d->n_sources)
			memcpy(v, d->sources, d->n_sources * sizeof(*v));
		d->sources = v;
		d->cap_sources = cap;
	}
	d->sources[d->n_sources++] = (struct source_text){arena_strdup(d->a, file), text};
}

bool diag_is_full(const struct diags *d)
{
	return d->n == DIAG_MAX;
}

bool diag_suggests(const struct diags *d)
{
	return d->n_suggested < SUGGESTIONS_MAX;
}

void diag_suggested(struct diags *d)
{
	d->n_suggested++;
}

size_t diag_errors(const struct diags *d)
{
	return d->count[DIAG_ERROR];
}

size_t diag_warnings(const struct diags *d)
{
	return d->count[DIAG_WARNING];
}

static int compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = strcmp(a->at.file ? a->at.file : "", b->at.file ? b->at.file : "");
	if (c)
		return c;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort(struct diags *d)
{
	if (!d->sorted && d->n)
		qsort(d->v, d->n, sizeof(d->v[0]), compare);
	d->sorted = true;
}

static bool find_line(const struct diags *d, struct place at, struct str *ret)
{
	if (!at.file || at.line < 1 || at.col < 1)
		return false;
	for (size_t i = 0; i < d->n_sources; i++) {
		if (strcmp(d->sources[i].file, at.file) != 0)
			continue;
		struct str rest = d->sources[i].text;
		for (int line = 1; line < at.line; line++) {
			ptrdiff_t nl = str_chr(rest, '\n');
			if (nl < 0)
				return false;
			rest = str_sub(rest, (size_t)nl + 1, rest.n);
		}
		ptrdiff_t nl = str_chr(rest, '\n');
		if (nl >= 0)
			rest.n = (size_t)nl;
		if (rest.n && rest.p[rest.n - 1] == '\r')
			rest.n--;
		*ret = rest;
		return true;
	}
	return false;
}

/* The line may be the very one that is not UTF-8 or holds control characters. */
static struct str clean_line(struct arena *a, struct str line)
{
	char *p = arena_strndup(a, line.p ? line.p : "", line.n);
	bool valid = utf8_valid(line);
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '\t')
			p[i] = ' ';
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid))
			p[i] = '?';
	}
	return (struct str){p, line.n};
}

static size_t byte_of_col(struct str s, size_t col)
{
	size_t i = 0;
	while (col-- && i < s.n)
		utf8_next(s, &i);
	return i;
}

static void print_source(struct buf *out, struct arena *a, struct str line, int col)
{
	line = clean_line(a, line);
	size_t len = utf8_len(line), caret = col > 0 ? (size_t)col - 1 : 0, from = 0;
	if (caret > len)
		caret = len;
	if (len > SHOWN_COLS && caret > SHOWN_COLS / 2)
		from = caret - SHOWN_COLS / 2;
	size_t to = len - from > SHOWN_COLS ? from + SHOWN_COLS : len;
	size_t b = byte_of_col(line, from);
	buf_adds(out, "  ");
	buf_addstr(out, str_sub(line, b, byte_of_col(line, to) - b));
	buf_adds(out, "\n  ");
	for (size_t i = from; i < caret; i++)
		buf_addc(out, ' ');
	buf_adds(out, "^\n");
}

static void print_entry(struct diags *d, const struct entry *e, struct arena *scratch, struct buf *out)
{
	if (e->at.file && e->at.line > 0 && !e->at.col)
		buf_addf(out, "%s:%d: ", e->at.file, e->at.line);
	else if (e->at.file && e->at.line > 0)
		buf_addf(out, "%s:%d:%d: ", e->at.file, e->at.line, e->at.col);
	else if (e->at.file)
		buf_addf(out, "%s: ", e->at.file);
	buf_addf(out, "%s: %s\n", e->level == DIAG_ERROR ? "error" : "warning", e->msg);
	struct str line;
	if (find_line(d, e->at, &line))
		print_source(out, scratch, line, e->at.col);
	if (e->hint)
		buf_addf(out, "  hint: %s\n", e->hint);
}

void diag_print(struct diags *d, struct buf *out)
{
	struct arena *scratch = arena_new(d->a);
	sort(d);
	for (size_t i = 0; i < d->n; i++)
		print_entry(d, &d->v[i], scratch, out);
	size_t all = d->count[DIAG_ERROR] + d->count[DIAG_WARNING];
	if (all > d->n)
		buf_addf(out, "and %zu more\n", all - d->n);
	arena_free(scratch);
}

const struct json *diag_json(struct diags *d, struct arena *a)
{
	struct json_builder list;
	json_array_begin(&list, a);
	sort(d);
	for (size_t i = 0; i < d->n; i++) {
		const struct entry *e = &d->v[i];
		struct json_builder o;
		json_object_begin(&o, a);
		json_object_setc(&o, "file", e->at.file ? json_stringc(a, e->at.file) : NULL);
		json_object_setc(&o, "line", json_int(a, e->at.line));
		json_object_setc(&o, "column", json_int(a, e->at.col));
		json_object_setc(&o, "level", json_stringc(a, e->level == DIAG_ERROR ? "error" : "warning"));
		json_object_setc(&o, "message", json_string_clean(a, str_from(e->msg)));
		if (e->hint)
			json_object_setc(&o, "hint", json_string_clean(a, str_from(e->hint)));
		json_array_add(&list, json_object_end(&o));
	}
	return json_array_end(&list);
}
