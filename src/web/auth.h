/* auth.h - bearer tokens: who asks, and what may they do?
 *
 * Shapes:  only SHA-256 hashes leave the request; answers of the store are kept for 2 s, so that a revocation
 *          works within 5 s and a busy client costs no query. While the database is away, routes that answer all the same
 *          (offline in route.h) take a token that was good in the last 5 minutes before.
 * Memory:  a fixed table of 256 entries.
 * Errors:  401 for a missing, malformed, unknown, expired or revoked token, 503 when the store is away.
 * Source:  agentd-api(7), "Tokens"; the text of one: agd_<scope>_<43 base64url>_<crc32>.
 */
#ifndef WEB_AUTH_H
#define WEB_AUTH_H

#include "store/store.h"

struct arena;
struct auth;
struct request;

struct auth *auth_new(struct arena *a);
/* Decides: req->by and req->scopes are set, or req->reply is. May suspend the request. */
void auth_request(struct auth *auth, struct request *req);

#endif
