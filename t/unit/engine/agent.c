/* Unit tests of engine/agent.c: calls out of turns, messages out of turns. */
#include "engine/agent.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/program.h"
#include "fixture.h"
#include "gateway/gateway.h"
#include "../suite_run.h"

#define AGENT "  - {id: g, agent: {tier: x, prompt: p, tools: [t.t], output: {type: object}}}\n"
#define STARTED "g 1 started {\"tier\":\"x\"}"
#define CALL(name, args) "{\"id\":\"i\",\"name\":\"" name "\",\"args\":\"" args "\"}"
#define TURN(n, calls) "\ng/turn-" n " 1 turn.succeeded {\"text\":\"say " n "\",\"calls\":[" calls "]}"
#define GIVES(turn, call, v) "\ng/turn-" turn "/call-" call " 1 started\ng/turn-" turn "/call-" call " 1 succeeded {\"output\":" v "}"
#define FAILS(turn, call) "\ng/turn-" turn "/call-" call " 1 failed {\"error\":{\"type\":\"t\",\"message\":\"m\",\"step\":\"g\",\"retryable\":true}}"
#define ONE CALL("t_t", "{}")

static struct node *agent_after(struct fixture **ret, const char *rows)
{
	*ret = fixture_new(AGENT, true);
	ck_assert_msg(fixture_apply(*ret, rows) == 0, "%s", (*ret)->err.msg);
	return state_node((*ret)->state.root, 0);
}

/* --- what the model is shown --- */

static const struct {
	const char *rows;
	int left_out;
	const char *said;
} shown[] = {
	{STARTED, 0, "u:ask|"},
	{STARTED TURN("1", ONE) GIVES("1", "0", "\"text\""), 0, "u:ask|a:say 1>i t_t {}|t:i text|"},
	{STARTED TURN("1", CALL("t_t", "") "," CALL("t_t", "{\\\"a\\\": 1}")) GIVES("1", "1", "{\"b\":null}") FAILS("1", "0"), 0,
	 "u:ask|a:say 1>i t_t >i t_t {\"a\": 1}|t:i {\"error\":{\"type\":\"t\",\"message\":\"m\"}}|t:i {\"b\":null}|"},
	{STARTED TURN("1", ONE) GIVES("1", "0", "null"), 0, "u:ask|a:say 1>i t_t {}|t:i null|"},
	{STARTED "\ng/turn-1 1 turn.succeeded {\"text\":\"7\"}", 0,
	 "u:ask|a:7|u:Your answer cannot be used: expected object, got number.\nAnswer again with one JSON value and nothing else. It must fit this JSON Schema:\n{\"type\":\"object\"}|"},
	{STARTED "\ng/turn-1 1 turn.succeeded {\"text\":\"{}\"}", 0,
	 "u:ask|a:{}|u:Your answer cannot be used: it did not fit.\nAnswer again with one JSON value and nothing else. It must fit this JSON Schema:\n{\"type\":\"object\"}|"},
	{STARTED "\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"echo\":\"[1]\",\"calls\":[" ONE "]}" GIVES("1", "0", "1"), 0, "u:ask|a:~[1]>i t_t {}|t:i 1|"},
	/* cut off by the timeout of a try */
	{STARTED TURN("1", ONE "," ONE) GIVES("1", "0", "1") "\ng 1 failed {\"error\":{\"type\":\"timeout\"},\"retry_at\":\"1970-01-01T00:00:09Z\"}\ng 2 started {\"tier\":\"x\"}", 0,
	 "u:ask|a:say 1>i t_t {}>i t_t {}|t:i 1|t:i {\"error\":{\"type\":\"cancelled\",\"message\":\"the call was ended before it gave a result\"}}|"},
	{STARTED TURN("1", ONE) GIVES("1", "0", "1") TURN("2", CALL("t_t", "{\\\"a\\\":1}")) GIVES("2", "0", "2"), 1,
	 "u:ask\n\n(Turns 1 to 1 are left out here: the conversation has grown too long.)|a:say 2>i t_t {\"a\":1}|t:i 2|"},
	/* the warning counts what is left out, too */
	{STARTED TURN("1", ONE "," ONE) GIVES("1", "0", "1") GIVES("1", "1", "1") TURN("2", CALL("t_t", " {}\\n")) GIVES("2", "0", "2"), 1,
	 "u:ask\n\n(Turns 1 to 1 are left out here: the conversation has grown too long.)|a:say 2>i t_t  {}\n|t:i 2\n\nWarning: this was the same call for the third time in a row. Once more ends the work.|"},
};

START_TEST(what_the_model_is_shown)
{
	struct fixture *f;
	struct node *n = agent_after(&f, shown[_i].rows);
	struct message *v = ARENA_ARRAY(f->arena, 1 + agent_max_messages(n), struct message);
	struct buf b;
	size_t count;

	n->left_out = shown[_i].left_out;
	v[0] = (struct message){.role = ROLE_USER, .text = STR("ask")};
	count = agent_messages(f->arena, n, v, 1);
	ck_assert_uint_le(count, 1 + agent_max_messages(n));
	buf_init(&b, f->arena);
	for (size_t i = 0; i < count; i++) {
		buf_addf(&b, "%c:", "suat"[v[i].role]);
		if (v[i].call_id.p)
			buf_addf(&b, STR_FMT " ", STR_ARG(v[i].call_id));
		buf_addstr(&b, v[i].text);
		if (v[i].echo.p)
			buf_addf(&b, "~" STR_FMT, STR_ARG(v[i].echo));
		for (size_t k = 0; k < v[i].n_calls; k++)
			buf_addf(&b, ">" STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(v[i].calls[k].id), STR_ARG(v[i].calls[k].name), STR_ARG(v[i].calls[k].args));
		buf_addc(&b, '|');
	}
	ck_assert_str_eq(buf_cstr(&b), shown[_i].said);
	fixture_free(f);
}
END_TEST

START_TEST(tools_have_the_contract_that_is_pinned)
{
	struct fixture *f;
	struct node *n = agent_after(&f, STARTED);
	const struct model_tool *t = agent_tools(f->arena, &node_program(n)->step->u.agent, f->state.program->workflow);

	ck_assert(str_is(t[0].name, "t_t"));
	ck_assert(str_is(t[0].description, "d"));
	ck_assert_str_eq(json_text(f->arena, t[0].args).p, "{\"type\":\"object\"}");
	fixture_free(f);
}
END_TEST

/* --- calls --- */

static const struct {
	const char *call, *problem;	/* NULL: none */
} made[] = {
	{CALL("t_t", "{}"), NULL},
	{CALL("t_t", ""), NULL},
	{CALL("t_t", " \\n"), NULL},
	{CALL("t_t", "{\\\"a\\\": \\\"\\\\u0000\\\"}"), NULL},
	{CALL("t.t", "{}"), "there is no tool \"t.t\""},
	{CALL("", "{}"), "there is no tool \"\""},
	{CALL("t_t2", "{}"), "there is no tool \"t_t2\""},
	{CALL("t_t", "{} {}"), "the arguments are not JSON: expected nothing behind the value"},
	{CALL("t_t", "[]"), "arguments: expected object, got array"},
	{CALL("t_t", "null"), "arguments: expected object, got null"},
	{CALL("t_t", "{\\\"a\\\": 1, \\\"a\\\": 2}"), "the arguments are not JSON: "},
};

START_TEST(what_can_be_called)
{
	struct fixture *f;
	struct node *n = agent_after(&f, STARTED), *call;
	struct err err = {0};
	const char *rows = arena_printf(f->arena, "g/turn-1 1 turn.succeeded {\"text\":\"\",\"calls\":[%s]}", made[_i].call);
	const struct step *s;

	ck_assert_msg(fixture_apply(f, rows) == 0, "%s", f->err.msg);
	call = state_node(state_open_item(&f->state, n->each, 0), 0);
	s = node_program(call)->step;
	ck_assert_str_eq(node_path(f->arena, call, ROW_STEP_STARTED).p, "g/turn-1/call-0");
	ck_assert_int_eq(s->kind, STEP_CALL);
	ck_assert_int_eq(s->retry.max, 0);
	ck_assert_int_eq(agent_call_check(call, &err), made[_i].problem ? -1 : 0);
	if (made[_i].problem)
		ck_assert_msg(str_starts(str_from(err.msg), str_from(made[_i].problem)), "%s", err.msg);
	else
		ck_assert(str_is(s->u.call.tool, "t.t") && s->u.call.with);
	fixture_free(f);
}
END_TEST

/* --- identical calls --- */

#define TWO CALL("t_t", "{\\\"a\\\":1,\\\"b\\\":2.0}") "," CALL("t_t", "{ \\\"b\\\": 2, \\\"a\\\": 1 }")
#define OTHER CALL("t_t", "{}")

static const struct {
	const char *turn, *next;
	bool stops;
} streaks[] = {
	{OTHER, OTHER, false},
	{TWO, CALL("t_t", "{\\\"a\\\":1,\\\"b\\\":2}"), false},
	{TWO, TWO, true},
	{TWO, OTHER "," TWO, false},
	{TWO "," OTHER, TWO, false},
	{OTHER, CALL("t_t", "") "," CALL("t_t", "{}") "," CALL("t_t", " "), true},
	{CALL("no", "{"), CALL("no", "{") "," CALL("no", "{") "," CALL("no", "{"), true},
	{CALL("no", "{"), CALL("no", "{") "," CALL("no", "{ ") "," CALL("no", "{"), false},
	{CALL("no", "{}"), CALL("no", "{}") "," CALL("yes", "{}") "," CALL("no", "{}"), false},
	{OTHER, OTHER "," OTHER "," OTHER "," CALL("t_t", "{\\\"a\\\":1}"), true},
};

START_TEST(the_fourth_identical_call)
{
	struct fixture *f;
	struct node *n = agent_after(&f, STARTED);
	const struct json *calls;
	struct err err = {0};

	ck_assert_int_eq(fixture_apply(f, arena_printf(f->arena, "g/turn-1 1 turn.succeeded {\"text\":\"\",\"calls\":[%s]}", streaks[_i].turn)), 0);
	ck_assert_int_eq(json_parse(f->arena, str_from(arena_printf(f->arena, "[%s]", streaks[_i].next)), NULL, &calls, &err), 0);
	ck_assert_int_eq(agent_check_identical(f->arena, n, calls, &err), streaks[_i].stops ? -1 : 0);
	if (streaks[_i].stops)
		ck_assert_int_eq(err.code, ERR_IDENTICAL_CALLS);
	fixture_free(f);
}
END_TEST

/* --- what is left out --- */

#define BIG "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""

static const struct {
	const char *rows;
	int before, after;
} left_out[] = {
	{STARTED, 0, 0},
	{STARTED TURN("1", ONE) GIVES("1", "0", "1"), 0, 0},
	{STARTED TURN("1", ONE) GIVES("1", "0", "1") TURN("2", ONE) GIVES("2", "0", "1"), 0, 1},
	{STARTED TURN("1", ONE) GIVES("1", "0", "1") TURN("2", ONE) GIVES("2", "0", "1"), 1, 1},
	{STARTED TURN("1", ONE) GIVES("1", "0", "1") TURN("2", ONE) GIVES("2", "0", "1") TURN("3", ONE) GIVES("3", "0", BIG), 0, 2},
	{STARTED TURN("1", ONE) GIVES("1", "0", BIG) TURN("2", ONE) GIVES("2", "0", BIG) TURN("3", ONE) GIVES("3", "0", "1"), 0, 1},
	{STARTED TURN("1", ONE) GIVES("1", "0", BIG) TURN("2", ONE) GIVES("2", "0", BIG) TURN("3", ONE) GIVES("3", "0", "1"), 1, 2},
};

START_TEST(what_is_left_out)
{
	struct fixture *f;
	struct node *n = agent_after(&f, left_out[_i].rows);

	n->left_out = left_out[_i].before;
	ck_assert_int_eq(agent_leave_out(n, 4), left_out[_i].after);
	fixture_free(f);
}
END_TEST

#define N(table) (int)(sizeof table / sizeof table[0])

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *t = tcase_create("agent");

	tcase_add_loop_test(t, what_the_model_is_shown, 0, N(shown));
	tcase_add_test(t, tools_have_the_contract_that_is_pinned);
	tcase_add_loop_test(t, what_can_be_called, 0, N(made));
	tcase_add_loop_test(t, the_fourth_identical_call, 0, N(streaks));
	tcase_add_loop_test(t, what_is_left_out, 0, N(left_out));
	suite_add_tcase(s, t);
	return suite_run(s);
}
