/* openai_answer.h - decodes what an OpenAI-compatible server sends with a 200: a stream of chunks or one document.
 *
 * Shapes:  body.h tells which of them it is. A call is finished only when the server says so: a finish reason, then [DONE] or the end.
 * Memory:  the decoder and its answer live in the arena given.
 * Errors:  ERR_MODEL_TRUNCATED_STREAM, STREAM_ERROR, BAD_BODY, EMPTY_OUTPUT, MALFORMED_TOOL_CALL,
 *          CONTENT_BLOCKED, OVERSIZE; ERR_MODEL_SERVER_ERROR for a page; and, for an error object that comes
 *          before any output, what it says (refusal.h).
 * Source:  OpenAI's reference of chat completions; t/unit/gateway/openai.c has answers of the providers.
 */
#ifndef GATEWAY_OPENAI_ANSWER_H
#define GATEWAY_OPENAI_ANSWER_H

#include "gateway/wire.h"

struct model;
struct openai_decoder;

/* m: the model asked, whose echo is kept; NULL: none is. trust_cost: the server's usage.cost is its charge (OpenRouter). */
struct openai_decoder *openai_decoder_new(struct arena *a, const struct model *m, bool trust_cost);
int openai_decoder_piece(struct openai_decoder *d, struct str bytes, struct err *err);
bool openai_decoder_is_complete(const struct openai_decoder *d);
int openai_decoder_end(struct openai_decoder *d, struct err *err);
const struct wire_answer *openai_decoder_answer(struct openai_decoder *d);

#endif
