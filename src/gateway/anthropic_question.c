/* anthropic_question.c - writes the body of a message: turns out of messages, blocks out of what was said. */
#include "gateway/anthropic_question.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "gateway/anthropic_schema.h"
#include "gateway/echo.h"
#include "gateway/question.h"
#include "gateway/wire.h"

enum { ID_MAX = 64 };	/* bytes of a call's id that go as they are */

struct writer {
	struct buf b;
	struct arena *a;
	const struct wire_request *req;
	const char *role;		/* of the turn that is open; NULL: none yet */
};

static bool is_blank(struct str text)
{
	return str_trim(text).n == 0;
}

/* --- turns and blocks --- */

static void begin_turn(struct writer *w, const char *role)
{
	buf_addf(&w->b, "%s{\"role\":\"%s\",\"content\":[", w->role ? "]}," : "", role);
	w->role = role;
}

static void add_text(struct writer *w, const char *role, struct str text);

static void begin_block(struct writer *w, const char *role)
{
	bool answers = strcmp(role, "assistant") == 0;

	if (w->role && strcmp(w->role, role) == 0) {
		buf_addc(&w->b, ',');
		return;
	}
	if (!w->role && answers)	/* the first word is the user's */
		add_text(w, "user", STR("(What was asked is left out.)"));
	begin_turn(w, role);
}

static void add_text(struct writer *w, const char *role, struct str text)
{
	if (is_blank(text))
		return;
	begin_block(w, role);
	buf_adds(&w->b, "{\"type\":\"text\",\"text\":");
	json_write_string(&w->b, text);
	buf_addc(&w->b, '}');
}

/* --- tool calls that were made --- */

static bool is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return id.n > 0 && id.n <= ID_MAX;
}

static bool was_used(const struct writer *w, size_t before, struct str id)
{
	for (size_t i = 0; i < before; i++)
		for (size_t k = 0; k < w->req->messages[i].n_calls; k++)
			if (str_eq(w->req->messages[i].calls[k].id, id))
				return true;
	return false;
}

/* Of a call of messages[turn]. Ids are of one pattern there, and no two calls of a conversation may have the same; one may
 * come from another server. */
static void add_id(struct writer *w, size_t turn, struct str id)
{
	struct digest d;
	char hex[65];

	if (is_id(id) && !was_used(w, turn, id)) {
		json_write_string(&w->b, id);
		return;
	}
	digest_of(str_from(arena_printf(w->a, "%zu:" STR_FMT, turn, STR_ARG(id))), &d);
	digest_hex(&d, hex);
	buf_addf(&w->b, "\"call_%.32s\"", hex);
}

static void add_call(struct writer *w, size_t turn, const struct tool_call *c)
{
	const struct json *args;

	question_args(w->a, c->args, &args);
	begin_block(w, "assistant");
	buf_adds(&w->b, "{\"type\":\"tool_use\",\"id\":");
	add_id(w, turn, c->id);
	question_key(&w->b, "name");
	question_name(&w->b, c->name);
	question_key(&w->b, "input");
	json_write(&w->b, args);
	buf_addc(&w->b, '}');
}

static void add_result(struct writer *w, size_t turn, const struct message *m)
{
	begin_block(w, "user");
	buf_adds(&w->b, "{\"type\":\"tool_result\",\"tool_use_id\":");
	add_id(w, turn, m->call_id);
	if (!is_blank(m->text)) {
		question_key(&w->b, "content");
		json_write_string(&w->b, m->text);
	}
	if (m->is_error)
		buf_adds(&w->b, ",\"is_error\":true");
	buf_addc(&w->b, '}');
}

/* --- an earlier answer --- */

static void add_block(struct writer *w, const struct json *block)
{
	begin_block(w, "assistant");
	json_write(&w->b, block);
}

/* Is it the turn that the echo is of? Texts may have been masked since. */
static bool fits(const struct message *m, const struct json *blocks)
{
	int64_t bytes = 0, calls = 0, n;

	for (size_t i = 0; i < json_len(blocks); i++) {
		const struct json *b = json_at(blocks, i);

		if (json_to_int(json_getc(b, "text"), &n)) {
			if (n < 0 || n > (int64_t)m->text.n - bytes)
				return false;
			bytes += n;
		} else if (json_to_int(json_getc(b, "call"), &n) && n != calls++) {
			return false;
		}
	}
	return bytes == (int64_t)m->text.n && calls == (int64_t)m->n_calls;
}

static void add_in_order(struct writer *w, size_t turn, const struct json *blocks)
{
	const struct message *m = &w->req->messages[turn];
	size_t from = 0, call = 0;

	for (size_t i = 0; i < json_len(blocks); i++) {
		const struct json *b = json_at(blocks, i);
		int64_t n;

		if (json_to_int(json_getc(b, "text"), &n)) {
			add_text(w, "assistant", str_sub(m->text, from, (size_t)n));
			from += (size_t)n;
		} else if (json_getc(b, "call")) {
			add_call(w, turn, &m->calls[call++]);
		} else {
			add_block(w, b);
		}
	}
}

static void add_answer(struct writer *w, size_t turn)
{
	const struct message *m = &w->req->messages[turn];
	const struct json *blocks = json_getc(echo_read(w->a, w->req->model, m->echo), "blocks");

	if (blocks && fits(m, blocks)) {
		add_in_order(w, turn, blocks);
		return;
	}
	for (size_t i = 0; i < json_len(blocks); i++)
		if (json_getc(json_at(blocks, i), "type"))
			add_block(w, json_at(blocks, i));
	add_text(w, "assistant", m->text);
	for (size_t i = 0; i < m->n_calls; i++)
		add_call(w, turn, &m->calls[i]);
}

static void add_messages(struct writer *w)
{
	const struct wire_request *req = w->req;
	size_t turn = 0;		/* the last that made calls */

	question_key(&w->b, "messages");
	buf_addc(&w->b, '[');
	for (size_t i = 0; i < req->n_messages; i++) {
		const struct message *m = &req->messages[i];

		if (m->role == ROLE_USER)
			add_text(w, "user", m->text);
		else if (m->role == ROLE_TOOL)
			add_result(w, turn, m);
		else if (m->role == ROLE_ASSISTANT)
			add_answer(w, turn = i);
	}
	if (!w->role)
		add_text(w, "user", STR("(Nothing was asked.)"));
	buf_adds(&w->b, "]}]");
}

/* --- the question --- */

static void add_system_text(struct buf *b, struct str text)
{
	if (is_blank(text))
		return;
	if (b->n > 0)
		buf_adds(b, "\n\n");
	buf_addstr(b, text);
}

static void add_system(struct writer *w, const struct json *told)
{
	struct buf text;

	buf_init(&text, w->a);
	if (told)
		question_told_schema(&text, told);
	for (size_t i = 0; i < w->req->n_messages; i++)
		if (w->req->messages[i].role == ROLE_SYSTEM)
			add_system_text(&text, w->req->messages[i].text);
	if (text.n == 0)
		return;
	question_key(&w->b, "system");
	json_write_string(&w->b, buf_str(&text));
}

static void add_tools(struct writer *w)
{
	struct buf *b = &w->b;

	question_key(b, "tools");
	buf_addc(b, '[');
	for (size_t i = 0; i < w->req->n_tools; i++) {
		const struct model_tool *t = &w->req->tools[i];

		buf_adds(b, i ? ",{\"name\":" : "{\"name\":");
		json_write_string(b, t->name);
		if (t->description.n > 0) {
			question_key(b, "description");
			json_write_string(b, t->description);
		}
		question_key(b, "input_schema");
		question_tool_schema(b, t->args);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

struct str anthropic_question(struct arena *a, const struct wire_request *req)
{
	struct writer w = {.a = a, .req = req};
	const struct json *format = req->output && (req->model->can & CAN_JSON) ? anthropic_schema(a, req->output) : NULL;
	double most = 1;		/* others take up to 2 */

	buf_init(&w.b, a);
	buf_adds(&w.b, "{\"model\":");
	json_write_string(&w.b, req->model->id);
	buf_addf(&w.b, ",\"max_tokens\":%lld", (long long)(req->max_output > 0 ? req->max_output : ANTHROPIC_MAX_OUTPUT));
	add_system(&w, format ? NULL : req->output);
	add_messages(&w);
	if (req->n_tools > 0)
		add_tools(&w);
	if (req->temperature >= 0) {
		question_key(&w.b, "temperature");
		json_write(&w.b, json_double(a, req->temperature < most ? req->temperature : most));
	}
	if (format) {
		question_key(&w.b, "output_config");
		buf_adds(&w.b, "{\"format\":{\"type\":\"json_schema\",\"schema\":");
		json_write(&w.b, format);
		buf_adds(&w.b, "}}");
	}
	buf_adds(&w.b, ",\"stream\":true}");
	return buf_str(&w.b);
}
