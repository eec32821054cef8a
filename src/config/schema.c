/* schema.c - read maps by key tables. */
#include "config/schema.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/pattern.h"

enum { MAX_CANDIDATES = 300 };

/* --- names and suggestions --- */

bool load_matches(const struct load *l, struct str s, const char *pattern)
{
	struct arena *scratch = arena_new(l->a);
	uint64_t steps = PATTERN_STEPS;
	struct pattern_error error;
	const struct pattern *p = pattern_compile(scratch, str_from(pattern), PATTERN_END_ONLY, &error);
	if (!p)
		fatal("the pattern \"%s\" of our own tables cannot be compiled", pattern);
	bool found = pattern_find(p, s, 0, false, NULL, &steps) == PATTERN_YES;
	arena_free(scratch);
	return found;
}

bool load_name(struct load *l, const struct yaml *n, const char *what, const char *pattern, const char *pattern_text)
{
	if (n->kind == YAML_SCALAR && load_matches(l, n->text, pattern))
		return true;
	if (n->kind == YAML_SCALAR)
		diag_error(l->d, n->at, "\"" STR_FMT "\" is no %s: expected %s", STR_ARG(n->text), what, pattern_text);
	else
		diag_error(l->d, n->at, "expected a %s, got %s", what, yaml_describe(n));
	return false;
}

bool load_expect(struct load *l, const struct yaml *n, const char *what, enum yaml_kind kind)
{
	static const char *const kinds[] = {"text", "a list", "a map"};
	if (n->kind == kind)
		return true;
	diag_error(l->d, n->at, "\"%s\": expected %s, got %s", what, kinds[kind], yaml_describe(n));
	return false;
}

const char *load_nearest(struct diags *d, struct arena *a, struct str name, const char *const *names, size_t n)
{
	if (!n || !diag_suggests(d))
		return "";
	diag_suggested(d);
	const char *near = str_nearest(name, names, n < MAX_CANDIDATES ? n : MAX_CANDIDATES);
	return near ? arena_printf(a, " (did you mean \"%s\"?)", near) : "";
}

/* --- values --- */

static void wrong(struct load *l, const struct key *k, const struct yaml *v, const char *expected)
{
	if (v->kind == YAML_SCALAR && v->value != YAML_NULL)
		diag_error(l->d, v->at, "\"%s\": expected %s, got \"" STR_FMT "\"", k->name, expected,
			   v->text.n > 80 ? 80 : (int)v->text.n, v->text.p);
	else
		diag_error(l->d, v->at, "\"%s\": expected %s, got %s", k->name, expected, yaml_describe(v));
}

static bool in_range(struct load *l, const struct key *k, const struct yaml *v, int64_t n)
{
	if (n >= k->min && (!k->max || n <= k->max))
		return true;
	struct str s = v->text;
	if (k->type == KEY_INT || k->type == KEY_INT64) {
		if (!k->max)
			diag_error(l->d, v->at, "\"%s\": expected at least %lld, got " STR_FMT, k->name, (long long)k->min,
				   STR_ARG(s));
		else
			diag_error(l->d, v->at, "\"%s\": expected %lld to %lld, got " STR_FMT, k->name,
				   (long long)k->min, (long long)k->max, STR_ARG(s));
		return false;
	}
	diag_error(l->d, v->at, "\"%s\": " STR_FMT " is %s", k->name, STR_ARG(s),
		   n >= k->min ? "too much" : n == 0 ? "nothing: it must be more than 0" : "too little");
	return false;
}

static void store(const struct key *k, void *out, const void *value, size_t n)
{
	memcpy((char *)out + k->offset, value, n);
}

static void read_text(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (!yaml_is_text(v) && !(v->kind == YAML_SCALAR && v->value == YAML_FLOAT && k->pattern)) {
		diag_add(l->d, DIAG_ERROR, v->at,
			 v->kind == YAML_SCALAR && v->value != YAML_NULL ? "quote it if it is meant as text" : NULL,
			 "\"%s\": expected text, got %s", k->name, yaml_describe(v));
		return;
	}
	if (k->pattern && !load_matches(l, v->text, k->pattern)) {
		wrong(l, k, v, k->pattern_text ? k->pattern_text : k->pattern);
		return;
	}
	size_t len = utf8_len(v->text);
	if (k->max && len > (size_t)k->max) {
		diag_error(l->d, v->at, "\"%s\": %zu characters are more than %lld", k->name, len, (long long)k->max);
		return;
	}
	if (!len && k->min > 0) {
		diag_error(l->d, v->at, "\"%s\" is empty", k->name);
		return;
	}
	const char *p = v->text.p;
	if (k->type == KEY_TEXT)
		store(k, out, &v->text, sizeof(v->text));
	else
		store(k, out, &p, sizeof(p));
}

static void read_int(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int64_t n = 0;
	const struct json *j = NULL;
	if (v->kind == YAML_SCALAR && (v->value == YAML_INT || v->value == YAML_FLOAT)) {
		j = yaml_json(l->a, v, l->d);
		if (!j)
			return;
	}
	if (!j || !json_to_int(j, &n)) {
		wrong(l, k, v, "a whole number");
		return;
	}
	if (!in_range(l, k, v, n))
		return;
	if (k->type == KEY_INT64) {
		store(k, out, &n, sizeof(n));
	} else if (n > INT32_MAX || n < INT32_MIN) {
		diag_error(l->d, v->at, "\"%s\": " STR_FMT " is too large", k->name, STR_ARG(v->text));
	} else {
		int i = (int)n;
		store(k, out, &i, sizeof(i));
	}
}

static void read_number(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind != YAML_SCALAR || (v->value != YAML_INT && v->value != YAML_FLOAT)) {
		wrong(l, k, v, "a number");
		return;
	}
	const struct json *j = yaml_json(l->a, v, l->d);
	if (!j)
		return;
	double x = json_to_double(j);
	if (x < (double)k->min || (k->max && x > (double)k->max))
		diag_error(l->d, v->at, "\"%s\": expected %lld to %lld, got " STR_FMT, k->name, (long long)k->min,
			   (long long)k->max, STR_ARG(v->text));
	else
		store(k, out, &x, sizeof(x));
}

static void read_bool(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind != YAML_SCALAR || (v->value != YAML_TRUE && v->value != YAML_FALSE)) {
		wrong(l, k, v, "true or false");
		return;
	}
	bool b = v->value == YAML_TRUE;
	store(k, out, &b, sizeof(b));
}

static void read_unit(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	static const char *const expected[] = {
		[KEY_DURATION] = "a duration such as 500ms, 30s, 5m, 24h or 7d",
		[KEY_SIZE] = "a size such as 512B, 64KiB or 1MiB",
		[KEY_MONEY] = "US dollars as a plain number such as 0.25",
	};
	int64_t n;
	bool ok = v->kind == YAML_SCALAR;
	if (k->type == KEY_DURATION)
		ok = ok && duration_parse(v->text, &n);
	else if (k->type == KEY_SIZE)
		ok = ok && size_parse(v->text, &n);
	else
		ok = ok && money_parse(v->text, &n);
	if (!ok)
		wrong(l, k, v, expected[k->type]);
	else if (in_range(l, k, v, n))
		store(k, out, &n, sizeof(n));
}

static const char *words_text(struct arena *a, const char *const *words)
{
	struct buf b;
	buf_init(&b, a);
	buf_adds(&b, words[1] ? "one of " : "");
	for (size_t i = 0; words[i]; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", words[i]);
	return buf_cstr(&b);
}

/* Place of the value among the words, or -1 after a report. */
static int find_word(struct load *l, const struct key *k, const struct yaml *v)
{
	size_t n = 0;
	for (; k->words[n]; n++)
		if (v->kind == YAML_SCALAR && str_is(v->text, k->words[n]))
			return (int)n;
	if (v->kind == YAML_SCALAR && v->value == YAML_TEXT)
		diag_error(l->d, v->at, "\"%s\": expected %s, got \"" STR_FMT "\"%s", k->name, words_text(l->a, k->words),
			   STR_ARG(v->text), load_nearest(l->d, l->a, v->text, k->words, n));
	else
		wrong(l, k, v, words_text(l->a, k->words));
	return -1;
}

static void read_enum(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int i = find_word(l, k, v);
	if (i < 0)
		return;
	i += k->base;
	store(k, out, &i, sizeof(i));
}

static void read_flags(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	unsigned bits = 0;
	for (size_t i = 0; i < v->n; i++) {
		int w = find_word(l, k, v->items[i]);
		if (w >= 0)
			bits |= 1u << w;
	}
	store(k, out, &bits, sizeof(bits));
}

static void read_texts(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (k->min && v->n < (size_t)k->min) {
		diag_error(l->d, v->at, "\"%s\": the list is empty", k->name);
		return;
	}
	struct str *texts = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct str);
	const char **cstrs = ARENA_ARRAY(l->a, v->n ? v->n : 1, const char *);
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];
		if (item->kind != YAML_SCALAR || item->value == YAML_NULL || !item->text.n) {
			diag_error(l->d, item->at, "\"%s\": expected text, got %s", k->name,
				   yaml_is_text(item) ? "an empty one" : yaml_describe(item));
			continue;
		}
		if (k->pattern && !load_matches(l, item->text, k->pattern)) {
			wrong(l, k, item, k->pattern_text ? k->pattern_text : k->pattern);
			continue;
		}
		texts[n] = item->text;
		cstrs[n++] = item->text.p;
	}
	const void *list = k->type == KEY_TEXTS ? (const void *)texts : (const void *)cstrs;
	store(k, out, &list, sizeof(list));
	memcpy((char *)out + k->offset_n, &n, sizeof(n));
}

void key_read(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (k->read) {
		k->read(l, k, v, out);
		return;
	}
	const struct expr *e;
	const struct tmpl *t;
	switch (k->type) {
	case KEY_TEXT:
	case KEY_CSTR:
		read_text(l, k, v, out);
		return;
	case KEY_INT:
	case KEY_INT64:
		read_int(l, k, v, out);
		return;
	case KEY_NUMBER:
		read_number(l, k, v, out);
		return;
	case KEY_BOOL:
		read_bool(l, k, v, out);
		return;
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_MONEY:
		read_unit(l, k, v, out);
		return;
	case KEY_ENUM:
		read_enum(l, k, v, out);
		return;
	case KEY_FLAGS:
		read_flags(l, k, v, out);
		return;
	case KEY_TEXTS:
	case KEY_CSTRS:
		read_texts(l, k, v, out);
		return;
	case KEY_MAP:
		if (load_expect(l, v, k->name, YAML_MAP))
			keys_read(l, k->table, v, (char *)out + k->offset);
		return;
	case KEY_EXPR:
		e = load_expr(l, v, k->name);
		store(k, out, &e, sizeof(e));
		return;
	case KEY_TMPL:
		t = load_tmpl(l, v);
		store(k, out, &t, sizeof(t));
		return;
	case KEY_NAMED:
	case KEY_MAPS:
	case KEY_SCHEMA:
	case KEY_STEPS:
	case KEY_ANY:
		abort();	/* a table without its read function */
	}
}

void key_read_plain(struct load *l, const struct key *k, const struct yaml *v, void *out, size_t offset)
{
	struct key plain = *k;
	plain.read = NULL;
	plain.offset = offset;
	key_read(l, &plain, v, out);
}

void key_read_version(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	(void)k;
	(void)out;
	if (v->kind != YAML_SCALAR)
		diag_error(l->d, v->at, "\"agentd\": expected v1, got %s", yaml_describe(v));
	else if (!str_is(v->text, "v1"))
		diag_error(l->d, v->at, "format \"" STR_FMT "\" is not known: this program reads v1", STR_ARG(v->text));
}

/* --- maps --- */

/* A default goes the same way as a value from the file. */
static void read_preset(struct load *l, const struct key *k, const struct place *at, void *out)
{
	struct yaml v = {.kind = YAML_SCALAR, .style = 'p', .at = *at, .text = str_from(k->preset)};
	v.value = yaml_resolve(v.text);
	key_read(l, k, &v, out);
}

static void absent_map(struct load *l, const struct key_table *t, struct place at, void *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].preset && !(t->keys[i].flags & KEY_INHERIT))
			read_preset(l, &t->keys[i], &at, out);
}

void keys_defaults(struct load *l, const struct key_table *t, struct place at, void *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].preset)
			read_preset(l, &t->keys[i], &at, out);
}

void keys_read_known(struct load *l, const struct key_table *t, const struct yaml *map, void *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct key *k = &t->keys[i];
		const struct yaml *v = yaml_get(map, k->name);
		if (k->flags & KEY_LATER) {
			if (v)
				diag_error(l->d, v->at, "key \"%s\" is not part of this version", k->name);
		} else if (v) {
			key_read(l, k, v, out);
		} else if (k->flags & KEY_REQUIRED) {
			diag_error(l->d, map->at, "\"%s\" is missing in %s", k->name, t->name);
		} else if (k->preset && !(k->flags & KEY_INHERIT)) {
			read_preset(l, k, &map->at, out);
		} else if (k->type == KEY_MAP && !k->read) {
			/* The defaults of its keys hold although it is absent. */
			absent_map(l, k->table, map->at, (char *)out + k->offset);
		}
	}
}

void keys_check_known(struct load *l, const char *what, const struct yaml *map, const struct key_table *const *tables,
		      size_t n)
{
	size_t n_names = 0;
	for (size_t t = 0; t < n; t++)
		n_names += tables[t]->n;
	const char **names = ARENA_ARRAY(l->a, n_names, const char *);
	n_names = 0;
	for (size_t t = 0; t < n; t++)
		for (size_t k = 0; k < tables[t]->n; k++)
			names[n_names++] = tables[t]->keys[k].name;
	for (size_t i = 0; i < map->n; i++) {
		struct str key = map->pairs[i].key->text;
		bool known = false;
		for (size_t j = 0; j < n_names && !known; j++)
			known = str_is(key, names[j]);
		if (!known && !str_is(key, "<<") && key.n)	/* those two were reported */
			diag_error(l->d, map->pairs[i].key->at, "unknown key \"" STR_FMT "\" in %s%s", STR_ARG(key), what,
				   load_nearest(l->d, l->a, key, names, n_names));
	}
}

bool keys_read(struct load *l, const struct key_table *t, const struct yaml *map, void *out)
{
	if (map->kind != YAML_MAP) {
		diag_error(l->d, map->at, "expected %s as a map, got %s", t->name, yaml_describe(map));
		return false;
	}
	keys_check_known(l, t->name, map, &t, 1);
	keys_read_known(l, t, map, out);
	return true;
}
