/* tools.h - the registry: manifests made callable, one runner per file.
 *
 * Shapes:  tools_call() is an op. It says what is known of the effect: not begun, done, or not known;
 *          what follows from that for the ledger is the engine's (engine/effect.c).
 * Units:   _ms, _bytes.
 * Memory:  the request's values must live until the completion; the result lives in op->arena.
 * Errors:  ERR_TOOL_UNKNOWN, ERR_TOOL_ARGS, ERR_TOOL_FAILED (err.status where there was one),
 *          ERR_TOOL_TIMEOUT, ERR_TOOL_OUTPUT, ERR_CANCELLED. err.retryable as agentd-workflow(5), "ERROR TYPES" says
 *          for the class given in the request.
 * Source:  agentd-tool(5).
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"
#include "config/workflow.h"

struct artifact_port;
struct http;
struct json;
struct manifest;
struct settings;
struct tools;

struct tools *tools_new(struct loop *l, struct http *h, const struct settings *settings);
void tools_free(struct tools *t);		/* no call may be in flight */
/* Sorted by name; must live until tools_free(). */
void tools_set_manifests(struct tools *t, const struct manifest *const *v, size_t n);
/* artifact.h; must live until tools_free(). */
void tools_set_artifacts(struct tools *t, const struct artifact_port *p);
const struct manifest *tools_find(const struct tools *t, struct str name);	/* NULL: unknown */

/* Whether this worker serves the lanes of all tools that the workflow names; else the lane its tasks belong to (config/lane.h). */
bool tools_serve(const struct tools *t, const struct workflow *w);
struct str tools_lane(struct arena *a, const struct tools *t, const struct workflow *w);

struct tool_request {
	struct str tool;
	const struct json *args;	/* an object */
	struct str step;		/* path of what calls, for those who ask where something came from */
	struct uuid task;
	int fence;
	const struct json *facts;	/* .task of templates */
	struct digest effect_key;	/* templates see it as hex text */
	enum effect_class effect;	/* the stricter of pinned and live: decides what may be repeated */
	int64_t timeout_ms;		/* 0: the manifest's; else the smaller */
};

enum tool_outcome {
	TOOL_NOT_BEGUN,		/* certain: nothing left this process (arguments refused, connect failed, program missing) */
	TOOL_DONE,		/* a full answer came: value, or an error that the other side states (4xx except 408) */
	TOOL_UNKNOWN		/* may have happened: timeout, reset, 408, 5xx, killed */
};

struct tool_result {
	enum tool_outcome outcome;
	const struct json *value;	/* NULL: none came, and err says why */
	bool truncated;
};

struct op *tools_call(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg);
/* As op_cancel(), but a program gets no time to end by itself: the lease is lost, somebody else may do the same now. */
void tools_kill(struct op *op);
const struct tool_result *tools_result_of(const struct op *op);	/* in the completion; also when err is set */

/* The query of a tool about an uncertain call (the manifest's `reconcile`; it must have one): what became of it? It changes
 * nothing and may be repeated. Errors are as good as "unknown". */
enum said { SAID_UNKNOWN, SAID_HAPPENED, SAID_DID_NOT_HAPPEN };
struct tool_said {
	enum said what;
	const struct json *result;	/* when it happened */
};
struct op *tools_ask(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg);
const struct tool_said *tools_said_of(const struct op *op);	/* in the completion; lives in op->arena */

/* The directory of a task: <workspace_dir>/<task id>, made on first use; removed by the sweeper. */
const char *tools_workspace(struct arena *a, const struct settings *settings, const struct uuid *task);

#endif
