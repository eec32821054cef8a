/* compile.h - what the compile_*.c files share.
 *
 * Shapes:  the document is walked once, which makes the nodes and notes resources, anchors and references; then references are
 *          resolved, which may walk further parts of the document.
 * Memory:  scratch is freed when compiling ends; nodes live in a.
 * Errors:  compile_complain() adds a fault; the walk goes on.
 * Source:  schema.h
 */
#ifndef SCHEMA_COMPILE_H
#define SCHEMA_COMPILE_H

#include "schema/program.h"

enum { MAX_NODES = 20000, MAX_RESOURCES = 256, MAX_ANCHORS = 1024, MAX_CHAIN = 200 };

struct resource {
	struct str uri;			/* absolute, or what the document makes of it; no fragment */
	struct str pointer;
	const struct json *root;
	const struct node *node;
};

struct anchor {
	struct str name;
	uint32_t resource;
	const struct node *node;
	bool dynamic;
};

struct reference {
	struct node *node;
	struct str text, pointer;
	uint32_t resource;
	bool dynamic;
};

struct place_of {
	const struct json *v;
	const struct node *node;
};

struct compile {
	struct arena *a, *scratch;
	struct schema *program;
	struct schema_faults *faults;
	bool failed;
	struct node **nodes;
	size_t n_nodes, cap_nodes;
	struct resource resources[MAX_RESOURCES];
	size_t n_resources;
	struct anchor anchors[MAX_ANCHORS];
	size_t n_anchors;
	struct reference *references;
	size_t n_references, cap_references;
	struct place_of *places;	/* a table by address */
	size_t n_places, cap_places;
	struct dynamic **dynamics;
	size_t n_dynamics;
	unsigned char *colours;		/* by serial */
};

struct schema_fault *compile_complain(struct compile *c, const struct at *at, const char *keyword, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* " (did you mean "x"?)" or "". */
const char *compile_hint(struct compile *c, const char *near);

/* compile.c */
const struct node *compile_walk(struct compile *c, const struct json *v, const struct at *at, uint32_t resource);
const struct node *place_find(const struct compile *c, const struct json *v);
/* -1 after a complaint. */
int resource_add(struct compile *c, struct str uri, const struct json *root, const struct node *node, const struct at *at);

/* compile_shape.c: is the value of a keyword what it has to be? */
bool shape_check(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at);

/* compile_rules.c: the rules of one keyword, whose shape was checked, into the node. */
void rule_read(struct compile *c, struct node *n, const struct keyword_row *row, const struct json *v, const struct at *at);
/* When all keywords were read. */
void rules_finish(struct compile *c, struct node *n);

/* compile_refs.c */
void reference_add(struct compile *c, struct node *n, struct str text, bool dynamic, const struct at *at);
void anchor_add(struct compile *c, struct node *n, struct str name, bool dynamic, const struct at *at);
void references_resolve(struct compile *c);

extern const struct node node_always, node_never;

#endif
