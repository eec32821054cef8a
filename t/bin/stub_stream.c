/* stub_stream.c - whole answers and streamed ones, as parts of a connection. */
#include "t/bin/stub_stream.h"

#include <string.h>

#include "base/arena.h"

struct part *add_part(struct connection *c, const char *p, size_t n, int64_t delay_ms)
{
	struct part *part = ARENA_NEW(c->arena, struct part);

	part->p = p;
	part->n = n;
	part->delay_ms = delay_ms;
	*c->end = part;
	c->end = &part->next;
	return part;
}

void add_close(struct connection *c, bool reset, int64_t delay_ms)
{
	struct part *part = ARENA_NEW(c->arena, struct part);

	part->delay_ms = delay_ms;
	part->reset = reset;
	*c->end = part;
	c->end = &part->next;
}

static const char *reason(int status)
{
	return status == 200 ? "OK" : status < 500 ? "Refused" : "Broken";
}

/* A whole answer with its length. */
void add_reply(struct connection *c, const struct reply *r)
{
	struct buf b;

	buf_init(&b, c->arena);
	buf_addf(&b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nx-request-id: stub-%llu\r\n%sContent-Length: %zu\r\n\r\n",
		 r->status, reason(r->status), r->type, stub.requests, r->headers ? r->headers : "", r->body.n);
	buf_addstr(&b, buf_str(&r->body));
	add_part(c, b.p, b.n, stub.delay_ms);
}

void add_json(struct connection *c, int status, const char *headers, const char *body)
{
	struct reply r = {.status = status, .type = "application/json", .headers = headers};

	buf_init(&r.body, c->arena);
	buf_adds(&r.body, body);
	add_reply(c, &r);
}

void add_body(struct connection *c, int status, const char *type, const char *body)
{
	struct reply r = {.status = status, .type = type};

	buf_init(&r.body, c->arena);
	buf_adds(&r.body, body);
	add_reply(c, &r);
}

/* --- a streamed answer: chunks of chunked transfer encoding, one part each --- */

void send_raw(struct stream *s, struct str bytes, int64_t delay_ms)
{
	struct buf b;

	if (s->whole)
		return;
	buf_init(&b, s->c->arena);
	buf_addf(&b, "%zx\r\n", bytes.n);
	buf_addstr(&b, bytes);
	buf_adds(&b, "\r\n");
	if (!s->bytes) {
		add_part(s->c, b.p, b.n, delay_ms);
		return;
	}
	for (size_t i = 0; i < b.n; i++)
		add_part(s->c, b.p + i, 1, i == 0 ? delay_ms : 0)->alone = true;
}

void send_event(struct stream *s, const char *data)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "data:%s%s%s%s", s->eol[0] == '\n' ? " " : "", data, s->eol, s->eol);
	send_raw(s, buf_str(&b), s->pause_ms);
}

/* The text in three pieces, cut between characters. */
void send_pieces(struct stream *s, struct str text, int n)
{
	size_t from = 0;

	for (int i = 0; i < n; i++) {
		size_t to = i + 1 == 3 ? text.n : text.n * (size_t)(i + 1) / 3;

		while (to < text.n && ((unsigned char)text.p[to] & 0xC0) == 0x80)
			to++;
		s->voice->text(s, str_sub(text, from, to - from));
		from = to;
	}
}

void begin_stream(struct stream *s, const char *headers, int64_t delay_ms)
{
	struct buf b;

	if (s->whole)
		return;
	buf_init(&b, s->c->arena);
	buf_addf(&b, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: stub-%llu\r\n%s"
		 "Transfer-Encoding: chunked\r\n\r\n", stub.requests, headers);
	add_part(s->c, b.p, b.n, stub.delay_ms + delay_ms);
}

void end_stream(struct stream *s)
{
	if (!s->whole)
		add_part(s->c, "0\r\n\r\n", 5, 0);
}
