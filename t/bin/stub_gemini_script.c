/* stub_gemini_script.c - plays the script of a question (stub_script.h). Which turn it is tell the contents of the model. */
#include "base/arena.h"
#include "base/json.h"
#include "t/bin/stub_gemini.h"
#include "t/bin/stub_script.h"

static struct str find_script(const struct json *contents)
{
	for (size_t i = 0; i < json_len(contents); i++) {
		const struct json *parts = json_getc(json_at(contents, i), "parts");

		for (size_t k = 0; k < json_len(parts); k++) {
			struct str script = script_in(json_str(json_getc(json_at(parts, k), "text")));

			if (script.n > 0 && !str_is(json_str(json_getc(json_at(contents, i), "role")), "model"))
				return script;
		}
	}
	return STR("");
}

/* From 1. Contents of the model one behind the other are one turn. */
static int turn_of(const struct json *contents)
{
	bool was_model = false;
	int turn = 1;

	for (size_t i = 0; i < json_len(contents); i++) {
		bool is_model = str_is(json_str(json_getc(json_at(contents, i), "role")), "model");

		turn += is_model && !was_model;
		was_model = is_model;
	}
	return turn;
}

static struct str last_results(struct arena *a, const struct json *contents)
{
	const struct json *parts = json_getc(json_at(contents, json_len(contents) - 1), "parts");
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(parts); i++) {
		const struct json *response = json_getc(gemini_get(json_at(parts, i), "functionResponse"), "response");
		const struct json *output = json_getc(response, "output");

		if (!response)
			continue;
		if (b.n > 0)
			buf_addc(&b, '\n');
		if (json_str(output).p)
			buf_addstr(&b, json_str(output));
		else
			json_write(&b, output ? output : response);
	}
	return buf_str(&b);
}

static const char *call_part(struct arena *a, struct str name, struct str args)
{
	const struct json *v;
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"functionCall\":{\"name\":");
	json_write_string(&b, name);
	if (args.n > 0) {
		buf_adds(&b, ",\"args\":");
		if (json_parse(a, args, NULL, &v, NULL) == 0)
			json_write(&b, v);
		else
			json_write_string(&b, args);
	}
	buf_adds(&b, "}}");
	return buf_cstr(&b);
}

void gemini_play_script(struct gemini_stream *g, const struct question *q)
{
	struct arena *a = g->s.c->arena;
	struct script_turn *t = script_turn(a, find_script(q->messages), turn_of(q->messages));

	if (!t->exists)
		t->text = str_from(stub.text);
	else if (t->results)
		t->text = last_results(a, q->messages);
	begin_stream(&g->s, "", t->delay_ms);
	if (t->text.n > 0)
		send_pieces(&g->s, t->text, 3);
	for (size_t i = 0; i < t->n; i++)
		gemini_send(g, call_part(a, t->names[i], t->args[i]), NULL, NULL, "");
	g->s.voice->end(&g->s, q->usage);
}
