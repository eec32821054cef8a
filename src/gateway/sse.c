/* sse.c - lines first, fields second, events last; nothing is decoded before its line is whole. */
#include "gateway/sse.h"

#include "base/err.h"

void sse_init(struct sse *s, struct arena *a, sse_event_fn *event, void *arg)
{
	*s = (struct sse){.event = event, .arg = arg};
	buf_init(&s->line, a);
	buf_init(&s->data, a);
	buf_init(&s->name, a);
}

static int end_event(struct sse *s, struct err *err)
{
	int status = 0;

	if (s->has_data && s->data.n > 0)
		status = s->event(s->arg, buf_str(&s->name), buf_str(&s->data), err);
	buf_reset(&s->data);
	buf_reset(&s->name);
	s->has_data = false;
	return status;
}

static int add_data(struct sse *s, struct str value, struct err *err)
{
	if (s->data.n + value.n + 1 > SSE_EVENT_MAX)
		return err_set(err, ERR_SIZE, "an event of the stream has more than %d bytes", SSE_EVENT_MAX);
	if (s->has_data)
		buf_addc(&s->data, '\n');
	s->has_data = true;
	buf_addstr(&s->data, value);
	return 0;
}

static int end_line(struct sse *s, struct str line, struct err *err)
{
	ptrdiff_t colon;
	struct str name, value = STR("");

	if (!s->begun && str_starts(line, STR("\xEF\xBB\xBF")))
		line = str_sub(line, 3, line.n);
	s->begun = true;
	if (line.n == 0)
		return end_event(s, err);
	colon = str_chr(line, ':');
	if (colon == 0)
		return 0;	/* a comment: keeps the connection alive */
	name = colon < 0 ? line : str_sub(line, 0, (size_t)colon);
	if (colon >= 0)
		value = str_sub(line, (size_t)colon + 1, line.n);
	if (value.n > 0 && value.p[0] == ' ')
		value = str_sub(value, 1, value.n);
	if (str_is(name, "data"))
		return add_data(s, value, err);
	if (str_is(name, "event")) {
		buf_reset(&s->name);
		buf_addstr(&s->name, value);
	} else if (s->stray && s->stray->n + line.n < SSE_STRAY_MAX && !str_is(name, "id") && !str_is(name, "retry")) {
		buf_addstr(s->stray, line);
		buf_addc(s->stray, '\n');
	}
	return 0;
}

/* The rest of a line that is over: alone, or behind what was kept of it. */
static int take_line(struct sse *s, struct str rest, struct err *err)
{
	int status;

	if (s->line.n + rest.n > SSE_LINE_MAX)
		return err_set(err, ERR_SIZE, "a line of the stream has more than %d bytes", SSE_LINE_MAX);
	if (s->line.n == 0)
		return end_line(s, rest, err);
	buf_addstr(&s->line, rest);
	status = end_line(s, buf_str(&s->line), err);
	buf_reset(&s->line);
	return status;
}

static int keep(struct sse *s, struct str rest, struct err *err)
{
	if (s->line.n + rest.n > SSE_LINE_MAX)
		return err_set(err, ERR_SIZE, "a line of the stream has more than %d bytes", SSE_LINE_MAX);
	buf_addstr(&s->line, rest);
	return 0;
}

static int feed(struct sse *s, struct str piece, struct err *err)
{
	size_t from = 0;

	for (size_t i = 0; i < piece.n; i++) {
		char c = piece.p[i];

		if (s->after_cr && c == '\n') {
			s->after_cr = false;
			from = i + 1;
			continue;
		}
		s->after_cr = c == '\r';
		if (c != '\n' && c != '\r')
			continue;
		if (take_line(s, str_sub(piece, from, i - from), err) < 0)
			return -1;
		from = i + 1;
	}
	return from < piece.n ? keep(s, str_sub(piece, from, piece.n), err) : 0;
}

int sse_feed(struct sse *s, struct str piece, struct err *err)
{
	if (s->failed)
		return err_set(err, ERR_INTERNAL, "the stream failed before");
	if (feed(s, piece, err) < 0)
		s->failed = true;
	return s->failed ? -1 : 0;
}

bool sse_end(const struct sse *s)
{
	return s->line.n > 0 || s->has_data;
}
