/* stub_provider.h - what the server of the stub and its personalities share.
 *
 * Shapes:  a personality is a row of paths[] in stub_provider.c: the end of a path, and the function that fills the
 *          connection with an answer, which is a list of parts, each written after its pause.
 * Units:   milliseconds.
 * Memory:  parts and their bytes live in the connection's arena until all of them are written.
 * Errors:  none: a part without bytes ends the connection.
 * Source:  the providers' references; each personality names its own.
 */
#ifndef T_BIN_STUB_PROVIDER_H
#define T_BIN_STUB_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What is to be written: bytes, after a pause. p NULL: an end of the connection. */
struct part {
	struct part *next;
	int64_t delay_ms;
	const char *p;
	size_t n;
	bool reset;
	bool alone;		/* a write of its own */
};

struct connection {
	int fd;
	struct arena *arena;	/* of the answer under way */
	char *in;
	size_t in_n, in_room;
	struct part *first, **end;
	size_t written;		/* of the first part */
	int64_t due_ms;		/* when the first part may go; 0: now */
	size_t heap_at;		/* place in the heap of due parts, from 1; 0: not in it */
	bool wants_write, dead;
	bool busy;		/* a question's answer is under way */
	struct connection *next_dead;
};

/* A request as it came. */
struct stub_request {
	struct str path;	/* without what stands behind '?' */
	struct str query;	/* that; "": nothing */
	struct str head, body;
};

/* What the faults need to know of the server. */
struct stub_settings {
	int64_t delay_ms;
	const char *key, *text;
	unsigned long long requests;
	unsigned busy, peak;	/* questions under way, and the most there were */
};
extern struct stub_settings stub;

struct str stub_header(const struct stub_request *r, const char *name);	/* "": none */
void stub_log(int status, struct str model, struct str body);	/* "-": the question was refused */

/* Personalities: one for each kind of path. */
typedef void stub_answer_fn(struct connection *c, const struct stub_request *r);
stub_answer_fn openai_chat, openai_embed, anthropic_messages;
stub_answer_fn gemini_generate, gemini_stream, gemini_embed, gemini_embed_batch;

#endif
