/* yaml_value.c - what the nodes of a YAML tree mean, and where their bytes stand. */
#include "config/yaml.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (str_is(map->pairs[i].key->text, key))
			return map->pairs[i].value;
	return NULL;
}

bool yaml_is_text(const struct yaml *n)
{
	return n && n->kind == YAML_SCALAR && n->value == YAML_TEXT;
}

const char *yaml_describe(const struct yaml *n)
{
	static const char *const words[] = {"text", "nothing", "true", "false", "a whole number", "a number"};
	if (n->kind == YAML_SCALAR)
		return words[n->value];
	return n->kind == YAML_LIST ? "a list" : "a map";
}

/* --- core schema --- */

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_is(s, *words))
			return true;
	return false;
}

static size_t digits(struct str s, size_t i)
{
	size_t from = i;
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

static bool is_prefixed_int(struct str s)
{
	if (s.n < 3 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'o'))
		return false;
	for (size_t i = 2; i < s.n; i++) {
		char c = s.p[i];
		bool oct = c >= '0' && c <= '7';
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (!(s.p[1] == 'x' ? hex : oct))
			return false;
	}
	return true;
}

static enum yaml_value resolve_number(struct str s)
{
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	size_t whole = digits(s, i);
	i += whole;
	if (whole && i == s.n)
		return YAML_INT;
	size_t fraction = 0;
	if (i < s.n && s.p[i] == '.') {
		fraction = digits(s, ++i);
		i += fraction;
	}
	if (!whole && !fraction)
		return YAML_TEXT;
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
			i++;
		size_t exponent = digits(s, i);
		if (!exponent)
			return YAML_TEXT;
		i += exponent;
	}
	return i == s.n ? YAML_FLOAT : YAML_TEXT;
}

enum yaml_value yaml_resolve(struct str s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const specials[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
					       "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL};
	if (is_one_of(s, nulls))
		return YAML_NULL;
	if (is_one_of(s, trues))
		return YAML_TRUE;
	if (is_one_of(s, falses))
		return YAML_FALSE;
	if (is_one_of(s, specials))
		return YAML_FLOAT;
	if (is_prefixed_int(s))
		return YAML_INT;
	return resolve_number(s);
}

/* --- JSON --- */

static const struct json *prefixed_json(struct arena *a, const struct yaml *n, struct diags *d)
{
	uint64_t v = 0, base = n->text.p[1] == 'x' ? 16 : 8;
	for (size_t i = 2; i < n->text.n; i++) {
		char c = n->text.p[i];
		uint64_t digit = (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
		if (v > ((uint64_t)INT64_MAX - digit) / base) {
			diag_error(d, n->at, "number " STR_FMT " does not fit 64 bits", STR_ARG(n->text));
			return NULL;
		}
		v = v * base + digit;
	}
	return json_int(a, (int64_t)v);
}

/* JSON knows no +1, 007, .5 or 5. */
static const struct json *number_json(struct arena *a, const struct yaml *n, struct diags *d)
{
	struct str s = n->text;
	if (is_prefixed_int(s))
		return prefixed_json(a, n, d);
	struct buf b;
	buf_init(&b, a);
	size_t i = s.p[0] == '-' || s.p[0] == '+' ? 1 : 0;
	if (s.p[0] == '-')
		buf_addc(&b, '-');
	size_t whole = digits(s, i);
	while (whole > 1 && s.p[i] == '0') {
		i++;
		whole--;
	}
	if (!whole)
		buf_addc(&b, '0');
	buf_addstr(&b, str_sub(s, i, whole));
	i += whole;
	if (i < s.n && s.p[i] == '.') {
		size_t fraction = digits(s, i + 1);
		if (fraction)
			buf_addstr(&b, str_sub(s, i, fraction + 1));
		i += fraction + 1;
	}
	buf_addstr(&b, str_sub(s, i, s.n));
	const struct json *v;
	struct err err;
	if (json_parse(a, buf_str(&b), NULL, &v, &err) == 0)
		return v;
	diag_error(d, n->at, "number " STR_FMT " is not one that JSON can hold", STR_ARG(s));
	return NULL;
}

static const struct json *scalar_json(struct arena *a, const struct yaml *n, struct diags *d)
{
	switch (n->value) {
	case YAML_NULL:
		return json_null();
	case YAML_TRUE:
		return json_bool(true);
	case YAML_FALSE:
		return json_bool(false);
	case YAML_INT:
	case YAML_FLOAT:
		return number_json(a, n, d);
	default:
		return json_string(a, n->text);
	}
}

/* Recursion is bounded by YAML_MAX_DEPTH. */
const struct json *yaml_json(struct arena *a, const struct yaml *n, struct diags *d)
{
	if (n->kind == YAML_SCALAR)
		return scalar_json(a, n, d);
	struct json_builder b;
	bool ok = true;
	if (n->kind == YAML_LIST)
		json_array_begin(&b, a);
	else
		json_object_begin(&b, a);
	for (size_t i = 0; i < n->n; i++) {
		const struct json *v = yaml_json(a, n->kind == YAML_LIST ? n->items[i] : n->pairs[i].value, d);
		ok &= v != NULL;
		if (n->kind == YAML_LIST)
			json_array_add(&b, v);
		else
			json_object_set(&b, n->pairs[i].key->text, v);
	}
	if (!ok)
		return NULL;
	return n->kind == YAML_LIST ? json_array_end(&b) : json_object_end(&b);
}

/* --- places --- */

struct place text_place(const char *file, struct str text, size_t offset)
{
	if (offset > text.n)
		offset = text.n;
	struct place at = {file, 1, 1};
	for (size_t i = 0; i < offset; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\n') {
			at.line++;
			at.col = 1;
		} else if ((c & 0xc0) != 0x80) {
			at.col++;
		}
	}
	return at;
}

static size_t byte_of(struct str text, struct place at)
{
	size_t i = 0;
	for (int line = 1; line < at.line && i < text.n; i++)
		if (text.p[i] == '\n')
			line++;
	for (int col = 1; col < at.col && i < text.n;) {
		i++;
		if (i >= text.n || ((unsigned char)text.p[i] & 0xc0) != 0x80)
			col++;
	}
	return i;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t escape_length(struct str raw, size_t r)
{
	if (r + 1 >= raw.n)
		return 1;
	switch (raw.p[r + 1]) {
	case 'x':
		return 4;
	case 'u':
		return 6;
	case 'U':
		return 10;
	default:
		return 2;
	}
}

/* Follow the raw text along the content: whatever YAML folded, stripped or indented is white space. */
static size_t raw_of(const struct yaml *n, size_t offset)
{
	struct str raw = n->doc->text, s = n->text;
	size_t r = byte_of(raw, n->at);
	if (n->style == '"' || n->style == '\'')
		r++;
	if (n->style == '|' || n->style == '>')
		while (r < raw.n && raw.p[r++] != '\n')
			;
	for (size_t c = 0; r < raw.n; c++) {
		if (n->style == '"')
			while (raw.p[r] == '\\' && r + 1 < raw.n && is_space(raw.p[r + 1]) && raw.p[r + 1] != ' ')
				for (r++; r < raw.n && is_space(raw.p[r]); r++)
					;
		if (c < s.n && !is_space(s.p[c]))
			while (r < raw.n && is_space(raw.p[r]))
				r++;
		if (c >= offset || c >= s.n || r >= raw.n)
			break;
		if (n->style == '"' && raw.p[r] == '\\') {
			r += escape_length(raw, r);
			while (c + 1 < s.n && ((unsigned char)s.p[c + 1] & 0xc0) == 0x80)
				c++;
		} else {
			r += n->style == '\'' && raw.p[r] == '\'' ? 2 : 1;
		}
	}
	return r;
}

struct place yaml_place(const struct yaml *n, size_t offset)
{
	if (n->kind != YAML_SCALAR || !n->text.n)
		return n->at;
	return text_place(n->doc->file, n->doc->text, raw_of(n, offset));
}
