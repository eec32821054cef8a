/* caller.c - calls of tools for tests. */
#define _GNU_SOURCE
#include "caller.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "schema/schema.h"
#include "../write_file.h"

struct arena *arena;
struct settings settings;
struct loop *loop;
const char *dir;
struct uuid task;
enum effect_class call_effect;
int64_t call_timeout_ms;
struct str call_tool;

static struct http *http;
static struct tools *tools;
static bool over;

void caller_begin(void)
{
	const char *tmp = getenv("TMPDIR");
	char *name;

	arena = arena_new(NULL);
	name = arena_printf(arena, "%s/agentd-tools-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(name));
	dir = name;
	settings = (struct settings){.workspace_dir = path_of("ws")};
	settings.tools.workspace_bytes = 1 << 20;
	settings.tools.workspace_files = 100;
	loop = loop_new();
	http = http_new(loop);
	tools = tools_new(loop, http, &settings);
	task = uuid_new();
	call_effect = EFFECT_PURE;
	call_timeout_ms = 0;
	call_tool = STR_NONE;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void caller_end(void)
{
	tools_free(tools);
	http_free(http);
	loop_free(loop);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(arena);
}

const char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

void put_file(const char *path, const char *text)
{
	ck_assert_int_eq(write_file(path, str_from(text), 0644), 0);
}

const char *get_file(const char *path)
{
	struct str s;

	return file_read(arena, path, 1 << 24, &s, NULL) == 0 ? s.p : NULL;
}

/* --- manifests --- */

void caller_args(struct manifest *m, const char *schema)
{
	struct schema_faults faults = {.a = arena};

	m->contract.args = caller_json(schema);
	m->args_check = schema_compile(arena, m->contract.args, &faults);
	ck_assert_ptr_nonnull(m->args_check);
}

struct manifest *manifest_new(const char *name, enum runner_kind runner)
{
	struct manifest *m = ARENA_NEW(arena, struct manifest);

	m->contract.name = str_from(name);
	caller_args(m, "{\"type\":\"object\"}");
	m->timeout_ms = getenv("AGENTD_VALGRIND") ? 120000 : 10000;
	m->max_output_bytes = 32768;
	m->runner = runner;
	if (runner == RUNNER_HTTP) {
		m->u.http.method = "GET";
		m->u.http.max_redirects = 5;
	}
	return m;
}

void caller_credential(struct manifest *m, const char *handle, const char *env)
{
	struct str *handles = ARENA_NEW(arena, struct str);
	struct credential *c = ARENA_NEW(arena, struct credential);

	*handles = str_from(handle);
	m->credentials = handles;
	m->n_credentials = 1;
	if (!env)
		return;
	*c = (struct credential){*handles, env};
	settings.tools.credentials = c;
	settings.tools.n_credentials = 1;
}

const struct json *caller_json(const char *text)
{
	const struct json *v;
	struct err err;

	ck_assert_msg(json_parse(arena, str_from(text), NULL, &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

const struct tmpl *caller_tmpl(const char *text)
{
	const struct tmpl *t;
	struct expr_error e;

	ck_assert_msg(tmpl_parse(arena, str_from(text), &t, &e) == 0, "%s: %s", text, e.msg);
	return t;
}

const struct expr *caller_expr(const char *text)
{
	const struct expr *x;
	struct expr_error e;

	ck_assert_msg(expr_parse(arena, str_from(text), &x, &e) == 0, "%s: %s", text, e.msg);
	return x;
}

/* --- calls --- */

void caller_artifacts(const struct artifact_port *p)
{
	tools_set_artifacts(tools, p);
}

static void on_done(struct op *op, void *arg)
{
	struct answer *ret = arg;
	const struct tool_result *r = tools_result_of(op);

	*ret = (struct answer){.outcome = r->outcome, .err = *op->err, .truncated = r->truncated, .text = ""};
	if (r->value) {
		ret->value = json_copy(arena, r->value);
		ret->text = json_text(arena, ret->value).p;
	}
	over = true;
}

static void on_said(struct op *op, void *arg)
{
	struct said_answer *ret = arg;
	const struct tool_said *s = tools_said_of(op);

	*ret = (struct said_answer){.what = s->what, .err = *op->err, .result = ""};
	if (s->result)
		ret->result = json_text(arena, json_copy(arena, s->result)).p;
	over = true;
}

static struct tool_request request(const struct manifest *m, const struct json *args)
{
	struct tool_request req = {
		.tool = call_tool.p ? call_tool : m->contract.name,
		.args = args,
		.task = task,
		.fence = 1,
		.facts = caller_json("{\"id\":\"t1\"}"),
		.effect = call_effect,
		.timeout_ms = call_timeout_ms,
	};

	memset(req.effect_key.b, 0xab, sizeof req.effect_key.b);
	return req;
}

static struct op *start(const struct manifest *m, const struct json *args, struct answer *ret)
{
	struct tool_request req = request(m, args);

	tools_set_manifests(tools, &m, 1);
	over = false;
	return tools_call(tools, arena_new(NULL), &req, on_done, ret);
}

struct said_answer ask(const struct manifest *m, const char *args)
{
	struct manifest *tool = manifest_new("mail.send", RUNNER_FS);
	const struct manifest *v = tool;
	struct said_answer ret;
	struct tool_request req = request(tool, caller_json(args));

	/* what the call's arguments would have to be does not stop the query */
	caller_args(tool, "{\"type\":\"object\",\"required\":[\"other\"]}");
	tool->ask = m;
	tools_set_manifests(tools, &v, 1);
	over = false;
	tools_ask(tools, arena_new(NULL), &req, on_said, &ret);
	ck_assert_msg(!over, "the completion ran inside start");
	call_wait();
	return ret;
}

struct op *call_start(const struct manifest *m, const char *args, struct answer *ret)
{
	return start(m, caller_json(args), ret);
}

bool call_is_over(void)
{
	return over;
}

void call_wait(void)
{
	while (!over)
		loop_once(loop);
}

struct answer call_json(const struct manifest *m, const struct json *args)
{
	struct answer ret;

	start(m, args, &ret);
	ck_assert_msg(!over, "the completion ran inside start");
	call_wait();
	return ret;
}

struct answer call(const struct manifest *m, const char *args)
{
	return call_json(m, caller_json(args));
}
