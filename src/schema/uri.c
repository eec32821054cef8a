/* uri.c - references against a base, as RFC 3986 section 5.2 has it. */
#include "base/arena.h"
#include "schema/program.h"

struct uri {
	struct str scheme, authority, path, query, fragment;	/* .p NULL: not there */
};

static bool is_scheme(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.')))
			return false;
	}
	return s.n > 0;
}

static struct str up_to(struct str *s, const char *stops)
{
	size_t i = 0;
	struct str head;

	while (i < s->n && !strchr(stops, s->p[i]))
		i++;
	head = str_sub(*s, 0, i);
	*s = str_sub(*s, i, s->n);
	return head;
}

static struct uri split(struct str s)
{
	struct uri u = {.scheme = STR_NONE};
	ptrdiff_t colon = str_chr(s, ':');

	if (colon > 0 && is_scheme(str_sub(s, 0, (size_t)colon))) {
		u.scheme = str_sub(s, 0, (size_t)colon);
		s = str_sub(s, (size_t)colon + 1, s.n);
	}
	if (str_starts(s, STR("//"))) {
		s = str_sub(s, 2, s.n);
		u.authority = up_to(&s, "/?#");
	}
	u.path = up_to(&s, "?#");
	if (s.n && s.p[0] == '?') {
		s = str_sub(s, 1, s.n);
		u.query = up_to(&s, "#");
	}
	if (s.n)
		u.fragment = str_sub(s, 1, s.n);
	return u;
}

/* Section 5.2.4, in place. */
static struct str without_dots(struct arena *a, struct str path)
{
	struct buf out;

	buf_init(&out, a);
	while (path.n) {
		if (str_starts(path, STR("../"))) {
			path = str_sub(path, 3, path.n);
		} else if (str_starts(path, STR("./"))) {
			path = str_sub(path, 2, path.n);
		} else if (str_starts(path, STR("/./")) || str_is(path, "/.")) {
			path = path.n == 2 ? STR("/") : str_sub(path, 2, path.n);
		} else if (str_starts(path, STR("/../")) || str_is(path, "/..")) {
			path = path.n == 3 ? STR("/") : str_sub(path, 3, path.n);
			while (out.n && out.p[--out.n] != '/')
				;
		} else if (str_is(path, ".") || str_is(path, "..")) {
			break;
		} else {
			size_t n = 1;

			while (n < path.n && path.p[n] != '/')
				n++;
			buf_add(&out, path.p, n);
			path = str_sub(path, n, path.n);
		}
	}
	return buf_str(&out);
}

static struct str merged(struct arena *a, const struct uri *base, struct str path)
{
	struct buf out;
	size_t dir = base->path.n;

	buf_init(&out, a);
	while (dir && base->path.p[dir - 1] != '/')
		dir--;
	if (base->authority.p && base->path.n == 0)
		buf_addc(&out, '/');
	buf_add(&out, str_chars(base->path), dir);
	buf_addstr(&out, path);
	return buf_str(&out);
}

static struct str joined(struct arena *a, const struct uri *u)
{
	struct buf out;

	buf_init(&out, a);
	if (u->scheme.p)
		buf_addf(&out, STR_FMT ":", STR_ARG(u->scheme));
	if (u->authority.p)
		buf_addf(&out, "//" STR_FMT, STR_ARG(u->authority));
	buf_addstr(&out, u->path);
	if (u->query.p)
		buf_addf(&out, "?" STR_FMT, STR_ARG(u->query));
	if (u->fragment.p && u->fragment.n)
		buf_addf(&out, "#" STR_FMT, STR_ARG(u->fragment));
	return buf_str(&out);
}

struct str uri_resolve(struct arena *a, struct str base_text, struct str reference)
{
	struct uri base = split(base_text), r = split(reference), t = r;

	if (!r.scheme.p) {
		t.scheme = base.scheme;
		if (!r.authority.p) {
			t.authority = base.authority;
			if (r.path.n == 0) {
				t.path = base.path;
				if (!r.query.p)
					t.query = base.query;
			} else if (r.path.p[0] != '/') {
				t.path = merged(a, &base, r.path);
			}
		}
	}
	if (r.path.n)
		t.path = without_dots(a, t.path);
	return joined(a, &t);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct str uri_unescape(struct arena *a, struct str s)
{
	struct buf out;

	buf_init(&out, a);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			buf_addc(&out, (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])));
			i += 2;
		} else {
			buf_addc(&out, s.p[i]);
		}
	}
	return buf_str(&out);
}
