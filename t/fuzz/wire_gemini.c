/* wire_gemini.c - fuzz target: answers and refusals of the Gemini API, cut anywhere. What comes out as an answer is valid text with
 * an end, does not depend on the cuts, and can be sent back. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/gemini_answer.h"
#include "gateway/gemini_echo.h"
#include "gateway/gemini_question.h"
#include "gateway/refusal.h"
#include "gateway/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct provider provider = {.name = {"p", 1}};
static const struct model model = {.name = {"m", 1}, .id = {"gemini-3-x", 10}, .provider = &provider};
static const struct model_tool tools[] = {{.name = {"f", 1}}, {.name = {"1st", 3}}};
static const struct wire_request asked = {.model = &model, .tools = tools, .n_tools = 2};

static size_t count(const struct json *contents, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(contents); i++) {
		const struct json *parts = json_getc(json_at(contents, i), "parts");

		for (size_t k = 0; k < json_len(parts); k++)
			n += json_getc(json_at(parts, k), key) != NULL;
	}
	return n;
}

/* What was answered can be sent back: a whole conversation, with each call and its result, and all of the text. */
static void send_back(struct arena *a, const struct wire_answer *answer, struct str echo)
{
	struct message *m = ARENA_ARRAY(a, answer->n_calls + 2, struct message);
	struct model_request req = {.messages = m, .n_messages = answer->n_calls + 2, .tools = tools, .n_tools = 2};
	struct wire_request wire = asked;
	const struct json *v;
	struct err err;

	m[0] = (struct message){.role = ROLE_USER, .text = STR("q")};
	m[1] = (struct message){.role = ROLE_ASSISTANT, .text = answer->text, .calls = answer->calls, .n_calls = answer->n_calls,
				.echo = echo};
	for (size_t i = 0; i < answer->n_calls; i++)
		m[i + 2] = (struct message){.role = ROLE_TOOL, .call_id = answer->calls[i].id, .text = answer->text};
	wire.messages = m;
	wire.n_messages = req.n_messages;
	wire.temperature = -1;
	if (request_check(&req, &err) < 0 || json_parse(a, gemini_question(a, &wire), NULL, &v, &err) < 0 ||
	    count(json_getc(v, "contents"), "functionCall") != answer->n_calls ||
	    count(json_getc(v, "contents"), "functionResponse") != answer->n_calls)
		abort();
}

static bool calls_alike(const struct wire_answer *x, const struct wire_answer *y)
{
	for (size_t i = 0; i < x->n_calls && x->n_calls == y->n_calls; i++)	/* ids may have been made */
		if (!str_eq(x->calls[i].name, y->calls[i].name) || !str_eq(x->calls[i].args, y->calls[i].args))
			return false;
	return x->n_calls == y->n_calls && str_eq(x->echo, y->echo);
}

static enum err_code run(struct arena *a, struct str in, size_t step, const struct wire_answer **ret)
{
	struct gemini_decoder *d = gemini_decoder_new(a, &asked);
	struct err err;
	int status = 0;

	err_clear(&err);
	for (size_t from = 0; from < in.n && status == 0; from += step)
		status = gemini_decoder_piece(d, str_sub(in, from, step), &err);
	if (status == 0)
		status = gemini_decoder_end(d, &err);
	*ret = gemini_decoder_answer(d);
	if ((status < 0) != (err.code != ERR_NONE) || !utf8_valid(str_from(err.msg)))
		abort();
	if (status == 0 && ((*ret)->finish_reason.n == 0 || ((*ret)->text.n == 0 && (*ret)->n_calls == 0)))
		abort();
	if (!utf8_valid((*ret)->text) || str_chr((*ret)->text, '\0') >= 0)
		abort();
	if (status == 0) {
		if ((*ret)->echo.n > 0 && !echo_read(a, &model, (*ret)->echo))
			abort();
		send_back(a, *ret, (*ret)->echo);
		send_back(a, *ret, in);		/* an echo that somebody made up */
	}
	return err.code;
}

static void refuse(struct arena *a, struct str in, int status)
{
	struct http_result r = {.status = status, .body = in};
	struct err err;

	if (refusal_of_answer(a, &r, &err) != -1 || err.code == ERR_NONE || !utf8_valid(str_from(err.msg)) || err.retry_after_ms < 0)
		abort();
}

/* The first byte chooses the size of the pieces, or a status. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(NULL);
	const struct wire_answer *whole, *cut;
	struct str in = {(const char *)data, n};

	if (n > 0) {
		in = str_sub(in, 1, n);
		if (data[0] >= 128)
			refuse(a, in, 300 + (data[0] - 128) * 2);
		else if (run(a, in, n, &whole) != run(a, in, (size_t)data[0] % 16 + 1, &cut) || !str_eq(whole->text, cut->text) ||
			 !calls_alike(whole, cut))
			abort();
	}
	arena_free(a);
	return 0;
}
