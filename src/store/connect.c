/* connect.c - see connect.h; the only file that names the parameters of a connection. */
#include "store/connect.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* conninfo goes first: what stands behind it holds whatever it says. timeout NULL: the caller has a timer. */
static PGconn *open_with(PGconn *(*open)(const char *const *keys, const char *const *values, int expand), const char *conninfo,
			 const char *application, const char *timeout)
{
	static const char *const keys[] = {"dbname", "fallback_application_name", "client_encoding", "connect_timeout", "tcp_user_timeout",
					   "keepalives_idle", "keepalives_interval", "keepalives_count", NULL};
	const char *values[] = {conninfo, application, "UTF8", timeout, "10000", "5", "3", "3", NULL};

	return open(keys, values, 1);
}

PGconn *connect_start(const char *conninfo, const char *application)
{
	return open_with(PQconnectStartParams, conninfo, application, NULL);
}

PGconn *connect_wait(const char *conninfo, const char *application, int timeout_s, struct err *err)
{
	char timeout[16];
	PGconn *conn;

	snprintf(timeout, sizeof timeout, "%d", timeout_s);
	conn = open_with(PQconnectdbParams, conninfo, application, timeout);
	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	err_set(err, ERR_PG_DOWN, "%s", PQerrorMessage(conn));
	err->msg[strcspn(err->msg, "\n")] = '\0';
	PQfinish(conn);
	return NULL;
}
