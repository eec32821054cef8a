/* metrics.h - what this process counted goes to the database, and what all processes counted comes from it.
 *
 * Shapes:  a reporter looks every 5 s whether shared families (base/metric.h) have news and sends them, one report at a time. A report
 *          has a number: sent again after a lost connection it counts once. What a process that is killed counted in its last seconds
 *          is lost.
 * Memory:  the store must outlive the reporter.
 * Errors:  a report that is refused is logged once; what was in it is told again with the next.
 * Source:  sql/functions/8_metrics.sql.
 */
#ifndef STORE_METRICS_H
#define STORE_METRICS_H

#include "base/str.h"

struct arena;
struct err;
struct loop;
struct reporter;
struct store;

struct reporter *reporter_start(struct loop *l, struct store *s);
/* Sends what is left and calls stopped(arg), after a second at most; at once when the database is away. */
void reporter_stop(struct reporter *r, void (*stopped)(void *arg), void *arg);
void reporter_free(struct reporter *r);

/* {"queue": [[lane, state, n, oldest_s]], "lanes": [[lane, workers]], "admission", "approvals", "files": [files, bytes], "counters": [[name, labels, [value]]]}.
 * Synchronous, on a connection of its own: for the thread pool. A queue of a million tasks takes a while to count, and nothing else
 * is to wait behind it. */
int metrics_read(const char *conninfo, struct arena *a, struct str *ret, struct err *err);

#endif
