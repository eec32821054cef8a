/* session.h - signing in to the page: a cookie that holds the token, which scripts cannot read.
 *
 * Shapes:  a session is a token in a cookie and nothing on our side: it ends with its token, when the browser ends, or by signing out.
 *          Each request that comes with it is held against site.h first.
 * Memory:  the request's arena.
 * Errors:  421 misdirected, 403 cross_site.
 * Source:  agentd-page(7), "SECURITY"; agentd-api(7), "POST /session"; RFC 6265bis.
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "base/str.h"

struct request;

/* Of the cookie; STR_NONE: there is none, or there are several that differ. */
struct str session_token(struct request *req);
/* -1: the reply is decided. */
int session_guard(struct request *req);

#endif
