/* route.h - the table of routes: method, path, scope, body, handler.
 *
 * Shapes:  a pattern is literal segments and parameters: ":id" is a segment as sent, ":name" one whose %-escapes are decoded,
 *          of the shape of str_is_name(). content_type NULL: no body is taken; one path and method may have a row for each
 *          of several types. body NULL: it is collected in req->body.
 *          scope: any of its bits will do; 0: no token needed.
 * Source:  agentd-api(7), "ROUTES"; the table in route.c. The scope matrix of the tests is made from it.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct err;
struct op;
struct request;
struct schema_faults;
struct settings;
struct submission;
struct submitted;
struct uuid;

struct body_taker {		/* of a body that is taken as it comes */
	size_t (*max)(const struct settings *s);	/* bytes */
	void (*begin)(struct request *req);	/* before the first byte: may decide the reply, or start an op that may */
	void (*take)(struct request *req, struct str bytes);
};
extern const struct body_taker form_body, put_body;	/* api_artifacts.c */

struct route {
	const char *method, *pattern;
	unsigned scope;
	const char *content_type;
	void (*handle)(struct request *req);	/* decides req->reply, now or after request_call() */
	bool offline;	/* it answers without the database, too: a token known lately serves while that is away */
	const struct body_taker *body;
};

struct route_params {
	struct str id, name;	/* STR_NONE: the pattern has none */
};

extern const struct route routes[];
extern const size_t n_routes;
/* What a route without a scope wants to see before the body comes, and lowers req->max_body; -1: the reply is decided. */
typedef int admit_fn(struct request *req);
admit_fn *route_admission(const struct route *r);	/* NULL: nothing */

/* The route; NULL: none. *ret_allow lists the methods of the path ("GET, POST"), NULL when the path is unknown. */
const struct route *route_find(struct arena *a, struct str method, struct str path, struct route_params *ret,
			       const char **ret_allow);

const struct route *route_sibling(const struct route *r);	/* the row of its method and path that comes next; NULL: it was the last */

/* handlers: api_tasks.c */
void api_submit(struct request *req);
void api_task_list(struct request *req);
void api_task_get(struct request *req);
void api_task_webhooks(struct request *req);
void api_task_cancel(struct request *req);
void api_task_redrive(struct request *req);
int api_task_id(struct request *req, struct uuid *ret);	/* of the path; -1: the reply is 404 */
int api_key(struct request *req, struct str *ret, struct err *err);	/* the Idempotency-Key; STR_NONE: none */
void api_submitted(struct request *req, const struct submitted *s);	/* 202 */
void api_input_faults(struct request *req, const struct schema_faults *f);	/* 422 */
void api_text(struct request *req, struct op *op);	/* request_fn: 200 with the store's text, or its error */
void api_submit_parsed(struct request *req, struct submission *s);	/* the reply is that of POST /tasks */
/* hooks.c */
int api_hook_admit(struct request *req);
void api_hook(struct request *req);
/* api_artifacts.c */
void api_submit_form(struct request *req);
void api_artifact_put(struct request *req);
void api_artifact_list(struct request *req);
/* download.c */
void api_artifact_of_task(struct request *req);
void api_artifact_get(struct request *req);
/* api_control.c */
void api_task_retry(struct request *req);
void api_task_fork(struct request *req);
void api_task_purge(struct request *req);
void api_workflow_pause(struct request *req);
void api_workflow_resume(struct request *req);
/* events.c */
void api_task_events(struct request *req);
void api_all_events(struct request *req);
/* api_reconcile.c */
void api_task_reconcile(struct request *req);
/* api_approvals.c */
void api_approval_list(struct request *req);
void api_approval_get(struct request *req);
void api_approval_decide(struct request *req);
/* api_sight.c */
void api_task_why(struct request *req);
void api_task_spans(struct request *req);
void api_cost(struct request *req);
void api_spend(struct request *req);
/* links.c */
void api_link_show(struct request *req);
void api_link_decide(struct request *req);
int api_link_admit(struct request *req);
/* api_other.c */
void api_workflows(struct request *req);
void api_workflow(struct request *req);
void api_validate(struct request *req);
void api_healthz(struct request *req);
void api_readyz(struct request *req);
void api_openapi(struct request *req);
/* session.c */
void api_sign_in(struct request *req);
int api_sign_in_admit(struct request *req);
void api_session(struct request *req);
void api_sign_out(struct request *req);
/* page.c */
void api_root(struct request *req);
void api_page(struct request *req);
/* figures.c */
void api_metrics(struct request *req);
/* door_chat.c */
void api_chat(struct request *req);
void api_embeddings(struct request *req);
/* door_models.c */
void api_models(struct request *req);
void api_model(struct request *req);

#endif
