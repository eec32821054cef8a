/* commands.h - every command's row; each is defined in its family's file cmd_*.c.
 *
 * Source:  agentctl(1).
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/ctl.h"
#include "store/artifacts.h"
#include "store/tasks.h"

extern const struct command cmd_validate, cmd_schema, cmd_route;			/* cmd_files.c */
extern const struct command cmd_route_explain, cmd_route_close;			/* cmd_route.c */
extern const struct command cmd_policy_test, cmd_policy_explain;			/* cmd_policy.c, cmd_explain.c */
extern const struct command cmd_migrate, cmd_reload, cmd_workflows, cmd_pause, cmd_resume, cmd_lanes, cmd_version;	/* cmd_admin.c */
extern const struct command cmd_hooks_test;				/* cmd_hooks.c */
extern const struct command cmd_doctor;				/* cmd_doctor.c */
extern const struct command cmd_token_create, cmd_token_list, cmd_token_revoke;	/* cmd_token.c */
extern const struct command cmd_submit;					/* cmd_submit.c */
extern const struct command cmd_retry, cmd_fork;			/* cmd_fork.c */
extern const struct command cmd_get, cmd_list, cmd_cancel, cmd_purge;	/* cmd_task.c */
extern const struct command cmd_why;					/* cmd_why.c */
extern const struct command cmd_trace;					/* cmd_trace.c */
extern const struct command cmd_tail;					/* cmd_tail.c */
extern const struct command cmd_redrive;				/* cmd_redrive.c */
extern const struct command cmd_reconcile;				/* cmd_reconcile.c */
extern const struct command cmd_approvals_list, cmd_approvals_show, cmd_approvals_approve, cmd_approvals_deny,
	cmd_approvals_watch;						/* cmd_approvals.c */
extern const struct command cmd_shadow_report;				/* cmd_shadow.c */
extern const struct command cmd_cost;					/* cmd_cost.c */
extern const struct command cmd_spend;					/* cmd_spend.c */
extern const struct command cmd_top;					/* cmd_top.c */
extern const struct command cmd_completion;				/* cmd_completion.c */

extern const struct command cmd_webhooks_list, cmd_webhooks_show, cmd_webhooks_retry;	/* cmd_webhooks.c */
extern const struct command cmd_artifacts_list, cmd_artifacts_get, cmd_artifacts_put;	/* cmd_artifacts.c */

/* cmd_artifacts.c: a file that goes to a task. */
struct ctl_file {
	const char *path;
	struct artifact_new artifact;
	struct str bytes;
};
int ctl_file_arg(struct ctl *c, const char *arg, struct ctl_file *ret, struct err *err);	/* NAME=PATH or PATH; it is read (after ctl_settings()) */
int ctl_file_send(struct ctl *c, struct ctl_file *f, const struct json *limits, struct err *err);	/* artifact.file is set */

/* cmd_doctor.c: a row of its answer. cmd_probe.c: doctor --probe, an exit status; *ret_asked: it was asked for, or refused; and what
 * doctor itself says of providers. */
struct json_builder;
void doctor_add(struct json_builder *checks, const char *name, bool ok, const char *level, const char *detail);
int ctl_probe(struct ctl *c, int argc, char **argv, bool *ret_asked);
int probe_checks(struct ctl *c, struct json_builder *checks, struct err *err);

/* cmd_task.c, for submit --follow: result, cost, steps with durations of a finished task. */
void print_task(struct ctl *c, const struct json *task);

/* --- cmd_submit.c: what all that make tasks have in common --- */
enum { CTL_SUBMIT_MS = 30000 };

struct submit_call {
	struct ctl *ctl;
	const struct submitted *(*got_of)(const struct op *op);
	struct submitted got;
	struct err err;
	bool done;
};
void ctl_submitted(struct op *op, void *arg);	/* op_done_fn for struct submit_call */
/* Waits, then prints the id, or follows the task to its end. The exit status. */
int ctl_show_submitted(struct submit_call *call, const struct principal *by, bool follow);
/* 0, or an exit status after printing what is wrong with the input; answer: as of tasks_input_schema(). */
int ctl_judge_input(struct ctl *c, const struct submission *s, struct str answer);

#endif
