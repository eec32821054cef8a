/* check_array.c - items. */
#include "base/json.h"
#include "schema/check.h"

static bool check_contains(struct run *r, const struct array_rules *rules, const struct json *v, const struct at *at,
			   struct marks *m)
{
	size_t n = json_len(v), found = 0, limit;
	const char *keyword;

	for (size_t i = 0; i < n; i++) {
		if (!check_spend(r, 1))
			return false;
		/* Enough is enough, unless somebody wants to know which. */
		if (!m && found >= rules->min_contains && rules->max_contains >= n)
			break;
		if (!check_quietly(r, rules->contains, json_at(v, i), NULL))
			continue;
		found++;
		marks_set(m, i);
	}
	if (found >= rules->min_contains && found <= rules->max_contains)
		return true;
	limit = found < rules->min_contains ? rules->min_contains : rules->max_contains;
	keyword = found >= rules->min_contains ? "maxContains" : rules->min_contains == 1 ? "contains" : "minContains";
	return check_fail(r, at, keyword, "expected at %s %zu item%s as \"contains\" says, got %zu",
			  found < rules->min_contains ? "least" : "most", limit, limit == 1 ? "" : "s", found);
}

static bool check_size(struct run *r, const struct array_rules *rules, size_t n, const struct at *at)
{
	size_t limit = n < rules->min ? rules->min : rules->max;

	if (n >= rules->min && n <= rules->max)
		return true;
	return check_fail(r, at, n < rules->min ? "minItems" : "maxItems", "expected at %s %zu item%s, got %zu",
		    n < rules->min ? "least" : "most", limit, limit == 1 ? "" : "s", n);
}

static bool check_items(struct run *r, const struct array_rules *rules, const struct json *v, const struct at *up, struct marks *m)
{
	size_t n = json_len(v), last = rules->items ? n : rules->prefix.n;
	bool ok = true;

	for (size_t i = 0; i < n && i < last; i++) {
		const struct at at = {.up = up, .index = i};
		bool prefix = i < rules->prefix.n;
		const struct node *node = prefix ? rules->prefix.v[i] : rules->items;

		if (!check_spend(r, 1) ||
		    !keep(r, &ok, check_node(r, node, json_at(v, i), &at, NULL, prefix ? "prefixItems" : "items")))
			return false;
		marks_set(m, i);
	}
	return ok;
}

bool check_array(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m)
{
	const struct array_rules *rules = n->array;
	bool ok = true;

	if (!keep(r, &ok, check_size(r, rules, json_len(v), at)) || !keep(r, &ok, check_items(r, rules, v, at, m)))
		return false;
	if (rules->contains && !keep(r, &ok, check_contains(r, rules, v, at, m)))
		return false;
	if (rules->unique && !keep(r, &ok, check_unique(r, v, at)))
		return false;
	return ok;
}
