/* stub_anthropic_script.c - plays the script of a question (stub_script.h). Which turn it is tell the messages of the assistant. */
#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_anthropic.h"
#include "t/bin/stub_script.h"

static bool is_of(const struct json *message, const char *role)
{
	return str_is(json_str(json_getc(message, "role")), role);
}

static struct str find_script(const struct json *messages)
{
	for (size_t i = 0; i < json_len(messages); i++) {
		const struct json *content = json_getc(json_at(messages, i), "content");
		struct str script = script_in(json_str(content));

		for (size_t k = 0; k < json_len(content) && script.n == 0; k++)
			script = script_in(json_str(json_getc(json_at(content, k), "text")));
		if (script.n > 0 && is_of(json_at(messages, i), "user"))
			return script;
	}
	return STR("");
}

static int turn_of(const struct json *messages)
{
	int turn = 1;

	for (size_t i = 0; i < json_len(messages); i++)
		turn += is_of(json_at(messages, i), "assistant");
	return turn;
}

static struct str last_results(struct arena *a, const struct json *messages)
{
	const struct json *content = json_getc(json_at(messages, json_len(messages) - 1), "content");
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(content); i++) {
		const struct json *block = json_at(content, i);

		if (!str_is(json_str(json_getc(block, "type")), "tool_result"))
			continue;
		if (b.n > 0)
			buf_addc(&b, '\n');
		if (json_is_true(json_getc(block, "is_error")))
			buf_adds(&b, "ERROR ");
		buf_addstr(&b, json_str(json_getc(block, "content")));
	}
	return buf_str(&b);
}

static void send_args(struct anthropic_stream *m, struct str args)
{
	struct arena *a = m->s.c->arena;

	for (size_t i = 0; i < SCRIPT_PIECES && args.n > 0; i++) {
		struct buf b;

		buf_init(&b, a);
		buf_adds(&b, "{\"type\":\"input_json_delta\",\"partial_json\":");
		json_write_string(&b, script_third(args, i));
		buf_addc(&b, '}');
		anthropic_delta(m, m->index - 1, buf_cstr(&b));
	}
}

void anthropic_play_script(struct anthropic_stream *m, const struct question *q)
{
	struct arena *a = m->s.c->arena;
	int number = turn_of(q->messages);
	struct script_turn *t = script_turn(a, find_script(q->messages), number);

	if (!t->exists)
		t->text = str_from(stub.text);
	else if (t->results)
		t->text = last_results(a, q->messages);
	m->s.whole = false;	/* arguments that are no JSON fit into no document */
	anthropic_start(m, t->delay_ms);
	if (t->text.n > 0)
		anthropic_say(m, t->text);
	for (size_t i = 0; i < t->n; i++) {
		struct buf b;

		buf_init(&b, a);
		buf_addf(&b, "{\"type\":\"tool_use\",\"id\":\"toolu_%d_%zu\",\"name\":", number, i + 1);
		json_write_string(&b, t->names[i]);
		buf_adds(&b, ",\"input\":{}}");
		anthropic_open(m, buf_cstr(&b));
		send_args(m, t->args[i]);
		anthropic_close(m, m->index - 1);
	}
	m->stop = t->n ? "tool_use" : "end_turn";
	anthropic_end(m, q->usage);
}
