/* workflow_schema.c - schemas in files, with what they refer to, as one schema.
 *
 * A reference to another file ("verdict.json#/$defs/grade") becomes one inside the schema: the file
 * is embedded below $defs under its path. Whoever validates needs no files. What has an "$id" inside a
 * document refers by addresses and stays as it is; that of an embedded file as a whole is dropped, as its place counts.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_pointer.h"
#include "config/workflow_load.h"
#include "schema/schema.h"

enum { MAX_FILES = 64, MAX_IDS = 256 };

struct embed {
	struct workflow_load *w;
	const struct yaml *at;		/* the key of the workflow that began it */
	struct str paths[MAX_FILES];
	const struct json *docs[MAX_FILES];	/* as read */
	const struct json *done[MAX_FILES];	/* rewritten */
	struct schema_origin origins[MAX_FILES + 1];	/* of the schema itself, then of the files */
	const struct json *top;
	struct str ids[MAX_IDS];	/* of the schema itself */
	size_t n_ids;
	size_t n;
	bool failed;
};

static const struct json *parse_json(struct workflow_load *w, const char *shown, struct str text)
{
	const struct json *v;
	struct err err;
	diag_source(w->l.d, shown, text);
	if (json_parse(w->l.a, text, NULL, &v, &err) == 0)
		return v;
	const char *at = strstr(err.msg, " at byte ");	/* as json.h promises */
	diag_error(w->l.d, text_place(shown, text, at ? strtoul(at + strlen(" at byte "), NULL, 10) : 0), "%s", err.msg);
	return NULL;
}

/* JSON within YAML's limits is YAML, which gives places. */
static const struct yaml *nodes_of_json(struct workflow_load *w, const char *shown, struct str text)
{
	struct diags *quiet = diags_new(w->l.a);
	const struct yaml *n = yaml_parse(w->l.a, shown, text, quiet);
	return diag_errors(quiet) ? NULL : n;
}

static const struct json *read_schema_file(struct workflow_load *w, const struct yaml *name, struct schema_origin *origin)
{
	const char *shown;
	bool json = str_ends(name->text, STR(".json"));
	if (!json && !str_ends(name->text, STR(".yaml")) && !str_ends(name->text, STR(".yml"))) {
		diag_error(w->l.d, name->at, "\"" STR_FMT "\" is no schema file: expected .json, .yaml or .yml",
			   STR_ARG(name->text));
		return NULL;
	}
	struct str text = workflow_read_file(w, name, &shown);
	if (!text.p)
		return NULL;
	const struct yaml *nodes = json ? NULL : yaml_parse(w->l.a, shown, text, w->l.d);
	const struct json *v = NULL;
	if (json)
		v = parse_json(w, shown, text);
	else if (nodes)
		v = yaml_json(w->l.a, nodes, w->l.d);
	if (!v)
		return NULL;
	if (json)
		nodes = nodes_of_json(w, shown, text);
	*origin = (struct schema_origin){STR(""), nodes, (struct place){shown, 1, 1}};
	return v;
}

static struct str join(struct arena *a, struct str base, struct str name)
{
	size_t dir = base.n;
	while (dir && base.p[dir - 1] != '/')
		dir--;
	return str_from(arena_printf(a, STR_FMT STR_FMT, STR_ARG(str_sub(base, 0, dir)), STR_ARG(name)));
}

static const struct json *rewrite(struct embed *e, const struct json *v, struct str path, bool is_map);
static const struct json *inner_ref(struct arena *a, struct str path, struct str fragment);

/* Place of the file among those embedded, or -1 after a report. */
static int embed_file(struct embed *e, struct str path)
{
	struct load *l = &e->w->l;
	for (size_t i = 0; i < e->n; i++)
		if (str_eq(e->paths[i], path))
			return (int)i;
	struct yaml name = *e->at;
	name.kind = YAML_SCALAR;
	name.text = path;
	if (e->n == MAX_FILES) {
		diag_error(l->d, e->at->at, "the schema refers to more than %d files", MAX_FILES);
		return -1;
	}
	size_t i = e->n++;
	e->paths[i] = path;
	e->docs[i] = read_schema_file(e->w, &name, &e->origins[i + 1]);
	if (!e->docs[i])
		return -1;
	e->origins[i + 1].under = str_sub(json_str(inner_ref(l->a, path, STR(""))), 1, SIZE_MAX);
	e->done[i] = rewrite(e, e->docs[i], path, false);
	return (int)i;
}

/* The reference is left out, so that nobody complains of it again. */
static const struct json *fail(struct embed *e, const char *why, struct str ref)
{
	e->failed = true;
	diag_error(e->w->l.d, e->at->at, "JSON Schema: \"$ref\" \"" STR_FMT "\": %s", STR_ARG(ref), why);
	return NULL;
}

static bool is_schema_address(struct str s)
{
	return str_is(s, "https://json-schema.org/draft/2020-12/schema");
}

static void collect_ids(struct embed *e, const struct json *v)
{
	struct str id = json_str(json_getc(v, "$id"));
	if (id.n && e->n_ids < MAX_IDS)
		e->ids[e->n_ids++] = id;
	for (size_t i = 0; i < json_len(v); i++)
		collect_ids(e, json_type(v) == JSON_ARRAY ? json_at(v, i) : json_val(v, i));
}

static bool holds_id(const struct embed *e, struct str id)
{
	for (size_t i = 0; i < e->n_ids; i++)
		if (str_eq(e->ids[i], id))
			return true;
	return false;
}

static const struct json *inner_ref(struct arena *a, struct str path, struct str fragment)
{
	struct buf b;
	buf_init(&b, a);
	buf_adds(&b, "#/$defs");
	json_pointer_add(&b, path);
	buf_addstr(&b, fragment);
	return json_string(a, buf_str(&b));
}

/* path: of the file that holds the reference; for the schema itself its directory with ".", or none. */
static const struct json *rewrite_ref(struct embed *e, const struct json *v, struct str path)
{
	struct arena *a = e->w->l.a;
	struct str ref = json_str(v);
	if (!ref.p)
		return v;
	if (ref.n && ref.p[0] == '#') {
		if (!path.n || path.p[path.n - 1] == '.')	/* the schema itself */
			return v;
		if (ref.n > 1 && ref.p[1] != '/')
			return fail(e, "anchors are not supported in files of their own", ref);
		return inner_ref(a, path, str_sub(ref, 1, ref.n));
	}
	ptrdiff_t hash = str_chr(ref, '#');
	struct str name = hash < 0 ? ref : str_sub(ref, 0, (size_t)hash);
	bool address = str_find(ref, STR("://")) >= 0 || str_starts(ref, STR("urn:"));
	/* What an "$id" may have made is found, or missed, when the whole is compiled. */
	if (is_schema_address(name) || holds_id(e, name) || (address && e->n_ids))
		return v;
	if (address)
		return fail(e, "schemas are not fetched from elsewhere", ref);
	struct str fragment = hash < 0 ? STR("") : str_sub(ref, (size_t)hash + 1, ref.n);
	struct str target = join(a, path, name);
	int i = embed_file(e, target);
	if (i < 0 || !e->docs[i]) {
		e->failed = true;
		return NULL;
	}
	if (fragment.n && (fragment.p[0] != '/' || !json_pointer_find(e->docs[i], fragment)))
		return fail(e, "it is not there", ref);
	return inner_ref(a, target, fragment);
}

static bool holds_schemas_by_name(struct str key)
{
	return str_is(key, "properties") || str_is(key, "patternProperties") || str_is(key, "$defs") ||
	       str_is(key, "definitions") || str_is(key, "dependentSchemas");
}

static bool holds_data(struct str key)
{
	return str_is(key, "enum") || str_is(key, "const") || str_is(key, "default") || str_is(key, "examples");
}

static bool is_whole_file(const struct embed *e, const struct json *v)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->docs[i] == v)
			return true;
	return false;
}

/* Recursion is bounded by the depth of what was parsed, times MAX_FILES. */
static const struct json *rewrite(struct embed *e, const struct json *v, struct str path, bool is_map)
{
	struct json_builder b;
	enum json_type t = json_type(v);
	if (t != JSON_OBJECT && t != JSON_ARRAY)
		return v;
	bool is_file = !is_map && is_whole_file(e, v);
	if (!is_map && !is_file && v != e->top && json_str(json_getc(v, "$id")).p)
		return v;
	if (t == JSON_ARRAY)
		json_array_begin(&b, e->w->l.a);
	else
		json_object_begin(&b, e->w->l.a);
	for (size_t i = 0; i < json_len(v); i++) {
		if (t == JSON_ARRAY) {
			json_array_add(&b, rewrite(e, json_at(v, i), path, false));
			continue;
		}
		struct str key = json_key(v, i);
		const struct json *val = json_val(v, i);
		if (is_file && str_is(key, "$id"))
			continue;
		if (!is_map && str_is(key, "$ref") && !(val = rewrite_ref(e, val, path)))
			continue;
		if (!is_map && str_is(key, "$ref"))
			;	/* is rewritten */
		else if (is_map || !holds_data(key))
			val = rewrite(e, val, path, !is_map && holds_schemas_by_name(key));
		json_object_set(&b, key, val);
	}
	return t == JSON_ARRAY ? json_array_end(&b) : json_object_end(&b);
}

static const struct json *with_files(struct embed *e, const struct json *schema)
{
	struct arena *a = e->w->l.a;
	if (!e->n || json_type(schema) != JSON_OBJECT)
		return schema;
	struct json_builder defs, top;
	const struct json *old = json_get(schema, STR("$defs"));
	json_object_begin_from(&defs, a, old ? old : json_empty_object());
	for (size_t i = 0; i < e->n; i++)
		if (e->done[i])
			json_object_set(&defs, e->paths[i], e->done[i]);
	json_object_begin_from(&top, a, schema);
	json_object_setc(&top, "$defs", json_object_end(&defs));
	return json_object_end(&top);
}

/* dir: see rewrite_ref(). */
static const struct json *finish(struct workflow_load *w, const struct json *schema, const struct yaml *at, struct str dir,
				 const struct schema_origin *origin, const struct schema **check)
{
	struct embed *e = ARENA_NEW(w->l.a, struct embed);
	e->w = w;
	e->at = at;
	e->top = schema;
	e->origins[0] = *origin;
	collect_ids(e, schema);
	schema = with_files(e, rewrite(e, schema, dir, false));
	*check = load_schema(&w->l, schema, e->origins, e->n + 1);
	return e->failed || !*check ? NULL : schema;
}

const struct json *schema_inline(struct workflow_load *w, const struct json *schema, const struct yaml *node,
				 const struct schema **check)
{
	return finish(w, schema, node, STR(""), &(struct schema_origin){STR(""), node, node->at}, check);
}

/* The file itself is embedded only when something refers back to it by name. */
const struct json *schema_file(struct workflow_load *w, const struct yaml *name, const struct schema **check)
{
	struct schema_origin origin;
	const struct json *schema = read_schema_file(w, name, &origin);
	if (!schema)
		return NULL;
	/* Local references stay as they are: see rewrite_ref(). */
	return finish(w, schema, name, join(w->l.a, name->text, STR(".")), &origin, check);
}
