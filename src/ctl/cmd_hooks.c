/* cmd_hooks.c - hooks test: what a hook makes of a delivery, without sending one. No database. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/catalog.h"
#include "ctl/commands.h"
#include "publish/delivery.h"
#include "publish/judge.h"
#include "publish/signature.h"
#include "schema/schema.h"

struct trial {
	struct delivery_request request;
	struct json_builder headers;
	const struct catalog *catalog;
	const struct hook *hook;
	const char *signature;	/* for people and programs */
	struct delivery delivery;
};

static int add_header(struct trial *t, const char *arg, struct err *err)
{
	struct arena *a = t->headers.a;
	struct str name, text;

	if (ctl_pair_arg("--header", arg, &name, &text, err) < 0)
		return -1;
	json_object_set(&t->headers, str_lower(a, name), json_string(a, text));
	return 0;
}

static int read_option(struct ctl *c, struct trial *t, int o, char **argv, struct err *err)
{
	const char *name;

	switch (o) {
	case 'b':
		return ctl_text_arg(c, optarg, &name, &t->request.body, err);
	case 'h':
		return add_header(t, optarg, err);
	case 'q':
		t->request.query = str_from(optarg);
		return 0;
	default:
		return ctl_option_error(argv, o, err);
	}
}

static int parse(struct ctl *c, int argc, char **argv, struct trial *t, struct err *err)
{
	static const struct option options[] = {
		{"body", required_argument, NULL, 'b'},
		{"header", required_argument, NULL, 'h'},
		{"query", required_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	int o;

	json_object_begin(&t->headers, c->arena);
	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1)
		if (read_option(c, t, o, argv, err) < 0)
			return -1;
	if (argc - optind != 1 || !t->request.body.p)
		return err_set(err, ERR_USAGE, "expected one NAME, and --body");
	t->request.headers = json_object_end(&t->headers);
	return 0;
}

/* As the server would see it, with the secrets of this environment. */
static const char *signature_of(struct ctl *c, const struct trial *t)
{
	const struct hook_verify *v = &t->hook->verify;
	struct signature_keys keys;

	if (!json_get(t->request.headers, signature_header(v)))
		return "not given";
	signature_keys_read(c->arena, v, &keys);
	if (keys.n == 0)
		return arena_printf(c->arena, "not verified: %s", keys.why);
	return signature_name(signature_verify(v, &keys, t->request.headers, t->request.body, clock_wall_us()));
}

static const struct json *answer_of(struct ctl *c, const struct trial *t)
{
	static const char *const fates[] = {[DELIVERY_SUBMIT] = "submit", [DELIVERY_IGNORED] = "ignored", [DELIVERY_PING] = "ping"};
	struct json_builder b;

	json_object_begin(&b, c->arena);
	json_object_setc(&b, "hook", json_string(c->arena, t->hook->name));
	json_object_setc(&b, "signature", json_stringc(c->arena, t->signature));
	json_object_setc(&b, "fate", json_stringc(c->arena, fates[t->delivery.fate]));
	if (t->delivery.fate == DELIVERY_SUBMIT) {
		json_object_setc(&b, "delivery", json_string(c->arena, t->delivery.task.idempotency_key));
		json_object_setc(&b, "submission", t->delivery.submission);
	}
	return json_object_end(&b);
}

static int show(struct ctl *c, const struct trial *t)
{
	const struct json *answer = answer_of(c, t);
	struct buf b;

	if (c->json) {
		print_json(c, answer);
		return 0;
	}
	printf("signature: %s\n", t->signature);
	if (t->delivery.fate != DELIVERY_SUBMIT) {
		puts(t->delivery.fate == DELIVERY_PING ? "ping: answered, nothing is submitted" : "ignored: \"when\" is not true");
		return 0;
	}
	fputs("delivery: ", stdout);
	print_text(t->delivery.task.idempotency_key);
	buf_init(&b, c->arena);
	json_write_pretty(&b, t->delivery.submission);
	printf("\nsubmits:\n%s\n", buf_cstr(&b));
	return 0;
}

/* What a server would look at before it submits. */
static int judge(struct ctl *c, const struct trial *t)
{
	const struct schema *schema = NULL;
	struct schema_faults faults = {.a = c->arena};
	struct err err;

	for (size_t i = 0; i < t->catalog->n_bundles; i++)
		if (str_eq(t->catalog->bundles[i].name, t->hook->workflow))
			schema = t->catalog->bundles[i].workflow->input_check;
	if (schema && !schema_check(schema, t->delivery.task.input, &faults)) {
		err_set(&err, ERR_SCHEMA_INPUT, "the input does not fit the workflow's schema");
		return ctl_faults(c, &faults, &err);
	}
	if (judge_submission(c->arena, t->catalog->policy, &t->delivery.task, &err) < 0)
		return ctl_fail(c, &err);
	return 0;
}

static int test(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	struct trial t = {0};
	struct err err = {0};
	int status;

	if (parse(c, argc, argv, &t, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_settings(c);
	if (status)
		return status;
	t.catalog = catalog_load(c->arena, c->settings->config_dir, d);
	if (!t.catalog) {
		err_set(&err, ERR_CONFIG, "the configuration in \"%s\" has errors", c->settings->config_dir);
		return ctl_refuse(c, d, &err);
	}
	t.hook = catalog_hook(t.catalog, str_from(argv[optind]));
	if (!t.hook) {
		err_set(&err, ERR_NOT_FOUND, "there is no hook \"%s\" in \"%s\"", argv[optind], c->settings->config_dir);
		return ctl_fail(c, &err);
	}
	t.signature = signature_of(c, &t);
	if (delivery_read(c->arena, t.hook, &t.request, &t.delivery, &err) < 0)
		return ctl_fail(c, &err);
	status = t.delivery.fate == DELIVERY_SUBMIT ? judge(c, &t) : 0;
	return status ? status : show(c, &t);
}

const struct command cmd_hooks_test = {
	"hooks test", "NAME --body JSON|@FILE|- [--header NAME=TEXT]... [--query TEXT]",
	"what a hook would make of a delivery, or why nothing; nothing is sent", test,
};
