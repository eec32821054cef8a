/* process.h - what the kernel says of this process, for /metrics.
 *
 * Units:   seconds as decimal texts, bytes, counts.
 * Errors:  what cannot be read (no /proc) is 0.
 * Source:  proc(5).
 */
#ifndef WEB_PROCESS_H
#define WEB_PROCESS_H

#include <stdint.h>

struct process_figures {
	double cpu_s, start_s;
	int64_t rss_bytes, vsize_bytes, fds, max_fds;
};

void process_read(struct process_figures *ret);

#endif
