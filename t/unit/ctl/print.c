/* print.c - what reaches the terminal, and the arguments of agentctl's commands. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/uuid.h"
#include "ctl/ctl.h"
#include "../suite_run.h"

static struct ctl c;
static int saved[2];
static FILE *taken;

/* Standard output or error into a file, until the text is asked for. */
static void take(int fd)
{
	fflush(stdout);
	taken = tmpfile();
	saved[0] = fd;
	saved[1] = dup(fd);
	ck_assert_int_ge(dup2(fileno(taken), fd), 0);
}

static const char *taken_text(void)
{
	static char text[4096];
	size_t n;

	fflush(stdout);
	fflush(stderr);
	dup2(saved[1], saved[0]);
	close(saved[1]);
	rewind(taken);
	n = fread(text, 1, sizeof text - 1, taken);
	text[n] = '\0';
	fclose(taken);
	return text;
}

static void setup(void)
{
	c = (struct ctl){.arena = arena_new(NULL)};
}

static void teardown(void)
{
	arena_free(c.arena);
}

static const struct {
	const char *text, *shown;
} hostile[] = {
	{"plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"two\nlines\tand a tab", "two\nlines\tand a tab"},
	{"\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"},
	{"over\rwritten\b\a", "over\\u000dwritten\\u0008\\u0007"},
	{"c1 \xc2\x9b" "2J", "c1 \\u009b2J"},
	{"bidi \xe2\x80\xae" "cod", "bidi \\u202ecod"},
	{"nothing \xe2\x80\x8b here\xef\xbb\xbf", "nothing \\u200b here\\ufeff"},
	{"soft \xc2\xad mark \xd8\x9c line \xe2\x80\xa8", "soft \\u00ad mark \\u061c line \\u2028"},
	{"tag \xf3\xa0\x81\xa1", "tag \\U000e0061"},
	{"bytes \xff\xfe \xc3", "bytes \\xff\\xfe \\xc3"},
	{"cut \xe2\x82", "cut \\xe2\\x82"},
	{"\x7f", "\\u007f"},
	{"", ""},
};

START_TEST(texts)
{
	take(STDOUT_FILENO);
	print_text(str_from(hostile[_i].text));
	ck_assert_str_eq(taken_text(), hostile[_i].shown);
	take(STDERR_FILENO);
	print_error(hostile[_i].text);
	ck_assert_str_eq(taken_text(), arena_printf(c.arena, "agentctl: %s\n", hostile[_i].shown));
}
END_TEST

static struct str twice(struct arena *a, const struct json *row)
{
	return str_from(arena_printf(a, STR_FMT STR_FMT, STR_ARG(cell(row, "a")), STR_ARG(cell(row, "a"))));
}

START_TEST(tables)
{
	static const struct column columns[] = {{"A", "a", NULL}, {"TWICE", NULL, twice}, {"B", "b", NULL}};
	const struct json *rows;
	struct err err;

	ck_assert_int_eq(json_parse(c.arena, STR("[{\"a\": \"x\", \"b\": null}, {\"a\": \"\\u001b\\n\", \"b\": 1.50}, {\"b\": true, \"a\": {}}]"),
				    NULL, &rows, &err), 0);
	take(STDOUT_FILENO);
	print_rows(&c, rows, columns, 3);
	ck_assert_str_eq(taken_text(), "A             TWICE                     B\n"
				       "x             xx                        \n"
				       "\\u001b\\u000a  \\u001b\\u000a\\u001b\\u000a  1.50\n"
				       "                                        yes\n");
}
END_TEST

/* Errors are one JSON value on standard output with --json, and nothing else. */
START_TEST(failures)
{
	static const struct command cmd = {"get", "TASK", "", NULL};
	const struct json *v;
	struct err err = {0};
	const char *text;

	err_set(&err, ERR_NOT_FOUND, "no task \"\x1b\xff\"");
	err_hint(&err, "look again");
	c.json = true;
	take(STDOUT_FILENO);
	ck_assert_int_eq(ctl_fail(&c, &err), 3);
	text = taken_text();
	ck_assert_int_eq(json_parse(c.arena, str_trim(str_from(text)), NULL, &v, &err), 0);
	ck_assert(str_is(json_str(json_getc(v, "error")), "not_found"));
	ck_assert(str_is(json_str(json_getc(v, "hint")), "look again"));
	take(STDOUT_FILENO);
	ck_assert_int_eq(ctl_usage(&c, &cmd), 2);
	text = taken_text();
	ck_assert_int_eq(json_parse(c.arena, str_trim(str_from(text)), NULL, &v, &err), 0);
	ck_assert(str_is(json_str(json_getc(v, "error")), "usage"));
	c.json = false;
	take(STDERR_FILENO);
	ck_assert_int_eq(ctl_usage(&c, &cmd), 2);
	ck_assert_str_eq(taken_text(), "usage: agentctl get TASK\n");
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *arg;
		int value;	/* 0: refused */
	} cases[] = {{"1", 1},	   {"200", 200}, {"201", 0}, {"0", 0},	     {"-1", 0},	    {"", 0},	     {"20x", 0},
		     {" 20", 0},   {"+20", 0},	 {"1e2", 0}, {"4294967297", 0}, {"99999999999999999999", 0}};
	struct err err = {0};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int v = 0, rc = ctl_int_arg("--limit", cases[i].arg, 1, 200, &v, &err);

		ck_assert_msg(rc == (cases[i].value ? 0 : -1) && v == cases[i].value, "\"%s\"", cases[i].arg);
	}
	ck_assert_str_eq(err.msg, "--limit \"99999999999999999999\": expected 1 to 200");
}
END_TEST

START_TEST(pairs)
{
	struct str name, text;
	struct err err = {0};

	ck_assert_int_eq(ctl_pair_arg("--label", "a=b=c", &name, &text, &err), 0);
	ck_assert(str_is(name, "a") && str_is(text, "b=c"));
	ck_assert_int_eq(ctl_pair_arg("--label", "a=", &name, &text, &err), 0);
	ck_assert(str_is(text, ""));
	ck_assert_int_eq(ctl_pair_arg("--label", "=b", &name, &text, &err), -1);
	ck_assert_int_eq(ctl_pair_arg("--label", "ab", &name, &text, &err), -1);
	ck_assert_int_eq(ctl_pair_arg("--label", "a=\xff", &name, &text, &err), -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
}
END_TEST

/* The table of commands: names once, every row whole. */
START_TEST(commands)
{
	for (size_t i = 0; ctl_commands[i]; i++) {
		ck_assert(ctl_commands[i]->run && *ctl_commands[i]->help && ctl_commands[i]->args);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(ctl_commands[i]->name, ctl_commands[k]->name);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl/print");
	TCase *t = tcase_create("ctl");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, texts, 0, sizeof hostile / sizeof hostile[0]);
	tcase_add_test(t, tables);
	tcase_add_test(t, failures);
	tcase_add_test(t, numbers);
	tcase_add_test(t, pairs);
	tcase_add_test(t, commands);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
