/* events.h - streams of server-sent events: GET /tasks/:id/events, GET /events.
 *
 * Shapes:  a stream is a request whose answer goes on: it is suspended while there is nothing to say, paused by its socket while its
 *          client is slow, cut when that takes nothing for web.body_timeout, or longer over a page than that and a second per
 *          4 KiB. It ends after the task's last event, when its token is no longer good, and when the server stops; a comment every
 *          15 s keeps it open.
 * Units:   _ms.
 * Memory:  a stream lives in its request's arena; pages are those of topics.h.
 * Errors:  through reply.h, before the stream begins.
 * Source:  agentd-api(7); WHATWG HTML, "Server-sent events".
 */
#ifndef WEB_EVENTS_H
#define WEB_EVENTS_H

#include <stddef.h>

struct arena;
struct streams;
struct web;

struct streams *streams_new(struct arena *a, struct web *w);
void streams_free(struct streams *ss);
void streams_end_all(struct streams *ss);
size_t streams_count(const struct streams *ss);

#endif
