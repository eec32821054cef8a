/* guard.h - process groups that die with this process, however it ends. Private to base/proc.c.
 *
 * PR_SET_PDEATHSIG ends a child when we die, but not what the child has started. A guard, one small process beside
 * us, is told of every group and reads a pipe of which we hold the other end: when it ends without a farewell, the
 * guard kills the groups that are left.
 *
 * Shapes:  guard_begin() makes the guard where there is none; its fd is closed on exec. guard_add() is for the child, between
 *          fork and exec (async-signal-safe), so that no program runs unguarded; guard_remove() when the leader was reaped.
 * Memory:  none. At most GUARD_MAX groups at a time are guarded.
 * Errors:  a guard that cannot be made is no error: then only the leaders die with us.
 * Source:  PR_SET_PDEATHSIG(2const), pipe(7): a reader sees the end when the last writer is gone.
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <sys/types.h>

enum { GUARD_MAX = 16384 };

void guard_begin(void);
void guard_add(pid_t group);
void guard_remove(pid_t group);

#endif
