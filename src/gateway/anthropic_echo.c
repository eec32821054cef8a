/* anthropic_echo.c - gathers the blocks of an answer, and writes those that go back. */
#include "gateway/anthropic_echo.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/echo.h"

void blocks_init(struct block_list *l, struct arena *a)
{
	*l = (struct block_list){.arena = a};
}

struct block *blocks_begin(struct block_list *l, int64_t index, enum block_kind kind, const struct json *start)
{
	struct block *b;

	if (l->n == BLOCKS_MAX)
		return NULL;
	l->n++;
	b = ARENA_NEW(l->arena, struct block);
	b->index = index;
	b->kind = kind;
	buf_init(&b->thinking, l->arena);
	if (start) {
		l->bytes += json_size(start);
		if (l->bytes <= ECHO_MAX)
			b->start = json_copy(l->arena, start);
	}
	if (l->last)
		l->last->next = b;
	else
		l->first = b;
	l->last = b;
	return b;
}

/* Pieces are of the last block, unless a server mixes them. */
struct block *blocks_find(const struct block_list *l, int64_t index)
{
	struct block *found = NULL;

	if (l->last && l->last->index == index)
		return l->last;
	for (struct block *b = l->first; b; b = b->next)
		if (b->index == index)
			found = b;
	return found;
}

void blocks_think(struct block_list *l, struct block *b, struct str more)
{
	l->bytes += more.n;
	if (l->bytes <= ECHO_MAX)
		buf_addstr(&b->thinking, more);
}

void blocks_sign(struct block_list *l, struct block *b, struct str signature)
{
	l->bytes += signature.n;
	if (l->bytes <= ECHO_MAX)
		b->signature = str_dup(l->arena, signature);
}

/* --- the text of it --- */

/* Thinking without its signature is refused. */
static bool goes_back(const struct block *b)
{
	return (b->kind == BLOCK_THINKING && b->signature.n > 0) || (b->kind == BLOCK_OTHER && !b->is_partial);
}

static const struct json *value_of(struct arena *a, const struct block *b)
{
	struct json_builder o;

	if (b->kind == BLOCK_OTHER)
		return b->start;
	if (b->kind == BLOCK_THINKING) {
		json_object_begin_from(&o, a, b->start);
		json_object_setc(&o, "thinking", json_string(a, buf_str(&b->thinking)));
		json_object_setc(&o, "signature", json_string(a, b->signature));
	} else {
		json_object_begin(&o, a);
		json_object_setc(&o, b->kind == BLOCK_TEXT ? "text" : "call",
				 json_int(a, (int64_t)(b->kind == BLOCK_TEXT ? b->text_bytes : b->call)));
	}
	return json_object_end(&o);
}

struct str blocks_echo(const struct block_list *l, const struct model *m)
{
	struct arena *a = l->arena;
	struct json_builder b, list;
	bool any = false;
	struct str text;

	if (l->bytes > ECHO_MAX)
		return STR("");
	json_array_begin(&list, a);
	for (const struct block *k = l->first; k; k = k->next) {
		any = any || goes_back(k);
		if (k->kind == BLOCK_TEXT || k->kind == BLOCK_CALL || goes_back(k))
			json_array_add(&list, value_of(a, k));
	}
	if (!any)
		return STR("");
	json_object_begin(&b, a);
	json_object_setc(&b, "model", json_string(a, echo_tag(a, m)));
	json_object_setc(&b, "blocks", json_array_end(&list));
	text = json_text(a, json_object_end(&b));
	return text.n <= ECHO_MAX ? text : STR("");
}
