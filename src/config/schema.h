/* schema.h - key tables: one row per key of a file. Internal to config.
 *
 * Shapes:  a table describes a map: its keys, their types, limits, defaults and a line of
 *          text. The same rows read files into structs, refuse unknown keys with a
 *          suggestion, become the JSON Schema for editors and are what the manual is checked against.
 * Units:   durations ms, sizes bytes, money pico-dollars, as clock.h parses them.
 * Memory:  tables are static; what is read lives in the load's arena.
 * Errors:  all to the diag list, at the value's (or key's) place. Reading goes on.
 * Source:  this header.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "config/diag.h"
#include "config/yaml.h"

struct arena;
struct expr;
struct tmpl;
struct key;
struct json;
struct load;
struct schema;

enum key_type {
	KEY_TEXT,	/* struct str */
	KEY_CSTR,	/* const char * */
	KEY_INT,	/* int */
	KEY_INT64,	/* int64_t */
	KEY_NUMBER,	/* double */
	KEY_BOOL,	/* bool */
	KEY_DURATION,	/* int64_t, ms */
	KEY_SIZE,	/* int64_t, bytes */
	KEY_MONEY,	/* int64_t, pico-dollars */
	KEY_ENUM,	/* an enum: place in words, plus base */
	KEY_FLAGS,	/* unsigned: a list of words, bit by place */
	KEY_TEXTS,	/* const struct str *, then size_t: a list of texts */
	KEY_CSTRS,	/* const char *const *, then size_t */
	KEY_MAP,	/* the struct of table */
	KEY_EXPR,	/* const struct expr * */
	KEY_TMPL,	/* const struct tmpl *: any value with ${ } inside */
	/* Shapes that only a read function can store. */
	KEY_NAMED,	/* a map of names to maps of table */
	KEY_MAPS,	/* a list of maps of table */
	KEY_SCHEMA,	/* a JSON Schema, or the name of a file that holds one */
	KEY_STEPS,	/* a list of steps */
	KEY_ANY,
};

enum {
	KEY_REQUIRED = 1,
	KEY_LATER = 2,		/* known to the language, not to this version */
	KEY_INHERIT = 4,	/* absent: what the struct held before; see keys_defaults() */
};

typedef void key_read_fn(struct load *l, const struct key *k, const struct yaml *v, void *out);

struct key {
	const char *name;
	enum key_type type;
	unsigned flags;
	size_t offset;			/* into the struct of the table */
	size_t offset_n;		/* KEY_TEXTS, KEY_CSTRS: of the count; KEY_SCHEMA: of the compiled schema */
	int64_t min, max;		/* of numbers, durations, sizes, money and the length of texts and lists; max 0: none */
	int base;			/* KEY_ENUM: value of the first word */
	const char *preset;		/* default, as it would be written; NULL: the struct as it was */
	const char *pattern;		/* of texts and names: PCRE2 and JSON Schema alike */
	const char *pattern_text;	/* the same for people: "lower-case letters, digits and -" */
	const char *const *words;	/* NULL-ended */
	const struct key_table *table;
	key_read_fn *read;		/* stores the value itself */
	const char *text;		/* one line */
};

struct key_table {
	const char *name;		/* "step": unknown key "x" in a step */
	const struct key *keys;
	size_t n;
	const char *text;
};

#define KEYS(array) (array), sizeof(array) / sizeof((array)[0])

/* A text with expressions, kept until the names that it uses can be checked. */
struct use {
	const struct yaml *node;	/* NULL: a file of its own */
	const char *file;
	struct str text;
	size_t shift;			/* of the program inside the text */
	const struct expr *expr;	/* one of these two */
	const struct tmpl *tmpl;
	const char *const *roots;
	size_t n_roots;
	const void *spot;		/* who uses it; workflow_refs.c */
};

struct load {
	struct arena *a;
	struct diags *d;
	const char *const *roots;	/* names an expression read now may use */
	size_t n_roots;
	const void *spot;
	struct use *uses;
	size_t n_uses, cap_uses;
	void *owner;			/* of the kind of file */
};

/* Read a map by its table into out; defaults are stored for absent keys. false: not a map. */
bool keys_read(struct load *l, const struct key_table *t, const struct yaml *map, void *out);
/* Store all defaults of the table, also of keys that inherit. */
void keys_defaults(struct load *l, const struct key_table *t, struct place at, void *out);
/* Read by the row as if it had no read function, to offset of out. */
void key_read_plain(struct load *l, const struct key *k, const struct yaml *v, void *out, size_t offset);
/* Keys of several tables in one map (a step: the common ones and those of its kind). */
void keys_check_known(struct load *l, const char *what, const struct yaml *map, const struct key_table *const *tables,
		      size_t n);
void keys_read_known(struct load *l, const struct key_table *t, const struct yaml *map, void *out);
void key_read(struct load *l, const struct key *k, const struct yaml *v, void *out);
/* "agentd: v1" */
void key_read_version(struct load *l, const struct key *k, const struct yaml *v, void *out);
#define KEY_VERSION                                                                                      \
	{                                                                                                \
		.name = "agentd", .type = KEY_TEXT, .flags = KEY_REQUIRED, .read = key_read_version, .pattern = "^v1$", \
		.text = "Version of the file's format: v1."                                              \
	}

bool load_matches(const struct load *l, struct str s, const char *pattern);
/* Report and false unless the name fits. what: "id", "name of a variable". */
bool load_name(struct load *l, const struct yaml *n, const char *what, const char *pattern, const char *pattern_text);
bool load_expect(struct load *l, const struct yaml *n, const char *what, enum yaml_kind kind);
/* ` (did you mean "x"?)` or "", while diag_suggests(). */
const char *load_nearest(struct diags *d, struct arena *a, struct str name, const char *const *names, size_t n);

/* The bare form or ${ }. NULL after a report. */
const struct expr *load_expr(struct load *l, const struct yaml *n, const char *what);
const struct tmpl *load_tmpl(struct load *l, const struct yaml *n);
const struct tmpl *load_tmpl_text(struct load *l, const char *file, struct str text);	/* a file of its own */
/* Costs a walk through the file, so only while the list takes more. */
struct place use_place(const struct load *l, const struct use *u, size_t offset);
/* Unknown root names and impossible types of all that was read. */
void load_check(struct load *l);

/* json_schema.c: a JSON Schema compiled; NULL after a report. Where it came from: the first origin is the document itself,
 * others are files that became part of it below a pointer. */
struct schema_origin {
	struct str under;
	const struct yaml *nodes;	/* NULL: at is all that is known */
	struct place at;
};
const struct schema *load_schema(struct load *l, const struct json *schema, const struct schema_origin *origins, size_t n);

/* --- for editors and the manual --- */
/* The tables of whole files. */
extern const struct key_table workflow_table, routing_table, tool_table, policy_table, hook_table, settings_table;
const struct json *keys_schema(struct arena *a, const struct key_table *t);
const struct json *key_schema(struct arena *a, const struct key *k);
#endif
