/* wire_gemini.c - fuzz target: answers and refusals of the Gemini API, cut anywhere. What comes out as an answer is valid text with
 * an end, does not depend on the cuts, and can be sent back. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gemini_question.h"
#include "gateway/request.h"
#include "wire.h"

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

/* A whole conversation, with each call and its result, and all of the text. */
static void talk_on(struct arena *a, const struct wire_answer *answer, struct str echo)
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

static void send_back(struct arena *a, struct str in, const struct wire_answer *answer)
{
	talk_on(a, answer, answer->echo);
	talk_on(a, answer, in);		/* an echo that somebody made up */
}

static const struct fuzz_wire target = {.wire = &wire_gemini, .asked = &asked, .send_back = send_back};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(&target, data, n);
}
