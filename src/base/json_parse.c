/* json_parse.c - the strict parser: one loop over an explicit stack, so that depth costs no C stack.
 *
 * UTF-8 is checked once for the whole text. Open containers share one growing table of entries; a
 * level knows where its own begin, and closing it copies them out at their exact number.
 */
#include "base/json_shape.h"

#include "base/arena.h"
#include "base/err.h"

enum { DEFAULT_BYTES = 64 * 1024 * 1024, DEFAULT_DEPTH = 64, DEFAULT_VALUES = 4000000, FIRST_ENTRIES = 64 };

struct level {
	size_t first;	/* its first entry */
	bool object;
};

struct parser {
	struct arena *a, *scratch;
	const char *start, *p, *end;
	bool lenient;
	struct json_limits max;
	size_t values;
	struct str *keys;	/* entries: key, where it was written, value */
	size_t *key_at;
	const struct json **vals;
	size_t n, cap;
	struct level *levels;
	size_t depth, level_cap;
	struct err *err;
};

static int fail(struct parser *ps, const char *at, const char *what)
{
	return err_set(ps->err, ERR_JSON, "%s at byte %zu", what, (size_t)(at - ps->start));
}

/* "expected ',' or '}', got 'x'" */
static int expected(struct parser *ps, const char *what)
{
	unsigned char c;

	if (ps->p == ps->end)
		return err_set(ps->err, ERR_JSON, "expected %s, but the text ends at byte %zu", what,
			       (size_t)(ps->end - ps->start));
	c = (unsigned char)*ps->p;
	return err_set(ps->err, ERR_JSON, c > 0x20 && c < 0x7f ? "expected %s, got '%c' at byte %zu" :
		       "expected %s, got 0x%02x at byte %zu", what, c, (size_t)(ps->p - ps->start));
}

static void skip_space(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\t' || *ps->p == '\r'))
		ps->p++;
}

static bool at_char(struct parser *ps, char c)
{
	return ps->p < ps->end && *ps->p == c;
}

/* --- strings --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The unit of \uXXXX at p, or -1. */
static int32_t unit(const char *p, const char *end)
{
	int32_t u = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		u = u * 16 + d;
	}
	return u;
}

static size_t unicode_escape(const struct parser *ps, const char *p, uint32_t *cp, const char **fault)
{
	int32_t u = unit(p, ps->end), low;

	if (u < 0) {
		*fault = "\\u needs four hexadecimal digits";
		return 0;
	}
	*cp = (uint32_t)u;
	if (u >= 0xd800 && u <= 0xdbff) {
		low = unit(p + 6, ps->end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*cp = 0x10000 + ((uint32_t)(u - 0xd800) << 10 | (uint32_t)(low - 0xdc00));
			return 12;
		}
	}
	if (u != 0 && (u < 0xd800 || u > 0xdfff))
		return 6;
	if (ps->lenient) {
		*cp = 0xfffd;
		return 6;
	}
	*fault = u == 0 ? "NUL in a string" : "lone surrogate in a string";
	return 0;
}

/* Bytes of the escape at p (a backslash), 0 and *fault when it is none. */
static size_t escape(const struct parser *ps, const char *p, uint32_t *cp, const char **fault)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *at;

	*fault = "unknown escape in a string";
	if (ps->end - p < 2)
		return 0;
	if (p[1] == 'u')
		return unicode_escape(ps, p, cp, fault);
	at = p[1] ? strchr(letters, p[1]) : NULL;
	if (!at)
		return 0;
	*cp = (unsigned char)meanings[at - letters];
	return 2;
}

/* From behind the opening quote to the closing one; *n: bytes when decoded. */
static const char *string_end(struct parser *ps, size_t *n)
{
	const char *p = ps->p, *fault;
	size_t saved = 0;

	while (p < ps->end && *p != '"') {
		char utf8[4];
		uint32_t cp;
		size_t taken;

		if ((unsigned char)*p < 0x20) {
			fail(ps, p, "control character in a string");
			return NULL;
		}
		if (*p != '\\') {
			p++;
			continue;
		}
		taken = escape(ps, p, &cp, &fault);
		if (taken == 0) {
			fail(ps, p, fault);
			return NULL;
		}
		saved += taken - utf8_put(utf8, cp);
		p += taken;
	}
	if (p == ps->end) {
		fail(ps, ps->p - 1, "string without an end, begun");
		return NULL;
	}
	*n = (size_t)(p - ps->p) - saved;
	return p;
}

static void decode(const struct parser *ps, const char *p, const char *end, char *out)
{
	const char *fault;

	while (p < end) {
		const char *back = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((back ? back : end) - p);
		uint32_t cp;

		memcpy(out, p, plain);
		out += plain;
		p += plain;
		if (!back)
			return;
		p += escape(ps, p, &cp, &fault);
		out += utf8_put(out, cp);
	}
}

/* The string at p as a value, or (value NULL) as the bare text of a key. */
static int read_string(struct parser *ps, const struct json **value, struct str *key)
{
	const char *end;
	char *text;
	size_t n;

	ps->p++;
	end = string_end(ps, &n);
	if (!end)
		return -1;
	if (value) {
		*value = json_string_room(ps->a, n, &text);
	} else {
		text = arena_alloc(ps->a, n + 1);
		text[n] = '\0';
		*key = (struct str){text, n};
	}
	if (n == (size_t)(end - ps->p))
		memcpy(text, ps->p, n);
	else
		decode(ps, ps->p, end, text);
	ps->p = end + 1;
	return 0;
}

/* --- scalars --- */

static int read_word(struct parser *ps, struct str word, const struct json *v, const struct json **ret)
{
	if (!str_starts((struct str){ps->p, (size_t)(ps->end - ps->p)}, word))
		return expected(ps, "a value");
	ps->p += word.n;
	*ret = v;
	return 0;
}

static int read_number(struct parser *ps, const struct json **ret)
{
	struct str rest = {ps->p, (size_t)(ps->end - ps->p)};
	const char *fault;
	bool integer;
	size_t n = json_number_scan(rest, &integer);

	if (n == 0)
		return fail(ps, ps->p, "malformed number");
	if (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		return fail(ps, ps->p, "number with a leading zero");
	*ret = json_number_make(ps->a, str_sub(rest, 0, n), integer, &fault);
	if (!*ret)
		return fail(ps, ps->p, fault);
	ps->p += n;
	return 0;
}

static int read_scalar(struct parser *ps, const struct json **ret)
{
	switch (ps->p < ps->end ? *ps->p : '\0') {
	case '"':
		return read_string(ps, ret, NULL);
	case 'n':
		return read_word(ps, STR("null"), json_null(), ret);
	case 'f':
		return read_word(ps, STR("false"), json_bool(false), ret);
	case 't':
		return read_word(ps, STR("true"), json_bool(true), ret);
	case '-':
	case '0' ... '9':
		return read_number(ps, ret);
	default:
		return expected(ps, "a value");
	}
}

/* --- containers --- */

/* cap entries of one table, moved to room for twice as many. */
static void *doubled(struct arena *a, const void *old, size_t cap, size_t size)
{
	void *p = arena_array(a, cap ? cap * 2 : FIRST_ENTRIES, size);

	if (cap)
		memcpy(p, old, cap * size);
	return p;
}

static void push(struct parser *ps, struct str key, size_t key_at, const struct json *v)
{
	if (ps->n == ps->cap) {
		ps->keys = doubled(ps->scratch, ps->keys, ps->cap, sizeof *ps->keys);
		ps->key_at = doubled(ps->scratch, ps->key_at, ps->cap, sizeof *ps->key_at);
		ps->vals = doubled(ps->scratch, ps->vals, ps->cap, sizeof *ps->vals);
		ps->cap = ps->cap ? ps->cap * 2 : FIRST_ENTRIES;
	}
	ps->keys[ps->n] = key;
	ps->key_at[ps->n] = key_at;
	ps->vals[ps->n++] = v;
}

/* A key and its colon become an entry that waits for its value. */
static int read_key(struct parser *ps)
{
	struct str key;
	size_t at;

	skip_space(ps);
	if (!at_char(ps, '"'))
		return expected(ps, "a key in quotes");
	at = (size_t)(ps->p - ps->start);
	if (read_string(ps, NULL, &key) < 0)
		return -1;
	skip_space(ps);
	if (!at_char(ps, ':'))
		return expected(ps, "':'");
	ps->p++;
	push(ps, key, at, NULL);
	return 0;
}

static int open_level(struct parser *ps)
{
	if (ps->depth == ps->max.max_depth)
		return err_set(ps->err, ERR_SIZE, "JSON nested more than %zu levels deep at byte %zu",
			       ps->max.max_depth, (size_t)(ps->p - ps->start));
	if (ps->depth == ps->level_cap) {
		ps->levels = doubled(ps->scratch, ps->levels, ps->level_cap, sizeof *ps->levels);
		ps->level_cap = ps->level_cap ? ps->level_cap * 2 : FIRST_ENTRIES;
	}
	ps->levels[ps->depth++] = (struct level){.first = ps->n, .object = *ps->p == '{'};
	ps->p++;
	return 0;
}

static int close_level(struct parser *ps, const struct json **ret)
{
	struct level l = ps->levels[--ps->depth];
	size_t n = ps->n - l.first, duplicate;
	const struct str *keys;

	ps->p++;
	ps->n = l.first;
	if (n == 0) {
		*ret = l.object ? json_empty_object() : json_empty_array();
		return 0;
	}
	if (!l.object) {
		*ret = json_array(ps->a, ps->vals + l.first, n);
		return 0;
	}
	keys = arena_dup(ps->a, ps->keys + l.first, n * sizeof *keys);
	*ret = json_object_over(ps->a, keys, arena_dup(ps->a, ps->vals + l.first, n * sizeof *ps->vals), n,
				&duplicate);
	if (duplicate == n)
		return 0;
	return err_set(ps->err, ERR_JSON, "duplicate key \"%.*s\" at byte %zu",
		       keys[duplicate].n < 80 ? (int)keys[duplicate].n : 80, keys[duplicate].p,
		       ps->key_at[l.first + duplicate]);
}

/* A value is complete: give it to its container, then close what ends here. *ret is the whole
 * value once no container is open; NULL when another value must follow. */
static int attach(struct parser *ps, const struct json *v, const struct json **ret)
{
	while (ps->depth > 0) {
		bool object = ps->levels[ps->depth - 1].object;

		if (object)
			ps->vals[ps->n - 1] = v;
		else
			push(ps, STR_NONE, 0, v);
		skip_space(ps);
		if (at_char(ps, ',')) {
			ps->p++;
			*ret = NULL;
			return object ? read_key(ps) : 0;
		}
		if (!at_char(ps, object ? '}' : ']'))
			return expected(ps, object ? "',' or '}'" : "',' or ']'");
		if (close_level(ps, &v) < 0)
			return -1;
	}
	*ret = v;
	return 0;
}

/* One value, or the opening of a container that is not empty (*ret NULL). */
static int read_value(struct parser *ps, const struct json **ret)
{
	bool object;

	skip_space(ps);
	if (++ps->values > ps->max.max_values)
		return err_set(ps->err, ERR_SIZE, "JSON of more than %zu values at byte %zu", ps->max.max_values,
			       (size_t)(ps->p - ps->start));
	object = at_char(ps, '{');
	if (!object && !at_char(ps, '['))
		return read_scalar(ps, ret);
	if (open_level(ps) < 0)
		return -1;
	skip_space(ps);
	if (at_char(ps, object ? '}' : ']'))
		return close_level(ps, ret);
	*ret = NULL;
	return object ? read_key(ps) : 0;
}

static int parse(struct parser *ps, const struct json **ret)
{
	const struct json *v;

	for (;;) {
		if (read_value(ps, &v) < 0)
			return -1;
		if (!v)
			continue;
		if (attach(ps, v, &v) < 0)
			return -1;
		if (v)
			break;
	}
	skip_space(ps);
	if (ps->p != ps->end)
		return expected(ps, "nothing behind the value");
	*ret = v;
	return 0;
}

/* --- the whole text --- */

/* Surrogates that someone encoded one by one (ed a0..bf xx) become U+FFFD, as long as they. */
static struct str without_surrogates(struct arena *a, struct str text)
{
	char *copy = str_cstr(a, text);
	struct str s = {copy, text.n};
	size_t at = 0;

	for (;;) {
		at += utf8_prefix(str_sub(s, at, s.n));
		if (s.n - at < 3 || (unsigned char)copy[at] != 0xed || (unsigned char)copy[at + 1] < 0xa0 ||
		    (unsigned char)copy[at + 1] > 0xbf || ((unsigned char)copy[at + 2] & 0xc0) != 0x80)
			return s;
		memcpy(copy + at, "\xef\xbf\xbd", 3);
		at += 3;
	}
}

static int parse_text(struct parser *ps, struct str text, const struct json **ret)
{
	size_t valid;

	if (text.n > ps->max.max_bytes)
		return err_set(ps->err, ERR_SIZE, "JSON of %zu bytes, at most %zu are allowed", text.n,
			       ps->max.max_bytes);
	valid = utf8_prefix(text);
	if (valid < text.n && ps->lenient) {
		text = without_surrogates(ps->scratch, text);
		valid = utf8_prefix(text);
	}
	ps->start = ps->p = text.p;
	ps->end = text.n ? text.p + text.n : text.p;
	if (valid < text.n)
		return fail(ps, text.p + valid, "invalid UTF-8");
	if (str_starts(text, STR("\xef\xbb\xbf")))
		return fail(ps, text.p, "byte order mark");
	return parse(ps, ret);
}

static int parse_with(struct arena *a, struct str text, const struct json_limits *limits, bool lenient,
		      const struct json **ret, struct err *err)
{
	struct parser ps = {.a = a, .scratch = arena_new(NULL), .lenient = lenient, .err = err};
	int rc;

	if (limits)
		ps.max = *limits;
	if (ps.max.max_bytes == 0)
		ps.max.max_bytes = DEFAULT_BYTES;
	if (ps.max.max_depth == 0)
		ps.max.max_depth = DEFAULT_DEPTH;
	if (ps.max.max_values == 0)
		ps.max.max_values = DEFAULT_VALUES;
	rc = parse_text(&ps, text, ret);
	arena_free(ps.scratch);
	return rc;
}

int json_parse(struct arena *a, struct str text, const struct json_limits *limits, const struct json **ret,
	       struct err *err)
{
	return parse_with(a, text, limits, false, ret, err);
}

int json_parse_lenient(struct arena *a, struct str text, const struct json_limits *limits,
		       const struct json **ret, struct err *err)
{
	return parse_with(a, text, limits, true, ret, err);
}
