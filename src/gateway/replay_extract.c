/* replay_extract.c - sentences by their punctuation, values by their schema. */
#include "gateway/replay_extract.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/json_pointer.h"

enum { SENTENCES_MAX = 64, DEPTH_MAX = 16, LIST_ITEMS = 3, TITLE_WORDS = 8, HEADING_WORDS = 5 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* --- which part of the message --- */

/* A JSON string from behind its opening quotation mark on; what is none, or never ends, stays as it is. */
static struct str unquote(struct arena *a, struct str s)
{
	const struct json *v;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\') {
			i++;
		} else if (s.p[i] == '"') {
			struct str quoted = str_from(arena_printf(a, "\"" STR_FMT "\"", STR_ARG(str_sub(s, 0, i))));

			return json_parse(a, quoted, NULL, &v, NULL) < 0 ? s : json_str(v);
		}
	}
	return s;
}

static struct str choose_part(struct arena *a, const struct extract *x, struct str message)
{
	ptrdiff_t at;

	for (size_t i = 0; i < x->n_after; i++)
		if ((at = str_find(message, x->after[i])) >= 0) {
			struct str part = str_sub(message, (size_t)at + x->after[i].n, message.n);

			return str_trim(str_ends(x->after[i], STR("\"")) ? unquote(a, part) : part);
		}
	at = str_find(message, STR("\n\n"));
	return str_trim(at < 0 ? message : str_sub(message, (size_t)at, message.n));
}

/* --- sentences --- */

/* How long the sentence at the start of s is. It ends behind . ! ? before white space, at an
 * empty line, and before a line that begins a heading or a list. */
static size_t sentence_length(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\n';

		if ((c == '.' || c == '!' || c == '?') && is_blank(next))
			return i + 1;
		if (c == '\n' && (next == '\n' || next == '#' || next == '-' || next == '*' || next == '|'))
			return i;
	}
	return s.n;
}

/* The first sentence of every text in a value; addresses and single words tell nothing. */
static void add_leaves(struct buf *b, const struct json *v)
{
	struct str s = str_trim(json_str(v));

	for (size_t i = 0; i < json_len(v); i++)
		add_leaves(b, json_type(v) == JSON_OBJECT ? json_val(v, i) : json_at(v, i));
	if (str_chr(s, ' ') < 0 || str_find(s, STR("://")) >= 0)
		return;
	buf_addstr(b, str_sub(s, 0, sentence_length(s)));
	buf_adds(b, "\n\n");
}

static struct str plain_text(struct arena *a, struct str part)
{
	const struct json *v;
	struct buf b;

	if (part.n == 0 || (part.p[0] != '{' && part.p[0] != '[') || json_parse(a, part, NULL, &v, NULL) < 0)
		return part;
	buf_init(&b, a);
	add_leaves(&b, v);
	return buf_str(&b);
}

/* White space made single, marks of headings and lists dropped. */
static struct str clean(struct arena *a, struct str s)
{
	struct buf b;

	buf_init(&b, a);
	s = str_trim(s);
	while (s.n > 0 && (strchr("#*->|", s.p[0]) || is_blank(s.p[0])))
		s = str_sub(s, 1, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (!is_blank(s.p[i]))
			buf_addc(&b, s.p[i]);
		else if (b.n > 0 && b.p[b.n - 1] != ' ')
			buf_addc(&b, ' ');
	return str_trim(buf_str(&b));
}

/* A line with a number sign; few words without an end, and then an empty line. */
static bool is_heading(struct str s, struct str rest)
{
	size_t words = 1;

	if (s.n == 0 || s.p[0] == '#')
		return true;
	for (size_t i = 0; i < s.n; i++)
		words += s.p[i] == ' ';
	return words <= HEADING_WORDS && !strchr(".!?", s.p[s.n - 1]) && str_starts(rest, STR("\n\n")) && str_trim(rest).n > 0;
}

size_t extract_sentences(struct arena *a, const struct extract *x, struct str message, const struct str **ret)
{
	struct str rest = plain_text(a, choose_part(a, x, message)), *v = ARENA_ARRAY(a, SENTENCES_MAX, struct str);
	size_t n = 0;

	while (rest.n > 0 && n < SENTENCES_MAX) {
		size_t len = sentence_length(rest);
		struct str raw = str_sub(rest, 0, len), s = clean(a, raw);
		bool heading;

		rest = str_sub(rest, len > 0 ? len : 1, rest.n);
		heading = is_heading(raw, rest);
		while (rest.n > 0 && is_blank(rest.p[0]))
			rest = str_sub(rest, 1, rest.n);
		if (s.n > 0 && !heading)
			v[n++] = s;
	}
	*ret = v;
	return n;
}

/* At most n words of s; what was cut is marked. */
static struct str first_words(struct arena *a, struct str s, size_t n)
{
	for (size_t i = 0, words = 0; i < s.n; i++)
		if (s.p[i] == ' ' && ++words == n)
			return str_from(arena_printf(a, STR_FMT " ...", STR_ARG(str_sub(s, 0, i))));
	return s;
}

struct str extract_text(struct arena *a, const struct extract *x, struct str message)
{
	const struct str *v;
	size_t n = extract_sentences(a, x, message, &v);
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < n && i < x->sentences; i++) {
		if (i > 0)
			buf_addc(&b, ' ');
		buf_addstr(&b, v[i]);
	}
	return first_words(a, buf_str(&b), x->words);
}

/* --- values --- */

struct shaper {
	struct arena *a;
	const struct json *root;	/* schema, for #/$defs/... */
	const struct str *sentences;
	size_t n, next, words;
};

static const struct json *shape(struct shaper *s, const struct json *schema, struct str name, int depth);

static const struct json *resolve(const struct json *root, struct str ref)
{
	return str_starts(ref, STR("#/")) ? json_pointer_find(root, str_sub(ref, 1, ref.n)) : NULL;
}

static bool is_title(struct str name)
{
	return str_is(name, "title") || str_is(name, "name") || str_is(name, "headline") || str_is(name, "subject");
}

static int64_t bound(const struct json *schema, const char *key, int64_t otherwise)
{
	int64_t n = otherwise;

	json_to_int(json_getc(schema, key), &n);
	return n;
}

/* At most n characters. */
static struct str first_characters(struct str s, int64_t n)
{
	size_t i = 0;

	while (i < s.n && n-- > 0)
		utf8_next(s, &i);
	return str_sub(s, 0, i);
}

static const struct json *shape_string(struct shaper *s, const struct json *schema, struct str name)
{
	struct str text = s->n ? s->sentences[is_title(name) ? 0 : s->next++ % s->n] : STR("");

	text = first_words(s->a, text, is_title(name) ? TITLE_WORDS : s->words);
	return json_string(s->a, first_characters(text, bound(schema, "maxLength", INT64_MAX)));
}

static const struct json *shape_array(struct shaper *s, const struct json *schema, struct str name, int depth)
{
	int64_t least = bound(schema, "minItems", 0), most = bound(schema, "maxItems", INT64_MAX);
	int64_t n = least > LIST_ITEMS ? least : LIST_ITEMS;
	struct json_builder b;

	n = n > most ? most : n;
	if (n > (int64_t)s->n && n > least)
		n = (int64_t)s->n > least ? (int64_t)s->n : least;
	json_array_begin(&b, s->a);
	for (int64_t i = 0; i < n && i < SENTENCES_MAX; i++)
		json_array_add(&b, shape(s, json_getc(schema, "items"), name, depth + 1));
	return json_array_end(&b);
}

static const struct json *shape_object(struct shaper *s, const struct json *schema, int depth)
{
	const struct json *properties = json_getc(schema, "properties");
	struct json_builder b;

	json_object_begin(&b, s->a);
	for (size_t i = 0; i < json_len(properties); i++)
		json_object_set(&b, json_key(properties, i),
				shape(s, json_val(properties, i), json_key(properties, i), depth + 1));
	return json_object_end(&b);
}

static struct str type_of(const struct json *schema)
{
	const struct json *type = json_getc(schema, "type");

	for (size_t i = 0; i < json_len(type); i++)
		if (!str_is(json_str(json_at(type, i)), "null"))
			return json_str(json_at(type, i));
	if (json_str(type).n > 0)
		return json_str(type);
	if (json_getc(schema, "properties"))
		return STR("object");
	return json_getc(schema, "items") ? STR("array") : STR("string");
}

/* What the schema itself names as a value, or NULL. */
static const struct json *named_value(const struct json *schema)
{
	const struct json *v = json_getc(schema, "const");

	v = v ? v : json_getc(schema, "default");
	v = v ? v : json_at(json_getc(schema, "enum"), 0);
	return v ? v : json_at(json_getc(schema, "examples"), 0);
}

static const struct json *shape(struct shaper *s, const struct json *schema, struct str name, int depth)
{
	const struct json *v = resolve(s->root, json_str(json_getc(schema, "$ref")));
	struct str type;

	schema = v ? v : schema;
	v = json_at(json_getc(schema, "anyOf"), 0);
	v = v ? v : json_at(json_getc(schema, "oneOf"), 0);
	if (depth > DEPTH_MAX)
		return json_null();
	if (v)
		return shape(s, v, name, depth + 1);
	if ((v = named_value(schema)))
		return json_copy(s->a, v);
	type = type_of(schema);
	if (str_is(type, "object"))
		return shape_object(s, schema, depth);
	if (str_is(type, "array"))
		return shape_array(s, schema, name, depth);
	if (str_is(type, "integer") || str_is(type, "number"))
		return json_int(s->a, bound(schema, "minimum", 0));
	if (str_is(type, "boolean"))
		return json_bool(false);
	return str_is(type, "null") ? json_null() : shape_string(s, schema, name);
}

const struct json *extract_shape(struct arena *a, const struct extract *x, struct str message, const struct json *schema)
{
	struct shaper s = {.a = a, .root = schema, .words = x->words};

	s.n = extract_sentences(a, x, message, &s.sentences);
	return shape(&s, schema, STR(""), 0);
}
