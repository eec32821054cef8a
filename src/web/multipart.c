/* multipart.c - see multipart.h. What could not be judged yet is held; everything else is told at once. */
#define _GNU_SOURCE /* memmem */
#include "web/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"

enum { MAX_BOUNDARY = 70, MAX_HEAD = 4096 };

enum place { AT_BOUNDARY, BEHIND_BOUNDARY, IN_HEAD, IN_BODY, AT_END };

struct multipart {
	struct arena *arena, *scratch;	/* scratch: of one head */
	struct multipart_user user;
	struct str delimiter;		/* CR LF -- boundary */
	enum place place;
	char *held;			/* what was fed and is not judged */
	size_t n, cap;
};

static int bad(struct err *err, const char *what)
{
	err_set(err, ERR_INVALID, "multipart: %s", what);
	if (err)
		err->status = 400;
	return -1;
}

/* --- parameters of headers --- */

/* ; NAME=TOKEN or ; NAME="TEXT", with \" and \\ in the text. Cuts one off *rest; -1: is none. */
static int next_parameter(struct arena *a, struct str *rest, struct str *name, struct str *value)
{
	struct str r = str_trim(*rest);
	ptrdiff_t eq;
	struct buf b;
	size_t i;

	if (r.n == 0 || r.p[0] != ';')
		return -1;
	r = str_trim(str_sub(r, 1, r.n));
	eq = str_chr(r, '=');
	if (eq <= 0)
		return -1;
	*name = str_sub(r, 0, (size_t)eq);
	r = str_sub(r, (size_t)eq + 1, r.n);
	if (r.n == 0 || r.p[0] != '"') {
		ptrdiff_t end = str_chr(r, ';');

		*value = str_trim(str_sub(r, 0, end < 0 ? r.n : (size_t)end));
		*rest = end < 0 ? STR("") : str_sub(r, (size_t)end, r.n);
		return value->n ? 0 : -1;
	}
	buf_init(&b, a);
	for (i = 1; i < r.n && r.p[i] != '"'; i++) {
		if (r.p[i] == '\\' && i + 1 < r.n && (r.p[i + 1] == '"' || r.p[i + 1] == '\\'))
			i++;
		buf_addc(&b, r.p[i]);
	}
	if (i == r.n)
		return -1;
	*value = b.n ? buf_str(&b) : STR("");
	*rest = str_sub(r, i + 1, r.n);
	return 0;
}

static bool same_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* What stands before the first parameter. */
static struct str first_word(struct str *rest)
{
	ptrdiff_t semicolon = str_chr(*rest, ';');
	struct str word = str_sub(*rest, 0, semicolon < 0 ? rest->n : (size_t)semicolon);

	*rest = semicolon < 0 ? STR("") : str_sub(*rest, (size_t)semicolon, rest->n);
	return str_trim(word);
}

static bool is_boundary(struct str s)
{
	if (s.n == 0 || s.n > MAX_BOUNDARY || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=? ", s.p[i]) || !s.p[i])
			return false;
	return true;
}

struct multipart *multipart_new(struct arena *a, struct str content_type, struct multipart_user user, struct err *err)
{
	struct multipart *m = ARENA_NEW(a, struct multipart);
	struct str rest = content_type, name, value, boundary = STR_NONE;

	first_word(&rest);
	while (str_trim(rest).n) {
		if (next_parameter(a, &rest, &name, &value) < 0) {
			bad(err, "a Content-Type that cannot be read");
			return NULL;
		}
		if (!same_word(name, "boundary"))
			continue;
		if (boundary.p || !is_boundary(value)) {
			bad(err, "expected one boundary of 1 to 70 characters in Content-Type");
			return NULL;
		}
		boundary = value;
	}
	if (!boundary.p) {
		bad(err, "no boundary in Content-Type");
		return NULL;
	}
	m->arena = a;
	m->scratch = arena_new(a);
	m->user = user;
	m->delimiter = str_from(arena_printf(a, "\r\n--" STR_FMT, STR_ARG(boundary)));
	m->cap = MAX_HEAD;
	m->held = arena_alloc(a, m->cap);
	m->place = AT_BOUNDARY;
	return m;
}

/* --- heads --- */

static int read_disposition(struct multipart *m, struct str value, struct part_head *h, struct err *err)
{
	struct str name, text;

	if (h->name.p)
		return bad(err, "a part with two Content-Disposition");
	if (!same_word(first_word(&value), "form-data"))
		return bad(err, "a part that is no form-data");
	while (str_trim(value).n) {
		if (next_parameter(m->scratch, &value, &name, &text) < 0)
			return bad(err, "a Content-Disposition that cannot be read");
		if (same_word(name, "name"))
			h->name = text;
		else if (same_word(name, "filename"))
			h->filename = text;
		else
			return bad(err, "a Content-Disposition with more than name and filename");
	}
	return h->name.p ? 0 : bad(err, "a part without a name");
}

static int read_encoding(struct str value, struct err *err)
{
	if (same_word(value, "binary") || same_word(value, "8bit") || same_word(value, "7bit"))
		return 0;
	return bad(err, "a part with a Content-Transfer-Encoding");
}

static int read_line(struct multipart *m, struct str line, struct part_head *h, struct err *err)
{
	ptrdiff_t colon = str_chr(line, ':');
	struct str name, value;

	if (colon <= 0)
		return bad(err, "a header of a part without a name");
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return bad(err, "a control character in a header of a part");
	if (line.p[0] == ' ' || line.p[0] == '\t' || line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t')
		return bad(err, "a header of a part that is folded or has a space before its colon");
	if (!utf8_valid(line))
		return bad(err, "a header of a part that is not UTF-8");
	name = str_sub(line, 0, (size_t)colon);
	value = str_trim(str_sub(line, (size_t)colon + 1, line.n));
	if (same_word(name, "Content-Disposition"))
		return read_disposition(m, value, h, err);
	if (same_word(name, "Content-Transfer-Encoding"))
		return read_encoding(value, err);
	if (same_word(name, "Content-Type"))
		h->type = value;
	return 0;
}

static int read_head(struct multipart *m, struct str text, struct err *err)
{
	struct part_head h = {STR_NONE, STR_NONE, STR_NONE};

	arena_reset(m->scratch);
	while (text.n) {
		ptrdiff_t end = str_find(text, STR("\r\n"));

		if (read_line(m, str_sub(text, 0, (size_t)end), &h, err) < 0)
			return -1;
		text = str_sub(text, (size_t)end + 2, text.n);
	}
	if (!h.name.p)
		return bad(err, "a part without Content-Disposition");
	return m->user.head(m->user.arg, &h, err);
}

/* --- the body: each step says how much of what is held it used up; 0: it needs more --- */

static int step_boundary(struct multipart *m, struct str s, size_t *used, struct err *err)
{
	struct str want = str_sub(m->delimiter, 2, m->delimiter.n);
	size_t n = s.n < want.n ? s.n : want.n;

	if (!str_eq(str_sub(s, 0, n), str_sub(want, 0, n)))
		return bad(err, "a body that does not begin with its boundary");
	if (n == want.n) {
		*used = n;
		m->place = BEHIND_BOUNDARY;
	}
	return 0;
}

static int step_behind(struct multipart *m, struct str s, size_t *used, struct err *err)
{
	if (s.n < 2)
		return 0;
	*used = 2;
	if (str_starts(s, STR("--")))
		m->place = AT_END;
	else if (str_starts(s, STR("\r\n")))
		m->place = IN_HEAD;
	else
		return bad(err, "something else than a line's end behind a boundary");
	return 0;
}

static int step_head(struct multipart *m, struct str s, size_t *used, struct err *err)
{
	ptrdiff_t end = str_find(s, STR("\r\n\r\n"));

	if (str_starts(s, STR("\r\n")))
		return bad(err, "a part without Content-Disposition");
	if (end < 0)
		return s.n >= MAX_HEAD ? bad(err, "a part whose head has more than 4 KiB") : 0;
	if (end > MAX_HEAD)
		return bad(err, "a part whose head has more than 4 KiB");
	*used = (size_t)end + 4;
	m->place = IN_BODY;
	return read_head(m, str_sub(s, 0, (size_t)end + 2), err);
}

static int step_body(struct multipart *m, struct str s, size_t *used, struct err *err)
{
	const char *at = memmem(s.p, s.n, m->delimiter.p, m->delimiter.n);
	size_t n = at ? (size_t)(at - s.p) : s.n >= m->delimiter.n ? s.n - (m->delimiter.n - 1) : 0;

	if (n && m->user.data(m->user.arg, str_sub(s, 0, n), err) < 0)
		return -1;
	*used = n;
	if (!at)
		return 0;
	*used = n + m->delimiter.n;
	m->place = BEHIND_BOUNDARY;
	return m->user.end(m->user.arg, err);
}

static int step_end(struct multipart *m, struct str s, size_t *used, struct err *err)
{
	size_t n = s.n < 2 ? s.n : 2;

	(void)used;
	(void)m;
	if (s.n > 2 || !str_starts(STR("\r\n"), str_sub(s, 0, n)))
		return bad(err, "something behind the last boundary");
	return 0;
}

static int (*const steps[])(struct multipart *m, struct str s, size_t *used, struct err *err) = {
	[AT_BOUNDARY] = step_boundary, [BEHIND_BOUNDARY] = step_behind, [IN_HEAD] = step_head,
	[IN_BODY] = step_body,	       [AT_END] = step_end,
};

static void hold(struct multipart *m, struct str bytes)
{
	if (m->n + bytes.n > m->cap) {
		char *more = arena_alloc(m->arena, m->cap = 2 * (m->n + bytes.n));

		memcpy(more, m->held, m->n);
		m->held = more;
	}
	memcpy(m->held + m->n, bytes.p, bytes.n);
	m->n += bytes.n;
}

int multipart_feed(struct multipart *m, struct str bytes, struct err *err)
{
	size_t at = 0, used;

	if (bytes.n)
		hold(m, bytes);
	do {
		used = 0;
		if (steps[m->place](m, (struct str){m->held + at, m->n - at}, &used, err) < 0)
			return -1;
		at += used;
	} while (used > 0);
	memmove(m->held, m->held + at, m->n - at);
	m->n -= at;
	return 0;
}

int multipart_finish(struct multipart *m, struct err *err)
{
	return m->place == AT_END ? 0 : bad(err, "a body that ends before its last boundary");
}
