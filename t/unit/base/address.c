/* address.c - which addresses are the public internet. */
#include "base/address.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../suite_run.h"

static const char *const refused[] = {
	"0.0.0.0", "0.0.0.1", "0.255.255.255",
	"10.0.0.0", "10.0.0.1", "10.255.255.255",
	"100.64.0.0", "100.64.0.1", "100.100.100.200", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.0.0.53", "127.1.2.3", "127.255.255.255",
	"168.63.129.16",
	"169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.0.23", "169.254.255.255",
	"172.16.0.0", "172.16.0.1", "172.17.0.1", "172.31.255.255",
	"192.0.0.0", "192.0.0.8", "192.0.0.170", "192.0.0.192", "192.0.0.255",
	"192.0.2.0", "192.0.2.1", "192.0.2.255", "192.88.99.1",
	"192.168.0.0", "192.168.0.1", "192.168.1.254", "192.168.255.255",
	"198.18.0.0", "198.18.0.1", "198.19.255.255", "198.51.100.0", "198.51.100.7", "203.0.113.0", "203.0.113.255",
	"224.0.0.0", "224.0.0.1", "224.0.0.251", "239.255.255.250", "239.255.255.255",
	"240.0.0.0", "240.0.0.1", "254.254.254.254", "255.255.255.254", "255.255.255.255",
	"::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8",
	"::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
	"::ffff:172.16.0.1", "::ffff:192.168.1.1", "::ffff:224.0.0.1", "::ffff:255.255.255.255",
	"64:ff9b::", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.168.0.1",
	"64:ff9b::224.0.0.1", "64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::127.0.0.1", "64:ff9b::1:808:808",
	"100::", "100::1", "100:0:0:1::1", "200::1", "400::1", "1fff:ffff::1",
	"2001::", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1::1", "2001:2::1", "2001:3::1", "2001:4:112::1",
	"2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff:ffff::1",
	"2001:db8::", "2001:db8::1", "2001:db8:ffff:ffff::1",
	"2002::", "2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "2002:808:808::1",
	"2600:1f00::5efe:10.0.0.1", "2600:1f00::200:5efe:127.0.0.1", "2600:1f00::200:5efe:169.254.169.254",
	"3fff::", "3fff::1", "3fff:fff:ffff::1",
	"4000::1", "5f00::1", "8000::1", "e000::1", "f000::1",
	"fc00::", "fc00::1", "fd00::1", "fd00:ec2::254", "fd12:3456:789a::1", "fdff:ffff::1",
	"fe80::", "fe80::1", "fe80::a9fe:a9fe", "febf:ffff::1", "fec0::1", "feff:ffff::1",
	"ff00::", "ff01::1", "ff02::1", "ff02::fb", "ff05::1:3", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

static const char *const public[] = {
	"1.0.0.1", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "99.255.255.255", "100.63.255.255",
	"100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255",
	"169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255",
	"192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
	"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1",
	"2001:db9::1", "2003::1", "2400:cb00::1", "2606:4700:4700::1111", "2620:4f:8000::1", "2a00:1450::1",
	"2600:1f00::5efe:8.8.8.8", "3ffe::1", "3fff:1000::1",
};

static socklen_t parse(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof *ss);
	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		ck_assert_msg(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1, "%s", text);
		return sizeof *in6;
	}
	in->sin_family = AF_INET;
	ck_assert_msg(inet_pton(AF_INET, text, &in->sin_addr) == 1, "%s", text);
	return sizeof *in;
}

START_TEST(refuses_what_is_not_public)
{
	struct sockaddr_storage ss;

	ck_assert_uint_ge(sizeof refused / sizeof *refused, 120);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		socklen_t len = parse(refused[i], &ss);

		ck_assert_msg(address_refusal((struct sockaddr *)&ss, len) != NULL, "%s is public", refused[i]);
		ck_assert_msg(!address_is_allowed((struct sockaddr *)&ss, len, NULL, 0), "%s", refused[i]);
	}
}
END_TEST

START_TEST(allows_what_is_public)
{
	struct sockaddr_storage ss;

	for (size_t i = 0; i < sizeof public / sizeof *public; i++) {
		socklen_t len = parse(public[i], &ss);
		const char *why = address_refusal((struct sockaddr *)&ss, len);

		ck_assert_msg(!why, "%s is refused: %s", public[i], why ? why : "");
	}
}
END_TEST

START_TEST(refuses_what_it_does_not_understand)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};

	ck_assert_ptr_nonnull(address_refusal((struct sockaddr *)&un, sizeof un));
	ck_assert_ptr_nonnull(address_refusal((struct sockaddr *)&in, sizeof in - 1));
	ck_assert_ptr_null(address_refusal((struct sockaddr *)&in, sizeof in));
}
END_TEST

static const struct cidr allow[] = {
	{AF_INET, {127, 0, 0, 1}, 32},
	{AF_INET, {10, 128, 0, 0}, 9},
	{AF_INET6, {0xfd, 0x12}, 16},
};

static const struct {
	const char *address;
	bool allowed;
} listed[] = {
	{"127.0.0.1", true},  {"127.0.0.2", false},    {"::ffff:127.0.0.1", true}, {"::1", false},
	{"10.128.0.0", true}, {"10.255.255.255", true}, {"10.127.255.255", false},  {"11.0.0.1", true},
	{"fd12::1", true},    {"fd13::1", false},       {"169.254.169.254", false}, {"64:ff9b::127.0.0.1", false},
};

START_TEST(an_allow_list_opens_just_its_networks)
{
	struct sockaddr_storage ss;

	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		socklen_t len = parse(listed[i].address, &ss);

		ck_assert_msg(address_is_allowed((struct sockaddr *)&ss, len, allow, 3) == listed[i].allowed, "%s",
			      listed[i].address);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("address");

	tcase_add_test(t, refuses_what_is_not_public);
	tcase_add_test(t, allows_what_is_public);
	tcase_add_test(t, refuses_what_it_does_not_understand);
	tcase_add_test(t, an_allow_list_opens_just_its_networks);
	suite_add_tcase(s, t);
	return suite_run(s);
}
