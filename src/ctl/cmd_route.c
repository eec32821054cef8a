/* cmd_route.c - route explain: what would become of a question now, and why; route close. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/catalog.h"
#include "config/routing.h"
#include "ctl/commands.h"
#include "gateway/gateway.h"
#include "gateway/health.h"
#include "store/breakers.h"
#include "store/tasks.h"

enum { CALL_MS = 10000, CONNECT_MS = 2000, MAX_TOKENS = 1000000000 };

static const struct routing *load_routing(struct ctl *c, int *status)
{
	struct diags *d = diags_new(c->arena);
	const struct catalog *catalog;
	struct err err = {0};

	*status = ctl_settings(c);
	if (*status)
		return NULL;
	catalog = catalog_load(c->arena, c->settings->config_dir, d);
	if (catalog && catalog->routing)
		return catalog->routing;
	err_set(&err, ERR_CONFIG, "no valid policies/routing.yaml in \"%s\"", c->settings->config_dir);
	*status = ctl_refuse(c, d, &err);
	return NULL;
}

/* --- route explain --- */

struct explain_args {
	const char *tier, *task;
	struct explain_question q;
};

static int read_explain_args(int argc, char **argv, struct explain_args *e, struct err *err)
{
	static const struct option options[] = {
		{"tier", required_argument, NULL, 't'}, {"task", required_argument, NULL, 'k'},
		{"tokens", required_argument, NULL, 'n'}, {"tools", no_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};
	int o, tokens;

	optind = 1;
	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (o) {
		case 't':
			e->tier = optarg;
			break;
		case 'k':
			e->task = optarg;
			break;
		case 'n':
			if (ctl_int_arg("--tokens", optarg, 0, MAX_TOKENS, &tokens, err) < 0)
				return -1;
			e->q.input_tokens = tokens;
			break;
		case 'u':
			e->q.has_tools = true;
			break;
		default:
			return ctl_option_error(argv, o, err);
		}
	}
	if (optind < argc)
		return err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
	return e->tier ? 0 : err_set(err, ERR_USAGE, "--tier is missing");
}

/* The task's own words for conditions, as a worker would have them. */
static const struct json *task_facts(struct ctl *c, const char *task, struct err *err)
{
	static const char *const keys[] = {"id", "workflow", "bundle", "urgency", "labels", "created_at", "submitted_by", "parent"};
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	const struct json *view;
	struct json_builder b;
	struct uuid id;

	if (ctl_uuid_arg(task, &id, err) < 0)
		return NULL;
	view = ctl_wait_json(&call, tasks_view(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &call), err);
	if (!view)
		return NULL;
	json_object_begin(&b, c->arena);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		json_object_setc(&b, keys[i], json_getc(view, keys[i]));
	return json_object_end(&b);
}

static int read_health(struct ctl *c, struct health **ret, struct err *err)
{
	struct ctl_call call = {.ctl = c, .text_of = breakers_text_of};

	if (ctl_wait(&call, breakers_read(c->store, arena_new(NULL), CALL_MS, ctl_done, &call), err) < 0)
		return -1;
	*ret = health_new(c->loop, NULL);
	return health_load(*ret, call.text, err);
}

static void print_explained(struct ctl *c, const struct json *v, bool has_health)
{
	static const struct column columns[] = {{"MODEL", "model", NULL}, {"PROVIDER", "provider", NULL}, {"VERDICT", "verdict", NULL},
						{"WHY", "why", NULL}};
	const struct json *end = json_getc(v, "else");
	struct str mode = json_str(json_getc(v, "mode"));

	print_rows(c, json_getc(v, "steps"), columns, 4);
	if (!has_health)
		puts("The database cannot be reached: nothing is known of breakers.");
	if (!str_is(mode, "live"))
		printf("Nobody is asked: routing is in mode " STR_FMT ".\n", STR_ARG(mode));
	else if (json_type(end) == JSON_NULL)
		printf("The question goes to " STR_FMT ".\n", STR_ARG(json_str(json_getc(v, "takes"))));
	else if (str_is(json_str(json_getc(end, "then")), "wait"))
		puts("The question waits until one of them lets it through.");
	else
		printf("The question ends with " STR_FMT "; when_exhausted: " STR_FMT ".\n", STR_ARG(json_str(json_getc(end, "error"))),
		       STR_ARG(json_str(json_getc(end, "then"))));
}

static int explain_with(struct ctl *c, const struct routing *r, const struct tier *t, struct explain_args *e, bool has_database)
{
	struct health *h = NULL;
	const struct json *v;
	struct err err = {0};

	if (e->task && !(e->q.task = task_facts(c, e->task, &err)))
		return ctl_fail(c, &err);
	if (has_database && read_health(c, &h, &err) < 0) {
		health_free(h);
		return ctl_fail(c, &err);
	}
	v = gateway_explain(c->arena, r, t, h, &e->q);
	health_free(h);
	if (c->json)
		print_json(c, v);
	else
		print_explained(c, v, has_database);
	return 0;
}

static int explain(struct ctl *c, int argc, char **argv)
{
	struct explain_args e = {0};
	const struct routing *r;
	const struct tier *t;
	struct err err = {0};
	bool has_database;
	int status;

	if (read_explain_args(argc, argv, &e, &err) < 0)
		return ctl_fail(c, &err);
	r = load_routing(c, &status);
	if (!r)
		return status;
	t = routing_tier(r, str_from(e.tier));
	if (!t) {
		err_set(&err, ERR_NOT_FOUND, "there is no tier \"%s\" in policies/routing.yaml", e.tier);
		return ctl_fail(c, &err);
	}
	c->connect_ms = e.task ? 0 : CONNECT_MS;
	has_database = ctl_connect(c, &err) == 0;
	if (!has_database && e.task)
		return ctl_fail(c, &err);
	return explain_with(c, r, t, &e, has_database);
}

const struct command cmd_route_explain = {
	"route explain", "--tier TIER [--task TASK] [--tokens N] [--tools]",
	"which step of a tier a question would go to now, and why each other one not", explain,
};

/* --- route close --- */

static void show_closed(struct ctl *c, const struct json *n)
{
	(void)c;
	printf(STR_FMT " closed\n", STR_ARG(json_text(c->arena, n)));
}

static int close_breakers(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = breakers_text_of};
	int status = ctl_begin(c, &cmd_route_close, argc, 1);

	if (status)
		return status;
	return ctl_answer(&call, breakers_close(c->store, arena_new(NULL), str_from(argv[1]), CALL_MS, ctl_done, &call), show_closed);
}

const struct command cmd_route_close = {
	"route close", "PROVIDER", "close the breakers of a provider: what was wrong with it is mended", close_breakers,
};
