/* message.c - what each template sends, byte for byte, and that nothing in it grows or becomes markup. */
#include <check.h>
#include <stdlib.h>

#include "config/webhook.h"
#include "notify/message.h"
#include "store/webhooks.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define ID "01a2268c-5b54-7517-8f17-2ecdd3241cbf"
#define REQUEST(title) "{\"id\":\"" ID "\",\"state\":\"pending\",\"workflow\":\"mail\",\"step\":\"send\",\"title\":" title ",\"risk\":\"high\"}"
#define LINK "https://agents.example/a/AbC-_9"

static const struct notify_target targets[] = {
	{.name = STR("phone"), .template = NOTIFY_NTFY, .url = "https://ntfy.sh", .topic = STR("ops"), .token = "MSG_TOKEN"},
	{.name = STR("room"), .template = NOTIFY_SLACK, .url = "https://hooks.slack.com/services", .token = "MSG_TOKEN"},
	{.name = STR("bot"), .template = NOTIFY_TELEGRAM, .url = "https://api.telegram.org", .chat = STR("@us"), .token = "MSG_TOKEN"},
	{.name = STR("program"), .template = NOTIFY_JSON, .url = "https://a.example/x"},
};

static const struct {
	const struct notify_target *target;
	const char *event, *body, *link, *url, *text;
} rows[] = {
	{&targets[0], "approval.requested", REQUEST("\"<b>Go</b>\\u202e\\n*now*\""), LINK, "https://ntfy.sh",
	 "{\"topic\":\"ops\",\"title\":\"Approval wanted: mail\",\"message\":\"<b>Go</b>\\\\u202e\\\\u000a*now*\\nWorkflow: mail\\nStep: send\\nRisk: high\\n"
	 "Request: " ID "\",\"priority\":4,\"tags\":[\"rotating_light\"],\"click\":\"" LINK "\",\"actions\":[{\"action\":\"view\","
	 "\"label\":\"Look and decide\",\"url\":\"" LINK "\"}]}"},
	{&targets[1], "approval.requested", REQUEST("\"<!here> & <https://evil.example|safe>\""), LINK, "https://hooks.slack.com/services/T0/secret",
	 "{\"text\":\"Approval wanted: mail\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":["
	 "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"Approval wanted: mail\",\"emoji\":false}},"
	 "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"text\":\"&lt;!here&gt; &amp; &lt;https://evil.example|safe&gt;\\nWorkflow: mail\\n"
	 "Step: send\\nRisk: high\\nRequest: " ID "\",\"emoji\":false}},{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":"
	 "{\"type\":\"plain_text\",\"text\":\"Look and decide\",\"emoji\":false},\"url\":\"" LINK "\"}]}]}"},
	{&targets[2], "approval.requested", REQUEST("\"[x](https://evil.example) <b>\""), LINK, "https://api.telegram.org/botT0/secret/sendMessage",
	 "{\"chat_id\":\"@us\",\"text\":\"Approval wanted: mail\\n\\n[x](https://evil.example) <b>\\nWorkflow: mail\\nStep: send\\nRisk: high\\n"
	 "Request: " ID "\",\"link_preview_options\":{\"is_disabled\":true},\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"Look and decide\","
	 "\"url\":\"" LINK "\"}]]}}"},
	{&targets[0], "task.failed", "{\"id\":\"" ID "\",\"state\":\"failed\",\"workflow\":\"mail\",\"error\":{\"type\":\"a.b\",\"message\":\"no\",\"step\":\"s\"}}",
	 NULL, "https://ntfy.sh",
	 "{\"topic\":\"ops\",\"title\":\"Task failed: mail\",\"message\":\"a.b: no\\nWorkflow: mail\\nState: failed\\nStep: s\\nTask: " ID "\","
	 "\"priority\":3,\"tags\":[\"warning\"]}"},
	{&targets[3], "task.failed", "{\"n\":1.50e2}", NULL, "https://a.example/x",
	 "{\"type\":\"task.failed\",\"timestamp\":\"1970-01-01T00:00:01.000000Z\",\"data\":{\"n\":1.50e2}}"},
	{NULL, "task.finished", "{\"a\":1}", NULL, "https://me.example/", "{\"type\":\"task.finished\",\"timestamp\":\"1970-01-01T00:00:01.000000Z\",\"data\":{\"a\":1}}"},
	/* what cannot be read is told without its facts */
	{&targets[0], "task.uncertain", "{", NULL, "https://ntfy.sh",
	 "{\"topic\":\"ops\",\"title\":\"Task uncertain: somebody must say what happened\",\"message\":\"\",\"priority\":4,\"tags\":[\"rotating_light\"]}"},
};

START_TEST(messages)
{
	struct delivery d = {.event = str_from(rows[_i].event), .body = str_from(rows[_i].body), .url = STR("https://me.example/"), .created_us = 1000000};
	struct message m;
	struct err err;

	setenv("MSG_TOKEN", "T0/secret", 1);
	ck_assert_int_eq(message_make(a, &d, rows[_i].target, rows[_i].link, &m, &err), 0);
	ck_assert_str_eq(m.url, rows[_i].url);
	ck_assert_str_eq(str_cstr(a, m.body), rows[_i].text);
	ck_assert_int_eq(m.sign, !rows[_i].target || rows[_i].target->template == NOTIFY_JSON);
	ck_assert(!m.token || rows[_i].target->template == NOTIFY_NTFY);
}
END_TEST

static const struct {
	int target;		/* -1: a task's own webhook */
	const char *body;
	int64_t asked_ms;
} asked[] = {
	{2, "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":35}}", 35000},
	{2, "{\"parameters\":{\"retry_after\":1e300}}", 86400000},
	{2, "{\"parameters\":{\"retry_after\":-1}}", 0},
	{2, "{\"parameters\":{\"retry_after\":\"35\"}}", 0},
	{2, "{\"parameters\":[35]}", 0},
	{2, "[]", 0},
	{2, "Too many", 0},
	{2, "", 0},
	{0, "{\"parameters\":{\"retry_after\":35}}", 0},
	{1, "{\"parameters\":{\"retry_after\":35}}", 0},
	{-1, "{\"parameters\":{\"retry_after\":35}}", 0},
};

START_TEST(waits_that_the_body_asks_for)
{
	const struct notify_target *t = asked[_i].target < 0 ? NULL : &targets[asked[_i].target];

	ck_assert_int_eq(message_asked_ms(a, t, str_from(asked[_i].body)), asked[_i].asked_ms);
}
END_TEST

/* Long titles of whatever is longest once it is escaped. */
START_TEST(long_ones)
{
	static const char *const units[] = {"&", "\xe2\x80\xae", "\xf0\x9f\x98\x80", "<", "\\\"", "x"};
	static const size_t most[] = {4096, 6000, 6000};
	struct buf title;
	struct delivery d = {.event = STR("approval.requested"), .created_us = 1000000};
	struct message m;
	struct err err;

	setenv("MSG_TOKEN", "T0/secret", 1);
	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
		const struct json *blocks;

		buf_init(&title, a);
		buf_addf(&title, "{\"workflow\":\"mail\",\"title\":\"");
		for (size_t i = 0; i < 20000; i++)
			buf_adds(&title, units[u]);
		buf_adds(&title, "\"}");
		d.body = buf_str(&title);
		ck_assert_int_eq(message_make(a, &d, &targets[_i], LINK, &m, &err), 0);
		ck_assert_msg(m.body.n <= most[_i], "%s: %zu", units[u], m.body.n);
		ck_assert(utf8_valid(m.body));
		parse(str_cstr(a, m.body));
		blocks = json_getc(m.json, "blocks");
		if (blocks) {
			size_t n = json_str(json_getc(json_getc(json_at(blocks, 1), "text"), "text")).n;

			ck_assert_uint_le(n, 3000);
			ck_assert_uint_ge(n, 1000);	/* and no more is lost than has to be */
		}
	}
}
END_TEST

static const char *const no_tokens[] = {NULL, "", "a b", "a\r\nX: y", "\xc3\xa4"};

START_TEST(tokens_that_are_none)
{
	struct err err;

	if (no_tokens[_i])
		setenv("MSG_TOKEN", no_tokens[_i], 1);
	else
		unsetenv("MSG_TOKEN");
	ck_assert_int_eq(message_check(a, &targets[0], &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "\"phone\""));
	ck_assert_int_eq(message_check(a, &targets[3], &err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("message");
	TCase *t = tcase_create("message");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, messages, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_loop_test(t, long_ones, 0, 3);
	tcase_add_loop_test(t, waits_that_the_body_asks_for, 0, (int)(sizeof asked / sizeof asked[0]));
	tcase_add_loop_test(t, tokens_that_are_none, 0, (int)(sizeof no_tokens / sizeof no_tokens[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
