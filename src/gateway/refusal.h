/* refusal.h - from an error of a model server to a class of ours, whoever the server is.
 *
 * Shapes:  the body may be an object, an array around it, {"error": text}, a document as text inside
 *          `message`, a page, or plain text. Words (reason, code, type, status) decide before the HTTP status does.
 * Memory:  the arena given is scratch.
 * Errors:  these functions make them: *err gets an ERR_MODEL_* code, retryable, status and retry_after_ms.
 * Source:  the providers' references, as t/unit/gateway/openai.c, gemini.c and anthropic.c have their answers;
 *          agentd-routing(5), "Retries at the same provider".
 */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct err;
struct http_result;
struct json;

/* An answer with status 300 and above. Always -1. */
int refusal_of_answer(struct arena *a, const struct http_result *r, struct err *err);
/* The value of "error" behind a 200. Before any output it says what a status would have said; words that say nothing, and
 * any words after output began, give ERR_MODEL_STREAM_ERROR. Always -1. */
int refusal_in_stream(struct arena *a, const struct json *error, bool output_began, struct err *err);

#endif
