/* gateway.h - one question to a tier: ordered steps, attempts, fallback, money.
 *
 * Shapes:  gateway_call() is an op. Inside: route (pure) picks the next step of the tier; the worst
 *          case is reserved (store/queue.h, a move that holds); the wire sends and streams;
 *          a failed attempt is settled and recorded at once; the last attempt, good or bad, is handed
 *          to the caller unsettled, so that it commits in one transaction with the step's row. In mode shadow the
 *          tier walked is the other gateway's, and each record says what our own would have done.
 *          gateway_embed() is the same op for texts: its tier has one model of kind embedding, and no other is asked in
 *          its place. More texts than one request may hold go out one batch behind the other, each an attempt of its own.
 *          Who wants the text as it comes (on_text) gets it from one attempt only: once a piece was passed on,
 *          a failure ends the call.
 * Units:   _ms, _pusd, tokens.
 * Memory:  the request is copied; the answer lives in op->arena.
 * Errors:  ERR_MODEL_*, of the last attempt when all failed; ERR_MODEL_NO_ROUTE (unknown tier, no step allowed or
 *          configured or able; only too long for them: ERR_MODEL_CONTEXT_OVERFLOW); ERR_MODEL_INVALID_REQUEST (request.h);
 *          ERR_BUDGET_USD (reservation refused, by a budget or a cap); where every breaker is open, what opened the one that closes first;
 *          ERR_LEASE_LOST (the fence is gone); ERR_CANCELLED.
 * Source:  agentd-routing(5).
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"
#include "config/routing.h"
#include "store/queue.h"

struct gateway;
struct health;
struct http;
struct json;
struct probes;
struct store;

enum { EMBED_TEXTS_MAX = 2048 };

struct gateway *gateway_new(struct loop *l, struct http *h, struct store *s);
bool gateway_is_idle(const struct gateway *g);
void gateway_free(struct gateway *g);		/* no call may be in flight */
/* The snapshot must live until gateway_free(); calls in flight go on with the one they began with. */
void gateway_set_routing(struct gateway *g, const struct routing *r);
/* What is known of probes from now on; copied. Before it was told the gateway asks for none. Whether other providers have one than
 * before. */
bool gateway_set_probes(struct gateway *g, const struct probes *p);

struct health *gateway_health(struct gateway *g);	/* what it knows of its providers (health.h) */

/* A tool that the model may ask for. */
struct model_tool {
	struct str name;		/* as the model sees it: [A-Za-z0-9_-]{1,64} */
	struct str description;
	const struct json *args;	/* JSON Schema, type object or no type; NULL: no arguments */
};

struct tool_call {
	struct str id, name, args;	/* args: JSON text as the model wrote it, not parsed; nothing counts as {} */
};

enum message_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

/* Every call of an assistant's message is answered by one ROLE_TOOL message before anybody else speaks. */
struct message {
	enum message_role role;
	struct str text;		/* ROLE_TOOL: the result */
	const struct tool_call *calls;	/* ROLE_ASSISTANT: what it asked for */
	size_t n_calls;
	struct str call_id;		/* ROLE_TOOL: of which call */
	bool is_error;			/* ROLE_TOOL: the call failed */
	struct str echo;		/* ROLE_ASSISTANT: as the answer had it */
};

/* What a person may allow: one reservation over caps that refused it. */
struct spend_ask {
	struct str tier, model, provider, path;
	int64_t amount_pusd;
	const struct json *caps;	/* those caps with their figures, see sql/functions/3_caps.sql */
};

/* What a person allowed. */
struct spend_grant {
	struct str approval, model;	/* id; the model of the step that it is for */
	struct digest digest;
};

struct model_request {
	struct uuid task;
	int fence;
	struct str token;		/* who asks, where no task does, as in struct move; STR_NONE: a task */
	struct str path;		/* "draft~2/turn-1": stands in model_calls and spend_hold */
	const struct json *facts;	/* .task of routing conditions */
	struct str tier;
	const struct message *messages;
	size_t n_messages;
	const struct str *texts;	/* gateway_embed(): to embed, none empty; no messages then */
	size_t n_texts;			/* at most EMBED_TEXTS_MAX */
	const struct model_tool *tools;	/* only models that can use tools are asked then; needed while messages hold calls */
	size_t n_tools;
	const struct json *output;	/* JSON Schema of the answer; NULL: text */
	int64_t max_output;		/* tokens; 0: the model's */
	double temperature;		/* < 0: not given */
	int64_t deadline_ms;		/* from now; 0: the tier's */
	const struct spend_limit *limits;	/* step budgets above this path */
	size_t n_limits;
	const struct spend_grant *grant;	/* NULL: none */
	/* Text of the answer as it comes, whole characters, in loop callbacks. It is the beginning of the answer's text: a wire that
	 * has it only at its end passes nothing. NULL: nobody wants it. */
	void (*on_text)(void *arg, struct str piece);
	void *text_arg;
};

struct model_answer {
	struct str model, provider;	/* names in routing.yaml of who was asked last; STR_NONE: nobody. Vectors of different models never mix */
	struct str text;		/* valid UTF-8 without NUL */
	struct str finish_reason;	/* stop length tool_calls */
	const struct tool_call *tool_calls;	/* of tools that were offered, or of names the model made up; ids differ */
	size_t n_tool_calls;		/* > 0: text may be empty */
	struct str echo;		/* what the provider wants back with this turn, JSON; keep it with the turn. "": nothing */
	const float *vectors;		/* gateway_embed(): of text i from vectors[i * dims]; each of length 1 */
	size_t n_vectors, dims;
	const struct model_call *calls;	/* attempts not recorded yet (0 or 1): put them into the move that ends the step; also on errors */
	size_t n_calls;
	int64_t cost_pusd;		/* of all attempts of this call */
	struct usage usage;		/* sum of all attempts */
	enum exhausted_do then;		/* of a tier at its end: what it says becomes of the question. EXHAUSTED_FAIL: the error does */
	int64_t again_ms;		/* EXHAUSTED_REQUEUE: sooner it would be of no use; 0: not known */
	const struct spend_ask *ask;	/* with ERR_BUDGET_USD: a person may allow it; NULL: nobody is asked */
};

struct op *gateway_call(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg);
/* Of req: texts, tier, task, fence, path, facts, deadline_ms and limits. All texts or none: on errors there are no vectors. */
struct op *gateway_embed(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg);
const struct model_answer *gateway_answer_of(const struct op *op);	/* in the completion, also when err is set; model and provider in on_text, too */

/* What `agentd` prints at start and `./dev up` says: which steps of each tier are configured here. One JSON
 * object {tier: [{model, provider, configured, key_env, key_fingerprint, base_url, reason, warning, left_out}]}; left_out: why mode
 * live does not ask it although it is configured, as far as probes are known (p NULL: null). Reads the environment, calls nobody. */
const struct json *gateway_describe(struct arena *a, const struct routing *r, const struct probes *p);
/* The same of the gateway that answers in mode shadow, one such object without tier and model; NULL: the file has none. */
const struct json *gateway_describe_shadow(struct arena *a, const struct routing *r);
/* [{cap, scope, window, zone, limit_pusd, on_exceeded}], for sight_tell_caps(). */
const struct json *gateway_caps(struct arena *a, const struct routing *r);

/* What would become of such a question now, as gateway_call() would decide it: {"tier", "mode", "takes", "else", "steps": [{"model",
 * "provider", "verdict", "why", "shut_ms", "taken"}]}. h NULL: nothing is known of the providers' health. */
struct explain_question {
	const struct json *task;	/* .task of conditions; NULL: none */
	int64_t input_tokens, max_output;
	bool has_tools;
};
const struct json *gateway_explain(struct arena *a, const struct routing *r, const struct tier *t, const struct health *h,
				   const struct explain_question *q);

#endif
