/* link.c - the states of a connection; the only file that calls PQconnectPoll. */
#include "store/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "store/connect.h"

enum { CONNECT_TIMEOUT_MS = 10000, RETRY_MIN_MS = 50, RETRY_MAX_MS = 2000, SILENCE_MS = LINK_STATEMENT_MS + 5000 };
enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_SETTING, LINK_UP, LINK_CLOSED };

struct link {
	struct arena *arena;
	struct loop *loop;
	const char *conninfo, *application, *setup;
	struct link_user user;
	PGconn *conn;
	struct loop_fd *fd;
	int sock;
	struct loop_timer *timer;	/* next try, or the end of this one; up: the end of patience */
	bool expecting;
	int64_t heard_ms;		/* of the boot clock; while expecting */
	enum link_state state;
	unsigned failures;		/* in a row */
	char reason[256];
};

/* No transaction outlives a call of ours; jit: a batch's estimated cost must never start a compiler. keepalives: a server that
 * waits for the rest of a call holds the locks of its first half, and no other time limit of its own is running then. It must
 * notice that the network lost us:
 * 14 s after our last sign, which comes no later than 10 s (connect.c) after the network let nothing through to us any more. */
static const char setup_sql[] =
	"SET statement_timeout = %d; SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '30s';"
	"SET client_connection_check_interval = '5s'; SET tcp_user_timeout = '14s';"
	"SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3; SET timezone = 'UTC'; SET jit = off;"
	"SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

static void on_event(void *arg, int events);
static void on_timer(void *arg);

static void drop(struct link *k)
{
	loop_fd_free(k->fd);
	k->fd = NULL;
	k->sock = -1;
	PQfinish(k->conn);
	k->conn = NULL;
}

static int64_t jitter_ms(unsigned failures)
{
	uint32_t r, cap = RETRY_MIN_MS;

	for (unsigned i = 0; i < failures && cap < RETRY_MAX_MS; i++)
		cap *= 2;
	if (cap > RETRY_MAX_MS)
		cap = RETRY_MAX_MS;
	random_bytes(&r, sizeof r);
	return 1 + (int64_t)(r % cap);
}

/* libpq's messages end in a new line and may have several. */
static void set_reason(struct link *k, const char *text)
{
	size_t n = strcspn(text, "\n");

	if (n >= sizeof k->reason)
		n = sizeof k->reason - 1;
	memcpy(k->reason, text, n);
	k->reason[n] = '\0';
}

void link_lost(struct link *k, const char *reason)
{
	bool was_up = k->state == LINK_UP;

	set_reason(k, reason && *reason ? reason : "connection lost");
	log_warn(was_up ? "store.lost" : "store.unreachable", "reason=%s", log_quotec(k->reason));
	drop(k);
	k->state = LINK_DOWN;
	k->expecting = false;
	loop_timer_set(k->timer, jitter_ms(k->failures++));
	if (was_up)
		k->user.down(k->user.arg);
}

/* libpq may change its socket between two polls (next address of a list). */
static void watch(struct link *k, int events)
{
	int sock = PQsocket(k->conn);

	if (sock != k->sock) {
		loop_fd_free(k->fd);
		k->sock = sock;
		k->fd = loop_fd_new(k->loop, sock, on_event, k);
	}
	loop_fd_set(k->fd, events);
}

bool link_flush(struct link *k)
{
	int rc;

	if (!k->conn)
		return false;
	rc = PQflush(k->conn);
	if (rc < 0) {
		link_lost(k, PQerrorMessage(k->conn));
		return false;
	}
	watch(k, rc > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	return true;
}

static void begin_setup(struct link *k)
{
	k->state = LINK_SETTING;
	loop_timer_set(k->timer, CONNECT_TIMEOUT_MS);
	if (PQsetnonblocking(k->conn, 1) != 0 || !PQsendQuery(k->conn, k->setup)) {
		link_lost(k, PQerrorMessage(k->conn));
		return;
	}
	link_flush(k);
}

static void poll_connect(struct link *k)
{
	switch (PQconnectPoll(k->conn)) {
	case PGRES_POLLING_READING:
		watch(k, LOOP_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch(k, LOOP_WRITE);
		break;
	case PGRES_POLLING_OK:
		begin_setup(k);
		break;
	default:
		link_lost(k, PQerrorMessage(k->conn));
		break;
	}
}

static void poll_setup(struct link *k)
{
	while (!PQisBusy(k->conn)) {
		PGresult *r = PQgetResult(k->conn);
		ExecStatusType status = PQresultStatus(r);

		if (!r) {
			k->state = LINK_UP;
			k->failures = 0;
			k->reason[0] = '\0';
			loop_timer_clear(k->timer);
			log_info("store.connected", "server=%d", PQserverVersion(k->conn));
			k->user.up(k->user.arg);
			return;
		}
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
			char reason[sizeof k->reason];

			snprintf(reason, sizeof reason, "%s", PQresultErrorMessage(r));
			PQclear(r);
			link_lost(k, reason);
			return;
		}
		PQclear(r);
	}
}

static void on_event(void *arg, int events)
{
	struct link *k = arg;

	if (k->state == LINK_CONNECTING) {
		poll_connect(k);
		return;
	}
	if ((events & LOOP_WRITE) && !link_flush(k))
		return;
	if (!(events & LOOP_READ))
		return;
	if (!PQconsumeInput(k->conn)) {
		link_lost(k, PQerrorMessage(k->conn));
		return;
	}
	k->heard_ms = clock_boot_ms();
	if (k->state == LINK_SETTING)
		poll_setup(k);
	else if (k->state == LINK_UP)
		k->user.readable(k->user.arg);
}

static void on_notice(void *arg, const char *text)
{
	(void)arg;
	log_debug("store.notice", "text=%s", log_quotec(text));
}

static void begin_connect(struct link *k)
{
	k->state = LINK_CONNECTING;
	k->conn = connect_start(k->conninfo, k->application);
	if (!k->conn || PQstatus(k->conn) == CONNECTION_BAD) {
		link_lost(k, k->conn ? PQerrorMessage(k->conn) : "out of memory");
		return;
	}
	PQsetNoticeProcessor(k->conn, on_notice, NULL);
	loop_timer_set(k->timer, CONNECT_TIMEOUT_MS);
	watch(k, LOOP_WRITE);
}

/* The timer is set once for many answers; it looks when the last came. */
static void look_for_silence(struct link *k)
{
	int64_t left_ms = k->heard_ms + SILENCE_MS - clock_boot_ms();

	if (!k->expecting)
		return;
	if (left_ms > 0)
		loop_timer_set(k->timer, left_ms);
	else
		link_lost(k, "the server is silent");
}

static void on_timer(void *arg)
{
	struct link *k = arg;

	if (k->state == LINK_DOWN)
		begin_connect(k);
	else if (k->state == LINK_UP)
		look_for_silence(k);
	else
		link_lost(k, "no answer to the connection request");
}

void link_expect(struct link *k, bool answer)
{
	if (k->state != LINK_UP)
		return;
	if (answer && !k->expecting) {
		k->heard_ms = clock_boot_ms();
		if (!loop_timer_is_set(k->timer))
			loop_timer_set(k->timer, SILENCE_MS);
	}
	k->expecting = answer;
}

struct link *link_open(struct loop *l, const char *conninfo, const char *application, int statement_ms, struct link_user user)
{
	struct arena *a = arena_new(NULL);
	struct link *k = ARENA_NEW(a, struct link);

	k->arena = a;
	k->loop = l;
	k->conninfo = arena_strdup(a, conninfo ? conninfo : "");
	k->application = arena_strdup(a, application ? application : "agentd");
	k->setup = arena_printf(a, setup_sql, statement_ms);
	k->user = user;
	k->sock = -1;
	k->timer = loop_timer_new(l, on_timer, k);
	loop_timer_set(k->timer, 0);
	return k;
}

void link_close(struct link *k)
{
	if (!k)
		return;
	drop(k);
	loop_timer_free(k->timer);
	arena_free(k->arena);
}

PGconn *link_conn(const struct link *k)
{
	return k->state == LINK_UP ? k->conn : NULL;
}

bool link_is_up(const struct link *k)
{
	return k->state == LINK_UP;
}

const char *link_reason(const struct link *k)
{
	return k->reason;
}
