/* cmd_explain.c - policy explain: how each rule of policies/risk.yaml takes a task or a call. No database. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/policy_judge.h"
#include "ctl/commands.h"

struct question {
	const char *path;
	const struct json *task, *args, *token;
	struct str tool;
	unsigned taint;
	bool has_effect;
	enum effect_class effect;
	const char *effect_from;	/* for people */
};

static int add_taint(struct question *q, struct str words, struct err *err)
{
	static const struct {
		const char *word;
		unsigned bit;
	} bits[] = {{"untrusted", TAINT_READS_UNTRUSTED}, {"private", TAINT_READS_PRIVATE}, {"outside", TAINT_ACTS_OUTSIDE}};

	while (words.n) {
		ptrdiff_t comma = str_chr(words, ',');
		struct str word = comma < 0 ? words : str_sub(words, 0, (size_t)comma);
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
			if (str_is(word, bits[i].word))
				bit = bits[i].bit;
		if (!bit)
			return err_set(err, ERR_USAGE, "taint \"" STR_FMT "\": expected untrusted, private or outside", STR_ARG(word));
		q->taint |= bit;
		words = comma < 0 ? STR("") : str_sub(words, (size_t)comma + 1, words.n);
	}
	return 0;
}

static int set_effect(struct question *q, struct str word, struct err *err)
{
	q->has_effect = true;
	q->effect_from = "as given";
	if (effect_class_parse(word, &q->effect))
		return 0;
	return err_set(err, ERR_USAGE, "effect \"" STR_FMT "\": expected pure, tx, idempotent or at_most_once", STR_ARG(word));
}

static int expect_type(const char *name, const struct json *v, enum json_type type, const char *what, struct err *err)
{
	if (json_type(v) == type || json_type(v) == JSON_NULL)
		return 0;
	return err_set(err, ERR_USAGE, "\"%s\": expected %s, got %s", name, what, json_type_name(v));
}

static int add_taint_facts(struct question *q, const struct json *v, struct err *err)
{
	for (size_t i = 0; i < json_len(v); i++) {
		enum json_type type = json_type(json_val(v, i));

		if (type != JSON_TRUE && type != JSON_FALSE)
			return err_set(err, ERR_USAGE, "\"taint\": expected true or false, got %s", json_type_name(json_val(v, i)));
		if (type == JSON_TRUE && add_taint(q, json_key(v, i), err) < 0)
			return -1;
	}
	return 0;
}

static int take_fact(struct question *q, struct str key, const struct json *v, struct err *err)
{
	if (str_is(key, "task")) {
		q->task = v;
		return expect_type("task", v, JSON_OBJECT, "an object", err);
	}
	if (str_is(key, "args")) {
		q->args = v;
		return expect_type("args", v, JSON_OBJECT, "an object", err);
	}
	if (str_is(key, "token")) {
		q->token = v;
		return expect_type("token", v, JSON_OBJECT, "an object", err);
	}
	if (str_is(key, "tool")) {
		q->tool = json_str(v);
		return expect_type("tool", v, JSON_STRING, "a name", err);
	}
	if (str_is(key, "taint"))
		return expect_type("taint", v, JSON_OBJECT, "an object", err) < 0 ? -1 : add_taint_facts(q, v, err);
	if (str_is(key, "effect") && json_type(v) == JSON_STRING)
		return set_effect(q, json_str(v), err);
	return err_set(err, ERR_USAGE, "unknown fact \"" STR_FMT "\": there are task, tool, args, taint, token and effect", STR_ARG(key));
}

static int take_facts(struct ctl *c, struct question *q, const char *arg, struct err *err)
{
	const struct json *v = ctl_json_arg(c, arg, err);

	if (!v)
		return -1;
	if (json_type(v) != JSON_OBJECT)
		return err_set(err, ERR_USAGE, "facts: expected an object, got %s", json_type_name(v));
	for (size_t i = 0; i < json_len(v); i++)
		if (take_fact(q, json_key(v, i), json_val(v, i), err) < 0)
			return -1;
	return 0;
}

static int take_json(struct ctl *c, struct question *q, const char *name, const char *arg, struct err *err)
{
	const struct json *v = ctl_json_arg(c, arg, err);

	return v ? take_fact(q, str_from(name), v, err) : -1;
}

static int take_option(struct ctl *c, struct question *q, int o, char **argv, struct err *err)
{
	struct json_builder b;

	switch (o) {
	case 'f':
		return take_facts(c, q, optarg, err);
	case 'a':
		return take_json(c, q, "args", optarg, err);
	case 'k':
		return take_json(c, q, "task", optarg, err);
	case 't':
		q->tool = json_str(json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'n':
		json_object_begin(&b, c->arena);
		json_object_setc(&b, "name", json_string_clean(c->arena, str_from(optarg)));
		q->token = json_object_end(&b);
		return 0;
	case 'b':
		return add_taint(q, str_from(optarg), err);
	case 'e':
		return set_effect(q, str_from(optarg), err);
	default:
		return ctl_option_error(argv, o, err);
	}
}

static int read_question(struct ctl *c, int argc, char **argv, struct question *q, struct err *err)
{
	static const struct option options[] = {
		{"facts", required_argument, NULL, 'f'}, {"tool", required_argument, NULL, 't'},  {"args", required_argument, NULL, 'a'},
		{"task", required_argument, NULL, 'k'},	 {"taint", required_argument, NULL, 'b'}, {"token", required_argument, NULL, 'n'},
		{"effect", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0},
	};
	int o, n = 0;

	for (; (o = getopt_long(argc, argv, ":", options, NULL)) != -1; n++)
		if (take_option(c, q, o, argv, err) < 0)
			return -1;
	if (argc - optind > 1)
		return err_set(err, ERR_USAGE, "expected one FILE or DIR");
	q->path = argv[optind];
	return n ? 0 : take_facts(c, q, "-", err);
}

/* What the tool itself adds. Without its manifest it is taken for the strictest class. */
static void ask_manifest(struct ctl *c, const char *root, struct question *q)
{
	const struct catalog *all = root ? catalog_load(c->arena, root, diags_new(c->arena)) : NULL;
	const struct manifest *m = all && q->tool.p ? catalog_tool(all, q->tool) : NULL;

	if (m)
		q->taint = policy_taint(q->taint, m->taint);
	if (q->has_effect)
		return;
	q->effect = m ? m->contract.effect : EFFECT_AT_MOST_ONCE;
	q->effect_from = m ? "by its manifest" : "assumed, as no manifest of it is known here";
}

static const struct json *facts_of(struct ctl *c, const struct question *q)
{
	const struct json *facts = policy_facts(c->arena, q->task, json_getc(q->task, "input"), q->tool, q->args, q->taint);
	struct json_builder b;

	json_object_begin_from(&b, c->arena, facts);
	if (q->token)
		json_object_setc(&b, "token", q->token);
	return json_object_end(&b);
}

struct taken {
	const char *fits;
	char why[POLICY_WHY_BYTES];
};

static struct taken *take_rules(struct ctl *c, const struct policy *p, const struct json *facts)
{
	static const char *const words[] = {[FIT_NO] = "no", [FIT_YES] = "yes", [FIT_UNKNOWN] = "unknown"};
	struct taken *v = ARENA_ARRAY(c->arena, p->n_rules + 1, struct taken);
	enum fit fit = FIT_NO;

	for (size_t i = 0; i < p->n_rules; i++) {
		if (fit == FIT_YES) {
			v[i].fits = "not reached";
			continue;
		}
		fit = policy_fit(&p->rules[i], facts, v[i].why);
		v[i].fits = words[fit];
	}
	return v;
}

static void explain_json(struct ctl *c, const struct policy *p, const struct question *q, const struct json *facts,
			 const struct taken *taken, const struct judgement *j)
{
	struct json_builder b, list;

	json_array_begin(&list, c->arena);
	for (size_t i = 0; i < p->n_rules; i++) {
		struct json_builder r;

		json_object_begin(&r, c->arena);
		json_object_setc(&r, "id", json_string(c->arena, p->rules[i].id));
		json_object_setc(&r, "line", json_int(c->arena, p->rules[i].place.line));
		json_object_setc(&r, "verdict", json_stringc(c->arena, verdict_name(p->rules[i].verdict)));
		json_object_setc(&r, "fits", json_stringc(c->arena, taken[i].fits));
		if (taken[i].why[0])
			json_object_setc(&r, "why", json_string_clean(c->arena, str_from(taken[i].why)));
		json_array_add(&list, json_object_end(&r));
	}
	json_object_begin(&b, c->arena);
	json_object_setc(&b, "facts", facts);
	json_object_setc(&b, "effect", q->tool.p ? json_stringc(c->arena, effect_class_name(q->effect)) : json_null());
	json_object_setc(&b, "rules", json_array_end(&list));
	json_object_setc(&b, "judgement", judgement_json(c->arena, j));
	print_json(c, json_object_end(&b));
}

static void print_judgement(struct ctl *c, const struct judgement *j)
{
	struct buf b;
	char expires[32];

	buf_init(&b, c->arena);
	buf_addf(&b, "verdict: %s", verdict_name(j->verdict));
	if (j->risk)
		buf_addf(&b, ", risk %s", risk_name(j->risk));
	if (!j->rule)
		buf_adds(&b, ": no rule fits");
	else if (j->failed[0])
		buf_addf(&b, ": it cannot be told whether rule \"" STR_FMT "\" fits", STR_ARG(j->rule->id));
	else
		buf_addf(&b, ": rule \"" STR_FMT "\"", STR_ARG(j->rule->id));
	if (j->reason.n)
		buf_addf(&b, ", " STR_FMT, STR_ARG(j->reason));
	duration_format(j->expires_ms, expires);
	if (j->verdict == VERDICT_ASK)
		buf_addf(&b, "\nasks %d for at most %s", j->approvers, expires);
	buf_addc(&b, '\n');
	fputs(buf_cstr(&b), stdout);
}

static void explain_text(struct ctl *c, const struct policy *p, const struct question *q, const struct json *facts,
			 const struct taken *taken, const struct judgement *j)
{
	static const char *const headings[] = {"RULE", "VERDICT", "FITS", "WHY NOT"};
	struct table *t = table_new(c->arena, headings, 4);

	fputs("facts: ", stdout);
	print_text(json_text(c->arena, facts));
	putchar('\n');
	if (q->tool.p)
		printf("effect class: %s (%s)\n", effect_class_name(q->effect), q->effect_from);
	for (size_t i = 0; i < p->n_rules; i++) {
		table_cell(t, p->rules[i].id);
		table_cell(t, str_from(verdict_name(p->rules[i].verdict)));
		table_cell(t, str_from(taken[i].fits));
		table_cell(t, str_from(taken[i].why));
	}
	table_print(t);
	print_judgement(c, j);
}

static int explain(struct ctl *c, int argc, char **argv)
{
	struct question q = {0};
	const struct policy *p;
	const struct json *facts;
	struct taken *taken;
	struct judgement j;
	const char *root;
	struct err err = {0};
	int status;

	if (read_question(c, argc, argv, &q, &err) < 0)
		return ctl_fail(c, &err);
	p = ctl_policy(c, q.path, &root, diags_new(c->arena), &status);
	if (!p)
		return status;
	ask_manifest(c, root, &q);
	facts = facts_of(c, &q);
	taken = take_rules(c, p, facts);
	policy_judge(p, facts, q.effect, &j);
	(c->json ? explain_json : explain_text)(c, p, &q, facts, taken, &j);
	return 0;
}

const struct command cmd_policy_explain = {
	"policy explain",
	"[FILE|DIR] [--facts JSON|@FILE|-] [--tool NAME] [--args JSON|@FILE] [--task JSON|@FILE] [--taint LIST] [--token NAME] "
	"[--effect CLASS]",
	"how each rule of a risk policy takes a task or a call, and the verdict", explain,
};
