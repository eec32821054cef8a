/* cmd_probe.c - doctor --probe: does each provider's key answer; and what doctor says of keys and probes. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/routing.h"
#include "config/settings.h"
#include "ctl/commands.h"
#include "gateway/endpoint.h"
#include "gateway/probe.h"
#include "gateway/probes.h"
#include "store/probes.h"
#include "store/tasks.h"

struct probing {
	const char *provider, *model;	/* NULL: all; the provider's first */
	bool probe, no_record;
};

struct row {
	const struct endpoint *endpoint;
	const struct model *model;
	struct arena *arena;
	bool asked, done, recorded;
	const char *problem;		/* why nobody was asked */
	struct err err;
	struct probe_result result;
};

/* --- what to ask --- */

static int parse(int argc, char **argv, struct probing *q, struct err *err)
{
	static const struct option options[] = {
		{"probe", no_argument, NULL, 'p'}, {"provider", required_argument, NULL, 'n'}, {"model", required_argument, NULL, 'm'},
		{"no-record", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'p')
			q->probe = true;
		else if (o == 'n')
			q->provider = optarg;
		else if (o == 'm')
			q->model = optarg;
		else if (o == 'r')
			q->no_record = true;
		else
			return ctl_option_error(argv, o, err);
	}
	if (argc > optind)
		return err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
	if (!q->probe && (q->provider || q->model || q->no_record))
		return err_set(err, ERR_USAGE, "--provider, --model and --no-record go with --probe");
	return 0;
}

static const struct routing *load(struct ctl *c, struct diags *d)
{
	const struct catalog *catalog = catalog_load(c->arena, c->settings->config_dir, d);

	return catalog ? catalog->routing : NULL;
}

static int find_model(const struct routing *r, const char *name, const struct model **ret, struct err *err)
{
	for (size_t i = 0; i < r->n_models; i++)
		if (str_is(r->models[i].name, name)) {
			*ret = &r->models[i];
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "there is no model \"%s\" in policies/routing.yaml", name);
}

/* The file's providers, and behind them in mode shadow the gateway that answers. */
static size_t n_providers(const struct routing *r)
{
	return r->n_providers + (r->mode == MODE_SHADOW);
}

static const struct provider *provider_at(const struct routing *r, size_t i)
{
	return i < r->n_providers ? &r->providers[i] : &r->shadow->provider;
}

static int check_names(const struct routing *r, const struct probing *q, const struct model **ret, struct err *err)
{
	size_t i = 0;

	while (q->provider && i < n_providers(r) && !str_is(provider_at(r, i)->name, q->provider))
		i++;
	if (q->provider && i == n_providers(r))
		return err_set(err, ERR_NOT_FOUND, "there is no provider \"%s\" in policies/routing.yaml", q->provider);
	if (q->provider && provider_at(r, i)->wire == WIRE_REPLAY)
		return err_set(err, ERR_USAGE, "provider \"%s\" has recorded replies: nobody is there to be asked", q->provider);
	if (!q->model)
		return 0;
	if (find_model(r, q->model, ret, err) < 0)
		return -1;
	if (!q->provider || str_is((*ret)->provider->name, q->provider))
		return 0;
	return err_set(err, ERR_USAGE, "model \"%s\" is one of provider \"" STR_FMT "\"", q->model, STR_ARG((*ret)->provider->name));
}

/* --- asking --- */

static void on_probed(struct op *op, void *arg)
{
	struct row *row = arg;

	row->err = *op->err;
	row->result = *probe_result_of(op);
	row->result.answered = str_dup(row->arena, row->result.answered);
	row->done = true;
}

static bool is_wanted(const struct provider *p, const struct probing *q, const struct model *m)
{
	if (p->wire == WIRE_REPLAY || (m && m->provider != p))
		return false;
	return !q->provider || str_is(p->name, q->provider);
}

static void begin(struct row *row, struct loop *l, struct http *h)
{
	row->problem = row->endpoint->reason;
	if (!row->problem && !row->model)
		row->problem = "no model of this file is one of it";
	row->asked = row->problem == NULL;
	row->done = !row->asked;
	if (row->asked)
		probe_start(l, h, arena_new(NULL), row->endpoint, row->model, on_probed, row);
}

/* All at once: the slowest one says how long it takes. */
static struct row *ask_all(struct ctl *c, const struct routing *r, const struct probing *q, const struct model *m, size_t *ret_n)
{
	struct row *rows = ARENA_ARRAY(c->arena, n_providers(r), struct row);
	const struct endpoint *endpoints = endpoints_resolve(c->arena, r);
	struct loop *l = loop_new();
	struct http *h = http_new(l);
	size_t n = 0;

	for (size_t i = 0; i < n_providers(r); i++) {
		const struct provider *p = provider_at(r, i);

		if (!is_wanted(p, q, m))
			continue;
		rows[n] = (struct row){.endpoint = &endpoints[i], .model = m ? m : probe_model(r, p), .arena = c->arena};
		begin(&rows[n++], l, h);
	}
	for (size_t i = 0; i < n; i++)
		while (!rows[i].done)
			loop_once(l);
	http_free(h);
	loop_free(l);
	*ret_n = n;
	return rows;
}

static bool has_answered(const struct row *row)
{
	return row->asked && row->err.code == ERR_NONE;
}

/* A provider for which nothing is set is left out by intention, unless it was named. */
static bool has_failed(const struct row *row, const struct probing *q)
{
	if (row->asked)
		return row->err.code != ERR_NONE;
	return row->endpoint->configured || row->endpoint->broken || q->provider || q->model;
}

/* --- recording --- */

static int record(struct ctl *c, struct row *row, struct err *err)
{
	struct principal by = ctl_principal(c);
	struct ctl_call call = {.ctl = c};
	struct probe_success p = {
		.provider = row->endpoint->provider->name,
		.base_url = str_from(row->endpoint->base_url),
		.key_fingerprint = row->endpoint->fingerprint,
		.model_asked = row->model->id,
		.model_answered = row->result.answered,
		.latency_ms = row->result.latency_ms,
	};

	if (ctl_wait(&call, probes_record(c->store, arena_new(NULL), &p, &by, ctl_done, &call), err) < 0)
		return -1;
	row->recorded = true;
	return 0;
}

static int record_all(struct ctl *c, struct row *rows, size_t n)
{
	struct err err = {0};
	int status = 0;

	for (size_t i = 0; i < n && !status; i++) {
		if (!has_answered(&rows[i]))
			continue;
		if (!c->store)
			status = ctl_open(c);
		if (!status && record(c, &rows[i], &err) < 0)
			status = ctl_fail(c, &err);
	}
	return status;
}

/* --- showing --- */

static const struct json *text_or_null(struct arena *a, const char *s)
{
	return s ? json_string_clean(a, str_from(s)) : json_null();
}

static const struct json *row_json(struct arena *a, const struct row *row)
{
	const struct endpoint *e = row->endpoint;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, e->provider->name));
	json_object_setc(&b, "ok", json_bool(has_answered(row)));
	json_object_setc(&b, "base_url", text_or_null(a, e->base_url));
	json_object_setc(&b, "key_env", text_or_null(a, e->key_env));
	json_object_setc(&b, "key_fingerprint", e->fingerprint.n ? json_string(a, e->fingerprint) : json_null());
	json_object_setc(&b, "model", row->model ? json_string(a, row->model->name) : json_null());
	json_object_setc(&b, "model_asked", row->asked ? json_string(a, row->model->id) : json_null());
	json_object_setc(&b, "model_answered", has_answered(row) ? json_string_clean(a, row->result.answered) : json_null());
	json_object_setc(&b, "latency_ms", row->asked ? json_int(a, row->result.latency_ms) : json_null());
	json_object_setc(&b, "http_status", row->result.http_status ? json_int(a, row->result.http_status) : json_null());
	json_object_setc(&b, "error", row->asked && row->err.code != ERR_NONE ? json_stringc(a, err_name(row->err.code)) : json_null());
	json_object_setc(&b, "message", text_or_null(a, row->problem ? row->problem : row->err.code != ERR_NONE ? row->err.msg : NULL));
	json_object_setc(&b, "warning", text_or_null(a, e->warning));
	json_object_setc(&b, "recorded", json_bool(row->recorded));
	return json_object_end(&b);
}

static struct str key_of(struct arena *a, const struct endpoint *e)
{
	if (!e->key_env)
		return STR("none");
	return str_from(arena_printf(a, "%s (sha256 " STR_FMT ")", e->key_env, STR_ARG(e->fingerprint)));
}

static struct str verdict_of(struct arena *a, const struct row *row)
{
	if (has_answered(row))
		return row->recorded ? STR("ok, recorded") : STR("ok, not recorded");
	if (row->asked)
		return str_from(arena_printf(a, "%s: %s", err_name(row->err.code), row->err.msg));
	return str_from(arena_printf(a, "not asked: %s", row->problem));
}

static void show(struct ctl *c, const struct row *rows, size_t n)
{
	static const char *const headings[] = {"PROVIDER", "KEY", "MODEL", "ANSWERED", "MS", "RESULT"};
	struct table *t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);
	struct arena *a = c->arena;

	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		table_cell(t, row->endpoint->provider->name);
		table_cell(t, row->asked || row->endpoint->key_env ? key_of(a, row->endpoint) : STR("-"));
		table_cell(t, row->model ? row->model->id : STR("-"));
		table_cell(t, has_answered(row) ? row->result.answered : STR("-"));
		table_cell(t, row->asked ? str_from(arena_printf(a, "%lld", (long long)row->result.latency_ms)) : STR("-"));
		table_cell(t, verdict_of(a, row));
	}
	table_print(t);
	for (size_t i = 0; i < n; i++)
		if (rows[i].endpoint->warning)
			print_error(arena_printf(a, "warning: " STR_FMT ": %s", STR_ARG(rows[i].endpoint->provider->name), rows[i].endpoint->warning));
}

static void show_json(struct ctl *c, const struct row *rows, size_t n)
{
	struct json_builder list, b;

	json_array_begin(&list, c->arena);
	for (size_t i = 0; i < n; i++)
		json_array_add(&list, row_json(c->arena, &rows[i]));
	json_object_begin(&b, c->arena);
	json_object_setc(&b, "probes", json_array_end(&list));
	print_json(c, json_object_end(&b));
}

/* --- the command --- */

static int conclude(struct ctl *c, const struct row *rows, size_t n, const struct probing *q)
{
	size_t answered = 0;
	int status = 0;

	for (size_t i = 0; i < n; i++) {
		answered += has_answered(&rows[i]);
		status = has_failed(&rows[i], q) ? 1 : status;
	}
	if (c->json)
		show_json(c, rows, n);
	else
		show(c, rows, n);
	if (answered == 0 && status == 0) {
		if (!c->json)
			print_error("no provider is configured here: nobody was asked");
		return 1;
	}
	return status;
}

static int probe(struct ctl *c, const struct probing *q)
{
	struct diags *d = diags_new(c->arena);
	const struct model *m = NULL;
	const struct routing *r;
	struct err err = {0};
	struct row *rows;
	size_t n;
	int status = ctl_settings(c);

	if (status)
		return status;
	r = load(c, d);
	if (!r) {
		err_set(&err, ERR_CONFIG, "no valid policies/routing.yaml in \"%s\"", c->settings->config_dir);
		return ctl_refuse(c, d, &err);
	}
	if (check_names(r, q, &m, &err) < 0)
		return ctl_fail(c, &err);
	rows = ask_all(c, r, q, m, &n);
	status = q->no_record ? 0 : record_all(c, rows, n);
	if (!status)
		return conclude(c, rows, n, q);
	if (!c->json)		/* what was learned is not lost with the database */
		show(c, rows, n);
	return status;
}

int ctl_probe(struct ctl *c, int argc, char **argv, bool *ret_asked)
{
	struct probing q = {0};
	struct err err = {0};

	*ret_asked = false;
	if (parse(argc, argv, &q, &err) < 0) {
		*ret_asked = true;
		return ctl_fail(c, &err);
	}
	*ret_asked = q.probe;
	return q.probe ? probe(c, &q) : 0;
}

/* --- checks of doctor --- */

static void check_provider(struct json_builder *checks, const struct routing *r, const struct endpoint *e, const struct probes *p)
{
	struct arena *a = checks->a;
	const char *left_out = r->mode == MODE_LIVE ? probes_problem(a, p, r, e, clock_wall_us()) : NULL;
	const char *name = arena_printf(a, "provider " STR_FMT, STR_ARG(e->provider->name));

	if (e->broken || e->warning)
		doctor_add(checks, name, false, e->broken ? "error" : "warning", e->broken ? e->reason : e->warning);
	if (left_out)
		doctor_add(checks, name, false, "warning", arena_printf(a, "mode live leaves it out: %s", left_out));
	else if (e->configured && !e->warning && e->provider->wire != WIRE_REPLAY)
		doctor_add(checks, name, true, "warning", arena_printf(a, "configured, key " STR_FMT, STR_ARG(key_of(a, e))));
}

int probe_checks(struct ctl *c, struct json_builder *checks, struct err *err)
{
	struct ctl_call call = {.ctl = c, .text_of = probes_text_of};
	const struct routing *r = load(c, diags_new(c->arena));
	const struct endpoint *endpoints;
	const struct probes *p;

	if (!r)		/* without files there is nothing to say; errors in them are for validate */
		return 0;
	if (ctl_wait(&call, probes_read(c->store, arena_new(NULL), ctl_done, &call), err) < 0 ||
	    probes_parse(c->arena, call.text, clock_wall_us(), &p, err) < 0)
		return -1;
	endpoints = endpoints_resolve(c->arena, r);
	for (size_t i = 0; i < r->n_providers; i++)
		check_provider(checks, r, &endpoints[i], p);
	return 0;
}
