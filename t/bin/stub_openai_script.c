/* stub_openai_script.c - an answer that the question itself prescribes: model stub/script.
 *
 * The first user message with a line that begins with '@' is the script; its lines
 *
 *   @call NAME ARGUMENTS   a tool call of this turn, the arguments as they stand there, JSON or not; none: ""
 *   @say TEXT              the turn's text
 *   @results               the turn's text is the results of the turn before, each on a line of its own
 *   @delay MS              the turn waits before it answers
 *   @limit BYTES           the turn is refused as too long where the texts of the question have more
 *   @turn                  the next turn begins
 *
 * are played turn by turn: the calls of a turn have the ids call_TURN_NUMBER, and the ids in the question tell which turn
 * it is; a question without calls is the first one after as many turns as the assistant has spoken. Parallel calls
 * come in pieces that take turns. Behind the last turn the answer is the stub's text.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_openai.h"

enum { CALLS_MAX = 64, PIECES = 3 };

struct turn {
	struct str names[CALLS_MAX], args[CALLS_MAX];
	size_t n;
	struct str text;
	int64_t delay_ms;
	size_t limit;			/* 0: none */
	bool results;
	bool exists;
};

/* --- where we are --- */

static struct str find_script(const struct json *messages)
{
	for (size_t i = 0; i < json_len(messages); i++) {
		const struct json *m = json_at(messages, i);
		struct str text = json_str(json_getc(m, "content"));
		ptrdiff_t at = str_starts(text, STR("@")) ? 0 : str_find(text, STR("\n@"));

		if (str_is(json_str(json_getc(m, "role")), "user") && at >= 0)
			return str_sub(text, (size_t)at, text.n);
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

static struct str next_word(struct str *rest)
{
	size_t n = 0;
	struct str word;

	*rest = str_trim(*rest);
	while (n < rest->n && !isspace((unsigned char)rest->p[n]))
		n++;
	word = str_sub(*rest, 0, n);
	*rest = str_trim(str_sub(*rest, n, rest->n));
	return word;
}

static void take_line(struct arena *a, struct turn *t, struct str line)
{
	struct str verb = next_word(&line);

	t->exists = true;
	if (str_is(verb, "@call") && t->n < CALLS_MAX) {
		t->names[t->n] = next_word(&line);
		t->args[t->n++] = line;
	} else if (str_is(verb, "@say")) {
		t->text = line;
	} else if (str_is(verb, "@results")) {
		t->results = true;
	} else if (str_is(verb, "@delay")) {
		t->delay_ms = strtol(str_cstr(a, line), NULL, 10);
	} else if (str_is(verb, "@limit")) {
		t->limit = strtoul(str_cstr(a, line), NULL, 10);
	}
}

static struct turn *read_turn(struct arena *a, struct str script, int wanted)
{
	struct turn *t = ARENA_NEW(a, struct turn);
	int turn = 1;

	while (script.n > 0) {
		ptrdiff_t eol = str_chr(script, '\n');
		struct str line = str_sub(script, 0, eol < 0 ? script.n : (size_t)eol);

		script = eol < 0 ? STR("") : str_sub(script, (size_t)eol + 1, script.n);
		if (str_is(str_trim(line), "@turn"))
			turn++;
		else if (turn == wanted && str_starts(line, STR("@")))
			take_line(a, t, line);
	}
	return t;
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

/* The k-th third, cut between characters. */
static struct str third(struct str s, size_t k)
{
	size_t at[2] = {s.n * k / PIECES, s.n * (k + 1) / PIECES};

	for (int i = 0; i < 2; i++)
		while (at[i] < s.n && ((unsigned char)s.p[at[i]] & 0xC0) == 0x80)
			at[i]++;
	return str_sub(s, at[0], at[1] - at[0]);
}

static void send_calls(struct stream *s, const struct turn *t, int turn)
{
	for (size_t i = 0; i < t->n; i++)
		send_call(s, turn, i, t->names[i]);
	for (size_t k = 0; k < PIECES; k++)
		for (size_t i = 0; i < t->n; i++)
			send_args(s, i, third(t->args[i], k));
}

void play_script(struct stream *s, const struct question *q)
{
	struct arena *a = s->c->arena;
	int number = turn_of(a, q->messages);
	struct turn *t = read_turn(a, find_script(q->messages), number);

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
