/* check.h - what the check_*.c files share: a run of a program over one value.
 *
 * Shapes:  without faults a check ends at the first thing that does not fit; with them it goes on. Marks are the members or items
 *          of one object or array that some rule has looked at, for unevaluated*; they are kept only below a node that asks.
 * Units:   steps: about one schema, member or comparison each.
 * Memory:  everything is on the stack but marks of more than SMALL_MARKS places, which live in scratch.
 * Errors:  a run that was given up fits nothing.
 * Source:  schema.h
 */
#ifndef SCHEMA_CHECK_H
#define SCHEMA_CHECK_H

#include "schema/program.h"

enum { SMALL_MARKS = 256, MAX_DEPTH = 500, MAX_STEPS = 2000000, SHOWN_BYTES = 80 };

struct marks {
	size_t n;
	bool all;
	uint64_t *bits;
	uint64_t small[SMALL_MARKS / 64];
};

/* The resources that were entered, from the innermost. */
struct scope {
	const struct scope *up;
	uint32_t resource;
};

struct run {
	const struct schema *program;
	struct schema_faults *faults;	/* NULL: only the answer counts */
	struct arena *scratch;		/* NULL until something needs it */
	const struct scope *scope;
	uint64_t steps;			/* left */
	int depth;
	bool given_up;
};

/* v is at the place; keyword is the one that led here (for schemas that are just false). */
bool check_node(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m,
		const char *keyword);
bool check_object(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m);
bool check_array(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m);
bool check_unique(struct run *r, const struct json *v, const struct at *at);
bool check_in_place(struct run *r, const struct in_place *p, const struct json *v, const struct at *at, struct marks *m);
bool check_number(struct run *r, const struct number_rules *rules, const struct json *v, const struct at *at);
bool check_string(struct run *r, const struct string_rules *rules, struct str s, const struct at *at);
/* Without faults. */
bool check_quietly(struct run *r, const struct node *n, const struct json *v, struct marks *m);

bool check_fail(struct run *r, const struct at *at, const char *keyword, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool check_spend(struct run *r, uint64_t steps);
bool check_pattern(struct run *r, const struct pattern *p, struct str s);
/* v as text, short, in the list's arena. */
struct str check_shown(struct run *r, const struct json *v);

struct arena *check_scratch(struct run *r);
void marks_begin(struct run *r, struct marks *m, size_t n);
void marks_merge(struct marks *into, const struct marks *from);	/* into NULL: nothing */

static inline void marks_set(struct marks *m, size_t i)
{
	if (m && !m->all)
		m->bits[i / 64] |= (uint64_t)1 << i % 64;
}

static inline void marks_all(struct marks *m)
{
	if (m)
		m->all = true;
}

static inline bool marks_has(const struct marks *m, size_t i)
{
	return m->all || (m->bits[i / 64] >> i % 64 & 1);
}

/* Notes that something does not fit; false: there is no reason to go on. */
static inline bool keep(struct run *r, bool *ok, bool fits)
{
	if (fits)
		return true;
	*ok = false;
	return r->faults && !r->given_up && !r->faults->more;
}

#endif
