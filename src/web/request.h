/* request.h - one HTTP request from its first line to its reply.
 *
 * Shapes:  life: line -> headers checked -> token -> scope -> body -> handler -> reply. A handler
 *          either decides req->reply, or calls request_suspend() and later decides it and
 *          calls request_resume(), both on the loop.
 * Units:   bytes, _ms.
 * Memory:  everything in req->arena, freed when the connection is done with the request. An op started by a handler
 *          has an arena of its own; when the request ends first (client gone), req->op is cancelled and its
 *          completion must not touch the request: request_of(op arg) is NULL then.
 * Errors:  through reply.h.
 * Source:  agentd-api(7), "Requests".
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "store/tasks.h"
#include "web/reply.h"

struct MHD_Connection;
struct arena;
struct door_call;
struct door_flow;
struct fork;
struct hook_visit;
struct json;
struct route;
struct submitted;
struct web;

enum request_phase { REQ_HEADERS, REQ_AUTHORISED, REQ_BODY, REQ_HANDLED, REQ_SENT };

struct request {
	struct web *web;
	struct arena *arena;
	struct MHD_Connection *connection;
	enum request_phase phase;
	int64_t began_ms;		/* CLOCK_BOOTTIME */
	const struct route *route;
	struct str method, target, path, query;	/* path and query as sent, checked */
	struct str id;			/* of /tasks/:id, as sent */
	struct str name;		/* of /tasks/:id/artifacts/:name or /workflows/:name, decoded */
	struct principal by;
	unsigned scopes;
	struct buf body;
	size_t max_body;
	size_t taken;			/* of its body */
	size_t open_bytes;		/* of it that count until it is known who sent it, see server_trust() */
	bool begun;			/* its taker knows of it */
	bool too_large;
	bool suspended;
	bool gone;			/* the connection ended while an op was under way */
	struct op *op;			/* under way for this request */
	struct reply reply;
	struct waiter *waiter;		/* wait.c's */
	struct stream *stream;		/* events.c's */
	void (*release)(struct request *req);	/* request_hold(); NULL: nobody holds on to it */
	struct loop_fd *watch;			/* request_watch(); NULL: none */
	void (*left)(struct request *req);
	struct digest token;		/* of the token that it came with */
	unsigned long notices;		/* wait_notices() before the view was asked for */
	void *work;			/* api_other.c: on the thread pool, lives in the op's arena */
	struct submission *submission;	/* api_tasks.c */
	void (*submitted)(struct request *req, const struct submitted *s);	/* what becomes of it then; NULL: 202 */
	struct watched *watched;	/* auth.c's; NULL: its token is not asked for again */
	struct hook_visit *hook;	/* hooks.c's; NULL: no delivery of a webhook */
	struct intake *intake;		/* intake.c's; NULL: no files come with it */
	struct form *form;		/* api_artifacts.c */
	struct download *download;	/* download.c's */
	struct fork *fork;		/* api_control.c */
	struct door_call *call;		/* door_call.c's */
	struct door_flow *flow;		/* door_workflow.c's */
	int refs;			/* the connection, and an op under way */
	struct request *prev, *next;	/* server.h: the list of requests alive */
};

struct request *request_new(struct web *w, const char *target);
/* The connection has ended or the reply was sent. */
void request_end(struct request *req);
void request_ref(struct request *req);
void request_unref(struct request *req);

void request_suspend(struct request *req);
void request_resume(struct request *req);	/* the reply is decided */

/* One holder per request: release() is called once, when the request ends or by request_release(), and takes it off the holder's lists. */
void request_hold(struct request *req, void (*release)(struct request *req));
void request_release(struct request *req);
/* libmicrohttpd does not look at suspended connections: left() is called once when the client has gone, unless the request was released
 * before. Resuming lets libmicrohttpd find out. */
void request_watch(struct request *req, void (*left)(struct request *req));

/* Start an op for this request: suspends it; the completion is called only while the connection is there,
 * and must decide the reply (or start another op). Use as: req->op = x_start(..., request_done, request_call(req, fn)). */
typedef void request_fn(struct request *req, struct op *op);
void *request_call(struct request *req, request_fn *fn);
struct request *request_of_call(void *call);	/* for work on the thread pool: whose call it is */
void request_done(struct op *op, void *arg);

/* A query parameter, decoded; false when absent. Bad escapes and a second one of the same name are errors. */
int request_param(struct request *req, const char *name, struct str *ret, struct err *err);
/* -1 with what makes a 400 of reply_err(): the text of a parameter is not what it should be. */
int request_bad(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int request_limit(struct request *req, int *ret, struct err *err);	/* ?limit=, the length of a page */
int request_uuid(struct request *req, const char *name, const char *what, struct uuid *ret, struct err *err);	/* untouched when absent */
/* The id in the path; -1: one that cannot be an id is as unknown as any other, the reply is 404. */
int request_id(struct request *req, const char *what, struct uuid *ret);
/* The same in a body that is a form (application/x-www-form-urlencoded). */
int request_field(struct request *req, const char *name, struct str *ret, struct err *err);
/* Refuse parameters that the route does not know. names NULL-ended. */
int request_params_known(struct request *req, const char *const *names, struct err *err);
/* For routes that take none; -1: the reply is decided. */
int request_no_params(struct request *req);
const struct json *request_json(struct request *req, struct err *err);	/* the body, strictly parsed */
/* The same where it is an object with no keys but these (up to a NULL). */
const struct json *request_object(struct request *req, const char *const *keys, struct err *err);

#endif
