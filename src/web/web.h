/* web.h - the HTTP API: libmicrohttpd on the loop, a table of routes, nothing but the store and the gateway behind it.
 *
 * Shapes:  one server per process, on a Unix socket or a TCP address. A handler reads the store or
 *          enqueues, or hands a question to the gateway; it does no engine work. Long polls are suspended connections and hold no database
 *          connection.
 * Units:   _ms, bytes.
 * Memory:  everything of a request lives in its arena.
 * Errors:  web_start() fails when the address cannot be had. Requests get RFC 9457 problem documents.
 * Source:  agentd-api(7).
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stddef.h>

struct err;
struct gateway;
struct hook;
struct loop;
struct policy;
struct routing;
struct settings;
struct store;
struct web;

struct web *web_start(struct loop *l, struct store *s, const struct settings *settings, struct err *err);
/* Judges every submission; must live as long as the server or until the next is set. NULL: nothing is judged. */
void web_set_policy(struct web *w, const struct policy *p);
/* Whose deliveries are taken; they must live as long as the server. Their secrets are read now. */
void web_set_hooks(struct web *w, const struct hook *const *hooks, size_t n);
/* Who answers questions to tiers, and which there are: both live as long as the server or until others are set. NULL: none are. */
void web_set_gateway(struct web *w, struct gateway *g, const struct routing *r);
/* Accepts nothing more, answers long polls now, ends when the last request is answered or after 5 s; what questions to tiers cost is
 * committed then, or 2 s later nobody waits for that any more. */
void web_stop(struct web *w, void (*stopped)(void *arg), void *arg);
void web_free(struct web *w);	/* without web_stop(), too: cuts what is there. Memory goes with the last operation of a request. */

#endif
