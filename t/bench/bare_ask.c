/* bare_ask.c - what nobody can be faster than: one libcurl loop that asks a model.
 *
 *   bare_ask --url BASE --count N [--callers N]
 *
 * N times POST BASE/chat/completions, as the worker asks (small receive buffer, epoll through curl_multi_socket_action): all in
 * flight at the same time, each over a connection of its own; or so many CALLERS over kept connections, each of which asks again
 * when it has its answer. Prints "US KIB P50_US": from the first question to the last answer, the process's peak memory, and what
 * half the questions took at most. Any answer that is not 200 and does not end in "[DONE]" ends it with status 1.
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "t/bench/load.h"

enum { MAX_EVENTS = 512, RECEIVE_BYTES = 1024, TAIL = 32 };

struct question {
	CURL *easy;
	int64_t begin_us;
	size_t n;
	char tail[TAIL];	/* the last bytes of the answer */
};

static const char body[] = "{\"model\":\"stub\",\"messages\":[{\"role\":\"user\",\"content\":\"Say hello.\"}],\"max_tokens\":50,"
			   "\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
static CURLM *multi;
static int epoll_fd;
static int64_t due_ms = -1, *took_us;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bare_ask: %s: %s\n", what, why);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return now_us() / 1000;
}

static int set_timer(CURLM *m, long timeout_ms, void *arg)
{
	(void)m;
	(void)arg;
	due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event e = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U), .data.fd = fd};

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &e);
	else if (epoll_ctl(epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl", strerror(errno));
	else
		curl_multi_assign(multi, fd, &multi);
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct question *q = arg;

	(void)size;
	for (size_t i = n > TAIL ? n - TAIL : 0; i < n; i++)
		q->tail[q->n++ % TAIL] = p[i];
	return n;
}

static bool is_whole(const struct question *q)
{
	char text[TAIL + 1] = "";

	for (size_t i = 0; i < TAIL && q->n >= TAIL; i++)
		text[i] = q->tail[(q->n + i) % TAIL];
	return strstr(text, "[DONE]") != NULL;
}

static void start(struct question *q)
{
	q->n = 0;
	q->begin_us = now_us();
	if (curl_multi_add_handle(multi, q->easy) != CURLM_OK)
		die("curl_multi_add_handle", "refused");
}

static void ask(const char *url, struct curl_slist *headers, struct question *q, bool keep)
{
	CURL *e = q->easy = curl_easy_init();

	if (!e)
		die("curl_easy_init", "no memory");
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, keep ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, keep ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(e, CURLOPT_PRIVATE, q);
	start(q);
}

static int n_asked, n_ended;

static void take_ended(int count)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left))) {
		CURL *e = m->easy_handle;
		CURLcode code = m->data.result;
		struct question *q;
		long status = 0;

		curl_easy_getinfo(e, CURLINFO_PRIVATE, (char **)&q);
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		if (code != CURLE_OK)
			die("transfer", curl_easy_strerror(code));
		if (status != 200 || !is_whole(q))
			die("answer", "not 200, or cut off");
		took_us[n_ended++] = now_us() - q->begin_us;
		curl_multi_remove_handle(multi, e);
		if (n_asked < count) {
			n_asked++;
			start(q);
		} else {
			curl_easy_cleanup(e);
		}
	}
}

static void turn(void)
{
	struct epoll_event v[MAX_EVENTS];
	int64_t wait = due_ms < 0 ? 1000 : due_ms - now_ms();
	int n = epoll_wait(epoll_fd, v, MAX_EVENTS, wait < 0 ? 0 : (int)wait), running;

	if (due_ms >= 0 && due_ms <= now_ms()) {
		due_ms = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(multi, v[i].data.fd, (v[i].events & ~(uint32_t)EPOLLOUT ? CURL_CSELECT_IN : 0) |
					 (v[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0), &running);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"url", required_argument, NULL, 'u'}, {"count", required_argument, NULL, 'n'},
		{"callers", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	const char *base = NULL;
	char url[512];
	int c, count = 0, callers = 0;
	struct curl_slist *headers;
	struct question *v;
	struct rlimit files;
	struct rusage used;
	int64_t begin;	/* then: what all took */

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'u')
			base = optarg;
		else if (c == 'n')
			count = atoi(optarg);
		else if (c == 'c')
			callers = atoi(optarg);
		else
			return 2;
	}
	if (!base || count <= 0 || callers < 0 || optind < argc)
		die("usage", "bare_ask --url BASE --count N [--callers N]");
	n_asked = callers > 0 && callers < count ? callers : count;
	snprintf(url, sizeof url, "%s/chat/completions", base);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	v = calloc((size_t)n_asked, sizeof *v);
	took_us = calloc((size_t)count, sizeof *took_us);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	if (!v || !took_us || epoll_fd < 0 || !multi || !headers)
		die("start", strerror(errno));
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)count + 1);
	begin = now_us();
	for (int i = 0, first = n_asked; i < first; i++)
		ask(url, headers, &v[i], callers > 0);
	while (n_ended < count) {
		turn();
		take_ended(count);
	}
	begin = now_us() - begin;
	getrusage(RUSAGE_SELF, &used);
	qsort(took_us, (size_t)count, sizeof *took_us, load_by_value);
	printf("%lld %ld %lld\n", (long long)begin, used.ru_maxrss, (long long)took_us[count / 2]);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	free(v);
	free(took_us);
	return 0;
}
