/* session.c - POST, GET and DELETE /session; see session.h. */
#include "web/session.h"

#include "base/arena.h"
#include "base/json.h"
#include "store/admin.h"
#include "web/auth.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/site.h"

#define COOKIE "agentd"

enum { MAX_SIGN_IN = 4096 };	/* bytes of a body */

/* --- the cookie --- */

/* "a=1; b=2": cuts the first off *rest. */
static struct str next_cookie(struct str *rest, struct str *ret_name)
{
	ptrdiff_t end = str_chr(*rest, ';'), eq;
	struct str pair = str_sub(*rest, 0, end < 0 ? rest->n : (size_t)end);

	*rest = end < 0 ? STR_NONE : str_sub(*rest, (size_t)end + 1, rest->n);
	while (pair.n && pair.p[0] == ' ')
		pair = str_sub(pair, 1, pair.n);
	eq = str_chr(pair, '=');
	*ret_name = str_sub(pair, 0, eq < 0 ? 0 : (size_t)eq);
	return eq < 0 ? pair : str_sub(pair, (size_t)eq + 1, pair.n);
}

/* Another server of this host may have set one, too: nobody can say which is meant. */
struct str session_token(struct request *req)
{
	const char *header = head_get(req, "Cookie");
	struct str rest = header ? str_from(header) : STR_NONE, found = STR_NONE, name;

	while (rest.n) {
		struct str value = next_cookie(&rest, &name);

		if (!str_is(name, COOKIE) || !auth_token_sound(value))
			continue;
		if (found.p && !str_eq(found, value))
			return STR_NONE;
		found = value;
	}
	return found;
}

static struct str header_of(struct request *req, const char *name)
{
	const char *value = head_get(req, name);

	return value ? str_from(value) : STR_NONE;
}

static struct site_facts facts_of(struct request *req)
{
	return (struct site_facts){.host = header_of(req, "Host"), .origin = header_of(req, "Origin"),
				   .fetch_site = header_of(req, "Sec-Fetch-Site"), .changes = !str_is(req->method, "GET")};
}

int session_guard(struct request *req)
{
	const struct site_facts facts = facts_of(req);

	switch (site_judge(server_settings(req->web), &facts)) {
	case SITE_OURS:
		return 0;
	case SITE_FOREIGN_HOST:
		reply_problem(&req->reply, req->arena, 421, "misdirected",
			      "the page is not served by this name: the address must be web.listen, web.public_url or one of web.hosts");
		break;
	case SITE_FOREIGN_PAGE:
		reply_problem(&req->reply, req->arena, 403, "cross_site", "this does not come from agentd's own page");
		break;
	}
	req->reply.close = true;
	return -1;
}

static void set_cookie(struct request *req, struct str token)
{
	const struct site_facts facts = facts_of(req);
	const char *cookie = arena_printf(req->arena, COOKIE "=" STR_FMT "; Path=/; HttpOnly; SameSite=Strict%s%s", STR_ARG(token),
					  token.n ? "" : "; Max-Age=0", site_is_secure(server_settings(req->web), &facts) ? "; Secure" : "");

	reply_add(&req->reply, req->arena, "Set-Cookie", cookie);
}

/* --- POST --- */

static void show(struct request *req, struct str name, unsigned scopes)
{
	struct json_builder b;

	json_object_begin(&b, req->arena);
	json_object_setc(&b, "name", json_string_ref(req->arena, name));
	json_object_setc(&b, "scopes", scope_names(req->arena, scopes));
	reply_json(&req->reply, 200, json_text(req->arena, json_object_end(&b)));
}

/* The token of the body, which was looked at before it was sent. */
static struct str token_of(struct request *req, struct err *err)
{
	static const char *const keys[] = {"token", NULL};
	const struct json *body = request_object(req, keys, err);
	struct str token;

	return body && json_need_str(body, "token", &token, err) == 0 ? token : STR_NONE;
}

static void on_checked(struct request *req, struct op *op)
{
	const struct token_check *t;

	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	t = admin_token_check_of(op);
	if (!auth_token_good(t, &req->token)) {
		reply_problem(&req->reply, req->arena, 401, "unauthenticated", "the token is unknown, expired or revoked");
		return;
	}
	show(req, auth_name(req, t), t->scopes);
	set_cookie(req, token_of(req, NULL));
}

int api_sign_in_admit(struct request *req)
{
	if (req->max_body > MAX_SIGN_IN)
		req->max_body = MAX_SIGN_IN;
	return request_no_params(req) < 0 ? -1 : session_guard(req);
}

void api_sign_in(struct request *req)
{
	struct str token;
	struct err err;

	token = token_of(req, &err);
	if (!token.p) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	if (!auth_token_sound(token)) {
		reply_problem(&req->reply, req->arena, 401, "unauthenticated", "this is no token: one begins with agd_ and has a checksum");
		return;
	}
	digest_of(token, &req->token);
	req->op = admin_token_check(server_store(req->web), arena_new(NULL), &req->token, STORE_DEADLINE_MS, request_done,
				    request_call(req, on_checked));
}

/* --- GET, DELETE --- */

void api_session(struct request *req)
{
	if (request_no_params(req) == 0)
		show(req, req->by.name, req->scopes);
}

/* Without a token, too: one that ended must not keep anybody from leaving. */
void api_sign_out(struct request *req)
{
	if (request_no_params(req) < 0 || session_guard(req) < 0)
		return;
	reply_empty(&req->reply);
	set_cookie(req, STR(""));
}
