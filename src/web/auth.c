/* auth.c - see auth.h. The checksum is looked at first, so that typing errors cost no query. */
#include "web/auth.h"

#include <stdio.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/admin.h"
#include "store/store.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/session.h"

enum { ENTRIES = 256, KEEP_MS = 2000, LATELY_MS = 5 * 60000, SECRET_CHARS = 43, CRC_CHARS = 8, MAX_NAME = 80 };

struct entry {
	struct digest hash;
	int64_t checked_ms;
	unsigned scopes;
	size_t name_n;
	char name[MAX_NAME];	/* "token:NAME" */
};

struct auth {
	int64_t up_ms;		/* when the database was last seen to be there */
	struct entry entries[ENTRIES];
};

struct auth *auth_new(struct arena *a)
{
	return ARENA_NEW(a, struct auth);
}

static void refuse(struct request *req, const char *why)
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
		refuse(req, "the token is unknown, expired or revoked");
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
		refuse(req, "a bearer token is needed: Authorization: Bearer agd_...");
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
