/* program.h - a compiled schema as it lies in memory; for this room only.
 *
 * Shapes:  a node for each schema of the document. Rules that ask for one type of value stand in a group, which is NULL where
 *          there are none. A node's in_place rules look at the same value, others at its members and items.
 * Memory:  all in the arena of the program, immutable once schema_compile() has returned.
 * Errors:  none.
 * Source:  schema.h
 */
#ifndef SCHEMA_PROGRAM_H
#define SCHEMA_PROGRAM_H

#include <stdarg.h>
#include <stdint.h>

#include "schema/ecma.h"
#include "schema/schema.h"

enum {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_NUMBER = 4,
	TYPE_INTEGER = 8,
	TYPE_STRING = 16,
	TYPE_ARRAY = 32,
	TYPE_OBJECT = 64,
	TYPE_ANY = 127,
};

struct node_list {
	const struct node **v;
	size_t n;
};

struct number_rules {
	const struct json *minimum, *maximum, *above, *below, *multiple_of;
};

struct string_rules {
	size_t min, max;
	const struct pattern *pattern;
};

struct array_rules {
	size_t min, max;
	bool unique;
	struct node_list prefix;
	const struct node *items, *contains;
	size_t min_contains, max_contains;
};

/* Keys of `properties` and `required`, in a table by hash with free places. */
struct property {
	struct str key;			/* .p NULL: a free place */
	const struct node *node;	/* NULL: only required */
	bool required;
};

struct pattern_rule {
	const struct pattern *pattern;
	const struct node *node;
};

struct dependent {
	struct str key;
	const struct json *required;	/* list of keys; NULL */
	const struct node *node;	/* NULL */
};

struct object_rules {
	size_t min, max;
	struct property *table;		/* NULL: no keys */
	size_t mask;			/* places - 1 */
	size_t n_required;
	const struct json *required, *properties;	/* as written, in order */
	const struct node **property_nodes;		/* of properties */
	struct pattern_rule *patterns;
	size_t n_patterns;
	const struct node *additional, *names;
	struct dependent *dependents;
	size_t n_dependents;
};

/* Where $dynamicRef leads, by the resource that was entered first. */
struct dynamic {
	struct str name;
	const struct node **by_resource;	/* n of the schema; NULL where the resource has no such anchor */
};

struct in_place {
	const struct node *ref;
	const struct node *dynamic_ref;		/* where nothing dynamic decides */
	const struct dynamic *dynamic;		/* NULL: a plain reference */
	struct node_list all_of, any_of, one_of;
	const struct node *not, *if_, *then_, *else_;
};

enum node_kind { NODE_ALWAYS, NODE_NEVER, NODE_RULES };

struct node {
	enum node_kind kind;
	uint8_t types;
	uint32_t serial;		/* from 0, of those of this kind */
	uint32_t resource;
	const struct json *constant;	/* NULL: none */
	const struct json *choices;
	uint64_t constant_steps;	/* of a comparison with it */
	const uint64_t *choice_steps;	/* as many as there are choices */
	struct number_rules *number;
	struct string_rules *string;
	struct array_rules *array;
	struct object_rules *object;
	struct in_place *in_place;
	const struct node *unevaluated_properties, *unevaluated_items;
};

struct schema {
	const struct node *root;
	size_t n_resources;
};

/* A place on the way down, on the stack of who walks. */
struct at {
	const struct at *up;		/* NULL: the top, which adds nothing */
	struct str key;			/* .p NULL: index counts */
	size_t index;
	bool raw;			/* key is a pointer by itself */
};

struct str at_pointer(struct arena *a, const struct at *at);
/* One more fault, if there is room; NULL if not. */
struct schema_fault *fault_add(struct schema_faults *f, const struct at *at, const char *keyword, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

/* Of a key in object_rules.table. */
size_t key_hash(struct str key);

/* cost.c: steps of one look at v with all that is in it, at v alone, and at a key. */
uint64_t value_steps(const struct json *v);
uint64_t own_steps(const struct json *v);
uint64_t key_steps(struct str key);

/* uri.c: RFC 3986 section 5.2, without the fragment of base. */
struct str uri_resolve(struct arena *a, struct str base, struct str reference);
struct str uri_unescape(struct arena *a, struct str s);

/* metaschema.c: of the draft, or NULL when the address is another's. */
const struct json *metaschema(struct arena *a, struct str uri);

/* keywords.c */
enum keyword {
	KEY_TYPE, KEY_CONST, KEY_ENUM,
	KEY_MINIMUM, KEY_MAXIMUM, KEY_ABOVE, KEY_BELOW, KEY_MULTIPLE_OF,
	KEY_MIN_LENGTH, KEY_MAX_LENGTH, KEY_PATTERN,
	KEY_MIN_ITEMS, KEY_MAX_ITEMS, KEY_UNIQUE_ITEMS, KEY_PREFIX_ITEMS, KEY_ITEMS,
	KEY_CONTAINS, KEY_MIN_CONTAINS, KEY_MAX_CONTAINS,
	KEY_MIN_PROPERTIES, KEY_MAX_PROPERTIES, KEY_REQUIRED, KEY_PROPERTIES, KEY_PATTERN_PROPERTIES,
	KEY_ADDITIONAL_PROPERTIES, KEY_PROPERTY_NAMES, KEY_DEPENDENT_REQUIRED, KEY_DEPENDENT_SCHEMAS, KEY_DEPENDENCIES,
	KEY_UNEVALUATED_PROPERTIES, KEY_UNEVALUATED_ITEMS,
	KEY_REF, KEY_DYNAMIC_REF, KEY_ALL_OF, KEY_ANY_OF, KEY_ONE_OF, KEY_NOT, KEY_IF, KEY_THEN, KEY_ELSE,
	KEY_ID, KEY_ANCHOR, KEY_DYNAMIC_ANCHOR, KEY_SCHEMA,
	KEY_DEFS,			/* schemas that only references reach */
	KEY_CONTENT_SCHEMA,
	KEY_ANNOTATION,			/* checked for its shape */
};

enum shape {
	SHAPE_ANY, SHAPE_TYPE, SHAPE_SCHEMA, SHAPE_SCHEMAS, SHAPE_SCHEMA_MAP, SHAPE_TEXT, SHAPE_TEXTS, SHAPE_COUNT, SHAPE_NUMBER,
	SHAPE_POSITIVE, SHAPE_BOOLEAN, SHAPE_LIST, SHAPE_MAP, SHAPE_DEPENDENCIES,
};

struct keyword_row {
	const char *name;
	enum keyword keyword;
	enum shape shape;
};

const struct keyword_row *keyword_find(struct str name);
const char *keyword_nearest(struct str name);	/* NULL: none is near */
/* The mask of a type's name, or 0. */
uint8_t type_named(struct str name);
const char *type_nearest(struct str name);
struct str types_text(uint8_t types, char *room, size_t size);	/* "string or null" */

#endif
