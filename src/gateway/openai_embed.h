/* openai_embed.h - embeddings of OpenAI and everything compatible: the body of a question, and an answer to vectors.
 *
 * Shapes:  data[] may come in any order, its vectors as numbers or as base64, whatever was asked for.
 * Units:   tokens, as openai_usage.h.
 * Memory:  the arena given.
 * Errors:  ERR_MODEL_BAD_BODY; what an error object inside a 200 says (refusal.h).
 * Source:  OpenAI's API reference, embeddings; OpenRouter's for its charge.
 */
#ifndef GATEWAY_OPENAI_EMBED_H
#define GATEWAY_OPENAI_EMBED_H

#include "base/str.h"

struct arena;
struct err;
struct wire_answer;
struct wire_request;

enum { OPENAI_EMBED_BATCH = 2048 };

struct str openai_embed_question(struct arena *a, const struct wire_request *req);
int openai_embedded(struct arena *a, const struct wire_request *req, struct str body, struct wire_answer *ret, struct err *err);

#endif
