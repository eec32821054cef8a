/* talk.c - a conversation of tests with the stub provider. */
#include "talk.h"

#include "base/arena.h"

struct message talk[TALK_MAX];
size_t n_talk;

void route_model(const char *provider, const char *id, const char *more)
{
	route(arena_printf(arena, "%smodels:\n  m: {provider: %s, id: \"%s\", max_output: 100, can: [tools, json], " PRICE "%s}\n"
		"tiers:\n  t: {deadline: 30s, steps: [{model: m}]}\n", provider_lines(""), provider, id, more));
}

void begin_talk(const char *text)
{
	talk[0] = (struct message){.role = ROLE_SYSTEM, .text = STR("be brief")};
	talk[1] = (struct message){.role = ROLE_USER, .text = str_from(text)};
	n_talk = 2;
}

struct asked go_on(void)
{
	struct asked q;

	start_talk(&q, "t", talk, n_talk, 2);
	finish(&q);
	return q;
}

struct asked expect_turn(const char *text, size_t n_calls)
{
	struct asked q = go_on();

	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_str_eq(q.text, text);
	ck_assert_uint_eq(q.n_tool_calls, n_calls);
	ck_assert_uint_lt(n_talk + n_calls, TALK_MAX);
	talk[n_talk++] = (struct message){.role = ROLE_ASSISTANT, .text = str_from(q.text), .calls = q.tool_calls,
					  .n_calls = q.n_tool_calls, .echo = str_from(q.echo)};
	for (size_t i = n_calls; i > 0; i--)
		talk[n_talk++] = (struct message){.role = ROLE_TOOL, .call_id = q.tool_calls[i - 1].id, .is_error = i == 1,
						  .text = str_from(arena_printf(arena, "result %zu", i))};
	return q;
}
