/* stub_openai_script.c - plays the script of a question (stub_script.h): the calls of a turn have the ids call_TURN_NUMBER, and
 * the ids in the question tell which turn it is; a question without calls is the first one after as many turns as the
 * assistant has spoken. Parallel calls come in pieces that take turns.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_openai.h"
#include "t/bin/stub_script.h"

/* --- where we are --- */

static struct str find_script(const struct json *messages)
{
	for (size_t i = 0; i < json_len(messages); i++) {
		const struct json *m = json_at(messages, i);
		struct str script = script_in(json_str(json_getc(m, "content")));

		if (str_is(json_str(json_getc(m, "role")), "user") && script.n > 0)
			return script;
	}
	return STR("");
}

/* From 1. A conversation may have been cut at its beginning: the ids still tell. */
static int turn_of(struct arena *a, const struct json *messages)
{
	int spoken = 0, turn, number;

	for (size_t i = json_len(messages); i > 0; i--) {
		const struct json *m = json_at(messages, i - 1);
		const struct json *id = json_getc(json_at(json_getc(m, "tool_calls"), 0), "id");

		if (!str_is(json_str(json_getc(m, "role")), "assistant"))
			continue;
		if (id && sscanf(str_cstr(a, json_str(id)), "call_%d_%d", &turn, &number) == 2)
			return turn + 1 + spoken;
		spoken++;
	}
	return spoken + 1;
}

/* --- the answer --- */

static size_t length_of(const struct json *messages)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(messages); i++)
		n += json_str(json_getc(json_at(messages, i), "content")).n;
	return n;
}

static struct str last_results(struct arena *a, const struct json *messages)
{
	size_t i = json_len(messages), first;
	struct buf b;

	while (i > 0 && str_is(json_str(json_getc(json_at(messages, i - 1), "role")), "tool"))
		i--;
	buf_init(&b, a);
	for (first = i; i < json_len(messages); i++) {
		if (i > first)
			buf_addc(&b, '\n');
		buf_addstr(&b, json_str(json_getc(json_at(messages, i), "content")));
	}
	return buf_str(&b);
}

static void send_call(struct stream *s, int turn, size_t i, struct str name)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "{\"tool_calls\":[{\"index\":%zu,\"id\":\"call_%d_%zu\",\"type\":\"function\",\"function\":{\"name\":", i, turn,
		 i + 1);
	json_write_string(&b, name);
	buf_adds(&b, ",\"arguments\":\"\"}}]}");
	send_delta(s, buf_cstr(&b), NULL, ",\"usage\":null");
}

static void send_args(struct stream *s, size_t i, struct str piece)
{
	struct buf b;

	buf_init(&b, s->c->arena);
	buf_addf(&b, "{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", i);
	json_write_string(&b, piece);
	buf_adds(&b, "}}]}");
	send_delta(s, buf_cstr(&b), NULL, ",\"usage\":null");
}

static void send_calls(struct stream *s, const struct script_turn *t, int turn)
{
	for (size_t i = 0; i < t->n; i++)
		send_call(s, turn, i, t->names[i]);
	for (size_t k = 0; k < SCRIPT_PIECES; k++)
		for (size_t i = 0; i < t->n; i++)
			send_args(s, i, script_third(t->args[i], k));
}

void play_script(struct stream *s, const struct question *q)
{
	struct arena *a = s->c->arena;
	int number = turn_of(a, q->messages);
	struct script_turn *t = script_turn(a, find_script(q->messages), number);

	if (t->limit && length_of(q->messages) > t->limit) {
		play_status(s->c, "400-context");
		return;
	}
	if (!t->exists)
		t->text = str_from(stub.text);
	else if (t->results)
		t->text = last_results(a, q->messages);
	begin_stream(s, "", t->delay_ms);
	send_delta(s, "{\"role\":\"assistant\",\"content\":null,\"refusal\":null}", NULL, ",\"usage\":null");
	if (t->text.n > 0)
		send_pieces(s, t->text, 3);
	if (t->n == 0) {
		send_end(s, q->usage);
		return;
	}
	send_calls(s, t, number);
	send_delta(s, "{}", "tool_calls", ",\"usage\":null");
	send_usage(s, q->usage);
	send_event(s, "[DONE]");
	end_stream(s);
}
