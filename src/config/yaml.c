/* yaml.c - libyaml's events to a node tree. Sole user of libyaml.
 *
 * Events rather than libyaml's own documents: those expand aliases and know no limits. The
 * loop keeps its own stack, at most YAML_MAX_DEPTH high.
 */
#include "config/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/err.h"

struct frame {
	struct yaml *node;
	struct yaml *key;		/* of a map: waits for its value */
	size_t cap;
};

struct build {
	struct arena *a;
	struct diags *d;
	const struct yaml_doc *doc;
	struct frame stack[YAML_MAX_DEPTH];
	size_t depth;
	struct yaml *root;
	size_t n_documents;
};

static struct place place_of(const struct build *b, yaml_mark_t m)
{
	return (struct place){b->doc->file, (int)m.line + 1, (int)m.column + 1};
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct yaml *a = *(const struct yaml *const *)pa, *b = *(const struct yaml *const *)pb;
	int c = str_cmp(a->text, b->text);
	if (c)
		return c;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.col < b->at.col ? -1 : a->at.col > b->at.col;
}

/* By sorting: a hostile map has tens of thousands of keys. */
static void check_duplicates(struct build *b, const struct yaml *map)
{
	if (map->n < 2)
		return;
	struct arena *scratch = arena_new(b->a);
	const struct yaml **keys = ARENA_ARRAY(scratch, map->n, const struct yaml *);
	for (size_t i = 0; i < map->n; i++)
		keys[i] = map->pairs[i].key;
	qsort(keys, map->n, sizeof(*keys), compare_keys);
	size_t first = 0;
	for (size_t i = 1; i < map->n; i++) {
		if (!str_eq(keys[i]->text, keys[first]->text)) {
			first = i;
			continue;
		}
		diag_error(b->d, keys[i]->at, "key \"" STR_FMT "\" is given twice: first at line %d, column %d",
			   STR_ARG(keys[i]->text), keys[first]->at.line, keys[first]->at.col);
	}
	arena_free(scratch);
}

static void grow(struct build *b, struct frame *f)
{
	struct yaml *n = f->node;
	if (n->n < f->cap)
		return;
	size_t cap = f->cap ? f->cap * 2 : 8;
	if (n->kind == YAML_LIST) {
		const struct yaml **v = ARENA_ARRAY(b->a, cap, const struct yaml *);
		if (n->n)
			memcpy(v, n->items, n->n * sizeof(*v));
		n->items = v;
	} else {
		struct yaml_pair *v = ARENA_ARRAY(b->a, cap, struct yaml_pair);
		if (n->n)
			memcpy(v, n->pairs, n->n * sizeof(*v));
		n->pairs = v;
	}
	f->cap = cap;
}

static bool add_key(struct build *b, struct frame *f, struct yaml *node)
{
	if (node->kind != YAML_SCALAR) {
		diag_error(b->d, node->at, "a key must be a plain word or quoted text, got %s", yaml_describe(node));
		return false;
	}
	if (node->style == 'p' && str_is(node->text, "<<"))
		diag_error(b->d, node->at, "merge keys (\"<<\") are not allowed");
	else if (!node->text.n)
		diag_error(b->d, node->at, "the key is empty");
	f->key = node;
	return true;
}

static bool add(struct build *b, struct yaml *node)
{
	if (!b->depth) {
		b->root = node;
		return true;
	}
	struct frame *f = &b->stack[b->depth - 1];
	if (f->node->kind == YAML_MAP && !f->key)
		return add_key(b, f, node);
	grow(b, f);
	if (f->node->kind == YAML_LIST) {
		((const struct yaml **)f->node->items)[f->node->n++] = node;
	} else {
		((struct yaml_pair *)f->node->pairs)[f->node->n++] = (struct yaml_pair){f->key, node};
		f->key = NULL;
	}
	return true;
}

static void forbid(struct build *b, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		diag_error(b->d, place_of(b, e->start_mark), "anchors are not allowed (\"&%s\")", (const char *)anchor);
	if (tag)
		diag_error(b->d, place_of(b, e->start_mark), "tags are not allowed (\"%s\")", (const char *)tag);
}

static struct yaml *new_node(struct build *b, const yaml_event_t *e, enum yaml_kind kind)
{
	struct yaml *n = ARENA_NEW(b->a, struct yaml);
	n->kind = kind;
	n->at = place_of(b, e->start_mark);
	n->doc = b->doc;
	return n;
}

static bool on_scalar(struct build *b, const yaml_event_t *e)
{
	static const char styles[] = {
		[YAML_PLAIN_SCALAR_STYLE] = 'p',
		[YAML_SINGLE_QUOTED_SCALAR_STYLE] = '\'',
		[YAML_DOUBLE_QUOTED_SCALAR_STYLE] = '"',
		[YAML_LITERAL_SCALAR_STYLE] = '|',
		[YAML_FOLDED_SCALAR_STYLE] = '>',
	};
	struct yaml *n = new_node(b, e, YAML_SCALAR);
	forbid(b, e, e->data.scalar.anchor, e->data.scalar.tag);
	n->style = styles[e->data.scalar.style];
	n->text.n = e->data.scalar.length;
	n->text.p = arena_strndup(b->a, (const char *)e->data.scalar.value, n->text.n);
	n->value = n->style == 'p' ? yaml_resolve(n->text) : YAML_TEXT;
	if (!utf8_valid(n->text) || memchr(n->text.p, 0, n->text.n)) {
		diag_error(b->d, n->at, "the text holds an escape that is no Unicode character, or NUL");
		return false;
	}
	return add(b, n);
}

static bool on_open(struct build *b, const yaml_event_t *e, enum yaml_kind kind)
{
	struct yaml *n = new_node(b, e, kind);
	if (kind == YAML_LIST)
		forbid(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	else
		forbid(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	if (b->depth == YAML_MAX_DEPTH) {
		diag_error(b->d, n->at, "nested more than %d levels deep", YAML_MAX_DEPTH);
		return false;
	}
	if (!add(b, n))
		return false;
	b->stack[b->depth++] = (struct frame){.node = n};
	return true;
}

static bool on_alias(struct build *b, const yaml_event_t *e)
{
	diag_error(b->d, place_of(b, e->start_mark), "aliases are not allowed (\"*%s\")",
		   (const char *)e->data.alias.anchor);
	struct yaml *n = new_node(b, e, YAML_SCALAR);
	n->style = 'p';
	n->text = STR("null");
	n->value = YAML_NULL;
	return add(b, n);
}

/* false: stop. */
static bool on_event(struct build *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->n_documents++) {
			diag_error(b->d, place_of(b, e->start_mark), "a second document begins: one per file is allowed");
			return false;
		}
		return true;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, e, YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, e, YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		if (e->type == YAML_MAPPING_END_EVENT)
			check_duplicates(b, b->stack[b->depth].node);
		return true;
	case YAML_ALIAS_EVENT:
		return on_alias(b, e);
	default:
		return true;
	}
}

static struct str line_of(struct str text, int line)
{
	while (--line > 0) {
		ptrdiff_t nl = str_chr(text, '\n');
		if (nl < 0)
			return STR_NONE;
		text = str_sub(text, (size_t)nl + 1, text.n);
	}
	ptrdiff_t nl = str_chr(text, '\n');
	return nl < 0 ? text : str_sub(text, 0, (size_t)nl);
}

static const char *syntax_hint(struct str line)
{
	size_t i = 0;
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		if (line.p[i++] == '\t')
			return "a tab is used for indentation: use spaces";
	if (str_find(line, STR("${")) >= 0)
		return "quote this expression: YAML cuts an unquoted ${ } at \": \", \" #\" and, in flow style, at braces and commas";
	return NULL;
}

static void report_syntax(struct build *b, const yaml_parser_t *p)
{
	yaml_mark_t m = p->problem_mark;
	struct place at = place_of(b, m);
	if (p->error == YAML_READER_ERROR)
		at = text_place(b->doc->file, b->doc->text, p->problem_offset);
	const char *hint = syntax_hint(line_of(b->doc->text, at.line));
	if (!hint && p->context)
		hint = syntax_hint(line_of(b->doc->text, (int)p->context_mark.line + 1));
	const char *problem = p->problem ? p->problem : "cannot be read";
	if (p->context)
		diag_add(b->d, DIAG_ERROR, at, hint, "YAML syntax: %s, %s that began at line %d", problem, p->context,
			 (int)p->context_mark.line + 1);
	else
		diag_add(b->d, DIAG_ERROR, at, hint, "YAML syntax: %s", problem);
}

static bool run(struct build *b)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		fatal("out of memory: a YAML parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->doc->text.p, b->doc->text.n);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	bool ok = true, end = false;
	while (ok && !end) {
		yaml_event_t e;
		if (!yaml_parser_parse(&parser, &e)) {
			if (parser.error == YAML_MEMORY_ERROR)
				fatal("out of memory: the YAML parser");
			report_syntax(b, &parser);
			ok = false;
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		ok = on_event(b, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return ok;
}

const struct yaml *yaml_parse(struct arena *a, const char *file, struct str text, struct diags *d)
{
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.n);
	if (!text.p)
		text = STR("");
	struct yaml_doc *doc = ARENA_NEW(a, struct yaml_doc);
	doc->file = arena_strdup(a, file);
	doc->text = text;
	diag_source(d, doc->file, text);
	if (!yaml_scan(doc, d))
		return NULL;
	struct build *b = ARENA_NEW(a, struct build);
	b->a = a;
	b->d = d;
	b->doc = doc;
	if (!run(b))
		return NULL;
	if (!b->root)
		diag_error(d, ((struct place){doc->file, 1, 1}), "the file is empty");
	return b->root;
}
