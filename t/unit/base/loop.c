/* loop.c - turns, handles and the contract of operations. */
#include "base/loop.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "../suite_run.h"

static struct loop *loop;
static char trace[4096];

static void note(const char *what)
{
	size_t n = strlen(trace), k = strlen(what);

	ck_assert_uint_lt(n + k + 1, sizeof trace);
	memcpy(trace + n, what, k + 1);
}

static void setup(void)
{
	loop = loop_new();
	trace[0] = '\0';
}

static void teardown(void)
{
	loop_free(loop);
}

static void on_note(void *arg)
{
	note(arg);
}

static void on_note_and_stop(void *arg)
{
	note(arg);
	loop_stop(loop);
}

/* --- deferred functions and turn hooks --- */

static void defer_inner(void *arg)
{
	note(arg);
	loop_defer(loop, on_note, "c");
	loop_defer(loop, on_note_and_stop, "d");
}

START_TEST(deferred_run_in_order_and_in_the_same_phase)
{
	struct loop_turn *turn = loop_turn_new(loop, on_note, "|");

	loop_defer(loop, on_note, "a");
	loop_defer(loop, defer_inner, "b");
	loop_run(loop);
	ck_assert_str_eq(trace, "abcd|");
	loop_turn_free(turn);
}
END_TEST

static struct loop_turn *hook;

static void free_own_hook(void *arg)
{
	note(arg);
	loop_turn_free(hook);
}

START_TEST(turn_hooks_run_at_the_end_and_may_free_themselves)
{
	struct loop_turn *first = loop_turn_new(loop, on_note, "1");

	hook = loop_turn_new(loop, free_own_hook, "2");
	loop_turn_new(loop, on_note, "3");
	loop_defer(loop, on_note, "x");
	loop_once(loop);
	loop_turn_free(first);
	loop_defer(loop, on_note, "y");
	loop_once(loop);
	ck_assert_str_eq(trace, "x123y3");
}
END_TEST

static int left;

static void defer_from_hook(void *arg)
{
	note(arg);
	if (--left > 0)
		loop_defer(loop, on_note, "d");
}

START_TEST(work_queued_by_a_hook_comes_next_turn_without_waiting)
{
	struct loop_turn *turn = loop_turn_new(loop, defer_from_hook, "h");

	left = 3;
	loop_defer(loop, on_note, "s");
	loop_once(loop);
	loop_once(loop);	/* would hang if it waited */
	loop_once(loop);
	ck_assert_str_eq(trace, "shdhdh");
	loop_turn_free(turn);
}
END_TEST

static int rounds;

static void defer_for_ever(void *arg)
{
	rounds++;
	loop_defer(loop, defer_for_ever, arg);
}

START_TEST(an_endless_chain_does_not_starve_timers)
{
	struct loop_timer *t = loop_timer_new(loop, on_note_and_stop, "t");

	rounds = 0;
	loop_timer_set(t, 1);
	loop_defer(loop, defer_for_ever, NULL);
	while (!trace[0])
		loop_once(loop);
	ck_assert_int_gt(rounds, 1);
	loop_timer_free(t);
}
END_TEST

/* --- timers --- */

START_TEST(timers_fire_in_order_of_time_then_of_setting)
{
	struct loop_timer *t[4];
	const char *names[] = {"a", "b", "c", "d"};

	for (int i = 0; i < 3; i++)
		t[i] = loop_timer_new(loop, on_note, (void *)(uintptr_t)names[i]);
	t[3] = loop_timer_new(loop, on_note_and_stop, "z");
	loop_timer_set(t[3], 30);
	loop_timer_set(t[2], 1);
	loop_timer_set(t[1], 10);
	loop_timer_set(t[0], 10);
	loop_timer_set(t[2], 20);	/* replaces */
	ck_assert(loop_timer_is_set(t[2]));
	loop_run(loop);
	ck_assert_str_eq(trace, "bacz");
	ck_assert(!loop_timer_is_set(t[2]));
	for (int i = 0; i < 4; i++)
		loop_timer_free(t[i]);
}
END_TEST

START_TEST(a_cleared_timer_is_quiet_and_a_late_loop_makes_none_early)
{
	struct loop_timer *gone = loop_timer_new(loop, on_note, "x"), *t = loop_timer_new(loop, on_note_and_stop, "t");
	int64_t before;

	loop_timer_set(gone, 1);
	loop_timer_clear(gone);
	ck_assert(!loop_timer_is_set(gone));
	before = loop_now_ms(loop);
	usleep(30000);	/* the loop's clock is behind now */
	loop_timer_set(t, 20);
	loop_run(loop);
	ck_assert_str_eq(trace, "t");
	ck_assert_int_ge(loop_now_ms(loop) - before, 49);
	loop_timer_free(gone);
	loop_timer_free(t);
}
END_TEST

static struct loop_timer *own;

static void free_own_timer(void *arg)
{
	note(arg);
	loop_timer_free(own);
	loop_defer(loop, on_note_and_stop, "d");	/* queued from a timer: must not wait */
}

START_TEST(a_timer_may_free_itself)
{
	own = loop_timer_new(loop, free_own_timer, "t");
	loop_timer_set(own, 0);
	loop_run(loop);
	ck_assert_str_eq(trace, "td");
}
END_TEST

/* --- descriptors and signals --- */

static struct loop_fd *watch;
static int pair[2];

static void on_readable(void *arg, int events)
{
	char c;

	(void)arg;
	ck_assert_int_eq(events & LOOP_READ, LOOP_READ);
	ck_assert_int_eq(read(pair[0], &c, 1), 1);
	note((char[]){c, '\0'});
	if (c == '.')
		loop_stop(loop);
}

START_TEST(a_descriptor_is_level_triggered)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], on_readable, NULL);
	loop_fd_set(watch, LOOP_READ);
	ck_assert_int_eq(write(pair[1], "ab.", 3), 3);
	loop_run(loop);
	ck_assert_str_eq(trace, "ab.");
	loop_fd_set(watch, 0);
	loop_fd_free(watch);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static void on_gone(void *arg, int events)
{
	(void)arg;
	ck_assert_int_eq(events & LOOP_DISCONNECT, LOOP_DISCONNECT);
	note("gone");
	loop_fd_free(watch);
	loop_stop(loop);
}

START_TEST(a_peer_that_goes_away_is_seen_without_reading)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], on_gone, NULL);
	loop_fd_set(watch, LOOP_DISCONNECT);
	close(pair[1]);
	loop_run(loop);
	ck_assert_str_eq(trace, "gone");
	close(pair[0]);
}
END_TEST

static void on_broken(void *arg, int events)
{
	(void)arg;
	ck_assert_int_eq(events, LOOP_WRITE);
	ck_assert_int_eq(write(pair[1], "x", 1), -1);
	note("e");
	if (strlen(trace) < 2)
		return;	/* not handled: told again */
	loop_fd_free(watch);
	loop_stop(loop);
}

START_TEST(a_pipe_without_reader_is_reported_as_writable)
{
	ck_assert_int_eq(pipe(pair), 0);
	watch = loop_fd_new(loop, pair[1], on_broken, NULL);
	loop_fd_set(watch, LOOP_WRITE);
	close(pair[0]);
	loop_run(loop);
	ck_assert_str_eq(trace, "ee");
	close(pair[1]);
}
END_TEST

static void on_second(void *arg, int events)
{
	(void)arg;
	(void)events;
	note("second");
	loop_stop(loop);
}

/* The number of a closed descriptor is used again at once, from a timer, before the check phase. */
static void replace_descriptor(void *arg)
{
	(void)arg;
	loop_fd_free(watch);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], on_second, NULL);
	loop_fd_set(watch, LOOP_READ);
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
}

START_TEST(a_descriptor_number_may_be_reused_in_the_same_turn)
{
	struct loop_timer *t = loop_timer_new(loop, replace_descriptor, NULL);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], on_readable, NULL);
	loop_fd_set(watch, LOOP_READ);
	loop_timer_set(t, 5);
	loop_run(loop);
	ck_assert_str_eq(trace, "second");
	loop_timer_free(t);
	loop_fd_free(watch);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static struct loop_signal *sig;

static void on_signal(void *arg, int signum)
{
	ck_assert_int_eq(signum, SIGUSR1);
	note(arg);
	loop_signal_free(sig);
	loop_stop(loop);
}

START_TEST(a_signal_is_delivered_on_the_loop)
{
	sig = loop_signal_new(loop, SIGUSR1, on_signal, "usr1");
	kill(getpid(), SIGUSR1);
	loop_run(loop);
	ck_assert_str_eq(trace, "usr1");
}
END_TEST

/* --- operations --- */

static bool arena_gone, inside_start;
static int done_count;
static enum err_code done_code;
static char done_msg[sizeof((struct err *)NULL)->msg];

static void on_arena_gone(void *p)
{
	(void)p;
	arena_gone = true;
}

static void on_done(struct op *op, void *arg)
{
	ck_assert(!inside_start);
	ck_assert(!arena_gone);
	op_complete(op, NULL);	/* ignored */
	op_cancel(op);		/* ignored */
	done_count++;
	done_code = op->err->code;
	strcpy(done_msg, op->err->msg);
	note(arg);
	loop_stop(loop);
}

static struct op *start_op(void (*cancel)(struct op *), struct arena *parent)
{
	struct arena *a = arena_new(parent);
	struct op *op = ARENA_NEW(a, struct op);

	arena_gone = false;
	done_count = 0;
	done_code = ERR_COUNT;
	arena_defer(a, on_arena_gone, NULL);
	op_init(op, loop, a, cancel, on_done, "o");
	return op;
}

START_TEST(a_completion_never_runs_inside_start)
{
	struct op *op;
	struct err err;

	inside_start = true;
	op = start_op(NULL, NULL);
	err_set(&err, ERR_NETWORK, "refused");
	op_complete(op, &err);
	err_set(&err, ERR_INVALID, "written over");	/* the caller's own was copied */
	op_complete(op, NULL);	/* the first one counts */
	ck_assert_int_eq(done_count, 0);
	inside_start = false;
	loop_run(loop);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_code, ERR_NETWORK);
	ck_assert_str_eq(done_msg, "refused");
	ck_assert(arena_gone);
}
END_TEST

/* An operation that waits, or ends well, has no room for an error. */
START_TEST(only_failure_takes_memory_for_an_error)
{
	struct op *op = start_op(NULL, NULL);
	size_t before = arena_bytes(op->arena);
	struct err none = {.code = ERR_NONE};

	ck_assert_ptr_null(op->err);
	op_complete(op, &none);
	ck_assert_uint_eq(arena_bytes(op->arena), before);
	loop_run(loop);
	ck_assert_int_eq(done_code, ERR_NONE);
	ck_assert_str_eq(done_msg, "");
}
END_TEST

START_TEST(cancel_without_hook_completes_as_cancelled)
{
	struct op *op = start_op(NULL, NULL);

	op_cancel(op);
	op_cancel(op);
	op_complete(op, NULL);
	ck_assert_int_eq(done_count, 0);
	loop_run(loop);
	loop_defer(loop, on_note, "");
	loop_once(loop);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_code, ERR_CANCELLED);
	ck_assert(arena_gone);
}
END_TEST

static int cancel_count;

static void count_cancel(struct op *op)
{
	(void)op;
	cancel_count++;
}

START_TEST(success_after_cancel_still_says_cancelled)
{
	struct op *op = start_op(count_cancel, NULL);

	cancel_count = 0;
	op_cancel(op);
	op_cancel(op);
	ck_assert_int_eq(cancel_count, 1);
	op_complete(op, NULL);
	loop_run(loop);
	ck_assert_int_eq(done_code, ERR_CANCELLED);
}
END_TEST

START_TEST(cancel_after_completion_changes_nothing)
{
	struct op *op = start_op(count_cancel, NULL);

	cancel_count = 0;
	op_complete(op, NULL);
	op_cancel(op);
	ck_assert_int_eq(cancel_count, 0);
	loop_run(loop);
	ck_assert_int_eq(done_code, ERR_NONE);
	ck_assert_int_eq(done_count, 1);
}
END_TEST

START_TEST(an_operation_outlives_the_parent_of_its_arena)
{
	struct arena *parent = arena_new(NULL);
	struct op *op = start_op(NULL, parent);

	arena_free(parent);
	ck_assert(!arena_gone);
	op_complete(op, NULL);
	loop_run(loop);
	ck_assert(arena_gone);
}
END_TEST

struct chain {
	struct op op;
	int depth;
};

static void on_chain(struct op *op, void *arg);

static void start_chain(int depth)
{
	struct arena *a = arena_new(NULL);
	struct chain *c = ARENA_NEW(a, struct chain);

	c->depth = depth;
	op_init(&c->op, loop, a, NULL, on_chain, NULL);
	op_complete(&c->op, NULL);
}

static void on_chain(struct op *op, void *arg)
{
	struct chain *c = (struct chain *)op;

	(void)arg;
	done_count++;
	if (c->depth > 0)
		start_chain(c->depth - 1);
	else
		loop_stop(loop);
}

/* Nested starts: each completion starts the next operation; the stack must not grow with them, and
 * 25,000 rounds take more than one check phase. */
START_TEST(completions_may_start_operations)
{
	done_count = 0;
	start_chain(25000);
	loop_run(loop);
	ck_assert_int_eq(done_count, 25001);
}
END_TEST

static void on_defer_complete(void *arg)
{
	note("d");
	op_complete(arg, NULL);
}

START_TEST(order_of_the_check_phase)
{
	struct op *op = start_op(NULL, NULL);
	struct loop_turn *turn = loop_turn_new(loop, on_note, "h");

	loop_defer(loop, on_defer_complete, op);
	loop_once(loop);
	ck_assert_str_eq(trace, "doh");
	loop_turn_free(turn);
}
END_TEST

/* --- thread pool --- */

static atomic_int works, release;

static void add_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&works, 1);
}

static void hold(void *arg)
{
	(void)arg;
	atomic_fetch_add(&works, 1);
	while (!atomic_load(&release))
		usleep(100);
}

static int pending, cancelled;

static void on_work_done(struct op *op, void *arg)
{
	(void)arg;
	cancelled += op->err->code == ERR_CANCELLED;
	if (--pending == 0)
		loop_stop(loop);
}

START_TEST(work_runs_on_the_pool_and_completes_on_the_loop)
{
	atomic_store(&works, 0);
	pending = 20;
	cancelled = 0;
	for (int i = 0; i < 20; i++)
		loop_work(loop, arena_new(NULL), add_one, on_work_done, NULL);
	loop_run(loop);
	ck_assert_int_eq(atomic_load(&works), 20);
	ck_assert_int_eq(cancelled, 0);
}
END_TEST

/* More jobs than threads: the later ones are cancelled before they begin, the running ones at
 * their end. */
START_TEST(cancelled_work_completes_once)
{
	struct op *ops[64];

	atomic_store(&works, 0);
	atomic_store(&release, 0);
	pending = 64;
	cancelled = 0;
	for (int i = 0; i < 64; i++)
		ops[i] = loop_work(loop, arena_new(NULL), hold, on_work_done, NULL);
	while (atomic_load(&works) == 0)
		usleep(100);
	for (int i = 0; i < 64; i++)
		op_cancel(ops[i]);
	atomic_store(&release, 1);
	loop_run(loop);
	ck_assert_int_eq(cancelled, 64);
	ck_assert_int_lt(atomic_load(&works), 64);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, deferred_run_in_order_and_in_the_same_phase);
	tcase_add_test(tc, turn_hooks_run_at_the_end_and_may_free_themselves);
	tcase_add_test(tc, work_queued_by_a_hook_comes_next_turn_without_waiting);
	tcase_add_test(tc, an_endless_chain_does_not_starve_timers);
	tcase_add_test(tc, timers_fire_in_order_of_time_then_of_setting);
	tcase_add_test(tc, a_cleared_timer_is_quiet_and_a_late_loop_makes_none_early);
	tcase_add_test(tc, a_timer_may_free_itself);
	tcase_add_test(tc, a_descriptor_is_level_triggered);
	tcase_add_test(tc, a_peer_that_goes_away_is_seen_without_reading);
	tcase_add_test(tc, a_pipe_without_reader_is_reported_as_writable);
	tcase_add_test(tc, a_descriptor_number_may_be_reused_in_the_same_turn);
	tcase_add_test(tc, a_signal_is_delivered_on_the_loop);
	tcase_add_test(tc, a_completion_never_runs_inside_start);
	tcase_add_test(tc, only_failure_takes_memory_for_an_error);
	tcase_add_test(tc, cancel_without_hook_completes_as_cancelled);
	tcase_add_test(tc, success_after_cancel_still_says_cancelled);
	tcase_add_test(tc, cancel_after_completion_changes_nothing);
	tcase_add_test(tc, an_operation_outlives_the_parent_of_its_arena);
	tcase_add_test(tc, completions_may_start_operations);
	tcase_add_test(tc, order_of_the_check_phase);
	tcase_add_test(tc, work_runs_on_the_pool_and_completes_on_the_loop);
	tcase_add_test(tc, cancelled_work_completes_once);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
