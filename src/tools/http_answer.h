/* http_answer.h - from an HTTP answer to the result or the error of a tool. Private to the room.
 *
 * Shapes:  a JSON body is the value; other content is {status, text}; the manifest's `result` shapes
 *          {status, headers, body}. request names the exchange in messages.
 * Memory:  values live in the call's arena.
 * Errors:  ERR_TOOL_OUTPUT from shaping.
 * Source:  agentd-tool(5), "HTTP".
 */
#ifndef TOOLS_HTTP_ANSWER_H
#define TOOLS_HTTP_ANSWER_H

struct call;
struct err;
struct http_result;
struct json;

/* May run on the thread pool, while nothing else touches the call's arena. */
int http_answer_shape(struct call *c, const char *request, const struct http_result *r, const struct json **ret,
		      struct err *err);
/* A status of 400 and above: ends the call, with what follows from it for repeating and for the effect. */
void http_answer_fail(struct call *c, const char *request, const struct http_result *r);

#endif
