/* fs.h - the verbs of the fs runner. Private to the room; they run on the thread pool.
 *
 * Shapes:  every name is opened with openat2 below the root's descriptor: no "..", no symbolic link, only
 *          regular files with one name, in read-only roots too (who may write there could link a file in
 *          from elsewhere).
 * Units:   bytes.
 * Memory:  job->arena belongs to the work until it has ended.
 * Errors:  ERR_TOOL_ARGS, ERR_TOOL_FAILED, ERR_TOOL_OUTPUT, ERR_TOOL_TIMEOUT, ERR_CANCELLED.
 * Source:  agentd-tool(5), "FS"; openat2(2).
 */
#ifndef TOOLS_FS_H
#define TOOLS_FS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"
#include "tools/tools.h"

struct arena;
struct call;
struct json;
struct manifest;
struct settings;

struct fs_job {
	struct arena *arena;
	const struct json *args;
	const struct settings *settings;
	const struct uuid *task;
	struct str root_name;
	const char *root_dir;
	bool workspace, writable;
	size_t max_output;
	bool truncate;
	const atomic_bool *cancelled;
	int64_t deadline_ms;		/* clock_boot_ms() */
	enum tool_outcome outcome;	/* written by the verb as things happen */
	const struct json *value;
	struct err err;
};

/* root: a descriptor of the root directory. */
int fs_read(struct fs_job *job, int root, struct err *err);
int fs_write(struct fs_job *job, int root, struct err *err);
int fs_list(struct fs_job *job, int root, struct err *err);

/* For runners that use files of the workspace beside others. */
void fs_job_init(struct fs_job *job, struct call *c);	/* at the workspace; the arena is the call's, the work's until it has ended */
int fs_open_root(const struct fs_job *job, struct err *err);	/* close it */
/* A whole file of at most max bytes. */
int fs_get(struct fs_job *job, int root, struct str path, size_t max, struct str *ret, struct err *err);
int fs_put(struct fs_job *job, int root, struct str path, struct str bytes, struct err *err);
/* How much of size bytes is read: the manifest's cap, or less where args.max_bytes asks for less: who asks for the beginning gets it. */
int fs_choose_limit(const struct fs_job *job, int64_t size, size_t *ret, struct err *err);
/* {key: name, size, text or base64, truncated?} of what was read of it. */
const struct json *fs_content(const struct fs_job *job, const char *key, struct str name, int64_t size, struct str bytes);

/* Errors of base/file.h in the words of tools. Returns -1. */
int fs_fail(struct err *err);
int fs_fail_errno(struct err *err, const char *what, struct str name);
int fs_check_running(const struct fs_job *job, struct err *err);

struct fs_entry {
	struct str path;	/* below where the walk began */
	struct str name;
	const struct stat *st;	/* of the name itself, links are not followed */
};

/* seen(): -1 ends the walk with its error. Names that are not UTF-8 come with path.p NULL. path and name
 * live until seen() returns. */
struct fs_walk {
	bool recursive;
	size_t max_entries;	/* more: ERR_SIZE */
	int (*seen)(void *arg, const struct fs_entry *e, struct err *err);
	void *arg;
	size_t n;		/* counts */
};
int fs_walk(const struct fs_job *job, int root, const char *path, struct fs_walk *w, struct err *err);

#endif
