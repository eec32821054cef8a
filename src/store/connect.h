/* connect.h - how a connection to PostgreSQL is opened, whoever wants one.
 *
 * Shapes:  connect_start() begins one that the caller polls (link.c); connect_wait() blocks, and is for threads of the pool and for
 *          programs that have nothing else to do. Both say who connects, speak UTF-8, and notice a network that is gone: what was
 *          sent and is not acknowledged within 10 s, or a silence that three probes do not break, ends the connection.
 * Units:   timeout_s of one address of the list.
 * Memory:  the PGconn is the caller's: PQfinish().
 * Errors:  connect_start(): as PQconnectStartParams(). connect_wait(): NULL, and ERR_PG_DOWN with libpq's first line.
 * Source:  libpq "Parameter Key Words".
 */
#ifndef STORE_CONNECT_H
#define STORE_CONNECT_H

#include <libpq-fe.h>

struct err;

PGconn *connect_start(const char *conninfo, const char *application);
PGconn *connect_wait(const char *conninfo, const char *application, int timeout_s, struct err *err);

#endif
