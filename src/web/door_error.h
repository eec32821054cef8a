/* door_error.h - errors as OpenAI's clients read them: {"error": {"message", "type", "param", "code"}}, all four always there.
 *
 * Shapes:  clients repeat 408, 409, 429 and all 5xx by themselves: where that cannot help the answer says x-should-retry: false,
 *          where a time is known Retry-After.
 * Memory:  the request's arena.
 * Errors:  none.
 * Source:  agentd-api(7), "Errors of the OpenAI-compatible routes".
 */
#ifndef WEB_DOOR_ERROR_H
#define WEB_DOOR_ERROR_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct door_fault;
struct err;
struct request;

struct door_error {
	int status;
	const char *type, *code, *param;	/* code, param: NULL: null */
	struct str message;
	bool final;				/* the same again gets the same answer */
	int retry_after_s;			/* 0: not known */
};

/* What the gateway or the store says. Our own faults are logged and show no detail. */
struct door_error door_error_of(const struct err *err);
struct door_error door_error_of_fault(const struct door_fault *f);
struct str door_error_text(struct arena *a, const struct door_error *e);	/* the document */
void door_refuse(struct request *req, const struct door_error *e);	/* decides the reply */
void door_refuse_fault(struct request *req, const struct door_fault *f);
/* The reply is a problem document of the other routes: it becomes the same in this form. */
void door_translate(struct request *req);

#endif
