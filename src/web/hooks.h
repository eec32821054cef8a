/* hooks.h - POST /hooks/NAME: deliveries of webhooks that start workflows.
 *
 * Shapes:  the files hooks/NAME.yaml with their secrets, which are read from the environment when the files are. A delivery has no
 *          bearer token: its signature says who sends it. A hook none of whose secrets is there answers 503.
 * Memory:  the hooks live in the arena given; those of before a reload stay, as requests may use them.
 * Errors:  404 no such hook; 401 for every signature that does not fit, whatever is wrong with it; what a submission has.
 *          Whatever becomes of a delivery is logged and counted.
 * Source:  agentd-hooks(5).
 */
#ifndef WEB_HOOKS_H
#define WEB_HOOKS_H

#include <stddef.h>

struct arena;
struct hook;
struct hooks;
struct request;

struct hooks *hooks_new(struct arena *a);
void hooks_set(struct hooks *hooks, const struct hook *const *v, size_t n);	/* they must live as long */
void hooks_count(const struct request *req);	/* the answer to a delivery is decided */

#endif
