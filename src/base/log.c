/* log.c - one write(2) per line: lines of threads and processes on one pipe do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 4096, VALUE_MAX_BYTES = 512, QUOTES = 8, QUOTE_BYTES = VALUE_MAX_BYTES * 6 + 16 };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static enum log_level limit = LOG_LEVEL_INFO;
static char name[32] = "agentd";

void log_set_level(enum log_level level)
{
	limit = level;
}

bool log_level_parse(const char *text, enum log_level *ret)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (str_is(str_from(text), level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_set_name(const char *program)
{
	snprintf(name, sizeof name, "%s", program);
}

/* Values that did not go through log_quote() cannot forge a line either. */
static void flatten(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
}

static size_t clipped(int n, size_t room)
{
	if (n < 0)
		return 0;
	return (size_t)n < room ? (size_t)n : room - 1;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES], time[32];
	size_t n, room = sizeof line - 1;
	va_list ap;
	int rc;

	if (level > limit)
		return;
	time_format(clock_wall_us(), time);
	n = clipped(snprintf(line, room, "%s %s %s[%d] %s ", time, level_names[level], name, (int)getpid(), event),
		    room);
	va_start(ap, fmt);
	rc = vsnprintf(line + n, room - n, fmt, ap);
	va_end(ap);
	n += clipped(rc, room - n);
	while (n && line[n - 1] == ' ')
		n--;
	flatten(line, n);
	line[n++] = '\n';
	/* Nobody is left to tell when standard error is gone. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

/* Characters that show nothing, or change how others show. */
static bool is_hidden(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || cp == 0xad || cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xfff9 && cp <= 0xfffb) || (cp >= 0xe0000 && cp <= 0xe0fff);
}

static size_t quote_ascii(char *out, size_t room, unsigned char c)
{
	switch (c) {
	case '\n':
		return clipped(snprintf(out, room, "\\n"), room);
	case '\r':
		return clipped(snprintf(out, room, "\\r"), room);
	case '\t':
		return clipped(snprintf(out, room, "\\t"), room);
	case '"':
	case '\\':
		return clipped(snprintf(out, room, "\\%c", c), room);
	default:
		if (c >= 0x20 && c < 0x7f)
			return clipped(snprintf(out, room, "%c", c), room);
		return clipped(snprintf(out, room, "\\x%02x", c), room);
	}
}

/* One character of s at *i, escaped. */
static size_t quote_next(char *out, size_t room, struct str s, size_t *i)
{
	unsigned char c = (unsigned char)s.p[*i];
	size_t from = *i, bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t cp;

	if (c < 0x80 || !utf8_valid(str_sub(s, from, bytes)) || s.n - from < bytes) {
		*i += 1;
		return quote_ascii(out, room, c);
	}
	cp = utf8_next(s, i);
	if (is_hidden(cp))
		return clipped(snprintf(out, room, "\\u{%x}", cp), room);
	memcpy(out, s.p + from, bytes);
	return bytes;
}

const char *log_quote(struct str s)
{
	static _Thread_local char buffers[QUOTES][QUOTE_BYTES];
	static _Thread_local unsigned turn;
	char *out = buffers[turn++ % QUOTES];
	size_t n = 0, i = 0;

	out[n++] = '"';
	while (i < s.n && i < VALUE_MAX_BYTES)
		n += quote_next(out + n, QUOTE_BYTES - n, s, &i);
	out[n++] = '"';
	if (i < s.n)
		n += clipped(snprintf(out + n, QUOTE_BYTES - n, "..."), QUOTE_BYTES - n);
	out[n] = '\0';
	return out;
}

const char *log_quotec(const char *s)
{
	return log_quote(str_from(s));
}
