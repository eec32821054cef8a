/* gemini_echo.c - gathers the parts of a turn, and writes them again. */
#include "gateway/gemini_echo.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/routing.h"
#include "gateway/gateway.h"
#include "gateway/gemini_question.h"
#include "gateway/question.h"

enum { PARTS_MAX = 4096 };

/* What Google documents for calls that another model made. */
static const char no_signature[] = "skip_thought_signature_validator";

enum part_kind { PART_TEXT, PART_THOUGHT, PART_CALL };

struct gemini_part {
	enum part_kind kind;
	struct str text;		/* of a thought; the id of a call */
	size_t n;			/* bytes of a text */
	struct str signature;		/* "": none */
};

/* --- gathering --- */

void gemini_echo_init(struct gemini_echo *e, struct arena *a)
{
	*e = (struct gemini_echo){.arena = a};
}

static void add_part(struct gemini_echo *e, enum part_kind kind, struct str text, size_t n, struct str signature)
{
	e->bytes += text.n + signature.n;
	if (e->bytes > ECHO_MAX || e->n == PARTS_MAX) {
		e->bytes = ECHO_MAX + 1;
		return;
	}
	if (e->n == e->room) {
		size_t room = e->room ? 4 * e->room : 16;
		struct gemini_part *parts = ARENA_ARRAY(e->arena, room, struct gemini_part);

		for (size_t i = 0; i < e->n; i++)
			parts[i] = e->parts[i];
		e->parts = parts;
		e->room = room;
	}
	e->parts[e->n++] = (struct gemini_part){kind, str_dup(e->arena, text), n, str_dup(e->arena, signature)};
}

/* Pieces without a signature are one text; what is signed stays a part of its own. */
void gemini_echo_text(struct gemini_echo *e, struct str text, struct str signature)
{
	struct gemini_part *last = e->n ? &e->parts[e->n - 1] : NULL;

	if (signature.n == 0 && text.n == 0)
		return;
	if (signature.n == 0 && last && last->kind == PART_TEXT && last->signature.n == 0)
		last->n += text.n;
	else
		add_part(e, PART_TEXT, STR(""), text.n, signature);
}

void gemini_echo_thought(struct gemini_echo *e, struct str text, struct str signature)
{
	if (signature.n > 0)
		add_part(e, PART_THOUGHT, text, 0, signature);
}

void gemini_echo_call(struct gemini_echo *e, struct str id, struct str signature)
{
	add_part(e, PART_CALL, id, 0, signature);
}

static const struct json *part_value(struct arena *a, const struct gemini_part *p, const struct tool_call **calls)
{
	struct json_builder b;

	json_object_begin(&b, a);
	if (p->kind == PART_TEXT)
		json_object_setc(&b, "text", json_int(a, (int64_t)p->n));
	else if (p->kind == PART_THOUGHT)
		json_object_setc(&b, "thought", json_string(a, p->text));
	else
		json_object_setc(&b, "call", json_bool(p->text.n > 0 && str_eq(p->text, (*calls)++->id)));
	if (p->signature.n > 0)
		json_object_setc(&b, "signature", json_string(a, p->signature));
	return json_object_end(&b);
}

struct str gemini_echo_end(const struct gemini_echo *e, const struct model *m, const struct tool_call *calls)
{
	struct json_builder b, list;
	struct str text;
	bool needed = false;

	for (size_t i = 0; i < e->n; i++)
		needed = needed || e->parts[i].signature.n > 0 || (e->parts[i].kind == PART_CALL && e->parts[i].text.n > 0);
	if (!needed || e->bytes > ECHO_MAX)
		return STR("");
	json_array_begin(&list, e->arena);
	for (size_t i = 0; i < e->n; i++)
		json_array_add(&list, part_value(e->arena, &e->parts[i], &calls));
	json_object_begin(&b, e->arena);
	json_object_setc(&b, "model", json_string(e->arena, echo_tag(e->arena, m)));
	json_object_setc(&b, "parts", json_array_end(&list));
	text = json_text(e->arena, json_object_end(&b));
	return text.n <= ECHO_MAX ? text : STR("");
}

/* --- giving back --- */

struct turn {
	struct buf *b;
	struct arena *a;
	const struct message *m;
	const struct json *parts;	/* of the echo; NULL: none that fits the calls */
	bool text_fits;
	bool wants_signature;
	size_t n_written, call;		/* parts; the next call */
	size_t at;			/* the next byte of the text */
};

/* Gemini 3 and what came after it refuse a turn of calls without one. */
static bool wants_signature(struct str id)
{
	struct str rest;

	if (str_starts(id, STR("models/")))
		id = str_sub(id, 7, id.n);
	rest = str_sub(id, 7, id.n);
	return str_starts(id, STR("gemini-")) && !str_starts(rest, STR("1")) && !str_starts(rest, STR("2"));
}

static bool is_char_begin(struct str s, size_t at)
{
	return at == s.n || ((unsigned char)s.p[at] & 0xC0) != 0x80;
}

static const struct json *parts_of(struct arena *a, const struct model *model, const struct message *m, bool *ret_text_fits)
{
	const struct json *parts = json_getc(echo_read(a, model, m->echo), "parts");
	size_t calls = 0, text = 0;
	int64_t n;

	*ret_text_fits = true;
	for (size_t i = 0; i < json_len(parts); i++) {
		const struct json *p = json_at(parts, i);

		if (json_getc(p, "call"))
			calls++;
		if (!json_to_int(json_getc(p, "text"), &n))
			continue;
		if (n < 0 || (size_t)n > m->text.n - text || !is_char_begin(m->text, text + (size_t)n))
			*ret_text_fits = false;
		else
			text += (size_t)n;
	}
	if (text != m->text.n)
		*ret_text_fits = false;
	return calls == m->n_calls ? parts : NULL;
}

static void begin_part(struct turn *t)
{
	buf_adds(t->b, t->n_written++ ? ",{" : "{");
}

static void end_part(struct turn *t, struct str signature)
{
	if (signature.n > 0) {
		question_key(t->b, "thoughtSignature");
		json_write_string(t->b, signature);
	}
	buf_addc(t->b, '}');
}

static void write_text(struct turn *t, struct str text, bool thought, struct str signature)
{
	begin_part(t);
	buf_adds(t->b, "\"text\":");
	json_write_string(t->b, text);
	if (thought)
		buf_adds(t->b, ",\"thought\":true");
	end_part(t, signature);
}

static void write_call(struct turn *t, bool own_id, struct str signature)
{
	const struct tool_call *c = &t->m->calls[t->call];
	const struct json *args;

	if (t->call++ == 0 && signature.n == 0 && t->wants_signature)
		signature = STR(no_signature);
	begin_part(t);
	buf_adds(t->b, "\"functionCall\":{\"name\":");
	question_name(t->b, gemini_tool_name(t->a, c->name));
	if (own_id) {
		question_key(t->b, "id");
		json_write_string(t->b, c->id);
	}
	question_args(t->a, c->args, &args);
	question_key(t->b, "args");
	json_write(t->b, args);
	buf_addc(t->b, '}');
	end_part(t, signature);
}

/* A part of the echo, with what the turn holds now. */
static void write_part(struct turn *t, const struct json *part)
{
	struct str signature = json_str(json_getc(part, "signature"));
	const struct json *call = json_getc(part, "call"), *thought = json_getc(part, "thought");
	int64_t n;

	if (call) {
		write_call(t, json_is_true(call), signature);
	} else if (t->text_fits && thought) {
		write_text(t, json_str(thought), true, signature);
	} else if (t->text_fits && json_to_int(json_getc(part, "text"), &n)) {
		write_text(t, str_sub(t->m->text, t->at, (size_t)n), false, signature);
		t->at += (size_t)n;
	}
}

void gemini_write_turn(struct buf *b, struct arena *a, const struct model *m, const struct message *turn)
{
	struct turn t = {.b = b, .a = a, .m = turn, .wants_signature = wants_signature(m->id)};

	t.parts = parts_of(a, m, turn, &t.text_fits);
	if (turn->text.n > 0 && (!t.parts || !t.text_fits))
		write_text(&t, turn->text, false, STR_NONE);
	for (size_t i = 0; i < json_len(t.parts); i++)
		write_part(&t, json_at(t.parts, i));
	while (t.call < turn->n_calls)
		write_call(&t, false, STR_NONE);
	if (t.n_written == 0)
		write_text(&t, STR(""), false, STR_NONE);
}

void gemini_own_ids(struct arena *a, const struct model *m, const struct message *turn, bool *ret)
{
	bool text_fits;
	const struct json *parts = parts_of(a, m, turn, &text_fits);
	size_t k = 0;

	for (size_t i = 0; i < turn->n_calls; i++)
		ret[i] = false;
	for (size_t i = 0; i < json_len(parts); i++)
		if (json_getc(json_at(parts, i), "call"))
			ret[k++] = json_is_true(json_getc(json_at(parts, i), "call"));
}
