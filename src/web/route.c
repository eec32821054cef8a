/* route.c - see route.h. */
#include "web/route.h"

#include "base/arena.h"
#include "base/form.h"
#include "store/admin.h"

enum { ONLINE, OFFLINE };	/* the column behind the handler: does it need the database? */

const struct route routes[] = {
	{"POST", "/tasks", SCOPE_SUBMIT, "application/json", api_submit, ONLINE, NULL},
	{"POST", "/tasks", SCOPE_SUBMIT, "multipart/form-data", api_submit_form, ONLINE, &form_body},
	{"GET", "/tasks", SCOPE_READ, NULL, api_task_list, ONLINE, NULL},
	{"GET", "/tasks/:id", SCOPE_READ, NULL, api_task_get, ONLINE, NULL},
	{"DELETE", "/tasks/:id", SCOPE_ADMIN, NULL, api_task_purge, ONLINE, NULL},
	{"GET", "/tasks/:id/events", SCOPE_READ, NULL, api_task_events, ONLINE, NULL},
	{"GET", "/tasks/:id/why", SCOPE_READ, NULL, api_task_why, ONLINE, NULL},
	{"GET", "/tasks/:id/spans", SCOPE_READ, NULL, api_task_spans, ONLINE, NULL},
	{"GET", "/tasks/:id/webhooks", SCOPE_READ, NULL, api_task_webhooks, ONLINE, NULL},
	{"GET", "/tasks/:id/artifacts", SCOPE_READ, NULL, api_artifact_list, ONLINE, NULL},
	{"GET", "/tasks/:id/artifacts/:name", SCOPE_READ, NULL, api_artifact_of_task, ONLINE, NULL},
	{"PUT", "/tasks/:id/artifacts/:name", SCOPE_SUBMIT, "*/*", api_artifact_put, ONLINE, &put_body},
	{"GET", "/artifacts/:id", SCOPE_READ, NULL, api_artifact_get, ONLINE, NULL},
	{"POST", "/tasks/:id/cancel", SCOPE_SUBMIT, NULL, api_task_cancel, ONLINE, NULL},
	{"POST", "/tasks/:id/retry", SCOPE_SUBMIT, "application/json", api_task_retry, ONLINE, NULL},
	{"POST", "/tasks/:id/fork", SCOPE_SUBMIT, "application/json", api_task_fork, ONLINE, NULL},
	{"POST", "/tasks/:id/redrive", SCOPE_ADMIN, NULL, api_task_redrive, ONLINE, NULL},
	{"POST", "/tasks/:id/reconcile", SCOPE_APPROVE, "application/json", api_task_reconcile, ONLINE, NULL},
	{"GET", "/events", SCOPE_READ, NULL, api_all_events, ONLINE, NULL},
	{"GET", "/approvals", SCOPE_READ | SCOPE_APPROVE, NULL, api_approval_list, ONLINE, NULL},
	{"GET", "/approvals/:id", SCOPE_READ | SCOPE_APPROVE, NULL, api_approval_get, ONLINE, NULL},
	{"POST", "/approvals/:id", SCOPE_APPROVE, "application/json", api_approval_decide, ONLINE, NULL},
	{"GET", "/cost", SCOPE_READ, NULL, api_cost, ONLINE, NULL},
	{"GET", "/spend", SCOPE_READ, NULL, api_spend, ONLINE, NULL},
	{"POST", "/hooks/:id", 0, "application/json", api_hook, OFFLINE, NULL},
	{"POST", "/hooks/:id", 0, "application/x-www-form-urlencoded", api_hook, OFFLINE, NULL},
	{"GET", "/a/:id", 0, NULL, api_link_show, ONLINE, NULL},
	{"POST", "/a/:id", 0, "application/x-www-form-urlencoded", api_link_decide, ONLINE, NULL},
	{"GET", "/workflows", SCOPE_READ, NULL, api_workflows, ONLINE, NULL},
	{"GET", "/workflows/:name", SCOPE_READ, NULL, api_workflow, ONLINE, NULL},
	{"POST", "/workflows/:name/pause", SCOPE_ADMIN, NULL, api_workflow_pause, ONLINE, NULL},
	{"POST", "/workflows/:name/resume", SCOPE_ADMIN, NULL, api_workflow_resume, ONLINE, NULL},
	{"POST", "/v1/chat/completions", SCOPE_SUBMIT, "application/json", api_chat, ONLINE, NULL},
	{"POST", "/v1/embeddings", SCOPE_SUBMIT, "application/json", api_embeddings, ONLINE, NULL},
	{"GET", "/v1/models", SCOPE_SUBMIT, NULL, api_models, ONLINE, NULL},
	{"GET", "/v1/models/:name", SCOPE_SUBMIT, NULL, api_model, ONLINE, NULL},
	{"POST", "/validate", SCOPE_SUBMIT, "application/yaml", api_validate, ONLINE, NULL},
	{"GET", "/metrics", SCOPE_METRICS, NULL, api_metrics, OFFLINE, NULL},
	{"GET", "/openapi.json", SCOPE_ANY, NULL, api_openapi, OFFLINE, NULL},
	{"POST", "/session", 0, "application/json", api_sign_in, ONLINE, NULL},
	{"GET", "/session", SCOPE_ANY, NULL, api_session, ONLINE, NULL},
	{"DELETE", "/session", 0, NULL, api_sign_out, OFFLINE, NULL},
	{"GET", "/", 0, NULL, api_root, OFFLINE, NULL},
	{"GET", "/ui/", 0, NULL, api_page, OFFLINE, NULL},
	{"GET", "/ui/:name", 0, NULL, api_page, OFFLINE, NULL},
	{"GET", "/healthz", 0, NULL, api_healthz, OFFLINE, NULL},
	{"GET", "/readyz", 0, NULL, api_readyz, OFFLINE, NULL},
};
const size_t n_routes = sizeof routes / sizeof routes[0];

/* Routes that take a body from anybody: what is asked of the head before a byte of it is held, and how long it may be. */
static const struct {
	void (*handle)(struct request *req);
	admit_fn *admit;
} admissions[] = {{api_hook, api_hook_admit}, {api_link_decide, api_link_admit}, {api_sign_in, api_sign_in_admit}};

admit_fn *route_admission(const struct route *r)
{
	for (size_t i = 0; i < sizeof admissions / sizeof admissions[0]; i++)
		if (admissions[i].handle == r->handle)
			return admissions[i].admit;
	return NULL;
}

const struct route *route_sibling(const struct route *r)
{
	const struct route *n = r;

	while (++n < routes + n_routes)
		if (strcmp(n->method, r->method) == 0 && strcmp(n->pattern, r->pattern) == 0)
			return n;
	return NULL;
}

static struct str next_segment(struct str *path)
{
	struct str rest = str_sub(*path, 1, path->n);
	ptrdiff_t slash = str_chr(rest, '/');
	struct str segment = str_sub(rest, 0, slash < 0 ? rest.n : (size_t)slash);

	*path = slash < 0 ? STR_NONE : str_sub(rest, (size_t)slash, rest.n);
	return segment;
}

/* Only a name may be escaped: elsewhere an escape could mean another path. */
static bool fill(struct arena *a, struct str want, struct str segment, struct route_params *ret)
{
	if (!str_starts(want, STR(":")))
		return str_eq(want, segment);
	if (str_is(want, ":name"))
		return form_decode(a, segment, false, &ret->name, NULL) == 0 && str_is_name(ret->name);
	ret->id = segment;
	return segment.n > 0 && str_chr(segment, '%') < 0;
}

static bool fits(struct arena *a, const char *pattern, struct str path, struct route_params *ret)
{
	struct str want = str_from(pattern);

	while (want.n && path.n) {
		struct str w = next_segment(&want), p = next_segment(&path);

		if (!fill(a, w, p, ret))
			return false;
	}
	return want.n == 0 && path.n == 0;
}

const struct route *route_find(struct arena *a, struct str method, struct str path, struct route_params *ret, const char **ret_allow)
{
	const char *allow = NULL;

	for (size_t i = 0; i < n_routes; i++) {
		struct route_params params = {STR_NONE, STR_NONE};

		if (!fits(a, routes[i].pattern, path, &params))
			continue;
		if (str_is(method, routes[i].method)) {
			*ret = params;
			return &routes[i];
		}
		if (!allow || !str_ends(str_from(allow), str_from(routes[i].method)))	/* rows of a method stand together */
			allow = allow ? arena_printf(a, "%s, %s", allow, routes[i].method) : routes[i].method;
	}
	*ret_allow = allow;
	return NULL;
}
