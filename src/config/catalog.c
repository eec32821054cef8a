/* catalog.c - a configuration root to a snapshot: load, link, check. */
#include "config/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "config/bundle_load.h"
#include "config/lane.h"
#include "config/policy_judge.h"
#include "config/schema.h"

enum { MAX_ENTRIES = 10000 };

struct loading {
	struct arena *a;
	struct diags *d;
	const char *root;
	struct catalog *c;
	const struct manifest **tools;
	size_t n_tools, cap_tools;
	struct bundle *bundles;
	const char **bundle_files;
	size_t n_bundles;
	const struct settings *settings;
	bool outside;			/* the text does not come from the disk: nothing it names may lead out of the root */
};

/* --- files --- */

static const char *below(struct loading *w, const char *name)
{
	if (!strcmp(w->root, "."))
		return arena_strdup(w->a, name);
	size_t n = strlen(w->root);
	return arena_printf(w->a, "%s%s%s", w->root, n && w->root[n - 1] == '/' ? "" : "/", name);
}

static bool is_there(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

/* 1 read, 0 absent, -1 reported. */
static int read_file(struct arena *a, struct diags *d, const char *path, struct str *text)
{
	struct err err;
	if (file_read(a, path, CATALOG_FILE_BYTES, text, &err) == 0)
		return 1;
	if (err.code == ERR_NOT_FOUND)
		return 0;
	diag_error(d, ((struct place){path, 0, 0}), "%s", err.msg);
	return -1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wanted(struct loading *w, const char *dir, const char *name)
{
	struct str s = str_from(name);
	if (name[0] == '.' || str_ends(s, STR(".test.yaml")))
		return false;
	if (str_ends(s, STR(".yml")))
		diag_add(w->d, DIAG_WARNING, (struct place){below(w, arena_printf(w->a, "%s/%s", dir, name)), 0, 0}, NULL,
			 "the file is not read: its name must end in .yaml");
	return str_ends(s, STR(".yaml"));
}

/* The names *.yaml in a directory of the root, sorted: the order of errors must not depend on the disk. */
static const char **list(struct loading *w, const char *dir, size_t *n)
{
	const char *path = below(w, dir);
	size_t cap = 0;
	const char **names = NULL;
	*n = 0;
	DIR *d = opendir(path);
	if (!d) {
		if (errno != ENOENT)
			diag_error(w->d, ((struct place){path, 0, 0}), "the directory cannot be read");
		return NULL;
	}
	for (const struct dirent *e; (e = readdir(d)) && *n < MAX_ENTRIES;) {
		if (!is_wanted(w, dir, e->d_name))
			continue;
		if (*n == cap) {
			cap = cap ? cap * 2 : 32;
			const char **v = ARENA_ARRAY(w->a, cap, const char *);
			if (*n)
				memcpy(v, names, *n * sizeof(*v));
			names = v;
		}
		names[(*n)++] = arena_strdup(w->a, e->d_name);
	}
	closedir(d);
	if (*n)
		qsort(names, *n, sizeof(*names), compare_names);
	return names;
}

/* --- tools --- */

static const struct manifest *find_tool(const struct manifest *const *tools, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(tools[i]->contract.name, name))
			return tools[i];
	return NULL;
}

/* To a model "." is "_". */
static bool collide(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if ((a.p[i] == '.' ? '_' : a.p[i]) != (b.p[i] == '.' ? '_' : b.p[i]))
			return false;
	return true;
}

static void add_tool(struct loading *w, const struct manifest *m)
{
	for (size_t i = 0; i < w->n_tools; i++) {
		const struct manifest *o = w->tools[i];
		if (str_eq(o->contract.name, m->contract.name))
			diag_error(w->d, m->place, "tool \"" STR_FMT "\" is given twice: first in %s", STR_ARG(m->contract.name),
				   o->file);
		else if (collide(o->contract.name, m->contract.name))
			diag_error(w->d, m->place, "tools \"" STR_FMT "\" and \"" STR_FMT "\" have the same name for a model: first in %s",
				   STR_ARG(m->contract.name), STR_ARG(o->contract.name), o->file);
	}
	w->tools[w->n_tools++] = m;
}

static int compare_tools(const void *a, const void *b)
{
	return str_cmp((*(const struct manifest *const *)a)->contract.name, (*(const struct manifest *const *)b)->contract.name);
}

static void load_tools(struct loading *w)
{
	size_t n;
	const char **names = list(w, "tools.d", &n);
	w->tools = ARENA_ARRAY(w->a, n + 1, const struct manifest *);
	for (size_t i = 0; i < n; i++) {
		const char *path = below(w, arena_printf(w->a, "tools.d/%s", names[i]));
		struct str text;
		if (read_file(w->a, w->d, path, &text) <= 0)
			continue;
		const struct manifest *m = manifest_parse(w->a, path, text, w->d);
		if (m)
			add_tool(w, m);
	}
	if (w->n_tools)
		qsort(w->tools, w->n_tools, sizeof(*w->tools), compare_tools);
	w->c->tools = w->tools;
	w->c->n_tools = w->n_tools;
}

/* Handles and directories that agentd.yaml must know. */
static void link_settings(struct loading *w, const struct manifest *m)
{
	const struct settings *s = w->settings;
	size_t n = s->tools.n_credentials > s->tools.n_roots ? s->tools.n_credentials : s->tools.n_roots;
	const char **names = ARENA_ARRAY(w->a, n + 1, const char *);
	for (size_t i = 0; i < s->tools.n_credentials; i++)
		names[i] = str_cstr(w->a, s->tools.credentials[i].handle);
	for (size_t i = 0; i < m->n_credentials; i++) {
		bool known = false;
		for (size_t k = 0; k < s->tools.n_credentials; k++)
			known |= str_eq(s->tools.credentials[k].handle, m->credentials[i]);
		if (!known)
			diag_error(w->d, m->place, "tool \"" STR_FMT "\": agentd.yaml has no credential \"" STR_FMT "\"%s",
				   STR_ARG(m->contract.name), STR_ARG(m->credentials[i]),
				   load_nearest(w->d, w->a, m->credentials[i], names, s->tools.n_credentials));
	}
	lane_check(w->a, w->d, m->place, m->lane, s);
	if (m->runner != RUNNER_FS || !m->u.fs.root.p || str_is(m->u.fs.root, "workspace"))
		return;
	bool known = false;
	for (size_t i = 0; i < s->tools.n_roots; i++) {
		names[i] = str_cstr(w->a, s->tools.roots[i].name);
		known |= str_eq(s->tools.roots[i].name, m->u.fs.root);
	}
	if (!known)
		diag_error(w->d, m->place, "tool \"" STR_FMT "\": agentd.yaml has no directory \"" STR_FMT "\"%s",
			   STR_ARG(m->contract.name), STR_ARG(m->u.fs.root),
			   load_nearest(w->d, w->a, m->u.fs.root, names, s->tools.n_roots));
}

/* --- policies --- */

/* A policy whose own tests fail does not say what its author means: it is refused. */
static const struct policy *read_policy(struct loading *w, const char *path, struct str text)
{
	const struct policy *p = policy_parse(w->a, path, text, w->d);
	if (p && !w->outside)
		policy_test(p, w->d);
	return p;
}

static void load_policy(struct loading *w)
{
	struct str text;
	const char *path = below(w, "policies/risk.yaml");
	if (read_file(w->a, w->d, path, &text) > 0)
		w->c->policy = read_policy(w, path, text);
}

static void load_routing(struct loading *w)
{
	struct str text;
	const char *path = below(w, "policies/routing.yaml");
	if (read_file(w->a, w->d, path, &text) > 0)
		w->c->routing = routing_parse(w->a, path, text, w->d);
}

/* What workflows and tools are linked with. */
static void load_ground(struct loading *w)
{
	struct str text;
	const char *path = below(w, "agentd.yaml");
	load_routing(w);
	if (read_file(w->a, w->d, path, &text) > 0)
		w->settings = settings_parse(w->a, path, text, w->d);
}

/* --- workflows --- */

struct disk {
	struct source source;		/* first: callbacks cast */
	struct loading *w;
	int dirfd;			/* of the workflow's directory */
	bool linked;			/* tools and tiers are known */
};

static int disk_read(const struct source *s, const char *path, struct str *ret, struct err *err)
{
	const struct disk *k = (const struct disk *)s;
	int fd = file_open_beneath(k->dirfd, path, O_RDONLY | O_CLOEXEC, 0, err);
	if (fd < 0)
		return -1;
	int rc = file_read_fd(k->w->a, fd, CATALOG_FILE_BYTES, ret, err);
	close(fd);
	return rc;
}

static const struct contract *disk_contract(const struct source *s, struct str tool, const char **near)
{
	const struct disk *k = (const struct disk *)s;
	struct loading *w = k->w;
	const struct manifest *m = find_tool(w->tools, w->n_tools, tool);
	if (m)
		return &m->contract;
	if (!k->linked) {	/* a file on its own: take its word */
		struct contract *c = ARENA_NEW(w->a, struct contract);
		*c = (struct contract){.name = tool, .description = STR(""), .args = json_empty_object()};
		return c;
	}
	const char **names = ARENA_ARRAY(w->a, w->n_tools + 1, const char *);
	for (size_t i = 0; i < w->n_tools; i++)
		names[i] = str_cstr(w->a, w->tools[i]->contract.name);
	*near = w->n_tools ? str_nearest(tool, names, w->n_tools) : NULL;
	return NULL;
}

static const char *disk_tier(const struct source *s, struct str tier)
{
	const struct disk *k = (const struct disk *)s;
	const struct routing *r = k->w->c->routing;
	const struct tier *t = routing_tier(r, tier);
	if (!k->linked)
		return NULL;
	if (t)
		return t->embeds ? "makes embeddings: no step can ask it" : NULL;
	const char **names = ARENA_ARRAY(k->w->a, r ? r->n_tiers + 1 : 1, const char *);
	for (size_t i = 0; r && i < r->n_tiers; i++)
		names[i] = str_cstr(k->w->a, r->tiers[i].name);
	const char *near = r && r->n_tiers ? str_nearest(tier, names, r->n_tiers) : NULL;
	return near ? arena_printf(k->w->a, "does not exist (did you mean \"%s\"?)", near) : "does not exist";
}

static const struct manifest *loaded_tool(const void *arg, struct str name)
{
	const struct loading *w = arg;
	return find_tool(w->tools, w->n_tools, name);
}

static void check_lanes(struct loading *w, const struct workflow *flow)
{
	struct lane_needs needs = lane_needs_of(w->a, flow, loaded_tool, w);
	lane_check_workflow(w->a, w->d, flow, &needs, w->settings);
}

/* name is for places; prompts and schemas are read below dir. */
static bool load_workflow_text(struct loading *w, const char *name, const char *dir, struct str text, bool linked,
			       struct bundle *ret)
{
	struct disk k = {{disk_read, disk_contract, disk_tier, NULL}, w, -1, linked};
	k.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct source_file *files;
	size_t n;
	const struct workflow *flow = workflow_compile(w->a, &k.source, name, text, w->d, &files, &n);
	if (k.dirfd >= 0)
		close(k.dirfd);
	if (flow && linked)
		check_lanes(w, flow);
	if (flow)
		bundle_make(w->a, flow, text, files, n, ret);
	return flow != NULL;
}

static bool load_workflow(struct loading *w, const char *path, bool linked, struct bundle *ret)
{
	struct str text, dir = str_from(path);
	if (read_file(w->a, w->d, path, &text) <= 0)
		return false;
	while (dir.n && dir.p[dir.n - 1] != '/')
		dir.n--;
	return load_workflow_text(w, path, dir.n ? str_cstr(w->a, dir) : ".", text, linked, ret);
}

static int compare_bundles(const void *a, const void *b)
{
	return str_cmp(((const struct bundle *)a)->name, ((const struct bundle *)b)->name);
}

static void load_workflows(struct loading *w)
{
	size_t n;
	const char **names = list(w, "workflows", &n);
	w->bundles = ARENA_ARRAY(w->a, n + 1, struct bundle);
	for (size_t i = 0; i < n; i++) {
		const char *path = below(w, arena_printf(w->a, "workflows/%s", names[i]));
		struct bundle *b = &w->bundles[w->n_bundles];
		if (!load_workflow(w, path, true, b))
			continue;
		for (size_t k = 0; k < w->n_bundles; k++)
			if (str_eq(w->bundles[k].name, b->name))
				diag_error(w->d, ((struct place){path, 1, 1}), "workflow \"" STR_FMT "\" is given twice: first in %s",
					   STR_ARG(b->name), w->bundles[k].workflow->file);
		w->n_bundles++;
	}
	if (w->n_bundles)
		qsort(w->bundles, w->n_bundles, sizeof(*w->bundles), compare_bundles);
	w->c->bundles = w->bundles;
	w->c->n_bundles = w->n_bundles;
}

/* --- hooks --- */

static const struct hook *find_hook(const struct hook *const *hooks, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(hooks[i]->name, name))
			return hooks[i];
	return NULL;
}

static int compare_hooks(const void *a, const void *b)
{
	return str_cmp((*(const struct hook *const *)a)->name, (*(const struct hook *const *)b)->name);
}

static void load_hooks(struct loading *w)
{
	size_t n;
	const char **names = list(w, "hooks", &n);
	const struct hook **hooks = ARENA_ARRAY(w->a, n + 1, const struct hook *);
	for (size_t i = 0; i < n; i++) {
		const char *path = below(w, arena_printf(w->a, "hooks/%s", names[i]));
		struct str text;
		if (read_file(w->a, w->d, path, &text) <= 0)
			continue;
		const struct hook *h = hook_parse(w->a, path, text, w->d);
		const struct hook *other = h ? find_hook(hooks, w->c->n_hooks, h->name) : NULL;
		if (other)
			diag_error(w->d, h->place, "hook \"" STR_FMT "\" is given twice: first in %s", STR_ARG(h->name), other->place.file);
		else if (h)
			hooks[w->c->n_hooks++] = h;
	}
	if (w->c->n_hooks)
		qsort(hooks, w->c->n_hooks, sizeof(*hooks), compare_hooks);
	w->c->hooks = hooks;
}

static void link_hook(struct loading *w, const struct hook *h)
{
	const char **names = ARENA_ARRAY(w->a, w->n_bundles + 1, const char *);
	for (size_t i = 0; i < w->n_bundles; i++) {
		names[i] = str_cstr(w->a, w->bundles[i].name);
		if (str_eq(w->bundles[i].name, h->workflow))
			return;
	}
	diag_error(w->d, h->workflow_place, "there is no workflow \"" STR_FMT "\"%s", STR_ARG(h->workflow),
		   load_nearest(w->d, w->a, h->workflow, names, w->n_bundles));
}

const struct catalog *catalog_load(struct arena *a, const char *root, struct diags *d)
{
	size_t before = diag_errors(d);
	struct loading w = {.a = a, .d = d, .root = root, .c = ARENA_NEW(a, struct catalog)};
	load_policy(&w);
	load_ground(&w);
	load_tools(&w);
	for (size_t i = 0; w.settings && i < w.n_tools; i++)
		link_settings(&w, w.tools[i]);
	size_t before_workflows = diag_errors(d);
	load_workflows(&w);
	bool whole = diag_errors(d) == before_workflows;
	load_hooks(&w);
	for (size_t i = 0; whole && i < w.c->n_hooks; i++)	/* else a workflow may be missing only because of its own errors */
		link_hook(&w, w.c->hooks[i]);
	return diag_errors(d) > before ? NULL : w.c;
}

const struct catalog *catalog_load_web(struct arena *a, const char *root, struct diags *d)
{
	size_t before = diag_errors(d);
	struct loading w = {.a = a, .d = d, .root = root, .c = ARENA_NEW(a, struct catalog)};
	load_policy(&w);
	load_hooks(&w);
	load_routing(&w);
	return diag_errors(d) > before ? NULL : w.c;
}

/* --- one file --- */

enum file_kind { FILE_WORKFLOW, FILE_ROUTING, FILE_POLICY, FILE_TOOL, FILE_HOOK, FILE_SETTINGS, FILE_UNKNOWN };

static enum file_kind kind_by_path(struct arena *a, struct str path)
{
	static const struct {
		const char *name;
		enum file_kind kind;
	} dirs[] = {{"tools.d", FILE_TOOL}, {"workflows", FILE_WORKFLOW}, {"hooks", FILE_HOOK}};
	if (str_ends(path, STR("policies/routing.yaml")))
		return FILE_ROUTING;
	if (str_ends(path, STR("policies/risk.yaml")))
		return FILE_POLICY;
	if (str_ends(path, STR("agentd.yaml")))
		return FILE_SETTINGS;
	ptrdiff_t slash = -1;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/')
			slash = (ptrdiff_t)i;
	struct str dir = slash < 0 ? STR("") : str_sub(path, 0, (size_t)slash);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (str_is(dir, dirs[i].name) || str_ends(dir, str_from(arena_printf(a, "/%s", dirs[i].name))))
			return dirs[i].kind;
	return FILE_UNKNOWN;
}

static enum file_kind kind_by_keys(const struct yaml *root)
{
	static const struct {
		const char *key;
		enum file_kind kind;
	} marks[] = {{"steps", FILE_WORKFLOW},	  {"verify", FILE_HOOK},
		     {"input", FILE_WORKFLOW},	  {"retain", FILE_WORKFLOW},
		     {"providers", FILE_ROUTING}, {"tiers", FILE_ROUTING},	   {"models", FILE_ROUTING},
		     {"rules", FILE_POLICY},	  {"effect", FILE_TOOL},	   {"args", FILE_TOOL},
		     {"http", FILE_TOOL},	  {"exec", FILE_TOOL},		   {"database", FILE_SETTINGS},
		     {"worker", FILE_SETTINGS},	  {"web", FILE_SETTINGS},	   {"sweeper", FILE_SETTINGS},
		     {"tools", FILE_SETTINGS},	  {"config_dir", FILE_SETTINGS}};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (yaml_get(root, marks[i].key))
			return marks[i].kind;
	return FILE_UNKNOWN;
}

static enum file_kind kind_of(struct arena *a, const char *path, struct str text, struct diags *d)
{
	enum file_kind kind = kind_by_path(a, str_from(path));
	if (kind != FILE_UNKNOWN)
		return kind;
	const struct yaml *root = yaml_parse(a, path, text, d);
	kind = root ? kind_by_keys(root) : FILE_UNKNOWN;
	if (root && kind == FILE_UNKNOWN)
		diag_add(d, DIAG_ERROR, root->at,
			 "a workflow has steps, a tool has args, routing has tiers, a policy has rules, a hook has verify",
			 "cannot tell what kind of file this is");
	return kind;
}

static void load_links(struct loading *w)
{
	load_ground(w);
	load_tools(w);
}

static void load_all_workflows(struct loading *w)
{
	load_links(w);
	load_workflows(w);
}

/* What else stands in the root matters for links only: its own mistakes are not this file's. */
static bool load_neighbours(struct loading *w, void load(struct loading *w))
{
	if (!w->root)
		return false;
	struct diags *d = w->d;
	w->d = diags_new(w->a);
	load(w);
	bool ok = !diag_errors(w->d);
	w->d = d;
	return ok;
}

/* dir: where a workflow's prompts stand. */
static void check_text(struct loading *w, const char *name, const char *dir, struct str text)
{
	struct bundle bundle;
	const struct manifest *m;
	const struct hook *h;
	switch (kind_of(w->a, name, text, w->d)) {
	case FILE_WORKFLOW:
		load_workflow_text(w, name, dir, text, load_neighbours(w, load_links), &bundle);
		break;
	case FILE_ROUTING:
		routing_parse_beneath(w->a, name, w->outside ? below(w, "policies") : NULL, text, w->d);
		break;
	case FILE_POLICY:
		read_policy(w, name, text);
		break;
	case FILE_TOOL:
		m = manifest_parse(w->a, name, text, w->d);
		load_neighbours(w, load_links);
		if (m && w->settings)
			link_settings(w, m);
		break;
	case FILE_HOOK:
		h = hook_parse(w->a, name, text, w->d);
		if (h && load_neighbours(w, load_all_workflows))
			link_hook(w, h);
		break;
	case FILE_SETTINGS:
		settings_parse(w->a, name, text, w->d);
		break;
	case FILE_UNKNOWN:
		break;
	}
}

void catalog_check_file(struct arena *a, const char *path, struct diags *d)
{
	struct loading w = {.a = a, .d = d, .root = catalog_root(a, path, NULL), .c = ARENA_NEW(a, struct catalog)};
	struct str text, dir = str_from(path);
	int rc = read_file(a, d, path, &text);
	if (rc == 0)
		diag_error(d, ((struct place){path, 0, 0}), "there is no such file");
	if (rc <= 0)
		return;
	while (dir.n && dir.p[dir.n - 1] != '/')
		dir.n--;
	check_text(&w, path, dir.n ? str_cstr(a, dir) : ".", text);
}

/* DIR/NAME.yaml of plain characters: a name from outside must not lead anywhere else. */
static bool is_plain_name(struct str name)
{
	static const char *const dirs[] = {"workflows/", "tools.d/", "policies/", "hooks/"};
	struct str rest = STR_NONE;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (str_starts(name, str_from(dirs[i])))
			rest = str_sub(name, strlen(dirs[i]), name.n);
	if (rest.n < 6 || rest.n > 100 || rest.p[0] == '.' || !str_ends(rest, STR(".yaml")))
		return str_is(name, "agentd.yaml");
	for (size_t i = 0; i < rest.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", rest.p[i]))
			return false;
	return true;
}

void catalog_check_text(struct arena *a, const char *root, const char *name, struct str text, struct diags *d)
{
	struct loading w = {.a = a, .d = d, .root = root, .c = ARENA_NEW(a, struct catalog), .outside = true};
	if (!is_plain_name(str_from(name))) {
		diag_error(d, ((struct place){name, 0, 0}),
			   "expected a name like workflows/NAME.yaml, tools.d/NAME.yaml, hooks/NAME.yaml or policies/NAME.yaml");
		return;
	}
	check_text(&w, name, below(&w, "workflows"), text);
}

/* --- looking up --- */

static bool holds_workflows(struct arena *a, const char *dir)
{
	return is_there(arena_printf(a, "%s/workflows", dir));
}

const char *catalog_root(struct arena *a, const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		err_set(err, ERR_NOT_FOUND, "\"%s\" does not exist", path);
		return NULL;
	}
	/* Parents by the path as given, so that places read as the user would name them. */
	struct str at = str_from(path);
	for (;;) {
		const char *dir = at.n ? str_cstr(a, at) : path[0] == '/' ? "/" : ".";
		if (!at.n && !strncmp(path, "..", 2))	/* above it the path says nothing */
			break;
		if (holds_workflows(a, dir))
			return dir;
		if (!at.n)
			break;
		while (at.n && at.p[at.n - 1] == '/')
			at.n--;
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		while (at.n > 1 && at.p[at.n - 1] == '/')
			at.n--;
	}
	char *full = path[0] == '/' ? NULL : realpath(path, NULL);
	const char *found = full ? catalog_root(a, full, NULL) : NULL;
	free(full);
	if (!found)
		err_set(err, ERR_NOT_FOUND, "neither \"%s\" nor a directory above it holds workflows/", path);
	return found;
}

const struct manifest *catalog_tool(const struct catalog *c, struct str name)
{
	return find_tool(c->tools, c->n_tools, name);
}

const struct hook *catalog_hook(const struct catalog *c, struct str name)
{
	return find_hook(c->hooks, c->n_hooks, name);
}
