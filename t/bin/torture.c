/* torture.c - makes the N-th fallible library call of a program fail; preloaded into it.
 *
 * Shapes:  TORTURE_KIND=alloc counts malloc, calloc and realloc, wherever they are called from; =call counts the calls of table CALLS below.
 *          TORTURE_AT=N fails the N-th, TORTURE_EVER=1 all from there on. TORTURE_RECORD=FILE fails none and writes at the end one line for
 *          each distinct call path: "FIRST LAST COUNT NAME". TORTURE_SHOW=1 adds the call path of what fails.
 * Units:   calls are counted from 1 over the process and what it forks; what it executes is left alone.
 * Memory:  one shared mapping. Errors: none of its own; says "torture: NAME fails (call N)" on standard error.
 * Source:  the method of SQLite's and curl's own tests (C1, C2).
 *
 * A function is replaced by one that takes eight words and hands them on: on x86-64 and aarch64 that is every call of at most eight
 * arguments that are integers and pointers, also a variadic one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_PATHS = 1 << 16, DEPTH = 24, NEAR = 10, MAX_EARLY = 65536 };

struct path {
	uint64_t hash;
	long first, last, count;
	const char *name;
};

static struct shared {
	long n;
	long n_paths;
	struct path paths[MAX_PATHS];
} *shared;

static bool counts_allocs, counts_calls, for_ever, show;
static long fail_at;
static const char *record;
static pid_t main_pid;
static __thread bool inside;
static int own_stderr = 2;	/* a test may put another file in its place */

static void say(const char *text, size_t n)
{
	syscall(SYS_write, own_stderr, text, n);
}

static void remember(const char *name, long n)
{
	void *frames[DEPTH];
	int depth = backtrace(frames, DEPTH);
	uint64_t hash = 14695981039346656037U;
	size_t at;

	/* The nearest callers, each once: recursion makes no new path. */
	for (int i = 2, near = 0; i < depth && near < NEAR; i++) {
		int k = 2;

		while (frames[k] != frames[i])
			k++;
		if (k < i)
			continue;
		near++;
		hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211U;
	}
	hash |= 1;
	for (at = hash % MAX_PATHS; shared->paths[at].hash && shared->paths[at].hash != hash; at = (at + 1) % MAX_PATHS)
		;
	if (!shared->paths[at].hash) {
		if (shared->n_paths + 1 == MAX_PATHS)
			return;
		shared->n_paths++;
		shared->paths[at] = (struct path){.hash = hash, .first = n, .name = name};
	}
	shared->paths[at].last = n;
	shared->paths[at].count++;
}

static void tell(const char *name, long n)
{
	char line[128];
	void *frames[DEPTH];

	say(line, (size_t)snprintf(line, sizeof line, "torture: %s fails (call %ld)\n", name, n));
	if (show)
		backtrace_symbols_fd(frames, backtrace(frames, DEPTH), own_stderr);
}

/* Does this call fail? */
static bool strikes(const char *name, bool counted)
{
	bool yes = false;
	long n;

	if (!counted || inside || !shared)
		return false;
	inside = true;
	n = __atomic_add_fetch(&shared->n, 1, __ATOMIC_SEQ_CST);
	if (record)
		remember(name, n);
	else if (n == fail_at || (for_ever && n > fail_at))
		yes = true;
	if (yes && n == fail_at)
		tell(name, n);
	inside = false;
	return yes;
}

static void *next(void **real, const char *name)
{
	if (!*real) {
		bool was = inside;

		inside = true;
		*real = dlsym(RTLD_NEXT, name);
		inside = was;
	}
	return *real;
}

__attribute__((constructor)) static void begin(void)
{
	static const char *const names[] = {"LD_PRELOAD", "TORTURE_KIND", "TORTURE_AT", "TORTURE_EVER", "TORTURE_RECORD", "TORTURE_SHOW"};
	const char *kind = getenv("TORTURE_KIND"), *at = getenv("TORTURE_AT");
	void *frames[2];

	if (!kind)
		return;
	for_ever = getenv("TORTURE_EVER") != NULL;
	show = getenv("TORTURE_SHOW") != NULL;
	record = getenv("TORTURE_RECORD");
	record = record ? strdup(record) : NULL;
	fail_at = at ? atol(at) : 0;
	main_pid = getpid();
	own_stderr = (int)syscall(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 250);
	backtrace(frames, 2);		/* loads what it needs */
	counts_allocs = strcmp(kind, "alloc") == 0;
	counts_calls = !counts_allocs;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

__attribute__((destructor)) static void end(void)
{
	FILE *f;

	if (!record || getpid() != main_pid)
		return;
	inside = true;
	f = fopen(record, "w");
	for (size_t i = 0; f && i < MAX_PATHS; i++)
		if (shared->paths[i].hash)
			fprintf(f, "%ld %ld %ld %s\n", shared->paths[i].first, shared->paths[i].last, shared->paths[i].count, shared->paths[i].name);
	if (f)
		fclose(f);
}

/* --- allocation. Before the next allocator is known (dlsym allocates itself) memory comes from here and is never given back. --- */
static _Alignas(16) char early[MAX_EARLY];
static size_t early_at;

static void *early_alloc(size_t n)
{
	void *p = early + early_at;

	n = (n + 15) / 16 * 16;
	if (n > MAX_EARLY - early_at)
		abort();
	early_at += n;
	return p;
}

static bool is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + MAX_EARLY;
}

static struct {
	bool resolving;
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
} heap;

static bool heap_is_known(void)
{
	if (heap.free)
		return true;
	if (heap.resolving)
		return false;
	heap.resolving = true;
	*(void **)&heap.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&heap.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&heap.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&heap.free = dlsym(RTLD_NEXT, "free");
	heap.resolving = false;
	return true;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t n)
{
	if (!heap_is_known())
		return early_alloc(n);
	return strikes("malloc", counts_allocs) ? no_memory() : heap.malloc(n);
}

void *calloc(size_t count, size_t size)
{
	if (!heap_is_known())
		return early_alloc(count * size);
	return strikes("calloc", counts_allocs) ? no_memory() : heap.calloc(count, size);
}

void *realloc(void *p, size_t n)
{
	if (!heap_is_known() || is_early(p)) {
		void *q = heap.malloc ? heap.malloc(n) : early_alloc(n);

		return p && q ? memcpy(q, p, n) : q;	/* what lies behind it is ours */
	}
	return strikes("realloc", counts_allocs && n > 0) ? no_memory() : heap.realloc(p, n);
}

void free(void *p)
{
	if (!is_early(p) && heap_is_known())
		heap.free(p);
}

/* --- all other calls: what they answer when they fail, and errno --- */
#define CALLS(X) \
	/* files */ \
	X(open, -1, EMFILE) X(openat, -1, EMFILE) X(read, -1, EIO) X(__read_chk, -1, EIO) X(pread, -1, EIO) X(write, -1, ENOSPC) X(writev, -1, ENOSPC) \
	X(fsync, -1, EIO) X(fdatasync, -1, EIO) X(ftruncate, -1, EIO) X(fstat, -1, EIO) X(fstatat, -1, EIO) X(statvfs, -1, EIO) X(mkdirat, -1, ENOSPC) \
	X(mkdir, -1, ENOSPC) X(renameat, -1, ENOSPC) X(rename, -1, ENOSPC) X(unlinkat, -1, EIO) X(unlink, -1, EIO) X(opendir, 0, EMFILE) X(fdopendir, 0, ENOMEM) \
	X(readdir, 0, EIO) X(realpath, 0, EIO) X(__realpath_chk, 0, EIO) X(fopen, 0, EMFILE) X(syscall, -1, ENOSYS) X(lseek, -1, EIO) X(fcntl, -1, EMFILE) \
	/* processes, pipes, sockets */ \
	X(pipe2, -1, EMFILE) X(eventfd, -1, EMFILE) X(fork, -1, EAGAIN) X(posix_spawn, EAGAIN, EAGAIN) X(posix_spawnp, EAGAIN, EAGAIN) X(waitpid, -1, ECHILD) \
	X(socketpair, -1, EMFILE) X(socket, -1, EMFILE) X(connect, -1, ECONNREFUSED) X(bind, -1, EADDRINUSE) X(listen, -1, EADDRINUSE) X(accept4, -1, EMFILE) \
	X(accept, -1, EMFILE) X(send, -1, ECONNRESET) X(recv, -1, ECONNRESET) X(sendmsg, -1, ECONNRESET) X(recvmsg, -1, ECONNRESET) X(getsockname, -1, ENOBUFS) \
	X(getsockopt, -1, ENOBUFS) X(setsockopt, -1, ENOBUFS) X(epoll_create1, -1, EMFILE) X(getaddrinfo, -3, EAGAIN) X(getrandom, -1, EIO) \
	X(pthread_create, EAGAIN, EAGAIN) X(gethostname, -1, EINVAL) \
	/* libpq */ \
	X(PQconnectStartParams, 0, 0) X(PQconnectPoll, 0, 0) X(PQsetnonblocking, -1, 0) X(PQenterPipelineMode, 0, 0) X(PQsendQueryPrepared, 0, 0) \
	X(PQsendPrepare, 0, 0) X(PQsendQuery, 0, 0) X(PQsendQueryParams, 0, 0) X(PQpipelineSync, 0, 0) X(PQflush, -1, 0) X(PQconsumeInput, 0, 0) \
	X(PQgetResult, 0, 0) X(PQescapeIdentifier, 0, 0) X(PQnotifies, 0, 0) X(PQexec, 0, 0) X(PQexecParams, 0, 0) \
	/* libcurl: 27 is CURLE_OUT_OF_MEMORY, 3 CURLM_OUT_OF_MEMORY, 7 CURLUE_OUT_OF_MEMORY */ \
	X(curl_global_init, 27, 0) X(curl_easy_init, 0, 0) X(curl_easy_setopt, 27, 0) X(curl_easy_getinfo, 27, 0) X(curl_slist_append, 0, 0) X(curl_multi_init, 0, 0) \
	X(curl_multi_setopt, 3, 0) X(curl_multi_add_handle, 3, 0) X(curl_multi_remove_handle, 3, 0) X(curl_multi_socket_action, 3, 0) X(curl_multi_assign, 3, 0) \
	/* libuv: -12 is UV_ENOMEM */ \
	X(uv_loop_init, -12, 0) X(uv_timer_init, -12, 0) X(uv_timer_start, -12, 0) X(uv_poll_init, -12, 0) X(uv_poll_init_socket, -12, 0) X(uv_poll_start, -12, 0) \
	X(uv_async_init, -12, 0) X(uv_check_init, -12, 0) X(uv_check_start, -12, 0) X(uv_prepare_init, -12, 0) X(uv_prepare_start, -12, 0) X(uv_idle_init, -12, 0) \
	X(uv_idle_start, -12, 0) X(uv_signal_init, -12, 0) X(uv_signal_start, -12, 0) X(uv_queue_work, -12, 0) X(uv_spawn, -12, 0) X(uv_pipe_init, -12, 0) \
	X(uv_pipe_open, -12, 0) X(uv_read_start, -12, 0) X(uv_write, -12, 0) X(uv_accept, -12, 0) X(uv_listen, -12, 0) \
	/* the rest */ \
	X(EVP_MD_CTX_new, 0, 0) X(EVP_DigestInit_ex, 0, 0) X(EVP_DigestInit_ex2, 0, 0) X(EVP_DigestUpdate, 0, 0) X(EVP_DigestFinal_ex, 0, 0) X(EVP_Digest, 0, 0) \
	X(EVP_MD_fetch, 0, 0) X(EVP_Q_digest, 0, 0) X(HMAC, 0, 0) X(RAND_bytes, 0, 0) \
	X(pcre2_compile_8, 0, 0) X(pcre2_match_data_create_8, 0, 0) X(pcre2_match_data_create_from_pattern_8, 0, 0) X(pcre2_match_context_create_8, 0, 0) \
	X(pcre2_compile_context_create_8, 0, 0) X(pcre2_match_8, -48, 0) \
	X(yaml_parser_initialize, 0, 0) X(yaml_parser_parse, 0, 0) \
	X(cJSON_ParseWithLength, 0, 0) X(cJSON_ParseWithLengthOpts, 0, 0) X(cJSON_PrintUnformatted, 0, 0) \
	X(MHD_create_response_from_buffer, 0, 0) X(MHD_create_response_from_callback, 0, 0) X(MHD_add_response_header, 0, 0) \
	X(MHD_queue_response, 0, 0) X(MHD_get_daemon_info, 0, 0) X(MHD_get_connection_info, 0, 0) X(MHD_run, 0, 0)

/* A connection that was reset is over, for whoever reads on as well. */
static void reset(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

typedef long call(long, long, long, long, long, long, long, long);

#define DEFINE(name, answer, number) \
	long torture_##name(long, long, long, long, long, long, long, long) __asm__(#name); \
	long torture_##name(long a, long b, long c, long d, long e, long f, long g, long h) \
	{ \
		static void *real; \
		call *fn = (call *)(uintptr_t)next(&real, #name); \
\
		if (strikes(#name, counts_calls)) { \
			if (number == ECONNRESET) \
				reset((int)a); \
			if (number) \
				errno = number; \
			return (answer); \
		} \
		if (!fn) { \
			errno = ENOSYS; \
			return (answer); \
		} \
		return fn(a, b, c, d, e, f, g, h); \
	}
CALLS(DEFINE)
