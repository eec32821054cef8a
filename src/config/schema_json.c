/* schema_json.c - the key tables as JSON Schemas for editors. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/workflow_load.h"

static void set_text(struct json_builder *o, const char *key, const char *text)
{
	json_object_setc(o, key, json_stringc(o->a, text));
}

static const struct json *words_json(struct arena *a, const char *const *words)
{
	struct json_builder list;
	json_array_begin(&list, a);
	for (size_t i = 0; words[i]; i++)
		json_array_add(&list, json_stringc(a, words[i]));
	return json_array_end(&list);
}

static const struct json *types_json(struct arena *a, const char *one, const char *two, const char *three)
{
	const char *words[] = {one, two, three, NULL};
	return words_json(a, words);
}

static void set_range(struct json_builder *o, const struct key *k, const char *min, const char *max)
{
	if (k->min || (k->max && k->type != KEY_TEXT && k->type != KEY_CSTR))
		json_object_setc(o, min, json_int(o->a, k->min));
	if (k->max)
		json_object_setc(o, max, json_int(o->a, k->max));
}

static const struct json *text_items(struct arena *a, const struct key *k)
{
	struct json_builder o;
	json_object_begin(&o, a);
	set_text(&o, "type", "string");
	if (k->type == KEY_FLAGS)
		json_object_setc(&o, "enum", words_json(a, k->words));
	else if (k->pattern)
		set_text(&o, "pattern", k->pattern);
	return json_object_end(&o);
}

static const struct json *steps_ref(struct arena *a)
{
	struct json_builder o;
	json_object_begin(&o, a);
	set_text(&o, "$ref", "#/$defs/step");
	return json_object_end(&o);
}

/* A scalar or a map of table: {until: ...}, free. */
static void set_alternatives(struct json_builder *o, const struct key *k)
{
	struct json_builder list, scalar;
	json_array_begin(&list, o->a);
	json_object_begin(&scalar, o->a);
	if (k->words)
		json_object_setc(&scalar, "enum", words_json(o->a, k->words));
	else
		set_text(&scalar, "type", "string");
	json_array_add(&list, json_object_end(&scalar));
	json_array_add(&list, keys_schema(o->a, k->table));
	json_object_setc(o, "anyOf", json_array_end(&list));
}

static void add_members(struct json_builder *props, const struct key_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!(t->keys[i].flags & KEY_LATER))
			json_object_setc(props, t->keys[i].name, key_schema(props->a, &t->keys[i]));
}

static void set_members(struct json_builder *o, const struct key_table *t)
{
	struct json_builder props, required;
	json_object_begin(&props, o->a);
	json_array_begin(&required, o->a);
	add_members(&props, t);
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].flags & KEY_REQUIRED)
			json_array_add(&required, json_stringc(o->a, t->keys[i].name));
	json_object_setc(o, "properties", json_object_end(&props));
	if (required.n)
		json_object_setc(o, "required", json_array_end(&required));
	json_object_setc(o, "additionalProperties", json_bool(false));
}

static void set_type(struct json_builder *o, const struct key *k)
{
	struct arena *a = o->a;
	switch (k->type) {
	case KEY_TEXT:
	case KEY_CSTR:
		set_text(o, "type", "string");
		set_range(o, k, "minLength", "maxLength");
		if (k->pattern)
			set_text(o, "pattern", k->pattern);
		return;
	case KEY_INT:
	case KEY_INT64:
	case KEY_NUMBER:
		set_text(o, "type", k->type == KEY_NUMBER ? "number" : "integer");
		set_range(o, k, "minimum", "maximum");
		return;
	case KEY_BOOL:
		set_text(o, "type", "boolean");
		return;
	case KEY_DURATION:
		set_text(o, "type", "string");
		set_text(o, "pattern", "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$");
		return;
	case KEY_SIZE:
		set_text(o, "type", "string");
		set_text(o, "pattern", "^[0-9]+(B|KiB|MiB|GiB)$");
		return;
	case KEY_MONEY:
		json_object_setc(o, "type", types_json(a, "number", "string", NULL));
		return;
	case KEY_ENUM:
		json_object_setc(o, "enum", words_json(a, k->words));
		return;
	case KEY_FLAGS:
	case KEY_TEXTS:
	case KEY_CSTRS:
		set_text(o, "type", "array");
		json_object_setc(o, "items", text_items(a, k));
		if (k->min)
			json_object_setc(o, "minItems", json_int(a, k->min));
		return;
	case KEY_MAP:
		set_text(o, "type", "object");
		set_members(o, k->table);
		return;
	case KEY_NAMED:
		set_text(o, "type", "object");
		json_object_setc(o, "additionalProperties", keys_schema(a, k->table));
		return;
	case KEY_MAPS:
		set_text(o, "type", "array");
		json_object_setc(o, "items", keys_schema(a, k->table));
		return;
	case KEY_STEPS:
		set_text(o, "type", "array");
		json_object_setc(o, "minItems", json_int(a, 1));
		json_object_setc(o, "items", steps_ref(a));
		return;
	case KEY_EXPR:
		json_object_setc(o, "type", types_json(a, "string", "boolean", "number"));
		return;
	case KEY_SCHEMA:
		json_object_setc(o, "type", types_json(a, "object", "string", NULL));
		return;
	case KEY_TMPL:
	case KEY_ANY:
		return;
	}
}

const struct json *key_schema(struct arena *a, const struct key *k)
{
	struct json_builder o;
	json_object_begin(&o, a);
	set_text(&o, "description", k->text);
	if (k->table && (k->words || k->type == KEY_DURATION))
		set_alternatives(&o, k);
	else
		set_type(&o, k);
	if (k->preset)
		set_text(&o, "default", k->preset);
	return json_object_end(&o);
}

const struct json *keys_schema(struct arena *a, const struct key_table *t)
{
	struct json_builder o;
	json_object_begin(&o, a);
	set_text(&o, "type", "object");
	if (t->text)
		set_text(&o, "description", t->text);
	set_members(&o, t);
	return json_object_end(&o);
}

/* One kind of step: the common keys and its own, of which the first makes it that kind. */
static const struct json *kind_schema(struct arena *a, const struct step_row *row)
{
	struct json_builder o, props, required;
	json_object_begin(&o, a);
	json_object_begin(&props, a);
	json_array_begin(&required, a);
	add_members(&props, &step_table);
	add_members(&props, &row->keys);
	json_array_add(&required, json_stringc(a, "id"));
	json_array_add(&required, json_stringc(a, row->name));
	set_text(&o, "title", row->name);
	set_text(&o, "type", "object");
	json_object_setc(&o, "properties", json_object_end(&props));
	json_object_setc(&o, "required", json_array_end(&required));
	json_object_setc(&o, "additionalProperties", json_bool(false));
	return json_object_end(&o);
}

static const struct json *step_defs(struct arena *a)
{
	struct json_builder defs, step, kinds;
	json_array_begin(&kinds, a);
	for (size_t i = 0; i < STEP_KINDS; i++)
		json_array_add(&kinds, kind_schema(a, &step_rows[i]));
	json_object_begin(&step, a);
	json_object_setc(&step, "anyOf", json_array_end(&kinds));
	json_object_begin(&defs, a);
	json_object_setc(&defs, "step", json_object_end(&step));
	return json_object_end(&defs);
}

const struct json *catalog_schema(struct arena *a, const char *kind, struct err *err)
{
	static const struct {
		const char *name;
		const struct key_table *table;
	} kinds[] = {
		{"workflow", &workflow_table}, {"routing", &routing_table},   {"tool", &tool_table},
		{"risk", &policy_table},       {"hook", &hook_table},
		{"settings", &settings_table},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		struct json_builder o;
		json_object_begin(&o, a);
		set_text(&o, "$schema", "https://json-schema.org/draft/2020-12/schema");
		set_text(&o, "title", kinds[i].table->text);
		set_text(&o, "type", "object");
		set_members(&o, kinds[i].table);
		if (kinds[i].table == &workflow_table)
			json_object_setc(&o, "$defs", step_defs(a));
		return json_object_end(&o);
	}
	err_set(err, ERR_USAGE, "there is no schema \"%s\": expected workflow, routing, tool, risk, hook or settings", kind);
	return NULL;
}
