/* modes.c (test) - keys and addresses of the environment, probes, and what mode shadow compares. No provider is asked. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/diag.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/probe.h"
#include "gateway/probes.h"
#include "gateway/shadow.h"
#include "../suite_run.h"

#define HOUR INT64_C(3600000000)

static struct arena *arena;

static void setup(void)
{
	static const char *const names[] = {"T_KEY", "T_OLD_KEY", "T_URL"};

	arena = arena_new(NULL);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
}

static void teardown(void)
{
	arena_free(arena);
}

static const struct routing *parse(const char *yaml)
{
	struct diags *d = diags_new(arena);
	const struct routing *r = routing_parse(arena, "policies/routing.yaml", str_from(yaml), d);
	struct buf b;

	buf_init(&b, arena);
	diag_print(d, &b);
	ck_assert_msg(r != NULL, "%s", buf_cstr(&b));
	return r;
}

static bool says(const char *text, const char *part)
{
	return part ? text && strstr(text, part) : !text;
}

/* --- keys --- */

static const char *const key_names[] = {"T_KEY", "T_OLD_KEY"};
static const struct provider keyed = {
	.name = {"p", 1}, .wire = WIRE_OPENAI, .base_url = "https://models.example/v1", .key_env = key_names, .n_key_env = 2,
};

static const struct {
	const char *key, *old;
	const char *taken;		/* the name it came from; NULL: not configured */
	const char *reason, *warning;	/* parts of them; NULL: there is none */
	bool broken;
} keys[] = {
	{NULL, NULL, NULL, "none of T_KEY, T_OLD_KEY is set", NULL, false},
	{"", " \t", NULL, "none of T_KEY, T_OLD_KEY is set", NULL, false},
	{"sk-new-0123456789", NULL, "T_KEY", NULL, NULL, false},
	{NULL, "sk-old-0123456789", "T_OLD_KEY", NULL, NULL, false},
	{" sk-new-0123456789\n", "sk-new-0123456789", "T_KEY", NULL, NULL, false},
	{"sk-new-0123456789", "sk-old-0123456789", "T_KEY", NULL,
	 "T_KEY and T_OLD_KEY are both set and differ (sha256 5c58196c, a16200d1): T_KEY is used", false},
	{"c2VjcmV0a2V5==", NULL, "T_KEY", NULL, NULL, false},
	{"sk-new-01234\nOTHER=x", NULL, NULL, "the value of T_KEY contains a line end", NULL, true},
	{"sk-new-01234\rX", NULL, NULL, "the value of T_KEY contains a line end", NULL, true},
	{"sk-new-01234 OTHER", "sk-old-0123456789", NULL, "the value of T_KEY contains white space", NULL, true},
	{"sk-new\xc3\xa4", NULL, NULL, "the value of T_KEY contains white space or a character that no key has", NULL, true},
	{"sk-newOTHER_KEY=sk-old", NULL, NULL, "the value of T_KEY contains \"=\"", NULL, true},
	{"\"sk-new-0123456789\"", NULL, NULL, "the value of T_KEY contains a quotation mark", NULL, true},
	{"'sk-new-0123456789'", NULL, NULL, "the value of T_KEY contains a quotation mark", NULL, true},
	{NULL, "sk-old`x", NULL, "the value of T_OLD_KEY contains a quotation mark", NULL, true},
};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

START_TEST(keys_of_the_environment)
{
	struct endpoint e;

	set("T_KEY", keys[_i].key);
	set("T_OLD_KEY", keys[_i].old);
	endpoint_resolve(arena, &keyed, &e);
	ck_assert_int_eq(e.configured, keys[_i].taken != NULL);
	ck_assert_int_eq(e.broken, keys[_i].broken);
	ck_assert_msg(says(e.reason, keys[_i].reason), "reason: %s", e.reason);
	ck_assert_msg(says(e.warning, keys[_i].warning), "warning: %s", e.warning);
	if (keys[_i].taken) {
		ck_assert_str_eq(e.key_env, keys[_i].taken);
		ck_assert_uint_eq(e.fingerprint.n, 8);
	} else {
		ck_assert_ptr_null(e.key);
		for (const char *shown = e.reason; shown; shown = NULL)
			ck_assert_ptr_null(strstr(shown, "sk-"));
	}
}
END_TEST

static const struct {
	const char *url, *reason;
} urls[] = {
	{"https://models.example/v1///", NULL},
	{"http://127.0.0.1:4000/v1", NULL},
	{"http://models.example/v1", "T_URL: the key would leave this machine unencrypted"},
	{"models.example/v1", "T_URL: expected an address that begins with"},
	{"https://me:secret@models.example/v1", "T_URL: an address with a user"},
	{"https://models.example/v1?key=secret", "T_URL: an address with a user, a query"},
	{"https://models.example/v1#x", "T_URL: an address with a user, a query, a fragment"},
	{"https://models.example/ v1", "T_URL: an address with a user, a query, a fragment or white space"},
};

START_TEST(addresses_of_the_environment)
{
	static const char *const names[] = {"T_URL"};
	struct provider p = keyed;
	struct endpoint e;

	p.base_url = NULL;
	p.base_url_env = names;
	p.n_base_url_env = 1;
	set("T_KEY", "sk-new-0123456789");
	set("T_URL", urls[_i].url);
	endpoint_resolve(arena, &p, &e);
	ck_assert_msg(says(e.reason, urls[_i].reason), "%s", e.reason);
	ck_assert_int_eq(e.broken, urls[_i].reason != NULL);
	if (e.reason)
		ck_assert_ptr_null(strstr(e.reason, "secret"));
	else
		ck_assert(!str_ends(str_from(e.base_url), STR("/")));
}
END_TEST

/* --- probes --- */

#define P(provider, url, key, age) "{\"provider\":\"" provider "\",\"base_url\":\"" url "\",\"key_fingerprint\":\"" key "\",\"age_ms\":" age "}"
#define URL "https://models.example/v1"
#define OWN "5c58196c"

static const struct {
	const char *rows, *problem;
} known[] = {
	{"", "no probe of it has succeeded yet: agentctl doctor --probe --provider p"},
	{P("other", URL, OWN, "0"), "no probe of it has succeeded yet"},
	{P("p", URL, OWN, "0"), NULL},
	{P("p", URL, OWN, "86400000"), NULL},
	{P("p", URL, OWN, "86460000"), "its last probe was 24 hours ago, probe_max_age is 24 h"},
	{P("p", URL, OWN, "260000000"), "its last probe was 3 days ago"},
	{P("p", URL, "ffffffff", "0"), "its key is another than when it was probed (now T_KEY, sha256 " OWN ")"},
	{P("p", "https://elsewhere.example/v1", OWN, "0"), "its address is another than when it was probed (now " URL ")"},
	{P("p", URL, "ffffffff", "0") "," P("p", URL, OWN, "60000"), NULL},
	{P("p", URL, "ffffffff", "0") "," P("p", URL, OWN, "90000000"), "its last probe was 25 hours ago"},
};

static const struct routing one_day = {.probe_max_age_ms = 86400000};

START_TEST(probes_hold_for_their_key_and_address)
{
	const char *text = arena_printf(arena, "{\"probes\":[%s]}", known[_i].rows);
	const struct probes *p;
	const char *problem;
	struct endpoint e;
	struct err err;

	set("T_KEY", "sk-new-0123456789");
	endpoint_resolve(arena, &keyed, &e);
	ck_assert_int_eq(probes_parse(arena, str_from(text), 1000 * HOUR, &p, &err), 0);
	problem = probes_problem(arena, p, &one_day, &e, 1000 * HOUR);
	ck_assert_msg(says(problem, known[_i].problem), "%s", problem);
	ck_assert(probes_same(p, probes_copy(arena, p)));
}
END_TEST

START_TEST(who_needs_no_probe)
{
	static const char yaml[] = "agentd: v1\nproviders: {p: {wire: openai, base_url: \"https://p.example\", key_env: []}}\n"
		"models: {m: {provider: p, id: m, price: free}}\ntiers: {t: {steps: [{model: m}]}}\n"
		"shadow: {base_url: \"https://legacy.example\", models: {t: m}}\n";
	const struct routing *r = parse(yaml);
	const struct probes none = {0};
	struct provider replay = {.name = {"r", 1}, .wire = WIRE_REPLAY};
	struct endpoint e = {.provider = &replay, .configured = true};

	ck_assert_ptr_null(probes_problem(arena, &none, r, &e, 0));
	endpoint_resolve(arena, &r->shadow->provider, &e);
	ck_assert(e.configured);
	ck_assert_ptr_null(probes_problem(arena, &none, r, &e, 0));
	endpoint_resolve(arena, &r->providers[0], &e);
	ck_assert_ptr_null(probes_problem(arena, NULL, r, &e, 0));	/* nobody asked for them */
	ck_assert_ptr_nonnull(probes_problem(arena, &none, r, &e, 0));
	unsetenv("T_KEY");
	endpoint_resolve(arena, &keyed, &e);
	ck_assert_ptr_null(probes_problem(arena, &none, r, &e, 0));	/* it is not asked anyway */
	ck_assert_ptr_eq(probe_model(r, &r->providers[0]), &r->models[0]);
	ck_assert_ptr_null(probe_model(r, &replay));
}
END_TEST

START_TEST(what_the_database_says_is_read_strictly)
{
	static const char *const bad[] = {"", "{\"probes\":[{}]}", "{\"probes\":[" P("p", URL, OWN, "\"1\"") "]}", "{\"probes\":[null]}"};
	const struct probes *p;
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_int_eq(probes_parse(arena, str_from(bad[i]), 0, &p, &err), -1);
	ck_assert_int_eq(probes_parse(arena, STR("{\"probes\":[]}"), 0, &p, &err), 0);
	ck_assert_uint_eq(p->n, 0);
}
END_TEST

START_TEST(a_step_without_a_probe_does_not_call_the_recording)
{
	static const char yaml[] = "agentd: v1\nproviders: {p: {wire: openai, base_url: \"https://p.example\", key_env: []}}\n"
		"models: {m: {provider: p, id: m, price: free}, n: {provider: p, id: n, price: free}}\n"
		"tiers: {t: {steps: [{model: m}, {model: n, if_unconfigured: true}]}}\n";
	const struct routing *r = parse(yaml);
	const struct route_fact facts[] = {{.configured = true, .not_probed = "never probed"}, {.configured = true}};
	struct route *route = route_begin(arena, &r->tiers[0], NULL, facts, &(struct route_question){0});
	struct route_choice c = route_next(route, NULL, 1000, 0);

	ck_assert_int_eq(route->steps[0].verdict, STEP_NOT_PROBED);
	ck_assert_int_eq(route->steps[1].verdict, STEP_NOT_NEEDED);
	ck_assert(c.end);
	ck_assert_int_eq(c.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(c.err.msg, "m: never probed"));
}
END_TEST

/* --- shadow --- */

static const struct {
	const char *a, *b;
	bool same;
} names[] = {
	{"gpt-4.1-mini", "gpt-4.1-mini", true},
	{"gpt-4.1-mini", "openai/gpt-4.1-mini", true},
	{"gpt-4.1-mini", "GPT-4.1-Mini-2025-04-14", true},
	{"anthropic/claude-haiku-4-5", "claude-haiku-4-5-20251001", true},
	{"claude-haiku-4-5@20251001", "claude-haiku-4-5-latest", true},
	{"gpt-4.1-mini", "gpt-4.1", false},
	{"gpt-4.1-mini", "gpt-4.1-mini-2025-04", false},
	{"gpt-4.1-mini", "gpt-4.1-mini-2025x04-14", false},
	{"gpt-4.1-mini", "gpt-4.1-mini-123456789", false},
	{"x/", "y/", false},
	{"20250414", "20250414", true},
	{"", "", false},
};

START_TEST(which_models_are_the_same)
{
	ck_assert_int_eq(model_same(str_from(names[_i].a), str_from(names[_i].b)), names[_i].same);
	ck_assert_int_eq(model_same(str_from(names[_i].b), str_from(names[_i].a)), names[_i].same);
}
END_TEST

static const char shadow_yaml[] =
	"agentd: v1\n"
	"mode: shadow\n"
	"providers:\n"
	"  p: {wire: openai, base_url: \"https://p.example\", key_env: []}\n"
	"  q: {wire: openai, base_url: \"https://q.example\", key_env: []}\n"
	"models:\n"
	"  first: {provider: p, id: vendor/large, context: 1000, max_output: 10, price: {input: 2, cached: 1, output: 10, as_of: 2026-11-01}}\n"
	"  second: {provider: q, id: small, price: free}\n"
	"tiers:\n"
	"  priced: {steps: [{model: first}, {model: second}]}\n"
	"  strange: {steps: [{model: second}]}\n"
	"  bare: {steps: [{model: first}]}\n"
	"shadow:\n"
	"  base_url: https://legacy.example/v1\n"
	"  models: {priced: large-2026-01-01, strange: a-group, bare: small}\n";

START_TEST(the_other_gateways_tiers)
{
	const struct routing *r = parse(shadow_yaml);
	const struct tier *priced = routing_shadow_tier(r, &r->tiers[0]), *strange = routing_shadow_tier(r, &r->tiers[1]);
	const struct model *m = priced->steps[0].model;

	ck_assert(str_is(priced->name, "priced"));
	ck_assert_uint_eq(priced->n_steps, 1);
	ck_assert(str_is(m->id, "large-2026-01-01"));
	ck_assert(m->price.known && m->max_output == 10 && m->context == 1000);	/* of the model that the file knows */
	ck_assert(str_is(m->provider->name, SHADOW_NAME));
	ck_assert(!strange->steps[0].model->price.known);
	ck_assert(strange->steps[0].model->can & CAN_TOOLS);
	ck_assert_ptr_eq(endpoint_of(endpoints_resolve(arena, r), r, m)->provider, &r->shadow->provider);
}
END_TEST

/* Facts of the two steps, then the answer, then what is kept. */
static const struct {
	const char *not_probed[2];
	const char *answered, *source;
	int64_t cost_pusd;
	bool has_usage;
	int tier;
	const char *own, *problem;
	bool agrees;
	int64_t own_pusd, legacy_pusd;
} decisions[] = {
	{{NULL, NULL}, "large-2026-01-01", "computed", 700, true, 0, "first", NULL, true, 270000000, 700},
	{{NULL, NULL}, "vendor/LARGE", "provider", 900, true, 0, "first", NULL, true, 270000000, 900},
	{{NULL, NULL}, "small", "computed", 700, true, 0, "first", NULL, false, 270000000, 700},
	{{"never", NULL}, "small", "computed", 700, true, 0, "second", NULL, true, 0, 700},
	{{"never", "never"}, "small", "computed", 700, true, 0, NULL, "first: never; second: never", false, -1, 700},
	{{NULL, NULL}, "", "none", 0, true, 1, "second", NULL, false, 0, -1},
	{{NULL, NULL}, "large", "estimated", 700, false, 0, "first", NULL, true, -1, -1},
	{{NULL, NULL}, "small", "none", 0, false, 2, "first", NULL, false, -1, 0},	/* the file says that it is free */
};

START_TEST(what_our_own_route_would_have_done)
{
	const struct routing *r = parse(shadow_yaml);
	const struct tier *t = &r->tiers[decisions[_i].tier];
	const struct route_fact facts[] = {{.configured = true, .not_probed = decisions[_i].not_probed[0]},
					   {.configured = true, .not_probed = decisions[_i].not_probed[1]}};
	struct route *route = route_begin(arena, t, NULL, facts, &(struct route_question){.input_tokens = 100});
	const struct shadow_decision *d = shadow_decide(arena, route, 1000);
	const struct model_call call = {
		.model_asked = routing_shadow_tier(r, t)->steps[0].model->id, .model_answered = str_from(decisions[_i].answered),
		.cost_pusd = decisions[_i].cost_pusd, .cost_source = decisions[_i].source,
		.usage = {.in_fresh = 100, .in_cached = 20, .out_text = 4, .out_reason = 1},
	};
	const struct shadow_call *s = shadow_compare(arena, d, &call, routing_shadow_tier(r, t)->steps[0].model, decisions[_i].has_usage);

	ck_assert_int_eq(s->agrees, decisions[_i].agrees);
	ck_assert_int_eq(s->own_pusd, decisions[_i].own_pusd);
	ck_assert_int_eq(s->legacy_pusd, decisions[_i].legacy_pusd);
	ck_assert_int_eq(s->own_model.p != NULL, decisions[_i].own != NULL);
	ck_assert(!decisions[_i].own || str_is(s->own_model, decisions[_i].own));
	ck_assert_int_eq(s->own_problem.p != NULL, decisions[_i].problem != NULL);
	ck_assert(!decisions[_i].problem || str_find(s->own_problem, str_from(decisions[_i].problem)) >= 0);
}
END_TEST

#define EACH(tc, table, fn) tcase_add_loop_test(tc, fn, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("gateway/modes");
	TCase *tc = tcase_create("modes");

	tcase_add_checked_fixture(tc, setup, teardown);
	EACH(tc, keys, keys_of_the_environment);
	EACH(tc, urls, addresses_of_the_environment);
	EACH(tc, known, probes_hold_for_their_key_and_address);
	tcase_add_test(tc, who_needs_no_probe);
	tcase_add_test(tc, what_the_database_says_is_read_strictly);
	tcase_add_test(tc, a_step_without_a_probe_does_not_call_the_recording);
	EACH(tc, names, which_models_are_the_same);
	tcase_add_test(tc, the_other_gateways_tiers);
	EACH(tc, decisions, what_our_own_route_would_have_done);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
