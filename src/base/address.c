/* address.c - tables of networks that are not the public internet. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct net4 {
	uint8_t addr[4];
	int bits;
	const char *why;
};

static const struct net4 NETS4[] = {
	{{0, 0, 0, 0}, 8, "this network"},
	{{10, 0, 0, 0}, 8, "private"},
	{{100, 64, 0, 0}, 10, "shared by a carrier (CGNAT)"},
	{{127, 0, 0, 0}, 8, "loopback"},
	{{168, 63, 129, 16}, 32, "metadata service"},
	{{169, 254, 0, 0}, 16, "link-local or metadata service"},
	{{172, 16, 0, 0}, 12, "private"},
	{{192, 0, 0, 0}, 24, "reserved for protocols"},
	{{192, 0, 2, 0}, 24, "documentation"},
	{{192, 88, 99, 0}, 24, "6to4 relay"},
	{{192, 168, 0, 0}, 16, "private"},
	{{198, 18, 0, 0}, 15, "benchmarking"},
	{{198, 51, 100, 0}, 24, "documentation"},
	{{203, 0, 113, 0}, 24, "documentation"},
	{{224, 0, 0, 0}, 4, "multicast"},
	{{240, 0, 0, 0}, 4, "reserved"},
};

struct net6 {
	uint8_t addr[8];	/* no prefix here is longer than 64 bits */
	int bits;
	const char *why;
};

/* Inside 2000::/3, the only part of IPv6 that is global unicast. Teredo (2001::/32) lies in the first. */
static const struct net6 NETS6[] = {
	{{0x20, 0x01, 0x00, 0x00}, 23, "reserved for protocols"},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
	{{0x20, 0x02}, 16, "6to4"},
	{{0x3f, 0xff}, 20, "documentation"},
};

static bool has_prefix(const uint8_t *addr, const uint8_t *prefix, int bits)
{
	size_t bytes = (size_t)bits / 8;
	int rest = bits % 8;

	if (memcmp(addr, prefix, bytes) != 0)
		return false;
	return rest == 0 || (addr[bytes] >> (8 - rest)) == (prefix[bytes] >> (8 - rest));
}

static const char *refusal4(const uint8_t a[4])
{
	for (size_t i = 0; i < sizeof NETS4 / sizeof *NETS4; i++)
		if (has_prefix(a, NETS4[i].addr, NETS4[i].bits))
			return NETS4[i].why;
	return NULL;
}

/* Interface identifiers of ISATAP end in an IPv4 address that a router unwraps. */
static bool is_isatap(const uint8_t a[16])
{
	static const uint8_t MARK[3] = {0x00, 0x5e, 0xfe};

	return (a[8] == 0 || a[8] == 2) && memcmp(a + 9, MARK, sizeof MARK) == 0;
}

static const char *refusal6(const uint8_t a[16])
{
	static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff}, NAT64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(a, MAPPED, 12) == 0 || memcmp(a, NAT64, 12) == 0)
		return refusal4(a + 12);
	if ((a[0] & 0xe0) != 0x20)
		return "not global unicast";
	for (size_t i = 0; i < sizeof NETS6 / sizeof *NETS6; i++)
		if (has_prefix(a, NETS6[i].addr, NETS6[i].bits))
			return NETS6[i].why;
	return is_isatap(a) ? refusal4(a + 12) : NULL;
}

/* The bytes of the address, with an IPv4-mapped one as the IPv4 address that is really dialled. */
static const uint8_t *bytes_of(const struct sockaddr *sa, socklen_t len, int *ret_family)
{
	static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

	*ret_family = sa->sa_family;
	if (sa->sa_family == AF_INET && len >= (socklen_t)sizeof(struct sockaddr_in))
		return (const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	if (sa->sa_family == AF_INET6 && len >= (socklen_t)sizeof(struct sockaddr_in6)) {
		const uint8_t *a = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr;

		if (memcmp(a, MAPPED, 12) != 0)
			return a;
		*ret_family = AF_INET;
		return a + 12;
	}
	return NULL;
}

bool cidr_parse(struct str text, struct cidr *ret)
{
	ptrdiff_t slash = str_chr(text, '/');
	struct str addr = slash < 0 ? text : str_sub(text, 0, (size_t)slash), bits = str_sub(text, addr.n + 1, text.n);
	struct cidr c = {.family = str_chr(addr, ':') < 0 ? AF_INET : AF_INET6};
	int max = c.family == AF_INET6 ? 128 : 32;
	char name[INET6_ADDRSTRLEN] = "";

	c.bits = slash < 0 ? max : 0;
	if (addr.n >= sizeof name || (slash >= 0 && (bits.n == 0 || bits.n > 3)))
		return false;
	for (size_t i = 0; slash >= 0 && i < bits.n; i++) {
		if (bits.p[i] < '0' || bits.p[i] > '9')
			return false;
		c.bits = c.bits * 10 + (bits.p[i] - '0');
	}
	memcpy(name, str_chars(addr), addr.n);
	if (c.bits > max || strlen(name) != addr.n || inet_pton(c.family, name, c.addr) != 1)
		return false;
	for (int bit = c.bits; bit < max; bit++)
		if (c.addr[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	*ret = c;
	return true;
}

const char *address_refusal(const struct sockaddr *sa, socklen_t len)
{
	int family;
	const uint8_t *a = bytes_of(sa, len, &family);

	if (!a)
		return "not an internet address";
	return family == AF_INET ? refusal4(a) : refusal6(a);
}

bool cidr_has(const struct cidr *c, const struct sockaddr *sa, socklen_t len)
{
	int family;
	const uint8_t *a = bytes_of(sa, len, &family);

	return a && c->family == family && has_prefix(a, c->addr, c->bits);
}

bool address_is_allowed(const struct sockaddr *sa, socklen_t len, const struct cidr *allow, size_t n_allow)
{
	for (size_t i = 0; i < n_allow; i++)
		if (cidr_has(&allow[i], sa, len))
			return true;
	return !address_refusal(sa, len);
}
