/* gateway.c - whole calls against the stub provider: every fault, its class, what comes next, and the money. */
#include "gateway/gateway.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/heap.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/request.h"
#include "t/bin/stub_openai.h"
#include "../suite_run.h"

#define KEY "sk-test-0123456789abcdef"
#define HELLO "Hello from the stub."

/* --- the stub --- */

static pid_t stub_pid;
static int stub_port;

static void start_stub(void)
{
	const char *dir = getenv("top_builddir");
	char path[1024], line[64] = "";
	int out[2];
	FILE *f;

	snprintf(path, sizeof path, "%s/t/bin/stub_provider", dir ? dir : ".");
	ck_assert_int_eq(pipe(out), 0);
	stub_pid = fork();
	if (stub_pid == 0) {
		dup2(out[1], 1);
		execl(path, "stub_provider", "--port", "0", "--key", KEY, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	ck_assert_msg(f && fgets(line, sizeof line, f) && strncmp(line, "ready ", 6) == 0, "%s does not start", path);
	stub_port = (int)strtol(line + 6, NULL, 10);
	fclose(f);
}

static void stop_stub(void)
{
	kill(stub_pid, SIGTERM);
	waitpid(stub_pid, NULL, 0);
}

/* --- a store that keeps one budget in memory --- */

enum { MOVES = 256 };

static struct {
	struct loop *loop;
	int64_t limit_pusd, spent_pusd, held_pusd;
	struct {
		struct uuid id;
		int64_t amount;
	} holds[MOVES];
	size_t n_holds;
	bool stale, closed;
	int n_moves, n_refused, n_with_hold, n_with_both;
	struct model_call calls[MOVES];
	size_t n_calls;
	char log[8192];		/* one word per call: class/source/http_status */
} bank;

struct pending {
	const struct move *move;
	move_done_fn *done;
	void *arg;
};

static void settle(const struct model_call *c)
{
	if (!uuid_is_nil(&c->hold)) {
		size_t i = 0;

		while (i < bank.n_holds && !uuid_eq(&bank.holds[i].id, &c->hold))
			i++;
		ck_assert_msg(i < bank.n_holds, "a hold that was never taken, or settled before");
		bank.held_pusd -= bank.holds[i].amount;
		bank.holds[i] = bank.holds[--bank.n_holds];
	} else {
		ck_assert_int_eq(c->cost_pusd, 0);
	}
	bank.spent_pusd += c->cost_pusd;
	snprintf(bank.log + strlen(bank.log), sizeof bank.log - strlen(bank.log), STR_FMT "/%s/%d ",
		 STR_ARG(c->error_class.n ? c->error_class : STR("ok")), c->cost_source, c->http_status);
	bank.calls[bank.n_calls++] = *c;
}

static void run_move(void *arg)
{
	struct pending *p = arg;
	const struct move *m = p->move;
	struct move_result r = {.status = MOVE_OK};
	int64_t freed = 0;

	for (size_t i = 0; i < m->n_calls; i++)
		for (size_t k = 0; k < bank.n_holds; k++)
			if (uuid_eq(&bank.holds[k].id, &m->calls[i].hold))
				freed += bank.holds[k].amount - m->calls[i].cost_pusd;
	ck_assert_int_eq(m->next, MOVE_STAY);
	bank.n_moves++;
	if (bank.closed) {
		r.status = MOVE_CANCELLED;
	} else if (bank.stale) {
		r.status = MOVE_STALE;
	} else if (m->hold && bank.spent_pusd + bank.held_pusd - freed + m->hold->amount_pusd > bank.limit_pusd) {
		r.status = MOVE_REFUSED;
		err_set(&r.err, ERR_BUDGET_USD, "the budget is used up");
		bank.n_refused++;
	} else {
		for (size_t i = 0; i < m->n_calls; i++)
			settle(&m->calls[i]);
		if (m->hold) {
			bank.holds[bank.n_holds].id = m->hold->id;
			bank.holds[bank.n_holds++].amount = m->hold->amount_pusd;
			bank.held_pusd += m->hold->amount_pusd;
			bank.n_with_hold++;
			bank.n_with_both += m->n_calls > 0;
			ck_assert_int_gt(m->hold->expires_ms, 0);
		}
	}
	p->done(p->arg, &r);
	free(p);
}

void queue_commit(struct store *s, const struct move *m, move_done_fn *done, void *arg)
{
	struct pending *p = heap_alloc(sizeof *p);

	(void)s;
	*p = (struct pending){m, done, arg};
	loop_defer(bank.loop, run_move, p);
}

/* --- a call --- */

static struct arena *arena;
static struct http *http;
static struct gateway *gateway;
static struct diags *diags;

struct asked {
	bool done;
	struct err err;
	const char *text, *finish;
	int64_t cost_pusd;
	struct usage usage;
	size_t n_calls;
	const struct tool_call *tool_calls;
	size_t n_tool_calls;
	struct op *op;
};

static void setup(void)
{
	memset(&bank, 0, sizeof bank);
	bank.limit_pusd = INT64_C(1000000000000);
	bank.loop = loop_new();
	arena = arena_new(NULL);
	diags = diags_new(arena);
	http = http_new(bank.loop);
	gateway = gateway_new(bank.loop, http, NULL);
	setenv("STUB_KEY", KEY, 1);
	unsetenv("OTHER_KEY");
	unsetenv("STUB_URL");
	log_set_level(LOG_LEVEL_ERROR);
}

static void teardown(void)
{
	gateway_free(gateway);
	http_free(http);
	loop_free(bank.loop);
	arena_free(arena);
}

static const struct routing *route(const char *yaml)
{
	const struct routing *r = routing_parse(arena, "policies/routing.yaml", str_from(yaml), diags);
	struct buf b;

	buf_init(&b, arena);
	if (!r)
		diag_print(diags, &b);
	ck_assert_msg(r != NULL, "%s", buf_cstr(&b));
	gateway_set_routing(gateway, r);
	return r;
}

static const char *provider_lines(const char *more)
{
	return arena_printf(arena,
		"agentd: v1\n"
		"defaults:\n"
		"  timeout: {connect: 2s, first_byte: 1200ms, idle: 1200ms, total: 20s}\n"
		"  retry: {max: 1, backoff: [10ms, 20ms], max_hint: 1s}\n"
		"providers:\n"
		"  stub: {wire: openai, base_url: \"http://127.0.0.1:%d/v1/\", key_env: [STUB_KEY]%s}\n"
		"  router: {wire: openrouter, base_url: \"http://127.0.0.1:%d/v1\", key_env: [STUB_KEY]}\n"
		"  gone: {wire: openai, base_url: \"http://127.0.0.1:1/v1\", key_env: [STUB_KEY]}\n"
		"  unset: {wire: openai, base_url: \"http://127.0.0.1:1/v1\", key_env: [OTHER_KEY]}\n",
		stub_port, more, stub_port);
}

#define PRICE "price: {input: 2, output: 10, as_of: 2026-11-01}"

/* Tier t: the fault, then a model that answers. */
static void route_fault(const char *fault, const char *provider, bool second)
{
	route(arena_printf(arena, "%smodels:\n"
		"  first: {provider: %s, id: \"stub/%s\", max_output: 100, can: [json], " PRICE "}\n"
		"  second: {provider: stub, id: \"stub/good\", max_output: 100, price: free}\n"
		"tiers:\n"
		"  t: {deadline: 30s, steps: [{model: first}%s]}\n",
		provider_lines(""), provider, fault, second ? ", {model: second}" : ""));
}

static void on_done(struct op *op, void *arg)
{
	struct asked *q = arg;
	const struct model_answer *a = gateway_answer_of(op);

	ck_assert(!q->done);
	q->done = true;
	q->op = NULL;
	q->err = *op->err;
	q->text = str_cstr(arena, a->text);
	q->finish = str_cstr(arena, a->finish_reason);
	q->cost_pusd = a->cost_pusd;
	q->usage = a->usage;
	q->n_calls = a->n_calls;
	q->n_tool_calls = a->n_tool_calls;
	q->tool_calls = tool_calls_copy(arena, a->tool_calls, a->n_tool_calls);
	for (size_t i = 0; i < a->n_calls; i++)		/* the caller's own move */
		settle(&a->calls[i]);
	for (size_t i = bank.n_calls - a->n_calls; i < bank.n_calls; i++) {
		struct model_call *c = &bank.calls[i];	/* its texts go with the op */

		c->path = str_dup(arena, c->path);
		c->model_answered = str_dup(arena, c->model_answered);
		c->provider_request_id = str_dup(arena, c->provider_request_id);
	}
}

static void start(struct asked *q, const char *tier, const char *text, const struct json *output, int64_t deadline_ms)
{
	struct arena *a = arena_new(NULL), *scratch = arena_new(NULL);
	struct message m[] = {{.role = ROLE_SYSTEM, .text = STR("be brief")}, {.role = ROLE_USER, .text = str_dup(scratch, str_from(text))}};
	struct model_request req = {
		.fence = 1, .path = str_dup(scratch, STR("draft/turn-1")), .tier = str_dup(scratch, str_from(tier)), .messages = m, .n_messages = 2,
		.output = output, .temperature = 0.5, .deadline_ms = deadline_ms,
	};

	req.task.b[0] = 7;
	*q = (struct asked){0};
	q->op = gateway_call(gateway, a, &req, on_done, q);
	ck_assert(!q->done);
	arena_free(scratch);	/* the request was copied */
}

static struct model_tool offered[] = {{.name = {"kb_read", 7}, .description = {"reads", 5}}, {.name = {"now", 3}}};

static void start_talk(struct asked *q, const char *tier, const struct message *m, size_t n, size_t n_tools)
{
	struct arena *scratch = arena_new(NULL);
	struct model_request req = {.fence = 1, .path = STR("think/turn-1"), .tier = str_from(tier), .messages = m, .n_messages = n,
				    .tools = offered, .n_tools = n_tools, .temperature = -1};

	req = request_copy(scratch, &req);
	req.task.b[0] = 7;
	*q = (struct asked){0};
	q->op = gateway_call(gateway, arena_new(NULL), &req, on_done, q);
	arena_free(scratch);	/* the request was copied, all of it */
}

static void finish(struct asked *q)
{
	while (!q->done)
		loop_once(bank.loop);
}

static struct asked ask(const char *tier)
{
	struct asked q;

	start(&q, tier, "hello", NULL, 0);
	finish(&q);
	return q;
}

/* --- every fault --- */

static const struct {
	const char *fault, *log;	/* calls in order: class/cost source/status */
} faults[] = {
	{"plain", "ok/computed/200 "},
	{"bytes", "ok/computed/200 "},
	{"onewrite", "ok/computed/200 "},
	{"crlf", "ok/computed/200 "},
	{"cr", "ok/computed/200 "},
	{"usage-chunk", "ok/computed/200 "},
	{"no-usage", "ok/estimated/200 "},
	{"usage-twice", "ok/computed/200 "},
	{"no-done", "ok/computed/200 "},
	{"document", "ok/computed/200 "},
	{"other-model", "ok/computed/200 "},
	{"linger", "ok/computed/200 "},
	{"delay-50", "ok/computed/200 "},
	{"tools", "malformed_tool_call/computed/200 malformed_tool_call/computed/200 ok/none/200 "},
	{"tools-noindex", "malformed_tool_call/estimated/200 malformed_tool_call/estimated/200 ok/none/200 "},
	{"finish-error", "stream_error/estimated/200 stream_error/estimated/200 ok/none/200 "},
	{"error-only", "overloaded/none/200 overloaded/none/200 ok/none/200 "},
	{"error-late", "stream_error/estimated/200 stream_error/estimated/200 ok/none/200 "},
	{"close", "truncated_stream/estimated/200 ok/none/200 "},
	{"reset", "truncated_stream/estimated/200 ok/none/200 "},
	{"hang-headers", "timeout/estimated/0 ok/none/200 "},
	{"hang-body", "timeout/estimated/200 ok/none/200 "},
	{"hang-middle", "timeout/estimated/200 ok/none/200 "},
	{"drip", "timeout/estimated/200 ok/none/200 "},
	{"malformed", "bad_body/estimated/200 ok/none/200 "},
	{"no-finish", "truncated_stream/computed/200 ok/none/200 "},
	{"429-after", "rate_limited/none/429 ok/none/200 "},	/* 2 s is over max_hint */
	{"429-date", "rate_limited/none/429 ok/none/200 "},
	{"429-ms", "rate_limited/none/429 rate_limited/none/429 ok/none/200 "},
	{"429-none", "rate_limited/none/429 ok/none/200 "},	/* 1.4 s in the message */
	{"429-quota", "billing/none/429 ok/none/200 "},
	{"429-perminute", "rate_limited/none/429 ok/none/200 "},
	{"429-perday", "quota_exhausted/none/429 ok/none/200 "},
	{"429-limit0", "billing/none/429 ok/none/200 "},
	{"500", "server_error/none/500 server_error/none/500 ok/none/200 "},
	{"502-html", "server_error/none/502 server_error/none/502 ok/none/200 "},
	{"503", "overloaded/none/503 overloaded/none/503 ok/none/200 "},
	{"524", "server_error/none/524 server_error/none/524 ok/none/200 "},
	{"529", "overloaded/none/529 overloaded/none/529 ok/none/200 "},
	{"401", "auth/none/401 ok/none/200 "},
	{"400-key", "auth/none/400 ok/none/200 "},
	{"402", "billing/none/402 ok/none/200 "},
	{"402-key", "billing/none/402 ok/none/200 "},
	{"402-flight", "rate_limited/none/402 rate_limited/none/402 ok/none/200 "},
	{"404", "not_found/none/404 ok/none/200 "},
	{"array-error", "overloaded/none/400 overloaded/none/400 ok/none/200 "},
	{"nested-error", "rate_limited/none/400 rate_limited/none/400 ok/none/200 "},
	{"html", "server_error/none/200 server_error/none/200 ok/none/200 "},
	{"text", "bad_body/estimated/200 ok/none/200 "},
	{"empty", "empty_output/computed/200 empty_output/computed/200 ok/none/200 "},
	{"fail-1/a", "overloaded/none/503 ok/computed/200 "},
	{"fail-2/b", "overloaded/none/503 overloaded/none/503 ok/none/200 "},
};

START_TEST(every_fault_is_survived)
{
	struct asked q;

	route_fault(faults[_i].fault, "stub", true);
	q = ask("t");
	ck_assert_msg(q.err.code == ERR_NONE, "%s: %s: %s", faults[_i].fault, err_name(q.err.code), q.err.msg);
	ck_assert_msg(strcmp(bank.log, faults[_i].log) == 0, "%s: %s", faults[_i].fault, bank.log);
	ck_assert_str_eq(q.text, HELLO);
	ck_assert_str_eq(q.finish, "stop");
	ck_assert_uint_eq(q.n_calls, 1);
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
	ck_assert_int_eq(bank.n_refused, 0);
}
END_TEST

/* What ends the walk, and what an end says. */
static const struct {
	const char *fault;
	enum err_code code;
	const char *log;
} ends[] = {
	{"400", ERR_MODEL_INVALID_REQUEST, "invalid_request/none/400 "},
	{"400-context", ERR_MODEL_CONTEXT_OVERFLOW, "context_overflow/none/400 "},
	{"403-flagged", ERR_MODEL_CONTENT_BLOCKED, "content_blocked/none/403 "},
	{"filter", ERR_MODEL_CONTENT_BLOCKED, "content_blocked/computed/200 "},
	{"refusal", ERR_MODEL_CONTENT_BLOCKED, "content_blocked/computed/200 "},
	{"longline", ERR_MODEL_OVERSIZE, "oversize/estimated/200 "},
	{"40mib", ERR_MODEL_OVERSIZE, "oversize/estimated/200 "},
	{"bigheader", ERR_MODEL_OVERSIZE, "oversize/estimated/200 "},
};

START_TEST(some_ends_are_final)
{
	struct asked q;

	route_fault(ends[_i].fault, "stub", true);
	q = ask("t");
	ck_assert_msg(q.err.code == ends[_i].code, "%s: %s: %s (%s)", ends[_i].fault, err_name(q.err.code), q.err.msg, bank.log);
	ck_assert_msg(strcmp(bank.log, ends[_i].log) == 0, "%s: %s", ends[_i].fault, bank.log);
	ck_assert_uint_eq(q.n_calls, 1);
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(text_comes_through)
{
	struct asked q;

	route_fault("utf8", "stub", false);
	ck_assert_str_eq(ask("t").text, "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8D");
	route_fault("surrogate", "stub", false);
	ck_assert_str_eq(ask("t").text, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c");
	route_fault("gzip", "stub", false);
	ck_assert_str_eq(ask("t").text, "gz");
	route_fault("length", "stub", false);
	q = ask("t");
	ck_assert_str_eq(q.text, "cut sho");
	ck_assert_str_eq(q.finish, "length");
}
END_TEST

/* --- money --- */

START_TEST(a_paid_call_is_reserved_and_settled)
{
	struct asked q;
	/* bytes: "be brief" and "hello" */
	int64_t worst = ((13 + 2) / 3 + 2 * 8 + 16) * 2000000 + 100 * INT64_C(10000000);
	struct model_call *c = &bank.calls[0];
	struct digest d;
	char hex[65];

	bank.limit_pusd = worst;
	route_fault("other-model", "stub", false);
	start(&q, "t", "hello", NULL, 0);
	loop_once(bank.loop);
	ck_assert_int_eq(bank.held_pusd, worst);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
	ck_assert_int_eq(q.cost_pusd, q.usage.in_fresh * 2000000 + 3 * INT64_C(10000000));
	ck_assert_int_eq(q.usage.out_text, 3);
	ck_assert_int_eq(bank.spent_pusd, q.cost_pusd);
	ck_assert_int_eq(c->attempt, 1);
	ck_assert(str_is(c->path, "draft/turn-1"));
	ck_assert(str_is(c->provider, "stub") && str_is(c->tier, "t"));
	ck_assert(str_is(c->model_asked, "stub/other-model") && str_is(c->model_answered, "stub/really-this"));
	ck_assert(str_is(c->provider_request_id, "chatcmpl-stub"));
	digest_of(STR(KEY), &d);
	digest_hex(&d, hex);
	ck_assert(str_eq(c->key_fingerprint, (struct str){hex, 8}));
	ck_assert_int_gt(c->started_us, 0);
	/* one pico-dollar less is refused, and nothing is asked */
	bank.limit_pusd = bank.spent_pusd + worst - 1;
	bank.log[0] = '\0';
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_uint_eq(q.n_calls, 0);
	ck_assert_str_eq(bank.log, "");
}
END_TEST

START_TEST(a_free_model_takes_no_hold)
{
	route_fault("404", "unset", true);
	bank.limit_pusd = 0;
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_int_eq(bank.n_moves, 0);
	ck_assert_str_eq(bank.log, "ok/none/200 ");
}
END_TEST

START_TEST(a_hold_rides_with_the_failed_call)
{
	route(arena_printf(arena, "%smodels:\n"
		"  a: {provider: stub, id: \"stub/401\", max_output: 100, " PRICE "}\n"
		"  b: {provider: stub, id: \"stub/404\", max_output: 100, " PRICE "}\n"
		"  c: {provider: stub, id: x, max_output: 100, " PRICE "}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}, {model: c}]}\n", provider_lines("")));
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_int_eq(bank.n_moves, 3);
	ck_assert_int_eq(bank.n_with_both, 2);
	ck_assert_int_eq(bank.calls[0].attempt, 1);
	ck_assert_int_eq(bank.calls[2].attempt, 3);
}
END_TEST

START_TEST(an_estimate_can_use_up_the_budget)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n"
		"  a: {provider: stub, id: \"stub/close\", max_output: 100, " PRICE "}\n"
		"  b: {provider: stub, id: x, max_output: 100, " PRICE "}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}]}\n", provider_lines("")));
	bank.limit_pusd = INT64_C(1500000000);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_uint_eq(q.n_calls, 1);	/* the refused move committed nothing: its call is handed on */
	ck_assert_str_eq(bank.log, "truncated_stream/estimated/200 ");
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(the_charge_of_a_router_counts)
{
	struct asked q;

	route_fault("cost", "router", false);
	q = ask("t");
	ck_assert_int_eq(q.cost_pusd, INT64_C(12300000000));
	ck_assert_str_eq(bank.log, "ok/provider/200 ");
	bank.log[0] = '\0';
	route_fault("cost", "stub", false);
	q = ask("t");
	ck_assert_int_eq(q.cost_pusd, 100 * 2000000 + 10 * INT64_C(10000000));
	ck_assert_str_eq(bank.log, "ok/computed/200 ");
}
END_TEST

START_TEST(no_bound_no_call)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: x, " PRICE "}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "max_output"));
}
END_TEST

/* Two questions of one task, money for one at a time: the second waits for the first. */
START_TEST(money_held_by_a_sibling_is_waited_for)
{
	struct asked a, b;

	route_fault("delay-100", "stub", false);
	bank.limit_pusd = INT64_C(1500000000);
	start(&a, "t", "hello", NULL, 0);
	start(&b, "t", "hello", NULL, 0);
	finish(&a);
	finish(&b);
	ck_assert_msg(a.err.code == ERR_NONE && b.err.code == ERR_NONE, "%s %s", a.err.msg, b.err.msg);
	ck_assert_int_gt(bank.n_refused, 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ");
}
END_TEST

/* --- ends from outside --- */

START_TEST(a_lost_lease_stops_it)
{
	struct asked q;

	route_fault("plain", "stub", true);
	bank.stale = true;
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_LEASE_LOST);
	ck_assert_uint_eq(q.n_calls, 0);
	/* also between two attempts */
	bank.stale = false;
	route_fault("500", "stub", true);
	start(&q, "t", "hello", NULL, 0);
	loop_once(bank.loop);
	bank.stale = true;
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_LEASE_LOST);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

START_TEST(a_closed_store_stops_it)
{
	struct asked q;

	route_fault("plain", "stub", true);
	bank.closed = true;
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

static bool stub_has_asked;

static void on_stats(struct op *op, void *arg)
{
	const struct http_result *r = http_result_of(op);

	(void)arg;
	stub_has_asked = str_find(r->body, STR("\"open\":2")) >= 0;
	*(bool *)arg = true;
}

START_TEST(cancel_aborts_and_settles)
{
	struct asked q;
	bool done = true;
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/stats", stub_port);
	/* while it asks: the request is out */
	route_fault("hang-headers", "stub", true);
	start(&q, "t", "hello", NULL, 0);
	stub_has_asked = false;
	while (!stub_has_asked) {
		struct http_request req = {.method = "GET", .url = url};

		if (done)
			http_start(http, arena_new(NULL), &req, NULL, on_stats, &done);
		done = false;
		loop_once(bank.loop);
	}
	while (!done)
		loop_once(bank.loop);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_str_eq(bank.log, "cancelled/estimated/0 ");
	ck_assert_int_eq(bank.held_pusd, 0);
	/* before anything went out: the hold is given back */
	bank.log[0] = '\0';
	start(&q, "t", "hello", NULL, 0);
	op_cancel(q.op);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_str_eq(bank.log, "cancelled/none/0 ");
	ck_assert_int_eq(bank.held_pusd, 0);
	ck_assert_uint_eq(bank.n_holds, 0);
}
END_TEST

START_TEST(cancel_while_it_waits)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/429-ms\", price: free}\n"
		"tiers:\n  t: {steps: [{model: a}]}\n", provider_lines(", retry: {max: 1, backoff: [10s, 20s], max_hint: 30s}")));
	start(&q, "t", "hello", NULL, 0);
	while (bank.n_moves == 0)
		loop_once(bank.loop);
	loop_once(bank.loop);
	op_cancel(q.op);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_CANCELLED);
	ck_assert_uint_eq(q.n_calls, 0);
	ck_assert_str_eq(bank.log, "rate_limited/none/429 ");
}
END_TEST

START_TEST(the_deadline_bounds_all_attempts)
{
	struct asked q;
	int64_t begin = loop_now_ms(bank.loop);

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/hang-headers\", price: free}\n"
		"tiers:\n  t: {deadline: 30s, steps: [{model: a}, {model: a}, {model: a}]}\n", provider_lines(", timeout: {first_byte: 400ms}")));
	start(&q, "t", "hello", NULL, 600);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_TIMEOUT);
	ck_assert_str_eq(bank.log, "timeout/none/0 timeout/none/0 ");
	ck_assert_int_lt(loop_now_ms(bank.loop) - begin, 3000);
	ck_assert_ptr_nonnull(strstr(q.err.hint, "deadline"));
}
END_TEST

START_TEST(the_line_is_first_in_first_out)
{
	struct asked q[5];

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/delay-60\", price: free}\n"
		"tiers:\n  t: {steps: [{model: a}]}\n", provider_lines(", max_in_flight: 1")));
	for (int i = 0; i < 5; i++)
		start(&q[i], "t", "hello", NULL, i == 3 ? 50 : 0);
	op_cancel(q[2].op);
	for (int i = 0; i < 5; i++)
		finish(&q[i]);
	ck_assert(q[0].err.code == ERR_NONE && q[1].err.code == ERR_NONE && q[4].err.code == ERR_NONE);
	ck_assert_int_eq(q[2].err.code, ERR_CANCELLED);
	ck_assert_int_eq(q[3].err.code, ERR_MODEL_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(q[3].err.msg, "max_in_flight 1"));
	ck_assert_str_eq(bank.log, "ok/none/200 ok/none/200 ok/none/200 ");
	ck_assert(bank.calls[1].started_us >= bank.calls[0].started_us + 50000);
	ck_assert(bank.calls[2].started_us >= bank.calls[1].started_us + 50000);
}
END_TEST

/* --- configuration --- */

START_TEST(no_route_says_why)
{
	struct asked q = ask("t");

	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "no policies/routing.yaml"));
	route_fault("plain", "unset", false);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "OTHER_KEY is not set"));
	q = ask("nope");
	ck_assert_ptr_nonnull(strstr(q.err.msg, "unknown tier \"nope\""));
	route(arena_printf(arena, "%smode: off\nmodels:\n  a: {provider: stub, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	q = ask("t");
	ck_assert_ptr_nonnull(strstr(q.err.msg, "mode \"off\""));
}
END_TEST

START_TEST(nobody_listens)
{
	struct asked q;

	route_fault("plain", "gone", true);
	q = ask("t");
	ck_assert_str_eq(q.text, HELLO);
	ck_assert_str_eq(bank.log, "network/none/0 network/none/0 ok/none/200 ");
}
END_TEST

START_TEST(keys_in_order_of_precedence)
{
	const char *yaml = arena_printf(arena, "%s  two: {wire: openai, base_url: \"http://127.0.0.1:%d/v1\", key_env: [OTHER_KEY, STUB_KEY]}\n"
		"models:\n  a: {provider: two, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n", provider_lines(""), stub_port);
	struct asked q;

	setenv("OTHER_KEY", "  ", 1);		/* empty counts as unset */
	route(yaml);
	ck_assert_str_eq(ask("t").text, HELLO);
	setenv("OTHER_KEY", "wrong-key-123456", 1);
	route(yaml);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_AUTH);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "strict: wrong key"));	/* the stub quotes it */
	ck_assert_ptr_null(strstr(q.err.msg, "wrong-key-123456"));
	setenv("OTHER_KEY", "a-key\nNEXT=line", 1);
	route(yaml);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "the value of OTHER_KEY contains"));
	ck_assert_ptr_null(strstr(q.err.msg, "a-key"));
}
END_TEST

START_TEST(an_address_from_the_environment)
{
	const char *yaml = arena_printf(arena, "%s  local: {wire: openai, base_url_env: [STUB_URL], key_env: [STUB_KEY]}\n"
		"models:\n  a: {provider: local, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n", provider_lines(""));

	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "STUB_URL is not set"));
	setenv("STUB_URL", "http://models.example/v1", 1);
	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "unencrypted"));
	setenv("STUB_URL", "http://127.0.0.1.example/v1", 1);
	route(yaml);
	ck_assert_ptr_nonnull(strstr(ask("t").err.msg, "unencrypted"));
	setenv("STUB_URL", arena_printf(arena, "http://127.0.0.1:%d/v1//", stub_port), 1);
	route(yaml);
	ck_assert_str_eq(ask("t").text, HELLO);
}
END_TEST

START_TEST(wires_of_another_version_say_so)
{
	static const char yaml[] = "agentd: v1\nproviders:\n  g: {wire: gemini, base_url: \"https://g.example\", key_env: [STUB_KEY]}\n"
		"models:\n  a: {provider: g, id: x, price: free}\ntiers:\n  t: {steps: [{model: a}]}\n";
	struct asked q;

	route(yaml);
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "use wire: openai with base_url"));
}
END_TEST

START_TEST(a_schema_is_sent_or_told)
{
	const struct json *schema;
	struct asked q;

	ck_assert_int_eq(json_parse(arena, STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"), NULL, &schema, NULL), 0);
	route_fault("echo", "stub", false);		/* can: [json]: strict checks of response_format */
	start(&q, "t", "question", schema, 0);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "question");
	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/echo\", price: free}\ntiers:\n  t: {steps: [{model: a}]}\n",
			   provider_lines("")));
	start(&q, "t", "question", schema, 0);
	finish(&q);
	ck_assert_str_eq(q.text, "question");
	ck_assert_int_gt(q.usage.in_fresh, 60);		/* the schema went along in the messages */
}
END_TEST

START_TEST(what_is_configured)
{
	const struct routing *r;
	const struct json *d;

	route_fault("plain", "unset", true);
	r = routing_parse(arena, "r.yaml", str_from(arena_printf(arena, "%smodels:\n"
		"  a: {provider: unset, id: x, price: free}\n  b: {provider: stub, id: x, price: free}\n"
		"tiers:\n  t: {steps: [{model: a}, {model: b}]}\n", provider_lines(""))), diags);
	d = gateway_describe(arena, r);
	ck_assert_msg(str_is(json_text(arena, d),
		"{\"t\":[{\"model\":\"a\",\"provider\":\"unset\",\"configured\":false,\"key_env\":\"OTHER_KEY\",\"reason\":\"OTHER_KEY is not set\"},"
		"{\"model\":\"b\",\"provider\":\"stub\",\"configured\":true,\"key_env\":\"STUB_KEY\",\"reason\":null}]}"),
		STR_FMT, STR_ARG(json_text(arena, d)));
}
END_TEST

/* Every tier that is shipped answers on a machine without any account. */
START_TEST(the_shipped_routing_answers)
{
	static const char *const names[] = {"OPENROUTER_API_KEY", "GOOGLE_AI_STUDIO_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY",
		"OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "AGENTD_LOCAL_BASE_URL"};
	static const char *const tiers[] = {"free", "cheap", "strong"};
	const char *path = arena_printf(arena, "%s/policies/routing.yaml", getenv("top_srcdir"));
	const struct routing *r;
	char text[32768];
	size_t n;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	r = routing_parse(arena, path, (struct str){text, n}, diags);
	ck_assert_ptr_nonnull(r);
	gateway_set_routing(gateway, r);
	for (size_t i = 0; i < 3; i++) {
		struct asked q;

		start(&q, tiers[i], "Summarise this.\n\n---\nA first sentence. A second one. A third.", NULL, 0);
		finish(&q);
		ck_assert_msg(q.err.code == ERR_NONE, "%s: %s", tiers[i], q.err.msg);
		ck_assert_str_eq(q.text, "A first sentence. A second one.");
		ck_assert_int_eq(q.cost_pusd, 0);
	}
	/* and with one key the recording is left alone */
	setenv("OPENAI_API_KEY", "sk-none-0123456789", 1);
	setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", 1);
	gateway_set_routing(gateway, r);
	ck_assert_int_eq(ask("cheap").err.code, ERR_MODEL_NETWORK);
}
END_TEST

/* --- tools --- */

static void route_script(void)
{
	route(arena_printf(arena, "%smodels:\n"
		"  plain: {provider: stub, id: \"stub/script\", price: free, can: [json]}\n"
		"  able: {provider: stub, id: \"stub/script\", max_output: 100, can: [tools], " PRICE "}\n"
		"tiers:\n"
		"  t: {steps: [{model: plain}, {model: able}]}\n"
		"  unable: {steps: [{model: plain}]}\n", provider_lines("")));
}

/* The answer as a turn, and a result for each of its calls. */
static size_t add_turn(struct message *m, size_t n, const struct asked *q)
{
	m[n++] = (struct message){.role = ROLE_ASSISTANT, .text = str_from(q->text), .calls = q->tool_calls, .n_calls = q->n_tool_calls};
	for (size_t i = 0; i < q->n_tool_calls; i++)
		m[n++] = (struct message){.role = ROLE_TOOL, .call_id = q->tool_calls[i].id,
					  .text = str_from(arena_printf(arena, "result %zu", i + 1))};
	return n;
}

static void expect_call(const struct asked *q, size_t i, const char *id, const char *name, const char *args)
{
	ck_assert_uint_lt(i, q->n_tool_calls);
	ck_assert_msg(str_is(q->tool_calls[i].id, id) && str_is(q->tool_calls[i].name, name) && str_is(q->tool_calls[i].args, args),
		      STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(q->tool_calls[i].id), STR_ARG(q->tool_calls[i].name),
		      STR_ARG(q->tool_calls[i].args));
}

/* Three turns: parallel calls, one without arguments and one malformed; then text and a call; then the end. */
START_TEST(a_conversation_with_tools)
{
	struct message m[16] = {{.role = ROLE_SYSTEM, .text = STR("be brief")}, {.role = ROLE_USER, .text = STR("Find out.\n"
		"@call kb_read {\"id\": \"gr\xC3\xBC\xC3\x9F\"}\n@call now\n@call kb.read {oops\n"
		"@turn\n@say I look.\n@call now {}\n"
		"@turn\n@results\n")}};
	size_t n = 2;
	struct asked q;

	route_script();
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "");
	ck_assert_str_eq(q.finish, "tool_calls");
	ck_assert_uint_eq(q.n_tool_calls, 3);
	expect_call(&q, 0, "call_1_1", "kb_read", "{\"id\": \"gr\xC3\xBC\xC3\x9F\"}");
	expect_call(&q, 1, "call_1_2", "now", "{}");
	expect_call(&q, 2, "call_1_3", "kb.read", "{oops");

	n = add_turn(m, n, &q);
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "I look.");
	ck_assert_uint_eq(q.n_tool_calls, 1);
	expect_call(&q, 0, "call_2_1", "now", "{}");

	n = add_turn(m, n, &q);
	start_talk(&q, "t", m, n, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, "result 1");
	ck_assert_str_eq(q.finish, "stop");
	ck_assert_uint_eq(q.n_tool_calls, 0);
	ck_assert_str_eq(bank.log, "ok/computed/200 ok/computed/200 ok/computed/200 ");	/* of the able model: it has a price */
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(calls_of_a_server_that_tells_little)
{
	struct message m = {.role = ROLE_USER, .text = STR("go")};
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  m: {provider: stub, id: \"stub/tools-noindex\", price: free, can: [tools]}\n"
		"tiers:\n  t: {steps: [{model: m}]}\n", provider_lines("")));
	start_talk(&q, "t", &m, 1, 2);
	finish(&q);
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_uint_gt(q.n_tool_calls, 0);
}
END_TEST

START_TEST(tools_need_a_model_that_can_use_them)
{
	struct message m = {.role = ROLE_USER, .text = STR("go")};
	struct asked q;

	route_script();
	start_talk(&q, "unable", &m, 1, 2);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_NO_ROUTE);
	ck_assert_msg(strstr(q.err.msg, "plain: it is not declared to use tools (can: [tools])") != NULL, "%s", q.err.msg);
	start_talk(&q, "unable", &m, 1, 0);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
}
END_TEST

START_TEST(half_a_conversation_costs_nothing)
{
	const struct tool_call call = {.id = STR("a"), .name = STR("now"), .args = STR("{}")};
	struct message m[] = {{.role = ROLE_USER, .text = STR("go")}, {.role = ROLE_ASSISTANT, .calls = &call, .n_calls = 1}};
	struct asked q;

	route_script();
	start_talk(&q, "t", m, 2, 2);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_MODEL_INVALID_REQUEST);
	ck_assert_int_eq(bank.n_moves, 0);
	ck_assert_uint_eq(q.n_calls, 0);
}
END_TEST

/* The stub is as strict as the strictest provider: else the tests above would prove little. */
START_TEST(the_stub_refuses_what_providers_refuse)
{
	static const struct {
		const char *body, *wrong;
	} refused[] = {
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}],"
#define CALLED(id, args) "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\"," \
	"\"function\":{\"name\":\"f\",\"arguments\":\"" args "\"}}]}"
#define ANSWERED(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define SAID "{\"role\":\"user\",\"content\":\"x\"}"
		{TOOLS "\"messages\":[" CALLED("a", "{}") "]", "\"a\" has no answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," SAID "," ANSWERED("a") "]", "\"a\" has no answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," ANSWERED("a") "]", "answered twice"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("b") "]", "must answer a preceding tool call"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," CALLED("b", "{}") "," ANSWERED("a") "]", "must answer"},
		{TOOLS "\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "," CALLED("a", "{}") "," ANSWERED("a") "]", "\"a\" twice"},
		{TOOLS "\"messages\":[" CALLED("a", "{oops") "," ANSWERED("a") "]", "no text of an object"},
		{"\"messages\":[" CALLED("a", "{}") "," ANSWERED("a") "]", "without tools"},
		{"\"tools\":[],\"messages\":[" SAID "]", "empty or too long"},
		{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"messages\":[" SAID "]", "not of type object"},
		{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f.g\"}}],\"messages\":[" SAID "]", "does not fit"},
	};
	const char *body = arena_printf(arena, "{\"model\":\"m\",\"stream\":true,%s}", refused[_i].body);
	const struct json *v;
	const char *wrong;

	ck_assert_int_eq(json_parse(arena, str_from(body), NULL, &v, NULL), 0);
	wrong = strict_check(arena, v);
	ck_assert_msg(wrong && strstr(wrong, refused[_i].wrong), "%s: %s", body, wrong ? wrong : "taken");
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("gateway");
	TCase *t = tcase_create("gateway");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_fault_is_survived, 0, COUNT(faults));
	tcase_add_loop_test(t, some_ends_are_final, 0, COUNT(ends));
	tcase_add_test(t, text_comes_through);
	tcase_add_test(t, a_paid_call_is_reserved_and_settled);
	tcase_add_test(t, a_free_model_takes_no_hold);
	tcase_add_test(t, a_hold_rides_with_the_failed_call);
	tcase_add_test(t, an_estimate_can_use_up_the_budget);
	tcase_add_test(t, the_charge_of_a_router_counts);
	tcase_add_test(t, no_bound_no_call);
	tcase_add_test(t, money_held_by_a_sibling_is_waited_for);
	tcase_add_test(t, a_lost_lease_stops_it);
	tcase_add_test(t, a_closed_store_stops_it);
	tcase_add_test(t, cancel_aborts_and_settles);
	tcase_add_test(t, cancel_while_it_waits);
	tcase_add_test(t, the_deadline_bounds_all_attempts);
	tcase_add_test(t, the_line_is_first_in_first_out);
	tcase_add_test(t, no_route_says_why);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, keys_in_order_of_precedence);
	tcase_add_test(t, an_address_from_the_environment);
	tcase_add_test(t, wires_of_another_version_say_so);
	tcase_add_test(t, a_schema_is_sent_or_told);
	tcase_add_test(t, what_is_configured);
	tcase_add_test(t, a_conversation_with_tools);
	tcase_add_test(t, calls_of_a_server_that_tells_little);
	tcase_add_test(t, tools_need_a_model_that_can_use_them);
	tcase_add_test(t, half_a_conversation_costs_nothing);
	tcase_add_loop_test(t, the_stub_refuses_what_providers_refuse, 0, 11);
	tcase_add_test(t, the_shipped_routing_answers);
	suite_add_tcase(s, t);
	return suite_run(s);
}
