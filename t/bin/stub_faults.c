/* stub_faults.c - faults that any provider can have, said in its own voice. The model names
 *
 *   stub/bytes           one byte at a time                 stub/onewrite       the whole stream in one write
 *   stub/crlf stub/cr    other line ends, BOM, comments, no space after data:
 *   stub/no-usage        none at all                        stub/empty          no text at all
 *   stub/close           clean close after 3 pieces         stub/reset          reset after 3 pieces
 *   stub/hang-headers stub/hang-body stub/hang-middle       silence at three places
 *   stub/malformed       a broken event in the middle
 *   stub/html            200 with a page                    stub/text           200 with plain text
 *   stub/40mib stub/longline stub/bigheader                 over every cap
 *   stub/drip            a piece every 5 s                  stub/other-model    answers as another model
 *   stub/fail-N/ID       N times 503, then an answer; counted by the whole name
 *   stub/alone/ID        after 100 ms, and 503 to whoever comes meanwhile; by the whole name
 *   stub/limit-N/ID      N times 429 with retry-after-ms: 250, then an answer
 *   stub/delay-N         answers after N ms                 stub/echo           the last message comes back
 *
 * play the faults of this table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "t/bin/stub_stream.h"

enum { COUNTERS = 256, ALONE_MS = 100 };

static struct {
	char model[128];
	int n;
} counters[COUNTERS];

typedef void fault_fn(struct stream *s, const struct question *q);

static void begin(struct stream *s, const char *headers)
{
	begin_stream(s, headers, 0);
	if (s->voice->begin)
		s->voice->begin(s);
}

static void begin_text(struct stream *s, int pieces)
{
	begin(s, "");
	send_pieces(s, str_from(stub.text), pieces);
}

void play_plain(struct stream *s, const struct question *q)
{
	begin_text(s, 3);
	s->voice->end(s, q->usage);
}

static void play_bytes(struct stream *s, const struct question *q)
{
	s->bytes = true;
	play_plain(s, q);
}

static void play_onewrite(struct stream *s, const struct question *q)
{
	struct connection *c = s->c;
	struct buf b;

	play_plain(s, q);
	buf_init(&b, c->arena);
	for (struct part *p = c->first; p; p = p->next)
		buf_add(&b, p->p, p->n);
	c->first = NULL;
	c->end = &c->first;
	add_part(c, b.p, b.n, stub.delay_ms);
}

static void play_line_ends(struct stream *s, const struct question *q, const char *eol)
{
	struct buf b;

	begin_stream(s, "", 0);
	send_raw(s, STR("\xEF\xBB\xBF"), 0);
	s->eol = eol;
	buf_init(&b, s->c->arena);
	buf_addf(&b, ": keep alive%sid: 7%sretry: 100%s%s", eol, eol, eol, eol);
	send_raw(s, buf_str(&b), 0);
	if (s->voice->begin)
		s->voice->begin(s);
	send_pieces(s, str_from(stub.text), 3);
	send_raw(s, buf_str(&b), 0);
	s->voice->end(s, q->usage);
}

static void play_crlf(struct stream *s, const struct question *q)
{
	play_line_ends(s, q, "\r\n");
}

static void play_cr(struct stream *s, const struct question *q)
{
	play_line_ends(s, q, "\r");
}

static void play_no_usage(struct stream *s, const struct question *q)
{
	(void)q;
	begin_text(s, 3);
	s->voice->end(s, NULL);
}

static void play_empty(struct stream *s, const struct question *q)
{
	begin(s, "");
	s->voice->end(s, q->usage);
}

static void play_close(struct stream *s, const struct question *q)
{
	(void)q;
	begin_text(s, 3);
	end_stream(s);
}

static void play_reset(struct stream *s, const struct question *q)
{
	(void)q;
	begin_text(s, 3);
	add_close(s->c, true, 20);
}

static void play_hang_headers(struct stream *s, const struct question *q)
{
	(void)q;
	add_close(s->c, false, FOREVER_MS);
}

static void play_hang_body(struct stream *s, const struct question *q)
{
	(void)q;
	begin_stream(s, "", 0);
	add_close(s->c, false, FOREVER_MS);
}

static void play_hang_middle(struct stream *s, const struct question *q)
{
	(void)q;
	begin_text(s, 2);
	add_close(s->c, false, FOREVER_MS);
}

static void play_malformed(struct stream *s, const struct question *q)
{
	begin_text(s, 2);
	send_event(s, "{\"this\":[{\"is\":{\"text\":\"lost");
	s->voice->end(s, q->usage);
}

static void play_html(struct stream *s, const struct question *q)
{
	(void)q;
	add_body(s->c, 200, "text/html", "<!doctype html><title>Welcome</title><p>Log in to continue");
}

static void play_text(struct stream *s, const struct question *q)
{
	(void)q;
	add_body(s->c, 200, "text/plain", "upstream connect error\n\n");
}

static void play_40mib(struct stream *s, const struct question *q)
{
	char *piece = arena_alloc(s->c->arena, 1 << 16);
	const struct part *last;

	(void)q;
	memset(piece, 'x', 1 << 16);
	begin(s, "");
	s->voice->text(s, (struct str){piece, 1 << 16});
	for (last = s->c->first; last->next; last = last->next)
		;
	for (int i = 1; i < 640; i++)
		add_part(s->c, last->p, last->n, 0);
	s->voice->end(s, NULL);
}

static void play_longline(struct stream *s, const struct question *q)
{
	char *piece = arena_alloc(s->c->arena, 2 << 20);

	(void)q;
	memset(piece, 'x', 2 << 20);
	memcpy(piece, "data: ", 6);
	begin_stream(s, "", 0);
	send_raw(s, (struct str){piece, 2 << 20}, 0);
	end_stream(s);
}

static void play_bigheader(struct stream *s, const struct question *q)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	for (int i = 0; i < 70; i++)
		buf_addf(&b, "x-pad-%d: %01000d\r\n", i, 0);
	begin(s, buf_cstr(&b));
	s->voice->end(s, q->usage);
}

static void play_drip(struct stream *s, const struct question *q)
{
	s->pause_ms = 5000;
	play_plain(s, q);
}

static void play_other_model(struct stream *s, const struct question *q)
{
	s->model = "stub/really-this";
	play_plain(s, q);
}

static void play_echo(struct stream *s, const struct question *q)
{
	begin(s, "");
	send_pieces(s, q->last, 3);
	s->voice->end(s, q->usage);
}

static const struct {
	const char *name;
	fault_fn *play;
} faults[] = {
	{"bytes", play_bytes}, {"onewrite", play_onewrite}, {"crlf", play_crlf}, {"cr", play_cr}, {"no-usage", play_no_usage},
	{"empty", play_empty}, {"close", play_close}, {"reset", play_reset}, {"hang-headers", play_hang_headers},
	{"hang-body", play_hang_body}, {"hang-middle", play_hang_middle}, {"malformed", play_malformed}, {"html", play_html},
	{"text", play_text}, {"40mib", play_40mib}, {"longline", play_longline}, {"bigheader", play_bigheader},
	{"drip", play_drip}, {"other-model", play_other_model}, {"echo", play_echo},
};

int count_question(const char *model)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		if (counters[i].model[0] == '\0')
			snprintf(counters[i].model, sizeof counters[i].model, "%s", model);
		if (strncmp(counters[i].model, model, sizeof counters[i].model - 1) == 0)
			return counters[i].n++;
	}
	return 0;
}

const char *fault_name(const char *model)
{
	return strncmp(model, "stub/", 5) == 0 ? model + 5 : "";
}

/* Works for one at a time, as a model server on a small machine. */
static void play_alone(struct stream *s, const struct question *q)
{
	static struct {
		char model[128];
		int64_t until_ms;
	} busy;
	int64_t now = clock_boot_ms();

	if (strcmp(busy.model, q->model) == 0 && now < busy.until_ms && s->voice->refuse(s->c, "503"))
		return;
	snprintf(busy.model, sizeof busy.model, "%s", q->model);
	busy.until_ms = now + ALONE_MS;
	play_plain(s, q);
	s->c->first->delay_ms += ALONE_MS;
}

bool play_common(struct stream *s, const struct question *q, const char *name)
{
	if (strncmp(name, "delay-", 6) == 0) {
		play_plain(s, q);
		s->c->first->delay_ms += strtol(name + 6, NULL, 10);
		return true;
	}
	if (strncmp(name, "alone/", 6) == 0) {
		play_alone(s, q);
		return true;
	}
	if (strncmp(name, "fail-", 5) == 0) {
		if (count_question(q->model) >= strtol(name + 5, NULL, 10) || !s->voice->refuse(s->c, "503"))
			play_plain(s, q);
		return true;
	}
	if (strncmp(name, "limit-", 6) == 0) {
		if (count_question(q->model) >= strtol(name + 6, NULL, 10) || !s->voice->refuse(s->c, "429-ms"))
			play_plain(s, q);
		return true;
	}
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strcmp(faults[i].name, name) == 0) {
			faults[i].play(s, q);
			return true;
		}
	return false;
}
