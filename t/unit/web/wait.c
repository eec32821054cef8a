/* wait.c - long polls against a store, a server and connections that the test plays. */
#include "web/wait.h"

#include <check.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/heap.h"
#include "base/loop.h"
#include "store/store.h"
#include "store/tasks.h"
#include "web/auth.h"
#include "web/request.h"
#include "web/server.h"
#include "../suite_run.h"

enum { MANY = 2500, ROUNDS = 2000 };

/* --- the played parts --- */

struct look {
	struct op op;
	struct task_state *v;
	size_t n;
};

static struct loop *loop;
static struct waits *waits;
static void (*notify)(void *);
static void *notify_arg;
static int looks, refs, ended_count, views;
static size_t largest_look;
static bool hold_looks;		/* answers come when the test says so */
static struct look *held;
static struct uuid done_task;	/* the only one that is terminal; nil: none */
static bool all_done;
static bool view_is_old;	/* a notice came between the view and the wait */
static int fds[2];

struct loop *server_loop(const struct web *w)
{
	(void)w;
	return loop;
}

struct store *server_store(const struct web *w)
{
	(void)w;
	return NULL;
}

struct waits *server_waits(const struct web *w)
{
	(void)w;
	return waits;
}

void server_ref(struct web *w)
{
	(void)w;
	refs++;
}

void server_unref(struct web *w)
{
	(void)w;
	refs--;
}

void server_enter(struct web *w, struct request *req)
{
	(void)w;
	(void)req;
}

void server_leave(struct web *w, struct request *req)
{
	(void)w;
	(void)req;
}

void server_kick(struct web *w)
{
	(void)w;
}

static void (*token_over)(struct request *req);
static int watched;

void auth_watch(struct request *req, void (*over)(struct request *req))
{
	req->watched = (struct watched *)(void *)req;
	token_over = over;
	watched++;
}

void auth_unwatch(struct request *req)
{
	watched -= req->watched != NULL;
	req->watched = NULL;
}

void auth_refuse(struct request *req, const char *why)
{
	(void)why;
	req->reply.status = 401;
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	(void)s;
	(void)channel;
	notify = fn;
	notify_arg = arg;
}

static void answer(struct look *k)
{
	for (size_t i = 0; i < k->n; i++)
		k->v[i].terminal = all_done || uuid_eq(&k->v[i].id, &done_task);
	op_complete(&k->op, NULL);
}

static struct op *begin_look(struct arena *a, const struct uuid *ids, size_t n, op_done_fn *done, void *arg)
{
	struct look *k = ARENA_NEW(a, struct look);

	op_init(&k->op, loop, a, NULL, done, arg);
	k->v = ARENA_ARRAY(a, n, struct task_state);
	k->n = n;
	for (size_t i = 0; i < n; i++)
		k->v[i].id = ids[i];
	looks++;
	largest_look = n > largest_look ? n : largest_look;
	if (hold_looks)
		held = k;
	else
		answer(k);
	return &k->op;
}

/* A single task is looked at and fetched in one. */
struct op *tasks_view_ended(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			    op_done_fn *done, void *arg)
{
	(void)s;
	(void)deadline_ms;
	ck_assert(by->sees_all);
	return begin_look(a, task, 1, done, arg);
}

struct str tasks_text_of(const struct op *op)
{
	const struct look *k = (const struct look *)op;

	ck_assert_uint_eq(k->n, 1);
	return k->v[0].terminal ? STR("{view}") : STR_NONE;
}

struct op *tasks_states(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms,
			op_done_fn *done, void *arg)
{
	(void)s;
	(void)deadline_ms;
	ck_assert_uint_gt(n, 1);
	return begin_look(a, ids, n, done, arg);
}

const struct task_state *tasks_states_of(const struct op *op, size_t *ret_n)
{
	*ret_n = ((const struct look *)op)->n;
	return ((const struct look *)op)->v;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
	(void)c;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
	(void)c;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType type, ...)
{
	static union MHD_ConnectionInfo info;

	(void)type;
	info.connect_fd = *(int *)(void *)c;
	return &info;
}

/* --- helpers --- */

struct client {
	int fd;
	struct request *req;
	bool ended;
};

static struct client *clients;

static void on_ended(struct request *req, struct str view)
{
	if (view.p)
		views++;
	clients[req->max_body].ended = true;	/* a field that nothing here uses tells who it is */
	ended_count++;
}

static void begin(struct client *c, size_t i, const struct uuid *task, int64_t wait_ms)
{
	c->req = request_new(NULL, "/");
	c->fd = dup(fds[0]);
	ck_assert_int_ge(c->fd, 0);
	c->req->connection = (struct MHD_Connection *)(void *)&c->fd;
	c->req->max_body = i;
	c->req->notices = view_is_old ? wait_notices(waits) - 1 : wait_notices(waits);
	wait_add(c->req, task, wait_ms, on_ended);
}

static void finish(struct client *c)
{
	if (c->req)
		request_end(c->req);
	c->req = NULL;
	close(c->fd);
}

static void turn(void)
{
	loop_defer(loop, (void (*)(void *))arena_free, NULL);
	loop_once(loop);
}

static void turns_until(bool (*fits)(void))
{
	for (int i = 0; i < ROUNDS && !fits(); i++)
		turn();
	ck_assert(fits());
}

static struct arena *arena;

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	arena = arena_new(NULL);
	loop = loop_new();
	looks = refs = ended_count = views = watched = 0;
	largest_look = 0;
	hold_looks = all_done = false;
	view_is_old = true;
	held = NULL;
	done_task = (struct uuid){{0}};
	waits = wait_new(arena, NULL);
	clients = heap_zalloc(MANY, sizeof *clients);
}

static void teardown(void)
{
	wait_free(waits);
	loop_free(loop);
	ck_assert_int_eq(refs, 0);
	arena_free(arena);
	free(clients);
	close(fds[0]);
	close(fds[1]);
}

/* --- tests --- */

static bool one_ended(void)
{
	return ended_count == 1;
}

/* Who took a task in may wait for it at once; nobody else, and not for ever. */
START_TEST(recalls_what_was_taken_in)
{
	struct uuid first = uuid_new(), task;
	char longest[65] = "";
	unsigned long n = 0;

	wait_remember(waits, &first, STR("token:a"), 7);
	ck_assert(wait_recalls(waits, &first, STR("token:a"), &n));
	ck_assert_uint_eq(n, 7);
	ck_assert(!wait_recalls(waits, &first, STR("token:b"), &n));
	ck_assert(!wait_recalls(waits, &first, STR("token:ab"), &n));
	task = uuid_new();
	ck_assert(!wait_recalls(waits, &task, STR("token:a"), &n));
	memset(longest, 'x', 64);
	wait_remember(waits, &task, str_from(longest), 0);
	ck_assert(!wait_recalls(waits, &task, str_from(longest), &n));
	for (int i = 0; i < 128; i++) {
		ck_assert(wait_recalls(waits, &first, STR("token:a"), &n));
		task = uuid_new();
		wait_remember(waits, &task, STR("token:a"), 8);
	}
	ck_assert(!wait_recalls(waits, &first, STR("token:a"), &n));
	ck_assert(wait_recalls(waits, &task, STR("token:a"), &n));
}
END_TEST

START_TEST(already_over)
{
	struct uuid task = uuid_new();

	done_task = task;
	begin(&clients[0], 0, &task, 60000);
	ck_assert(!clients[0].ended);
	turns_until(one_ended);
	ck_assert_uint_eq(wait_count(waits), 0);
	ck_assert_int_eq(views, 1);	/* nothing is left to ask for */
	finish(&clients[0]);
}
END_TEST

/* No notice since the view was asked for: nothing to look at, until one comes. */
START_TEST(view_is_enough)
{
	struct uuid task = uuid_new();

	view_is_old = false;
	begin(&clients[0], 0, &task, 60000);
	turn();
	ck_assert_int_eq(looks, 0);
	done_task = task;
	notify(notify_arg);
	turns_until(one_ended);
	finish(&clients[0]);
}
END_TEST

/* Every one is looked at after one notification, however many there are, and nobody is asked about 2,500 at once. */
START_TEST(nobody_is_forgotten)
{
	struct uuid task;

	for (size_t i = 0; i < MANY; i++) {
		task = uuid_new();
		begin(&clients[i], i, &task, 60000);
	}
	turn();
	turn();
	turn();
	ck_assert_int_eq(ended_count, 0);
	all_done = true;
	looks = 0;
	notify(notify_arg);
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_int_eq(ended_count, MANY);
	ck_assert_int_eq(looks, 3);
	ck_assert_uint_le(largest_look, 1000);
	for (size_t i = 0; i < MANY; i++)
		finish(&clients[i]);
}
END_TEST

/* News that come while a look is under way are not lost: its answer may be older than they are. */
START_TEST(news_during_a_look)
{
	struct uuid task = uuid_new();

	hold_looks = true;
	begin(&clients[0], 0, &task, 60000);
	ck_assert_int_eq(looks, 1);
	notify(notify_arg);
	ck_assert_int_eq(looks, 1);
	hold_looks = false;
	answer(held);			/* "not yet" */
	done_task = task;
	turns_until(one_ended);
	ck_assert_int_eq(looks, 2);
	finish(&clients[0]);
}
END_TEST

/* A short wait that begins after a shorter one does not put it off, nor does a long one. */
START_TEST(time_is_up)
{
	struct uuid task = uuid_new();
	int64_t from;

	begin(&clients[0], 0, &task, 30);
	begin(&clients[1], 1, &task, 900);
	begin(&clients[2], 2, &task, 60000);
	loop_once(loop);
	from = loop_now_ms(loop);
	while (ended_count == 0)
		loop_once(loop);
	ck_assert(clients[0].ended);
	ck_assert_int_lt(loop_now_ms(loop) - from, 500);
	for (int i = 0; i < 3; i++)
		finish(&clients[i]);
}
END_TEST

/* The poll alone is enough. */
START_TEST(without_notifications)
{
	struct uuid task = uuid_new();
	int64_t from;

	begin(&clients[0], 0, &task, 60000);
	turn();
	done_task = task;
	from = loop_now_ms(loop);
	while (ended_count == 0)
		loop_once(loop);
	ck_assert_int_lt(loop_now_ms(loop) - from, 3000);
	finish(&clients[0]);
}
END_TEST

static bool is_resumed(void)
{
	return !clients[0].req->suspended;
}

START_TEST(client_goes)
{
	struct uuid task = uuid_new();

	begin(&clients[0], 0, &task, 60000);
	turn();
	close(fds[1]);
	fds[1] = dup(fds[0]);
	turns_until(is_resumed);
	ck_assert_uint_eq(wait_count(waits), 0);
	ck_assert_int_eq(ended_count, 0);
	ck_assert_int_eq(clients[0].req->reply.status, 408);
	finish(&clients[0]);
}
END_TEST

/* The server ends while a look is under way: it is held until the look is over, and nothing is begun anew. */
START_TEST(token_ends)
{
	struct uuid task = uuid_new();

	begin(&clients[0], 0, &task, 60000);
	ck_assert_int_eq(watched, 1);
	token_over(clients[0].req);
	ck_assert_int_eq(clients[0].req->reply.status, 401);
	ck_assert(!clients[0].req->suspended);
	ck_assert_uint_eq(wait_count(waits), 0);
	ck_assert_int_eq(watched, 0);
	ck_assert_int_eq(ended_count, 0);
	finish(&clients[0]);
}
END_TEST

START_TEST(freed_during_a_look)
{
	struct uuid task = uuid_new();

	hold_looks = true;
	begin(&clients[0], 0, &task, 60000);
	wait_end_all(waits);
	ck_assert_int_eq(ended_count, 1);
	ck_assert_int_eq(refs, 1);
	finish(&clients[0]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("wait");
	TCase *t = tcase_create("wait");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, already_over);
	tcase_add_test(t, recalls_what_was_taken_in);
	tcase_add_test(t, view_is_enough);
	tcase_add_test(t, nobody_is_forgotten);
	tcase_add_test(t, news_during_a_look);
	tcase_add_test(t, time_is_up);
	tcase_add_test(t, without_notifications);
	tcase_add_test(t, client_goes);
	tcase_add_test(t, token_ends);
	tcase_add_test(t, freed_during_a_look);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < 2 * MANY ? files.rlim_max : 2 * MANY;
		setrlimit(RLIMIT_NOFILE, &files);
	}

	return suite_run(suite());
}
