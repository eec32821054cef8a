/* trace.h - what a task did, as a tree of spans, and as the document that collectors of traces read. Pure: the facts are the store's.
 *
 * Shapes:  spans are made of the rows that are there anyway: the task, its journal, its attempts at models. Nothing is kept of them, so
 *          the same task gives the same ids for ever: the trace's are the digits of the task's id, a span's are of a digest of what it
 *          stands for. Parents stand before their children, children in the order of their beginnings.
 *          What is open ends now, and says so.
 * Units:   _us; _pusd.
 * Memory:  the answer lives in the arena and points into facts, which must live as long.
 * Errors:  none: what facts do not hold is not said.
 * Source:  agentd-api(7), GET /tasks/ID/spans; agentd.task_trace() in sql/functions/5_sight.sql makes the facts. OTLP 1 as JSON;
 *          OpenTelemetry's names for GenAI, 1.41.
 */
#ifndef PUBLISH_TRACE_H
#define PUBLISH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct json;

enum trace_kind { TRACE_WORKFLOW, TRACE_AGENT, TRACE_ROUTE, TRACE_TOOL, TRACE_STEP, TRACE_CHAT };

enum { TRACE_ID = 32, TRACE_SPAN_ID = 16 };	/* digits */

/* Of all attempts at models below a span. */
struct trace_sum {
	int64_t n_calls;
	int64_t in, in_cached, in_write;	/* in: all of it, what was cached and written too */
	int64_t out, out_reason;		/* out: all of it */
	int64_t cost_pusd;
};

struct trace_span {
	struct trace_span *parent, *first, *last, *next;	/* first and last of its children; next: its sibling */
	int depth;
	enum trace_kind kind;
	char id[TRACE_SPAN_ID + 1];
	struct str name;			/* "execute_tool web.get" */
	struct str path, step;			/* of its step: where it stands, "" of the task; its id in the workflow */
	int64_t from_us, to_us;
	bool open;
	struct str error;			/* its class; "" */
	const struct json *fact;		/* the row that it was made of */
	const struct json *asked;		/* the last attempt below it; NULL: there is none */
	struct trace_sum sum;
};

struct trace {
	const struct json *facts;
	char id[TRACE_ID + 1];
	struct trace_span **spans;		/* the first is the task's */
	size_t n;
};

struct trace *trace_make(struct arena *a, const struct json *facts);
const char *trace_operation(const struct json *call);	/* chat or embeddings: what TRACE_CHAT was for */
/* The same as an ExportTraceServiceRequest: {"resourceSpans": [...]}. */
const struct json *trace_otlp(struct arena *a, const struct json *facts);

#endif
