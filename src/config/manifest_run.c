/* manifest_run.c - the runners of tools: http, exec, fs, artifact. */
#include <stdlib.h>

#include "base/address.h"
#include "base/arena.h"
#include "config/expr.h"
#include "config/manifest_load.h"

static const char *const http_roots[] = {"args", "credentials", "effect_key", "task"};
static const char *const http_result_roots[] = {"status", "headers", "body"};
static const char *const argv_roots[] = {"args", "effect_key", "task"};
static const char *const env_roots[] = {"args", "credentials", "effect_key", "task"};
static const char *const exec_result_roots[] = {"exit_status", "stdout", "stderr", "json"};
#define ROOTS(l, array) load_roots((l), (array), sizeof(array) / sizeof((array)[0]))

static const char *const method_words[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", NULL};
static const char *const verb_words[] = {"read", "write", "list", NULL};
static const char *const artifact_words[] = {"read", "write", "list", "fetch", NULL};

static key_read_fn read_method, read_text_tmpl, read_headers, read_http_result, read_allow, read_argv, read_env,
	read_exec_result, read_cpu;

static const struct key http_keys[] = {
	{.name = "method", .type = KEY_ENUM, .offset = offsetof(struct runner_http, method), .words = method_words,
	 .read = read_method, .preset = "GET", .text = "Method of the request."},
	{.name = "url", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct runner_http, url),
	 .read = read_text_tmpl, .text = "Address; may hold ${ } over args, credentials, effect_key and task."},
	{.name = "headers", .type = KEY_ANY, .offset = offsetof(struct runner_http, headers), .read = read_headers,
	 .text = "Headers by name."},
	{.name = "json", .type = KEY_TMPL, .offset = offsetof(struct runner_http, json), .text = "Body as JSON."},
	{.name = "body", .type = KEY_TMPL, .offset = offsetof(struct runner_http, body), .read = read_text_tmpl,
	 .text = "Body as text."},
	{.name = "result", .type = KEY_EXPR, .offset = offsetof(struct runner_http, result), .read = read_http_result,
	 .text = "Shapes {status, headers, body}; default: the JSON body, or {status, text}."},
	{.name = "allow", .type = KEY_TEXTS, .offset = offsetof(struct runner_http, allow), .read = read_allow,
	 .text = "Private networks (CIDR) that this tool may reach."},
	{.name = "max_redirects", .type = KEY_INT, .offset = offsetof(struct runner_http, max_redirects), .max = 20,
	 .preset = "5", .text = "Most redirects followed, for GET and HEAD."},
};
const struct key_table http_table = {"http", KEYS(http_keys), "A tool that sends an HTTP request."};

static const struct key exec_keys[] = {
	{.name = "argv", .type = KEY_ANY, .flags = KEY_REQUIRED, .offset = offsetof(struct runner_exec, argv),
	 .read = read_argv, .text = "Program and arguments; each element is one argument, whatever it holds."},
	{.name = "env", .type = KEY_ANY, .offset = offsetof(struct runner_exec, env_names), .read = read_env,
	 .text = "The whole environment; credentials go here."},
	{.name = "stdin", .type = KEY_TMPL, .offset = offsetof(struct runner_exec, stdin_text), .read = read_text_tmpl,
	 .text = "Standard input; anything but text goes as compact JSON."},
	{.name = "result", .type = KEY_EXPR, .offset = offsetof(struct runner_exec, result), .read = read_exec_result,
	 .text = "Shapes {exit_status, stdout, stderr, json}; default: the first three."},
	{.name = "workspace", .type = KEY_BOOL, .offset = offsetof(struct runner_exec, workspace), .preset = "false",
	 .text = "Run in the task's workspace instead of /."},
	{.name = "cpu", .type = KEY_DURATION, .offset = offsetof(struct runner_exec, max_cpu_s), .min = 1000,
	 .read = read_cpu, .text = "Most processor time, in whole seconds; default: no limit."},
	{.name = "memory", .type = KEY_SIZE, .offset = offsetof(struct runner_exec, max_memory_bytes), .min = 1 << 20,
	 .text = "Most memory; default: no limit."},
};
const struct key_table exec_table = {"exec", KEYS(exec_keys), "A tool that runs a program."};

static const struct key fs_keys[] = {
	{.name = "verb", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct runner_fs, verb),
	 .words = verb_words, .text = "What the tool does with files."},
	{.name = "root", .type = KEY_TEXT, .offset = offsetof(struct runner_fs, root),
	 .pattern = "^[a-z][a-z0-9_-]{0,62}$", .pattern_text = "workspace or the name of a directory in agentd.yaml",
	 .text = "workspace, or a directory of agentd.yaml; default: args.root chooses."},
};
const struct key_table fs_table = {"fs", KEYS(fs_keys), "A tool that reads or writes files."};

static const struct key artifact_keys[] = {
	{.name = "verb", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct runner_artifact, verb),
	 .words = artifact_words, .text = "What the tool does with the artifacts of its task."},
};
const struct key_table artifact_table = {"artifact", KEYS(artifact_keys), "A tool that reads or writes artifacts."};

void load_roots(struct load *l, const char *const *roots, size_t n)
{
	l->roots = roots;
	l->n_roots = n;
}

static void *slot(void *out, const struct key *k)
{
	return (char *)out + k->offset;
}

/* --- http --- */

static void read_method(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int word = 0;
	key_read_plain(l, k, v, &word, 0);
	((struct runner_http *)out)->method = method_words[word];
}

static void read_text_tmpl(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind != YAML_SCALAR || v->value == YAML_NULL)
		diag_error(l->d, v->at, "\"%s\": expected text, got %s", k->name, yaml_describe(v));
	else
		*(const struct tmpl **)slot(out, k) = load_tmpl(l, v);
}

static bool header_ok(struct load *l, const struct yaml *name)
{
	static const char *const own[] = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade",
					  "te", "trailer"};
	if (!load_name(l, name, "name of a header", "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$", "letters, digits and -"))
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (name->text.n == strlen(own[i]) && !strncasecmp(name->text.p, own[i], name->text.n)) {
			diag_error(l->d, name->at, "the header \"" STR_FMT "\" is set by the program itself", STR_ARG(name->text));
			return false;
		}
	}
	return true;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return true;
	return false;
}

static void read_headers(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct runner_http *h = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct tmpl_header *headers = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct tmpl_header);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *val = v->pairs[i].value;
		if (!header_ok(l, v->pairs[i].key))
			continue;
		if (val->kind != YAML_SCALAR || val->value == YAML_NULL || has_control(val->text))
			diag_error(l->d, val->at, "\"headers\": expected one line of text, got %s",
				   yaml_is_text(val) ? "control characters" : yaml_describe(val));
		else
			headers[h->n_headers++] = (struct tmpl_header){v->pairs[i].key->text, load_tmpl(l, val)};
	}
	h->headers = headers;
}

static void read_result(struct load *l, const struct key *k, const struct yaml *v, void *out, const char *const *roots,
			size_t n)
{
	const char *const *before = l->roots;
	size_t n_before = l->n_roots;
	load_roots(l, roots, n);
	*(const struct expr **)slot(out, k) = load_expr(l, v, k->name);
	load_roots(l, before, n_before);
}

static void read_http_result(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	read_result(l, k, v, out, http_result_roots, 3);
}

static void read_allow(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct runner_http *h = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	struct cidr *list = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct cidr);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];
		if (item->kind == YAML_SCALAR && cidr_parse(item->text, &list[h->n_allow]))
			h->n_allow++;
		else
			diag_error(l->d, item->at, "\"allow\": expected a network such as 10.1.0.0/16 with no bit set behind it");
	}
	h->allow = list;
}

static bool is_safe_method(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static void check_http(struct manifest_load *w, const struct manifest *m, const struct yaml *map)
{
	struct diags *d = w->l.d;
	const struct runner_http *h = &m->u.http;
	const struct yaml *json = yaml_get(map, "json"), *body = yaml_get(map, "body"), *url = yaml_get(map, "url");
	if (json && body)
		diag_error(d, body->at, "\"json\" and \"body\" exclude each other");
	if (h->method && is_safe_method(h->method) && (json || body))
		diag_error(d, (json ? json : body)->at, "a %s request has no body", h->method);
	if (url && url->kind == YAML_SCALAR && !str_starts(url->text, STR("https://")) &&
	    !str_starts(url->text, STR("http://")) && !str_starts(url->text, STR("${")))
		diag_error(d, url->at, "\"url\": expected an address that begins with https:// or http://");
	if (m == w->m->ask && h->method && !is_safe_method(h->method))
		diag_error(d, map->at, "a query changes nothing: expected the method GET or HEAD, got %s", h->method);
	if (m == w->m && h->method && m->contract.effect == EFFECT_IDEMPOTENT && !w->sends_effect_key &&
	    (!strcmp(h->method, "POST") || !strcmp(h->method, "PATCH")))
		diag_add(d, DIAG_WARNING, map->at, "send ${ .effect_key } in a header or the body, or use at_most_once",
			 "the effect is idempotent, but a repeated %s carries no key by which it could be recognised",
			 h->method);
}

/* --- exec --- */

static void read_argv(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct runner_exec *e = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (!v->n) {
		diag_error(l->d, v->at, "\"argv\" is empty: it begins with the program");
		return;
	}
	const struct tmpl **argv = ARENA_ARRAY(l->a, v->n, const struct tmpl *);
	ROOTS(l, argv_roots);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];
		if (item->kind != YAML_SCALAR || item->value == YAML_NULL || (!i && !item->text.n))
			diag_error(l->d, item->at, "\"argv\": expected text, got %s", yaml_describe(item));
		else if (!i && str_find(item->text, STR("${")) >= 0)
			diag_error(l->d, item->at, "\"argv\": the program must be a constant");
		else
			argv[i] = load_tmpl(l, item);
	}
	ROOTS(l, env_roots);
	e->argv = argv;
	e->n_argv = v->n;
}

static void read_env(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct runner_exec *e = out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	struct str *names = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct str);
	const struct tmpl **values = ARENA_ARRAY(l->a, v->n ? v->n : 1, const struct tmpl *);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *val = v->pairs[i].value;
		load_name(l, v->pairs[i].key, "name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
			  "letters, digits and _");
		if (val->kind != YAML_SCALAR || val->value == YAML_NULL) {
			diag_error(l->d, val->at, "\"env\": expected text, got %s", yaml_describe(val));
			continue;
		}
		names[e->n_env] = v->pairs[i].key->text;
		values[e->n_env++] = load_tmpl(l, val);
	}
	e->env_names = names;
	e->env_values = values;
}

static void read_exec_result(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	read_result(l, k, v, out, exec_result_roots, 4);
}

static void read_cpu(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int64_t ms = 0;
	key_read_plain(l, k, v, &ms, 0);
	if (ms % 1000)
		diag_error(l->d, v->at, "\"cpu\": expected whole seconds, got " STR_FMT, STR_ARG(v->text));
	((struct runner_exec *)out)->max_cpu_s = ms / 1000;
}

static void check_nothing(struct manifest_load *w, const struct manifest *m, const struct yaml *map)
{
	(void)w;
	(void)m;
	(void)map;
}

const struct runner_row runner_rows[] = {
	{"http", RUNNER_HTTP, &http_table, check_http},
	{"exec", RUNNER_EXEC, &exec_table, check_nothing},
	{"fs", RUNNER_FS, &fs_table, check_nothing},
	{"artifact", RUNNER_ARTIFACT, &artifact_table, check_nothing},
};
const size_t n_runner_rows = sizeof(runner_rows) / sizeof(runner_rows[0]);

void read_runner(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct manifest *m = out;
	for (size_t i = 0; i < n_runner_rows; i++) {
		if (strcmp(runner_rows[i].name, k->name) != 0)
			continue;
		m->runner = runner_rows[i].kind;
		memset(&m->u, 0, sizeof(m->u));
		if (m->runner == RUNNER_EXEC)
			ROOTS(l, env_roots);
		else
			ROOTS(l, http_roots);
		keys_read(l, k->table, v, &m->u);
	}
}
