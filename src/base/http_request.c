/* http_request.c - what a caller asks for: judged first, then said to libcurl. */
#include "base/http_request.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"

enum {
	RECEIVE_BYTES = 1024,	/* per transfer: a thousand of them wait at a time, few receive */
	SEND_BYTES = 16384,
};

void http_must(CURLcode code, const char *what)
{
	if (code != CURLE_OK)
		fatal("%s: %s", what, curl_easy_strerror(code));
}

static bool is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", p[i]))
			return false;
	return n > 0;
}

static bool has_name(const struct http_header *h, const char *name)
{
	return h->name.n == strlen(name) && strncasecmp(h->name.p, name, h->name.n) == 0;
}

static int check_header(const struct http_header *h, struct err *err)
{
	if (!h->name.p || !is_token(h->name.p, h->name.n))
		return err_set(err, ERR_INVALID, "header name \"" STR_FMT "\": expected a token", STR_ARG(h->name));
	if (has_name(h, "content-length") || has_name(h, "transfer-encoding"))
		return err_set(err, ERR_INVALID, "header \"" STR_FMT "\" is set by the client itself",
			       STR_ARG(h->name));
	for (size_t i = 0; i < h->value.n; i++)
		if (((unsigned char)h->value.p[i] < ' ' && h->value.p[i] != '\t') || h->value.p[i] == 0x7f)
			return err_set(err, ERR_INVALID, "header \"" STR_FMT "\": value has a control character",
				       STR_ARG(h->name));
	return 0;
}

/* Scheme and characters; the rest is libcurl's to judge. Leaves the host and port for messages. */
static int check_url(const char *url, char ret_host[HTTP_HOST_BYTES], struct err *err)
{
	size_t skip = 0, n;

	if (url && strncasecmp(url, "http://", 7) == 0)
		skip = 7;
	else if (url && strncasecmp(url, "https://", 8) == 0)
		skip = 8;
	else
		return err_set(err, ERR_INVALID, "url \"%.200s\": expected http:// or https://", url ? url : "");
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(err, ERR_INVALID, "url has a space or control character at byte %td", p - url);
	n = strcspn(url + skip, "/?#");
	if (memchr(url + skip, '@', n))
		return err_set(err, ERR_INVALID, "url has a user name or password, expected none");
	if (n == 0)
		return err_set(err, ERR_INVALID, "url \"%.200s\": no host", url);
	n = n < HTTP_HOST_BYTES ? n : HTTP_HOST_BYTES - 1;
	memcpy(ret_host, url + skip, n);
	ret_host[n] = '\0';
	return 0;
}

/* In the arena: curl_slist_append() would copy each line once more, in two blocks. */
static struct curl_slist **add_line(struct curl_slist **end, struct arena *a, char *line)
{
	*end = ARENA_NEW(a, struct curl_slist);
	(*end)->data = line;
	return &(*end)->next;
}

static struct curl_slist *make_headers(const struct http_request *req, struct arena *a)
{
	/* An empty value leaves libcurl's own header out: "Expect", or it waits up to a second for
	 * "100 Continue"; "Content-Type", or it calls every body a form. */
	static char no_expect[] = "Expect:", no_type[] = "Content-Type:";
	struct curl_slist *list, **end = add_line(&list, a, no_expect);
	bool typed = false;

	for (size_t i = 0; i < req->n_headers; i++) {
		const struct http_header *h = &req->headers[i];

		typed |= has_name(h, "content-type");
		end = add_line(end, a, h->value.n ? arena_printf(a, STR_FMT ": " STR_FMT, STR_ARG(h->name), STR_ARG(h->value))
						  : arena_printf(a, STR_FMT ";", STR_ARG(h->name)));
	}
	if (!typed)
		add_line(end, a, no_type);
	return list;
}

static bool is_method(const struct http_request *req, const char *name)
{
	return strcmp(req->method, name) == 0;
}

static void set_method(const struct http_request *req, CURL *e, struct arena *a)
{
	if (is_method(req, "HEAD"))
		HTTP_SET(e, NOBODY, 1L);
	else if (!is_method(req, "GET") || req->body.p)
		HTTP_SET(e, CUSTOMREQUEST, req->method);
	if (!req->body.p && !is_method(req, "POST") && !is_method(req, "PUT") && !is_method(req, "PATCH"))
		return;
	HTTP_SET(e, POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
	HTTP_SET(e, POSTFIELDS, req->body.n ? arena_dup(a, req->body.p, req->body.n) : "");
}

int http_request_check(const struct http_request *req, char ret_host[HTTP_HOST_BYTES], struct err *err)
{
	if (!req->method || !is_token(req->method, strlen(req->method)))
		return err_set(err, ERR_INVALID, "method \"%.40s\": expected a token", req->method ? req->method : "");
	if (is_method(req, "HEAD") && req->body.p)
		return err_set(err, ERR_INVALID, "method \"HEAD\": expected no body");
	if (check_url(req->url, ret_host, err) < 0)
		return -1;
	for (size_t i = 0; i < req->n_headers; i++)
		if (check_header(&req->headers[i], err) < 0)
			return -1;
	return 0;
}

bool http_request_is_safe(const struct http_request *req)
{
	return is_method(req, "GET") || is_method(req, "HEAD");
}

void http_request_apply(const struct http_request *req, CURL *e, struct arena *a)
{
	HTTP_SET(e, URL, req->url);
	HTTP_SET(e, PROTOCOLS_STR, "http,https");
	HTTP_SET(e, PROXY, "");
	HTTP_SET(e, HTTPHEADER, make_headers(req, a));
	HTTP_SET(e, NOSIGNAL, 1L);
	HTTP_SET(e, NETRC, (long)CURL_NETRC_IGNORED);
	HTTP_SET(e, FOLLOWLOCATION, 0L);
	HTTP_SET(e, DISALLOW_USERNAME_IN_URL, 1L);
	HTTP_SET(e, HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);	/* a used handle may have kept its buffer, and refuses */
	HTTP_SET(e, UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
	HTTP_SET(e, TCP_KEEPALIVE, 1L);
	HTTP_SET(e, TCP_KEEPIDLE, 30L);
	HTTP_SET(e, TCP_KEEPINTVL, 15L);
	/* Do not wait for a resolver thread when a transfer is taken away: it would stop the loop. */
	HTTP_SET(e, QUICK_EXIT, 1L);
	if (req->gzip)
		HTTP_SET(e, ACCEPT_ENCODING, "gzip");
	if (req->unix_socket)
		HTTP_SET(e, UNIX_SOCKET_PATH, req->unix_socket);
	if (req->fresh) {
		HTTP_SET(e, FRESH_CONNECT, 1L);
		HTTP_SET(e, FORBID_REUSE, 1L);	/* kept ones would fill the cache and the server */
	}
	set_method(req, e, a);
}
