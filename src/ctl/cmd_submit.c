/* cmd_submit.c - submit a task, and with --follow show its steps as they happen. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/url.h"
#include "config/settings.h"
#include "ctl/commands.h"
#include "ctl/tail.h"
#include "publish/input.h"
#include "schema/schema.h"
#include "store/store.h"
#include "store/submission.h"

enum { MAX_FILES = 100, CALL_MS = 30000 };

struct request {
	const char *files[MAX_FILES];
	size_t n_files;
	const char *workflow, *key;
	struct json_builder body;
	struct json_builder labels;
	struct json_builder events;
	const char *webhook;
	bool follow;
};

static int add_label(struct request *r, const char *arg, struct err *err)
{
	struct str name, text;

	if (ctl_pair_arg("--label", arg, &name, &text, err) < 0)
		return -1;
	json_object_set(&r->labels, name, json_string(r->labels.a, text));
	return 0;
}

static int add_json(struct ctl *c, struct request *r, const char *key, const char *arg, struct err *err)
{
	const struct json *v = ctl_json_arg(c, arg, err);

	if (!v)
		return -1;
	json_object_setc(&r->body, key, v);
	return 0;
}

static int read_option(struct ctl *c, struct request *r, int o, char **argv, struct err *err)
{
	switch (o) {
	case 'i':
		return add_json(c, r, "input", optarg, err);
	case 'b':
		return add_json(c, r, "budget", optarg, err);
	case 'u':
		json_object_setc(&r->body, "urgency", json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'r':
		json_object_setc(&r->body, "run_at", json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'd':
		json_object_setc(&r->body, "deadline", json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'l':
		return add_label(r, optarg, err);
	case 'k':
		r->key = optarg;
		return submission_key_check(str_from(optarg), err);
	case 'F':
		if (r->n_files == MAX_FILES)
			return err_set(err, ERR_USAGE, "--file: expected at most %d", MAX_FILES);
		r->files[r->n_files++] = optarg;
		return 0;
	case 'f':
		r->follow = true;
		return 0;
	case 'w':
		r->webhook = optarg;
		return 0;
	case 'e':
		json_array_add(&r->events, json_string_clean(c->arena, str_from(optarg)));
		return 0;
	default:
		return ctl_option_error(argv, o, err);
	}
}

static int add_webhook(struct ctl *c, struct request *r, struct err *err)
{
	struct json_builder b;

	if (!r->webhook)
		return r->events.n ? err_set(err, ERR_USAGE, "--webhook-event: expected --webhook, too") : 0;
	json_object_begin(&b, c->arena);
	json_object_setc(&b, "url", json_string_clean(c->arena, str_from(r->webhook)));
	if (r->events.n)
		json_object_setc(&b, "events", json_array_end(&r->events));
	json_object_setc(&r->body, "webhook", json_object_end(&b));
	return 0;
}

/* As the web server judges it. */
static int check_webhook(struct ctl *c, const struct submission *s)
{
	struct url url;
	struct err err;

	if (!s->webhook)
		return 0;
	if (c->settings->webhooks.n_secrets == 0)
		err_set(&err, ERR_INVALID, "--webhook: agentd.yaml has no webhooks.secret to sign with");
	else if (webhook_url_check(c->arena, &c->settings->webhooks, s->webhook_url, &url, &err) == 0)
		return 0;
	return ctl_fail(c, &err);
}

static int parse(struct ctl *c, int argc, char **argv, struct request *r, struct err *err)
{
	static const struct option options[] = {
		{"input", required_argument, NULL, 'i'},    {"urgency", required_argument, NULL, 'u'},
		{"label", required_argument, NULL, 'l'},    {"run-at", required_argument, NULL, 'r'},
		{"deadline", required_argument, NULL, 'd'}, {"budget", required_argument, NULL, 'b'},
		{"key", required_argument, NULL, 'k'},	    {"follow", no_argument, NULL, 'f'},
		{"file", required_argument, NULL, 'F'},
		{"webhook", required_argument, NULL, 'w'},  {"webhook-event", required_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};
	int o;

	json_object_begin(&r->body, c->arena);
	json_object_begin(&r->labels, c->arena);
	json_array_begin(&r->events, c->arena);
	while ((o = getopt_long(argc, argv, ":f", options, NULL)) != -1)
		if (read_option(c, r, o, argv, err) < 0)
			return -1;
	if (argc - optind != 1)
		return err_set(err, ERR_USAGE, "expected one WORKFLOW");
	json_object_setc(&r->body, "workflow", json_string_clean(c->arena, str_from(argv[optind])));
	json_object_setc(&r->body, "labels", json_object_end(&r->labels));
	return add_webhook(c, r, err);
}

/* --- following --- */

static int show_end(struct ctl *c, const struct uuid *id, const struct principal *by)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct err err;
	const struct json *task;

	task = ctl_wait_json(&call, tasks_view(c->store, arena_new(NULL), id, by, 10000, ctl_done, &call), &err);
	if (!task)
		return ctl_fail(c, &err);
	if (c->json) {
		print_json(c, task);
	} else {
		putchar('\n');
		print_task(c, task);
	}
	return str_is(cell(task, "state"), "succeeded") ? 0 : err_exit_status(ERR_TASK_FAILED);
}

/* --- the command --- */

void ctl_submitted(struct op *op, void *arg)
{
	struct submit_call *call = arg;

	call->err = *op->err;
	call->done = true;
	if (op->err->code != ERR_NONE)
		return;
	call->got = *call->got_of(op);
	call->got.state = str_dup(call->ctl->arena, call->got.state);
	call->got.body = str_dup(call->ctl->arena, call->got.body);
}

int ctl_show_submitted(struct submit_call *call, const struct principal *by, bool follow)
{
	struct ctl *c = call->ctl;
	struct tail tail;
	struct err err;
	char id[37];

	while (!call->done)
		loop_once(c->loop);
	if (call->err.code != ERR_NONE)
		return ctl_fail(c, &call->err);
	uuid_format(&call->got.id, id);
	if (!follow) {
		printf(STR_FMT "\n", STR_ARG(c->json ? call->got.body : str_from(id)));
		return 0;
	}
	if (!c->json)
		printf("task %s\n", id);
	tail = (struct tail){.ctl = c, .by = *by, .task = &call->got.id, .place = event_place_first, .silent = c->json};
	if (tail_run(&tail, &err) < 0)
		return ctl_fail(c, &err);
	return show_end(c, &call->got.id, by);
}

int ctl_judge_input(struct ctl *c, const struct submission *s, struct str answer)
{
	struct schema_faults *faults = ARENA_NEW(c->arena, struct schema_faults);
	struct err err;

	faults->a = c->arena;
	if (inputs_judge(inputs_new(c->arena), s, answer, faults))
		return 0;
	err_set(&err, ERR_SCHEMA_INPUT, "the input does not fit the schema of workflow \"" STR_FMT "\"", STR_ARG(s->workflow));
	return ctl_faults(c, faults, &err);
}

/* 0, or an exit status after printing what is wrong with the input. */
static int check_input(struct ctl *c, const struct submission *s)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct err err;

	if (ctl_wait(&call, tasks_input_schema(c->store, arena_new(NULL), s, CTL_SUBMIT_MS, ctl_done, &call), &err) < 0)
		return ctl_fail(c, &err);
	return ctl_judge_input(c, s, call.text);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct ctl_file *)a)->artifact.name, ((const struct ctl_file *)b)->artifact.name);
}

/* The files get their names before the task is there. 0 or an exit status. */
static int send_files(struct ctl *c, const struct request *r, struct submission *s)
{
	const struct json *limits = settings_artifact_limits(c->arena, c->settings);
	struct ctl_file *files = ARENA_ARRAY(c->arena, r->n_files, struct ctl_file);
	struct artifact_new *v = ARENA_ARRAY(c->arena, r->n_files, struct artifact_new);
	struct ctl_call call = {.ctl = c, .text_of = NULL};
	struct err err;

	for (size_t i = 0; i < r->n_files; i++)
		if (ctl_file_arg(c, r->files[i], &files[i], &err) < 0)
			return ctl_fail(c, &err);
	qsort(files, r->n_files, sizeof *files, by_name);
	for (size_t i = 1; i < r->n_files; i++)
		if (by_name(&files[i - 1], &files[i]) == 0) {
			err_set(&err, ERR_USAGE, "--file: \"" STR_FMT "\" given twice", STR_ARG(files[i].artifact.name));
			return ctl_fail(c, &err);
		}
	for (size_t i = 0; i < r->n_files; i++) {
		if (ctl_file_send(c, &files[i], limits, &err) < 0)
			return ctl_fail(c, &err);
		v[i] = files[i].artifact;
	}
	submission_add_files(c->arena, s, v, r->n_files);
	if (ctl_wait(&call, artifacts_attach(c->store, arena_new(NULL), &s->id, v, r->n_files, limits, CALL_MS, ctl_done, &call), &err) < 0)
		return ctl_fail(c, &err);
	return 0;
}

static int submit(struct ctl *c, int argc, char **argv)
{
	struct submit_call call = {.ctl = c, .got_of = tasks_submitted_of};
	struct request r = {0};
	struct submission s;
	struct err err;
	int status;

	if (parse(c, argc, argv, &r, &err) < 0 || submission_parse(c->arena, json_object_end(&r.body), &s, &err) < 0)
		return ctl_fail(c, &err);
	s.by = ctl_principal(c);
	s.route = STR("POST /tasks");
	s.idempotency_key = str_from(r.key);
	status = ctl_open(c);
	if (status == 0)
		status = check_webhook(c, &s);
	if (status == 0)
		status = check_input(c, &s);
	if (status == 0 && r.n_files)
		status = send_files(c, &r, &s);
	if (status)
		return status;
	tasks_submit(c->store, arena_new(NULL), &s, CTL_SUBMIT_MS, ctl_submitted, &call);
	while (!call.done)
		loop_once(c->loop);
	if (r.n_files && !submission_may_be_made(&call.err, &call.got))
		artifacts_discard(c->store, &s.id);
	while (store_pending(c->store))
		loop_once(c->loop);
	return ctl_show_submitted(&call, &s.by, r.follow);
}

const struct command cmd_submit = {
	"submit",
	"WORKFLOW [--input JSON|@FILE|-] [--follow] [--urgency low|normal|high] [--label NAME=TEXT]... "
	"[--budget JSON] [--run-at TIME] [--deadline TIME] [--key TEXT] [--file [NAME=]PATH]... "
	"[--webhook URL [--webhook-event finished|uncertain|quarantined|approval|expiring]...]",
	"submit a task; --follow shows its steps and its end", submit,
};
