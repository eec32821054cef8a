/* proc.h - a child process: argv only, cleared environment, own group, deadline, capped output.
 *
 * Shapes:  proc_start() makes an op (loop.h). The child is leader of its own process
 *          group; at the deadline or on cancel the group gets SIGTERM and after
 *          grace_ms SIGKILL; the completion comes after the child was reaped.
 *          Descriptors of this process are closed in the child, signals reset.
 * Units:   milliseconds, bytes.
 * Memory:  the result lives in op->arena.
 * Errors:  ERR_IO (program cannot be started), ERR_TIMEOUT, ERR_SIZE (a cap was passed: the group is
 *          killed), ERR_INTERNAL (it ran, or may have, but what it wrote is lost), ERR_CANCELLED. A non-zero exit is NOT an error here.
 * Source:  agentd-tool(5), "EXEC"; pidfd_open(2).
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"

struct proc_request {
	const char *const *argv;	/* NULL-ended; argv[0] is a path, or a name looked up in PATH of env */
	const char *const *env;		/* NULL-ended NAME=value; NULL: empty */
	const char *dir;		/* working directory; NULL: "/" */
	struct str stdin_data;
	int64_t timeout_ms;		/* 0: 60 s */
	int64_t grace_ms;		/* 0: 5 s */
	size_t max_stdout, max_stderr;	/* 0: 1 MiB, 64 KiB; stderr past its cap is dropped, stdout's is an error */
	int64_t max_cpu_s, max_memory_bytes, max_file_bytes;	/* rlimits; 0: none */
};

struct proc_result {
	int exit_status;		/* -1 when ended by a signal */
	int signal;			/* 0: none */
	struct str out, err;
	int64_t wall_ms;
};

struct op *proc_start(struct loop *l, struct arena *arena, const struct proc_request *req,
		      op_done_fn *done, void *arg);
/* As op_cancel(), but SIGKILL at once; also while the grace of an earlier cancel runs. */
void proc_kill(struct op *op);
const struct proc_result *proc_result_of(const struct op *op);

#endif
