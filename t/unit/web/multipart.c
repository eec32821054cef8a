/* multipart.c - bodies of forms: each is fed whole, and byte by byte, with the same end. */
#include "web/multipart.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "../suite_run.h"

#define TYPE "multipart/form-data; boundary=b"
#define PART(name, text) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define FILE_HEAD "--b\r\nContent-Disposition: form-data; name=\"f\"; filename="
#define END "--b--\r\n"

struct seen {
	struct buf b;
};

static int on_head(void *arg, const struct part_head *h, struct err *err)
{
	struct seen *s = arg;

	if (str_is(h->name, "refused"))
		return err_set(err, ERR_CONFLICT, "refused");
	buf_addf(&s->b, "[" STR_FMT "|" STR_FMT "|" STR_FMT ":", STR_ARG(h->name), STR_ARG(h->filename), STR_ARG(h->type));
	return 0;
}

static int on_data(void *arg, struct str bytes, struct err *err)
{
	(void)err;
	buf_addstr(&((struct seen *)arg)->b, bytes);
	return 0;
}

static int on_end(void *arg, struct err *err)
{
	(void)err;
	buf_addc(&((struct seen *)arg)->b, ']');
	return 0;
}

static const struct {
	const char *type, *body, *want;	/* "!" and a piece of the message: refused */
} cases[] = {
	{TYPE, PART("a", "1") END, "[a||:1]"},
	{TYPE, PART("a", "1") PART("b", "2") END, "[a||:1][b||:2]"},
	{TYPE, PART("a", "1") "--b--", "[a||:1]"},
	{TYPE, PART("a", "") END, "[a||:]"},
	{TYPE, PART("a", "\r\n--\r\n--c\r\n-") END, "[a||:\r\n--\r\n--c\r\n-]"},
	{TYPE, PART("a", "x--b") END, "[a||:x--b]"},
	{TYPE, END, ""},
	{"multipart/form-data; charset=utf-8; boundary=\"b\"", PART("a", "1") END, "[a||:1]"},
	{"multipart/form-data;boundary=b", PART("a", "1") END, "[a||:1]"},
	{TYPE, FILE_HEAD "\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n1\r\n" END, "[f|x.txt|text/plain:1]"},
	{TYPE, FILE_HEAD "plain\r\nX-Other: y\r\n\r\n1\r\n" END, "[f|plain|:1]"},
	{TYPE, FILE_HEAD "\"a\\\"b\\\\c\"\r\n\r\n1\r\n" END, "[f|a\"b\\c|:1]"},
	{TYPE, "--b\r\ncontent-disposition:form-data;name=a\r\nContent-Transfer-Encoding: binary\r\n\r\n1\r\n" END, "[a||:1]"},
	{"multipart/form-data", PART("a", "1") END, "!no boundary"},
	{"multipart/form-data; boundary=", PART("a", "1") END, "!cannot be read"},
	{"multipart/form-data; boundary=\"\"", PART("a", "1") END, "!one boundary"},
	{"multipart/form-data; boundary=\"b", PART("a", "1") END, "!cannot be read"},
	{"multipart/form-data; boundary=b; boundary=c", PART("a", "1") END, "!one boundary"},
	{"multipart/form-data; boundary=a*b", PART("a", "1") END, "!one boundary"},
	{"multipart/form-data; boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", END, "!one boundary"},
	{"multipart/form-data; boundary=c", PART("a", "1") END, "!does not begin"},
	{TYPE, "x" PART("a", "1") END, "!does not begin"},
	{TYPE, "", "!ends before"},
	{TYPE, "--b", "!ends before"},
	{TYPE, PART("a", "1"), "!ends before"},
	{TYPE, PART("a", "1") "--b-", "!ends before"},
	{TYPE, PART("a", "1") "--b\r\n", "!ends before"},
	{TYPE, PART("a", "1") END "x", "!behind the last"},
	{TYPE, PART("a", "1") "--b--\r\r", "!behind the last"},
	{TYPE, "--b \r\n" PART("a", "1") END, "!behind a boundary"},
	{TYPE, "--bb\r\n", "!behind a boundary"},
	{TYPE, "--b\r\n\r\n1\r\n" END, "!without Content-Disposition"},
	{TYPE, "--b\r\nX: y\r\n\r\n1\r\n" END, "!without Content-Disposition"},
	{TYPE, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" END, "!no form-data"},
	{TYPE, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n" END, "!without a name"},
	{TYPE, "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n" END, "!cannot be read"},
	{TYPE, "--b\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''x\r\n\r\n1\r\n" END, "!more than name"},
	{TYPE, "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n" END, "!two Content"},
	{TYPE, "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n" END, "!Transfer-Encoding"},
	{TYPE, "--b\r\nno colon\r\n\r\n1\r\n" END, "!without a name"},
	{TYPE, "--b\r\nX : y\r\n\r\n1\r\n" END, "!folded"},
	{TYPE, "--b\r\nX: y\r\n z: y\r\n\r\n1\r\n" END, "!folded"},
	{TYPE, "--b\r\nX: \x01\r\n\r\n1\r\n" END, "!control character"},
	{TYPE, "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n" END, "!not UTF-8"},
	{TYPE, PART("a", "1") PART("refused", "1") END, "!refused"},
};

static int parse(struct arena *a, const char *type, struct str body, size_t step, struct seen *s, struct err *err)
{
	struct multipart *m;

	buf_init(&s->b, a);
	m = multipart_new(a, str_from(type), (struct multipart_user){on_head, on_data, on_end, s}, err);
	if (!m)
		return -1;
	for (size_t i = 0; i < body.n; i += step)
		if (multipart_feed(m, str_sub(body, i, step), err) < 0)
			return -1;
	return multipart_finish(m, err);
}

START_TEST(bodies)
{
	struct str body = str_from(cases[_i].body);

	for (size_t step = 1; step <= body.n + 1; step += step < 9 ? 1 : body.n) {
		struct arena *a = arena_new(NULL);
		struct seen s;
		struct err err = {0};
		int rc = parse(a, cases[_i].type, body, step, &s, &err);

		if (cases[_i].want[0] == '!') {
			ck_assert_int_eq(rc, -1);
			ck_assert_msg(strstr(err.msg, cases[_i].want + 1) != NULL, "step %zu: %s", step, err.msg);
			ck_assert(err.code == ERR_CONFLICT || err.status == 400);
		} else {
			ck_assert_msg(rc == 0, "step %zu: %s", step, err.msg);
			ck_assert_str_eq(buf_cstr(&s.b), cases[_i].want);
		}
		arena_free(a);
	}
}
END_TEST

START_TEST(heads_are_bounded)
{
	for (size_t step = 1; step < 20000; step = step * 7 + 1) {
		struct arena *a = arena_new(NULL);
		struct buf body;
		struct seen s;
		struct err err = {0};

		buf_init(&body, a);
		buf_adds(&body, "--b\r\nX: ");
		for (int i = 0; i < 9000; i++)
			buf_addc(&body, 'x');
		buf_adds(&body, "\r\n\r\n" END);
		ck_assert_int_eq(parse(a, TYPE, buf_str(&body), step, &s, &err), -1);
		ck_assert_msg(strstr(err.msg, "4 KiB") != NULL, "%s", err.msg);
		arena_free(a);
	}
}
END_TEST

/* Whatever stands in it, what is held stays small. */
START_TEST(memory_is_bounded)
{
	struct arena *a = arena_new(NULL), *scratch = arena_new(NULL);
	struct err err = {0};
	struct seen s;
	char piece[1024];
	struct multipart *m = multipart_new(a, STR(TYPE), (struct multipart_user){on_head, on_data, on_end, &s}, &err);
	size_t before;

	buf_init(&s.b, scratch);
	ck_assert_int_eq(multipart_feed(m, STR(FILE_HEAD "x\r\n\r\n"), &err), 0);
	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = "\r\n--"[i % 4];
	multipart_feed(m, (struct str){piece, sizeof piece}, &err);
	before = arena_bytes(a);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(multipart_feed(m, (struct str){piece, sizeof piece}, &err), 0);
	ck_assert_uint_le(arena_bytes(a), before + 16384);
	arena_free(a);
	arena_free(scratch);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/multipart");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, bodies, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, heads_are_bounded);
	tcase_add_test(t, memory_is_bounded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
