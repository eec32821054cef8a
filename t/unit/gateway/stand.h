/* stand.h - what tests of whole calls stand on: the stub provider as a process, a store that keeps one budget in memory in the place
 * of room store, and a gateway between both.
 *
 * Shapes:  start_stub() and stop_stub() once per program, setup() and teardown() around each test. start() begins a question,
 *          finish() runs the loop until it is answered, ask() does both.
 * Units:   pico-dollars, milliseconds.
 * Memory:  what is kept lives in `arena`, which goes with the test.
 * Errors:  what cannot be is a failed check.
 * Source:  gateway.h, queue.h.
 */
#ifndef TEST_GATEWAY_STAND_H
#define TEST_GATEWAY_STAND_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "config/diag.h"
#include "gateway/gateway.h"

#define KEY "sk-test-0123456789abcdef"
#define HELLO "Hello from the stub."
#define PRICE "price: {input: 2, output: 10, as_of: 2026-11-01}"

enum { MOVES = 1024 };

struct bank {
	struct loop *loop;
	int64_t limit_pusd, spent_pusd, held_pusd;
	struct {
		struct uuid id;
		int64_t amount;
	} holds[MOVES];
	size_t n_holds;
	bool stale, closed;
	const char *capped;	/* names of caps that refuse, by ' '; NULL: none */
	int n_waits;		/* so often they refuse only for what others hold; then they do not */
	char caps[512];		/* of the last hold: name scope key window zone limit */
	char approval[40];
	int n_moves, n_refused, n_with_hold, n_with_both;
	struct model_call calls[MOVES];
	size_t n_calls;
	char log[32768];		/* one word per call: class/source/http_status */
};
extern struct bank bank;

struct asked {
	bool done;
	struct err err;
	const char *text, *finish, *echo;
	int64_t cost_pusd;
	struct usage usage;
	size_t n_calls;
	const struct tool_call *tool_calls;
	size_t n_tool_calls;
	const float *vectors;
	size_t n_vectors, dims;
	const char *model;
	enum exhausted_do then;
	int64_t again_ms;
	const char *ask;	/* tier model path amount caps; NULL: nobody is asked */
	struct op *op;
};

extern int stub_port;
extern struct arena *arena;
extern struct http *http;
extern struct gateway *gateway;
extern struct diags *diags;

void start_stub(void);
void stop_stub(void);
void setup(void);
void teardown(void);

/* Providers stub (openai), claude (anthropic), google (gemini), router (openrouter), gone (nobody listens) and unset (no key); more: keys of stub. */
const char *provider_lines(const char *more);
const struct routing *route(const char *yaml);
/* Tier t: the fault at this provider, then, second, a model that answers. */
void route_fault(const char *fault, const char *provider, bool second);

void start_request(struct asked *q, const struct model_request *req);
void start(struct asked *q, const char *tier, const char *text, const struct json *output, int64_t deadline_ms);
void start_talk(struct asked *q, const char *tier, const struct message *m, size_t n, size_t n_tools);	/* tools kb_read, now */
void start_embed(struct asked *q, const char *tier, const struct str *texts, size_t n);
void finish(struct asked *q);
struct asked ask(const char *tier);

#endif
