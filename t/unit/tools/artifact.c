/* artifact.c - artifacts of tasks: what the verbs ask of the port, what they make of its answers, and how they stop. */
#include "tools/artifact.h"

#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/json.h"
#include "caller.h"
#include "tools/call.h"
#include "../suite_run.h"

/* --- the played port --- */

struct part {
	struct op op;			/* first */
	struct artifact_answer answer;
};

static struct artifact_answer next;	/* what it answers, and with which error */
static enum err_code next_error;
static bool hold;			/* no answer until the test gives it */
static struct part *open_part;
static int lists, loads, saves;
static struct artifact_save saved;
static size_t asked_max;

static struct op *part_new(struct arena *a, op_done_fn *done, void *user)
{
	struct part *p = ARENA_NEW(a, struct part);
	struct err err;

	op_init(&p->op, loop, a, NULL, done, user);
	p->answer = (struct artifact_answer){
		.text = str_dup(a, next.text), .bytes_in = arena_new(a), .media_type = str_dup(a, next.media_type), .size = next.size};
	p->answer.bytes = str_dup(p->answer.bytes_in, next.bytes);
	err_set(&err, next_error, "the port says no");
	if (hold)
		open_part = p;
	else
		op_complete(&p->op, next_error == ERR_NONE ? NULL : &err);
	return &p->op;
}

static struct op *list(void *arg, struct arena *a, const struct uuid *of, int64_t deadline_ms, op_done_fn *done, void *user)
{
	(void)arg;
	ck_assert(uuid_eq(of, &task) && deadline_ms > 0);
	lists++;
	return part_new(a, done, user);
}

static struct op *load(void *arg, struct arena *a, const struct uuid *of, struct str name, size_t max, int64_t deadline_ms,
		       op_done_fn *done, void *user)
{
	(void)arg;
	ck_assert(uuid_eq(of, &task) && str_is(name, "n") && deadline_ms > 0);
	loads++;
	asked_max = max;
	return part_new(a, done, user);
}

static struct op *save(void *arg, struct arena *a, const struct artifact_save *s, int64_t deadline_ms, op_done_fn *done, void *user)
{
	(void)arg;
	ck_assert(uuid_eq(&s->task, &task) && str_is(s->name, "n") && s->fence == 1 && s->effect_key.b[0] == 0xab && deadline_ms > 0);
	saves++;
	saved = *s;
	saved.media_type = str_dup(arena, s->media_type);
	saved.bytes = str_dup(arena, s->bytes);
	return part_new(a, done, user);
}

static const struct artifact_answer *answer(const struct op *op)
{
	return &((const struct part *)op)->answer;
}

static const struct artifact_port port = {NULL, list, load, save, answer};

/* --- calls --- */

static struct manifest *verbs[4];

static void setup(void)
{
	static const char *const names[] = {"artifact.read", "artifact.write", "artifact.list", "artifact.fetch"};

	caller_begin();
	caller_artifacts(&port);
	settings.artifacts.max_size = 1000;
	for (int v = ARTIFACT_READ; v <= ARTIFACT_FETCH; v++) {
		verbs[v] = manifest_new(names[v], RUNNER_ARTIFACT);
		verbs[v]->u.artifact.verb = (enum artifact_verb)v;
	}
	next = (struct artifact_answer){.text = STR("{\"id\":\"a1\"}")};
	next_error = ERR_NONE;
	hold = false;
	open_part = NULL;
	lists = loads = saves = 0;
	mkdir(path_of("ws"), 0755);
	mkdir(tools_workspace(arena, &settings, &task), 0755);
}

static const char *in_ws(const char *name)
{
	return arena_printf(arena, "%s/%s", tools_workspace(arena, &settings, &task), name);
}

static void has(const char *bytes)
{
	next.bytes = str_from(bytes);
	next.size = (int64_t)next.bytes.n;
}

static const char *of_length(size_t n)
{
	char *p = arena_alloc(arena, n + 1);

	memset(p, 'x', n);
	p[n] = '\0';
	return p;
}

/* --- write --- */

START_TEST(writes)
{
	static const struct {
		const char *args, *bytes, *type;	/* type NULL: none is said */
	} cases[] = {
		{"{\"name\":\"n\",\"text\":\"hello\"}", "hello", "text/plain; charset=utf-8"},
		{"{\"name\":\"n\",\"text\":\"\"}", "", "text/plain; charset=utf-8"},
		{"{\"name\":\"n\",\"text\":\"# h\",\"media_type\":\"text/markdown\"}", "# h", "text/markdown"},
		{"{\"name\":\"n\",\"base64\":\"aGVsbG8=\"}", "hello", NULL},
		{"{\"name\":\"n\",\"base64\":\"\",\"media_type\":\"image/png\"}", "", "image/png"},
		{"{\"name\":\"n\",\"path\":\"sub/f\"}", "of the workspace", NULL},
		{"{\"name\":\"n\",\"path\":\"sub/f\",\"media_type\":\"a/b\"}", "of the workspace", "a/b"},
	};

	mkdir(in_ws("sub"), 0755);
	put_file(in_ws("sub/f"), "of the workspace");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_gives(call(verbs[ARTIFACT_WRITE], cases[i].args), "{\"id\":\"a1\"}");
		ck_assert_int_eq(saves, (int)i + 1);
		ck_assert_msg(str_is(saved.bytes, cases[i].bytes), "%s", cases[i].args);
		ck_assert_msg(cases[i].type ? str_is(saved.media_type, cases[i].type) : !saved.media_type.n, "%s", cases[i].args);
	}
}
END_TEST

START_TEST(refuses_what_cannot_be_written)
{
	static const struct {
		const char *args;
		enum err_code error;
		const char *message;
	} cases[] = {
		{"{\"name\":\"n\"}", ERR_TOOL_ARGS, "expected one of \"text\", \"base64\" and \"path\""},
		{"{\"name\":\"n\",\"text\":\"a\",\"base64\":\"\"}", ERR_TOOL_ARGS, "expected one of"},
		{"{\"name\":\"n\",\"text\":\"a\",\"path\":\"f\"}", ERR_TOOL_ARGS, "expected one of"},
		{"{\"name\":\"n\",\"base64\":\"a\"}", ERR_TOOL_ARGS, "\"base64\""},
		{"{\"name\":\"n\",\"text\":\"a\",\"media_type\":\"text\"}", ERR_TOOL_ARGS, "\"media_type\""},
		{"{\"text\":\"a\"}", ERR_TOOL_ARGS, "\"name\""},
		{"{\"name\":\"\",\"text\":\"a\"}", ERR_TOOL_ARGS, "\"name\""},
		{"{\"name\":\"a/b\",\"text\":\"a\"}", ERR_TOOL_ARGS, "\"name\""},
		{"{\"name\":\"n\",\"path\":\"none\"}", ERR_TOOL_FAILED, "none"},
		{"{\"name\":\"n\",\"path\":\"../f\"}", ERR_TOOL_FAILED, "../f"},
		{"{\"name\":\"n\",\"path\":\"long\"}", ERR_TOOL_FAILED, "has 1001 bytes, expected at most 1000"},
	};

	put_file(in_ws("f"), "file");
	put_file(in_ws("long"), of_length(1001));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer got = call(verbs[ARTIFACT_WRITE], cases[i].args);

		assert_fails(got, cases[i].error, TOOL_NOT_BEGUN);
		ck_assert_msg(strstr(got.err.msg, cases[i].message), "%s: %s", cases[i].args, got.err.msg);
	}
	ck_assert_int_eq(saves, 0);
}
END_TEST

START_TEST(an_artifact_has_a_size)
{
	const char *args = arena_printf(arena, "{\"name\":\"n\",\"text\":\"%s\"}", of_length(1001));
	struct answer got = call(verbs[ARTIFACT_WRITE], args);

	assert_fails(got, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_str_eq(got.err.msg, "an artifact may have 1000 bytes, this has 1001");
	ck_assert_int_eq(saves, 0);
	settings.artifacts.max_size = 1001;
	assert_gives(call(verbs[ARTIFACT_WRITE], args), "{\"id\":\"a1\"}");
}
END_TEST

/* --- read --- */

START_TEST(reads)
{
	has("hello");
	assert_gives(call(verbs[ARTIFACT_READ], "{\"name\":\"n\"}"), "{\"name\":\"n\",\"size\":5,\"text\":\"hello\"}");
	ck_assert_uint_eq(asked_max, 32768);
	assert_gives(call(verbs[ARTIFACT_READ], "{\"name\":\"n\",\"max_bytes\":3}"),
		     "{\"name\":\"n\",\"size\":5,\"text\":\"hel\",\"truncated\":true}");
	ck_assert_uint_eq(asked_max, 3);
	has("caf\xe9");
	assert_gives(call(verbs[ARTIFACT_READ], "{\"name\":\"n\"}"), "{\"name\":\"n\",\"size\":4,\"base64\":\"Y2Fm6Q==\"}");
	has("");
	assert_gives(call(verbs[ARTIFACT_READ], "{\"name\":\"n\"}"), "{\"name\":\"n\",\"size\":0,\"text\":\"\"}");
}
END_TEST

START_TEST(a_long_one_is_cut_or_refused)
{
	struct answer got;

	verbs[ARTIFACT_READ]->max_output_bytes = 1000;
	has(of_length(1000));
	next.size = 5000;
	assert_fails(call(verbs[ARTIFACT_READ], "{\"name\":\"n\"}"), ERR_TOOL_OUTPUT, TOOL_DONE);
	ck_assert_uint_eq(asked_max, 1000);
	verbs[ARTIFACT_READ]->truncate_output = true;
	got = call(verbs[ARTIFACT_READ], "{\"name\":\"n\"}");
	ck_assert_int_eq(got.err.code, ERR_NONE);
	ck_assert_uint_gt(strlen(got.text), 900);
	ck_assert_uint_le(strlen(got.text), 1000);
	ck_assert(json_is_true(json_getc(got.value, "truncated")));
	assert_fails(call(verbs[ARTIFACT_READ], "{\"name\":\"n\",\"max_bytes\":-1}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	ck_assert_int_eq(loads, 2);
}
END_TEST

/* --- list --- */

START_TEST(lists_what_the_port_says)
{
	next.text = STR("{\"artifacts\":[{\"name\":\"n\"}]}");
	assert_gives(call(verbs[ARTIFACT_LIST], "{}"), "{\"artifacts\":[{\"name\":\"n\"}]}");
	next.text = STR("{\"artifacts\":");
	ck_assert_int_eq(call(verbs[ARTIFACT_LIST], "{}").outcome, TOOL_UNKNOWN);
	ck_assert_int_eq(lists, 2);
}
END_TEST

/* --- fetch --- */

START_TEST(fetches)
{
	has("bytes");
	assert_gives(call(verbs[ARTIFACT_FETCH], "{\"name\":\"n\"}"), "{\"path\":\"n\",\"size\":5}");
	ck_assert_str_eq(get_file(in_ws("n")), "bytes");
	assert_gives(call(verbs[ARTIFACT_FETCH], "{\"name\":\"n\",\"path\":\"in/f\"}"), "{\"path\":\"in/f\",\"size\":5}");
	ck_assert_str_eq(get_file(in_ws("in/f")), "bytes");
	has("");
	assert_gives(call(verbs[ARTIFACT_FETCH], "{\"name\":\"n\"}"), "{\"path\":\"n\",\"size\":0}");
	ck_assert_str_eq(get_file(in_ws("n")), "");
}
END_TEST

START_TEST(fetches_to_the_workspace_only)
{
	struct answer got;

	has("bytes");
	got = call(verbs[ARTIFACT_FETCH], "{\"name\":\"n\",\"path\":\"../f\"}");
	ck_assert_msg(got.err.code == ERR_TOOL_ARGS || got.err.code == ERR_TOOL_FAILED, "%s", got.text);
	ck_assert_int_eq(got.outcome, TOOL_NOT_BEGUN);
	ck_assert_ptr_null(get_file(path_of("ws/f")));
}
END_TEST

/* --- errors --- */

static const char *const good[] = {
	[ARTIFACT_READ] = "{\"name\":\"n\"}",
	[ARTIFACT_WRITE] = "{\"name\":\"n\",\"text\":\"hello\"}",
	[ARTIFACT_LIST] = "{}",
	[ARTIFACT_FETCH] = "{\"name\":\"n\"}",
};

START_TEST(errors_of_the_port_are_told)
{
	static const struct {
		enum err_code says, error;
		enum tool_outcome outcome;
		bool repeatable;	/* when the call is */
	} cases[] = {
		{ERR_NOT_FOUND, ERR_TOOL_FAILED, TOOL_DONE, false},
		{ERR_CONFLICT, ERR_TOOL_FAILED, TOOL_DONE, false},
		{ERR_SIZE, ERR_TOOL_FAILED, TOOL_DONE, false},
		{ERR_STORE_FULL, ERR_TOOL_FAILED, TOOL_DONE, false},
		{ERR_REFUSED, ERR_TOOL_FAILED, TOOL_DONE, false},
		{ERR_PG_DOWN, ERR_TOOL_TIMEOUT, TOOL_UNKNOWN, true},
		{ERR_LEASE_LOST, ERR_LEASE_LOST, TOOL_UNKNOWN, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer got;

		next_error = cases[i].says;
		call_effect = EFFECT_PURE;
		got = call(verbs[_i], good[_i]);
		assert_fails(got, cases[i].error, cases[i].outcome);
		ck_assert_str_eq(got.err.msg, "the port says no");
		ck_assert_int_eq(got.err.retryable, cases[i].repeatable);
		call_effect = EFFECT_AT_MOST_ONCE;
		ck_assert(!call(verbs[_i], good[_i]).err.retryable);
	}
	ck_assert_ptr_null(get_file(in_ws("n")));
}
END_TEST

START_TEST(without_a_port_nothing_is_kept)
{
	caller_artifacts(NULL);
	assert_fails(call(verbs[_i], good[_i]), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

/* --- cancel --- */

/* While the port is at it, and when it is done but nobody has heard of it. */
START_TEST(cancelling_the_port)
{
	int verb = _i / 2;
	struct answer got;
	struct op *op;

	has("bytes");
	hold = true;
	op = call_start(verbs[verb], good[verb], &got);
	if (_i % 2)
		op_complete(&open_part->op, NULL);
	op_cancel(op);
	call_wait();
	ck_assert_int_eq(got.err.code, ERR_CANCELLED);
	ck_assert_int_eq(lists + loads + saves, 1);
	ck_assert_ptr_null(get_file(in_ws("n")));
}
END_TEST

/* A file of the workspace is being read, or was. */
static void cancel_read(void *arg)
{
	struct call *c = arg;

	if (c->part && c->part->err)
		op_cancel(&c->op);
}

START_TEST(cancelling_the_file)
{
	static const char args[] = "{\"name\":\"n\",\"path\":\"f\"}";
	struct answer got;
	struct op *op;

	put_file(in_ws("f"), "file");
	op = call_start(verbs[ARTIFACT_WRITE], args, &got);
	if (_i == 0)
		op_cancel(op);
	while (!call_is_over()) {
		if (_i == 1)
			loop_defer(loop, cancel_read, op);
		loop_once(loop);
	}
	assert_fails(got, ERR_CANCELLED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(saves, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("artifact");
	TCase *t = tcase_create("artifact");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, caller_end);
	tcase_add_test(t, writes);
	tcase_add_test(t, refuses_what_cannot_be_written);
	tcase_add_test(t, an_artifact_has_a_size);
	tcase_add_test(t, reads);
	tcase_add_test(t, a_long_one_is_cut_or_refused);
	tcase_add_test(t, lists_what_the_port_says);
	tcase_add_test(t, fetches);
	tcase_add_test(t, fetches_to_the_workspace_only);
	tcase_add_loop_test(t, errors_of_the_port_are_told, ARTIFACT_READ, ARTIFACT_FETCH + 1);
	tcase_add_loop_test(t, without_a_port_nothing_is_kept, ARTIFACT_READ, ARTIFACT_FETCH + 1);
	tcase_add_loop_test(t, cancelling_the_port, ARTIFACT_READ * 2, (ARTIFACT_FETCH + 1) * 2);
	tcase_add_loop_test(t, cancelling_the_file, 0, 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
