/* http.h - asynchronous HTTP client on one libcurl multi handle. Knows nothing of agents.
 *
 * Shapes:  http_start() makes an op (loop.h); in its completion struct http_result
 *          is complete. A body is collected, or handed on piece by piece to
 *          on_data as it arrives. Redirects are never followed: the caller decides
 *          on a 3xx and starts anew. Only http and https; no proxy, no netrc, no
 *          cookies, no user name in the URL, TLS always verified, "Expect:" never sent.
 *          A request other than GET and HEAD is sent at most once: when a kept
 *          connection dies under it, that is ERR_NETWORK with sent, never a silent repeat.
 * Units:   milliseconds; bytes after decompression.
 * Memory:  request texts are copied; the result lives in op->arena (until the
 *          completion returned).
 * Errors:  ERR_NETWORK (name, connect, TLS, reset, early end), ERR_TIMEOUT (its msg names
 *          which: connect, first_byte, idle, total), ERR_SIZE (a cap),
 *          ERR_FORBIDDEN (check_address refused every address), ERR_INVALID (url),
 *          ERR_CANCELLED. A status of 400 and above is NOT an error here.
 * Source:  libcurl >= 7.88, libcurl-multi(3); agentd-tool(5), "Network rules".
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"

struct http;	/* one per loop: connection cache and transfers */

struct http *http_new(struct loop *l);
void http_free(struct http *h);		/* cancels nothing: no transfer may be left */

struct http_header {
	struct str name, value;		/* values with control characters are ERR_INVALID */
};

struct http_request {
	const char *method;		/* "GET" ... */
	const char *url;
	const struct http_header *headers;
	size_t n_headers;
	struct str body;		/* p NULL: none */
	/* 0: 10 s, 90 s, 60 s, 300 s. connect counts until TLS is done; first_byte from the start to the
	 * first byte of the body (headers may come long before it); idle from byte to byte after that. */
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms;
	size_t max_body;		/* 0: 32 MiB */
	size_t max_headers;		/* 0: 64 KiB */
	bool gzip;			/* offer and decode gzip; max_body counts decoded bytes */
	const char *unix_socket;	/* connect there instead; NULL: no */
	bool fresh;			/* neither reuse a kept connection nor keep this one (each address is checked anew) */
	/* Called with every address before a socket to it is opened, or before a kept connection to it is
	 * used; -1 refuses it. NULL: all allowed. */
	int (*check_address)(void *arg, const struct sockaddr *sa, socklen_t len);
	void *check_arg;
	/* Body pieces as they arrive, in loop callbacks (http_start and op_cancel are fine there). -1 ends the
	 * transfer with ERR_CANCELLED. NULL: collect in result->body. Called only for status < 300. */
	int (*on_data)(void *arg, struct str piece);
	void *data_arg;
};

struct http_result {
	int status;			/* 0: no answer */
	struct http_header *headers;	/* names lower-case */
	size_t n_headers;
	struct str body;		/* collected part, also on errors */
	bool sent;			/* a byte of the request may have left this machine: false for name,
					 * address, connect and TLS failures */
	int64_t first_byte_ms, total_ms;	/* from the start; without a body: the end of the headers */
};

/* The op owns arena. *ret_result is valid from now on, complete in the completion. */
struct op *http_start(struct http *h, struct arena *arena, const struct http_request *req,
		      const struct http_result **ret_result, op_done_fn *done, void *arg);
/* The op's result again, for completions. */
const struct http_result *http_result_of(const struct op *op);
struct str http_header_get(const struct http_result *r, const char *lower_name);	/* STR_NONE when absent */

#endif
