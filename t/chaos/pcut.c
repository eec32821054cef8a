/* pcut.c - a disk that can lose its power: a plugin for nbdkit.
 *
 * nbdkit -f -U SOCKET ./pcut.so file=IMAGE seed=N [report=FILE]
 *
 * What is written stays in memory until it is flushed or written through (FUA); reads see it. SIGUSR1 is the power cut: at the
 * first moment in which a drawn number of blocks (at most MOST) is not flushed, but no later than after PATIENCE_MS. Of the
 * blocks that nobody flushed a random part reaches the image, a random part is torn at borders of 512 bytes, the rest is lost,
 * and the process ends; then "unflushed N survived N torn N lost N" is written to FILE.
 */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

enum { BLOCK = 4096, SECTOR = 512, MOST = 48, PATIENCE_MS = 300 };

static char *file, *report;
static unsigned long long seed;
static int fd = -1;
static uint64_t size;
static char **unflushed;	/* by block; NULL: the image has it */
static uint64_t n_unflushed, wanted;	/* wanted: 0 while nobody waits to cut */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t enough = PTHREAD_COND_INITIALIZER;

/* splitmix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static int put(const char *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, (off_t)at);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
			at += (uint64_t)done;
		}
	}
	return 0;
}

static int get(char *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t done = pread(fd, p, n, (off_t)at);

		if (done == 0 || (done < 0 && errno != EINTR))
			return -1;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
			at += (uint64_t)done;
		}
	}
	return 0;
}

static int keep(uint64_t block)
{
	if (put(unflushed[block], BLOCK, block * BLOCK) < 0)
		return -1;
	free(unflushed[block]);
	unflushed[block] = NULL;
	n_unflushed--;
	return 0;
}

/* --- the power cut --- */

static void tear(uint64_t block)
{
	uint64_t mask = draw(254) + 1;	/* some sectors, never none or all */

	for (unsigned i = 0; i < BLOCK / SECTOR; i++)
		if (mask >> i & 1)
			put(unflushed[block] + i * SECTOR, SECTOR, block * BLOCK + i * SECTOR);
}

static void cut(void)
{
	unsigned long n[4] = {0};
	FILE *f = report ? fopen(report, "w") : NULL;

	for (uint64_t b = 0; b < size / BLOCK; b++) {
		uint64_t fate = draw(4);

		if (!unflushed[b])
			continue;
		n[3]++;
		n[fate < 2 ? fate : 2]++;
		if (fate == 0)
			put(unflushed[b], BLOCK, b * BLOCK);
		else if (fate == 1)
			tear(b);
	}
	fsync(fd);
	if (f) {
		fprintf(f, "unflushed %lu survived %lu torn %lu lost %lu\n", n[3], n[0], n[1], n[2]);
		fclose(f);
	}
	_exit(0);
}

/* A thread of its own: a handler could meet a write half done. */
static void *wait_for_cut(void *arg)
{
	sigset_t *set = arg;
	struct timespec until;
	int signal_number;

	while (sigwait(set, &signal_number) != 0)
		;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	wanted = draw(MOST) + 1;
	while (n_unflushed < wanted && pthread_cond_timedwait(&enough, &lock, &until) == 0)
		;
	cut();
	return NULL;
}

static int pcut_after_fork(void)
{
	static sigset_t set;
	pthread_t thread;
	int error;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	error = pthread_create(&thread, NULL, wait_for_cut, &set);
	if (error)
		nbdkit_error("thread: %s", strerror(error));
	return error ? -1 : 0;
}

/* --- the disk --- */

static int pcut_config(const char *key, const char *value)
{
	if (strcmp(key, "file") == 0) {
		file = nbdkit_absolute_path(value);
		return file ? 0 : -1;
	}
	if (strcmp(key, "report") == 0) {
		report = nbdkit_absolute_path(value);
		return report ? 0 : -1;
	}
	if (strcmp(key, "seed") == 0) {
		seed = strtoull(value, NULL, 10);
		return 0;
	}
	nbdkit_error("unknown parameter \"%s\", expected file, seed or report", key);
	return -1;
}

static int pcut_get_ready(void)
{
	struct stat st;

	fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &st) < 0) {
		nbdkit_error("file=%s: %s", file ? file : "", file ? strerror(errno) : "missing");
		return -1;
	}
	size = (uint64_t)st.st_size / BLOCK * BLOCK;
	unflushed = calloc(size / BLOCK + 1, sizeof *unflushed);
	return unflushed ? 0 : -1;
}

static void *pcut_open(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t pcut_get_size(void *handle)
{
	(void)handle;
	return (int64_t)size;
}

static int yes(void *handle)
{
	(void)handle;
	return 1;
}

static int native(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

static int failed(const char *what)
{
	nbdkit_error("%s: %s", what, strerror(errno));
	pthread_mutex_unlock(&lock);
	return -1;
}

static int pcut_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	char *p = buf;

	(void)handle;
	(void)flags;
	pthread_mutex_lock(&lock);
	while (count > 0) {
		uint64_t block = offset / BLOCK, at = offset % BLOCK;
		uint32_t n = (uint32_t)(BLOCK - at) < count ? (uint32_t)(BLOCK - at) : count;

		if (unflushed[block])
			memcpy(p, unflushed[block] + at, n);
		else if (get(p, n, offset) < 0)
			return failed("read");
		p += n;
		offset += n;
		count -= n;
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static int pcut_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	const char *p = buf;

	(void)handle;
	pthread_mutex_lock(&lock);
	while (count > 0) {
		uint64_t block = offset / BLOCK, at = offset % BLOCK;
		uint32_t n = (uint32_t)(BLOCK - at) < count ? (uint32_t)(BLOCK - at) : count;

		if (!unflushed[block]) {
			unflushed[block] = malloc(BLOCK);
			if (!unflushed[block] || (n < BLOCK && get(unflushed[block], BLOCK, block * BLOCK) < 0))
				return failed("write");
			n_unflushed++;
		}
		memcpy(unflushed[block] + at, p, n);
		if ((flags & NBDKIT_FLAG_FUA) && keep(block) < 0)
			return failed("write");
		p += n;
		offset += n;
		count -= n;
	}
	if (wanted > 0 && n_unflushed >= wanted)
		pthread_cond_signal(&enough);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int pcut_flush(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	pthread_mutex_lock(&lock);
	for (uint64_t b = 0; b < size / BLOCK; b++)
		if (unflushed[b] && keep(b) < 0)
			return failed("flush");
	pthread_mutex_unlock(&lock);
	return 0;
}

static struct nbdkit_plugin plugin = {
	.name = "pcut",
	.description = "keeps what was not flushed in memory, and loses it on SIGUSR1",
	.config = pcut_config,
	.get_ready = pcut_get_ready,
	.after_fork = pcut_after_fork,
	.open = pcut_open,
	.get_size = pcut_get_size,
	.can_write = yes,
	.can_flush = yes,
	.can_fua = native,
	.pread = pcut_pread,
	.pwrite = pcut_pwrite,
	.flush = pcut_flush,
};

NBDKIT_REGISTER_PLUGIN(plugin)
