/* url.c - one parser for policy and client; relative references of redirects. */
#include "base/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"

enum { MAX_URL_BYTES = 8192, MAX_HOST_BYTES = 253, MAX_LABEL_BYTES = 63 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Offset of the first byte at or after from that is one of set, or the end. */
static size_t find_any(struct str s, size_t from, const char *set)
{
	while (from < s.n && !strchr(set, s.p[from]))
		from++;
	return from;
}

static struct str from(struct str s, size_t at)
{
	return str_sub(s, at, s.n);
}

static int check_characters(struct str s, struct err *err)
{
	if (s.n > MAX_URL_BYTES)
		return err_set(err, ERR_INVALID, "url has %zu bytes, expected at most %d", s.n, MAX_URL_BYTES);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f)
			return err_set(err, ERR_INVALID, "url has a control character at byte %zu", i);
		if (c == '\\')
			return err_set(err, ERR_INVALID, "url has a backslash at byte %zu", i);
	}
	return 0;
}

/* --- host and port --- */

/* Would any resolver take the label for a number? Then it is an address in disguise. */
static bool is_numeric_label(struct str label)
{
	size_t i = label.n >= 2 && label.p[0] == '0' && label.p[1] == 'x' ? 2 : 0;
	bool hex = i == 2;

	for (; i < label.n; i++)
		if (!is_digit(label.p[i]) && !(hex && label.p[i] >= 'a' && label.p[i] <= 'f'))
			return false;
	return true;
}

static int check_name(struct str host, struct err *err)
{
	size_t start = 0;
	struct str label = STR_NONE;

	if (host.n > MAX_HOST_BYTES)
		return err_set(err, ERR_INVALID, "host of the url has %zu bytes, expected at most %d", host.n,
			       MAX_HOST_BYTES);
	for (size_t i = 0; i <= host.n; i++) {
		if (i < host.n && host.p[i] != '.') {
			if (!is_alpha(host.p[i]) && !is_digit(host.p[i]) && host.p[i] != '-' && host.p[i] != '_')
				return err_set(err, ERR_INVALID, "host \"" STR_FMT
					       "\": expected letters, digits, '-' and '.' (other names in punycode)",
					       STR_ARG(host));
			continue;
		}
		label = str_sub(host, start, i - start);
		if (label.n == 0 || label.n > MAX_LABEL_BYTES || label.p[0] == '-')
			return err_set(err, ERR_INVALID, "host \"" STR_FMT "\": a part is empty, too long or begins with '-'",
				       STR_ARG(host));
		start = i + 1;
	}
	if (is_numeric_label(label))
		return err_set(err, ERR_INVALID,
			       "host \"" STR_FMT "\": expected a name, or an address as four plain decimal numbers",
			       STR_ARG(host));
	return 0;
}

static int parse_ipv6(struct arena *a, struct str text, struct url *ret, struct err *err)
{
	struct in6_addr addr;
	char canonical[INET6_ADDRSTRLEN];

	if (text.n >= INET6_ADDRSTRLEN || inet_pton(AF_INET6, str_cstr(a, text), &addr) != 1)
		return err_set(err, ERR_INVALID, "host \"[" STR_FMT "]\": expected an IPv6 address", STR_ARG(text));
	inet_ntop(AF_INET6, &addr, canonical, sizeof canonical);
	ret->family = AF_INET6;
	ret->host = str_from(arena_strdup(a, canonical));
	return 0;
}

static int parse_host(struct arena *a, struct str text, struct url *ret, struct err *err)
{
	struct in_addr addr;
	char *lower;

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		return parse_ipv6(a, str_sub(text, 1, text.n - 2), ret, err);
	if (text.n == 0)
		return err_set(err, ERR_INVALID, "url has no host");
	lower = str_cstr(a, text);
	for (size_t i = 0; i < text.n; i++)
		lower[i] = to_lower(lower[i]);
	ret->host = (struct str){lower, text.n};
	ret->family = text.n < INET_ADDRSTRLEN && inet_pton(AF_INET, lower, &addr) == 1 ? AF_INET : AF_UNSPEC;
	return ret->family == AF_INET ? 0 : check_name(ret->host, err);
}

static int parse_port(struct str text, int *ret, struct err *err)
{
	int port = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]) || i >= 5)
			return err_set(err, ERR_INVALID, "port of the url: expected a number from 1 to 65535");
		port = port * 10 + (text.p[i] - '0');
	}
	if (text.n == 0 || port < 1 || port > 65535)
		return err_set(err, ERR_INVALID, "port of the url: expected a number from 1 to 65535");
	*ret = port;
	return 0;
}

static int parse_authority(struct arena *a, struct str text, struct url *ret, struct err *err)
{
	size_t colon = text.n;

	if (str_chr(text, '@') >= 0)
		return err_set(err, ERR_INVALID, "url has a user name or password, expected none");
	while (colon > 0 && text.p[colon - 1] != ':' && text.p[colon - 1] != ']')
		colon--;
	if (colon > 0 && text.p[colon - 1] == ':') {
		if (parse_port(from(text, colon), &ret->port, err) < 0)
			return -1;
		text = str_sub(text, 0, colon - 1);
	} else {
		ret->port = ret->tls ? 443 : 80;
	}
	return parse_host(a, text, ret, err);
}

/* --- the whole --- */

/* Length of "scheme:", 0 when there is none. */
static size_t scheme_bytes(struct str s)
{
	size_t i = 0;

	if (s.n == 0 || !is_alpha(s.p[0]))
		return 0;
	while (i < s.n && (is_alpha(s.p[i]) || is_digit(s.p[i]) || strchr("+-.", s.p[i])))
		i++;
	return i < s.n && s.p[i] == ':' ? i + 1 : 0;
}

static bool starts_nocase(struct str s, const char *prefix)
{
	return s.n >= strlen(prefix) && strncasecmp(s.p, prefix, strlen(prefix)) == 0;
}

static void add_encoded(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>^`{|}", c))
			buf_addf(out, "%%%02X", c);
		else
			buf_addc(out, (char)c);
	}
}

static void set_texts(struct arena *a, struct url *u, struct str path, struct str query)
{
	bool usual = u->port == (u->tls ? 443 : 80), v6 = u->family == AF_INET6;
	struct buf b;
	size_t n;

	buf_init(&b, a);
	buf_addf(&b, "%s://%s" STR_FMT "%s", u->tls ? "https" : "http", v6 ? "[" : "", STR_ARG(u->host),
		 v6 ? "]" : "");
	if (!usual)
		buf_addf(&b, ":%d", u->port);
	u->origin = str_cstr(a, buf_str(&b));
	n = b.n;
	if (path.n == 0)
		buf_addc(&b, '/');
	add_encoded(&b, path);
	u->path = str_dup(a, from(buf_str(&b), n));
	add_encoded(&b, query);
	u->text = buf_cstr(&b);
}

int url_parse(struct arena *a, struct str text, struct url *ret, struct err *err)
{
	size_t start, path, query, end;

	*ret = (struct url){0};
	if (check_characters(text, err) < 0)
		return -1;
	if (starts_nocase(text, "https://"))
		ret->tls = true;
	else if (!starts_nocase(text, "http://"))
		return err_set(err, ERR_INVALID, "url: expected http:// or https:// at its beginning");
	start = ret->tls ? 8 : 7;
	path = find_any(text, start, "/?#");
	query = find_any(text, path, "?#");
	end = find_any(text, query, "#");
	if (parse_authority(a, str_sub(text, start, path - start), ret, err) < 0)
		return -1;
	set_texts(a, ret, str_sub(text, path, query - path), str_sub(text, query, end - query));
	return 0;
}

/* Dot segments are left in: the client removes them. */
int url_resolve(struct arena *a, const struct url *base, struct str ref, struct url *ret, struct err *err)
{
	const char *query = strchr(base->text, '?');
	size_t keep = base->path.n;

	if (check_characters(ref, err) < 0)
		return -1;
	if (scheme_bytes(ref))
		return url_parse(a, ref, ret, err);
	if (starts_nocase(ref, "//"))
		return url_parse(a, str_from(arena_printf(a, "%s:" STR_FMT, base->tls ? "https" : "http",
							  STR_ARG(ref))), ret, err);
	if (starts_nocase(ref, "/"))
		keep = 0;
	else if (ref.n > 0 && ref.p[0] != '?' && ref.p[0] != '#')
		while (base->path.p[keep - 1] != '/')
			keep--;
	else if (ref.n == 0 || ref.p[0] == '#')
		ref = str_from(query);
	return url_parse(a, str_from(arena_printf(a, "%s" STR_FMT STR_FMT, base->origin, (int)keep, base->path.p,
						  STR_ARG(ref))), ret, err);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return strcmp(a->origin, b->origin) == 0;
}

bool url_has_usual_port(const struct url *u)
{
	return u->port == 80 || u->port == 443;
}

bool url_sockaddr(const struct url *u, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	char text[INET6_ADDRSTRLEN] = "";

	if (u->family == AF_UNSPEC || u->host.n >= sizeof text)
		return false;
	memcpy(text, u->host.p, u->host.n);
	memset(ret, 0, sizeof *ret);
	ret->ss_family = (sa_family_t)u->family;
	*ret_len = u->family == AF_INET ? (socklen_t)sizeof *in : (socklen_t)sizeof *in6;
	return inet_pton(u->family, text,
			 u->family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr) == 1;
}

bool url_prefix_has_origin(struct str prefix)
{
	size_t start = starts_nocase(prefix, "https://") ? 8 : starts_nocase(prefix, "http://") ? 7 : 0;

	return start > 0 && find_any(prefix, start, "/?#") < prefix.n;
}
