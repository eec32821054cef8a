/* bundle.c (test) - bundles: stable digests, the way to JSON and back; catalogs as a whole; schemas for editors. */
#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/expr.h"
#include "../write_file.h"
#include "../suite_run.h"

#define POST_DIGEST "be78928cfe91efe67499ed7c6f314f129cce07c92745cd70cde5a89bfaf3cc77"

static struct arena *a;
static struct diags *d;

static void setup(void)
{
	const char *top = getenv("top_srcdir");
	ck_assert_msg(top && chdir(top) == 0 && chdir("t/config") == 0, "top_srcdir must name the source tree");
	unsetenv("AGENTD_DATABASE");
	a = arena_new(NULL);
	d = diags_new(a);
}

static void teardown(void)
{
	arena_free(a);
}

static const char *printed(void)
{
	struct buf b;
	buf_init(&b, a);
	diag_print(d, &b);
	return buf_cstr(&b);
}

static const char *hex(const struct digest *g)
{
	char *text = arena_alloc(a, 65);
	digest_hex(g, text);
	return text;
}

/* --- a source in memory --- */

struct memory {
	struct source source;
	const char *prompt;
};

static int memory_read(const struct source *s, const char *path, struct str *ret, struct err *err)
{
	if (!strcmp(path, "prompts/p.md"))
		*ret = str_from(((const struct memory *)s)->prompt);
	else if (!strcmp(path, "v.json"))
		*ret = STR("{\"type\":\"object\",\"properties\":{\"g\":{\"$ref\":\"defs/c.yaml#/$defs/g\"},"
			   "\"again\":{\"$ref\":\"#/properties/g\"}}}");
	else if (!strcmp(path, "defs/c.yaml"))
		*ret = STR("$defs: {g: {type: integer}, list: {items: {$ref: '#/$defs/g'}}, up: {$ref: d.json}}\n");
	else if (!strcmp(path, "defs/d.json"))
		*ret = STR("{\"$ref\": \"c.yaml#/$defs/list\"}");
	else
		return err_set(err, ERR_NOT_FOUND, "no \"%s\"", path);
	return 0;
}

static const struct contract *memory_contract(const struct source *s, struct str tool, const char **near)
{
	static struct contract c;
	(void)s;
	(void)near;
	c = (struct contract){tool, STR("Fetch"), json_empty_object(), EFFECT_AT_MOST_ONCE};
	return &c;
}

static const char flow[] = "agentd: v1\n"
			   "name: flow\n"
			   "budget: {usd: 0.25, wall: 1h}\n"
			   "steps:\n"
			   "  - id: a\n"
			   "    call: web.fetch\n"
			   "    with: {url: x}\n"
			   "    retry: {max: 3}\n"
			   "  - id: b\n"
			   "    model: {tier: any, prompt: prompts/p.md, output: v.json}\n"
			   "    then: end\n"
			   "    catch: c\n"
			   "  - id: c\n"
			   "    for:\n"
			   "      in: .input.list\n"
			   "      do:\n"
			   "        - id: inner\n"
			   "          switch: [{when: .item == 1, then: end, max_visits: 4}]\n";

static const struct workflow *compile(const char *text, struct source_file **files, size_t *n)
{
	struct memory m = {{memory_read, memory_contract, NULL, NULL}, "Say ${ .steps.a.output.x }\n"};
	const struct workflow *w = workflow_compile(a, &m.source, "flow.yaml", str_from(text), d, files, n);
	ck_assert_msg(w != NULL, "%s", printed());
	return w;
}

START_TEST(test_compile)
{
	struct source_file *files;
	size_t n;
	const struct workflow *w = compile(flow, &files, &n);
	ck_assert_uint_eq(n, 4);
	ck_assert(str_is(files[0].path, "defs/c.yaml"));
	ck_assert(str_is(files[1].path, "defs/d.json"));
	ck_assert(str_is(files[2].path, "prompts/p.md"));
	ck_assert(str_is(files[3].path, "v.json"));
	ck_assert(str_is(w->name, "flow"));
	ck_assert(str_is(w->lane, "default"));
	ck_assert_int_eq(w->budget.usd_pusd, INT64_C(250000000000));
	ck_assert_int_eq(w->budget.wall_ms, 3600000);
	ck_assert_int_eq(w->budget.calls, -1);
	ck_assert_int_eq(w->retain, RETAIN_SHORT);
	ck_assert_uint_eq(w->steps->n, 3);
	const struct step *s = w->steps->v;
	ck_assert_int_eq(s[0].kind, STEP_CALL);
	ck_assert_int_eq(s[0].retry.max, 3);
	ck_assert_int_eq(s[0].retry.delay_ms, 1000);
	ck_assert_int_eq(s[0].retry.cap_ms, 60000);
	ck_assert(!s[0].retry.exponential);
	ck_assert_int_eq(s[0].then, STEP_NEXT);
	ck_assert_int_eq(s[0].catch, STEP_NONE);
	ck_assert_int_eq(s[0].place.line, 5);
	ck_assert_int_eq(s[1].then, STEP_END);
	ck_assert_int_eq(s[1].catch, 2);
	ck_assert(s[1].u.model.temperature < 0);
	ck_assert_int_eq(s[1].budget.turns, -1);
	ck_assert_int_eq(s[2].u.loop.parallel, 1);
	ck_assert_uint_eq(s[2].u.loop.body->n, 1);
	ck_assert_int_eq(s[2].u.loop.body->v[0].u.sw.edges[0].then, STEP_END);
	ck_assert_int_eq(s[2].u.loop.body->v[0].u.sw.edges[0].max_visits, 4);
	ck_assert_uint_eq(w->n_contracts, 1);
	ck_assert_int_eq(w->contracts[0].effect, EFFECT_AT_MOST_ONCE);
}
END_TEST

START_TEST(test_prompt)
{
	const struct workflow *w = compile(flow, NULL, NULL);
	const struct json *root;
	struct str text;
	struct err err;
	ck_assert_int_eq(json_parse(a, STR("{\"steps\":{\"a\":{\"output\":{\"x\":7}}}}"), NULL, &root, &err), 0);
	ck_assert_int_eq(tmpl_eval_text(w->steps->v[1].u.model.prompt, root, a, &text, &err), 0);
	ck_assert_msg(str_is(text, "Say 7"), STR_FMT, STR_ARG(text));	/* one newline at the end is dropped */
}
END_TEST

/* References between files become references inside the schema. */
START_TEST(test_schema_files)
{
	const struct workflow *w = compile(flow, NULL, NULL);
	ck_assert_str_eq(json_text(a, w->steps->v[1].u.model.output).p,
			 "{\"type\":\"object\",\"properties\":{\"g\":{\"$ref\":\"#/$defs/defs~1c.yaml/$defs/g\"},"
			 "\"again\":{\"$ref\":\"#/properties/g\"}},\"$defs\":{"
			 "\"defs/c.yaml\":{\"$defs\":{\"g\":{\"type\":\"integer\"},"
			 "\"list\":{\"items\":{\"$ref\":\"#/$defs/defs~1c.yaml/$defs/g\"}},"
			 "\"up\":{\"$ref\":\"#/$defs/defs~1d.json\"}}},"
			 "\"defs/d.json\":{\"$ref\":\"#/$defs/defs~1c.yaml/$defs/list\"}}}");
}
END_TEST

static const struct bundle *bundle_of(const struct catalog *c, struct str workflow)
{
	for (size_t i = 0; i < c->n_bundles; i++)
		if (str_eq(c->bundles[i].name, workflow))
			return &c->bundles[i];
	return NULL;
}

START_TEST(test_round_trip)
{
	const struct catalog *c = catalog_load(a, ".", d);
	ck_assert_msg(c != NULL, "%s", printed());
	const struct bundle *b = bundle_of(c, STR("post"));
	ck_assert_ptr_nonnull(b);
	/* The digest is part of the contract with the database: it may change only on purpose. */
	ck_assert_str_eq(hex(&b->digest), POST_DIGEST);
	ck_assert_uint_eq(b->n_files, 5);
	ck_assert(str_is(b->files[0].path, "contracts/blog.publish.json"));
	ck_assert(str_is(b->files[1].path, "prompts/ask.md"));
	ck_assert(str_is(b->files[2].path, "schemas/common.yaml"));
	ck_assert(str_is(b->files[3].path, "schemas/verdict.json"));
	ck_assert(str_is(b->files[4].path, "workflow.yaml"));
	const struct json *v;
	struct err err;
	struct str text = json_text(a, bundle_to_json(a, b));
	ck_assert_int_eq(json_parse(a, text, NULL, &v, &err), 0);
	const struct bundle *again = bundle_from_json(a, v, d);
	ck_assert_msg(again != NULL, "%s", printed());
	ck_assert(digest_eq(&b->digest, &again->digest));
	ck_assert(str_eq(b->name, again->name));
	ck_assert_uint_eq(again->workflow->steps->n, b->workflow->steps->n);
	for (size_t i = 0; i < b->workflow->steps->n; i++) {
		const struct step *x = &b->workflow->steps->v[i], *y = &again->workflow->steps->v[i];
		ck_assert(str_eq(x->id, y->id) && x->kind == y->kind && x->then == y->then && x->catch == y->catch);
		if (x->kind == STEP_MODEL)
			ck_assert(json_equal(x->u.model.output, y->u.model.output));
	}
	ck_assert(json_equal(contract_json(a, &b->workflow->contracts[0]), contract_json(a, &again->workflow->contracts[0])));
	ck_assert(json_equal(bundle_to_json(a, b), bundle_to_json(a, again)));
}
END_TEST

START_TEST(test_broken_bundles)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"entry\":\"w\",\"files\":{}}",
		"{\"entry\":\"w\",\"files\":{\"w\":5}}",
		"{\"entry\":\"w\",\"files\":{\"w\":\"\"}}",
		"{\"entry\":\"w\",\"files\":{\"w\":\"agentd: v1\\nname: x\\nsteps: [{id: a, call: web.fetch}]\\n\"}}",
		"{\"entry\":\"w\",\"files\":{\"w\":\"agentd: v1\\nname: x\\nsteps: [{id: a, call: a.b}]\\n\",\"contracts/a.b.json\":\"{\"}}",
		"{\"entry\":\"w\",\"files\":{\"w\":\"agentd: v1\\nname: x\\nsteps: [{id: a, model: {tier: t, prompt: p.md}}]\\n\"}}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct json *v;
		struct diags *own = diags_new(a);
		ck_assert_int_eq(json_parse(a, str_from(texts[i]), NULL, &v, NULL), 0);
		ck_assert_msg(!bundle_from_json(a, v, own) && diag_errors(own) > 0, "%s", texts[i]);
	}
}
END_TEST

/* --- whole roots --- */

static void put(const char *root, const char *name, const char *text)
{
	const char *path = arena_printf(a, "%s/%s", root, name);
	char *dir = arena_strdup(a, path);
	*strrchr(dir, '/') = 0;
	ck_assert_int_eq(file_mkdirs(dir, 0700, NULL), 0);
	ck_assert_int_eq(write_file(path, str_from(text), 0600), 0);
}

#define TOOL(name) "agentd: v1\nname: " name "\ndescription: d\nargs: {type: object}\neffect: pure\nfs: {verb: read}\n"
#define HOOK(name, flow) \
	"agentd: v1\nname: " name "\nworkflow: " flow "\nverify: {scheme: standard-webhooks, secret: S}\ninput: {}\n"
#define FLOW(name) "agentd: v1\nname: " name "\nsteps: [{id: a, wait: 1s}]\n"

START_TEST(test_catalog_errors)
{
	char root[] = "/tmp/agentd-catalog-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(root));
	put(root, "tools.d/a.yaml", TOOL("a.b_c"));
	put(root, "tools.d/b.yaml", TOOL("a.b.c"));
	put(root, "tools.d/c.yaml", TOOL("a.b_c"));
	put(root, "tools.d/d.yml", TOOL("d.d"));
	put(root, "workflows/x.yaml", FLOW("x"));
	put(root, "workflows/y.yaml", FLOW("x"));
	put(root, "workflows/x.test.yaml", "not: read");
	put(root, "workflows/z.yaml", "agentd: v1\nname: z\nsteps: [{id: a, model: {tier: t, prompt: p}}, {id: b, call: no.tool}, "
	    "{id: c, model: {tier: emb, prompt: p}}, {id: d, model: {tier: vectors, prompt: p}}]\n");
	put(root, "policies/routing.yaml", "agentd: v1\nproviders:\n  p: {wire: openai, base_url: https://p.example, key_env: []}\n"
	    "models:\n  e: {provider: p, id: e, kind: embedding, dims: 8, price: free}\n"
	    "tiers:\n  vectors: {steps: [{model: e}]}\n  embed: {steps: [{model: e}]}\n");
	put(root, "policies/risk.yaml", "agentd: v1\nrules: 5\n");
	put(root, "hooks/a.yaml", HOOK("h", "x"));
	put(root, "hooks/b.yaml", HOOK("h", "x"));
	put(root, "hooks/c.yaml", HOOK("i", "y"));
	ck_assert_ptr_null(catalog_load(a, root, d));
	const char *got = printed();
	static const char *const wanted[] = {
		"have the same name for a model: first in ",
		"c.yaml:2:7: error: tool \"a.b_c\" is given twice: first in ",
		"d.yml: warning: the file is not read: its name must end in .yaml",
		"y.yaml:1:1: error: workflow \"x\" is given twice: first in ",
		"z.yaml:3:31: error: tier \"t\" does not exist",
		"error: tier \"emb\" does not exist (did you mean \"embed\"?)",
		"error: tier \"vectors\" makes embeddings: no step can ask it",
		"z.yaml:3:61: error: tool \"no.tool\" does not exist",
		"risk.yaml:2:8: error: \"rules\": expected a list",
		"hooks/b.yaml:1:1: error: hook \"h\" is given twice: first in ",
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_msg(strstr(got, wanted[i]), "no %s in\n%s", wanted[i], got);
	ck_assert_ptr_null(strstr(got, "there is no workflow"));	/* \"y\" may be missing because of its own errors */
	/* A workflow below is found from any file of the root. */
	struct err err;
	const char *file = arena_printf(a, "%s/tools.d/a.yaml", root);
	ck_assert_str_eq(catalog_root(a, file, &err), root);
	ck_assert_str_eq(catalog_root(a, root, &err), root);
	ck_assert_ptr_null(catalog_root(a, "/nonexistent", &err));
	ck_assert_int_eq(err.code, ERR_NOT_FOUND);
	ck_assert_int_eq(system(arena_printf(a, "rm -rf '%s'", root)), 0);
}
END_TEST

START_TEST(test_hooks)
{
	char root[] = "/tmp/agentd-catalog-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(root));
	put(root, "workflows/x.yaml", FLOW("x"));
	put(root, "hooks/b.yaml", HOOK("second", "x"));
	put(root, "hooks/c.yaml", HOOK("first", "x"));
	const struct catalog *c = catalog_load(a, root, d);
	ck_assert_msg(c && c->n_hooks == 2, "%s", printed());
	ck_assert(str_is(c->hooks[0]->name, "first") && str_is(c->hooks[1]->name, "second"));
	ck_assert_ptr_eq(catalog_hook(c, STR("second")), c->hooks[1]);
	ck_assert_ptr_null(catalog_hook(c, STR("third")));
	put(root, "hooks/a.yaml", HOOK("third", "y"));
	ck_assert_ptr_null(catalog_load(a, root, d));
	ck_assert_msg(strstr(printed(), "hooks/a.yaml:3:11: error: there is no workflow \"y\""), "%s", printed());
	/* A server without a worker needs no workflows. */
	c = catalog_load_web(a, root, d);
	ck_assert_msg(c && c->n_hooks == 3 && !c->n_bundles && !c->policy, "%s", printed());
	put(root, "hooks/d.yaml", "agentd: v1\nname: x\n");
	ck_assert_ptr_null(catalog_load_web(a, root, d));
	ck_assert_int_eq(system(arena_printf(a, "rm -rf '%s'", root)), 0);
}
END_TEST

START_TEST(test_empty_root)
{
	char root[] = "/tmp/agentd-catalog-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(root));
	const struct catalog *c = catalog_load(a, root, d);
	ck_assert_msg(c && !c->n_bundles && !c->n_tools && !c->routing && !c->policy && !c->n_hooks, "%s", printed());
	ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

START_TEST(test_settings)
{
	const struct settings *s = settings_default(a, "/etc/agentd");
	ck_assert_str_eq(s->database, "dbname=agentd");
	ck_assert_str_eq(s->config_dir, "/etc/agentd");
	ck_assert_str_eq(s->workspace_dir, "/etc/agentd/var/workspaces");
	ck_assert_str_eq(s->web.listen, "127.0.0.1:8470");
	ck_assert_int_eq(s->web.socket_mode, 0660);
	ck_assert_int_eq(s->web.max_body_bytes, 1 << 20);
	ck_assert_int_eq(s->log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(s->worker.n_lanes, 1);
	ck_assert(str_is(s->worker.lanes[0], "default"));
	ck_assert_int_eq(s->worker.slots, 2000);
	ck_assert_int_eq(s->worker.batch, 500);
	ck_assert_int_eq(s->worker.lease_ms, 30000);
	ck_assert_int_eq(s->worker.heartbeat_ms, 5000);
	ck_assert_int_eq(s->sweeper.interval_ms, 10000);
	ck_assert_int_eq(s->sweeper.retain_long_ms, INT64_C(365) * 86400000);
	ck_assert_int_eq(s->sweeper.warn_approvals_ms, 3600000);
	ck_assert_int_eq(s->tools.workspace_files, 10000);
	setenv("AGENTD_DATABASE", "host=/x", 1);
	ck_assert_str_eq(settings_default(a, ".")->database, "host=/x");
	unsetenv("AGENTD_DATABASE");
	s = settings_parse(a, "conf/agentd.yaml", STR("agentd: v1\ntools: {roots: {d: {path: docs, writable: true}}}\n"), d);
	ck_assert_str_eq(s->tools.roots[0].path, "conf/docs");
	ck_assert(s->tools.roots[0].writable);
	ck_assert_str_eq(s->config_dir, "conf");
}
END_TEST

START_TEST(test_routing)
{
	struct str text = STR("agentd: v1\n"
			      "defaults: {timeout: {total: 100s}, retry: {max: 2}}\n"
			      "providers:\n"
			      "  p: {wire: anthropic, base_url: https://p.example, key_env: [A, B], timeout: {idle: 7s}, breaker_scope: model}\n"
			      "models:\n"
			      "  m: {provider: p, id: m-1, max_output: 9, can: [json, images], price: {input: 3.00, cached: 0.30, write_5m: 3.75, output: 15, as_of: 2026-11-01}}\n"
			      "caps: {c: {scope: task, window: lifetime, limit_usd: 1.50, on_exceeded: approval}}\n"
			      "tiers:\n"
			      "  t: {steps: [{model: m, when: '.task.urgency == \"high\"', caps: [c]}], fallback_on: [timeout, auth]}\n");
	const struct routing *r = routing_parse(a, "r.yaml", text, d);
	ck_assert_msg(r != NULL, "%s", printed());
	const struct provider *p = &r->providers[0];
	ck_assert(str_is(r->timezone, "UTC") && r->mode == MODE_LIVE);
	ck_assert_int_eq(p->wire, WIRE_ANTHROPIC);
	ck_assert_int_eq(p->timeouts.total_ms, 100000);
	ck_assert_int_eq(p->timeouts.idle_ms, 7000);
	ck_assert_int_eq(p->timeouts.first_byte_ms, 90000);
	ck_assert_int_eq(p->retry.max, 2);
	ck_assert_int_eq(p->retry.backoff_max_ms, 8000);
	ck_assert_int_eq(p->breaker.probe_lease_ms, 320000);
	ck_assert(p->breaker_per_model);
	ck_assert_uint_eq(p->n_key_env, 2);
	ck_assert_str_eq(p->key_env[1], "B");
	const struct model *m = &r->models[0];
	ck_assert_ptr_eq(m->provider, p);
	ck_assert_uint_eq(m->can, CAN_JSON | CAN_IMAGES);
	ck_assert_int_eq(m->price.input, 3000000);	/* 3 USD per million tokens */
	ck_assert_int_eq(m->price.cached, 300000);
	ck_assert_int_eq(m->price.write_5m, 3750000);
	ck_assert_int_eq(m->price.write_1h, 3750000);
	ck_assert_int_eq(m->price.output, 15000000);
	ck_assert_int_eq(r->caps[0].limit_pusd, INT64_C(1500000000000));
	ck_assert_int_eq(r->caps[0].on_exceeded, EXHAUSTED_APPROVAL);
	const struct tier *t = routing_tier(r, STR("t"));
	ck_assert_ptr_eq(t->steps[0].model, m);
	ck_assert_uint_eq(t->fallback_on, UINT64_C(1) << (ERR_MODEL_TIMEOUT - ERR_MODEL_RATE_LIMITED) |
						  UINT64_C(1) << (ERR_MODEL_AUTH - ERR_MODEL_RATE_LIMITED));
	ck_assert_int_eq(t->deadline_ms, 240000);
	ck_assert_int_eq(t->all_failed, EXHAUSTED_FAIL);
	ck_assert_ptr_null(routing_tier(r, STR("u")));
	struct digest g;
	digest_of(text, &g);
	ck_assert(digest_eq(&g, &r->digest));
}
END_TEST

/* A text that somebody sends to be checked learns nothing of files outside the root's policies. */
START_TEST(test_outside_names)
{
	static const struct {
		const char *file;
		bool good;
	} cases[] = {
		{"replies.json", true},	      {"none.json", false},	       {"/etc/passwd", false},
		{"../agentd.yaml", false},    {"../../../../etc/passwd", false}, {"./../policies/replies.json", false},
		{"/nonexistent/x", false},    {"..", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = arena_printf(a, "agentd: v1\nproviders: {r: {wire: replay, file: \"%s\"}}\n"
						   "models: {m: {provider: r, id: x, price: free}}\ntiers: {t: {steps: [{model: m}]}}\n",
						cases[i].file);
		struct diags *mine = diags_new(a);
		struct buf out;
		catalog_check_text(a, ".", "policies/routing.yaml", str_from(text), mine);
		buf_init(&out, a);
		diag_print(mine, &out);
		ck_assert_msg((diag_errors(mine) == 0) == cases[i].good, "%s: %s", cases[i].file, buf_cstr(&out));
		/* what is there and what is not must look alike */
		if (cases[i].file[0] == '/')
			ck_assert_msg(strstr(buf_cstr(&out), "is not a relative path"), "%s", buf_cstr(&out));
	}
}
END_TEST

/* --- schemas for editors --- */

static void check_described(const struct json *v, const char *where)
{
	const struct json *props = json_get(v, STR("properties"));
	for (size_t i = 0; i < json_len(props); i++) {
		const char *name = arena_printf(a, "%s." STR_FMT, where, STR_ARG(json_key(props, i)));
		ck_assert_msg(json_str(json_get(json_val(props, i), STR("description"))).n > 5, "%s has no text", name);
		check_described(json_val(props, i), name);
		check_described(json_get(json_val(props, i), STR("items")), name);
		check_described(json_get(json_val(props, i), STR("additionalProperties")), name);
	}
}

START_TEST(test_editor_schemas)
{
	static const char *const kinds[] = {"workflow", "routing", "tool", "risk", "hook", "settings"};
	struct err err;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct json *v = catalog_schema(a, kinds[i], &err);
		ck_assert_ptr_nonnull(v);
		check_described(v, kinds[i]);
		ck_assert_int_eq(json_type(json_get(v, STR("additionalProperties"))), JSON_FALSE);
	}
	const struct json *kinds_of_step = json_get(
		json_get(json_get(catalog_schema(a, "workflow", &err), STR("$defs")), STR("step")), STR("anyOf"));
	ck_assert_uint_eq(json_len(kinds_of_step), STEP_KINDS);
	for (size_t i = 0; i < STEP_KINDS; i++) {
		const struct json *k = json_at(kinds_of_step, i);
		ck_assert(str_is(json_str(json_get(k, STR("title"))), step_kind_name((enum step_kind)i)));
		check_described(k, "step");
	}
	ck_assert_ptr_null(catalog_schema(a, "nothing", &err));
	ck_assert_int_eq(err.code, ERR_USAGE);
}
END_TEST

/* Mistakes by the thousand must not cost more than they are worth. */
START_TEST(test_hostile)
{
	struct memory m = {{memory_read, memory_contract, NULL, NULL}, ""};
	static const struct {
		const char *head, *middle, *tail;
	} bodies[] = {
		{"      variable_with_long_name_", ": \"${ .vars.variable_with_lang_name_", " }\"\n"},
		{"      v", ": \"${ .steps.nowhere_", ".output } ${ .input.a.b.c }\"\n"},
		{"      v", ": \"${ .inputs.x", " } ${ 1 + {} }\"\n"},
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct buf b;
		buf_init(&b, a);
		buf_adds(&b, "agentd: v1\nname: x\nsteps:\n  - id: a\n    set:\n");
		for (int k = 0; b.n < 240000; k++)
			buf_addf(&b, "%s%d%s%d%s", bodies[i].head, k, bodies[i].middle, k, bodies[i].tail);
		int64_t from_ms = clock_boot_ms();
		ck_assert_ptr_null(workflow_compile(a, &m.source, "x.yaml", buf_str(&b), diags_new(a), NULL, NULL));
		ck_assert_int_lt(clock_boot_ms() - from_ms, getenv("AGENTD_VALGRIND") ? 60000 : 5000);
	}
}
END_TEST

START_TEST(test_effects)
{
	enum effect_class e;
	for (int i = EFFECT_PURE; i <= EFFECT_AT_MOST_ONCE; i++) {
		ck_assert(effect_class_parse(str_from(effect_class_name((enum effect_class)i)), &e));
		ck_assert_int_eq(e, i);
	}
	ck_assert(!effect_class_parse(STR("never"), &e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config/bundle");
	TCase *t = tcase_create("bundle");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_compile);
	tcase_add_test(t, test_prompt);
	tcase_add_test(t, test_schema_files);
	tcase_add_test(t, test_round_trip);
	tcase_add_test(t, test_broken_bundles);
	tcase_add_test(t, test_catalog_errors);
	tcase_add_test(t, test_hooks);
	tcase_add_test(t, test_empty_root);
	tcase_add_test(t, test_settings);
	tcase_add_test(t, test_routing);
	tcase_add_test(t, test_outside_names);
	tcase_add_test(t, test_editor_schemas);
	tcase_add_test(t, test_effects);
	tcase_add_test(t, test_hostile);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run(s);
}
