/* site.c - who may ask with a cookie: every kind of name, page and request against every kind of setting. */
#include "web/site.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "config/settings.h"
#include "../suite_run.h"

#define LOOPBACK "listen: \"127.0.0.1:8470\""
#define WILD "listen: \"0.0.0.0:8470\""
#define SIX "listen: \"[::1]:8470\""
#define UNIX "listen: \"unix:/x\", public_url: \"https://agents.example.org\""
#define PLAIN "listen: \"127.0.0.1:80\""
#define NAMED LOOPBACK ", hosts: [\"agents.lan:8470\", other.lan]"

static const struct {
	const char *web, *host, *origin, *fetch;
	bool changes;
	enum site_verdict verdict;
	bool secure;
} cases[] = {
	/* which names are ours */
	{LOOPBACK, "127.0.0.1:8470", NULL, NULL, false, SITE_OURS, false},
	{LOOPBACK, "localhost:8470", NULL, NULL, false, SITE_OURS, false},
	{LOOPBACK, "LOCALHOST:8470", NULL, NULL, false, SITE_OURS, false},
	{LOOPBACK, "localhost", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "127.0.0.1:8471", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "127.0.0.1", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "10.0.0.1:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "evil.example:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "127.0.0.1.evil.example:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, "", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{LOOPBACK, NULL, NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{PLAIN, "127.0.0.1", NULL, NULL, false, SITE_OURS, false},
	{SIX, "[::1]:8470", NULL, NULL, false, SITE_OURS, false},
	{SIX, "localhost:8470", NULL, NULL, false, SITE_OURS, false},
	{WILD, "10.1.2.3:8470", NULL, NULL, false, SITE_OURS, false},
	{WILD, "[fe80::1]:8470", NULL, NULL, false, SITE_OURS, false},
	{WILD, "localhost:8470", NULL, NULL, false, SITE_OURS, false},
	{WILD, "evil.example:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{WILD, "1.2.3.4.example:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{WILD, ":8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{NAMED, "agents.lan:8470", NULL, NULL, false, SITE_OURS, false},
	{NAMED, "other.lan", NULL, NULL, false, SITE_OURS, false},
	{NAMED, "other.lan:8470", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	{UNIX, "agents.example.org", NULL, NULL, false, SITE_OURS, true},
	{UNIX, "localhost", NULL, NULL, false, SITE_FOREIGN_HOST, false},
	/* which pages are */
	{LOOPBACK, "127.0.0.1:8470", "http://127.0.0.1:8470", "same-origin", true, SITE_OURS, false},
	{LOOPBACK, "127.0.0.1:8470", "http://127.0.0.1:8470", NULL, true, SITE_OURS, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, "same-origin", true, SITE_OURS, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, NULL, true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, "none", false, SITE_OURS, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, "none", true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, "same-site", false, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", NULL, "cross-site", false, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "http://127.0.0.1:8470", "cross-site", true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "http://127.0.0.1:3000", NULL, true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "http://localhost:8470", NULL, true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "http://evil.example", NULL, false, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "null", NULL, true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "", NULL, true, SITE_FOREIGN_PAGE, false},
	{LOOPBACK, "127.0.0.1:8470", "ftp://127.0.0.1:8470", NULL, true, SITE_FOREIGN_PAGE, false},
	{NAMED, "agents.lan:8470", "http://agents.lan:8470", "same-origin", true, SITE_OURS, false},
	{NAMED, "agents.lan:8470", "http://other.lan", NULL, true, SITE_FOREIGN_PAGE, false},
	/* behind TLS */
	{UNIX, "agents.example.org", "https://agents.example.org", "same-origin", true, SITE_OURS, true},
	{UNIX, "agents.example.org", "http://agents.example.org", NULL, true, SITE_FOREIGN_PAGE, true},
	{LOOPBACK ", public_url: \"https://a.example\"", "127.0.0.1:8470", "https://a.example", NULL, true, SITE_OURS, true},
	{LOOPBACK ", public_url: \"https://a.example\"", "127.0.0.1:8470", "http://127.0.0.1:8470", NULL, true, SITE_OURS, false},
	{LOOPBACK ", public_url: \"http://a.example\"", "a.example", "http://a.example", NULL, true, SITE_OURS, false},
};

static struct str text(const char *s)
{
	return s ? str_from(s) : STR_NONE;
}

START_TEST(judges)
{
	struct arena *a = arena_new(NULL);
	const char *file = arena_printf(a, "agentd: v1\nweb: {%s}\n", cases[_i].web);
	const struct settings *s = settings_parse(a, "agentd.yaml", str_from(file), diags_new(a));
	const struct site_facts f = {text(cases[_i].host), text(cases[_i].origin), text(cases[_i].fetch), cases[_i].changes};

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(site_judge(s, &f), cases[_i].verdict);
	ck_assert_int_eq(site_is_secure(s, &f), cases[_i].secure);
	arena_free(a);
}
END_TEST

static const char *const bad[] = {
	"public_url: agents.example.org",     "public_url: \"https://a.example/\"", "public_url: \"https://a.example/ui\"",
	"public_url: \"https://u@a.example\"", "public_url: \"HTTPS://a.example\"",  "hosts: [\"https://a.example\"]",
	"hosts: [\"*.example\"]",	      "hosts: [A.example]",		    "hosts: a.example",
};

START_TEST(bad_settings)
{
	struct arena *a = arena_new(NULL);
	const char *file = arena_printf(a, "agentd: v1\nweb: {%s}\n", bad[_i]);

	ck_assert_ptr_null(settings_parse(a, "agentd.yaml", str_from(file), diags_new(a)));
	arena_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/site");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, judges, 0, sizeof cases / sizeof cases[0]);
	tcase_add_loop_test(t, bad_settings, 0, sizeof bad / sizeof bad[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
