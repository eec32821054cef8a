/* connection.h - absolute deadlines of connections: libmicrohttpd's own timeout starts anew with every byte.
 *
 * Shapes:  a connection has a deadline while it waits for its client (a head, a body, the reading of an answer, the
 *          next request), and none while an answer is being made.
 * Units:   _ms from now.
 * Memory:  one small block per connection, from its start to its end.
 * Errors:  none. A connection past its deadline is shut down; libmicrohttpd then ends it.
 * Source:  agentd.yaml(5), "web".
 */
#ifndef WEB_CONNECTION_H
#define WEB_CONNECTION_H

#include <microhttpd.h>
#include <stdint.h>

struct arena;
struct connections;
struct loop;

struct connections *connections_new(struct arena *a, struct loop *l, int64_t header_timeout_ms);
void connections_free(struct connections *cs);
/* MHD_OPTION_NOTIFY_CONNECTION; arg is the struct connections. */
void connection_notify(void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code);
void connection_deadline(struct connections *cs, struct MHD_Connection *c, int64_t ms);	/* replaces the one before */
void connection_within(struct connections *cs, struct MHD_Connection *c, int64_t ms);	/* only ever sooner */
void connection_no_deadline(struct connections *cs, struct MHD_Connection *c);

#endif
