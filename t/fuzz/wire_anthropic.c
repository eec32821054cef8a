/* wire_anthropic.c - fuzz target: answers and refusals of Anthropic's Messages, cut anywhere. What comes out as an answer is
 * valid text with an end, does not depend on the cuts, and can be sent back with what its echo holds. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/anthropic_answer.h"
#include "gateway/anthropic_error.h"
#include "gateway/anthropic_question.h"
#include "gateway/anthropic_schema.h"
#include "gateway/echo.h"
#include "gateway/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct provider provider = {.name = {"p", 1}, .wire = WIRE_ANTHROPIC};
static const struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .can = CAN_JSON};

static size_t count(const struct json *content, const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(content); i++)
		n += str_is(json_str(json_getc(json_at(content, i), "type")), type);
	return n;
}

/* A whole conversation of the answer, twice, so that ids repeat: each turn has its calls and its results. */
static void send_back(struct arena *a, const struct wire_answer *answer)
{
	static const struct model_tool tool = {.name = {"f", 1}};
	size_t turn = answer->n_calls + 1, n = 2 * turn;
	struct endpoint e = {.provider = &provider, .base_url = "https://api.anthropic.com"};
	struct message *m = ARENA_ARRAY(a, n, struct message);
	struct model_request req = {.messages = m, .n_messages = n, .tools = &tool, .n_tools = 1};
	struct wire_request wire = {.endpoint = &e, .model = &model, .messages = m, .n_messages = n, .tools = &tool, .n_tools = 1,
				    .temperature = -1};
	size_t uses = 0, results = 0;
	const struct json *v;
	struct err err;

	for (size_t k = 0; k < 2; k++) {
		m[k * turn] = (struct message){.role = ROLE_ASSISTANT, .text = answer->text, .calls = answer->calls, .n_calls = answer->n_calls,
					       .echo = answer->echo};
		for (size_t i = 0; i < answer->n_calls; i++)
			m[k * turn + i + 1] = (struct message){.role = ROLE_TOOL, .call_id = answer->calls[i].id, .is_error = i % 2};
	}
	if (request_check(&req, &err) < 0 || json_parse(a, anthropic_question(a, &wire), NULL, &v, &err) < 0 ||
	    (answer->echo.n > 0 && !echo_read(a, &model, answer->echo)))
		abort();
	v = json_getc(v, "messages");
	for (size_t i = 0; i < json_len(v); i++) {
		uses += count(json_getc(json_at(v, i), "content"), "tool_use");
		results += count(json_getc(json_at(v, i), "content"), "tool_result");
	}
	if (uses != 2 * answer->n_calls || results != uses)
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
	struct anthropic_decoder *d = anthropic_decoder_new(a, &model);
	struct err err;
	int status = 0;

	err_clear(&err);
	for (size_t from = 0; from < in.n && status == 0; from += step)
		status = anthropic_decoder_piece(d, str_sub(in, from, step), &err);
	if (status == 0)
		status = anthropic_decoder_end(d, &err);
	*ret = anthropic_decoder_answer(d);
	if ((status < 0) != (err.code != ERR_NONE) || !utf8_valid(str_from(err.msg)))
		abort();
	if (status == 0 && ((*ret)->finish_reason.n == 0 || ((*ret)->text.n == 0 && (*ret)->n_calls == 0)))
		abort();
	if (!utf8_valid((*ret)->text) || str_chr((*ret)->text, '\0') >= 0)
		abort();
	if (status == 0)
		send_back(a, *ret);
	return err.code;
}

static void refuse(struct arena *a, struct str in, int status)
{
	struct http_result r = {.status = status, .body = in};
	struct err err;

	if (anthropic_error_of_answer(a, &r, &err) != -1 || err.code == ERR_NONE || !utf8_valid(str_from(err.msg)) || err.retry_after_ms < 0)
		abort();
}

/* A schema that can be said can be said again, and is then the same. */
static void rewrite(struct arena *a, struct str in)
{
	const struct json *v, *once;

	if (json_parse(a, in, NULL, &v, NULL) == 0 && (once = anthropic_schema(a, v)) && !json_equal(once, anthropic_schema(a, once)))
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
		if (data[0] >= 192)
			rewrite(a, in);
		else if (data[0] >= 128)
			refuse(a, in, 300 + (data[0] - 128) * 4);
		else if (run(a, in, n, &whole) != run(a, in, (size_t)data[0] % 16 + 1, &cut) || !str_eq(whole->text, cut->text) ||
			 !calls_alike(whole, cut))
			abort();
	}
	arena_free(a);
	return 0;
}
