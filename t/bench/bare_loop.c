/* bare_loop.c - the worker's SQL without the worker: what ./dev bench measures agentd against.
 *
 *   bare_loop --moves FILE [--batch 500] [--lanes 4]
 *
 * Claims tasks with agentd.claim and commits for each of them the moves in FILE with agentd.commit_steps: the same calls with
 * the same columns, in batches as large and over the same two connections as the worker's, one for claims and a pipelined one for
 * commits, but with no engine and no workflow. LANES batches are on their way at a time; 4 of 500 are the worker's 2,000 slots.
 * Ends when the queue is empty and prints "tasks N". The database is AGENTD_DATABASE.
 *
 * FILE is what the worker wrote for one task, a row a line, fields separated by tabs: the number of its move, path, try, kind,
 * step kind, value, digest in hex, cost in pico-dollars; the last line has three: the number of the move that finishes the
 * task, its state and output.
 */
#include <ctype.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROWS = 64, MAX_LANES = 8, FIELDS = 8, END_FIELDS = 3, N_PARAMS = 22, N_ARRAYS = 19 };
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_JSON = 114, OID_UUID = 2950 };
enum { NEXT_STAY = 0, NEXT_FINISH = 2 };

struct text {
	const char *p;
	size_t n;
};

struct row {
	int move, try_no;
	struct text path, kind, step_kind, value, digest;
	int64_t cost_pusd;
};

/* What every task commits. */
static struct row rows[MAX_ROWS];
static size_t n_rows;
static int n_moves;
static struct text end_state, end_output;

/* A binary array: header, then length and bytes of each element. */
struct array {
	unsigned char *p;
	size_t n, room;
	uint32_t count, oid;
	bool has_null;
};

/* One batch of tasks on its way through its moves. */
struct lane {
	unsigned char *ids;	/* 16 bytes each */
	int *fences;
	int n, move;		/* of the commit on its way; 0: none yet */
	bool busy;
};

/* Answers come in the order of the calls. */
struct pipe {
	PGconn *conn;
	struct lane *calls[MAX_LANES];
	int n;
};

static struct pipe claims, commits;
static struct lane lanes[MAX_LANES];
static int n_lanes = 4, batch = 500, n_claims;
static bool empty;		/* a claim found nothing */
static long n_done;
static char worker[37];
static struct array arrays[N_ARRAYS];

static void die(const char *what)
{
	fprintf(stderr, "bare_loop: %s: %s%s\n", what, claims.conn ? PQerrorMessage(claims.conn) : "",
		commits.conn ? PQerrorMessage(commits.conn) : "");
	exit(1);
}

static void *room(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		die("out of memory");
	return p;
}

/* --- arrays --- */

static void put(unsigned char *at, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
}

static unsigned char *extend(struct array *a, size_t n)
{
	if (a->n + n > a->room) {
		a->room = 2 * (a->n + n);
		a->p = room(a->p, a->room);
	}
	a->n += n;
	return a->p + a->n - n;
}

static void begin(struct array *a, uint32_t oid)
{
	a->n = 0;
	a->count = 0;
	a->oid = oid;
	a->has_null = false;
	extend(a, 20);
}

static void add(struct array *a, const void *p, size_t n)
{
	unsigned char *at = extend(a, 4 + n);

	put(at, n, 4);
	memcpy(at + 4, p, n);
	a->count++;
}

static void add_int(struct array *a, int64_t v)
{
	int n = a->oid == OID_BOOL ? 1 : a->oid == OID_INT2 ? 2 : a->oid == OID_INT4 ? 4 : 8;
	unsigned char *at = extend(a, 4 + (size_t)n);

	put(at, (uint64_t)n, 4);
	put(at + 4, (uint64_t)v, n);
	a->count++;
}

static void add_null(struct array *a)
{
	put(extend(a, 4), UINT32_MAX, 4);
	a->count++;
	a->has_null = true;
}

static void end(struct array *a)
{
	put(a->p, a->count > 0, 4);
	put(a->p + 4, a->has_null, 4);
	put(a->p + 8, a->oid, 4);
	put(a->p + 12, a->count, 4);
	put(a->p + 16, 1, 4);
}

/* --- the moves --- */

static struct text next_field(char **at)
{
	char *from = *at, *tab = strpbrk(from, "\t\n");
	size_t n = tab ? (size_t)(tab - from) : strlen(from);

	*at = tab && *tab == '\t' ? tab + 1 : from + n;
	from[n] = '\0';
	return (struct text){from, n};
}

static struct text from_hex(struct text hex)
{
	unsigned char *p = room(NULL, hex.n / 2 + 1);

	for (size_t i = 0; i < hex.n / 2; i++) {
		unsigned byte;

		if (sscanf(hex.p + 2 * i, "%2x", &byte) != 1)
			die("a digest is not hex");
		p[i] = (unsigned char)byte;
	}
	return (struct text){(char *)p, hex.n / 2};
}

static void read_line(char *line)
{
	struct text f[FIELDS];
	struct row *r = &rows[n_rows];
	size_t tabs = 0;

	for (const char *p = line; *p; p++)
		tabs += *p == '\t';
	if (tabs != FIELDS - 1 && tabs != END_FIELDS - 1)
		die("a line of the moves has neither 8 fields nor 3");
	for (size_t i = 0; i <= tabs; i++)
		f[i] = next_field(&line);
	if (tabs == END_FIELDS - 1) {
		n_moves = atoi(f[0].p);
		end_state = f[1];
		end_output = f[2];
		return;
	}
	if (n_rows == MAX_ROWS)
		die("too many rows");
	*r = (struct row){.move = atoi(f[0].p), .try_no = atoi(f[2].p), .path = f[1], .kind = f[3], .step_kind = f[4], .value = f[5],
			  .digest = from_hex(f[6]), .cost_pusd = atoll(f[7].p)};
	n_rows++;
}

static void read_moves(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t n = 0;

	if (!f)
		die(path);
	while (getline(&line, &n, f) > 0) {
		read_line(line);
		line = NULL;	/* the fields point into it */
		n = 0;
	}
	free(line);
	fclose(f);
	if (n_moves < 1)
		die("the moves have no last line");
}

/* --- calls --- */

static const char claim_sql[] =
	"SELECT task, fence, workflow, bundle, urgency, labels, submitted_by, parent, input, budget, created_us, deadline_us, "
	"failures, recoveries, cancel, last_seq, journal, spent_pusd, now_us, next_due_us FROM agentd.claim($1, $2, $3)";
static const char commit_sql[] =
	"SELECT ord, status, last_seq, cancel, now_us, code, message FROM agentd.commit_steps("
	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

static void sent(struct pipe *p, struct lane *l, int ok)
{
	if (!ok || !PQpipelineSync(p->conn) || PQflush(p->conn) < 0)
		die("sending");
	p->calls[p->n++] = l;
}

static void send_claim(struct lane *l)
{
	char limit[16], number[16];
	const char *const values[] = {worker, limit, number};

	snprintf(limit, sizeof limit, "%d", batch);
	snprintf(number, sizeof number, "%d", ++n_claims);
	l->move = 0;
	l->busy = true;
	sent(&claims, l, PQsendQueryPrepared(claims.conn, "claim", 3, values, NULL, NULL, 0));
}

/* One claim at a time, as the worker does. */
static void maybe_claim(void)
{
	for (int i = 0; i < n_lanes && !empty && claims.n == 0; i++)
		if (!lanes[i].busy)
			send_claim(&lanes[i]);
}

static void add_tasks(const struct lane *l)
{
	bool last = l->move == n_moves;
	int64_t count = 0;

	for (size_t i = 0; i < n_rows; i++)
		count += rows[i].move == l->move;
	for (int i = 0; i < l->n; i++) {
		add(&arrays[0], l->ids + 16 * i, 16);
		add_int(&arrays[1], l->fences[i]);
		add_int(&arrays[2], count);
		add_int(&arrays[3], last ? NEXT_FINISH : NEXT_STAY);
		add(&arrays[4], last ? end_state.p : "", last ? end_state.n : 0);
		add_int(&arrays[5], 0);
		add_int(&arrays[6], 0);
		if (last)
			add(&arrays[7], end_output.p, end_output.n);
		else
			add_null(&arrays[7]);
		add_null(&arrays[8]);
	}
}

static void add_rows(const struct lane *l)
{
	for (int i = 0; i < l->n; i++) {
		int idx = 0;

		for (size_t j = 0; j < n_rows; j++) {
			const struct row *r = &rows[j];

			if (r->move != l->move)
				continue;
			add_int(&arrays[9], i + 1);
			add_int(&arrays[10], ++idx);
			add(&arrays[11], r->path.p, r->path.n);
			add_int(&arrays[12], r->try_no);
			add(&arrays[13], r->kind.p, r->kind.n);
			add(&arrays[14], r->step_kind.p, r->step_kind.n);
			add(&arrays[15], r->value.p, r->value.n);
			add(&arrays[16], r->digest.p, r->digest.n);
			add_int(&arrays[17], 0);
			add_int(&arrays[18], r->cost_pusd);
		}
	}
}

static void send_commit(struct lane *l)
{
	static const uint32_t oids[N_ARRAYS] = {OID_UUID, OID_INT4, OID_INT4, OID_INT2, OID_TEXT, OID_INT8, OID_BOOL, OID_JSON, OID_JSON, OID_INT4,
					  OID_INT4, OID_TEXT, OID_INT4, OID_TEXT, OID_TEXT, OID_JSON, OID_BYTEA, OID_INT8, OID_INT8};
	const char *values[N_PARAMS] = {NULL};
	int lengths[N_PARAMS] = {0}, formats[N_PARAMS] = {0};

	l->move++;
	for (int i = 0; i < N_ARRAYS; i++)
		begin(&arrays[i], oids[i]);
	add_tasks(l);
	add_rows(l);
	for (int i = 0; i < N_ARRAYS; i++) {
		end(&arrays[i]);
		values[i] = (char *)arrays[i].p;
		lengths[i] = arrays[i].count ? (int)arrays[i].n : 12;
		formats[i] = 1;
	}
	sent(&commits, l, PQsendQueryPrepared(commits.conn, "commit", N_PARAMS, values, lengths, formats, 0));
}

/* --- answers --- */

static void read_id(const char *text, unsigned char *ret)
{
	char hex[33];
	int n = 0;

	for (; *text && n < 32; text++)
		if (*text != '-')
			hex[n++] = *text;
	for (int i = 0; i < 16; i++) {
		int hi = hex[2 * i], lo = hex[2 * i + 1];

		ret[i] = (unsigned char)(((isdigit(hi) ? hi - '0' : hi - 'a' + 10) << 4) | (isdigit(lo) ? lo - '0' : lo - 'a' + 10));
	}
}

static void take_claim(struct lane *l, const PGresult *r)
{
	l->n = PQntuples(r) - 1;	/* the first row has no task */
	for (int i = 0; i < l->n; i++) {
		read_id(PQgetvalue(r, i + 1, 0), l->ids + 16 * i);
		l->fences[i] = atoi(PQgetvalue(r, i + 1, 1));
	}
}

static void check_commit(const struct lane *l, const PGresult *r)
{
	if (PQntuples(r) != l->n)
		die("commit_steps: not every move was answered");
	for (int i = 0; i < l->n; i++)
		if (strcmp(PQgetvalue(r, i, 1), "ok") != 0) {
			fprintf(stderr, "bare_loop: a move was answered \"%s\"\n", PQgetvalue(r, i, 1));
			exit(1);
		}
}

static void on_claimed(struct lane *l, const PGresult *r)
{
	take_claim(l, r);
	l->busy = l->n > 0;
	empty = !l->busy;
	if (l->busy)
		send_commit(l);
	maybe_claim();
}

static void on_committed(struct lane *l, const PGresult *r)
{
	check_commit(l, r);
	if (l->move < n_moves) {
		send_commit(l);
		return;
	}
	n_done += l->n;
	l->busy = false;
	maybe_claim();
}

static void take_answers(struct pipe *p, void (*done)(struct lane *, const PGresult *))
{
	if (!PQconsumeInput(p->conn))
		die("receiving");
	while (p->n > 0 && !PQisBusy(p->conn)) {
		PGresult *r = PQgetResult(p->conn);
		struct lane *l = p->calls[0];

		switch (PQresultStatus(r)) {
		case PGRES_TUPLES_OK:
			memmove(p->calls, p->calls + 1, (size_t)--p->n * sizeof *p->calls);
			done(l, r);
			break;
		case PGRES_PIPELINE_SYNC:
			break;
		default:
			if (r)
				die("a call failed");
		}
		PQclear(r);
	}
}

static void run(void)
{
	struct pollfd fds[] = {{.fd = PQsocket(claims.conn), .events = POLLIN}, {.fd = PQsocket(commits.conn), .events = POLLIN}};

	maybe_claim();
	while (claims.n + commits.n > 0) {
		if (poll(fds, 2, 60000) <= 0)
			die("no answer for 60 s");
		if (fds[0].revents)
			take_answers(&claims, on_claimed);
		if (fds[1].revents)
			take_answers(&commits, on_committed);
	}
}

static void must(PGresult *r)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		die("preparing");
	PQclear(r);
}

static PGconn *open_connection(const char *name, const char *sql)
{
	PGconn *conn = PQconnectdb(getenv("AGENTD_DATABASE") ? getenv("AGENTD_DATABASE") : "");

	if (PQstatus(conn) != CONNECTION_OK) {
		fprintf(stderr, "bare_loop: %s", PQerrorMessage(conn));
		exit(1);
	}
	/* As src/store/link.c says it. */
	must(PQexec(conn, "SET statement_timeout = '60s'; SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '30s';"
			  "SET client_connection_check_interval = '5s'; SET timezone = 'UTC'; SET jit = off"));
	must(PQprepare(conn, name, sql, 0, NULL));
	return conn;
}

static void prepare(void)
{
	const char *const values[] = {worker};
	PGresult *r;

	claims.conn = open_connection("claim", claim_sql);
	commits.conn = open_connection("commit", commit_sql);
	r = PQexec(claims.conn, "SELECT gen_random_uuid()");
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		die("an id for the worker");
	snprintf(worker, sizeof worker, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	must(PQexecParams(claims.conn, "SELECT agentd.worker_register($1, 'bare', 1, '{default}', 30000, 1)", 1, NULL, values, NULL, NULL, 0));
	if (!PQenterPipelineMode(claims.conn) || !PQenterPipelineMode(commits.conn))
		die("pipeline mode");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"moves", required_argument, NULL, 'm'}, {"batch", required_argument, NULL, 'b'},
						{"lanes", required_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	const char *moves = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'm')
			moves = optarg;
		else if (o == 'b')
			batch = atoi(optarg);
		else if (o == 'l')
			n_lanes = atoi(optarg);
		else
			return 2;
	}
	if (!moves || batch < 1 || batch > 10000 || n_lanes < 1 || n_lanes > MAX_LANES) {
		fputs("usage: bare_loop --moves FILE [--batch N] [--lanes N]\n", stderr);
		return 2;
	}
	read_moves(moves);
	for (int i = 0; i < n_lanes; i++) {
		lanes[i].ids = room(NULL, 16 * (size_t)batch);
		lanes[i].fences = room(NULL, sizeof(int) * (size_t)batch);
	}
	prepare();
	run();
	PQfinish(claims.conn);
	PQfinish(commits.conn);
	printf("tasks %ld\n", n_done);
	return 0;
}
