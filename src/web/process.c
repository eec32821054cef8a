/* process.c - see process.h. */
#include "web/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double clock_s(clockid_t id)
{
	struct timespec t;

	return clock_gettime(id, &t) == 0 ? (double)t.tv_sec + (double)t.tv_nsec / 1e9 : 0;
}

static void read_statm(struct process_figures *f)
{
	FILE *in = fopen("/proc/self/statm", "re");
	long pages, resident;

	if (!in)
		return;
	if (fscanf(in, "%ld %ld", &pages, &resident) == 2) {
		f->vsize_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
		f->rss_bytes = (int64_t)resident * sysconf(_SC_PAGESIZE);
	}
	fclose(in);
}

/* Field 22 of stat, in ticks since the machine began; the name in field 2 may hold anything but ends at the last parenthesis. */
static double read_start(void)
{
	FILE *in = fopen("/proc/self/stat", "re");
	char text[1024];
	size_t n;
	const char *at;
	unsigned long long ticks = 0;

	if (!in)
		return 0;
	n = fread(text, 1, sizeof text - 1, in);
	fclose(in);
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &ticks) != 1)
		return 0;
	return clock_s(CLOCK_REALTIME) - clock_s(CLOCK_BOOTTIME) + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static int64_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 3;	/* ".", ".." and our own */
}

void process_read(struct process_figures *ret)
{
	static double start_s;	/* it does not change, the clock may */
	struct rusage u;
	struct rlimit files;

	*ret = (struct process_figures){0};
	if (getrusage(RUSAGE_SELF, &u) == 0)
		ret->cpu_s = seconds_of(u.ru_utime) + seconds_of(u.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		ret->max_fds = (int64_t)files.rlim_cur;
	if (start_s <= 0)
		start_s = read_start();
	ret->start_s = start_s;
	read_statm(ret);
	ret->fds = count_fds();
}
