/* auth.h - tokens, of the Authorization header or a session's cookie: who asks, and what may they do?
 *
 * Shapes:  only SHA-256 hashes leave the request; answers of the store are kept for 2 s, so that a revocation
 *          works within 5 s and a busy client costs no query. While the database is away, routes that answer all the same
 *          (offline in route.h) take a token that was good in the last 5 minutes before.
 *          Tokens of requests that go on (long polls, event streams, downloads) are asked for again every 3 s.
 * Memory:  a fixed table of 256 entries; who is watched lives in its request's arena.
 * Errors:  401 for a missing, malformed, unknown, expired or revoked token, 503 when the store is away.
 * Source:  agentd-api(7), "Tokens"; the text of one: agd_<scope>_<43 base64url>_<crc32>.
 */
#ifndef WEB_AUTH_H
#define WEB_AUTH_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct auth;
struct digest;
struct request;
struct token_check;
struct web;

struct auth *auth_new(struct arena *a, struct web *w);
void auth_free(struct auth *auth);
/* Decides: req->by and req->scopes are set, or req->reply is. May suspend the request. */
void auth_request(struct auth *auth, struct request *req);
/* Of a request that goes on: over() is called once when its token has ended, as far as the store says so; auth_unwatch() at its end. */
void auth_watch(struct request *req, void (*over)(struct request *req));
void auth_unwatch(struct request *req);
void auth_refuse(struct request *req, const char *why);	/* 401 */
bool auth_token_sound(struct str token);	/* its form and checksum */
bool auth_token_good(const struct token_check *t, const struct digest *asked);
struct str auth_name(struct request *req, const struct token_check *t);	/* "token:NAME", in the request's arena */

#endif
