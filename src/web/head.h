/* head.h - checks on a request's line and headers, before anything else looks at them.
 *
 * Shapes:  0 when the request may go on (path, query, method are set), -1 when req->reply says why not.
 * Errors:  400 and close for what RFC 9112 forbids or leaves in doubt, 413 and 415 before a byte of body is read.
 * Source:  RFC 9112, 3.2, 5 and 6; agentd-api(7), "Requests".
 */
#ifndef WEB_HEAD_H
#define WEB_HEAD_H

struct json;
struct request;

int head_check(struct request *req, const char *method, const char *version);
/* For the route that was found: Content-Type and Content-Length. */
int head_check_body(struct request *req);
/* The value of a header that was checked to stand once; NULL when absent. */
const char *head_get(const struct request *req, const char *name);
/* All of them as texts by their names in lower case; those of one name are joined by ", ". Bytes that are no UTF-8 become U+FFFD. */
const struct json *head_json(struct request *req);

#endif
