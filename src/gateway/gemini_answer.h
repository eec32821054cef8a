/* gemini_answer.h - decodes what Gemini sends with a 200: a stream of GenerateContentResponse, one of them, or an array.
 *
 * Shapes:  a body (body.h) of responses, each with the parts that are new; usage is cumulative. There is no end mark: an
 *          answer is whole when a finish reason came, or the prompt was blocked.
 * Memory:  the decoder and its answer live in the arena given.
 * Errors:  ERR_MODEL_TRUNCATED_STREAM, STREAM_ERROR, BAD_BODY, EMPTY_OUTPUT, MALFORMED_TOOL_CALL, CONTENT_BLOCKED,
 *          OVERSIZE; ERR_MODEL_SERVER_ERROR for a page; and, for an error object that comes before any
 *          output, what it says (refusal.h).
 * Source:  Google's API reference, GenerateContentResponse; t/unit/gateway/gemini.c has answers.
 */
#ifndef GATEWAY_GEMINI_ANSWER_H
#define GATEWAY_GEMINI_ANSWER_H

#include "gateway/wire.h"

struct gemini_decoder;

/* req: whose tools the calls are of, and whose model's echo is kept; NULL: none. */
struct gemini_decoder *gemini_decoder_new(struct arena *a, const struct wire_request *req);
int gemini_decoder_piece(struct gemini_decoder *d, struct str bytes, struct err *err);
bool gemini_decoder_is_complete(const struct gemini_decoder *d);
int gemini_decoder_end(struct gemini_decoder *d, struct err *err);
const struct wire_answer *gemini_decoder_answer(struct gemini_decoder *d);

#endif
