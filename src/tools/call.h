/* call.h - one call in flight: what the registry and the runners share. Private to the room.
 *
 * Shapes:  a runner's start() begins with the arguments checked and the templates' root made; sooner or
 *          later it ends in exactly one call_succeed() or call_fail(). `part` is the operation that runs
 *          on behalf of the call; cancelling the call cancels the part.
 * Units:   _ms.
 * Memory:  values live in call->op.arena. A part gets an arena of its own below it.
 * Errors:  as tools.h.
 * Source:  tools.h.
 */
#ifndef TOOLS_CALL_H
#define TOOLS_CALL_H

#include <stdatomic.h>

#include "config/manifest.h"
#include "tools/secret.h"
#include "tools/tools.h"

struct artifact_port;
struct tmpl;

struct call {
	struct op op;			/* first */
	struct http *http;
	const struct settings *settings;
	const struct artifact_port *artifacts;	/* NULL: nobody keeps any */
	const struct manifest *manifest;
	struct tool_request req;	/* timeout_ms: what counts, never 0 */
	struct tool_result result;
	bool asks;			/* manifest is a query; its value becomes said */
	struct tool_said said;
	int64_t deadline_ms;		/* loop_now_ms() */
	struct secrets secrets;
	const struct json *root;	/* of templates: {args, task, effect_key} */
	const struct json *secret_root;	/* the same and {credentials} */
	struct op *part;		/* NULL: none runs */
	atomic_bool cancelled;		/* also read by work on the thread pool */
	void *state;			/* the runner's */
};

struct runner {
	enum runner_kind kind;
	const char *name;		/* the manifest's key */
	void (*start)(struct call *c);
};

extern const struct runner run_http, run_exec, run_fs, run_artifact;

static inline struct arena *call_arena(const struct call *c)
{
	return c->op.arena;
}

/* The value is shaped to the manifest's cap; what does not fit ends the call with tool.output. */
void call_succeed(struct call *c, const struct json *value);
void call_fail(struct call *c, enum tool_outcome outcome, const struct err *err);
bool call_is_repeatable(const struct call *c);	/* pure and idempotent: agentd-tool(5), "EFFECTS" */

/* A template with the root that fits it. what names it in messages: "header \"x\"". Fails with ERR_TOOL_ARGS;
 * the reason is withheld when the template reads credentials. */
int call_text(struct call *c, const struct tmpl *t, const char *what, struct str *ret, struct err *err);
int call_value(struct call *c, const struct tmpl *t, const char *what, const struct json **ret, struct err *err);
/* Does the template read this name of the root (or all of the root)? */
bool tmpl_reads(const struct tmpl *t, const char *name);

#endif
