/* yaml.h - a YAML file as a tree with places. Internal to config.
 *
 * Shapes:  a node is a scalar, a list or a map; keys are scalars, none twice.
 *          Plain scalars are resolved by the core rules of YAML 1.2 (yes, no, on
 *          and off are text). The text of a scalar is kept as written.
 * Units:   places in lines and code points from 1; offsets in bytes of a scalar's text.
 * Memory:  the tree lives in the arena and points at the file's text.
 * Errors:  all to the diag list. NULL when the text cannot be read as a tree at all; forbidden
 *          features and duplicate keys are reported and the tree goes on without them.
 * Source:  YAML 1.2; agentd-workflow(5), "YAML". 256 KiB, 32 levels: checked before libyaml reads a byte.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "config/diag.h"

struct arena;
struct json;

enum { YAML_MAX_BYTES = 256 * 1024, YAML_MAX_DEPTH = 32 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
enum yaml_value { YAML_TEXT, YAML_NULL, YAML_TRUE, YAML_FALSE, YAML_INT, YAML_FLOAT };

struct yaml_doc {
	const char *file;
	struct str text;
};

struct yaml;

struct yaml_pair {
	const struct yaml *key, *value;
};

struct yaml {
	enum yaml_kind kind;
	enum yaml_value value;		/* of a scalar */
	char style;			/* of a scalar: 'p' plain, '\'', '"', '|', '>' */
	struct place at;
	const struct yaml_doc *doc;
	struct str text;		/* of a scalar */
	const struct yaml *const *items;	/* n of a list */
	const struct yaml_pair *pairs;	/* n of a map */
	size_t n;
};

const struct yaml *yaml_parse(struct arena *a, const char *file, struct str text, struct diags *d);
/* The checks that come before libyaml. false: reported. */
bool yaml_scan(const struct yaml_doc *doc, struct diags *d);

const struct yaml *yaml_get(const struct yaml *map, const char *key);	/* NULL: absent or not a map */
bool yaml_is_text(const struct yaml *n);		/* a scalar that is text */
const char *yaml_describe(const struct yaml *n);	/* "a list", "text", "a number" ... */
enum yaml_value yaml_resolve(struct str plain);

/* Where byte offset of the scalar's text stands in the file. Exact for every byte that is not white space. */
struct place yaml_place(const struct yaml *scalar, size_t offset);
/* The same for a text that is a whole file. */
struct place text_place(const char *file, struct str text, size_t offset);

/* As JSON. Numbers keep their literal. NULL after a report: a number that JSON cannot hold. */
const struct json *yaml_json(struct arena *a, const struct yaml *n, struct diags *d);

#endif
