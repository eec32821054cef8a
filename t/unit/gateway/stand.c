/* stand.c - see stand.h. */
#include "stand.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "base/arena.h"
#include "base/heap.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/record.h"
#include "gateway/request.h"

/* --- the stub --- */

static pid_t stub_pid;
int stub_port;

void start_stub(void)
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

void stop_stub(void)
{
	kill(stub_pid, SIGTERM);
	waitpid(stub_pid, NULL, 0);
}

/* --- a store that keeps one budget in memory --- */

struct bank bank;

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
	bank.calls[bank.n_calls++] = record_copy(arena, c);	/* its texts go with the op */
}

/* The caps of bank.capped refuse what counts against them. */
static const struct json *refusal_of(struct arena *a, const struct spend_hold *h)
{
	const struct json *v;
	struct buf b, n;

	bank.caps[0] = '\0';
	snprintf(bank.approval, sizeof bank.approval, STR_FMT, STR_ARG(h->approval.p ? h->approval : STR("")));
	buf_init(&b, a);
	buf_init(&n, a);
	for (size_t i = 0; i < h->n_caps; i++) {
		const struct spend_cap *c = &h->caps[i];

		buf_addf(&n, "%s" STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " %lld", i ? "; " : "", STR_ARG(c->name),
			 STR_ARG(c->scope), STR_ARG(c->key), STR_ARG(c->window), STR_ARG(c->zone), (long long)(c->limit_pusd / 1000000));
		if (strstr(bank.capped ? bank.capped : "", str_cstr(a, c->name)))
			buf_addf(&b, "%s{\"cap\":\"" STR_FMT "\"}", b.n ? "," : "", STR_ARG(c->name));
	}
	snprintf(bank.caps, sizeof bank.caps, "%s", buf_cstr(&n));
	if (!b.n)
		return NULL;
	ck_assert_int_eq(json_parse(a, str_from(arena_printf(a, "{\"message\":\"too dear\",\"waits\":%s,\"caps\":[%s]}",
							    bank.n_waits > 0 ? "true" : "false", buf_cstr(&b))), NULL, &v, NULL), 0);
	if (bank.n_waits > 0 && --bank.n_waits == 0)
		bank.capped = "";
	return v;
}

static void run_move(void *arg)
{
	struct pending *p = arg;
	const struct move *m = p->move;
	struct move_result r = {.status = MOVE_OK};
	struct arena *a = arena_new(NULL);
	int64_t freed = 0;

	if (m->hold)
		r.refusal = refusal_of(a, m->hold);

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
	} else if (r.refusal) {
		r.status = MOVE_REFUSED;
		err_set(&r.err, ERR_BUDGET_USD, "too dear");
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
	arena_free(a);
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

struct arena *arena;
struct http *http;
struct gateway *gateway;
struct diags *diags;

void setup(void)
{
	memset(&bank, 0, sizeof bank);
	memset(&board, 0, sizeof board);
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

void teardown(void)
{
	gateway_free(gateway);
	http_free(http);
	loop_free(bank.loop);
	arena_free(arena);
}

const struct routing *route(const char *yaml)
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

const char *provider_lines(const char *more)
{
	return arena_printf(arena,
		"agentd: v1\n"
		"defaults:\n"
		"  timeout: {connect: 2s, first_byte: 1200ms, idle: 1200ms, total: 20s}\n"
		"  retry: {max: 1, backoff: [10ms, 20ms], max_hint: 1s}\n"
		"providers:\n"
		"  stub: {wire: openai, base_url: \"http://127.0.0.1:%d/v1/\", key_env: [STUB_KEY]%s}\n"
		"  google: {wire: gemini, base_url: \"http://127.0.0.1:%d/v1beta\", key_env: [STUB_KEY]}\n"
		"  claude: {wire: anthropic, base_url: \"http://127.0.0.1:%d\", key_env: [STUB_KEY]}\n"
		"  router: {wire: openrouter, base_url: \"http://127.0.0.1:%d/v1\", key_env: [STUB_KEY]}\n"
		"  gone: {wire: openai, base_url: \"http://127.0.0.1:1/v1\", key_env: [STUB_KEY]}\n"
		"  unset: {wire: openai, base_url: \"http://127.0.0.1:1/v1\", key_env: [OTHER_KEY]}\n",
		stub_port, more, stub_port, stub_port, stub_port);
}

void route_fault(const char *fault, const char *provider, bool second)
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
	if (a->ask)
		q->ask = arena_printf(arena, STR_FMT " " STR_FMT " " STR_FMT " %lld " STR_FMT, STR_ARG(a->ask->tier), STR_ARG(a->ask->model),
				      STR_ARG(a->ask->path), (long long)a->ask->amount_pusd, STR_ARG(json_text(arena, a->ask->caps)));
	q->n_tool_calls = a->n_tool_calls;
	q->then = a->then;
	q->again_ms = a->again_ms;
	q->tool_calls = tool_calls_copy(arena, a->tool_calls, a->n_tool_calls);
	q->echo = str_cstr(arena, a->echo);
	q->n_vectors = a->n_vectors;
	q->dims = a->dims;
	q->model = str_cstr(arena, a->model);
	q->vectors = arena_dup(arena, a->vectors, a->n_vectors * a->dims * sizeof *a->vectors);
	for (size_t i = 0; i < a->n_calls; i++)		/* the caller's own move */
		settle(&a->calls[i]);
}

void start_request(struct asked *q, const struct model_request *req)
{
	*q = (struct asked){0};
	q->op = gateway_call(gateway, arena_new(NULL), req, on_done, q);
	ck_assert(!q->done);
}

void start(struct asked *q, const char *tier, const char *text, const struct json *output, int64_t deadline_ms)
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

void start_talk(struct asked *q, const char *tier, const struct message *m, size_t n, size_t n_tools)
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

void start_embed(struct asked *q, const char *tier, const struct str *texts, size_t n)
{
	struct arena *scratch = arena_new(NULL);
	struct model_request req = {.fence = 1, .path = STR("known"), .tier = str_from(tier), .texts = texts, .n_texts = n};

	req = request_copy(scratch, &req);
	req.task.b[0] = 7;
	*q = (struct asked){0};
	q->op = gateway_embed(gateway, arena_new(NULL), &req, on_done, q);
	ck_assert(!q->done);
	arena_free(scratch);	/* the request was copied, all of it */
}

void finish(struct asked *q)
{
	while (!q->done)
		loop_once(bank.loop);
}

struct asked ask(const char *tier)
{
	struct asked q;

	start(&q, tier, "hello", NULL, 0);
	finish(&q);
	return q;
}
