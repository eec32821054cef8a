/* http_request.h - checking a request and giving it to libcurl. Private to http.c.
 *
 * Shapes:  an easy handle fresh from curl_easy_init() or curl_easy_reset() gets all
 *          options that follow from the request; callbacks and timers are http.c's.
 * Memory:  body and headers are copied to the arena, which must live as long as the transfer;
 *          the other texts by libcurl.
 * Errors:  ERR_INVALID.
 * Source:  http.h.
 */
#ifndef BASE_HTTP_REQUEST_H
#define BASE_HTTP_REQUEST_H

#include <curl/curl.h>

#include "base/http.h"

enum { HTTP_HOST_BYTES = 128 };

/* *ret_host: host and port as written, for messages (the rest of a URL may hold secrets). */
int http_request_check(const struct http_request *req, char ret_host[HTTP_HOST_BYTES], struct err *err);
bool http_request_is_safe(const struct http_request *req);	/* may be sent twice */
/* An option that is not taken (one that guards, say) must not go unnoticed: fatal. */
void http_must(CURLcode code, const char *what);
#define HTTP_SET(easy, option, value) http_must(curl_easy_setopt(easy, CURLOPT_##option, value), "CURLOPT_" #option)
void http_request_apply(const struct http_request *req, CURL *easy, struct arena *a);

#endif
