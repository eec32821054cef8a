/* proc.c - fork, exec, feed, collect and reap one child as an operation of the loop.
 *
 * The child is watched by a pidfd: no handler for SIGCHLD, no wait for strangers. Where the kernel
 * (or valgrind) has none, a timer looks. Until the child is reaped it holds its number, so that the
 * group can be killed without hitting another one. A guard (guard.h) ends the group when we die first.
 */
#define _GNU_SOURCE /* pipe2, SYS_pidfd_open */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/guard.h"

enum { LOOK_MS = 10, CHILD_FILES = 1024 };

enum { STEP_CHILD, STEP_LIMITS, STEP_DIR, STEP_EXEC };

/* What a child that could not start says through the pipe that exec closes. */
struct failure {
	int step, error;
};

struct stream {
	struct proc *proc;
	struct loop_fd *watch;
	int fd;			/* -1: closed */
	char *p;
	size_t n, room, max;
	bool overflow;
};

struct proc {
	struct op op;
	struct proc_request req;
	struct proc_result result;
	struct err err;
	struct stream out, errs;
	const char *in;
	size_t in_n;
	struct loop_fd *in_watch, *pid_watch;
	struct loop_timer *timer, *look;
	int in_fd, pid_fd, failure_fd;
	pid_t pid;
	bool terminated;	/* SIGTERM was sent */
	bool running;		/* not reaped: pid is ours */
	int64_t start_ms;
};

/* Both ends of everything, before the fork. */
struct ends {
	int in[2], out[2], errs[2], failure[2];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- in the child, between fork and exec: only system calls --- */

struct plan {
	const char *const *paths;	/* to try in turn, NULL-ended */
	const char *const *argv, *const *env;
	const char *dir;
	pid_t parent;
	int fd[3], failure_fd;
	struct proc_request req;
};

_Noreturn static void child_fails(const struct plan *p, int step)
{
	struct failure f = {step, errno};
	ssize_t n = write(p->failure_fd, &f, sizeof f);

	(void)n;
	_exit(127);
}

static int child_limit(__rlimit_resource_t which, int64_t limit, int64_t beyond)
{
	struct rlimit now, wanted = {(rlim_t)limit, (rlim_t)(limit + beyond)};

	if (limit <= 0)
		return 0;
	if (getrlimit(which, &now) == 0 && wanted.rlim_max > now.rlim_max)
		wanted.rlim_max = now.rlim_max;	/* ours may be lower, and only root raises it */
	if (wanted.rlim_cur > wanted.rlim_max)
		wanted.rlim_cur = wanted.rlim_max;
	return setrlimit(which, &wanted);
}

static void child_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Not closed but marked, so that failure_fd serves until exec. */
static void child_mark_fds(void)
{
	struct rlimit limit = {.rlim_cur = 1024};

	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);	/* a kernel before 5.11 */
	for (int fd = 3; (rlim_t)fd < limit.rlim_cur && fd < 1 << 20; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

_Noreturn static void run_child(const struct plan *p)
{
	const struct rlimit no_core = {0, 0};
	int error = ENOENT;

	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_fails(p, STEP_CHILD);
	if (getppid() != p->parent)
		_exit(127);
	guard_add(getpid());
	for (int i = 0; i < 3; i++)
		if (dup2(p->fd[i], i) < 0)
			child_fails(p, STEP_CHILD);
	child_mark_fds();
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || child_limit(RLIMIT_CPU, p->req.max_cpu_s, 1) < 0 ||
	    child_limit(RLIMIT_AS, p->req.max_memory_bytes, 0) < 0 ||
	    child_limit(RLIMIT_FSIZE, p->req.max_file_bytes, 0) < 0 ||
	    child_limit(RLIMIT_NOFILE, CHILD_FILES, INT32_MAX) < 0)	/* ours may be beyond what select(2) takes */
		child_fails(p, STEP_LIMITS);
	if (chdir(p->dir) < 0)
		child_fails(p, STEP_DIR);
	child_signals();
	for (const char *const *path = p->paths; *path; path++) {
		execve(*path, (char *const *)(uintptr_t)p->argv, (char *const *)(uintptr_t)p->env);
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	errno = error;
	child_fails(p, STEP_EXEC);
}

/* --- the end --- */

static void close_stream(struct stream *s)
{
	loop_fd_free(s->watch);
	s->watch = NULL;
	close_fd(&s->fd);
}

static void close_stdin(struct proc *p)
{
	loop_fd_free(p->in_watch);
	p->in_watch = NULL;
	close_fd(&p->in_fd);
}

static void kill_group(const struct proc *p, int signum)
{
	if (kill(-p->pid, signum) < 0)
		kill(p->pid, signum);
}

/* It may have done its work: that is not the error of a program that cannot be started. */
static void cannot_read(struct proc *p, const char *what)
{
	if (p->err.code == ERR_NONE)
		err_set(&p->err, ERR_INTERNAL, "program \"%.160s\": %s: %s", p->req.argv[0], what, strerror(errno));
}

static void read_failure(struct proc *p)
{
	static const char *const what[] = {
		[STEP_CHILD] = "the child cannot be set up",
		[STEP_LIMITS] = "its limits cannot be set",
		[STEP_DIR] = "its directory cannot be entered",
		[STEP_EXEC] = "it cannot be executed",
	};
	struct failure f;
	ssize_t n;

	do
		n = read(p->failure_fd, &f, sizeof f);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)	/* the guard holds the other end: nothing was written */
		n = 0;
	if (n < 0)
		cannot_read(p, "whether it was executed is not known");
	else if (n == (ssize_t)sizeof f)
		err_set(&p->err, ERR_IO, "program \"%.160s\": %s: %s", p->req.argv[0], what[f.step],
			strerror(f.error));
	close_fd(&p->failure_fd);
}

static bool keep(struct stream *s, const char *bytes, size_t n)
{
	size_t take = n < s->max - s->n ? n : s->max - s->n;

	if (s->n + take + 1 > s->room) {
		s->room = s->n + take + 1 > 2 * s->room ? s->n + take + 1 : 2 * s->room;
		s->p = realloc(s->p, s->room);
		if (!s->p)
			fatal("out of memory: %zu bytes of output", s->room);
	}
	memcpy(s->p + s->n, bytes, take);
	s->n += take;
	s->p[s->n] = '\0';
	return take == n;
}

/* All that is in the pipe now, at most max_rounds pieces. */
static void drain(struct stream *s, int max_rounds)
{
	char bytes[16384];

	while (s->fd >= 0 && !s->overflow && max_rounds-- > 0) {
		ssize_t n = read(s->fd, bytes, sizeof bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			cannot_read(s->proc, "what it wrote is lost");
		if (n <= 0) {
			close_stream(s);
			return;
		}
		if (!keep(s, bytes, (size_t)n) && s == &s->proc->out)
			s->overflow = true;
	}
}

static void too_much(struct proc *p)
{
	if (p->err.code == ERR_NONE && !p->terminated)
		err_set(&p->err, ERR_SIZE, "program \"%.160s\" wrote more than %zu bytes", p->req.argv[0],
			p->out.max);
}

static void finish(struct proc *p)
{
	/* Bounded, because a process that left the group may still write. */
	drain(&p->out, 1024);
	drain(&p->errs, 1024);
	if (p->out.overflow)
		too_much(p);
	close_stream(&p->out);
	close_stream(&p->errs);
	close_stdin(p);
	read_failure(p);
	loop_fd_free(p->pid_watch);
	close_fd(&p->pid_fd);
	loop_timer_free(p->timer);
	loop_timer_free(p->look);
	p->result.out = (struct str){p->out.p, p->out.n};
	p->result.err = (struct str){p->errs.p, p->errs.n};
	p->result.wall_ms = now_ms() - p->start_ms;
	op_complete(&p->op, &p->err);
}

/* The leader is dead but not reaped: first the rest of its group dies, then the number is given back. */
static void on_exit_of_leader(void *arg, int events)
{
	struct proc *p = arg;
	siginfo_t info = {0};
	int status;

	(void)events;
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		fatal("waitid %d: %s", (int)p->pid, strerror(errno));
	if (info.si_pid == 0)
		return;
	kill(-p->pid, SIGKILL);
	if (waitpid(p->pid, &status, 0) < 0)
		fatal("waitpid %d: %s", (int)p->pid, strerror(errno));
	p->running = false;
	guard_remove(p->pid);
	p->result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	p->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	finish(p);
}

static void look(void *arg)
{
	struct proc *p = arg;

	loop_timer_set(p->look, LOOK_MS);
	on_exit_of_leader(p, 0);
}

/* --- while it runs --- */

static void on_output(void *arg, int events)
{
	struct stream *s = arg;
	struct proc *p = s->proc;

	(void)events;
	drain(s, 16);
	if (!s->overflow)
		return;
	too_much(p);
	close_stream(s);
	kill_group(p, SIGKILL);
}

static void on_input(void *arg, int events)
{
	struct proc *p = arg;

	(void)events;
	while (p->in_n > 0) {
		ssize_t n = write(p->in_fd, p->in, p->in_n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;	/* the child does not want to know: its affair */
		p->in += n;
		p->in_n -= (size_t)n;
	}
	close_stdin(p);
}

static void terminate(struct proc *p)
{
	if (p->terminated)
		return;
	p->terminated = true;
	kill_group(p, SIGTERM);
	loop_timer_set(p->timer, p->req.grace_ms);
}

static void on_deadline(void *arg)
{
	struct proc *p = arg;

	if (p->terminated) {
		kill_group(p, SIGKILL);
		return;
	}
	if (p->err.code == ERR_NONE)
		err_set(&p->err, ERR_TIMEOUT, "program \"%.160s\" took more than %lld ms", p->req.argv[0],
			(long long)p->req.timeout_ms);
	terminate(p);
}

static void on_cancel(struct op *op)
{
	terminate((struct proc *)op);
}

/* --- start --- */

/* Above the three standard numbers, which the child's dup2() would overwrite. */
static int lift(int *fd)
{
	int higher;

	if (*fd > 2)
		return 0;
	higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (higher < 0)
		return -1;
	close(*fd);
	*fd = higher;
	return 0;
}

static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	return lift(&ends[0]) < 0 || lift(&ends[1]) < 0 ? -1 : 0;
}

static void close_pipe(int ends[2])
{
	close_fd(&ends[0]);
	close_fd(&ends[1]);
}

static void close_ends(struct ends *e)
{
	close_pipe(e->in);
	close_pipe(e->out);
	close_pipe(e->errs);
	close_pipe(e->failure);
}

static int open_ends(struct ends *e, bool has_input)
{
	*e = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
	if (has_input) {
		if (open_pipe(e->in) < 0)
			return -1;
	} else {
		e->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (e->in[0] < 0 || lift(&e->in[0]) < 0)
			return -1;
	}
	return open_pipe(e->out) < 0 || open_pipe(e->errs) < 0 || open_pipe(e->failure) < 0 ? -1 : 0;
}

static const char *path_of(const char *const *env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

/* The places of a program, so that the child needs no memory to look for it. */
static const char *const *candidates(struct arena *a, const char *name, const char *const *env)
{
	const char *path = path_of(env);
	size_t n = 1, i = 0;
	const char **list;

	for (const char *p = path; *p; p++)
		n += *p == ':';
	list = ARENA_ARRAY(a, n + 1, const char *);
	if (strchr(name, '/')) {
		list[0] = arena_strdup(a, name);
		return list;
	}
	while (*path) {
		size_t len = strcspn(path, ":");

		if (len > 0)
			list[i++] = arena_printf(a, "%.*s/%s", (int)len, path, name);
		path += len + (path[len] == ':');
	}
	return list;
}

/* Signals are blocked over the fork: a handler of ours must not run in the child. */
static pid_t fork_quietly(const struct plan *plan)
{
	sigset_t all, old;
	pid_t pid;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		run_child(plan);
	error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return pid;
}

static int spawn(struct proc *p, struct ends *e)
{
	static const char *const nothing[] = {NULL};
	struct plan plan = {
		.argv = p->req.argv,
		.env = p->req.env ? p->req.env : nothing,
		.dir = p->req.dir ? p->req.dir : "/",
		.parent = getpid(),
		.fd = {e->in[0], e->out[1], e->errs[1]},
		.failure_fd = e->failure[1],
		.req = p->req,
	};

	plan.paths = candidates(p->op.arena, p->req.argv[0], plan.env);
	guard_begin();
	p->pid = fork_quietly(&plan);
	if (p->pid < 0)
		return -1;
	setpgid(p->pid, p->pid);	/* here as well: the group exists before anyone can kill it */
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pid_fd < 0 && errno != ENOSYS) {
		int error = errno;

		kill_group(p, SIGKILL);
		waitpid(p->pid, NULL, 0);
		guard_remove(p->pid);
		errno = error;
		return -1;
	}
	return 0;
}

static void take_end(int *to, int *end)
{
	*to = *end;
	*end = -1;
}

static void watch_stream(struct stream *s, int *end)
{
	take_end(&s->fd, end);
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	s->watch = loop_fd_new(s->proc->op.loop, s->fd, on_output, s);
	loop_fd_set(s->watch, LOOP_READ);
}

static void watch(struct proc *p, struct ends *e)
{
	struct loop *l = p->op.loop;

	take_end(&p->failure_fd, &e->failure[0]);
	fcntl(p->failure_fd, F_SETFL, O_NONBLOCK);
	watch_stream(&p->out, &e->out[0]);
	watch_stream(&p->errs, &e->errs[0]);
	if (e->in[1] >= 0) {
		take_end(&p->in_fd, &e->in[1]);
		fcntl(p->in_fd, F_SETFL, O_NONBLOCK);
		p->in_watch = loop_fd_new(l, p->in_fd, on_input, p);
		loop_fd_set(p->in_watch, LOOP_WRITE);
	}
	if (p->pid_fd >= 0) {
		p->pid_watch = loop_fd_new(l, p->pid_fd, on_exit_of_leader, p);
		loop_fd_set(p->pid_watch, LOOP_READ);
	} else {
		p->look = loop_timer_new(l, look, p);
		loop_timer_set(p->look, LOOK_MS);
	}
	p->timer = loop_timer_new(l, on_deadline, p);
	loop_timer_set(p->timer, p->req.timeout_ms);
	p->running = true;
}

static void free_output(void *arg)
{
	struct proc *p = arg;

	free(p->out.p);
	free(p->errs.p);
}

static void fill_defaults(struct proc *p)
{
	struct proc_request *r = &p->req;

	if (r->timeout_ms <= 0)
		r->timeout_ms = 60 * 1000;
	if (r->grace_ms <= 0)
		r->grace_ms = 5 * 1000;
	p->out = (struct stream){.proc = p, .fd = -1, .max = r->max_stdout ? r->max_stdout : (size_t)1 << 20};
	p->errs = (struct stream){.proc = p, .fd = -1, .max = r->max_stderr ? r->max_stderr : (size_t)64 << 10};
	p->in_fd = p->pid_fd = p->failure_fd = -1;
	p->result.exit_status = -1;
	p->start_ms = now_ms();
}

static int start(struct proc *p)
{
	struct ends e;
	int error;

	if (!p->req.argv || !p->req.argv[0] || !p->req.argv[0][0])
		return err_set(&p->err, ERR_IO, "no program is named");
	if (open_ends(&e, p->in_n > 0) == 0 && spawn(p, &e) == 0) {
		watch(p, &e);
		close_ends(&e);
		return 0;
	}
	error = errno;
	close_ends(&e);
	return err_set(&p->err, ERR_IO, "program \"%.160s\" cannot be started: %s", p->req.argv[0], strerror(error));
}

struct op *proc_start(struct loop *l, struct arena *arena, const struct proc_request *req,
		      op_done_fn *done, void *arg)
{
	struct proc *p = ARENA_NEW(arena, struct proc);

	op_init(&p->op, l, arena, on_cancel, done, arg);
	arena_defer(arena, free_output, p);
	p->req = *req;
	fill_defaults(p);
	if (req->stdin_data.n) {
		p->in = arena_dup(arena, req->stdin_data.p, req->stdin_data.n);
		p->in_n = req->stdin_data.n;
	}
	if (start(p) < 0) {
		op_complete(&p->op, &p->err);
		return &p->op;
	}
	/* The caller's texts may go when this returns; messages need the name. */
	p->req.argv = arena_dup(arena, &(const char *){arena_strdup(arena, req->argv[0])}, sizeof(char *));
	return &p->op;
}

void proc_kill(struct op *op)
{
	const struct proc *p = (const struct proc *)op;

	op_cancel(op);
	if (p->running)
		kill_group(p, SIGKILL);
}

const struct proc_result *proc_result_of(const struct op *op)
{
	return &((const struct proc *)op)->result;
}
