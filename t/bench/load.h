/* load.h - what the clients of the benches share.
 *
 * Shapes:  connections to agentd's Unix socket; times as int64_t.
 * Errors:  load_die() says what failed, with errno, and ends the program with status 1.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

_Noreturn void load_die(const char *what);
int load_connect(const char *path);		/* a socket that blocks; ends the program when nobody listens */
int load_by_value(const void *a, const void *b);	/* for qsort() of int64_t */

#endif
