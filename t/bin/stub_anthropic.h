/* stub_anthropic.h - the stub as Anthropic's Messages, streamed or not.
 *
 * Shapes:  an answer is blocks: JSON as it stands in a document. Streamed each begins without what its pieces bring.
 * Units:   tokens.
 * Memory:  the connection's arena.
 * Errors:  anthropic_strict() says what is wrong with a question, in Anthropic's words where it has some.
 * Source:  Anthropic's API reference, "Messages", "Streaming" and "Errors"; Anthropic's own client (t/0312-anthropic-client.t).
 */
#ifndef T_BIN_STUB_ANTHROPIC_H
#define T_BIN_STUB_ANTHROPIC_H

#include "t/bin/stub_stream.h"

struct json;

struct anthropic_stream {
	struct stream s;		/* first: voices cast */
	size_t input_tokens;
	int index;			/* of the next block */
	bool in_text;			/* a block of text is open */
	const char *stop, *details;	/* of the end: stop_reason; stop_details, JSON or NULL */
	struct buf text, blocks;	/* of a document: the open text; blocks, divided by commas */
};

/* An event with its name. data: JSON object without its braces, what follows "type". */
void anthropic_event(struct anthropic_stream *m, const char *type, const char *data);
void anthropic_start(struct anthropic_stream *m, int64_t delay_ms);	/* head of the answer and message_start */
void anthropic_block(struct anthropic_stream *m, const struct json *block);	/* whole: start, pieces, stop */
void anthropic_open(struct anthropic_stream *m, const char *block);	/* content_block_start; JSON */
void anthropic_delta(struct anthropic_stream *m, int index, const char *delta);	/* JSON */
void anthropic_close(struct anthropic_stream *m, int index);
void anthropic_say(struct anthropic_stream *m, struct str text);	/* three pieces of one block */
void anthropic_end(struct anthropic_stream *m, const char *usage);

void anthropic_error(struct connection *c, int status, const char *headers, const char *type, const char *message);
bool anthropic_refuse(struct connection *c, const char *name);	/* stub_anthropic_refusals.c; false: no such name */
bool anthropic_play(struct anthropic_stream *m, const struct question *q, const char *name);	/* stub_anthropic_faults.c */
void anthropic_play_script(struct anthropic_stream *m, const struct question *q);

/* Thinking of a model, and the signature that makes it valid for that model only. */
const char *anthropic_signature(struct arena *a, struct str model, struct str thinking);	/* stub_anthropic_strict.c */
#define STUB_REDACTED "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpPkNRj"

/* version: of the request's header. NULL: nothing is wrong. */
const char *anthropic_strict(struct arena *a, const struct json *v, struct str version);

#endif
