/* shipped.c - the manifests of tools.d/ are good, and what they describe works. */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "caller.h"
#include "../suite_run.h"

static const char *tools_dir(void)
{
	const char *top = getenv("top_srcdir");

	return arena_printf(arena, "%s/tools.d", top ? top : ".");
}

static const struct manifest *load(const char *name)
{
	const char *path = arena_printf(arena, "%s/%s.yaml", tools_dir(), name);
	struct diags *d = diags_new(arena);
	const struct manifest *m;
	struct str text;
	struct err err;
	struct buf said;

	ck_assert_msg(file_read(arena, path, 1 << 20, &text, &err) == 0, "%s", err.msg);
	m = manifest_parse(arena, path, text, d);
	buf_init(&said, arena);
	diag_print(d, &said);
	ck_assert_msg(m && said.n == 0, "%s", buf_cstr(&said));
	ck_assert_msg(str_is(m->contract.name, name), "%s", path);
	call_effect = m->contract.effect;
	return m;
}

START_TEST(each_parses_and_bears_its_name)
{
	DIR *at = opendir(tools_dir());
	struct dirent *e;
	int n = 0;

	ck_assert_msg(at != NULL, "%s", tools_dir());
	while ((e = readdir(at))) {
		size_t len = strlen(e->d_name);

		if (len < 5 || strcmp(e->d_name + len - 5, ".yaml") != 0)
			continue;
		load(arena_strndup(arena, e->d_name, len - 5));
		n++;
	}
	closedir(at);
	ck_assert_int_ge(n, 5);
}
END_TEST

START_TEST(files)
{
	struct fs_root root = {STR("docs"), path_of("docs"), true};

	settings.tools.roots = &root;
	settings.tools.n_roots = 1;
	mkdir(root.path, 0755);
	put_file(path_of("docs/a.txt"), "alpha");
	put_file(path_of("docs/.hidden"), "");
	assert_gives(call(load("fs.list"), "{\"root\":\"docs\",\"path\":\"\",\"glob\":\"*\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"a.txt\",\"path\":\"a.txt\",\"type\":\"file\",\"size\":5}]}");
	assert_gives(call(load("fs.read"), "{\"root\":\"docs\",\"path\":\"a.txt\",\"max_bytes\":16384}"),
		     "{\"path\":\"a.txt\",\"size\":5,\"text\":\"alpha\"}");
	assert_gives(call(load("fs.write"), "{\"path\":\"digest.md\",\"text\":\"# Digest\\n\"}"),
		     "{\"path\":\"digest.md\",\"size\":9}");
	assert_gives(call(load("fs.read"), "{\"path\":\"digest.md\"}"),
		     "{\"path\":\"digest.md\",\"size\":9,\"text\":\"# Digest\\n\"}");
	assert_fails(call(load("fs.write"), "{\"root\":\"docs\",\"path\":\"x\",\"text\":\"\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(words)
{
	assert_gives(call(load("text.wordcount"), "{\"text\":\"one two\\nthr\xc3\xa9""e\\n\"}"),
		     "{\"lines\":2,\"words\":3,\"characters\":14}");
	assert_gives(call(load("text.wordcount"), "{\"text\":\"\"}"), "{\"lines\":0,\"words\":0,\"characters\":0}");
}
END_TEST

static const char *const private_urls[] = {
	"http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://10.0.0.1/",
};

START_TEST(pages_of_private_networks_are_refused)
{
	for (size_t i = 0; i < sizeof private_urls / sizeof *private_urls; i++)
		assert_fails(call(load("web.fetch"), arena_printf(arena, "{\"url\":\"%s\"}", private_urls[i])), ERR_TOOL_FAILED,
			     TOOL_NOT_BEGUN);
	assert_fails(call(load("web.fetch"), "{\"url\":\"http://example.com:22/\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(call(load("web.fetch"), "{\"url\":\"file:///etc/passwd\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shipped");
	TCase *t = tcase_create("shipped");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, caller_begin, caller_end);
	tcase_add_test(t, each_parses_and_bears_its_name);
	tcase_add_test(t, files);
	tcase_add_test(t, words);
	tcase_add_test(t, pages_of_private_networks_are_refused);
	suite_add_tcase(s, t);
	return suite_run(s);
}
