/* stub_stream.h - whole answers and streamed ones, as parts of a connection; and the faults that any provider can have.
 *
 * Shapes:  a stream is chunks of chunked transfer encoding, one part each: begin_stream(), events, end_stream(). What
 *          stands in them is the provider's voice.
 * Units:   milliseconds.
 * Memory:  the connection's arena.
 * Errors:  none.
 * Source:  RFC 9112 (chunks), the WHATWG HTML standard (events).
 */
#ifndef T_BIN_STUB_STREAM_H
#define T_BIN_STUB_STREAM_H

#include "t/bin/stub_provider.h"

struct json;
struct stream;

struct reply {
	int status;
	const char *type, *headers;	/* more header lines, each with \r\n */
	struct buf body;
};

/* What a personality understood. */
struct question {
	const char *model;
	struct str last;	/* message */
	const struct json *messages;	/* as the provider calls them */
	const char *usage;	/* JSON, as the provider counts */
};

/* How a provider says things. */
struct voice {
	void (*begin)(struct stream *s);	/* what comes before any text; NULL: nothing */
	void (*text)(struct stream *s, struct str piece);
	void (*end)(struct stream *s, const char *usage);	/* a good end: finish reason, usage unless NULL, end mark, end_stream() */
	bool (*refuse)(struct connection *c, const char *name);	/* an answer with a status; false: no such name */
};

struct stream {
	struct connection *c;
	const struct voice *voice;
	const char *model, *eol;
	bool bytes;			/* one byte per write */
	bool whole;			/* no stream: the voice gathers a document and sends it at the end */
	int64_t pause_ms;		/* before each piece */
};

struct part *add_part(struct connection *c, const char *p, size_t n, int64_t delay_ms);
void add_close(struct connection *c, bool reset, int64_t delay_ms);
void add_reply(struct connection *c, const struct reply *r);	/* with its length */
void add_json(struct connection *c, int status, const char *headers, const char *body);
void add_body(struct connection *c, int status, const char *type, const char *body);

void begin_stream(struct stream *s, const char *headers, int64_t delay_ms);
void send_raw(struct stream *s, struct str bytes, int64_t delay_ms);
void send_event(struct stream *s, const char *data);
void send_pieces(struct stream *s, struct str text, int n);	/* the first n thirds, cut between characters */
void end_stream(struct stream *s);

enum { FOREVER_MS = 3600 * 1000 };

/* One of the faults that every provider has: stub_faults.c. False: no such name. */
bool play_common(struct stream *s, const struct question *q, const char *name);
void play_plain(struct stream *s, const struct question *q);
/* How often this model was asked before; counts this time. */
int count_question(const char *model);
/* Number k of the vector of a text, before anybody scales it: for the stub, and for those who know what to expect. */
double stub_number(struct str text, size_t k);
/* Behind "stub/", or "" when the model is no fault. */
const char *fault_name(const char *model);

#endif
