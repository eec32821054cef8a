/* gateway_load.c - the worker's gateway without workflows: questions to a tier, one behind the other by each of so many callers.
 *
 *   gateway_load --routing FILE --tier NAME --callers N --count N
 *
 * Each caller has a task of its own, claimed as the worker claims, from lane "default"; for each question the worst case is
 * reserved, the model asked, and what it cost committed with the row of the step that ends, as the worker does it. COUNT questions
 * are for warming up, and COUNT are measured. Prints "US KIB P50_US CPU_US": from the first question to the last commit, the
 * process's peak memory, what half the questions took at most, and the process's time. The database is AGENTD_DATABASE. Any
 * question that fails ends it with status 1.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/gateway.h"
#include "gateway/record.h"
#include "store/queue.h"
#include "store/store.h"
#include "t/bench/load.h"

enum { MAX_CALLERS = 1000, LEASE_MS = 3600 * 1000, MAX_OUTPUT = 50 };

struct caller {
	struct uuid task;
	int fence, turn;
	int64_t begin_us;
	struct arena *arena;		/* of one question */
	struct str path;
	struct journal_row row;
	struct model_call call;
	struct move move;
};

static struct {
	struct loop *loop;
	struct store *store;
	struct gateway *gateway;
	struct uuid worker;
	const char *tier;
	int n_callers, count, n_asked, n_ended;
	int64_t *took_us;
	struct caller callers[MAX_CALLERS];
} bench;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void ask(struct caller *c);

static void on_moved(void *arg, const struct move_result *r)
{
	struct caller *c = arg;

	if (r->status != MOVE_OK)
		fatal("gateway_load: a move was not committed: %s", r->err.msg);
	bench.took_us[bench.n_ended++] = now_us() - c->begin_us;
	arena_free(c->arena);
	ask(c);
}

static void on_answer(struct op *op, void *arg)
{
	struct caller *c = arg;
	const struct model_answer *a = gateway_answer_of(op);

	if (op->err->code != ERR_NONE || a->text.n == 0 || a->n_calls != 1)
		fatal("gateway_load: %s: %s", err_name(op->err->code), op->err->msg);
	c->call = record_copy(c->arena, a->calls);
	c->row = (struct journal_row){
		.path = c->path, .attempt_try = 1, .kind = STR("step.succeeded"), .step_kind = STR("model"),
		.value = json_string(c->arena, a->text), .cost_pusd = a->cost_pusd,
	};
	c->move = (struct move){
		.task = c->task, .fence = c->fence, .rows = &c->row, .n_rows = 1, .calls = &c->call, .n_calls = 1,
		.next = MOVE_STAY,
	};
	queue_commit(bench.store, &c->move, on_moved, c);
}

static void ask(struct caller *c)
{
	struct message m = {.role = ROLE_USER, .text = STR("Say hello.")};
	struct model_request req = {
		.task = c->task, .fence = c->fence, .tier = str_from(bench.tier), .messages = &m, .n_messages = 1,
		.max_output = MAX_OUTPUT, .temperature = -1,
	};

	if (bench.n_asked == bench.count)
		return;
	bench.n_asked++;
	c->arena = arena_new(NULL);
	c->path = str_from(arena_printf(c->arena, "ask/turn-%d", ++c->turn));
	req.path = c->path;
	c->begin_us = now_us();
	gateway_call(bench.gateway, arena_new(NULL), &req, on_answer, c);
}

static void run(int count)
{
	bench.count = count;
	bench.n_asked = bench.n_ended = 0;
	for (int i = 0; i < bench.n_callers; i++)
		ask(&bench.callers[i]);
	while (bench.n_ended < count)
		loop_once(bench.loop);
}

static void on_registered(struct op *op, void *arg)
{
	if (op->err->code != ERR_NONE)
		fatal("gateway_load: %s", op->err->msg);
	*(bool *)arg = true;
}

static void on_claims(struct op *op, void *arg)
{
	const struct claims *claims = queue_claims_of(op);

	if (!claims)
		fatal("gateway_load: %s", op->err->msg);
	for (size_t i = 0; i < claims->n && bench.n_callers < MAX_CALLERS; i++)
		bench.callers[bench.n_callers++] = (struct caller){.task = claims->v[i]->task, .fence = claims->v[i]->fence};
	*(bool *)arg = true;
}

static void claim(int n)
{
	struct str lanes[] = {STR("default")};
	struct worker_row row = {.host = "bench", .pid = 1, .lanes = lanes, .n_lanes = 1, .lease_ms = LEASE_MS, .semantics = 1};
	bool done = false;

	row.id = bench.worker = uuid_new();
	queue_register(bench.store, arena_new(NULL), &row, on_registered, &done);
	while (!done)
		loop_once(bench.loop);
	done = false;
	queue_claim(bench.store, arena_new(NULL), &bench.worker, n, 0, on_claims, &done);
	while (!done)
		loop_once(bench.loop);
	if (bench.n_callers != n)
		fatal("gateway_load: %d tasks are there, expected %d", bench.n_callers, n);
}

static const struct routing *read_routing(struct arena *a, const char *path)
{
	struct diags *d = diags_new(a);
	const struct routing *r;
	struct str text;
	struct err err;
	struct buf b;

	if (file_read(a, path, 1 << 20, &text, &err) < 0)
		fatal("gateway_load: %s", err.msg);
	r = routing_parse(a, path, text, d);
	buf_init(&b, a);
	diag_print(d, &b);
	if (!r)
		fatal("%s", buf_cstr(&b));
	return r;
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void print(int64_t us, int64_t cpu)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	qsort(bench.took_us, (size_t)bench.count, sizeof *bench.took_us, load_by_value);
	printf("%lld %ld %lld %lld\n", (long long)us, u.ru_maxrss, (long long)bench.took_us[bench.count / 2], (long long)cpu);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"routing", required_argument, NULL, 'r'}, {"tier", required_argument, NULL, 't'},
		{"callers", required_argument, NULL, 'c'}, {"count", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	const char *routing = NULL;
	int c, callers = 0, count = 0;
	struct arena *a = arena_new(NULL);
	struct http *http;
	int64_t begin, cpu;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			routing = optarg;
		else if (c == 't')
			bench.tier = optarg;
		else if (c == 'c')
			callers = atoi(optarg);
		else if (c == 'n')
			count = atoi(optarg);
		else
			return 2;
	}
	if (!routing || !bench.tier || callers < 1 || callers > MAX_CALLERS || count < callers || !getenv("AGENTD_DATABASE"))
		fatal("usage: AGENTD_DATABASE=... gateway_load --routing FILE --tier NAME --callers N --count N");
	log_set_level(LOG_LEVEL_WARN);
	bench.loop = loop_new();
	http = http_new(bench.loop);
	bench.store = store_open(bench.loop, getenv("AGENTD_DATABASE"), "agentd worker");
	bench.gateway = gateway_new(bench.loop, http, bench.store);
	gateway_set_routing(bench.gateway, read_routing(a, routing));
	bench.took_us = ARENA_ARRAY(a, (size_t)count, int64_t);
	claim(callers);
	run(count);
	begin = now_us();
	cpu = cpu_us();
	run(count);
	print(now_us() - begin, cpu_us() - cpu);
	gateway_free(bench.gateway);
	store_close(bench.store);
	http_free(http);
	loop_free(bench.loop);
	arena_free(a);
	return 0;
}
