/* log.h - one line per event on standard error: time level event key=value ...
 *
 * Shapes:  keys and event names are literals; values are escaped (control,
 *          quote, invalid UTF-8) and cut at 512 bytes, so that text from
 *          models and users can neither forge a line nor flood the log.
 * Memory:  none kept; a line is one write(2).
 * Errors:  a full or closed standard error is ignored.
 * Source:  agentd(8), section LOG.
 *
 *   log_info("task.finished", "task=%s state=%s", id, state)
 * The format is for keys and plain values; text from outside goes through
 * log_quote(), which returns one of a few static buffers per thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret);	/* error warn info debug */
void log_set_name(const char *program);				/* "worker": printed in every line */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *log_quote(struct str s);
const char *log_quotec(const char *s);

#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
