/* cmd_fork.c - retry, fork: a new task that begins with what another one did. */
#include <getopt.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/fork.h"
#include "store/submission.h"

struct options {
	struct json_builder body;
	const char *key;
	bool follow;
};

static int read_option(struct ctl *c, struct options *r, int o, char **argv, struct err *err)
{
	const struct json *v;

	switch (o) {
	case 's':
		json_object_setc(&r->body, "step", json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'i':
		v = ctl_json_arg(c, optarg, err);
		if (!v)
			return -1;
		json_object_setc(&r->body, "input", v);
		return 0;
	case 'b':
		json_object_setc(&r->body, "bundle", json_string_clean(c->arena, str_from(optarg)));
		return 0;
	case 'r':
		json_object_setc(&r->body, "repeat_effects", json_bool(true));
		return 0;
	case 'k':
		r->key = optarg;
		return submission_key_check(str_from(optarg), err);
	case 'f':
		r->follow = true;
		return 0;
	default:
		return ctl_option_error(argv, o, err);
	}
}

static int parse(struct ctl *c, int argc, char **argv, enum fork_kind kind, struct options *r, struct fork *ret, struct err *err)
{
	static const struct option options[] = {
		{"step", required_argument, NULL, 's'},	  {"input", required_argument, NULL, 'i'},
		{"bundle", required_argument, NULL, 'b'}, {"repeat-effects", no_argument, NULL, 'r'},
		{"key", required_argument, NULL, 'k'},	  {"follow", no_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	struct uuid task;
	int o;

	json_object_begin(&r->body, c->arena);
	while ((o = getopt_long(argc, argv, ":f", options, NULL)) != -1)
		if (read_option(c, r, o, argv, err) < 0)
			return -1;
	if (argc - optind != 1)
		return err_set(err, ERR_USAGE, "expected one TASK");
	if (ctl_uuid_arg(argv[optind], &task, err) < 0 || fork_parse(c->arena, json_object_end(&r->body), kind, &task, ret, err) < 0)
		return -1;
	ret->idempotency_key = str_from(r->key);
	return 0;
}

/* 0, or an exit status after printing what is wrong. */
static int judge(struct ctl *c, const struct fork *f)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct submission s;
	struct err err;

	if (ctl_wait(&call, fork_facts(c->store, arena_new(NULL), f, CTL_SUBMIT_MS, ctl_done, &call), &err) < 0 ||
	    fork_submission(c->arena, f, call.text, &s, &err) < 0)
		return ctl_fail(c, &err);
	return ctl_judge_input(c, &s, call.text);
}

static int run(struct ctl *c, int argc, char **argv, enum fork_kind kind)
{
	struct submit_call call = {.ctl = c, .got_of = fork_submitted_of};
	struct options r = {0};
	struct fork f;
	struct err err;
	int status;

	if (parse(c, argc, argv, kind, &r, &f, &err) < 0)
		return ctl_fail(c, &err);
	f.by = ctl_principal(c);
	status = ctl_open(c);
	if (status == 0)
		status = judge(c, &f);
	if (status)
		return status;
	fork_start(c->store, arena_new(NULL), &f, CTL_SUBMIT_MS, ctl_submitted, &call);
	return ctl_show_submitted(&call, &f.by, r.follow);
}

static int retry(struct ctl *c, int argc, char **argv)
{
	return run(c, argc, argv, FORK_RETRY);
}

const struct command cmd_retry = {
	"retry", "TASK [--step PATH] [--repeat-effects] [--bundle DIGEST|active] [--input JSON|@FILE|-] [--key TEXT] [--follow]",
	"go on where a task failed, as a new task that keeps what was done before", retry,
};

static int fork_task(struct ctl *c, int argc, char **argv)
{
	return run(c, argc, argv, FORK_FORK);
}

const struct command cmd_fork = {
	"fork", "TASK [--step PATH] [--repeat-effects] [--bundle DIGEST|active] [--input JSON|@FILE|-] [--key TEXT] [--follow]",
	"run a task that has ended again, from its start or from one of its steps on", fork_task,
};
