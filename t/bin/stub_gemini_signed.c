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

/* Bytes in JSON are base64 of either alphabet, padded or not. */
static bool same_bytes(struct str is, const char *wanted)
{
	size_t n = strlen(wanted);

	while (n > 0 && wanted[n - 1] == '=')
		n--;
	while (is.n > 0 && is.p[is.n - 1] == '=')
		is.n--;
	for (size_t i = 0; i < n && is.n == n; i++) {
		char c = is.p[i] == '-' ? '+' : is.p[i] == '_' ? '/' : is.p[i];

		if (c != wanted[i])
			return false;
	}
	return is.n == n;
}

static const char *check_call(const struct json *part, bool is_first, const char *wanted, bool *foreign)
{
	struct str signature = json_str(gemini_get(part, "thoughtSignature"));

	if (!is_first)
		return signature.n ? "a signature on a call that had none" : NULL;
	if (signature.n == 0)
		return "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
		       "correctly, and missing thought_signature may lead to degraded model performance.";
	if (str_is(signature, "skip_thought_signature_validator"))
		*foreign = true;
	else if (!same_bytes(signature, wanted))
		return "Corrupted thought signature.";
	return NULL;
}

/* A turn may come back as several contents of the model, as a client keeps the responses of a stream. */
struct turn {
	size_t number;			/* from 1 */
	size_t n_calls;
	const struct json *last;	/* part */
	bool foreign;			/* a call of somebody else: from there on nobody is strict about texts */
};

static const char *check_parts(struct turn *t, const struct json *parts, const char *wanted)
{
	const char *wrong = NULL;

	for (size_t i = 0; !wrong && i < json_len(parts); i++) {
		t->last = json_at(parts, i);
		if (gemini_get(t->last, "functionCall"))
			wrong = check_call(t->last, t->n_calls++ == 0, wanted, &t->foreign);
	}
	return wrong;
}

static const char *check_end(const struct turn *t, const char *wanted)
{
	if (t->n_calls > 0 || t->number != 3 || t->foreign ||
	    (same_bytes(json_str(gemini_get(t->last, "thoughtSignature")), wanted) && str_is(json_str(json_getc(t->last, "text")), "")))
		return NULL;
	return "the signature behind the text is missing";
}

static const char *check_turns(struct arena *a, const struct question *q, size_t *ret_turns)
{
	struct turn t = {0};
	bool in_turn = false;
	const char *wrong = NULL, *wanted = NULL;

	for (size_t i = 0; !wrong && i < json_len(q->messages); i++) {
		const struct json *content = json_at(q->messages, i);
		bool is_model = str_is(json_str(json_getc(content, "role")), "model");

		if (in_turn && !is_model)
			wrong = check_end(&t, wanted);
		if (is_model && !in_turn) {
			t.n_calls = 0;
			wanted = signature_of(a, q->model, ++t.number);
		}
		if (is_model && !wrong)
			wrong = check_parts(&t, json_getc(content, "parts"), wanted);
		in_turn = is_model;
	}
	*ret_turns = t.number;
	return wrong;
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
