/* route.c - the table of routes: every row is found by its own pattern, nothing else is. */
#include "web/route.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "store/admin.h"
#include "web/reply.h"
#include "../suite_run.h"

static const struct {
	const char *method, *path, *pattern, *id, *allow, *name;
} cases[] = {
	{"POST", "/tasks", "/tasks", NULL, NULL, NULL},
	{"GET", "/tasks", "/tasks", NULL, NULL, NULL},
	{"PUT", "/tasks", NULL, NULL, "POST, GET", NULL},
	{"HEAD", "/healthz", NULL, NULL, "GET", NULL},
	{"GET", "/tasks/abc", "/tasks/:id", "abc", NULL, NULL},
	{"GET", "/tasks/", NULL, NULL, NULL, NULL},
	{"GET", "/tasks/abc/", NULL, NULL, NULL, NULL},
	{"POST", "/tasks/abc/cancel", "/tasks/:id/cancel", "abc", NULL, NULL},
	{"GET", "/tasks/abc/cancel", NULL, NULL, "POST", NULL},
	{"GET", "/tasks/abc/cancel/x", NULL, NULL, NULL, NULL},
	{"get", "/tasks", NULL, NULL, "POST, GET", NULL},
	{"GET", "/Tasks", NULL, NULL, NULL, NULL},
	{"GET", "/workflows", "/workflows", NULL, NULL, NULL},
	{"POST", "/v1/chat/completions", "/v1/chat/completions", NULL, NULL, NULL},
	{"POST", "/v1/embeddings", "/v1/embeddings", NULL, NULL, NULL},
	{"GET", "/v1/embeddings", NULL, NULL, "POST", NULL},
	{"GET", "/v1/models", "/v1/models", NULL, NULL, NULL},
	{"GET", "/v1/models/workflow:brief", "/v1/models/:name", NULL, NULL, "workflow:brief"},
	{"POST", "/validate", "/validate", NULL, NULL, NULL},
	{"GET", "/metrics", "/metrics", NULL, NULL, NULL},
	{"GET", "/openapi.json", "/openapi.json", NULL, NULL, NULL},
	{"POST", "/metrics", NULL, NULL, "GET", NULL},
	{"GET", "/tasks/a%41", NULL, NULL, NULL, NULL},
	{"GET", "/t%61sks", NULL, NULL, NULL, NULL},
	{"GET", "/artifacts/abc", "/artifacts/:id", "abc", NULL, NULL},
	{"GET", "/tasks/abc/artifacts", "/tasks/:id/artifacts", "abc", NULL, NULL},
	{"PUT", "/tasks/abc/artifacts/a%20b.txt", "/tasks/:id/artifacts/:name", "abc", NULL, "a b.txt"},
	{"POST", "/tasks/abc/artifacts/a", NULL, NULL, "GET, PUT", NULL},
	{"GET", "/tasks/abc/artifacts/", NULL, NULL, NULL, NULL},
	{"GET", "/tasks/abc/artifacts/a%2fb", NULL, NULL, NULL, NULL},
	{"GET", "/tasks/a%62c/artifacts/a", NULL, NULL, NULL, NULL},
	{"GET", "/tasks/abc/why", "/tasks/:id/why", "abc", NULL, NULL},
	{"POST", "/tasks/abc/why", NULL, NULL, "GET", NULL},
	{"GET", "/tasks/abc/spans", "/tasks/:id/spans", "abc", NULL, NULL},
	{"POST", "/tasks/abc/spans", NULL, NULL, "GET", NULL},
	{"GET", "/cost", "/cost", NULL, NULL, NULL},
	{"POST", "/cost", NULL, NULL, "GET", NULL},
	{"GET", "/spend", "/spend", NULL, NULL, NULL},
	{"POST", "/spend", NULL, NULL, "GET", NULL},
	{"POST", "/hooks/github", "/hooks/:id", "github", NULL, NULL},
	{"GET", "/hooks/github", NULL, NULL, "POST", NULL},
	{"POST", "/hooks", NULL, NULL, NULL, NULL},
	{"POST", "/hooks/a/b", NULL, NULL, NULL, NULL},
	{"DELETE", "/tasks/abc", "/tasks/:id", "abc", NULL, NULL},
	{"PATCH", "/tasks/abc", NULL, NULL, "GET, DELETE", NULL},
	{"POST", "/workflows/a-b/pause", "/workflows/:name/pause", NULL, NULL, "a-b"},
	{"POST", "/workflows//pause", NULL, NULL, NULL, NULL},
	{"GET", "/", "/", NULL, NULL, NULL},
	{"GET", "/ui", NULL, NULL, NULL, NULL},
	{"GET", "/ui/", "/ui/", NULL, NULL, NULL},
	{"GET", "/ui/page.css", "/ui/:name", NULL, NULL, "page.css"},
	{"GET", "/ui/a/b", NULL, NULL, NULL, NULL},
	{"POST", "/ui/", NULL, NULL, "GET", NULL},
	{"POST", "/session", "/session", NULL, NULL, NULL},
	{"DELETE", "/session", "/session", NULL, NULL, NULL},
	{"PUT", "/session", NULL, NULL, "POST, GET, DELETE", NULL},
	{"GET", "/workflows/digest", "/workflows/:name", NULL, NULL, "digest"},
	{"GET", "/workflows/", NULL, NULL, NULL, NULL},
};

START_TEST(finds)
{
	struct arena *a = arena_new(NULL);
	const char *allow = NULL;
	struct route_params params = {STR_NONE, STR_NONE};
	const struct route *r;

	r = route_find(a, str_from(cases[_i].method), str_from(cases[_i].path), &params, &allow);
	if (cases[_i].pattern) {
		ck_assert_ptr_nonnull(r);
		ck_assert_str_eq(r->pattern, cases[_i].pattern);
		ck_assert(str_eq(params.id, str_from(cases[_i].id)));
		ck_assert(str_eq(params.name, str_from(cases[_i].name)));
	} else {
		ck_assert_ptr_null(r);
		ck_assert_int_eq(allow != NULL, cases[_i].allow != NULL);
		if (allow)
			ck_assert_str_eq(allow, cases[_i].allow);
	}
	arena_free(a);
}
END_TEST

/* Health, the page and its signing in and out, and to deliveries what looks at their signatures; a new open route has to be added here
 * on purpose. */
static const char *const open_to_all[] = {"/a/:id", "/healthz", "/readyz", "/", "/ui/", "/ui/:name", "/session", "/hooks/:id"};
static const size_t n_open = sizeof open_to_all / sizeof open_to_all[0];

START_TEST(every_row)
{
	const struct route *r = &routes[_i];

	ck_assert_ptr_nonnull(r->handle);
	ck_assert_int_eq(r->pattern[0], '/');
	if (!r->scope) {
		size_t i = 0;

		while (i < n_open && strcmp(r->pattern, open_to_all[i]) != 0)
			i++;
		ck_assert_msg(i < n_open, "%s %s is open to everybody", r->method, r->pattern);
	}
}
END_TEST

static const struct {
	enum err_code code;
	int err_status, status;
	const char *word;
} problems[] = {
	{ERR_NOT_FOUND, 0, 404, "not_found"},	  {ERR_CONFLICT, 0, 409, "conflict"},
	{ERR_BUSY, 0, 409, "key_in_flight"},	  {ERR_INVALID, 0, 422, "invalid"},
	{ERR_INVALID, 400, 400, "malformed"},	  {ERR_INVALID, 422, 422, "invalid"},
	{ERR_JSON, 0, 400, "malformed"},	  {ERR_PG_DOWN, 0, 503, "unavailable"},
	{ERR_PG, 0, 500, "internal"},		  {ERR_INTERNAL, 0, 500, "internal"},
};

START_TEST(errors_become_problems)
{
	struct arena *a = arena_new(NULL);
	struct reply r = {0};
	struct err err;

	err_set(&err, problems[_i].code, "secret-detail");
	err.status = problems[_i].err_status;
	reply_err(&r, a, &err);
	ck_assert_int_eq(r.status, problems[_i].status);
	ck_assert(r.problem);
	ck_assert_ptr_nonnull(strstr(r.body.p, problems[_i].word));
	/* our own faults stay in the log, and so does where the database is */
	ck_assert_int_eq(strstr(r.body.p, "secret-detail") == NULL, problems[_i].status >= 500);
	ck_assert_int_eq(r.retry_after_s > 0, problems[_i].status == 503 || problems[_i].code == ERR_BUSY);
	arena_free(a);
}
END_TEST

/* Whoever sends a body without a token is judged by the head before it is held. */
START_TEST(open_bodies_are_admitted)
{
	for (size_t i = 0; i < n_routes; i++)
		ck_assert_msg((routes[i].scope == 0 && routes[i].content_type) == (route_admission(&routes[i]) != NULL), "%s %s", routes[i].method,
			      routes[i].pattern);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/route");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, finds, 0, sizeof cases / sizeof cases[0]);
	tcase_add_loop_test(t, every_row, 0, (int)n_routes);
	tcase_add_test(t, open_bodies_are_admitted);
	tcase_add_loop_test(t, errors_become_problems, 0, sizeof problems / sizeof problems[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
