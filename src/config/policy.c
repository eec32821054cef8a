/* policy.c - policies/risk.yaml: ordered rules and their tests, read and checked. */
#include "config/policy.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/schema.h"
#include "schema/pattern.h"

#define ID_PATTERN "^[a-z][a-z0-9_-]{0,62}$"
#define ID_TEXT "a lower-case letter, then letters, digits, _ and -"

static const char *const roots[] = {"task", "tool", "args", "taint", "token"};
/* What is known below the roots; args are the tool's own. */
static const char *const task_names[] = {"id", "workflow", "bundle", "urgency", "labels", "created_at", "submitted_by", "parent",
					 "input"};
static const char *const taint_names[] = {"untrusted", "private", "outside"};
static const char *const token_names[] = {"name"};
static const struct {
	const char *root, *what;
	const char *const *names;
	size_t n;
} known[] = {
	{"task", "a task", task_names, sizeof(task_names) / sizeof(*task_names)},
	{"taint", "taint", taint_names, sizeof(taint_names) / sizeof(*taint_names)},
	{"token", "a token", token_names, sizeof(token_names) / sizeof(*token_names)},
};

static const char *const verdict_words[] = {"allow", "ask", "deny", NULL};

struct policy_load {
	struct load l;			/* first: read functions cast */
	struct policy *p;
};

static key_read_fn read_match, read_given, read_expect_id, read_expect_verdict, read_rules, read_tests;

static const struct key rule_keys[] = {
	{.name = "id", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct policy_rule, id),
	 .pattern = ID_PATTERN, .pattern_text = ID_TEXT, .text = "Name of the rule, unique in the file."},
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct policy_rule, when),
	 .text = "Condition over task, tool, args, taint and token."},
	{.name = "match", .type = KEY_ANY, .offset = offsetof(struct policy_rule, match), .read = read_match,
	 .text = "Patterns (PCRE2) by field such as args.to; all must be found."},
	{.name = "verdict", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct policy_rule, verdict),
	 .words = verdict_words, .text = "allow, ask a human, or deny."},
	{.name = "risk", .type = KEY_ENUM, .offset = offsetof(struct policy_rule, risk), .words = rule_risk_words,
	 .base = RISK_LOW, .text = "Risk of what the rule fits."},
	{.name = "reason", .type = KEY_TEXT, .offset = offsetof(struct policy_rule, reason), .max = 500,
	 .text = "Why; shown to whoever is asked or refused."},
	{.name = "expires", .type = KEY_DURATION, .offset = offsetof(struct policy_rule, expires_ms), .min = 1,
	 .preset = "24h", .text = "How long a question stays open."},
	{.name = "approvers", .type = KEY_INT, .offset = offsetof(struct policy_rule, approvers), .min = 1, .max = 10,
	 .preset = "1", .text = "How many different people must approve."},
};
static const struct key_table rule_table = {"a rule", KEYS(rule_keys), "One rule; the first that fits decides."};

static const struct key expect_keys[] = {
	{.name = "id", .type = KEY_TEXT, .offset = offsetof(struct policy_test, expect_id), .read = read_expect_id,
	 .text = "Rule that must decide."},
	{.name = "verdict", .type = KEY_ENUM, .offset = offsetof(struct policy_test, expect_verdict),
	 .words = verdict_words, .read = read_expect_verdict, .text = "Verdict that must come out."},
};
static const struct key_table expect_table = {"expect", KEYS(expect_keys), "What must come out."};

static const struct key test_keys[] = {
	{.name = "given", .type = KEY_ANY, .flags = KEY_REQUIRED, .offset = offsetof(struct policy_test, given),
	 .read = read_given, .text = "Facts: task, tool, args, taint, token; the effect class of the tool."},
	{.name = "expect", .type = KEY_MAP, .flags = KEY_REQUIRED, .table = &expect_table, .text = "What must come out."},
};
static const struct key_table test_table = {"a test", KEYS(test_keys), "A case that the rules must decide as stated."};

static const struct key policy_keys[] = {
	KEY_VERSION,
	{.name = "rules", .type = KEY_MAPS, .flags = KEY_REQUIRED, .table = &rule_table, .read = read_rules,
	 .text = "Rules in order; the first that fits decides."},
	{.name = "tests", .type = KEY_MAPS, .table = &test_table, .read = read_tests,
	 .text = "Cases checked by agentctl policy test."},
};
const struct key_table policy_table = {"the risk policy", KEYS(policy_keys), "policies/risk.yaml"};

static void *slot(void *out, const struct key *k)
{
	return (char *)out + k->offset;
}

/* --- names of facts --- */

/* NULL: fine. */
static const char *unknown_name(struct load *l, struct str root, struct str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!str_is(root, known[i].root))
			continue;
		for (size_t k = 0; k < known[i].n; k++)
			if (str_is(name, known[i].names[k]))
				return NULL;
		return arena_printf(l->a, "%s has no \"" STR_FMT "\"%s", known[i].what, STR_ARG(name),
				    load_nearest(l->d, l->a, name, known[i].names, known[i].n));
	}
	return NULL;
}

struct reading {
	struct load *l;
	const struct use *u;
};

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	const struct reading *r = arg;
	const char *wrong = n > 1 ? unknown_name(r->l, keys[0], keys[1]) : NULL;
	(void)length;
	if (wrong)
		diag_error(r->l->d, use_place(r->l, r->u, offset), "%s", wrong);
}

static void check_names(struct load *l)
{
	for (size_t i = 0; i < l->n_uses; i++) {
		struct reading r = {l, &l->uses[i]};
		if (r.u->expr)
			expr_refs(r.u->expr, on_ref, &r);
	}
}

static void check_field(struct load *l, const struct yaml *field)
{
	ptrdiff_t dot = str_chr(field->text, '.');
	if (dot < 0)
		return;
	struct str name = str_sub(field->text, (size_t)dot + 1, field->text.n);
	ptrdiff_t end = str_chr(name, '.');
	const char *wrong = unknown_name(l, str_sub(field->text, 0, (size_t)dot), end < 0 ? name : str_sub(name, 0, (size_t)end));
	if (wrong)
		diag_error(l->d, field->at, "%s", wrong);
}

/* --- rules --- */

static const struct pattern *compile_pattern(struct load *l, const struct yaml *v)
{
	struct pattern_error error;
	const struct pattern *p = pattern_compile(l->a, v->text, PATTERN_UNICODE | PATTERN_END_ONLY, &error);
	if (!p)
		diag_error(l->d, yaml_place(v, error.offset), "\"match\": the pattern cannot be read: %s", error.message);
	return p;
}

static void read_match(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct policy_rule *r = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct policy_match *list = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct policy_match);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *field = v->pairs[i].key, *pattern = v->pairs[i].value;
		if (!load_name(l, field, "field", "^(tool|(args|task|token|taint)(\\.[A-Za-z_][A-Za-z0-9_-]*)+)$",
			       "tool, or a path such as args.to"))
			continue;
		if (pattern->kind != YAML_SCALAR || pattern->value == YAML_NULL) {
			diag_error(l->d, pattern->at, "\"match\": expected a pattern, got %s", yaml_describe(pattern));
			continue;
		}
		check_field(l, field);
		list[r->n_match++] = (struct policy_match){field->text, pattern->text, compile_pattern(l, pattern)};
	}
	r->match = list;
}

/* --- tests --- */

static void check_given_map(struct load *l, const struct yaml *root, const struct yaml *v)
{
	if (v->kind == YAML_SCALAR && v->value == YAML_NULL)
		return;
	if (!load_expect(l, v, str_cstr(l->a, root->text), YAML_MAP))
		return;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *name = v->pairs[i].key, *x = v->pairs[i].value;
		const char *wrong = unknown_name(l, root->text, name->text);
		bool is_bool = x->kind == YAML_SCALAR && (x->value == YAML_TRUE || x->value == YAML_FALSE);
		if (wrong)
			diag_error(l->d, name->at, "%s", wrong);
		else if (str_is(root->text, "taint") && !is_bool)
			diag_error(l->d, x->at, "\"" STR_FMT "\": expected true or false, got %s", STR_ARG(name->text),
				   yaml_describe(x));
	}
}

static void check_given(struct load *l, const struct yaml *root, const struct yaml *v, struct policy_test *t)
{
	if (str_is(root->text, "tool")) {
		if (!yaml_is_text(v) && !(v->kind == YAML_SCALAR && v->value == YAML_NULL))
			diag_error(l->d, v->at, "\"tool\": expected a name or null, got %s", yaml_describe(v));
	} else if (str_is(root->text, "effect")) {
		if (v->kind != YAML_SCALAR || !effect_class_parse(v->text, &t->effect))
			diag_error(l->d, v->at, "\"effect\": expected one of pure, tx, idempotent, at_most_once, got %s",
				   yaml_describe(v));
	} else {
		check_given_map(l, root, v);
	}
}

static void read_given(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	static const char *const facts[] = {"task", "tool", "args", "taint", "token", "effect"};
	size_t n = sizeof(facts) / sizeof(facts[0]);
	struct policy_test *t = out;
	t->effect = EFFECT_AT_MOST_ONCE;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *root = v->pairs[i].key;
		bool is_fact = false;
		for (size_t r = 0; r < n; r++)
			is_fact |= str_is(root->text, facts[r]);
		if (is_fact)
			check_given(l, root, v->pairs[i].value, t);
		else
			diag_error(l->d, root->at, "unknown fact \"" STR_FMT "\"%s", STR_ARG(root->text),
				   load_nearest(l->d, l->a, root->text, facts, n));
	}
	t->given = yaml_json(l->a, v, l->d);
}

static void read_expect_id(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	const struct policy *p = ((struct policy_load *)l)->p;
	const char **names = ARENA_ARRAY(l->a, p->n_rules + 1, const char *);
	struct str id = v->kind == YAML_SCALAR ? v->text : STR("");
	for (size_t i = 0; i < p->n_rules; i++) {
		names[i] = str_cstr(l->a, p->rules[i].id);
		if (str_eq(p->rules[i].id, id)) {
			*(struct str *)slot(out, k) = id;
			return;
		}
	}
	diag_error(l->d, v->at, "there is no rule \"" STR_FMT "\"%s", STR_ARG(id), load_nearest(l->d, l->a, id, names, p->n_rules));
}

static void read_expect_verdict(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct policy_test *t = out;
	int word = -1;
	key_read_plain(l, k, v, &word, 0);
	if (word < 0)
		return;
	t->has_verdict = true;
	t->expect_verdict = (enum verdict)word;
}

static void check_order(struct load *l, const struct policy *p, size_t i, const struct yaml *list)
{
	const struct policy_rule *r = &p->rules[i];
	for (size_t k = 0; k < i && r->id.n; k++)
		if (str_eq(p->rules[k].id, r->id))
			diag_error(l->d, yaml_get(list->items[i], "id")->at, "rule id \"" STR_FMT "\" is given twice: first at line %d",
				   STR_ARG(r->id), p->rules[k].place.line);
	if (i && list->items[i - 1]->kind == YAML_MAP && !yaml_get(list->items[i - 1], "when") &&
	    !yaml_get(list->items[i - 1], "match"))
		diag_error(l->d, r->place, "this rule is never reached: the one above fits everything");
}

static void read_rules(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct policy *p = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	struct policy_rule *rules = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct policy_rule);
	p->rules = rules;
	p->n_rules = v->n;
	for (size_t i = 0; i < v->n; i++) {
		rules[i].place = v->items[i]->at;
		if (keys_read(l, k->table, v->items[i], &rules[i]))
			check_order(l, p, i, v);
	}
}

static void read_tests(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct policy *p = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	struct policy_test *tests = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct policy_test);
	p->tests = tests;
	p->n_tests = v->n;
	for (size_t i = 0; i < v->n; i++) {
		tests[i].place = v->items[i]->at;
		keys_read(l, k->table, v->items[i], &tests[i]);
	}
}

const char *verdict_name(enum verdict v)
{
	return verdict_words[v];
}

bool verdict_is_stricter(enum verdict v, enum verdict than)
{
	return v > than;
}

const struct policy *policy_parse(struct arena *a, const char *path, struct str text, struct diags *d)
{
	size_t before = diag_errors(d);
	struct policy_load w = {
		.l = {.a = a, .d = d, .roots = roots, .n_roots = sizeof(roots) / sizeof(roots[0])},
		.p = ARENA_NEW(a, struct policy),
	};
	const struct yaml *root = yaml_parse(a, path, text, d);
	if (!root)
		return NULL;
	if (keys_read(&w.l, &policy_table, root, w.p)) {
		load_check(&w.l);
		check_names(&w.l);
	}
	return diag_errors(d) > before ? NULL : w.p;
}
