/* exec.c - tools as programs: arguments, environment, limits, endings. */
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "caller.h"
#include "../suite_run.h"

static void setup(void)
{
	caller_begin();
	setenv("AGENTD_TEST_TOKEN", "s3cr3t-t0ken", 1);
	setenv("AGENTD_TEST_INHERITED", "no", 1);
}

/* Templates, NULL-ended. */
static struct manifest *program(const char *const *argv)
{
	struct manifest *m = manifest_new("sh.test", RUNNER_EXEC);
	const struct tmpl **v;
	size_t n = 0;

	while (argv[n])
		n++;
	v = ARENA_ARRAY(arena, n, const struct tmpl *);
	for (size_t i = 0; i < n; i++)
		v[i] = caller_tmpl(argv[i]);
	m->u.exec.argv = v;
	m->u.exec.n_argv = n;
	return m;
}

#define PROGRAM(...) program((const char *const[]){__VA_ARGS__, NULL})
#define SHELL(script) PROGRAM("sh", "-c", script)

static void env(struct manifest *m, const char *name, const char *value)
{
	struct str *names = ARENA_NEW(arena, struct str);
	const struct tmpl **values = ARENA_NEW(arena, const struct tmpl *);

	*names = str_from(name);
	*values = caller_tmpl(value);
	m->u.exec.env_names = names;
	m->u.exec.env_values = values;
	m->u.exec.n_env = 1;
}

START_TEST(gives_what_the_program_says)
{
	assert_gives(call(PROGRAM("echo", "hello"), "{}"), "{\"exit_status\":0,\"stdout\":\"hello\\n\",\"stderr\":\"\"}");
	assert_gives(call(SHELL("printf 'caf\\351' ; echo oops >&2"), "{}"),
		     "{\"exit_status\":0,\"stdout\":\"caf\xef\xbf\xbd\",\"stderr\":\"oops\\n\"}");
}
END_TEST

/* Each would do something in a shell. */
static const char *const hostile[] = {
	"; echo pwned", "$(echo pwned)", "`echo pwned`", "| echo pwned", "&& echo pwned", "> /tmp/pwned", "\n echo pwned", "'; echo pwned; '",
	"\"; echo pwned; \"", "$HOME", "~", "*", "a b  c", "\\", "%s%n", "\xf0\x9f\x98\x80", "-n", "--help", "{a,b}", "!!", "#", "",
};

START_TEST(each_template_is_one_argument)
{
	struct manifest *m = PROGRAM("printf", "[%s]", "${ .args.x }");

	m->u.exec.result = caller_expr(".stdout");
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		struct json_builder b;
		struct answer r;

		json_object_begin(&b, arena);
		json_object_setc(&b, "x", json_stringc(arena, hostile[i]));
		r = call_json(m, json_object_end(&b));
		ck_assert_msg(r.err.code == ERR_NONE, "%s: %s", hostile[i], r.err.msg);
		ck_assert_str_eq(json_str(r.value).p, arena_printf(arena, "[%s]", hostile[i]));
	}
}
END_TEST

START_TEST(arguments_may_be_numbers_but_not_nothing)
{
	struct manifest *m = PROGRAM("echo", "${ .args.n }", "n=${ .args.n }");

	m->u.exec.result = caller_expr(".stdout");
	assert_gives(call(m, "{\"n\":7}"), "\"7 n=7\\n\"");
	assert_fails(call(m, "{}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(nothing_is_inherited)
{
	struct manifest *m = PROGRAM("env");

	m->u.exec.result = caller_expr(".stdout | split(\"\\n\") | map(select(. != \"\")) | sort");
	assert_gives(call(m, "{}"), "[\"HOME=/\",\"LANG=C.UTF-8\",\"PATH=/usr/bin:/bin\"]");
	env(m, "PATH", "/bin:/usr/bin:${ .args.x }");
	assert_gives(call(m, "{\"x\":\"y\"}"), "[\"HOME=/\",\"LANG=C.UTF-8\",\"PATH=/bin:/usr/bin:y\"]");
	m = SHELL("ls /proc/self/fd | wc -l; pwd; ulimit -c");
	m->u.exec.result = caller_expr(".stdout");
	assert_gives(call(m, "{}"), "\"4\\n/\\n0\\n\"");
}
END_TEST

START_TEST(credentials_go_by_the_environment)
{
	struct manifest *m = SHELL("echo \"$TOKEN\" | tr a-z A-Z; echo \"$TOKEN\"; echo \"$TOKEN\" >&2");

	caller_credential(m, "blog", "AGENTD_TEST_TOKEN");
	env(m, "TOKEN", "${ .credentials.blog }");
	assert_gives(call(m, "{}"), "{\"exit_status\":0,\"stdout\":\"S3CR3T-T0KEN\\n***\\n\",\"stderr\":\"***\\n\"}");
	m = SHELL("echo \"bad $TOKEN\" >&2; exit 3");
	caller_credential(m, "blog", "AGENTD_TEST_TOKEN");
	env(m, "TOKEN", "${ .credentials.blog }");
	struct answer r = call(m, "{}");

	assert_fails(r, ERR_TOOL_FAILED, TOOL_DONE);
	ck_assert_str_eq(r.err.msg, "program \"sh\" ended with status 3: bad ***");
	/* Argument lists can be read by others: there credentials are not given. */
	m = PROGRAM("echo", "${ .credentials.blog }");
	caller_credential(m, "blog", "AGENTD_TEST_TOKEN");
	assert_fails(call(m, "{}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(standard_input)
{
	struct manifest *m = PROGRAM("wc", "-c");
	struct json_builder b;
	char *text = arena_alloc(arena, 300001);

	memset(text, 'x', 300000);
	text[300000] = '\0';
	m->u.exec.stdin_text = caller_tmpl("${ .args.text }");
	m->u.exec.result = caller_expr(".json");
	json_object_begin(&b, arena);
	json_object_setc(&b, "text", json_stringc(arena, text));
	assert_gives(call_json(m, json_object_end(&b)), "300000");
	m->u.exec.stdin_text = NULL;
	assert_gives(call(m, "{}"), "0");
}
END_TEST

START_TEST(results_may_be_json)
{
	struct manifest *m = PROGRAM("echo", "${ .args.out }");

	m->u.exec.result = caller_expr(".json.a");
	assert_gives(call(m, "{\"out\":\"{\\\"a\\\":[1]}\"}"), "[1]");
	assert_gives(call(m, "{\"out\":\"none\"}"), "null");
	m->u.exec.result = caller_expr(".json | .a + 1");
	assert_fails(call(m, "{\"out\":\"{\\\"a\\\":[1]}\"}"), ERR_TOOL_OUTPUT, TOOL_DONE);
}
END_TEST

START_TEST(the_workspace_is_where_it_runs)
{
	struct manifest *m = SHELL("echo x > file; pwd; echo $HOME $TMPDIR");
	const char *ws = tools_workspace(arena, &settings, &task);

	m->u.exec.workspace = true;
	m->u.exec.result = caller_expr(".stdout");
	assert_gives(call(m, "{}"), arena_printf(arena, "\"%s\\n%s %s\\n\"", ws, ws, ws));
	ck_assert_str_eq(get_file(arena_printf(arena, "%s/file", ws)), "x\n");
}
END_TEST

START_TEST(failures)
{
	struct answer r;

	call_effect = EFFECT_PURE;
	r = call(PROGRAM("no-such-program-here"), "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	r = call(PROGRAM("/etc/passwd"), "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	r = call(PROGRAM("${ .args.program }"), "{\"program\":\"\"}");
	assert_fails(r, ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	r = call(PROGRAM("false"), "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_DONE);
	ck_assert(!r.err.retryable);
	r = call(SHELL("kill -SEGV $$"), "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(r.err.msg, "signal 11"));
}
END_TEST

START_TEST(time_ends_the_whole_group)
{
	static const enum effect_class classes[] = {EFFECT_PURE, EFFECT_IDEMPOTENT, EFFECT_AT_MOST_ONCE};
	struct manifest *m = SHELL("sleep 600 & echo $! > pid; wait");
	const char *ws = tools_workspace(arena, &settings, &task);

	m->u.exec.workspace = true;
	for (size_t i = 0; i < 3; i++) {
		const char *pid;
		struct answer r;

		call_effect = classes[i];
		call_timeout_ms = 300;
		r = call(m, "{}");
		assert_fails(r, ERR_TOOL_TIMEOUT, TOOL_UNKNOWN);
		ck_assert(r.err.retryable == (classes[i] != EFFECT_AT_MOST_ONCE));
		pid = get_file(arena_printf(arena, "%s/pid", ws));
		ck_assert_ptr_nonnull(pid);
		/* dead, though perhaps not yet reaped by its new parent */
		for (int tries = 0; tries < 1000 && kill((pid_t)strtol(pid, NULL, 10), 0) == 0; tries++) {
			const char *stat = get_file(arena_printf(arena, "/proc/%ld/stat", strtol(pid, NULL, 10)));

			if (stat && strstr(stat, ") Z"))
				break;
			ck_assert_int_lt(tries, 999);
			usleep(1000);
		}
	}
}
END_TEST

START_TEST(too_much_output)
{
	struct manifest *m = SHELL("yes | head -c 40000");
	struct answer r;

	assert_fails(call(m, "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
	m->truncate_output = true;
	r = call(m, "{}");
	ck_assert_msg(r.err.code == ERR_NONE && r.truncated, "%s", r.err.msg);
	assert_fails(call(PROGRAM("yes"), "{}"), ERR_TOOL_OUTPUT, TOOL_UNKNOWN);
	r = call(SHELL("yes | head -c 1000000 >&2"), "{}");
	assert_fails(r, ERR_TOOL_OUTPUT, TOOL_DONE);
}
END_TEST

START_TEST(cancelling_ends_the_program)
{
	struct answer r;
	struct op *op = call_start(SHELL("trap 'exit 0' TERM; while :; do sleep 0.05; done"), "{}", &r);

	for (int i = 0; i < 3; i++)
		op_cancel(op);
	call_wait();
	ck_assert_int_eq(r.err.code, ERR_CANCELLED);
	ck_assert_int_eq(r.outcome, TOOL_UNKNOWN);
	ck_assert_ptr_null(r.value);
}
END_TEST

START_TEST(limits_of_the_program)
{
	struct manifest *m = SHELL("while :; do :; done");
	struct answer r;

	m->u.exec.max_cpu_s = 1;
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_UNKNOWN);
	m = SHELL("head -c 2000000 /dev/zero > big");
	m->u.exec.workspace = true;
	assert_fails(call(m, "{}"), ERR_TOOL_FAILED, TOOL_DONE);
}
END_TEST

START_TEST(a_program_may_be_asked)
{
	struct manifest *m = PROGRAM("echo", "{\"decision\":\"did_not_happen\"}");

	m->u.exec.result = caller_expr(".json");
	ck_assert_int_eq(ask(m, "{}").what, SAID_DID_NOT_HAPPEN);
	m = PROGRAM("echo", "${ .effect_key }");
	m->u.exec.result = caller_expr("{decision: \"happened\", result: (.stdout | length)}");
	ck_assert_str_eq(ask(m, "{}").result, "65");
	m = SHELL("echo '{\"decision\":\"did_not_happen\"}'; exit 1");
	m->u.exec.result = caller_expr(".json");
	ck_assert_int_eq(ask(m, "{}").what, SAID_UNKNOWN);
	m = SHELL("kill -9 $$");
	m->u.exec.result = caller_expr(".json");
	ck_assert_int_eq(ask(m, "{}").what, SAID_UNKNOWN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec");
	TCase *t = tcase_create("exec");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, caller_end);
	tcase_add_test(t, gives_what_the_program_says);
	tcase_add_test(t, each_template_is_one_argument);
	tcase_add_test(t, arguments_may_be_numbers_but_not_nothing);
	tcase_add_test(t, nothing_is_inherited);
	tcase_add_test(t, credentials_go_by_the_environment);
	tcase_add_test(t, standard_input);
	tcase_add_test(t, results_may_be_json);
	tcase_add_test(t, the_workspace_is_where_it_runs);
	tcase_add_test(t, failures);
	tcase_add_test(t, time_ends_the_whole_group);
	tcase_add_test(t, too_much_output);
	tcase_add_test(t, cancelling_ends_the_program);
	tcase_add_test(t, limits_of_the_program);
	tcase_add_test(t, a_program_may_be_asked);
	suite_add_tcase(s, t);
	return suite_run(s);
}
