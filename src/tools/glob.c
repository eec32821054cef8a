/* glob.c - matching a name against a pattern: only the last star is ever tried again. */
#include "tools/glob.h"

/* At '[': does c fit the set? *i moves behind the ']'. -1: no set, '[' stands for itself. */
static int fits_set(struct str p, size_t *i, uint32_t c)
{
	size_t at = *i + 1;
	bool not = at < p.n && (p.p[at] == '!' || p.p[at] == '^'), fits = false, first = true;

	at += not;
	for (; at < p.n && (p.p[at] != ']' || first); first = false) {
		uint32_t lo = utf8_next(p, &at), hi = lo;

		if (at + 1 < p.n && p.p[at] == '-' && p.p[at + 1] != ']') {
			at++;
			hi = utf8_next(p, &at);
		}
		fits = fits || (c >= lo && c <= hi);
	}
	if (at >= p.n)
		return -1;
	*i = at + 1;
	return fits != not;
}

/* One pattern character against one of the text. Both indexes move on a fit. */
static bool step(struct str p, size_t *i, struct str t, size_t *j)
{
	size_t ti = *j, pi = *i;
	uint32_t c = utf8_next(t, &ti);
	int set = p.p[pi] == '[' ? fits_set(p, &pi, c) : -1;

	if (set == 0)
		return false;
	if (set < 0) {
		char wild = p.p[pi];

		if (utf8_next(p, &pi) != c && wild != '?')
			return false;
	}
	*i = pi;
	*j = ti;
	return true;
}

static bool segment_matches(struct str p, struct str t)
{
	size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;

	if (t.n > 0 && t.p[0] == '.' && (p.n == 0 || p.p[0] != '.'))
		return false;
	while (j < t.n) {
		if (i < p.n && p.p[i] == '*') {
			star = i++;
			mark = j;
		} else if (i < p.n && step(p, &i, t, &j)) {
			continue;
		} else if (star != SIZE_MAX) {
			utf8_next(t, &mark);
			i = star + 1;
			j = mark;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

static struct str next_segment(struct str *rest)
{
	ptrdiff_t slash = str_chr(*rest, '/');
	size_t n = slash < 0 ? rest->n : (size_t)slash;
	struct str head = str_sub(*rest, 0, n);

	*rest = slash < 0 ? STR_NONE : str_sub(*rest, n + 1, rest->n);
	return head;
}

bool glob_matches(struct str pattern, struct str path)
{
	do {
		struct str p = next_segment(&pattern), t = next_segment(&path);

		if (!segment_matches(p, t))
			return false;
	} while (pattern.p && path.p);
	return !pattern.p && !path.p;
}
