/* links.c - see links.h. */
#include "web/links.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/link.h"
#include "config/settings.h"
#include "publish/decision.h"
#include "store/approvals.h"
#include "store/webhooks.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { PER_SECOND = 20, AT_ONCE = 60, MAX_FORM = 64 * 1024 };

struct links {
	struct str key;			/* STR_NONE: links are off */
	struct str origin;
	const char *csp;
	int64_t room_ms, seen_ms;	/* a bucket: each request takes 1000 / PER_SECOND */
};

struct links *links_new(struct arena *a, const struct settings *s, struct err *err)
{
	struct links *l = ARENA_NEW(a, struct links);

	l->origin = s->web.public_url;
	l->csp = link_page_csp(a);
	l->room_ms = AT_ONCE * 1000 / PER_SECOND;
	return link_key_load(a, s, &l->key, err) < 0 ? NULL : l;
}

static bool has_room(struct links *l)
{
	int64_t now_ms = clock_boot_ms(), most = AT_ONCE * 1000 / PER_SECOND;

	l->room_ms += l->seen_ms ? now_ms - l->seen_ms : 0;
	l->room_ms = l->room_ms > most ? most : l->room_ms;
	l->seen_ms = now_ms;
	if (l->room_ms < 1000 / PER_SECOND)
		return false;
	l->room_ms -= 1000 / PER_SECOND;
	return true;
}

/* --- pages --- */

/* Browsers hide the origin of forms of pages without a referrer. Ours goes back here alone, where the address is known. */
static void page(struct request *req, int status, struct str html)
{
	reply_json(&req->reply, status, html);
	reply_add(&req->reply, req->arena, "Referrer-Policy", "same-origin");
	req->reply.type = "text/html; charset=utf-8";
	req->reply.csp = server_links(req->web)->csp;
}

static void word(struct request *req, int status, const char *heading, const char *text)
{
	page(req, status, link_page_word(req->arena, heading, text));
	if (status == 429 || status == 503)
		req->reply.retry_after_s = 1;
}

static void over(struct request *req)
{
	word(req, 410, "This link is over", "It has expired or was used, or what it asked about has been decided or has changed. "
	     "If a decision is still wanted, a new message will say so.");
}

static void failed(struct request *req, const struct err *err)
{
	switch (err->code) {
	case ERR_CONFLICT:
	case ERR_NOT_FOUND:
		over(req);
		return;
	case ERR_INVALID:
		word(req, 422, "That cannot be taken", err->msg);
		return;
	case ERR_FORBIDDEN:
		word(req, 403, "Not permitted", err->msg);
		return;
	case ERR_PG_DOWN:
	case ERR_REFUSED:
	case ERR_BUSY:		/* somebody held the task for longer than a lock is waited for */
	case ERR_CANCELLED:
		word(req, 503, "Not available", "The server cannot answer now. Try again in a moment.");
		return;
	default:
		log_error("link.failed", "code=%s error=%s", err_name(err->code), log_quotec(err->msg));
		word(req, 500, "Internal error", "The server failed; its log says why.");
	}
}

/* --- who asks --- */

/* What a good token says; NULL: it is none. */
static struct link_claim *read_token(struct request *req, int64_t *ret_expires_s)
{
	struct link_claim *c = ARENA_NEW(req->arena, struct link_claim);
	struct link_facts *f = ARENA_NEW(req->arena, struct link_facts);

	if (!link_token_read(req->arena, server_links(req->web)->key, req->id, f))
		return NULL;
	c->approval = f->approval;
	c->digest = (struct str){(const char *)f->digest, sizeof f->digest};
	c->recipient = f->recipient;
	*ret_expires_s = f->expires_s;
	return c;
}

/* NULL: the reply is decided. */
static struct link_claim *take_token(struct request *req)
{
	int64_t expires_s;
	struct link_claim *c = read_token(req, &expires_s);

	if (!c)
		word(req, 404, "No such link", "Look whether the whole address was taken over.");
	else if (!has_room(server_links(req->web)))
		word(req, 429, "Too many requests", "Try again in a moment.");
	else if (expires_s <= clock_wall_us() / 1000000)
		over(req);
	else
		return c;
	return NULL;
}

/* From the page itself. Browsers say Sec-Fetch-Site of every form, but old ones, and all where public_url is http: these say the origin. */
static bool is_own_form(struct request *req)
{
	const char *site = head_get(req, "Sec-Fetch-Site"), *origin = head_get(req, "Origin");

	if (site)
		return strcmp(site, "same-origin") == 0;
	return !origin || str_eq(str_from(origin), server_links(req->web)->origin);
}

static void view(struct request *req, const struct link_claim *c, request_fn *fn)
{
	req->op = links_view(server_store(req->web), arena_new(NULL), c, STORE_DEADLINE_MS, request_done, request_call(req, fn));
}

static int read_seen(struct request *req, struct op *op, const struct json **ret, struct err *err)
{
	if (op->err->code != ERR_NONE)
		return err_copy(err, op->err);
	return json_parse_lenient(req->arena, str_dup(req->arena, webhooks_text_of(op)), NULL, ret, err);
}

/* --- GET --- */

static void on_shown(struct request *req, struct op *op)
{
	const struct json *seen;
	struct err err;

	if (read_seen(req, op, &seen, &err) < 0)
		failed(req, &err);
	else
		page(req, 200, link_page_request(req->arena, seen));
}

void api_link_show(struct request *req)
{
	const struct link_claim *c = take_token(req);

	if (c)
		view(req, c, on_shown);
}

/* --- POST --- */

static void on_decided(struct request *req, struct op *op)
{
	const struct json *now;
	struct err err;
	struct str state;

	if (read_seen(req, op, &now, &err) < 0) {
		failed(req, &err);
		return;
	}
	state = json_str(json_getc(now, "state"));
	word(req, 200, str_is(state, "denied") ? "Denied" : "Approved",
	     str_is(state, "pending") ? "Your approval is recorded. Another person is asked for, too." : "Your decision is recorded. You may close this page.");
}

/* The form is read once more: it is small, and nothing has to be kept for it. */
static int read_decision(struct request *req, const struct json *seen, struct link_decision *ret, struct err *err)
{
	struct decision d = {0};

	if (request_field(req, "decision", &ret->word, err) < 0 || request_field(req, "comment", &ret->comment, err) < 0)
		return -1;
	if (!str_is(ret->word, "approve") && !str_is(ret->word, "deny"))
		return err_set(err, ERR_INVALID, "\"decision\": expected approve or deny");
	ret->comment = ret->comment.n ? ret->comment : STR_NONE;
	if (str_is(ret->word, "deny"))
		return 0;
	if (link_form_read(req, json_getc(seen, "form"), &ret->form, err) < 0)
		return -1;
	d.word = ret->word;
	d.form = ret->form;
	return decision_check(seen, &d, NULL, err);
}

static void on_seen(struct request *req, struct op *op)
{
	struct link_decision *d = ARENA_NEW(req->arena, struct link_decision);
	const struct json *seen;
	int64_t expires_s;
	struct err err;

	if (read_seen(req, op, &seen, &err) < 0 || read_decision(req, seen, d, &err) < 0) {
		failed(req, &err);
		return;
	}
	req->op = links_decide(server_store(req->web), arena_new(NULL), read_token(req, &expires_s), d, STORE_DEADLINE_MS, request_done,
			       request_call(req, on_decided));
}

/* Only who has a link may send a form, and only from its page. */
int api_link_admit(struct request *req)
{
	if (req->max_body > MAX_FORM)
		req->max_body = MAX_FORM;
	if (take_token(req) && !is_own_form(req))
		word(req, 403, "Not from this page", "Open the link and decide there.");
	return req->reply.status ? -1 : 0;
}

void api_link_decide(struct request *req)
{
	int64_t expires_s;

	view(req, read_token(req, &expires_s), on_seen);
}
