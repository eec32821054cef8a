/* events.c - see events.h. What libmicrohttpd asks for is copied from the page that is read; then it is suspended. */
#include "web/events.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/connection.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/topics.h"

enum { BEAT_MS = 15000, TICK_MS = 1000, RETRY_S = 5, READY_MS = 5000, READY_AGAIN_MS = 20, SLOWEST_BYTES_S = 4096 };

struct stream {
	struct reader reader;		/* first */
	struct stream *prev, *next;
	struct request *req;
	struct loop_timer *again;	/* of one that is not begun: asks whether the feed is whole */
	struct event_place from;
	struct uuid task;
	bool of_all, begun;
	struct str workflow, kind;	/* filters; STR_NONE: any */
	struct str out;			/* what is left of what is being sent */
	size_t at;			/* next event of the page */
	int64_t said_ms, since_ms;
	int64_t until_ms;		/* when what is being sent must be over */
	bool beat, closing, broken;
	char beat_text[EVENT_PLACE_CHARS + 8];
};

struct streams {
	struct web *web;
	struct stream head;		/* ring */
	size_t n;
	struct loop_timer *tick;
};

static int64_t now_ms(const struct streams *ss)
{
	return loop_now_ms(server_loop(ss->web));
}

size_t streams_count(const struct streams *ss)
{
	return ss->n;
}

/* --- what is sent --- */

static bool is_wanted(const struct stream *s, const struct page_event *e)
{
	if (s->kind.p && !str_eq(s->kind, e->kind))
		return false;
	if (!s->of_all)
		return true;
	return (s->req->by.sees_all || str_eq(s->req->by.name, e->by)) && (!s->workflow.p || str_eq(s->workflow, e->workflow));
}

/* A client that takes a piece now and then would hold the page, and others wait for its room: so a page has a time as a whole. */
static void allow(struct stream *s, size_t bytes)
{
	s->until_ms = now_ms(server_streams(s->req->web)) + server_settings(s->req->web)->web.body_timeout_ms +
		      (int64_t)bytes * 1000 / SLOWEST_BYTES_S;
}

/* At once when nothing is left: then the connection is cut as soon as the loop turns. */
static void renew_deadline(struct stream *s)
{
	struct request *req = s->req;
	int64_t left_ms = s->until_ms - now_ms(server_streams(req->web)), piece_ms = server_settings(req->web)->web.body_timeout_ms;

	if (left_ms > piece_ms)
		left_ms = piece_ms;
	connection_deadline(server_connections(req->web), req->connection, left_ms > 0 ? left_ms : 0);
}

static void open_page(struct stream *s)
{
	s->at = s->reader.first;
	allow(s, s->reader.page->bytes);
}

/* The next text to send, if there is one now. */
static bool next_text(struct stream *s)
{
	while (s->reader.page) {
		struct page *p = s->reader.page;

		while (s->at < p->n) {
			const struct page_event *e = &p->v[s->at++];

			if (is_wanted(s, e)) {
				s->out = e->text;
				return true;
			}
		}
		if (p->ended || p->gone)
			s->closing = true;
		if (s->closing)
			return false;
		if (!reader_next(&s->reader))
			return false;
		open_page(s);
	}
	return false;
}

static size_t copy_out(struct stream *s, char *to, size_t max)
{
	size_t n = s->out.n < max ? s->out.n : max;

	memcpy(to, s->out.p, n);
	s->out = str_sub(s->out, n, s->out.n);
	return n;
}

/* Of all tasks, the place goes on while nothing comes that is wanted: whoever comes again is not sent back to where it is forgotten. */
static void set_beat(struct stream *s)
{
	char id[EVENT_PLACE_CHARS];
	int n;

	allow(s, 0);
	if (!s->of_all) {
		s->out = STR(":\n\n");
		return;
	}
	event_place_format(&s->reader.place, true, id);
	n = snprintf(s->beat_text, sizeof s->beat_text, "id: %s\n\n", id);
	s->out = (struct str){s->beat_text, (size_t)n};
}

static ssize_t on_read(void *arg, uint64_t pos, char *to, size_t max)
{
	struct request *req = arg;
	struct stream *s = req->stream;
	size_t n = 0;

	(void)pos;
	/* Not END_WITH_ERROR: behind an older connection that is idle, libmicrohttpd would not close this one until that has something to do.
	 * What it sends now fails, and that it sees. */
	if (!s || s->broken)
		return MHD_CONTENT_READER_END_OF_STREAM;
	while (n < max && (s->out.n || next_text(s)))
		n += copy_out(s, to + n, max - n);
	if (n == 0 && s->beat && !s->closing) {
		set_beat(s);
		n = copy_out(s, to, max);
	}
	s->beat = false;
	if (n > 0) {
		s->said_ms = now_ms(server_streams(req->web));
		renew_deadline(s);
		return (ssize_t)n;
	}
	if (s->closing || server_stopping(req->web))
		return MHD_CONTENT_READER_END_OF_STREAM;
	connection_no_deadline(server_connections(req->web), req->connection);
	request_suspend(req);
	return 0;
}

static void on_ready(struct reader *r)
{
	struct stream *s = (struct stream *)r;

	open_page(s);
	request_resume(s->req);
}

/* --- the end --- */

static void close_stream(struct stream *s)
{
	s->closing = true;
	if (s->begun)
		request_resume(s->req);
}

static void on_token_over(struct request *req)
{
	close_stream(req->stream);
}

void streams_end_all(struct streams *ss)
{
	for (struct stream *s = ss->head.next; s != &ss->head; s = s->next)
		close_stream(s);
}

static void stream_remove(struct request *req)
{
	struct streams *ss = server_streams(req->web);
	struct stream *s = req->stream;

	req->stream = NULL;
	auth_unwatch(req);
	loop_timer_free(s->again);
	reader_leave(&s->reader);
	s->prev->next = s->next;
	s->next->prev = s->prev;
	ss->n--;
}

static void on_left(struct request *req)
{
	req->stream->broken = true;
	request_resume(req);
}

/* --- time: heartbeats --- */

static void on_tick(void *arg)
{
	struct streams *ss = arg;
	int64_t now = now_ms(ss);

	for (struct stream *s = ss->head.next; s != &ss->head; s = s->next)
		if (s->begun && s->req->suspended && now - s->said_ms >= BEAT_MS) {
			s->beat = true;
			request_resume(s->req);
		}
	if (ss->n)
		loop_timer_set(ss->tick, TICK_MS);
}

/* --- the beginning --- */

static struct MHD_Response *stream_response(struct request *req)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, req, NULL);
}

static void begin(struct stream *s, struct page *page)
{
	struct request *req = s->req;

	request_watch(req, on_left);
	s->begun = true;
	s->said_ms = now_ms(server_streams(req->web));
	s->out = STR("retry: 2000\n\n");
	allow(s, 0);
	reader_join(server_topics(req->web), &s->reader, s->of_all ? NULL : &s->task, &s->from, page, on_ready);
	if (page)
		open_page(s);
	reply_made(&req->reply, "text/event-stream", stream_response);
}

static struct stream *stream_new(struct request *req, bool of_all)
{
	struct streams *ss = server_streams(req->web);
	struct stream *s;

	if (server_stopping(req->web)) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
		return NULL;
	}
	if (ss->n >= (size_t)server_settings(req->web)->web.max_streams) {
		reply_problem(&req->reply, req->arena, 503, "too_many_streams", "so many event streams are open already: %zu", ss->n);
		req->reply.retry_after_s = RETRY_S;
		return NULL;
	}
	s = ARENA_NEW(req->arena, struct stream);
	s->req = req;
	s->of_all = of_all;
	s->since_ms = now_ms(ss);
	s->prev = ss->head.prev;
	s->next = &ss->head;
	ss->head.prev->next = s;
	ss->head.prev = s;
	if (ss->n++ == 0)
		loop_timer_set(ss->tick, TICK_MS);
	req->stream = s;
	request_hold(req, stream_remove);
	auth_watch(req, on_token_over);
	return s;
}

static void refuse(struct request *req, const struct err *err)
{
	reply_err(&req->reply, req->arena, err);
	request_release(req);
}

/* Last-Event-ID, which a client that comes again sends, goes before the address that it was given first. false: there is none, or the
 * reply says what is wrong with it. */
static bool read_place(struct request *req, struct event_place *ret)
{
	const char *header = head_get(req, "Last-Event-ID");
	struct stream *s = req->stream;
	struct str text = STR_NONE;
	struct err err;

	if (request_param(req, "after", &text, &err) < 0 || request_param(req, "kind", &s->kind, &err) < 0 ||
	    (s->of_all && request_param(req, "workflow", &s->workflow, &err) < 0)) {
		refuse(req, &err);
		return false;
	}
	if (header && *header)
		text = str_from(header);
	if (!text.p)
		return false;
	if (event_place_parse(text, s->of_all, ret))
		return true;
	request_bad(&err, "\"" STR_FMT "\": expected an id of an event of %s", STR_ARG(text),
		    s->of_all ? "this stream, such as 715.12.3" : "this task, such as 12 or 12.3");
	refuse(req, &err);
	return false;
}

static void on_first_page(struct request *req, struct op *op)
{
	const struct events *e = op->err->code == ERR_NONE ? events_of(op) : NULL;
	struct stream *s = req->stream;

	if (!e) {
		refuse(req, op->err);
	} else if (e->gone) {
		reply_problem(&req->reply, req->arena, 410, "gone", "what came behind that event is kept no longer: begin without an id");
		request_release(req);
	} else if (e->ended && e->n == 0) {
		reply_empty(&req->reply);	/* whoever comes again behind the last event is told to stop coming */
		request_release(req);
	} else {
		begin(s, topics_full(server_topics(req->web)) ? NULL : page_new(server_topics(req->web), e, &s->from, s->of_all));
	}
}

void api_task_events(struct request *req)
{
	static const char *const known[] = {"after", "kind", NULL};
	struct stream *s;
	struct err err;
	struct uuid id;

	if (request_params_known(req, known, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	if (api_task_id(req, &id) < 0)
		return;
	s = stream_new(req, false);
	if (!s)
		return;
	s->task = id;
	s->from = event_place_first;
	if (!read_place(req, &s->from) && req->reply.status)
		return;
	req->op = events_of_task(server_store(req->web), arena_new(NULL), &s->task, &s->from, &req->by, STORE_DEADLINE_MS, request_done,
				 request_call(req, on_first_page));
}

/* --- all tasks, from now on --- */

static void ask_ready(struct request *req);

static void on_again(void *arg)
{
	ask_ready(arg);
}

static void on_watched(struct request *req, struct op *op)
{
	struct stream *s = req->stream;

	if (op->err->code != ERR_NONE) {
		refuse(req, op->err);
	} else if (events_watch_of(op)->ready) {
		if (!topics_tail(server_topics(req->web), &s->from))
			s->from = events_watch_of(op)->head;
		begin(s, NULL);
	} else if (now_ms(server_streams(req->web)) - s->since_ms > READY_MS) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "an old transaction of the database keeps the feed from beginning");
		request_release(req);
	} else {
		if (!s->again)
			s->again = loop_timer_new(server_loop(req->web), on_again, req);
		loop_timer_set(s->again, READY_AGAIN_MS);
	}
}

static void ask_ready(struct request *req)
{
	req->op = events_watch(server_store(req->web), arena_new(NULL), STORE_DEADLINE_MS, request_done, request_call(req, on_watched));
}

void api_all_events(struct request *req)
{
	static const char *const known[] = {"after", "kind", "workflow", NULL};
	struct stream *s;
	struct err err;

	if (request_params_known(req, known, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	s = stream_new(req, true);
	if (!s)
		return;
	if (read_place(req, &s->from))
		req->op = events_of_all(server_store(req->web), arena_new(NULL), &s->from, STORE_DEADLINE_MS, request_done,
					request_call(req, on_first_page));
	else if (!req->reply.status)
		ask_ready(req);
}

/* --- all streams --- */

struct streams *streams_new(struct arena *a, struct web *w)
{
	struct streams *ss = ARENA_NEW(a, struct streams);

	ss->web = w;
	ss->head.prev = ss->head.next = &ss->head;
	ss->tick = loop_timer_new(server_loop(w), on_tick, ss);
	return ss;
}

void streams_free(struct streams *ss)
{
	loop_timer_free(ss->tick);
}
