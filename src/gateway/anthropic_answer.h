/* anthropic_answer.h - decodes what a server of Anthropic's Messages sends with a 200: named events or one document.
 *
 * Shapes:  body.h tells which of them it is. An answer is whole when message_stop came. A message is a list of blocks,
 *          by index: text, tool_use, thinking and redacted_thinking; others, other events and other deltas are skipped.
 * Memory:  the decoder and its answer live in the arena given.
 * Errors:  ERR_MODEL_TRUNCATED_STREAM, STREAM_ERROR, BAD_BODY, EMPTY_OUTPUT, MALFORMED_TOOL_CALL, CONTENT_BLOCKED,
 *          CONTEXT_OVERFLOW, OVERSIZE; ERR_MODEL_SERVER_ERROR for a page; and, for an error that comes before any output,
 *          what it says (refusal.h).
 * Source:  Anthropic's API reference, "Messages" and "Streaming"; t/unit/gateway/anthropic.c has answers.
 */
#ifndef GATEWAY_ANTHROPIC_ANSWER_H
#define GATEWAY_ANTHROPIC_ANSWER_H

#include "gateway/wire.h"

struct anthropic_decoder;
struct model;

/* m: the model asked, whose echo is kept; NULL: none is. */
struct anthropic_decoder *anthropic_decoder_new(struct arena *a, const struct model *m);
int anthropic_decoder_piece(struct anthropic_decoder *d, struct str bytes, struct err *err);
bool anthropic_decoder_is_complete(const struct anthropic_decoder *d);
int anthropic_decoder_end(struct anthropic_decoder *d, struct err *err);
const struct wire_answer *anthropic_decoder_answer(struct anthropic_decoder *d);

#endif
