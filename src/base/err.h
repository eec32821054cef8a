/* err.h - what went wrong, for machines and for people.
 *
 * Shapes:  struct err is a value the caller owns, usually on its stack. code
 *          comes from err.def, whose names are the error types that workflows
 *          see (agentd-workflow(5), "ERROR TYPES": expression, tool.failed, model.rate_limited ...).
 * Memory:  fixed text inside; copying the struct copies everything.
 * Errors:  functions return 0 or -1 and fill *err only on -1. err may be NULL.
 *          Messages: lower case, values quoted, what was expected, no full stop.
 * Source:  err.def. retry rules read err.retryable, nothing else.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
#define ERR(code, name, retryable, exit_status) code,
#include "base/err.def"
#undef ERR
	ERR_COUNT
};

struct err {
	enum err_code code;	/* ERR_NONE: no error */
	bool retryable;		/* from err.def; may be narrowed or widened by who knows better */
	int status;		/* HTTP status where there was one, else 0 */
	int retry_after_ms;	/* hint of the other side, 0: none */
	char msg[400];
	char hint[160];		/* "" or one line of advice */
};

/* All return -1, so that a failure is one line: return err_set(err, ERR_JSON, "..."); */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_copy(struct err *err, const struct err *from);
void err_clear(struct err *err);

const char *err_name(enum err_code code);		/* "tool.failed" */
bool err_code_is_retryable(enum err_code code);
int err_exit_status(enum err_code code);		/* documented in agentctl(1) */
/* The code with that name, or ERR_NONE. */
enum err_code err_by_name(const char *name);

/* Lost invariants and start-up only: print and end the process (abort / exit 1). */
void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
