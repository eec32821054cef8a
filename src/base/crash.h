/* crash.h - labelled points at which a test ends the process like a power cut.
 *
 * Shapes:  CRASHPOINT("commit.before") is nothing unless the build has
 *          --enable-test-hooks. There, AGENTD_CRASH=NAME:N raises SIGKILL at the
 *          N-th pass of that point (from 1), and AGENTD_CRASH_LOG=FILE appends the
 *          name of every point passed (one line each, O_APPEND).
 * Memory:  none.
 * Errors:  none.
 * Source:  the list of names is crash_points[] in crash.c; a name that is not in it
 *          ends a test build with fatal().
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef AGENTD_TEST
void crash_point(const char *name);
#define CRASHPOINT(name) crash_point(name)
#else
#define CRASHPOINT(name) ((void)0)
#endif

#endif
