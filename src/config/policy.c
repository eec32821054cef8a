/* policy.c - policies/risk.yaml: ordered rules and their tests. */
#include "config/policy.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/pattern.h"
#include "config/schema.h"

#define ID_PATTERN "^[a-z][a-z0-9_-]{0,62}$"
#define ID_TEXT "a lower-case letter, then letters, digits, _ and -"

static const char *const roots[] = {"task", "tool", "args", "taint", "token"};
static const char *const verdict_words[] = {"allow", "ask", "deny", NULL};
static const char *const risk_words[] = {"low", "medium", "high", "forbidden", NULL};

struct policy_load {
	struct load l;			/* first: read functions cast */
	struct policy *p;
};

static key_read_fn read_match, read_risk, read_given, read_expect_id, read_expect_verdict, read_rules, read_tests;

static const struct key rule_keys[] = {
	{.name = "id", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct policy_rule, id),
	 .pattern = ID_PATTERN, .pattern_text = ID_TEXT, .text = "Name of the rule, unique in the file."},
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct policy_rule, when),
	 .text = "Condition over task, tool, args, taint and token."},
	{.name = "match", .type = KEY_ANY, .offset = offsetof(struct policy_rule, match), .read = read_match,
	 .text = "Patterns (PCRE2) by field such as args.to; all must be found."},
	{.name = "verdict", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct policy_rule, verdict),
	 .words = verdict_words, .text = "allow, ask a human, or deny."},
	{.name = "risk", .type = KEY_ENUM, .offset = offsetof(struct policy_rule, risk), .words = risk_words,
	 .read = read_risk, .text = "Risk of what the rule fits."},
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
	 .read = read_given, .text = "Facts: task, tool, args, taint, token."},
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

static void check_pattern(struct load *l, const struct yaml *v)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)v->text.p, v->text.n, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, pattern_defaults());
	if (!re) {
		PCRE2_UCHAR why[120];
		pcre2_get_error_message(code, why, sizeof(why));
		diag_error(l->d, yaml_place(v, at), "\"match\": the pattern cannot be read: %s", (const char *)why);
	}
	pcre2_code_free(re);
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
		check_pattern(l, pattern);
		list[r->n_match++] = (struct policy_match){field->text, pattern->text};
	}
	r->match = list;
}

static void read_risk(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int word = -1;
	key_read_plain(l, k, v, &word, 0);
	if (word >= 0)
		*(struct str *)slot(out, k) = str_from(risk_words[word]);
}

static void read_given(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	size_t n = sizeof(roots) / sizeof(roots[0]);
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	for (size_t i = 0; i < v->n; i++) {
		bool known = false;
		for (size_t r = 0; r < n; r++)
			known |= str_is(v->pairs[i].key->text, roots[r]);
		if (!known)
			diag_error(l->d, v->pairs[i].key->at, "unknown fact \"" STR_FMT "\"%s",
				   STR_ARG(v->pairs[i].key->text), load_nearest(l->d, l->a, v->pairs[i].key->text, roots, n));
	}
	*(const struct json **)slot(out, k) = yaml_json(l->a, v, l->d);
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
	if (keys_read(&w.l, &policy_table, root, w.p))
		load_check(&w.l);
	if (w.p->n_rules)
		diag_add(d, DIAG_WARNING, yaml_get(root, "rules")->at, "see agentd-risk(5)",
			 "nothing acts on these rules in this version: no call is asked about or denied because of them");
	return diag_errors(d) > before ? NULL : w.p;
}
