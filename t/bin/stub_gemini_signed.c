/* stub_gemini_signed.c - model stub/signed: a text and two calls of which the first is signed, then one signed call, then a text with
 * its signature on an empty part behind it. Each must come back on its part as it was, and nothing else may be
 * signed; a call of somebody else may carry the word that Google documents. */
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/json.h"
#include "t/bin/stub_gemini.h"

/* Another one for each model and turn. */
static const char *signature_of(struct arena *a, const char *model, size_t turn)
{
	const char *plain = arena_printf(a, "\xFB\xEF\xFF#%zu#%s#\xFF", turn, model);

	return base64_encode(a, plain, strlen(plain));
}

static const char *check_call(const struct json *part, bool is_first, const char *wanted, bool *foreign)
{
	struct str signature = json_str(json_getc(part, "thoughtSignature"));

	if (!is_first)
		return signature.n ? "a signature on a call that had none" : NULL;
	if (signature.n == 0)
		return "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
		       "correctly, and missing thought_signature may lead to degraded model performance.";
	if (str_is(signature, "skip_thought_signature_validator"))
		*foreign = true;
	else if (!str_is(signature, wanted))
		return "Corrupted thought signature.";
	return NULL;
}

static const char *check_turn(const struct json *content, size_t turn, const char *wanted, bool *foreign)
{
	const struct json *parts = json_getc(content, "parts"), *last = json_at(parts, json_len(parts) - 1);
	size_t n_calls = 0;
	const char *wrong;

	for (size_t i = 0; i < json_len(parts); i++)
		if (json_getc(json_at(parts, i), "functionCall") &&
		    (wrong = check_call(json_at(parts, i), n_calls++ == 0, wanted, foreign)))
			return wrong;
	if (n_calls == 0 && turn == 3 && !*foreign &&
	    (!str_is(json_str(json_getc(last, "thoughtSignature")), wanted) || !str_is(json_str(json_getc(last, "text")), "")))
		return "the signature behind the text is missing";
	return NULL;
}

static const char *check_turns(struct arena *a, const struct question *q, size_t *ret_turns)
{
	const char *wrong;
	bool foreign = false;

	*ret_turns = 0;
	for (size_t i = 0; i < json_len(q->messages); i++) {
		const struct json *content = json_at(q->messages, i);

		if (!str_is(json_str(json_getc(content, "role")), "model"))
			continue;
		++*ret_turns;
		wrong = check_turn(content, *ret_turns, signature_of(a, q->model, *ret_turns), &foreign);
		if (wrong)
			return wrong;
	}
	return NULL;
}

void gemini_play_signed(struct gemini_stream *g, const struct question *q)
{
	struct arena *a = g->s.c->arena;
	size_t turns;
	const char *wrong = check_turns(a, q, &turns), *signature = signature_of(a, q->model, turns + 1);

	if (wrong) {
		gemini_error(g->s.c, 400, "INVALID_ARGUMENT", wrong, NULL);
		return;
	}
	gemini_begin(g);
	if (turns == 0) {
		gemini_send(g, "{\"text\":\"I \"}", NULL, NULL, "");
		gemini_send(g, "{\"text\":\"look.\"}", NULL, NULL, "");
		gemini_send(g, arena_printf(a, "{\"functionCall\":{\"name\":\"kb_read\",\"args\":{\"id\":1}},\"thoughtSignature\":\"%s\"},"
					    "{\"functionCall\":{\"name\":\"now\",\"args\":{}}}", signature), "STOP", q->usage, "");
	} else if (turns == 1) {
		gemini_send(g, arena_printf(a, "{\"functionCall\":{\"name\":\"now\"},\"thoughtSignature\":\"%s\"}", signature), "STOP",
			    q->usage, "");
	} else {
		send_pieces(&g->s, turns == 2 ? str_from(stub.text) : STR("All signatures came back."), 3);
		gemini_send(g, arena_printf(a, "{\"text\":\"\",\"thoughtSignature\":\"%s\"}", signature), "STOP", q->usage, "");
	}
	gemini_end(g);
}
