/* site.c - see site.h. */
#include "web/site.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/settings.h"

static bool same(struct str a, struct str b)
{
	return a.p && b.p && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Cuts "NAME:PORT" at the last colon that stands outside of brackets; without one the port is STR_NONE. */
static struct str name_of(struct str authority, struct str *ret_port)
{
	size_t n = authority.n;

	*ret_port = STR_NONE;
	while (n > 0 && isdigit((unsigned char)authority.p[n - 1]))
		n--;
	if (n == 0 || authority.p[n - 1] != ':')
		return authority;
	*ret_port = str_sub(authority, n, authority.n);
	return str_sub(authority, 0, n - 1);
}

/* No name of the DNS is one, so nobody can bend it. */
static bool is_address(struct str name)
{
	size_t i = 0;

	if (name.n > 1 && name.p[0] == '[')
		return name.p[name.n - 1] == ']';
	while (i < name.n && (isdigit((unsigned char)name.p[i]) || name.p[i] == '.'))
		i++;
	return name.n > 0 && i == name.n;
}

static bool is_listened_on(const char *listen, struct str host)
{
	struct str port, asked_port, at, name;

	if (strncmp(listen, "unix:", 5) == 0)
		return false;
	at = name_of(str_from(listen), &port);
	name = name_of(host, &asked_port);
	if (!str_eq(asked_port.p ? asked_port : STR("80"), port))
		return false;
	if (same(name, at))
		return true;
	if (str_is(at, "0.0.0.0") || str_is(at, "[::]"))
		return is_address(name) || same(name, STR("localhost"));
	return (str_starts(at, STR("127.")) || str_is(at, "[::1]")) && same(name, STR("localhost"));
}

/* "https://a:1" -> "a:1"; STR_NONE: no scheme of ours. */
static struct str authority_of(struct str url)
{
	if (str_starts(url, STR("http://")))
		return str_sub(url, 7, url.n);
	return str_starts(url, STR("https://")) ? str_sub(url, 8, url.n) : STR_NONE;
}

static bool host_is_ours(const struct settings *s, struct str host)
{
	if (!host.n)
		return false;
	if (same(host, authority_of(s->web.public_url)) || is_listened_on(s->web.listen, host))
		return true;
	for (size_t i = 0; i < s->web.n_hosts; i++)
		if (same(host, s->web.hosts[i]))
			return true;
	return false;
}

/* A page of the host that was asked. Where the public name is the host, its scheme counts, too. */
static bool origin_is_ours(const struct settings *s, const struct site_facts *f)
{
	if (same(f->origin, s->web.public_url))
		return true;
	return same(authority_of(f->origin), f->host) && !same(f->host, authority_of(s->web.public_url));
}

enum site_verdict site_judge(const struct settings *s, const struct site_facts *f)
{
	bool same_origin = str_is(f->fetch_site, "same-origin");

	if (!host_is_ours(s, f->host))
		return SITE_FOREIGN_HOST;
	if (f->origin.p && !origin_is_ours(s, f))
		return SITE_FOREIGN_PAGE;
	if (f->fetch_site.p && !same_origin && (f->changes || !str_is(f->fetch_site, "none")))
		return SITE_FOREIGN_PAGE;
	return !f->changes || f->origin.p || same_origin ? SITE_OURS : SITE_FOREIGN_PAGE;
}

bool site_is_secure(const struct settings *s, const struct site_facts *f)
{
	return str_starts(s->web.public_url, STR("https://")) &&
	       (same(f->origin, s->web.public_url) || same(f->host, authority_of(s->web.public_url)));
}
