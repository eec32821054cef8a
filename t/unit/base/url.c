/* url.c - what is a URL here, and where relative references lead. */
#include "base/url.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/err.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct {
	const char *in, *text;
} good[] = {
	{"http://example.com", "http://example.com/"},
	{"HTTPS://Example.COM/A?B#C", "https://example.com/A?B"},
	{"https://example.com:443/", "https://example.com/"},
	{"http://example.com:443/", "http://example.com:443/"},
	{"http://example.com:080/", "http://example.com/"},
	{"http://example.com?x=1", "http://example.com/?x=1"},
	{"http://example.com#x", "http://example.com/"},
	{"http://1.2.3.4/", "http://1.2.3.4/"},
	{"http://[2001:DB8:0:0::1]:8080/a", "http://[2001:db8::1]:8080/a"},
	{"http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"},
	{"http://a_b.xn--bcher-kva.example/", "http://a_b.xn--bcher-kva.example/"},
	{"http://example.com/a b/\xc3\xa9?q=\"x\"", "http://example.com/a%20b/%C3%A9?q=%22x%22"},
	{"http://example.com/%00%0d%0a%2e%2e/", "http://example.com/%00%0d%0a%2e%2e/"},
	{"http://example.com/a@b:c/[d]", "http://example.com/a@b:c/[d]"},
	{"http://example.com/?u=http://127.0.0.1/", "http://example.com/?u=http://127.0.0.1/"},
	{"http://localhost/", "http://localhost/"},
	{"http://7.example/", "http://7.example/"},
	{"http://0x7f.example/", "http://0x7f.example/"},
};

START_TEST(parses)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err err = {0};
		struct url u;

		ck_assert_msg(url_parse(a, str_from(good[i].in), &u, &err) == 0, "%s: %s", good[i].in, err.msg);
		ck_assert_str_eq(u.text, good[i].text);
	}
}
END_TEST

/* Refused by the parser, or as an address: no name is asked for any of these. */
static const char *const bad[] = {
	"", " ", "example.com", "//example.com/", "/x", "?", "http:", "http:/", "http://", "http:///", "http:///x",
	"http://?x", "http://#x", "http:example.com", "http:/example.com", "https:example.com",
	"ftp://example.com/", "file:///etc/passwd", "file://localhost/etc/passwd", "gopher://127.0.0.1:6379/_x",
	"dict://127.0.0.1:11211/", "ldap://127.0.0.1/", "javascript:alert(1)", "data:text/plain,x", "jar:http://x!/",
	"ws://example.com/", "unix:/run/x.sock", "http+unix://%2Frun%2Fx/", "httpx://example.com/", "view-source:http://x/",
	" http://example.com/", "\thttp://example.com/", "http://example.com/\n", "http://example.com/\r\nHost: x",
	"http://exa\tmple.com/", "http://example.com/\x01", "http://example.com/\x7f", "http://example.com\\@127.0.0.1/",
	"http:\\\\example.com\\", "http://example.com/\\x", "http://example.com\\.evil.example/",
	"http://user@example.com/", "http://user:pw@example.com/", "http://@example.com/", "http://:@example.com/",
	"http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/", "http://127.0.0.1:80#@example.com@/",
	"http://example.com:0/", "http://example.com:65536/", "http://example.com:99999/", "http://example.com:-80/",
	"http://example.com:80a/", "http://example.com:/", "http://example.com: 80/", "http://example.com:0x50/",
	"http://example.com:80:80/", "http://example.com:000080/",
	"http://.example.com/", "http://example..com/", "http://example.com./", "http://./", "http://../", "http://-/..",
	"http://exam ple.com/", "http://example.com%2f@127.0.0.1/", "http://%31%32%37.0.0.1/", "http://127%2e0.0.1/",
	"http://b\xc3\xbc""cher.example/", "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/", "http://127\xe3\x80\x82""0.0.1/",
	"http://exa<mple.com/", "http://exa|mple/", "http://exa^mple/", "http://ex`ample/", "http://ex{ample}/", "http://$x/",
	"http://example.com,127.0.0.1/", "http://(127.0.0.1)/", "http://*/", "http://a!b/", "http://a'b/", "http://a;b/",
	"http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0/", "http://1/", "http://127.1/",
	"http://127.0.1/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://0177.0.0.1/", "http://0177.1/", "http://00127.0.0.1/",
	"http://127.0.0.01/", "http://127.0.0.0x1/", "http://127.0.0.1./", "http://256.0.0.1/", "http://1.2.3/",
	"http://1.2.3.4.5/", "http://127.0.0.256/", "http://0x0/", "http://0X7F000001/", "http://foo.0x7f/", "http://foo.1/",
	"http://0.0.0.0/", "http://127.0.0.1/", "http://127.0.0.1:80/", "http://127.127.127.127/", "http://10.1.2.3/",
	"http://169.254.169.254/latest/meta-data/", "http://100.100.100.200/", "http://192.168.0.1/", "http://172.20.0.1/",
	"http://255.255.255.255/", "http://224.0.0.1/", "http://192.0.0.192/",
	"http://[::]/", "http://[::1]/", "http://[::1]:80/", "http://[0:0:0:0:0:0:0:1]/", "http://[::127.0.0.1]/",
	"http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:169.254.169.254]/", "http://[fe80::1]/",
	"http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
	"http://[2001:0:7f00:1::]/", "http://[ff02::1]/", "http://[fe80::1%eth0]/", "http://[fe80::1%25eth0]/",
	"http://[::1", "http://::1/", "http://[]/", "http://[:]/", "http://[1.2.3.4]/", "http://[example.com]/",
	"http://[::1]x/", "http://[::1]:x/", "http://x[::1]/", "http://[[::1]]/", "http://[::1]@example.com/",
	"http://[v1.::1]/", "http://[::ffff:127.0.0.1%0]/", "http://[::g]/",
};

START_TEST(refuses)
{
	ck_assert_uint_ge(sizeof bad / sizeof *bad, 120);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sockaddr_storage ss;
		struct err err = {0};
		socklen_t len;
		struct url u;
		bool ok = url_parse(a, str_from(bad[i]), &u, &err) == 0;

		if (ok)
			ok = !url_sockaddr(&u, &ss, &len) || address_is_allowed((struct sockaddr *)&ss, len, NULL, 0);
		ck_assert_msg(!ok, "\"%s\" is taken as %s", bad[i], u.text);
		ck_assert_msg(err.code == ERR_NONE || err.code == ERR_INVALID, "%s", bad[i]);
	}
}
END_TEST

START_TEST(refuses_nul_and_length)
{
	char longer[8300];
	struct err err = {0};
	struct url u;

	ck_assert_int_eq(url_parse(a, STR("http://example.com\0.evil.example/"), &u, &err), -1);
	memset(longer, 'a', sizeof longer);
	memcpy(longer, "http://example.com/", 19);
	ck_assert_int_eq(url_parse(a, (struct str){longer, sizeof longer}, &u, &err), -1);
	memset(longer + 7, 'a', 64);
	longer[71] = '/';
	ck_assert_int_eq(url_parse(a, (struct str){longer, 80}, &u, &err), -1);
	ck_assert_int_eq(url_parse(a, (struct str){longer, 7 + 63}, &u, &err), 0);
}
END_TEST

static const struct {
	const char *base, *ref, *text;	/* text NULL: refused */
} references[] = {
	{"http://a.example/b/c?d", "e", "http://a.example/b/e"},
	{"http://a.example/b/c?d", "./e", "http://a.example/b/./e"},
	{"http://a.example/b/c?d", "../e", "http://a.example/b/../e"},
	{"http://a.example/b/c?d", "/e", "http://a.example/e"},
	{"http://a.example/b/c?d", "?e", "http://a.example/b/c?e"},
	{"http://a.example/b/c?d", "#e", "http://a.example/b/c?d"},
	{"http://a.example/b/c?d", "", "http://a.example/b/c?d"},
	{"http://a.example/b/", "e", "http://a.example/b/e"},
	{"http://a.example", "e", "http://a.example/e"},
	{"https://a.example/b", "//c.example/d", "https://c.example/d"},
	{"http://a.example:8080/b", "/c", "http://a.example:8080/c"},
	{"http://a.example/b", "https://a.example/c", "https://a.example/c"},
	{"http://a.example/b", "HTTP://C.example", "http://c.example/"},
	{"http://a.example/b?c=/d/", "e", "http://a.example/e"},
	{"http://a.example/b", "e:f", NULL},
	{"http://a.example/b", "javascript:x", NULL},
	{"http://a.example/b", "file:///etc/passwd", NULL},
	{"http://a.example/b", "//user@c.example/", NULL},
	{"http://a.example/b", "\\\\c.example\\", NULL},
	{"http://a.example/b", "/\\c.example", NULL},
	{"http://a.example/b", "/c\r\nx", NULL},
	{"http://a.example/b", "///c", NULL},
	{"http://a.example/b", "//", NULL},
	{"http://a.example/b", "http:c", NULL},
};

START_TEST(resolves)
{
	for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
		const char *ref = references[i].ref, *text = references[i].text;
		struct err err = {0};
		struct url base, u;
		int rc;

		ck_assert_int_eq(url_parse(a, str_from(references[i].base), &base, &err), 0);
		rc = url_resolve(a, &base, str_from(ref), &u, &err);
		ck_assert_msg((rc == 0) == (text != NULL), "%s: %s", ref, err.msg);
		if (text)
			ck_assert_str_eq(u.text, text);
	}
}
END_TEST

static const struct {
	const char *prefix;
	bool has;
} prefixes[] = {
	{"https://a.example/", true}, {"https://a.example/b?", true}, {"http://127.0.0.1:9200/i/", true},
	{"https://a.example?", true}, {"https://a.example", false},   {"https://a.example:", false},
	{"https://", false},	      {"http", false},		      {"", false},
	{"/x/y", false},	      {"ftp://a.example/", false},
};

START_TEST(knows_a_fixed_origin)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		ck_assert_msg(url_prefix_has_origin(str_from(prefixes[i].prefix)) == prefixes[i].has, "%s",
			      prefixes[i].prefix);
}
END_TEST

START_TEST(compares_origins)
{
	struct url u[5];
	static const char *const text[] = {"http://a.example/x", "http://A.example:80/y", "https://a.example/x",
					   "http://a.example:81/x", "http://b.example/x"};

	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(url_parse(a, str_from(text[i]), &u[i], NULL), 0);
	ck_assert(url_same_origin(&u[0], &u[1]));
	for (size_t i = 2; i < 5; i++)
		ck_assert(!url_same_origin(&u[0], &u[i]));
	ck_assert(url_has_usual_port(&u[2]) && !url_has_usual_port(&u[3]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("url");
	TCase *t = tcase_create("url");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, parses);
	tcase_add_test(t, refuses);
	tcase_add_test(t, refuses_nul_and_length);
	tcase_add_test(t, resolves);
	tcase_add_test(t, knows_a_fixed_origin);
	tcase_add_test(t, compares_origins);
	suite_add_tcase(s, t);
	return suite_run(s);
}
