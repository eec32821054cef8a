/* address.h - may a program of ours connect to this address? Pure.
 *
 * Shapes:  public means: unicast, globally reachable, and not a door back inside (an IPv6 form that
 *          carries a private IPv4 address, a cloud's metadata service).
 * Memory:  reasons are constants.
 * Errors:  none; what is not understood is refused.
 * Source:  IANA special-purpose address registries (RFC 6890 and later); agentd-tool(5), "Network rules".
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

struct cidr {
	int family;		/* AF_INET, AF_INET6 */
	uint8_t addr[16];
	int bits;
};

bool cidr_parse(struct str text, struct cidr *ret);	/* "10.1.0.0/16", no bit set behind it; without /N: one address */
bool cidr_has(const struct cidr *c, const struct sockaddr *sa, socklen_t len);

const char *address_refusal(const struct sockaddr *sa, socklen_t len);	/* NULL: public; else why not */
/* Public, or inside one of the networks listed. */
bool address_is_allowed(const struct sockaddr *sa, socklen_t len, const struct cidr *allow, size_t n_allow);

#endif
