/* board.c - see board.h. */
#include "board.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/loop.h"
#include "stand.h"
#include "store/breakers.h"
#include "store/store.h"

struct board board;

struct answer_op {
	struct op op;
	struct str text;
};

static struct op *answer(struct arena *a, const char *text, op_done_fn *done, void *arg)
{
	struct answer_op *o = ARENA_NEW(a, struct answer_op);

	op_init(&o->op, bank.loop, a, NULL, done, arg);
	o->text = str_from(text);
	op_complete(&o->op, NULL);
	return &o->op;
}

struct str breakers_text_of(const struct op *op)
{
	return ((const struct answer_op *)op)->text;
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	ck_abort_msg("there is no store");
	(void)s, (void)channel, (void)fn, (void)arg;
}

struct op *breakers_read(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s, (void)deadline_ms;
	return answer(a, "{\"rows\":[]}", done, arg);
}

static const char *word(const struct json *v, const char *key)
{
	struct arena *a = arena;

	return str_cstr(a, json_type(json_getc(v, key)) == JSON_STRING ? json_str(json_getc(v, key)) : json_text(a, json_getc(v, key)));
}

static void add_text(char *to, size_t room, const struct json *v)
{
	struct arena *a = arena_new(NULL);

	snprintf(to, room, "%s", str_cstr(a, json_text(a, v)));
	arena_free(a);
}

struct op *breakers_report(struct store *s, struct arena *a, const struct json *reports, const struct json *usage, const struct json *waits,
			   op_done_fn *done, void *arg)
{
	(void)s;
	board.n_reports++;
	for (size_t i = 0; i < json_len(reports); i++) {
		const struct json *r = json_at(reports, i);

		snprintf(board.told + strlen(board.told), sizeof board.told - strlen(board.told), "%s/%s/%s/%s/%s ", word(r, "scope"),
			 word(r, "effect"), word(r, "no"), word(r, "open_ms"), json_type(json_getc(r, "probe")) == JSON_NULL ? "-" : "probe");
	}
	if (usage)
		add_text(board.usage, sizeof board.usage, usage);
	for (size_t i = 0; i < json_len(waits); i++)
		snprintf(board.waits + strlen(board.waits), sizeof board.waits - strlen(board.waits), "%s; ", word(json_at(waits, i), "reason"));
	return answer(a, arena_printf(a, "{\"rows\":%s}", board.rows ? board.rows : "[]"), done, arg);
}

struct op *breakers_admit(struct store *s, struct arena *a, const struct json *asks, op_done_fn *done, void *arg)
{
	const char *may = board.next_ask < board.n_asks ? board.asks[board.next_ask++] : NULL;
	struct buf b;

	(void)s;
	board.n_admits++;
	board.n_asked += (int)json_len(asks);
	json_to_int(json_getc(json_at(asks, 0), "most_ms"), &board.most_ms);
	json_to_int(json_getc(json_at(asks, 0), "tokens"), &board.tokens);
	buf_init(&b, a);
	for (size_t i = 0; i < json_len(asks); i++)
		buf_addf(&b, "%s%s", i ? "," : "", may ? may : "[null,0]");
	return answer(a, arena_printf(a, "{\"asks\":[%s],\"rows\":%s}", buf_cstr(&b), board.rows ? board.rows : "[]"), done, arg);
}
