/* http_server.h - a small server of good and bad answers for http.c's tests.
 *
 * Shapes:  loopback, one thread per connection; the path chooses the behaviour (table in
 *          http_server.c). Also on a Unix socket.
 * Memory:  server_stop() waits until every connection is closed by its client.
 */
#ifndef T_HTTP_SERVER_H
#define T_HTTP_SERVER_H

struct server;

struct server *server_start(void);
void server_stop(struct server *s);
int server_port(const struct server *s);
const char *server_unix_path(const struct server *s);
int server_connections(struct server *s);	/* accepted so far */
int server_requests(struct server *s);		/* read so far */

#endif
