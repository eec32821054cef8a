/* trace_otlp.c - the tree of spans as OTLP writes it in JSON: integers of 64 bits are texts, ids are digits, what is not known is left
 * out. The names of attributes stand in one table, since OpenTelemetry still moves them. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "publish/trace.h"

#define SCHEMA_URL "https://opentelemetry.io/schemas/1.41.0"

enum { SPAN_INTERNAL = 1, SPAN_CLIENT = 3, STATUS_UNSET = 0, STATUS_ERROR = 2, FLAGS = 0x101 };	/* sampled; the parent is known: ours */

enum attribute {
	OPERATION, PROVIDER, CONVERSATION, WORKFLOW_NAME, AGENT_NAME, TOOL_NAME, TOOL_TYPE, TOOL_CALL_ID, REQUEST_MODEL, REQUEST_MAX_TOKENS,
	REQUEST_TEMPERATURE, REQUEST_STREAM, RESPONSE_MODEL, RESPONSE_ID, RESPONSE_FINISH_REASONS, RESPONSE_FIRST_CHUNK, USAGE_INPUT,
	USAGE_OUTPUT, USAGE_CACHE_READ, USAGE_CACHE_CREATION, USAGE_REASONING, USAGE_COST, ERROR_TYPE, HTTP_STATUS, TASK, PARENT_TASK, STATE,
	BUNDLE, LEFT_OUT, OPEN, STEP, STEP_KIND, STEP_STATUS, TRY, TRIES, ROUTE, ATTEMPT, ATTEMPTS, TASK_ATTEMPT, CALL, KEY, COST_USD,
	COST_SOURCE, POLICY, ERROR_CLASS
};

static const char *const names[] = {
	[OPERATION] = "gen_ai.operation.name",
	[PROVIDER] = "gen_ai.provider.name",
	[CONVERSATION] = "gen_ai.conversation.id",
	[WORKFLOW_NAME] = "gen_ai.workflow.name",
	[AGENT_NAME] = "gen_ai.agent.name",
	[TOOL_NAME] = "gen_ai.tool.name",
	[TOOL_TYPE] = "gen_ai.tool.type",
	[TOOL_CALL_ID] = "gen_ai.tool.call.id",
	[REQUEST_MODEL] = "gen_ai.request.model",
	[REQUEST_MAX_TOKENS] = "gen_ai.request.max_tokens",
	[REQUEST_TEMPERATURE] = "gen_ai.request.temperature",
	[REQUEST_STREAM] = "gen_ai.request.stream",
	[RESPONSE_MODEL] = "gen_ai.response.model",
	[RESPONSE_ID] = "gen_ai.response.id",
	[RESPONSE_FINISH_REASONS] = "gen_ai.response.finish_reasons",
	[RESPONSE_FIRST_CHUNK] = "gen_ai.response.time_to_first_chunk",
	[USAGE_INPUT] = "gen_ai.usage.input_tokens",
	[USAGE_OUTPUT] = "gen_ai.usage.output_tokens",
	[USAGE_CACHE_READ] = "gen_ai.usage.cache_read.input_tokens",
	[USAGE_CACHE_CREATION] = "gen_ai.usage.cache_creation.input_tokens",
	[USAGE_REASONING] = "gen_ai.usage.reasoning.output_tokens",
	[USAGE_COST] = "gen_ai.usage.cost",
	[ERROR_TYPE] = "error.type",
	[HTTP_STATUS] = "http.response.status_code",
	[TASK] = "agentd.task.id",
	[PARENT_TASK] = "agentd.task.parent",
	[STATE] = "agentd.task.state",
	[BUNDLE] = "agentd.bundle.sha256",
	[LEFT_OUT] = "agentd.spans.left_out",
	[OPEN] = "agentd.open",
	[STEP] = "agentd.step",
	[STEP_KIND] = "agentd.step.kind",
	[STEP_STATUS] = "agentd.step.status",
	[TRY] = "agentd.try",
	[TRIES] = "agentd.tries",
	[ROUTE] = "agentd.route",
	[ATTEMPT] = "agentd.attempt",
	[ATTEMPTS] = "agentd.attempts",
	[TASK_ATTEMPT] = "agentd.task.attempt",
	[CALL] = "agentd.call.id",
	[KEY] = "agentd.key.fingerprint",
	[COST_USD] = "agentd.cost.usd",
	[COST_SOURCE] = "agentd.cost.source",
	[POLICY] = "agentd.policy.sha256",
	[ERROR_CLASS] = "agentd.error.class",
};

/* Whose models a wire speaks to. Of a wire that many speak it is the provider's name that says so. */
static const struct {
	const char *wire, *provider;
} wires[] = {
	{"anthropic", "anthropic"},
	{"gemini", "gcp.gemini"},
	{"openrouter", "openrouter"},
};

/* --- values --- */

static struct str decimal(struct arena *a, int64_t n)
{
	return str_from(arena_printf(a, "%lld", (long long)n));
}

static void put(struct json_builder *b, enum attribute key, const char *type, const struct json *value)
{
	struct json_builder v, pair;

	json_object_begin_room(&v, b->a, 1);
	json_object_set(&v, str_from(type), value);
	json_object_begin_room(&pair, b->a, 2);
	json_object_setc(&pair, "key", json_stringc(b->a, names[key]));
	json_object_setc(&pair, "value", json_object_end(&v));
	json_array_add(b, json_object_end(&pair));
}

static void put_text(struct json_builder *b, enum attribute key, struct str s)
{
	if (s.n)
		put(b, key, "stringValue", json_string_ref(b->a, s));
}

static void put_int(struct json_builder *b, enum attribute key, int64_t n)
{
	put(b, key, "intValue", json_string_ref(b->a, decimal(b->a, n)));
}

static void put_double(struct json_builder *b, enum attribute key, double d)
{
	put(b, key, "doubleValue", json_double(b->a, d));
}

static void put_true(struct json_builder *b, enum attribute key)
{
	put(b, key, "boolValue", json_bool(true));
}

/* Members of rows: what is null or "" is left out. */
static void text_of(struct json_builder *b, enum attribute key, const struct json *row, const char *member)
{
	put_text(b, key, json_str(json_getc(row, member)));
}

static void int_of(struct json_builder *b, enum attribute key, const struct json *row, const char *member)
{
	int64_t n;

	if (json_to_int(json_getc(row, member), &n))
		put_int(b, key, n);
}

/* --- attributes --- */

static struct str provider_of(const struct json *call)
{
	struct str wire = json_str(json_getc(call, "wire"));

	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++)
		if (str_is(wire, wires[i].wire))
			return str_from(wires[i].provider);
	return json_str(json_getc(call, "provider"));
}

static void put_usage(struct json_builder *b, const struct trace_sum *sum)
{
	put_int(b, USAGE_INPUT, sum->in);
	put_int(b, USAGE_OUTPUT, sum->out);
	if (sum->in_cached)
		put_int(b, USAGE_CACHE_READ, sum->in_cached);
	if (sum->in_write)
		put_int(b, USAGE_CACHE_CREATION, sum->in_write);
	if (sum->out_reason)
		put_int(b, USAGE_REASONING, sum->out_reason);
}

static void put_cost(struct json_builder *b, const struct trace_sum *sum)
{
	char usd[40];

	money_format(sum->cost_pusd, usd);
	put_text(b, COST_USD, str_from(arena_strdup(b->a, usd)));
}

static void of_workflow(struct json_builder *b, const struct trace_span *s)
{
	int64_t left_out = 0;

	put_text(b, OPERATION, STR("invoke_workflow"));
	text_of(b, WORKFLOW_NAME, s->fact, "workflow");
	text_of(b, PARENT_TASK, s->fact, "parent");
	text_of(b, STATE, s->fact, "state");
	text_of(b, BUNDLE, s->fact, "bundle");
	if (json_to_int(json_getc(s->fact, "left_out"), &left_out) && left_out > 0)
		put_int(b, LEFT_OUT, left_out);
	put_int(b, ATTEMPTS, s->sum.n_calls);
	put_cost(b, &s->sum);
}

static void of_step(struct json_builder *b, const struct trace_span *s)
{
	text_of(b, STEP_KIND, s->fact, "kind");
	text_of(b, STEP_STATUS, s->fact, "status");
	if (s->kind == TRACE_TOOL)
		int_of(b, TRY, s->fact, "try");
	else
		int_of(b, TRIES, s->fact, "tries");
	text_of(b, ROUTE, s->fact, "tier");
	if (s->sum.n_calls) {
		put_int(b, ATTEMPTS, s->sum.n_calls);
		put_cost(b, &s->sum);
	}
}

static void of_agent(struct json_builder *b, const struct trace_span *s)
{
	put_text(b, OPERATION, STR("invoke_agent"));
	if (s->asked)
		put_text(b, PROVIDER, provider_of(s->asked));
	put_text(b, AGENT_NAME, s->step);
	put_usage(b, &s->sum);
	of_step(b, s);
}

static void of_tool(struct json_builder *b, const struct trace_span *s)
{
	put_text(b, OPERATION, STR("execute_tool"));
	text_of(b, TOOL_NAME, s->fact, "tool");
	put_text(b, TOOL_TYPE, STR("function"));
	text_of(b, TOOL_CALL_ID, s->fact, "call");
	of_step(b, s);
}

/* Both only where something came: a question is sent for a stream. */
static void put_stream(struct json_builder *b, const struct json *call)
{
	int64_t ms = 0;

	json_to_int(json_getc(call, "first_ms"), &ms);
	if (ms <= 0 || str_is(json_str(json_getc(call, "wire")), "replay") || !str_is(str_from(trace_operation(call)), "chat"))
		return;
	put_true(b, REQUEST_STREAM);
	put_double(b, RESPONSE_FIRST_CHUNK, (double)ms / 1000);
}

static void put_finish_reason(struct json_builder *b, const struct json *call)
{
	const struct json *reason = json_getc(call, "finish_reason");
	struct json_builder one, array;

	if (json_type(reason) != JSON_STRING)
		return;
	json_object_begin_room(&one, b->a, 1);
	json_object_setc(&one, "stringValue", reason);
	reason = json_object_end(&one);
	json_object_begin_room(&array, b->a, 1);
	json_object_setc(&array, "values", json_array(b->a, &reason, 1));
	put(b, RESPONSE_FINISH_REASONS, "arrayValue", json_object_end(&array));
}

static void of_chat(struct json_builder *b, const struct trace_span *s)
{
	const struct json *temperature = json_getc(s->fact, "temperature");

	put_text(b, OPERATION, str_from(trace_operation(s->fact)));
	put_text(b, PROVIDER, provider_of(s->fact));
	text_of(b, REQUEST_MODEL, s->fact, "model");
	int_of(b, REQUEST_MAX_TOKENS, s->fact, "max_output");
	if (json_is_number(temperature))
		put_double(b, REQUEST_TEMPERATURE, json_to_double(temperature));
	put_stream(b, s->fact);
	text_of(b, RESPONSE_MODEL, s->fact, "answered");
	text_of(b, RESPONSE_ID, s->fact, "request_id");
	put_finish_reason(b, s->fact);
	put_usage(b, &s->sum);
	put_double(b, USAGE_COST, (double)s->sum.cost_pusd / (double)PUSD_PER_USD);
	put_cost(b, &s->sum);
	text_of(b, COST_SOURCE, s->fact, "cost_source");
	int_of(b, HTTP_STATUS, s->fact, "http_status");
	text_of(b, ROUTE, s->fact, "tier");
	int_of(b, ATTEMPT, s->fact, "attempt");
	int_of(b, TASK_ATTEMPT, s->fact, "fence");
	text_of(b, CALL, s->fact, "id");
	text_of(b, KEY, s->fact, "key");
	text_of(b, POLICY, s->fact, "policy");
	put_text(b, ERROR_CLASS, s->error);
}

static void (*const of_kind[])(struct json_builder *b, const struct trace_span *s) = {
	[TRACE_WORKFLOW] = of_workflow, [TRACE_AGENT] = of_agent, [TRACE_ROUTE] = of_step,
	[TRACE_TOOL] = of_tool, [TRACE_STEP] = of_step, [TRACE_CHAT] = of_chat,
};

static const struct json *attributes(struct arena *a, const struct trace *t, const struct trace_span *s)
{
	struct json_builder b;

	json_array_begin(&b, a);
	of_kind[s->kind](&b, s);
	text_of(&b, TASK, t->facts, "task");
	text_of(&b, CONVERSATION, t->facts, "task");
	put_text(&b, STEP, s->path);
	put_text(&b, ERROR_TYPE, s->error);
	if (s->open)
		put_true(&b, OPEN);
	return json_array_end(&b);
}

/* --- the document --- */

static const struct json *nanoseconds(struct arena *a, int64_t us)
{
	return json_stringc(a, us > 0 ? arena_printf(a, "%lld000", (long long)us) : "0");
}

static const struct json *status(struct arena *a, const struct trace_span *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "code", json_int(a, s->error.n ? STATUS_ERROR : STATUS_UNSET));
	if (s->error.n)
		json_object_setc(&b, "message", json_string_ref(a, s->error));
	return json_object_end(&b);
}

static const struct json *span(struct arena *a, const struct trace *t, const struct trace_span *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "traceId", json_stringc(a, t->id));
	json_object_setc(&b, "spanId", json_stringc(a, s->id));
	if (s->parent)
		json_object_setc(&b, "parentSpanId", json_stringc(a, s->parent->id));
	json_object_setc(&b, "flags", json_int(a, FLAGS));
	json_object_setc(&b, "name", json_string_ref(a, s->name));
	json_object_setc(&b, "kind", json_int(a, s->kind == TRACE_CHAT ? SPAN_CLIENT : SPAN_INTERNAL));
	json_object_setc(&b, "startTimeUnixNano", nanoseconds(a, s->from_us));
	json_object_setc(&b, "endTimeUnixNano", nanoseconds(a, s->to_us));
	json_object_setc(&b, "attributes", attributes(a, t, s));
	json_object_setc(&b, "status", status(a, s));
	return json_object_end(&b);
}

static const struct json *one(struct arena *a, const char *key, const struct json *v)
{
	struct json_builder b;

	json_object_begin_room(&b, a, 1);
	json_object_set(&b, str_from(key), v);
	return json_object_end(&b);
}

static const struct json *pair(struct arena *a, const char *key, const char *value)
{
	struct json_builder b;

	json_object_begin_room(&b, a, 2);
	json_object_setc(&b, "key", json_stringc(a, key));
	json_object_setc(&b, "value", one(a, "stringValue", json_stringc(a, value)));
	return json_object_end(&b);
}

static const struct json *scope_spans(struct arena *a, const struct trace *t)
{
	struct json_builder scope, spans, b;

	json_object_begin(&scope, a);
	json_object_setc(&scope, "name", json_stringc(a, "agentd"));
	json_object_setc(&scope, "version", json_stringc(a, AGENTD_VERSION));
	json_array_begin(&spans, a);
	for (size_t i = 0; i < t->n; i++)
		json_array_add(&spans, span(a, t, t->spans[i]));
	json_object_begin(&b, a);
	json_object_setc(&b, "scope", json_object_end(&scope));
	json_object_setc(&b, "schemaUrl", json_stringc(a, SCHEMA_URL));
	json_object_setc(&b, "spans", json_array_end(&spans));
	return json_object_end(&b);
}

const struct json *trace_otlp(struct arena *a, const struct json *facts)
{
	const struct json *resource[] = {pair(a, "service.name", "agentd"), pair(a, "service.version", AGENTD_VERSION)};
	const struct json *scope = scope_spans(a, trace_make(a, facts)), *whole;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "resource", one(a, "attributes", json_array(a, resource, 2)));
	json_object_setc(&b, "scopeSpans", json_array(a, &scope, 1));
	whole = json_object_end(&b);
	return one(a, "resourceSpans", json_array(a, &whole, 1));
}
