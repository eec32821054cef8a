/* door.h - the OpenAI-compatible routes: programs that know OpenAI's API ask tiers and workflows.
 *
 * Shapes:  a question to a tier is a call of the gateway that belongs to no task: it has an id of its own, and the token that asked is
 *          recorded with it. Its answer goes out first, what it cost is committed behind that; a process that is killed
 *          in between leaves its hold to the sweeper. It counts as active until both is over.
 * Memory:  what a question holds is its own: it outlives the request where the client leaves first.
 * Errors:  door_error.h, also where another part of the server refuses a request of these paths.
 * Source:  agentd-api(7), "OPENAI-COMPATIBLE ROUTES".
 */
#ifndef WEB_DOOR_H
#define WEB_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct door;
struct gateway;
struct json;
struct request;
struct routing;
struct tier;
struct web;

struct door *door_new(struct arena *a, struct web *w);
void door_set(struct door *d, struct gateway *g, const struct routing *r);	/* both NULL: no tier is known */
void door_close(struct door *d);	/* nothing is committed any more */
size_t door_active(const struct door *d);
bool door_owns(const struct request *req);
void door_dress(struct request *req);	/* a reply to a request of its own, just before it is sent */

/* For the files of the door. */
#define DOOR_WORKFLOW "workflow:"
bool door_is_workflow(struct str model, struct str *ret_name);
struct gateway *door_gateway(const struct door *d);
const struct routing *door_routing(const struct door *d);
int64_t door_since_s(const struct door *d);	/* when this routing came, UTC */
bool door_is_closed(const struct door *d);
int door_enter(struct request *req);		/* one more is active; -1: the reply says that there are too many, or no more to be */
void door_leave(struct door *d);
const struct json *door_body(struct request *req);	/* of a route without parameters; NULL: the reply is decided */
/* The tier of that name; NULL: there is none, or it is of the other kind, and the reply says so. */
const struct tier *door_tier(struct request *req, struct str model, bool embeds);
void door_unknown_model(struct request *req, struct str model);	/* 404 */
void door_name_ignored(struct request *req, struct str ignored);	/* x-agentd-ignored, on a reply that is decided; "": nothing was */

#endif
