/* err.c - the table of err.def and the few ways to fill a struct err. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	bool retryable;
	int exit_status;
} table[ERR_COUNT] = {
#define ERR(code, name, retryable, exit_status) [code] = {name, retryable, exit_status},
#include "base/err.def"
#undef ERR
};

/* A text that was cut at n bytes may end inside a character. */
static void cut_whole(char *s, size_t n)
{
	size_t at = n;

	while (at > 0 && ((unsigned char)s[at - 1] & 0xC0) == 0x80)
		at--;
	if (at == 0 || ((unsigned char)s[at - 1] & 0xC0) != 0xC0)
		return;		/* ends in ASCII, or is no UTF-8 at all */
	if (n - at < ((unsigned char)s[at - 1] >= 0xF0 ? 3U : (unsigned char)s[at - 1] >= 0xE0 ? 2U : 1U))
		s[at - 1] = '\0';
}

int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap)
{
	if (!err)
		return -1;
	err_clear(err);
	err->code = code;
	err->retryable = table[code].retryable;
	if (vsnprintf(err->msg, sizeof err->msg, fmt, ap) >= (int)sizeof err->msg)
		cut_whole(err->msg, sizeof err->msg - 1);
	return -1;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof err->hint, fmt, ap);
	va_end(ap);
	return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof err->msg];
	va_list ap;
	size_t n;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof old);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof err->msg - n, "%s", old);
	return -1;
}

int err_copy(struct err *err, const struct err *from)
{
	if (err)
		*err = *from;
	return -1;
}

void err_clear(struct err *err)
{
	if (!err)
		return;
	err->code = ERR_NONE;
	err->retryable = false;
	err->status = 0;
	err->retry_after_ms = 0;
	err->msg[0] = '\0';
	err->hint[0] = '\0';
}

const char *err_name(enum err_code code)
{
	return table[code].name;
}

bool err_code_is_retryable(enum err_code code)
{
	return table[code].retryable;
}

int err_exit_status(enum err_code code)
{
	return table[code].exit_status;
}

enum err_code err_by_name(const char *name)
{
	for (int i = 1; i < ERR_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return (enum err_code)i;
	return ERR_NONE;
}

void fatal(const char *fmt, ...)
{
	va_list ap;

	fputs("agentd: fatal: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}
