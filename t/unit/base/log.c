/* log.c - lines that cannot be forged. */
#include "base/log.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "../suite_run.h"

static int saved_fd, pair[2];
static char got[65536];

/* Datagrams keep apart what was written apart: one write is one line. */
static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	saved_fd = dup(STDERR_FILENO);
	dup2(pair[1], STDERR_FILENO);
	clock_fake_us(INT64_C(1795455215123456));
	log_set_name("test");
	log_set_level(LOG_LEVEL_INFO);
}

static void teardown(void)
{
	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
	close(pair[0]);
	close(pair[1]);
	clock_fake_us(0);
}

/* What the next write(2) wrote; "" when there was none. */
static const char *line(void)
{
	ssize_t n = recv(pair[0], got, sizeof got - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static const char *head(const char *level)
{
	static char text[100];

	snprintf(text, sizeof text, "2026-11-23T17:33:35.123456Z %s test[%d] ", level, (int)getpid());
	return text;
}

static void expect(const char *level, const char *rest)
{
	char text[200];

	snprintf(text, sizeof text, "%s%s\n", head(level), rest);
	ck_assert_str_eq(line(), text);
}

START_TEST(lines)
{
	log_info("task.finished", "task=%s state=%s n=%d", "T", "succeeded", 7);
	expect("info", "task.finished task=T state=succeeded n=7");
	log_error("boot", "%s", "");
	expect("error", "boot");
	ck_assert_str_eq(line(), "");
}
END_TEST

START_TEST(levels)
{
	enum log_level l = LOG_LEVEL_DEBUG;

	log_debug("x", "%d", 1);
	ck_assert_str_eq(line(), "");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("x", "%d", 1);
	log_info("x", "%d", 1);
	ck_assert_str_eq(line(), "");
	log_error("x", "%d", 1);
	expect("error", "x 1");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("x", "%d", 1);
	expect("debug", "x 1");
	log_warn("x", "%d", 1);
	expect("warn", "x 1");
	ck_assert(log_level_parse("error", &l) && l == LOG_LEVEL_ERROR);
	ck_assert(log_level_parse("warn", &l) && l == LOG_LEVEL_WARN);
	ck_assert(log_level_parse("info", &l) && l == LOG_LEVEL_INFO);
	ck_assert(log_level_parse("debug", &l) && l == LOG_LEVEL_DEBUG);
	ck_assert(!log_level_parse("INFO", &l));
	ck_assert(!log_level_parse("", &l));
	ck_assert(!log_level_parse("trace", &l));
	ck_assert_int_eq(l, LOG_LEVEL_DEBUG);
}
END_TEST

START_TEST(a_line_is_one_line)
{
	log_info("x", "a=%s", "one\ntwo\x1b[31m\r\x7f");
	expect("info", "x a=one?two?[31m??");
	ck_assert_str_eq(line(), "");
}
END_TEST

START_TEST(long_lines_are_cut)
{
	static char big[20000];
	size_t n;

	memset(big, 'x', sizeof big - 1);
	log_info("x", "a=%s", big);
	n = strlen(line());
	ck_assert_uint_gt(n, 3000);
	ck_assert_uint_le(n, 4096);
	ck_assert_int_eq(got[n - 1], '\n');
	ck_assert_str_eq(line(), "");
}
END_TEST

static const struct {
	struct str s;
	const char *quoted;
} quotes[] = {
	{STR(""), "\"\""},
	{{NULL, 0}, "\"\""},
	{STR("plain"), "\"plain\""},
	{STR("two words=x"), "\"two words=x\""},
	{STR("a\"b\\c"), "\"a\\\"b\\\\c\""},
	{STR("a\nb\rc\td"), "\"a\\nb\\rc\\td\""},
	{STR("\0\x01\x1b[0m\x7f"), "\"\\x00\\x01\\x1b[0m\\x7f\""},
	{STR("\u00e9\U0001f600"), "\"\u00e9\U0001f600\""},
	{STR("\xff\xc3"), "\"\\xff\\xc3\""},
	{STR("\xc0\xaf"), "\"\\xc0\\xaf\""},
	{STR("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\""},
	{STR("\xe2\x82"), "\"\\xe2\\x82\""},
	{STR("\xc2\x9b" "31m"), "\"\\u{9b}31m\""},
	{STR("a\u202e" "b\u2066\u200b\ufeff"), "\"a\\u{202e}b\\u{2066}\\u{200b}\\u{feff}\""},
	{STR("\u2028\u2029"), "\"\\u{2028}\\u{2029}\""},
	{STR("\U000e0041"), "\"\\u{e0041}\""},
};

START_TEST(quoting)
{
	char *exact = heap_alloc(quotes[_i].s.n + 1);

	if (quotes[_i].s.n)
		memcpy(exact, quotes[_i].s.p, quotes[_i].s.n);
	ck_assert_str_eq(log_quote((struct str){exact, quotes[_i].s.n}), quotes[_i].quoted);
	free(exact);
}
END_TEST

/* Every byte can be cut at, and what comes out is bounded whatever came in. */
START_TEST(long_values_are_cut)
{
	char big[2000];
	const char *q;

	memset(big, 'x', sizeof big);
	ck_assert_uint_eq(strlen(log_quote((struct str){big, 512})), 514);
	q = log_quote((struct str){big, 513});
	ck_assert_uint_eq(strlen(q), 517);
	ck_assert_str_eq(q + 512, "x\"...");
	memset(big, '\x01', sizeof big);
	ck_assert_uint_eq(strlen(log_quote((struct str){big, sizeof big})), 512 * 4 + 5);
	for (size_t i = 0; i + 3 <= sizeof big; i += 3)
		memcpy(big + i, "\u202e", 3);
	q = log_quote((struct str){big, sizeof big});
	ck_assert(utf8_valid(str_from(q)));
	ck_assert_uint_lt(strlen(q), 512 * 4);
	memcpy(big, "x", 1);
	memmove(big + 1, "\U0001f600", 4);
	for (size_t i = 1; i + 4 <= sizeof big; i += 4)
		memcpy(big + i, "\U0001f600", 4);
	q = log_quote((struct str){big, sizeof big});
	ck_assert(utf8_valid(str_from(q)));
	ck_assert_uint_le(strlen(q), 520);
}
END_TEST

START_TEST(several_quotes_in_one_line)
{
	log_info("x", "%s %s %s %s %s", log_quotec("1"), log_quotec("2"), log_quotec("3"), log_quotec("4"), log_quotec(NULL));
	expect("info", "x \"1\" \"2\" \"3\" \"4\" \"\"");
}
END_TEST

START_TEST(a_closed_standard_error_is_ignored)
{
	close(STDERR_FILENO);
	log_info("x", "%d", 1);
	dup2(pair[1], STDERR_FILENO);
	log_info("x", "%d", 2);
	expect("info", "x 2");
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lines);
	tcase_add_test(tc, levels);
	tcase_add_test(tc, a_line_is_one_line);
	tcase_add_test(tc, long_lines_are_cut);
	tcase_add_loop_test(tc, quoting, 0, ROWS(quotes));
	tcase_add_test(tc, long_values_are_cut);
	tcase_add_test(tc, several_quotes_in_one_line);
	tcase_add_test(tc, a_closed_standard_error_is_ignored);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
