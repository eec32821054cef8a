/* agentd.c - the daemon's modes: options, load, start, stop. No logic lives here.
 *
 * agentd [-c FILE] web|worker|sweeper|all; see agentd(8).
 */
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "config/catalog.h"
#include "config/policy_judge.h"
#include "engine/engine.h"
#include "gateway/gateway.h"
#include "gateway/tell.h"
#include "notify/notify.h"
#include "publish/publish.h"
#include "store/admin.h"
#include "store/metrics.h"
#include "store/sight.h"
#include "store/store.h"
#include "sweeper/sweep.h"
#include "tools/tools.h"
#include "web/web.h"
#include "worker/artifacts.h"
#include "worker/worker.h"

enum { WEB = 1, WORKER = 2, SWEEPER = 4, MAX_FILES = 65536, SLICE_NS = 100000 };

static const struct {
	const char *name;
	int parts;
} modes[] = {
	{"web", WEB},
	{"worker", WORKER},
	{"sweeper", SWEEPER},
	{"all", WEB | WORKER | SWEEPER},
};

struct daemon {
	int parts;
	struct arena *arena;
	struct loop *loop;
	const struct settings *settings;
	struct store *store;
	struct http *http;
	struct gateway *gateway;
	struct gateway_tell *tell;
	struct tools *tools;
	struct engine *engine;
	struct worker *worker;
	struct sweeper *sweeper;
	struct notify *notify;
	struct web *web;
	const struct catalog *live;	/* what of the files is in use; without tools and workflows in a server without a worker */
	struct publish *publish;
	struct reporter *reporter;
	struct loop_signal *term, *interrupt, *hup;
	struct op *unsafe_op;
	int running;		/* parts that have not stopped yet */
	bool stopping;
	int status;		/* to exit with */
};

static void print_diags(struct arena *a, struct diags *d)
{
	struct buf out;

	buf_init(&out, a);
	diag_print(d, &out);
	if (out.n)
		fwrite(out.p, 1, out.n, stderr);
}

static const struct settings *load_settings(struct arena *a, const char *file)
{
	struct diags *d = diags_new(a);
	const struct settings *s = NULL;
	struct err err;
	struct str text;

	if (!file) {
		if (access("agentd.yaml", F_OK) < 0)	/* one that cannot be read is an error, not the default */
			return settings_default(a, ".");
		file = "agentd.yaml";
	}
	if (file_read(a, file, 256 * 1024, &text, &err) < 0) {
		fprintf(stderr, "agentd: %s\n", err.msg);
		return NULL;
	}
	s = settings_parse(a, file, text, d);
	print_diags(a, d);
	return diag_errors(d) ? NULL : s;
}

static void tell_web(struct daemon *m)
{
	web_set_policy(m->web, m->live->policy);
	web_set_hooks(m->web, m->live->hooks, m->live->n_hooks);
	web_set_gateway(m->web, m->gateway, m->live->routing);
}

static void tell_worker(struct daemon *m)
{
	const struct catalog *c = m->live;

	tools_set_manifests(m->tools, c->tools, c->n_tools);
	engine_set_policy(m->engine, c->policy);
}

/* Routing, policy, manifests and hooks are live: read from the files at start and at SIGHUP. An old catalog stays
 * until the process ends, as calls in flight may still use it. */
static int load_live(struct daemon *m)
{
	struct arena *a = arena_new(m->arena);
	struct diags *d = diags_new(a);
	const struct catalog *c = (m->parts & WORKER ? catalog_load : catalog_load_web)(a, m->settings->config_dir, d);

	if (diag_warnings(d))
		log_warn("config.warnings", "n=%zu", diag_warnings(d));
	if (!c) {
		print_diags(a, d);
		arena_free(a);
		return -1;
	}
	m->live = c;
	if (c->policy)
		log_info("policy.loaded", "rules=%zu", c->policy->n_rules);
	else
		log_info("policy.none", "file=%s", "policies/risk.yaml");
	if (m->gateway && c->routing)
		gateway_tell(m->tell, c->routing);
	if (m->engine && c->routing)
		sight_tell_caps(m->store, gateway_caps(a, c->routing));
	if (m->engine)
		tell_worker(m);
	if (m->web)
		tell_web(m);
	return 0;
}

static void reported(void *arg)
{
	struct daemon *m = arg;

	loop_stop(m->loop);
}

static void part_stopped(void *arg)
{
	struct daemon *m = arg;

	if (--m->running == 0)
		reporter_stop(m->reporter, reported, m);
}

/* Web first (no new work comes in), then the worker; further signals hurry the worker. */
static void on_stop(void *arg, int signum)
{
	struct daemon *m = arg;

	(void)signum;
	if (m->stopping) {
		if (m->worker)
			worker_stop(m->worker, part_stopped, m);
		return;
	}
	m->stopping = true;
	notify_stop(m->notify);
	sweep_stop(m->sweeper);
	m->sweeper = NULL;
	m->running = 1;
	if (m->web) {
		m->running++;
		web_stop(m->web, part_stopped, m);
	}
	if (m->worker) {
		m->running++;
		worker_stop(m->worker, part_stopped, m);
	}
	loop_defer(m->loop, part_stopped, m);
}

/* --- a database that may lose what it acknowledged is not for us --- */

static void on_unsafe(struct op *op, void *arg)
{
	struct daemon *m = arg;
	struct str settings = STR_NONE;

	m->unsafe_op = NULL;
	if (op->err->code == ERR_NONE)
		settings = admin_text_of(op);
	else if (op->err->code != ERR_CANCELLED)
		log_error("database.unknown", "error=%s", log_quotec(op->err->msg));
	if (settings.n == 0)
		return;
	if (!m->settings->require_durable) {
		log_warn("database.unsafe", "settings=%s", log_quote(settings));
		return;
	}
	log_error("database.refused", "settings=%s hint=%s", log_quote(settings),
		  "\"acknowledged work could be lost; require_durable: false runs all the same\"");
	m->status = 1;
	if (!m->stopping)
		on_stop(m, 0);
}

/* The first call of the connection: its answer comes before those of all others. */
static void ask_unsafe(void *arg, bool up)
{
	struct daemon *m = arg;

	if (up && !m->unsafe_op)
		m->unsafe_op = admin_unsafe(m->store, arena_new(NULL), on_unsafe, m);
}

static void on_hup(void *arg, int signum)
{
	struct daemon *m = arg;

	(void)signum;
	log_info("reload", "dir=%s", log_quotec(m->settings->config_dir));
	if (m->parts & (WORKER | WEB) && load_live(m) < 0)
		log_error("reload.refused", "reason=%s", "\"the files have errors; the old ones stay\"");
	if (m->publish)
		publish_start(m->publish);
}

static int start(struct daemon *m, struct err *err)
{
	char application[32];

	snprintf(application, sizeof application, "agentd %s", m->parts == WEB ? "web" : m->parts == WORKER ? "worker" :
		 m->parts == SWEEPER ? "sweeper" : "all");
	m->loop = loop_new();
	m->store = store_open(m->loop, m->settings->database, application);
	store_on_state(m->store, ask_unsafe, m);
	ask_unsafe(m, true);
	m->http = http_new(m->loop);
	if (m->parts & (WORKER | WEB)) {
		m->gateway = gateway_new(m->loop, m->http, m->store);
		m->tell = gateway_tell_new(m->arena, m->store, m->gateway);
	}
	if (m->parts & WORKER) {
		m->tools = tools_new(m->loop, m->http, m->settings);
		tools_set_artifacts(m->tools, artifacts_port(m->arena, m->loop, m->store, m->settings));
		m->engine = engine_new(m->loop, m->store, m->gateway, m->tools);
	}
	if (m->parts & (WORKER | WEB) && load_live(m) < 0)
		return err_set(err, ERR_CONFIG, "the configuration has errors");
	if (m->parts & WEB) {
		m->publish = publish_new(m->arena, m->store, m->settings->config_dir);
		m->web = web_start(m->loop, m->store, m->settings, err);
		if (!m->web)
			return -1;
		tell_web(m);
	}
	if (m->parts & SWEEPER) {
		m->notify = notify_start(m->loop, m->http, m->store, m->settings, err);
		if (!m->notify)
			return -1;
	}
	/* nothing fails from here on */
	m->reporter = reporter_start(m->loop, m->store);
	if (m->parts & WORKER)
		m->worker = worker_start(m->loop, m->store, m->engine, m->settings);
	if (m->parts & SWEEPER)
		m->sweeper = sweep_start(m->loop, m->store, m->settings);
	m->term = loop_signal_new(m->loop, SIGTERM, on_stop, m);
	m->interrupt = loop_signal_new(m->loop, SIGINT, on_stop, m);
	m->hup = loop_signal_new(m->loop, SIGHUP, on_hup, m);
	return 0;
}

/* Tasks that could not be given back: what runs for them ends, and nothing of them is written any more. */
static void abandon_tasks(struct daemon *m)
{
	if (!m->engine || engine_active(m->engine) == 0)
		return;
	engine_drop_all(m->engine);
	store_stop(m->store);
	while (engine_active(m->engine) > 0)
		loop_once(m->loop);
}

static void end_transfers(struct daemon *m)
{
	notify_stop(m->notify);
	while (!notify_is_idle(m->notify))
		loop_once(m->loop);
}

/* Questions that programs asked through the server; nothing of them is written any more. */
static void end_questions(struct daemon *m)
{
	while (m->gateway && !gateway_is_idle(m->gateway))
		loop_once(m->loop);
}

/* Also after a start that did not come to its end. */
static void finish(struct daemon *m)
{
	loop_signal_free(m->term);
	loop_signal_free(m->interrupt);
	loop_signal_free(m->hup);
	sweep_stop(m->sweeper);
	web_free(m->web);
	abandon_tasks(m);
	end_transfers(m);
	store_stop(m->store);
	end_questions(m);
	notify_free(m->notify);
	reporter_free(m->reporter);
	worker_free(m->worker);
	engine_free(m->engine);
	tools_free(m->tools);
	gateway_free(m->gateway);
	http_free(m->http);
	store_close(m->store);
	loop_free(m->loop);
	arena_free(m->arena);
}

/* Connections, transfers and children each take some; the usual soft limit of 1024 is for programs that use select(2). */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	if (files.rlim_cur < MAX_FILES && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < MAX_FILES ? files.rlim_max : MAX_FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* It waits for others and answers briefly: of those that are ready to run it should come early. Kernels before 6.12 take no notice. */
static void ask_for_short_slices(void)
{
	/* struct sched_attr of the kernel; libc has had it only since 2.41 */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} a = {.size = sizeof a, .policy = SCHED_OTHER, .nice = getpriority(PRIO_PROCESS, 0), .runtime_ns = SLICE_NS};

	syscall(SYS_sched_setattr, 0, &a, 0U);
}

static int usage(FILE *out, int status)
{
	fputs("usage: agentd [-c FILE] web|sweeper\n"
	      "       agentd [-c FILE] [--lanes LIST] worker|all\n"
	      "       agentd --version\n"
	      "  -c, --config FILE   settings (default: ./agentd.yaml, else built-in defaults)\n"
	      "      --lanes LIST    lanes that the worker serves, such as default,sandbox (default: worker.lanes)\n", out);
	return status;
}

static int parts_of(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(modes[i].name, name) == 0)
			return modes[i].parts;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"lanes", required_argument, NULL, 'l'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct daemon m = {0};
	const char *file = NULL, *lanes = NULL;
	struct err err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'l':
			lanes = optarg;
			break;
		case 'V':
			puts("agentd " AGENTD_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	if (argc - optind != 1 || !(m.parts = parts_of(argv[optind])) || (lanes && !(m.parts & WORKER)))
		return usage(stderr, 2);
	signal(SIGPIPE, SIG_IGN);
	m.arena = arena_new(NULL);
	m.settings = load_settings(m.arena, file);
	if (!m.settings) {
		arena_free(m.arena);
		return 1;
	}
	if (lanes && !(m.settings = settings_serving(m.arena, m.settings, str_from(lanes), &err))) {
		fprintf(stderr, "agentd: --lanes: %s\n", err.msg);
		arena_free(m.arena);
		return 2;
	}
	log_set_level(m.settings->log_level);
	log_set_name(argv[optind]);
	raise_file_limit();
	ask_for_short_slices();
	if (start(&m, &err) < 0) {
		fprintf(stderr, "agentd: %s\n", err.msg);
		finish(&m);
		return 1;
	}
	loop_run(m.loop);
	log_info("stopped", "mode=%s", argv[optind]);
	finish(&m);
	return m.status;
}
