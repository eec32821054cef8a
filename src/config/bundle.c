/* bundle.c - what a task pins: files by path, contracts, digest; to and from JSON. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/bundle_load.h"

#define ENTRY "workflow.yaml"

static int compare_files(const void *a, const void *b)
{
	return str_cmp(((const struct source_file *)a)->path, ((const struct source_file *)b)->path);
}

/* Over sorted (path, SHA-256 of the text): the same on every machine. */
static void digest_files(struct arena *a, const struct source_file *files, size_t n, struct digest *ret)
{
	struct str *parts = ARENA_ARRAY(a, n * 2, struct str);
	struct digest *digests = ARENA_ARRAY(a, n, struct digest);
	for (size_t i = 0; i < n; i++) {
		digest_of(files[i].text, &digests[i]);
		parts[2 * i] = files[i].path;
		parts[2 * i + 1] = (struct str){(const char *)digests[i].b, sizeof(digests[i].b)};
	}
	digest_of_parts(parts, n * 2, ret);
}

static struct source_file contract_file(struct arena *a, const struct contract *c)
{
	struct buf b;
	buf_init(&b, a);
	json_canonical(&b, contract_json(a, c));
	const char *path = arena_printf(a, "contracts/" STR_FMT ".json", STR_ARG(c->name));
	return (struct source_file){str_from(path), buf_str(&b)};
}

void bundle_make(struct arena *a, const struct workflow *w, struct str text, const struct source_file *files, size_t n,
		 struct bundle *ret)
{
	size_t all = n + 1 + w->n_contracts;
	struct source_file *v = ARENA_ARRAY(a, all, struct source_file);
	for (size_t i = 0; i < n; i++)
		v[i] = files[i];
	v[n] = (struct source_file){STR(ENTRY), text};
	for (size_t i = 0; i < w->n_contracts; i++)
		v[n + 1 + i] = contract_file(a, &w->contracts[i]);
	qsort(v, all, sizeof(*v), compare_files);
	*ret = (struct bundle){.name = w->name, .entry = STR(ENTRY), .files = v, .n_files = all, .workflow = w};
	digest_files(a, v, all, &ret->digest);
}

const struct json *bundle_to_json(struct arena *a, const struct bundle *b)
{
	struct json_builder files, o;
	json_object_begin(&files, a);
	for (size_t i = 0; i < b->n_files; i++)
		json_object_set(&files, b->files[i].path, json_string(a, b->files[i].text));
	json_object_begin(&o, a);
	json_object_setc(&o, "entry", json_string(a, b->entry));
	json_object_setc(&o, "files", json_object_end(&files));
	return json_object_end(&o);
}

/* --- from JSON --- */

struct packed {
	struct source source;		/* first: callbacks cast */
	struct arena *a;
	const struct bundle *b;
};

static struct str packed_text(const struct packed *p, const char *path)
{
	for (size_t i = 0; i < p->b->n_files; i++)
		if (str_is(p->b->files[i].path, path))
			return p->b->files[i].text;
	return STR_NONE;
}

static int packed_read(const struct source *s, const char *path, struct str *ret, struct err *err)
{
	const struct packed *p = (const struct packed *)s;
	*ret = packed_text(p, path);
	if (!ret->p)
		return err_set(err, ERR_NOT_FOUND, "the bundle holds no file \"%s\"", path);
	return 0;
}

static const struct contract *packed_contract(const struct source *s, struct str tool, const char **near)
{
	const struct packed *p = (const struct packed *)s;
	const char *path = arena_printf(p->a, "contracts/" STR_FMT ".json", STR_ARG(tool));
	struct str text = packed_text(p, path);
	const struct json *v;
	(void)near;
	if (!text.p || json_parse(p->a, text, NULL, &v, NULL) < 0)
		return NULL;
	struct contract *c = ARENA_NEW(p->a, struct contract);
	c->name = json_str(json_get(v, STR("name")));
	c->description = json_str(json_get(v, STR("description")));
	c->args = json_get(v, STR("args"));
	struct str effect = json_str(json_get(v, STR("effect")));
	if (!str_eq(c->name, tool) || !effect.p || !effect_class_parse(effect, &c->effect))
		return NULL;
	return c;
}

static bool shape_ok(const struct json *v, const struct json **files)
{
	struct str entry = json_str(json_get(v, STR("entry")));
	*files = json_get(v, STR("files"));
	if (!entry.p || json_type(*files) != JSON_OBJECT || !json_str(json_get(*files, entry)).p)
		return false;
	for (size_t i = 0; i < json_len(*files); i++)
		if (json_type(json_val(*files, i)) != JSON_STRING)
			return false;
	return true;
}

const struct bundle *bundle_from_json(struct arena *a, const struct json *v, struct diags *d)
{
	const struct json *packed;
	if (!shape_ok(v, &packed)) {
		diag_error(d, (struct place){0}, "not a bundle: expected {\"entry\": PATH, \"files\": {PATH: TEXT}}");
		return NULL;
	}
	struct bundle *b = ARENA_NEW(a, struct bundle);
	struct packed p = {{packed_read, packed_contract, NULL, NULL}, a, b};
	size_t n = json_len(packed);
	struct source_file *files = ARENA_ARRAY(a, n, struct source_file);
	for (size_t i = 0; i < n; i++)
		files[i] = (struct source_file){str_dup(a, json_key(packed, i)), str_dup(a, json_str(json_val(packed, i)))};
	qsort(files, n, sizeof(*files), compare_files);
	b->entry = str_dup(a, json_str(json_get(v, STR("entry"))));
	b->files = files;
	b->n_files = n;
	digest_files(a, files, n, &b->digest);
	const char *entry = str_cstr(a, b->entry);
	b->workflow = workflow_compile(a, &p.source, entry, packed_text(&p, entry), d, NULL, NULL);
	if (!b->workflow)
		return NULL;
	b->name = b->workflow->name;
	return b;
}
