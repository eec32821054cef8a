/* head.c - see head.h. libmicrohttpd hides raw NULs, bare LF and obs-fold from us: those are the
 * reverse proxy's to refuse; what can be seen is refused here. */
#include "web/head.h"

#include <ctype.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"
#include "base/json.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { MAX_TARGET = 2048 };

static const char *const once[] = {"Host",	    "Content-Length", "Transfer-Encoding",
				   "Authorization", "Content-Type",   "Idempotency-Key",
				   "Last-Event-ID", "Cookie",	      "Origin",
				   "Sec-Fetch-Site"};
enum { N_ONCE = sizeof once / sizeof once[0] };

struct scan {
	struct request *req;
	int seen[N_ONCE];
	const char *why;	/* NULL: all well */
};

static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static const char *bad_name(const char *name, size_t n)
{
	if (n == 0)
		return "an empty header name";
	for (size_t i = 0; i < n; i++)
		if (!is_token_char((unsigned char)name[i]))
			return "a header name that is not a token";
	return NULL;
}

static const char *bad_value(const char *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return "a control character in a header";
	}
	return NULL;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
				 size_t value_n)
{
	struct scan *s = arg;

	(void)kind;
	if (!s->why)
		s->why = bad_name(name, name_n);
	if (!s->why)
		s->why = bad_value(value, value_n);
	for (int i = 0; i < N_ONCE && !s->why; i++)
		if (strcasecmp(name, once[i]) == 0 && s->seen[i]++)
			s->why = arena_printf(s->req->arena, "more than one %s", once[i]);
	if (!s->why && strcasecmp(name, "Transfer-Encoding") == 0 && strcasecmp(value, "chunked") != 0)
		s->why = "a Transfer-Encoding other than chunked";
	return MHD_YES;
}

static const char *check_headers(struct request *req, const char *version)
{
	struct scan s = {.req = req};

	MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, on_header, &s);
	if (!s.why && s.seen[1] && s.seen[2])
		return "Content-Length together with Transfer-Encoding";
	if (!s.why && s.seen[2] && strcmp(version, "HTTP/1.0") == 0)
		return "a Transfer-Encoding in HTTP/1.0";	/* which knows none: whoever stands between reads another body */
	return s.why;
}

/* What this escape stands for could mean another path; or it is none. */
static bool bad_escape(struct str t, size_t i)
{
	char text[3] = {0};
	long c;

	if (i + 2 >= t.n || !isxdigit((unsigned char)t.p[i + 1]) || !isxdigit((unsigned char)t.p[i + 2]))
		return true;
	memcpy(text, t.p + i + 1, 2);
	c = strtol(text, NULL, 16);
	return c < 0x20 || c == 0x7f || c == '/' || c == '\\';
}

/* "." or "..", however its dots are written. Other names may begin with them. */
static bool is_dot_segment(struct str s)
{
	size_t dots = 0;

	while (s.n) {
		size_t n = s.p[0] == '.' ? 1 : s.n >= 3 && strncasecmp(s.p, "%2e", 3) == 0 ? 3 : 0;

		if (n == 0 || ++dots > 2)
			return false;
		s = str_sub(s, n, s.n);
	}
	return dots > 0;
}

/* What stands behind the slash at i. */
static struct str segment_behind(struct str t, size_t i)
{
	size_t end = ++i;

	while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
		end++;
	return str_sub(t, i, end - i);
}

/* /a/b only: no empty or dot segments, no escapes of anything that could mean another path. */
static const char *check_target(struct str t)
{
	bool in_path = true;

	if (t.n == 0 || t.p[0] != '/')
		return "a target that does not begin with /";
	if (t.n > MAX_TARGET)
		return "a target of more than 2 KiB";
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c <= 0x20 || c >= 0x7f)
			return "a control character, space or non-ASCII byte in the target";
		if (c == '?')
			in_path = false;
		if (in_path && (c == '\\' || (c == '%' && bad_escape(t, i))))
			return "a backslash, or an escape that is bad or could mean another path, in the path";
		if (c == '#')
			return "a fragment in the target";
		if (in_path && c == '/' && ((i + 1 < t.n && t.p[i + 1] == '/') || is_dot_segment(segment_behind(t, i))))
			return "an empty or dot segment in the path";
	}
	return NULL;
}

int head_check(struct request *req, const char *method, const char *version)
{
	const char *why = check_target(req->target);
	ptrdiff_t mark;

	req->method = str_dup(req->arena, str_from(method));
	if (!why && strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		why = "a version other than HTTP/1.0 and HTTP/1.1";
	if (!why)
		why = check_headers(req, version);
	if (why) {
		reply_problem(&req->reply, req->arena, 400, "malformed", "the request has %s", why);
		req->reply.close = true;
		return -1;
	}
	mark = str_chr(req->target, '?');
	req->path = str_sub(req->target, 0, mark < 0 ? req->target.n : (size_t)mark);
	req->query = mark < 0 ? STR_NONE : str_sub(req->target, (size_t)mark + 1, req->target.n);
	return 0;
}

const char *head_get(const struct request *req, const char *name)
{
	return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

struct listing {
	struct arena *arena;
	struct json_builder b;
};

static enum MHD_Result on_listed(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct listing *l = arg;
	struct str lower = str_lower(l->arena, (struct str){name, name_n}), text = {value, value_n};

	(void)kind;
	for (size_t i = 0; i < l->b.n; i++)
		if (str_eq(l->b.keys[i], lower))
			text = str_from(arena_printf(l->arena, STR_FMT ", " STR_FMT, STR_ARG(json_str(l->b.vals[i])), STR_ARG(text)));
	json_object_set(&l->b, lower, json_string_clean(l->arena, text));
	return MHD_YES;
}

const struct json *head_json(struct request *req)
{
	struct listing l = {.arena = req->arena};

	json_object_begin(&l.b, req->arena);
	MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, on_listed, &l);
	return json_object_end(&l.b);
}

/* "application/json" with at most a charset of utf-8; a multipart type has parameters of its own. */
static bool type_fits(const char *have, const char *want)
{
	size_t n = strlen(want);

	if (strcmp(want, "*/*") == 0)
		return true;
	if (!have || strncasecmp(have, want, n) != 0)
		return false;
	have += n;
	while (*have == ' ')
		have++;
	if (*have == '\0')
		return true;
	if (*have++ != ';')
		return false;
	if (strncmp(want, "multipart/", 10) == 0)
		return true;
	while (*have == ' ')
		have++;
	return strcasecmp(have, "charset=utf-8") == 0;
}

int head_check_body(struct request *req)
{
	const char *length = head_get(req, "Content-Length"), *type = head_get(req, "Content-Type"), *known = NULL;
	const struct route *r = req->route;

	while (r && r->content_type && !type_fits(type, r->content_type)) {
		known = known ? arena_printf(req->arena, "%s or %s", known, r->content_type) : r->content_type;
		r = route_sibling(r);
	}
	if (!r) {
		reply_problem(&req->reply, req->arena, 415, "media_type", "expected Content-Type: %s", known);
		req->reply.close = true;
		return -1;
	}
	req->route = r;
	if (r->body)
		req->max_body = r->body->max(server_settings(req->web));
	if (length && strtoull(length, NULL, 10) > req->max_body) {
		reply_problem(&req->reply, req->arena, 413, "too_large", "the body may have %zu bytes", req->max_body);
		req->reply.close = true;
		return -1;
	}
	return 0;
}
