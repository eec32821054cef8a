/* expr_order.c - sorting, grouping and extremes. Keys of the `_by` family are all outputs of f. */
#include "base/arena.h"
#include "config/expr_eval.h"

/* An item and its keys, which stay on the stack of values. */
struct entry {
	const struct json *item;
	size_t at, n;
};

static int cmp_entries(struct eval *ev, const struct entry *a, const struct entry *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = eval_cmp(ev, ev->stack[a->at + i], ev->stack[b->at + i]);

		if (c != 0 || ev->limit)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

static void merge(struct eval *ev, const struct entry *from, struct entry *to, size_t lo, size_t mid, size_t hi)
{
	size_t i = lo, j = mid;

	for (size_t k = lo; k < hi; k++)
		to[k] = j == hi || (i < mid && cmp_entries(ev, &from[i], &from[j]) <= 0) ? from[i++] : from[j++];
}

/* Stable; gives the sorted table, NULL when a limit is passed. */
static struct entry *sort_entries(struct eval *ev, struct entry *from, size_t n)
{
	struct entry *to;

	if (!eval_make(ev, n * sizeof *to))
		return NULL;
	to = ARENA_ARRAY(ev->scratch, n, struct entry);
	for (size_t width = 1; width < n && !ev->limit; width *= 2) {
		struct entry *swap = from;

		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n, hi = mid + width < n ? mid + width : n;

			merge(ev, from, to, lo, mid, hi);
		}
		from = to;
		to = swap;
	}
	return ev->limit ? NULL : from;
}

/* Items of an array with their keys: by (NULL: the item itself). */
static struct entry *entries_of(struct eval *ev, const struct json *in, const struct expr_node *by, const char *what)
{
	size_t n = json_len(in);
	struct entry *entries;
	struct eval_shown room;

	if (json_type(in) != JSON_ARRAY) {
		eval_raise(ev, "%s cannot be %s, as it is not an array", eval_describe(&room, in), what);
		return NULL;
	}
	if (!eval_make(ev, n * sizeof *entries))
		return NULL;
	entries = ARENA_ARRAY(ev->scratch, n, struct entry);
	for (size_t i = 0; i < n; i++) {
		entries[i] = (struct entry){json_at(in, i), ev->top, 0};
		if (!by)
			eval_push(ev, entries[i].item);
		else if (eval_node(ev, by, entries[i].item, SIZE_MAX) < 0)
			return NULL;
		entries[i].n = ev->top - entries[i].at;
	}
	return entries;
}

enum shape { SORTED, GROUPED, UNIQUE };

static const struct json *arrange(struct eval *ev, const struct entry *e, size_t n, enum shape shape)
{
	size_t base = ev->top, from = base;
	const struct json *v;

	for (size_t i = 0; i < n; i++) {
		bool new = i == 0 || shape == SORTED || cmp_entries(ev, &e[i - 1], &e[i]) != 0;

		if (shape == GROUPED && new && i > 0) {	/* close the group before */
			v = eval_array(ev, ev->stack + from, ev->top - from);
			if (!v)
				return NULL;
			ev->top = from;
			eval_push(ev, v);
			from++;
		}
		if (new || shape == GROUPED)
			eval_push(ev, e[i].item);
	}
	if (shape == GROUPED && n) {
		v = eval_array(ev, ev->stack + from, ev->top - from);
		if (!v)
			return NULL;
		ev->top = from;
		eval_push(ev, v);
	}
	return ev->limit ? NULL : eval_array(ev, ev->stack + base, ev->top - base);
}

static int ordered(struct eval *ev, const struct expr_node *call, const struct json *in, enum shape shape,
		   const char *what)
{
	size_t base = ev->top, n = json_len(in);
	struct entry *e = entries_of(ev, in, call->n_kids ? call->kids[0] : NULL, what);
	const struct json *v = NULL;

	if (e)
		e = sort_entries(ev, e, n);
	if (e)
		v = arrange(ev, e, n, shape);
	ev->top = base;
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

static int sort(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return ordered(ev, call, in, SORTED, "sorted");
}

static int group(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return ordered(ev, call, in, GROUPED, "grouped");
}

static int unique(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return ordered(ev, call, in, UNIQUE, "sorted");
}

/* Of equals, min gives the first and max the last, as in jq. */
static int extreme(struct eval *ev, const struct expr_node *call, const struct json *in, bool max)
{
	size_t base = ev->top, best = 0;
	struct entry *e = entries_of(ev, in, call->n_kids ? call->kids[0] : NULL, "searched");

	for (size_t i = 1; e && i < json_len(in); i++) {
		int c = cmp_entries(ev, &e[i], &e[best]);

		if (max ? c >= 0 : c < 0)
			best = i;
	}
	ev->top = base;
	if (!e || ev->limit)
		return -1;
	eval_push(ev, json_at(in, best));
	return 0;
}

static int min(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return extreme(ev, call, in, false);
}

static int max(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return extreme(ev, call, in, true);
}

const struct expr_builtin expr_order_builtins[] = {
	{"sort", 0, EXPR_T_ARRAY, EXPR_T_ARRAY, {0}, NULL, sort, false},
	{"sort_by", 1, EXPR_T_ARRAY, EXPR_T_ARRAY, {EXPR_T_NONE}, NULL, sort, false},
	{"group_by", 1, EXPR_T_ARRAY, EXPR_T_ARRAY, {EXPR_T_NONE}, NULL, group, false},
	{"unique", 0, EXPR_T_ARRAY, EXPR_T_ARRAY, {0}, NULL, unique, false},
	{"unique_by", 1, EXPR_T_ARRAY, EXPR_T_ARRAY, {EXPR_T_NONE}, NULL, unique, false},
	{"min", 0, EXPR_T_ARRAY, EXPR_T_ANY, {0}, NULL, min, false},
	{"max", 0, EXPR_T_ARRAY, EXPR_T_ANY, {0}, NULL, max, false},
	{"min_by", 1, EXPR_T_ARRAY, EXPR_T_ANY, {EXPR_T_NONE}, NULL, min, false},
	{"max_by", 1, EXPR_T_ARRAY, EXPR_T_ANY, {EXPR_T_NONE}, NULL, max, false},
	{.name = NULL},
};
