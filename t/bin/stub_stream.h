/* stub_stream.h - whole answers and streamed ones, as parts of a connection.
 *
 * Shapes:  a stream is chunks of chunked transfer encoding, one part each: begin_stream(), events, end_stream().
 * Units:   milliseconds.
 * Memory:  the connection's arena.
 * Errors:  none.
 * Source:  OpenAI's API reference, streaming.
 */
#ifndef T_BIN_STUB_STREAM_H
#define T_BIN_STUB_STREAM_H

#include "t/bin/stub_provider.h"

struct reply {
	int status;
	const char *type, *headers;	/* more header lines, each with \r\n */
	struct buf body;
};

struct stream {
	struct connection *c;
	const char *model, *eol;
	bool bytes;			/* one byte per write */
	int64_t pause_ms;		/* before each piece */
};

struct part *add_part(struct connection *c, const char *p, size_t n, int64_t delay_ms);
void add_close(struct connection *c, bool reset, int64_t delay_ms);
void add_reply(struct connection *c, const struct reply *r);	/* with its length */

void begin_stream(struct stream *s, const char *headers, int64_t delay_ms);
void send_raw(struct stream *s, struct str bytes, int64_t delay_ms);
void send_event(struct stream *s, const char *data);
void send_delta(struct stream *s, const char *delta, const char *finish, const char *more);
void send_pieces(struct stream *s, struct str text, int n);	/* the first n thirds, cut between characters */
void send_usage(struct stream *s, const char *usage);
void send_end(struct stream *s, const char *usage);	/* finish, usage unless NULL, [DONE] */
void end_stream(struct stream *s);

void play_script(struct stream *s, const struct question *q);	/* stub_script.c */

#endif
