/* stub_provider.h - what the server and the faults of the stub provider share.
 *
 * Shapes:  an answer is a list of parts, each written after its pause. play() fills it.
 * Units:   milliseconds.
 * Memory:  parts and their bytes live in the connection's arena until all of them are written.
 * Errors:  none: a part without bytes ends the connection.
 * Source:  OpenAI's reference of chat completions.
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
	struct connection *next_dead;
};

struct question {
	const char *model;
	struct str last;	/* message */
	const struct json *messages;
	const char *usage;	/* JSON */
};

/* What the faults need to know of the server. */
struct stub_settings {
	int64_t delay_ms;
	const char *key, *text;
	unsigned long long requests;
};
extern struct stub_settings stub;

void add_json(struct connection *c, int status, const char *headers, const char *body);
void add_error(struct connection *c, int status, const char *headers, const char *type, const char *code,
	       const char *message);
void add_body(struct connection *c, int status, const char *type, const char *body);
bool play_status(struct connection *c, const char *name);	/* false: no such name */
void play(struct connection *c, const struct question *q);

/* What the strictest of the providers would refuse; NULL: nothing. */
const char *strict_check(struct arena *a, const struct json *question);

#endif
