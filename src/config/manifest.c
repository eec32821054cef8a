/* manifest.c - tools.d/NAME.yaml: the contract of a tool. */
#include "config/manifest.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/lane.h"
#include "config/manifest_load.h"

#define TOOL_PATTERN "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$"

static const char *const effect_words[] = {"pure", "tx", "idempotent", "at_most_once", NULL};
static const char *const runners_later[] = {"sql", "sandbox", "browser", "memory", "kg", "mcp", "workflow", NULL};

static key_read_fn read_args, read_taint_bit, read_reconcile;

static const struct key taint_keys[] = {
	{.name = "reads_untrusted", .type = KEY_BOOL, .read = read_taint_bit, .base = TAINT_READS_UNTRUSTED,
	 .text = "Its results hold text from outside."},
	{.name = "reads_private", .type = KEY_BOOL, .read = read_taint_bit, .base = TAINT_READS_PRIVATE,
	 .text = "Its results hold private data."},
	{.name = "acts_outside", .type = KEY_BOOL, .read = read_taint_bit, .base = TAINT_ACTS_OUTSIDE,
	 .text = "It changes or tells something outside."},
};
static const struct key_table taint_table = {"taint", KEYS(taint_keys), "What a call exposes the task to."};

static const struct key output_keys[] = {
	{.name = "max", .type = KEY_SIZE, .offset = offsetof(struct manifest, max_output_bytes), .min = 64, .max = 4 << 20,
	 .preset = "64KiB", .text = "Largest result, as compact JSON."},
	{.name = "truncate", .type = KEY_BOOL, .offset = offsetof(struct manifest, truncate_output), .preset = "false",
	 .text = "Cut a text that is larger instead of failing with tool.output."},
};
static const struct key_table output_table = {"output", KEYS(output_keys), "Bounds of the result."};

static const struct key reconcile_keys[] = {
	{.name = "delay", .type = KEY_DURATION, .offset = offsetof(struct manifest, ask_delay_ms), .preset = "30s", .max = 86400000,
	 .text = "The query waits so long: what is on its way must have arrived by then."},
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct manifest, timeout_ms), .min = 1, .preset = "10s",
	 .text = "Longest time of a query."},
	{.name = "http", .type = KEY_MAP, .table = &http_table, .read = read_runner, .text = "Ask by a GET or HEAD request."},
	{.name = "exec", .type = KEY_MAP, .table = &exec_table, .read = read_runner, .text = "Ask a program that changes nothing."},
};
static const struct key_table reconcile_table = {"reconcile", KEYS(reconcile_keys),
						 "A query that changes nothing and says what became of an uncertain call."};

static const struct key tool_keys[] = {
	KEY_VERSION,
	{.name = "name", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct manifest, contract.name),
	 .pattern = TOOL_PATTERN, .pattern_text = "a name such as web.fetch", .max = 60,
	 .text = "Name of the tool: room.verb."},
	{.name = "description", .type = KEY_TEXT, .flags = KEY_REQUIRED,
	 .offset = offsetof(struct manifest, contract.description), .min = 1, .max = 4000,
	 .text = "What the tool does; models read it."},
	{.name = "args", .type = KEY_SCHEMA, .flags = KEY_REQUIRED, .offset = offsetof(struct manifest, contract.args),
	 .read = read_args, .text = "JSON Schema of the arguments, an object."},
	{.name = "effect", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct manifest, contract.effect),
	 .words = effect_words, .text = "What a repeated call does: pure, tx, idempotent or at_most_once."},
	{.name = "risk", .type = KEY_ENUM, .offset = offsetof(struct manifest, risk), .words = risk_words, .base = RISK_LOW,
	 .text = "Risk of a call."},
	{.name = "taint", .type = KEY_MAP, .offset = offsetof(struct manifest, taint), .table = &taint_table,
	 .text = "What a call exposes the task to."},
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct manifest, timeout_ms), .min = 1, .preset = "30s",
	 .text = "Longest time of a call."},
	{.name = "output", .type = KEY_MAP, .table = &output_table, .text = "Bounds of the result."},
	{.name = "lane", .type = KEY_TEXT, .offset = offsetof(struct manifest, lane), .pattern = LANE_PATTERN,
	 .pattern_text = LANE_TEXT, .preset = "default", .text = "Lane of the workers that can run the tool."},
	{.name = "credentials", .type = KEY_TEXTS, .offset = offsetof(struct manifest, credentials),
	 .offset_n = offsetof(struct manifest, n_credentials), .pattern = "^[a-z][a-z0-9_]{0,62}$",
	 .pattern_text = "a lower-case letter, then letters, digits and _", .text = "Handles of agentd.yaml that the tool uses."},
	{.name = "reconcile", .type = KEY_MAP, .table = &reconcile_table, .read = read_reconcile,
	 .text = "A query that says what became of an uncertain call."},
	{.name = "http", .type = KEY_MAP, .table = &http_table, .read = read_runner, .text = "Send an HTTP request."},
	{.name = "exec", .type = KEY_MAP, .table = &exec_table, .read = read_runner, .text = "Run a program."},
	{.name = "fs", .type = KEY_MAP, .table = &fs_table, .read = read_runner, .text = "Read or write files."},
	{.name = "artifact", .type = KEY_MAP, .table = &artifact_table, .read = read_runner, .text = "Read or write artifacts of the task."},
};
const struct key_table tool_table = {"a tool", KEYS(tool_keys), "A tool: tools.d/NAME.yaml."};

static void read_taint_bit(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	bool set = false;
	key_read_plain(l, k, v, &set, 0);
	if (set)
		*(unsigned *)out |= (unsigned)k->base;
}

static void read_args(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct manifest *m = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	m->contract.args = yaml_json(l->a, v, l->d);
	if (!m->contract.args)
		return;
	if (!json_str(json_get(m->contract.args, STR("type"))).p ||
	    !str_is(json_str(json_get(m->contract.args, STR("type"))), "object"))
		diag_error(l->d, v->at, "\"args\": the schema must say `type: object`");
	m->args_check = load_schema(l, m->contract.args, &(struct schema_origin){STR(""), v, v->at}, 1);
}

static void read_reconcile(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct manifest *m = out, *ask = ARENA_NEW(l->a, struct manifest);
	const void *spot = l->spot;

	(void)k;
	l->spot = ask;
	if (keys_read(l, &reconcile_table, v, ask)) {
		((struct manifest_load *)l)->ask = ask;
		m->ask = ask;
		m->ask_delay_ms = ask->ask_delay_ms;
	}
	l->spot = spot;
}

/* --- one runner --- */

/* Checks the one runner of m, whose keys stand in map; its key, or NULL after a report. */
static const char *check_runner(struct manifest_load *w, const struct manifest *m, const struct yaml *map, const char *what)
{
	const struct runner_row *found = NULL;
	for (size_t i = 0; i < n_runner_rows; i++) {
		const struct yaml *v = yaml_get(map, runner_rows[i].name);
		if (!v)
			continue;
		if (found) {
			diag_error(w->l.d, v->at, "a %s has one runner, this one has \"%s\" and \"%s\"", what, found->name,
				   runner_rows[i].name);
			return NULL;
		}
		found = &runner_rows[i];
	}
	if (!found) {
		diag_error(w->l.d, map->at, "the %s has no runner: expected one of http, exec%s", what, m == w->m ? ", fs, artifact" : "");
		return NULL;
	}
	if (yaml_get(map, found->name)->kind != YAML_MAP)
		return NULL;
	found->check(w, m, yaml_get(map, found->name));
	return found->name;
}

/* What works outside agentd's own transaction cannot promise what only that transaction can. */
static void check_effect(struct manifest_load *w)
{
	const struct yaml *effect = yaml_get(w->root, "effect");
	if (!effect || w->m->contract.effect != EFFECT_TX || effect->kind != YAML_SCALAR)
		return;
	diag_add(w->l.d, DIAG_ERROR, effect->at, "use idempotent or at_most_once",
		 "effect \"tx\" is of tools that write in the transaction of their step: http, exec and fs cannot");
}

/* --- reconcile --- */

static void check_reconcile(struct manifest_load *w)
{
	const struct yaml *map = yaml_get(w->root, "reconcile"), *v;
	struct manifest *ask = w->ask;
	const char *found;
	if (!ask)
		return;
	ask->file = w->m->file;
	ask->place = map->at;
	ask->contract = w->m->contract;
	ask->max_output_bytes = w->m->max_output_bytes + 1024;	/* a result of the tool's own size, and the word around it */
	ask->credentials = w->m->credentials;
	ask->n_credentials = w->m->n_credentials;
	if (w->m->contract.effect != EFFECT_AT_MOST_ONCE && yaml_get(w->root, "effect"))
		diag_error(w->l.d, map->at, "\"reconcile\" is of at_most_once tools: calls of others are never uncertain");
	found = check_runner(w, ask, map, "query");
	v = found ? yaml_get(map, found) : NULL;
	if (v && !yaml_get(v, "result"))
		diag_error(w->l.d, v->at, "the query has no \"result\": an expression that gives {decision: happened | did_not_happen | unknown, result}");
	if (v && !w->ask_tells_calls_apart)
		diag_add(w->l.d, DIAG_WARNING, v->at, "name ${ .effect_key }, or arguments that no other call has",
			 "the query names neither the key of the effect nor an argument, so it cannot tell one call from another");
}

/* true: a runner of the language that this version lacks; reported. */
static bool has_later_runner(struct manifest_load *w)
{
	for (size_t i = 0; i < w->root->n; i++)
		for (size_t k = 0; runners_later[k]; k++) {
			const struct yaml *key = w->root->pairs[i].key;
			if (!str_is(key->text, runners_later[k]))
				continue;
			diag_error(w->l.d, key->at, "runner \"%s\" is not part of this version (known: http, exec, fs)",
				   runners_later[k]);
			return true;
		}
	return false;
}

/* --- names in templates --- */

struct ref {
	struct manifest_load *w;
	const struct use *u;
};

static void check_credential(struct ref *r, struct str name, size_t offset)
{
	const struct manifest *m = r->w->m;
	for (size_t i = 0; i < m->n_credentials; i++)
		if (str_eq(m->credentials[i], name))
			return;
	const char **names = ARENA_ARRAY(r->w->l.a, m->n_credentials + 1, const char *);
	for (size_t i = 0; i < m->n_credentials; i++)
		names[i] = m->credentials[i].p;
	diag_error(r->w->l.d, use_place(&r->w->l, r->u, offset), "\"credentials\" of the tool does not list \"" STR_FMT "\"%s",
		   STR_ARG(name), load_nearest(r->w->l.d, r->w->l.a, name, names, m->n_credentials));
}

static void check_arg(struct ref *r, struct str name, size_t offset)
{
	const struct json *props = json_get(r->w->m->contract.args, STR("properties"));
	size_t n = diag_suggests(r->w->l.d) ? json_len(props) : 0;
	if (!props || json_get(props, name))
		return;
	const char **names = ARENA_ARRAY(r->w->l.a, n + 1, const char *);
	for (size_t i = 0; i < n; i++)
		names[i] = str_cstr(r->w->l.a, json_key(props, i));
	diag_error(r->w->l.d, use_place(&r->w->l, r->u, offset), "the tool has no argument \"" STR_FMT "\"%s", STR_ARG(name),
		   load_nearest(r->w->l.d, r->w->l.a, name, names, n));
}

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct ref *r = arg;
	(void)length;
	if (n && str_is(keys[0], "effect_key"))
		r->w->sends_effect_key = true;
	if (n && r->u->spot && (str_is(keys[0], "effect_key") || str_is(keys[0], "args")))
		r->w->ask_tells_calls_apart = true;
	if (n > 1 && str_is(keys[0], "credentials"))
		check_credential(r, keys[1], offset);
	else if (n > 1 && str_is(keys[0], "args"))
		check_arg(r, keys[1], offset);
}

static void check_refs(struct manifest_load *w)
{
	for (size_t i = 0; i < w->l.n_uses; i++) {
		struct ref r = {w, &w->l.uses[i]};
		if (r.u->expr)
			expr_refs(r.u->expr, on_ref, &r);
		else
			tmpl_refs(r.u->tmpl, on_ref, &r);
	}
}

const struct manifest *manifest_parse(struct arena *a, const char *path, struct str text, struct diags *d)
{
	size_t before = diag_errors(d);
	struct manifest_load w = {.l = {.a = a, .d = d}, .m = ARENA_NEW(a, struct manifest)};
	w.m->file = arena_strdup(a, path);
	w.root = yaml_parse(a, path, text, d);
	if (!w.root)
		return NULL;
	const struct yaml *name = yaml_get(w.root, "name");
	w.m->place = name ? name->at : w.root->at;
	if (w.root->kind == YAML_MAP && has_later_runner(&w))
		return NULL;
	if (keys_read(&w.l, &tool_table, w.root, w.m)) {
		load_check(&w.l);
		check_refs(&w);
		check_runner(&w, w.m, w.root, "tool");
		check_effect(&w);
		check_reconcile(&w);
	}
	return diag_errors(d) > before ? NULL : w.m;
}

const struct json *contract_json(struct arena *a, const struct contract *c)
{
	struct json_builder b;
	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_string(a, c->name));
	json_object_setc(&b, "description", json_string(a, c->description));
	json_object_setc(&b, "args", c->args);
	json_object_setc(&b, "effect", json_stringc(a, effect_class_name(c->effect)));
	return json_object_end(&b);
}
