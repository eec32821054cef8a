/* wire.h - how one kind of provider is spoken to: a table row per wire.
 *
 * Shapes:  a wire either speaks HTTP (request, decoder, piece, end, refused) and is driven by
 *          attempt.c, or answers by itself (start). Embeddings are whole documents, not streams: embed and
 *          embedded in the place of request and decoder. Adding a wire is a file, a row of wires[], a test
 *          and a paragraph of agentd-routing(5).
 * Units:   tokens, pico-dollars, milliseconds.
 * Memory:  everything a wire returns lives in the arena of the attempt.
 * Errors:  ERR_MODEL_*, classified by the wire: err->retryable and err->retry_after_ms tell more.
 * Source:  agentd-routing(5), "PROVIDERS".
 */
#ifndef GATEWAY_WIRE_H
#define GATEWAY_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"
#include "config/routing.h"
#include "gateway/gateway.h"

struct http_request;
struct http_result;
struct replay;

/* Where and as whom: a provider as configured on this machine (endpoint.h). */
struct endpoint {
	const struct provider *provider;
	bool configured;
	const char *reason;		/* why not; NULL when configured */
	bool broken;			/* not because something is missing, but because what is there cannot be used */
	const char *warning;		/* for people: two keys that differ; NULL: none */
	const char *base_url;		/* without a '/' at its end */
	const char *key_env;		/* the name the key came from; NULL: no key */
	const char *key;		/* never logged, never stored */
	struct str fingerprint;		/* first 8 hex digits of the key's SHA-256; "" without a key */
	const struct replay *replay;	/* WIRE_REPLAY */
};

struct wire_request {
	const struct endpoint *endpoint;
	const struct model *model;
	struct str tier;
	int attempt;			/* of the call, from 1 */
	const struct message *messages;
	size_t n_messages;
	const struct str *texts;	/* of an embedding: one batch; n_messages 0 then */
	size_t n_texts;
	const struct model_tool *tools;
	size_t n_tools;
	const struct json *output;	/* JSON Schema of the answer; NULL: text */
	int64_t max_output;		/* 0: none */
	double temperature;		/* < 0: not given */
	void (*on_text)(void *arg, struct str piece);	/* as in gateway.h; called by attempt.c for all wires over HTTP */
	void *text_arg;
};

struct wire_answer {
	struct str text, finish_reason;	/* stop length tool_calls */
	struct str model, request_id;	/* as the provider named them */
	const struct tool_call *calls;
	size_t n_calls;
	struct str echo;		/* of the model asked, and only for it */
	const float *vectors;		/* n_texts times model->dims, each of length 1 (embedding.h) */
	bool output_began;
	bool has_usage;
	struct usage usage;
	bool has_cost;
	int64_t cost_pusd;		/* as the provider charged */
};

struct wire {
	const char *name;
	enum wire_kind kind;
	/* A wire over HTTP. request() fills method, url, headers and body. */
	int (*request)(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err);
	void *(*decoder)(struct arena *a, const struct wire_request *req);
	int (*piece)(void *decoder, struct str bytes, struct err *err);	/* of a body with status 200 */
	bool (*is_complete)(const void *decoder);	/* nothing more can come */
	int (*end)(void *decoder, struct err *err);	/* the body ended well: was it a whole answer? */
	const struct wire_answer *(*answer)(void *decoder);	/* at any time: what is known so far; its text only ever grows */
	int (*refused)(struct arena *a, const struct http_result *r, struct err *err);	/* status >= 300: -1 */
	/* Embeddings over HTTP. embed_batch 0: the wire has none. embedded() reads the body of a status 200, on a thread of
	 * its own when it is long: it uses the arena and what it was given alone. */
	size_t embed_batch;		/* most texts of one request */
	int (*embed)(struct arena *a, const struct wire_request *req, struct http_request *ret, struct err *err);
	int (*embedded)(struct arena *a, const struct wire_request *req, struct str body, struct wire_answer *ret, struct err *err);
	/* A wire without a network: an op that owns its arena. */
	struct op *(*start)(struct loop *l, struct arena *a, const struct wire_request *req,
			    const struct wire_answer **ret, op_done_fn *done, void *arg);
};

const struct wire *wire_of(enum wire_kind kind);

/* What all wires over HTTP send: a POST of JSON, and the key, where there is one, in a header behind a prefix. */
void wire_begin_request(struct arena *a, const struct wire_request *req, const char *key_header, const char *key_prefix,
			struct http_request *ret);
void wire_add_header(struct arena *a, struct http_request *r, struct str name, struct str value);

/* Rows of the table. */
extern const struct wire wire_openai, wire_openrouter, wire_gemini, wire_anthropic, wire_replay;

#endif
