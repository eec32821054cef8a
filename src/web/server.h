/* server.h - what the files of this room share of the server.
 *
 * Source:  web.h; structures are private to the room.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <stdbool.h>

#include "base/loop.h"

struct auth;
struct connections;
struct door;
struct hooks;
struct inputs;
struct links;
struct figures;
struct policy;
struct request;
struct settings;
struct store;
struct streams;
struct topics;
struct waits;
struct web;

void server_ref(struct web *w);		/* the structure outlives web_free() while somebody holds it */
void server_unref(struct web *w);
void server_enter(struct web *w, struct request *req);	/* the list of requests alive */
void server_leave(struct web *w, struct request *req);
/* It is known now who sent it: what is held of its body counts no longer for the room that all unknown ones share. */
void server_trust(struct request *req);
void server_kick(struct web *w);		/* libmicrohttpd has something to do: run it in this turn */
struct loop *server_loop(const struct web *w);
struct store *server_store(const struct web *w);
const struct settings *server_settings(const struct web *w);
const struct policy *server_policy(const struct web *w);	/* NULL: none */
const struct hooks *server_hooks(const struct web *w);
struct waits *server_waits(const struct web *w);
struct figures *server_figures(const struct web *w);
struct auth *server_auth(const struct web *w);
struct connections *server_connections(const struct web *w);
struct streams *server_streams(const struct web *w);
struct topics *server_topics(const struct web *w);
struct inputs *server_inputs(const struct web *w);	/* publish/input.h */
struct door *server_door(const struct web *w);		/* door.h */
void server_door_is_quiet(struct web *w);		/* none of its questions is active any more */
struct links *server_links(const struct web *w);		/* links.h */
bool server_stopping(const struct web *w);
bool server_ended(const struct web *w);	/* nothing is begun any more */

enum { STORE_DEADLINE_MS = 10000 };	/* of a call made for a request; then 503 */

#endif
