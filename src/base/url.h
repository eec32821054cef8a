/* url.h - strict URLs: what policy judges is, byte for byte, what the client is given.
 *
 * Shapes:  http and https only; no user name, no fragment, no backslash, no control character; the host
 *          is a lower-case name, a plain dotted quad, or an IPv6 address. Numeric spellings that only
 *          some parsers read as an address (0x7f.1, 2130706433, 0177.0.0.1) are refused. What a path or
 *          query may not hold is percent-encoded.
 * Memory:  the arena given.
 * Errors:  ERR_INVALID. Messages name the host at most: paths and queries may hold secrets.
 * Source:  RFC 3986; agentd-tool(5), "Network rules".
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

struct arena;
struct err;

struct url {
	bool tls;
	struct str host;		/* an IPv6 address without brackets */
	int family;			/* AF_INET, AF_INET6: the host is an address; AF_UNSPEC: a name */
	int port;
	const char *origin;		/* scheme://host[:port], the port only where it is not the scheme's */
	struct str path;		/* "/" at least */
	const char *text;		/* all of it, for the client */
};

int url_parse(struct arena *a, struct str text, struct url *ret, struct err *err);
/* A reference (Location) as seen from base. */
int url_resolve(struct arena *a, const struct url *base, struct str ref, struct url *ret, struct err *err);
bool url_same_origin(const struct url *a, const struct url *b);
bool url_has_usual_port(const struct url *u);		/* 80 or 443 */
/* A host that is an address, as one. False: a name. */
bool url_sockaddr(const struct url *u, struct sockaddr_storage *ret, socklen_t *ret_len);
/* Does this beginning of a URL say all of its origin? "https://a.example/x" does, "https://a.example" not. */
bool url_prefix_has_origin(struct str prefix);

#endif
