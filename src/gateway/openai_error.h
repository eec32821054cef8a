/* openai_error.h - from an error answer of an OpenAI-compatible server to a class of ours.
 *
 * Shapes:  the body may be an object, an array around it, {"error": text}, a document as text inside
 *          `message`, a page, or plain text. Words (code, type, status) decide before the HTTP status does.
 * Memory:  the arena given is scratch.
 * Errors:  these functions make them: *err gets an ERR_MODEL_* code, retryable, status and retry_after_ms.
 * Source:  the providers' references, as t/unit/gateway/openai.c has their answers; agentd-routing(5), "Retries at the same provider".
 */
#ifndef GATEWAY_OPENAI_ERROR_H
#define GATEWAY_OPENAI_ERROR_H

#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;
struct http_result;
struct json;

/* An answer with status 300 and above. Always -1. */
int openai_error_of_answer(struct arena *a, const struct http_result *r, struct err *err);
/* The value of "error" inside a 200. Words that say nothing give ERR_MODEL_STREAM_ERROR. Always -1. */
int openai_error_of_object(struct arena *a, const struct json *error, struct err *err);

/* "1.4s", "174ms", "6m0s", "1h2m3.5s": milliseconds rounded up, or -1. Reads the longest such prefix. */
int64_t go_duration_ms(struct str s);

#endif
