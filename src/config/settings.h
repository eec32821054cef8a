/* settings.h - agentd.yaml: the daemon's own file.
 *
 * Shapes:  plain values with defaults; every key is a row of the table in settings.c.
 * Units:   _ms, _bytes.
 * Memory:  one arena, immutable.
 * Errors:  all to the diag list.
 * Source:  agentd.yaml(5). Environment: AGENTD_DATABASE overrides `database`.
 *
 * Paths in the file are relative to the file's directory.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/str.h"
#include "config/diag.h"
#include "config/webhook.h"

struct arena;
struct err;

struct fs_root {		/* a directory that the fs runner may use */
	struct str name;
	const char *path;
	bool writable;
};

struct credential {		/* handle -> environment name */
	struct str handle;
	const char *env;
};

struct settings {
	const char *database;		/* libpq connection string */
	const char *config_dir;		/* root that holds workflows/ policies/ tools.d/; default: the file's directory */
	const char *workspace_dir;	/* per-task directories; default var/workspaces */
	enum log_level log_level;
	bool require_durable;		/* refuse a database that may lose what it acknowledged; default true */
	struct {
		const char *listen;	/* "unix:/path" or "127.0.0.1:8470" (default) */
		int socket_mode;	/* of a Unix socket, default 0660 */
		struct str public_url;	/* "https://agents.example.org": how people reach it; STR_NONE: by `listen` */
		const struct str *hosts;	/* more names that the page may be reached by, "name" or "name:port" */
		size_t n_hosts;
		int max_connections;	/* default 4096 */
		int64_t header_timeout_ms, body_timeout_ms;	/* 5 s, 30 s */
		int64_t max_body_bytes;	/* 1 MiB */
		int64_t max_wait_ms;	/* longest ?wait=, 60 s */
		int max_waiting;	/* long polls at once, 2000 */
		int max_streams;	/* event streams at once, 1000 */
		int max_model_calls;	/* questions to tiers at once, 1000 */
		int64_t max_model_wait_ms;	/* of a workflow that is asked as a model, 10 min */
		const char *link_key;	/* environment variable; NULL: no links */
	} web;
	struct {
		const struct str *lanes;	/* default: ["default"] */
		size_t n_lanes;
		int slots;		/* tasks in flight, default 2000 */
		int batch;		/* tasks per claim and commit, default 500 */
		int64_t lease_ms;	/* 30 s */
		int64_t heartbeat_ms;	/* 5 s; < lease / 2 */
		int64_t drain_ms;	/* 30 s */
		int64_t poll_ms;	/* when LISTEN is silent, 1 s (jittered) */
		int max_failures;	/* of one task, 5 */
	} worker;
	struct {
		int64_t interval_ms;	/* lease / 3 by default: 10 s */
		int64_t retain_short_ms, retain_long_ms;	/* 30 d, 365 d */
		int64_t idempotency_ms;	/* 7 d at least */
		int64_t warn_approvals_ms;	/* before they expire, at most: 1 h; 0: never */
		int max_recoveries;	/* of one task in a row without progress, 3 */
	} sweeper;
	struct {
		const char *data_dir, *wal_dir;	/* NULL: asked of the database, measured when it is on this host */
		int refuse_at, resume_at, stop_claims_at, stop_files_at;	/* per cent of a disk */
		int64_t queue_depth;	/* ready tasks; 0: no limit */
		int64_t archiver_ms;	/* 15 min; 0: no limit */
		int64_t wal_bytes;	/* 0: four times what the server keeps by itself */
		int64_t interval_ms;	/* 5 s */
	} admission;
	struct {
		int64_t max_size;	/* of one file, 16 MiB */
		int64_t max_task;	/* of all of a task, 64 MiB */
		int max_files;		/* of a task, 100 */
		int64_t max_total;	/* of all, 10 GiB */
		int64_t ttl_ms;		/* 30 d */
	} artifacts;
	struct {
		const struct fs_root *roots;
		size_t n_roots;
		const struct credential *credentials;
		size_t n_credentials;
		int64_t workspace_bytes;	/* quota per task, 256 MiB */
		int workspace_files;		/* 10,000 */
	} tools;
	struct webhook_settings webhooks;
	const struct notify_target *notify;
	size_t n_notify;
};

const struct settings *settings_parse(struct arena *a, const char *path, struct str text, struct diags *d);
/* The same, serving these lanes ("default,sandbox"); NULL with err. */
const struct settings *settings_serving(struct arena *a, const struct settings *s, struct str lanes, struct err *err);
struct json;
const struct json *settings_artifact_limits(struct arena *a, const struct settings *s);	/* {max_task, max_files, max_total, ttl_ms}, as the store takes them */
const struct settings *settings_default(struct arena *a, const char *dir);	/* never NULL */

#endif
