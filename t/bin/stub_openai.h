/* stub_openai.h - the stub as OpenAI, OpenRouter and everything that is compatible: chat completions and embeddings.
 *
 * Shapes:  chunks of OpenAI's streams as events of a stream (stub_stream.h).
 * Units:   none.
 * Memory:  the connection's arena.
 * Errors:  strict_check() says what is wrong with a question.
 * Source:  OpenAI's API reference, chat completions; OpenRouter's and Google's of their compatible surfaces.
 */
#ifndef T_BIN_STUB_OPENAI_H
#define T_BIN_STUB_OPENAI_H

#include "t/bin/stub_stream.h"

void send_delta(struct stream *s, const char *delta, const char *finish, const char *more);
void send_usage(struct stream *s, const char *usage);
void send_end(struct stream *s, const char *usage);	/* finish, usage unless NULL, [DONE] */
void add_error(struct connection *c, int status, const char *headers, const char *type, const char *code,
	       const char *message);

bool play_status(struct connection *c, const char *name);	/* stub_openai_refusals.c; false: no such name */
bool play_openai(struct stream *s, const struct question *q, const char *name);	/* stub_openai_faults.c */
void play_script(struct stream *s, const struct question *q);	/* stub_openai_script.c */

/* A question that passed: JSON with a model. NULL: it was refused, and that is answered. */
typedef const char *check_fn(struct arena *a, const struct json *question);
const struct json *openai_read(struct connection *c, const struct stub_request *r, check_fn *check);

/* What the strictest of the compatible providers would refuse; NULL: nothing. */
const char *strict_check(struct arena *a, const struct json *question);

#endif
