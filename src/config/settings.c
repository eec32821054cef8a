/* settings.c - agentd.yaml: every key of the daemon's own file. */
#include "config/settings.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/lane.h"
#include "config/schema.h"
#include "config/webhook_load.h"

struct settings_load {
	struct load l;			/* first: read functions cast */
	const char *dir;		/* of the file, with its slash; "" when it has none */
};

static key_read_fn read_path, read_level, read_listen, read_mode, read_percent, read_roots, read_credentials, read_link_key,
	read_notify;

static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};

#define HOST_PATTERN "([a-z0-9.-]+|\\[[0-9a-f:.]+\\])(:[0-9]{1,5})?"

static const struct key web_keys[] = {
	{.name = "listen", .type = KEY_CSTR, .offset = offsetof(struct settings, web.listen), .read = read_listen,
	 .preset = "127.0.0.1:8470", .text = "Address and port, or unix:/path."},
	{.name = "socket_mode", .type = KEY_TEXT, .offset = offsetof(struct settings, web.socket_mode), .read = read_mode,
	 .preset = "0660", .text = "Permissions of the Unix socket, octal."},
	{.name = "public_url", .type = KEY_TEXT, .offset = offsetof(struct settings, web.public_url), .max = 255,
	 .pattern = "^https?://(" HOST_PATTERN ")$", .pattern_text = "http:// or https:// and a host in lower case, without a path",
	 .text = "Where people reach the server, such as https://agents.example.org."},
	{.name = "hosts", .type = KEY_TEXTS, .offset = offsetof(struct settings, web.hosts), .offset_n = offsetof(struct settings, web.n_hosts),
	 .pattern = "^(" HOST_PATTERN ")$", .pattern_text = "NAME or NAME:PORT in lower case",
	 .text = "More names that the page may be reached by, as browsers send them: NAME or NAME:PORT."},
	{.name = "max_connections", .type = KEY_INT, .offset = offsetof(struct settings, web.max_connections), .min = 1,
	 .max = 100000, .preset = "4096", .text = "Most connections at once."},
	{.name = "header_timeout", .type = KEY_DURATION, .offset = offsetof(struct settings, web.header_timeout_ms), .min = 1,
	 .preset = "5s", .text = "Longest time for a request's head."},
	{.name = "body_timeout", .type = KEY_DURATION, .offset = offsetof(struct settings, web.body_timeout_ms), .min = 1,
	 .preset = "30s", .text = "Longest time for a request's body."},
	{.name = "max_body", .type = KEY_SIZE, .offset = offsetof(struct settings, web.max_body_bytes), .min = 1024,
	 .max = 64 << 20, .preset = "1MiB", .text = "Largest body of a request."},
	{.name = "max_wait", .type = KEY_DURATION, .offset = offsetof(struct settings, web.max_wait_ms), .preset = "60s",
	 .text = "Longest ?wait= of a request."},
	{.name = "max_waiting", .type = KEY_INT, .offset = offsetof(struct settings, web.max_waiting), .max = 100000,
	 .preset = "2000", .text = "Most requests that wait at once."},
	{.name = "max_streams", .type = KEY_INT, .offset = offsetof(struct settings, web.max_streams), .max = 100000,
	 .preset = "1000", .text = "Most event streams at once."},
	{.name = "max_model_calls", .type = KEY_INT, .offset = offsetof(struct settings, web.max_model_calls), .max = 100000,
	 .preset = "1000", .text = "Most questions to tiers (/v1) at once."},
	{.name = "max_model_wait", .type = KEY_DURATION, .offset = offsetof(struct settings, web.max_model_wait_ms), .min = 1,
	 .preset = "10m", .text = "Longest time that a workflow which is asked as a model (/v1) is waited for."},
	{.name = "link_key", .type = KEY_CSTR, .offset = offsetof(struct settings, web.link_key), .read = read_link_key,
	 .pattern = ENV_PATTERN, .pattern_text = ENV_TEXT,
	 .text = "Environment variable of the key, 32 bytes or more, that signs one-time links to requests for approval."},
};
static const struct key_table web_table = {"web", KEYS(web_keys), "The HTTP server."};

static const struct key worker_keys[] = {
	{.name = "lanes", .type = KEY_TEXTS, .offset = offsetof(struct settings, worker.lanes),
	 .offset_n = offsetof(struct settings, worker.n_lanes), .min = 1, .pattern = LANE_PATTERN, .pattern_text = LANE_TEXT,
	 .text = "Lanes that are served; default: default."},
	{.name = "slots", .type = KEY_INT, .offset = offsetof(struct settings, worker.slots), .min = 1, .max = 100000,
	 .preset = "2000", .text = "Most tasks in flight."},
	{.name = "batch", .type = KEY_INT, .offset = offsetof(struct settings, worker.batch), .min = 1, .max = 10000,
	 .preset = "500", .text = "Most tasks per claim and per commit."},
	{.name = "lease", .type = KEY_DURATION, .offset = offsetof(struct settings, worker.lease_ms), .min = 1000,
	 .preset = "30s", .text = "How long a task belongs to a worker that falls silent."},
	{.name = "heartbeat", .type = KEY_DURATION, .offset = offsetof(struct settings, worker.heartbeat_ms), .min = 100,
	 .preset = "5s", .text = "How often leases are extended; less than half of lease."},
	{.name = "drain", .type = KEY_DURATION, .offset = offsetof(struct settings, worker.drain_ms), .preset = "30s",
	 .text = "How long to wait for running steps when told to stop."},
	{.name = "poll", .type = KEY_DURATION, .offset = offsetof(struct settings, worker.poll_ms), .min = 10,
	 .preset = "1s", .text = "How often to look for work when no notice comes."},
	{.name = "max_failures", .type = KEY_INT, .offset = offsetof(struct settings, worker.max_failures), .min = 1, .max = 1000,
	 .preset = "5", .text = "How often a task may fail in a way that leaves no end; then it is quarantined."},
};
static const struct key_table worker_table = {"worker", KEYS(worker_keys), "The worker."};

static const struct key sweeper_keys[] = {
	{.name = "interval", .type = KEY_DURATION, .offset = offsetof(struct settings, sweeper.interval_ms), .min = 100,
	 .text = "How often to sweep; default: a third of worker.lease."},
	{.name = "retain_short", .type = KEY_DURATION, .offset = offsetof(struct settings, sweeper.retain_short_ms), .min = 1,
	 .preset = "30d", .text = "How long finished tasks with `retain: short` are kept."},
	{.name = "retain_long", .type = KEY_DURATION, .offset = offsetof(struct settings, sweeper.retain_long_ms), .min = 1,
	 .preset = "365d", .text = "How long finished tasks with `retain: long` are kept."},
	{.name = "idempotency", .type = KEY_DURATION, .offset = offsetof(struct settings, sweeper.idempotency_ms),
	 .min = INT64_C(7) * 86400000, .preset = "7d", .text = "How long idempotency keys are remembered; 7 days at least."},
	{.name = "warn_approvals", .type = KEY_DURATION, .offset = offsetof(struct settings, sweeper.warn_approvals_ms), .preset = "1h",
	 .text = "How long before its end, at most, a request for approval is told of again; 0s: never."},
	{.name = "max_recoveries", .type = KEY_INT, .offset = offsetof(struct settings, sweeper.max_recoveries), .max = 1000,
	 .preset = "3", .text = "How often in a row, without progress, a task is taken back from a silent worker; then it is quarantined."},
};
static const struct key_table sweeper_table = {"sweeper", KEYS(sweeper_keys), "The sweeper."};

#define PERCENT(key, field, value, what) \
	{.name = key, .type = KEY_TEXT, .offset = offsetof(struct settings, field), .read = read_percent, .preset = value, \
	 .pattern = "^[1-9][0-9]?%$", .pattern_text = "1% to 99%", .text = what}

static const struct key path_keys[] = {
	{.name = "data", .type = KEY_CSTR, .offset = offsetof(struct settings, admission.data_dir), .read = read_path,
	 .text = "A directory on the disk of the database; default: asked of the database."},
	{.name = "wal", .type = KEY_CSTR, .offset = offsetof(struct settings, admission.wal_dir), .read = read_path,
	 .text = "A directory on the disk of its write-ahead log; default: as data."},
};
static const struct key_table path_table = {"paths", KEYS(path_keys), "Disks to measure, beside that of workspace_dir."};

static const struct key admission_keys[] = {
	{.name = "paths", .type = KEY_MAP, .table = &path_table, .text = "Disks to measure, beside that of workspace_dir."},
	PERCENT("refuse_at", admission.refuse_at, "85%", "A disk so full: no submissions."),
	PERCENT("resume_at", admission.resume_at, "80%", "Submissions again, once it is no fuller than this."),
	PERCENT("stop_claims_at", admission.stop_claims_at, "90%", "A disk so full: workers claim nothing."),
	PERCENT("stop_files_at", admission.stop_files_at, "95%", "A disk so full: tools write no files."),
	{.name = "queue_depth", .type = KEY_INT64, .offset = offsetof(struct settings, admission.queue_depth), .max = 1000000000,
	 .preset = "1000000", .text = "So many tasks ready: no submissions; 0: no limit."},
	{.name = "archiver_age", .type = KEY_DURATION, .offset = offsetof(struct settings, admission.archiver_ms),
	 .preset = "15m", .text = "The archiver fails for so long: no submissions; 0s: no limit."},
	{.name = "wal_size", .type = KEY_SIZE, .offset = offsetof(struct settings, admission.wal_bytes),
	 .text = "So much write-ahead log: no submissions; default: four times max_wal_size and wal_keep_size."},
	{.name = "interval", .type = KEY_DURATION, .offset = offsetof(struct settings, admission.interval_ms), .min = 100,
	 .preset = "5s", .text = "How often the sweeper measures."},
};
static const struct key_table admission_table = {"admission", KEYS(admission_keys), "When no work is taken in."};

static const struct key artifact_keys[] = {
	{.name = "max_size", .type = KEY_SIZE, .offset = offsetof(struct settings, artifacts.max_size), .min = 1, .max = 1 << 30,
	 .preset = "16MiB", .text = "Largest file."},
	{.name = "max_task", .type = KEY_SIZE, .offset = offsetof(struct settings, artifacts.max_task), .min = 1,
	 .preset = "64MiB", .text = "Most bytes in the files of a task."},
	{.name = "max_files", .type = KEY_INT, .offset = offsetof(struct settings, artifacts.max_files), .min = 1, .max = 10000,
	 .preset = "100", .text = "Most files of a task."},
	{.name = "max_total", .type = KEY_SIZE, .offset = offsetof(struct settings, artifacts.max_total), .min = 1,
	 .preset = "10GiB", .text = "Most bytes in all files."},
	{.name = "ttl", .type = KEY_DURATION, .offset = offsetof(struct settings, artifacts.ttl_ms), .min = 1000,
	 .preset = "30d", .text = "How long a file is kept; never longer than its task."},
};
static const struct key_table artifact_table = {"artifacts", KEYS(artifact_keys), "Files that go in and out of tasks."};

static const struct key root_keys[] = {
	{.name = "path", .type = KEY_CSTR, .flags = KEY_REQUIRED, .offset = offsetof(struct fs_root, path), .read = read_path,
	 .text = "The directory."},
	{.name = "writable", .type = KEY_BOOL, .offset = offsetof(struct fs_root, writable), .preset = "false",
	 .text = "Whether tools may write there."},
};
static const struct key_table root_table = {"a directory", KEYS(root_keys), "A directory for file tools."};

static const struct key tools_keys[] = {
	{.name = "roots", .type = KEY_NAMED, .table = &root_table, .read = read_roots,
	 .text = "Directories that file tools may use, by name."},
	{.name = "credentials", .type = KEY_ANY, .read = read_credentials,
	 .text = "Environment variables of credentials, by handle."},
	{.name = "workspace_bytes", .type = KEY_SIZE, .offset = offsetof(struct settings, tools.workspace_bytes), .min = 1,
	 .preset = "256MiB", .text = "Most bytes in a task's workspace."},
	{.name = "workspace_files", .type = KEY_INT, .offset = offsetof(struct settings, tools.workspace_files), .min = 1,
	 .preset = "10000", .text = "Most files in a task's workspace."},
};
static const struct key_table tools_table = {"tools", KEYS(tools_keys), "What tools may use."};

static const struct key settings_keys[] = {
	KEY_VERSION,
	{.name = "database", .type = KEY_CSTR, .offset = offsetof(struct settings, database), .min = 1,
	 .preset = "dbname=agentd", .text = "libpq connection string; AGENTD_DATABASE in the environment wins."},
	{.name = "config_dir", .type = KEY_CSTR, .offset = offsetof(struct settings, config_dir), .read = read_path,
	 .preset = ".", .text = "Directory that holds workflows/, policies/, tools.d/ and hooks/; default: the file's own."},
	{.name = "workspace_dir", .type = KEY_CSTR, .offset = offsetof(struct settings, workspace_dir), .read = read_path,
	 .preset = "var/workspaces", .text = "Directory of the tasks' workspaces."},
	{.name = "log_level", .type = KEY_ENUM, .offset = offsetof(struct settings, log_level), .words = level_words,
	 .read = read_level, .preset = "info", .text = "Least important events that are logged."},
	{.name = "require_durable", .type = KEY_BOOL, .offset = offsetof(struct settings, require_durable), .preset = "true",
	 .text = "Whether to refuse a database that may lose what it acknowledged."},
	{.name = "web", .type = KEY_MAP, .table = &web_table, .text = "The HTTP server."},
	{.name = "worker", .type = KEY_MAP, .table = &worker_table, .text = "The worker."},
	{.name = "sweeper", .type = KEY_MAP, .table = &sweeper_table, .text = "The sweeper."},
	{.name = "admission", .type = KEY_MAP, .table = &admission_table, .text = "When no work is taken in."},
	{.name = "artifacts", .type = KEY_MAP, .table = &artifact_table, .text = "Files that go in and out of tasks."},
	{.name = "tools", .type = KEY_MAP, .table = &tools_table, .text = "What tools may use."},
	{.name = "webhooks", .type = KEY_MAP, .offset = offsetof(struct settings, webhooks), .table = &webhooks_table,
	 .text = "Messages to other programs."},
	{.name = "notify", .type = KEY_MAPS, .table = &notify_table, .read = read_notify, .text = "Who is told what happens."},
};
const struct key_table settings_table = {"the settings", KEYS(settings_keys), "agentd.yaml"};

static void *slot(void *out, const struct key *k)
{
	return (char *)out + k->offset;
}

static void read_path(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	const char *dir = ((struct settings_load *)l)->dir;
	if (!yaml_is_text(v) || !v->text.n) {
		diag_error(l->d, v->at, "\"%s\": expected a path, got %s", k->name,
			   yaml_is_text(v) ? "an empty text" : yaml_describe(v));
		return;
	}
	const char *path = v->text.p;
	if (!strcmp(path, "."))
		path = *dir ? arena_strndup(l->a, dir, strlen(dir) - (strlen(dir) > 1)) : ".";
	else if (path[0] != '/')
		path = arena_printf(l->a, "%s%s", dir, path);
	*(const char **)slot(out, k) = path;
}

static void read_level(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int word = -1;
	enum log_level level;
	key_read_plain(l, k, v, &word, 0);
	if (word >= 0 && log_level_parse(level_words[word], &level))
		*(enum log_level *)slot(out, k) = level;
}

static bool listen_ok(struct str s)
{
	if (str_starts(s, STR("unix:")))
		return s.n > 6 && s.p[5] == '/';
	size_t colon = s.n;
	while (colon && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || colon == s.n || s.n - colon > 5)
		return false;
	int port = 0;
	for (size_t i = colon; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		port = port * 10 + (s.p[i] - '0');
	}
	return port <= 65535;
}

static void read_listen(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind == YAML_SCALAR && listen_ok(v->text))
		*(const char **)slot(out, k) = v->text.p;
	else
		diag_error(l->d, v->at, "\"%s\": expected ADDRESS:PORT or unix:/PATH, got %s", k->name,
			   v->kind == YAML_SCALAR ? arena_printf(l->a, "\"" STR_FMT "\"", STR_ARG(v->text)) : yaml_describe(v));
}

/* In YAML 1.2 0660 is six hundred and sixty; nobody means that here. */
static void read_mode(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind != YAML_SCALAR || !load_matches(l, v->text, "^(0o?)?[0-7]{3}$")) {
		diag_error(l->d, v->at, "\"%s\": expected octal permissions such as 0660", k->name);
		return;
	}
	int mode = 0;
	for (size_t i = v->text.n - 3; i < v->text.n; i++)
		mode = mode * 8 + (v->text.p[i] - '0');
	*(int *)slot(out, k) = mode;
}

static void read_percent(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind != YAML_SCALAR || !load_matches(l, v->text, k->pattern)) {
		diag_error(l->d, v->at, "\"%s\": expected %s, got %s", k->name, k->pattern_text,
			   v->kind == YAML_SCALAR ? arena_printf(l->a, "\"" STR_FMT "\"", STR_ARG(v->text)) : yaml_describe(v));
		return;
	}
	*(int *)slot(out, k) = atoi(v->text.p);
}

static void read_roots(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct settings *s = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct fs_root *roots = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct fs_root);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *name = v->pairs[i].key;
		load_name(l, name, "name of a directory", "^[a-z][a-z0-9_-]{0,62}$", "a lower-case letter, then letters, digits, _ and -");
		if (str_is(name->text, "workspace"))
			diag_error(l->d, name->at, "\"workspace\" is the task's own directory: choose another name");
		roots[i].name = name->text;
		keys_read(l, k->table, v->pairs[i].value, &roots[i]);
	}
	s->tools.roots = roots;
	s->tools.n_roots = v->n;
}

static void read_credentials(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct settings *s = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct credential *list = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct credential);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *handle = v->pairs[i].key, *env = v->pairs[i].value;
		load_name(l, handle, "handle", "^[a-z][a-z0-9_]{0,62}$", "a lower-case letter, then letters, digits and _");
		if (load_env(l, env, arena_printf(l->a, "credential \"" STR_FMT "\"", STR_ARG(handle->text))))
			list[s->tools.n_credentials++] = (struct credential){handle->text, env->text.p};
	}
	s->tools.credentials = list;
}

static void read_link_key(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (load_env(l, v, "\"link_key\""))
		*(const char **)slot(out, k) = v->text.p;
}

/* Behind webhooks in the table: where targets may be, webhooks.allow says. */
static void read_notify(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (load_expect(l, v, k->name, YAML_LIST))
		notify_targets_read(l, v, out);
}

/* Each threshold is left at the one below, so they must stand apart. */
static void check_admission(struct load *l, const struct yaml *root, const struct settings *s)
{
	const struct yaml *map = yaml_get(root, "admission");
	const int at[] = {s->admission.resume_at, s->admission.refuse_at, s->admission.stop_claims_at, s->admission.stop_files_at};

	for (size_t i = 1; i < sizeof at / sizeof at[0]; i++)
		if (at[i - 1] && at[i] && at[i - 1] >= at[i]) {	/* 0: was not read */
			diag_error(l->d, map ? map->at : root->at,
				   "\"admission\": expected resume_at < refuse_at < stop_claims_at < stop_files_at, got %d%%, %d%%, %d%%, %d%%",
				   at[0], at[1], at[2], at[3]);
			return;
		}
}

static void check(struct load *l, const struct yaml *root, struct settings *s)
{
	static const struct str lane = {"default", 7};
	const struct yaml *worker = yaml_get(root, "worker"), *heartbeat = yaml_get(worker, "heartbeat");
	if (!s->worker.lanes) {
		s->worker.lanes = &lane;
		s->worker.n_lanes = 1;
	}
	if (!s->sweeper.interval_ms)
		s->sweeper.interval_ms = s->worker.lease_ms / 3;
	if (s->worker.heartbeat_ms * 2 >= s->worker.lease_ms)
		diag_error(l->d, heartbeat ? heartbeat->at : worker ? worker->at : root->at,
			   "\"heartbeat\" must be less than half of \"lease\"");
	if (s->web.link_key && !s->web.public_url.p)
		diag_error(l->d, yaml_get(yaml_get(root, "web"), "link_key")->at, "\"link_key\" needs \"public_url\": links lead there");
	check_admission(l, root, s);
	webhook_defaults(&s->webhooks);
}

const struct settings *settings_parse(struct arena *a, const char *path, struct str text, struct diags *d)
{
	size_t before = diag_errors(d), dir = strlen(path);
	struct settings_load w = {.l = {.a = a, .d = d}};
	struct settings *s = ARENA_NEW(a, struct settings);
	while (dir && path[dir - 1] != '/')
		dir--;
	w.dir = arena_strndup(a, path, dir);
	const struct yaml *root = yaml_parse(a, path, text, d);
	if (!root)
		return NULL;
	if (keys_read(&w.l, &settings_table, root, s))
		check(&w.l, root, s);
	const char *env = getenv("AGENTD_DATABASE");
	if (env && *env)
		s->database = arena_strdup(a, env);
	return diag_errors(d) > before ? NULL : s;
}

const struct settings *settings_serving(struct arena *a, const struct settings *s, struct str lanes, struct err *err)
{
	struct settings *copy = ARENA_NEW(a, struct settings);

	*copy = *s;
	return lane_list(a, lanes, &copy->worker.lanes, &copy->worker.n_lanes, err) < 0 ? NULL : copy;
}

const struct json *settings_artifact_limits(struct arena *a, const struct settings *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "max_task", json_int(a, s->artifacts.max_task));
	json_object_setc(&b, "max_files", json_int(a, s->artifacts.max_files));
	json_object_setc(&b, "max_total", json_int(a, s->artifacts.max_total));
	json_object_setc(&b, "ttl_ms", json_int(a, s->artifacts.ttl_ms));
	return json_object_end(&b);
}

const struct settings *settings_default(struct arena *a, const char *dir)
{
	const struct settings *s = settings_parse(a, arena_printf(a, "%s/agentd.yaml", dir), STR("agentd: v1\n"), diags_new(a));

	if (!s)
		fatal("the settings' own defaults are refused: a library that checks them fails");
	return s;
}
