/* gemini_embed.h - embeddings of Google's Gemini API, many texts in one batchEmbedContents: the body, and an answer to vectors.
 *
 * Shapes:  one request for each text, as the parts of one content are embedded together. The answer has the order of the
 *          requests, and no token is counted.
 * Units:   none.
 * Memory:  the arena given.
 * Errors:  ERR_MODEL_BAD_BODY; what an error object inside a 200 says (refusal.h).
 * Source:  Google's API reference, models.batchEmbedContents.
 */
#ifndef GATEWAY_GEMINI_EMBED_H
#define GATEWAY_GEMINI_EMBED_H

#include "base/str.h"

struct arena;
struct err;
struct wire_answer;
struct wire_request;

enum { GEMINI_EMBED_BATCH = 100 };

struct str gemini_embed_question(struct arena *a, const struct wire_request *req, struct str resource);	/* models/ID */
int gemini_embedded(struct arena *a, const struct wire_request *req, struct str body, struct wire_answer *ret, struct err *err);

#endif
