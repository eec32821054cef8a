/* auth.c - see auth.h. The checksum is looked at first, so that typing errors cost no query. */
#include "web/auth.h"

#include <stdio.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/loop.h"
#include "store/admin.h"
#include "store/store.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/session.h"

enum { ENTRIES = 256, KEEP_MS = 2000, TICK_MS = 1000, CHECK_MS = 3000, LATELY_MS = 5 * 60000, SECRET_CHARS = 43, CRC_CHARS = 8, MAX_NAME = 80 };

struct entry {
	struct digest hash;
	int64_t checked_ms;
	unsigned scopes;
	size_t name_n;
	char name[MAX_NAME];	/* "token:NAME" */
};

struct watched {
	struct watched *prev, *next;
	struct request *req;
	int64_t checked_ms;
	void (*over)(struct request *req);
};

struct auth {
	struct web *web;
	struct watched watched;	/* ring */
	struct loop_timer *tick;
	struct op *check;	/* of a token that is watched */
	struct digest checked;
	int64_t up_ms;		/* when the database was last seen to be there */
	struct entry entries[ENTRIES];
};

static void on_tick(void *arg);

struct auth *auth_new(struct arena *a, struct web *w)
{
	struct auth *auth = ARENA_NEW(a, struct auth);

	auth->web = w;
	auth->watched.prev = auth->watched.next = &auth->watched;
	auth->tick = loop_timer_new(server_loop(w), on_tick, auth);
	return auth;
}

void auth_free(struct auth *auth)
{
	if (auth->check)
		op_cancel(auth->check);
	loop_timer_free(auth->tick);
}

void auth_refuse(struct request *req, const char *why)
{
	reply_problem(&req->reply, req->arena, 401, "unauthenticated", "%s", why);
	req->reply.close = true;	/* the body was not read */
}

bool auth_token_sound(struct str token)
{
	char crc[CRC_CHARS + 1];
	size_t body;

	if (!str_starts(token, STR("agd_")) || token.n < 4 + SECRET_CHARS + CRC_CHARS + 2 || token.n > 128)
		return false;
	body = token.n - CRC_CHARS - 1;
	if (token.p[body] != '_')
		return false;
	snprintf(crc, sizeof crc, "%08x", (unsigned)crc32_of(str_sub(token, 0, body)));
	return str_is(str_sub(token, body + 1, CRC_CHARS), crc);
}

/* "Bearer agd_..."; STR_NONE otherwise. */
static struct str bearer(const char *header)
{
	struct str token;

	if (strncasecmp(header, "Bearer ", 7) != 0)
		return STR_NONE;
	token = str_from(header + 7);
	return auth_token_sound(token) ? token : STR_NONE;
}

static void accept(struct request *req, struct str name, unsigned scopes)
{
	req->by.name = str_dup(req->arena, name);
	req->by.sees_all = (scopes & SCOPE_ADMIN) != 0;
	req->scopes = scopes;
	req->phase = REQ_AUTHORISED;
}

/* A name that does not fit is never cut: it would be somebody else's. */
static void keep(struct auth *auth, const struct token_check *t, struct str name)
{
	struct entry *e = &auth->entries[t->hash.b[0]];

	if (name.n > sizeof e->name)
		return;
	e->hash = t->hash;
	e->checked_ms = clock_boot_ms();
	e->scopes = t->scopes;
	e->name_n = name.n;
	memcpy(e->name, name.p, name.n);
}

static void on_checked(struct request *req, struct op *op)
{
	const struct token_check *t;
	struct str name;

	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		req->reply.close = true;
		return;
	}
	t = admin_token_check_of(op);
	if (!auth_token_good(t, &req->token)) {
		auth_refuse(req, "the token is unknown, expired or revoked");
		return;
	}
	name = auth_name(req, t);
	keep(server_auth(req->web), t, name);
	accept(req, name, t->scopes);
}

bool auth_token_good(const struct token_check *t, const struct digest *asked)
{
	return t->valid && digest_eq(&t->hash, asked);	/* the index compares in its own time, we in constant time */
}

struct str auth_name(struct request *req, const struct token_check *t)
{
	return str_from(arena_printf(req->arena, "token:" STR_FMT, STR_ARG(t->name)));
}

/* Nobody can revoke a token while the database is away. */
static bool holds(struct auth *auth, const struct entry *e, const struct request *req)
{
	int64_t now_ms = clock_boot_ms();

	if (store_is_up(server_store(req->web)))
		auth->up_ms = now_ms;
	else if (req->route && req->route->offline && auth->up_ms - e->checked_ms < LATELY_MS)
		return true;
	return now_ms - e->checked_ms < KEEP_MS;
}

/* A header counts before a cookie: no page elsewhere can send one. */
static struct str presented(struct request *req)
{
	const char *header = head_get(req, "Authorization");
	struct str token = header ? bearer(header) : STR_NONE;

	if (!header) {
		token = session_token(req);
		if (token.p && session_guard(req) < 0)
			return STR_NONE;
	}
	if (!token.p)
		auth_refuse(req, "a bearer token is needed: Authorization: Bearer agd_...");
	return token;
}

void auth_request(struct auth *auth, struct request *req)
{
	struct str token = presented(req);
	const struct entry *e;
	struct digest hash;

	if (!token.p)
		return;
	digest_of(token, &hash);
	req->token = hash;
	e = &auth->entries[hash.b[0]];
	if (digest_eq(&e->hash, &hash) && holds(auth, e, req)) {
		accept(req, (struct str){e->name, e->name_n}, e->scopes);
		return;
	}
	if (!store_is_up(server_store(req->web))) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database is away");
		req->reply.close = true;
		return;
	}
	req->op = admin_token_check(server_store(req->web), arena_new(NULL), &hash, STORE_DEADLINE_MS, request_done,
				    request_call(req, on_checked));
}

/* --- tokens of requests that go on --- */

static int64_t now_ms(const struct auth *auth)
{
	return loop_now_ms(server_loop(auth->web));
}

void auth_unwatch(struct request *req)
{
	struct watched *x = req->watched;

	req->watched = NULL;
	if (!x)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
}

static void check_next(struct auth *auth);

static void end_watched(struct auth *auth)
{
	struct watched *x = auth->watched.next, *next;

	for (; x != &auth->watched; x = next) {
		next = x->next;
		if (!digest_eq(&x->req->token, &auth->checked))
			continue;
		auth_unwatch(x->req);
		x->over(x->req);
	}
}

static void on_rechecked(struct op *op, void *arg)
{
	struct auth *auth = arg;
	bool cancelled = op->err->code == ERR_CANCELLED;

	auth->check = NULL;
	for (struct watched *x = auth->watched.next; x != &auth->watched; x = x->next)
		if (digest_eq(&x->req->token, &auth->checked))
			x->checked_ms = now_ms(auth);
	if (op->err->code == ERR_NONE && !admin_token_check_of(op)->valid)
		end_watched(auth);
	if (!cancelled)
		check_next(auth);
	server_unref(auth->web);
}

/* One token at a time, whoever came with it. */
static void check_next(struct auth *auth)
{
	struct watched *x = auth->watched.next;

	if (auth->check)
		return;
	while (x != &auth->watched && x->checked_ms + CHECK_MS > now_ms(auth))
		x = x->next;
	if (x == &auth->watched)
		return;
	auth->checked = x->req->token;
	server_ref(auth->web);
	auth->check = admin_token_check(server_store(auth->web), arena_new(NULL), &auth->checked, STORE_DEADLINE_MS, on_rechecked, auth);
}

static void on_tick(void *arg)
{
	struct auth *auth = arg;

	check_next(auth);
	if (auth->watched.next != &auth->watched)
		loop_timer_set(auth->tick, TICK_MS);
}

/* When it came its token may have been known for KEEP_MS already. */
void auth_watch(struct request *req, void (*over)(struct request *req))
{
	struct auth *auth = server_auth(req->web);
	struct watched *x = ARENA_NEW(req->arena, struct watched);

	x->req = req;
	x->over = over;
	x->checked_ms = now_ms(auth) - KEEP_MS;
	if (auth->watched.next == &auth->watched)
		loop_timer_set(auth->tick, TICK_MS);
	x->prev = auth->watched.prev;
	x->next = &auth->watched;
	x->prev->next = x;
	auth->watched.prev = x;
	req->watched = x;
}
