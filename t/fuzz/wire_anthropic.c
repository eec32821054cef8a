/* wire_anthropic.c - fuzz target: answers and refusals of Anthropic's Messages, cut anywhere. What comes out as an answer is
 * valid text with an end, does not depend on the cuts, and can be sent back with what its echo holds. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/anthropic_question.h"
#include "gateway/anthropic_schema.h"
#include "gateway/request.h"
#include "wire.h"

static const struct provider provider = {.name = {"p", 1}, .wire = WIRE_ANTHROPIC};
static const struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .can = CAN_JSON};
static const struct wire_request asked = {.model = &model};

static size_t count(const struct json *content, const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < json_len(content); i++)
		n += str_is(json_str(json_getc(json_at(content, i), "type")), type);
	return n;
}

/* A whole conversation of the answer, twice, so that ids repeat: each turn has its calls and its results. */
static void send_back(struct arena *a, struct str in, const struct wire_answer *answer)
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

	(void)in;
	for (size_t k = 0; k < 2; k++) {
		m[k * turn] = (struct message){.role = ROLE_ASSISTANT, .text = answer->text, .calls = answer->calls, .n_calls = answer->n_calls,
					       .echo = answer->echo};
		for (size_t i = 0; i < answer->n_calls; i++)
			m[k * turn + i + 1] = (struct message){.role = ROLE_TOOL, .call_id = answer->calls[i].id, .is_error = i % 2};
	}
	if (request_check(&req, &err) < 0 || json_parse(a, anthropic_question(a, &wire), NULL, &v, &err) < 0)
		abort();
	v = json_getc(v, "messages");
	for (size_t i = 0; i < json_len(v); i++) {
		uses += count(json_getc(json_at(v, i), "content"), "tool_use");
		results += count(json_getc(json_at(v, i), "content"), "tool_result");
	}
	if (uses != 2 * answer->n_calls || results != uses)
		abort();
}

/* A schema that can be said can be said again, and is then the same. */
static void rewrite(struct arena *a, struct str in)
{
	const struct json *v, *once;

	if (json_parse(a, in, NULL, &v, NULL) == 0 && (once = anthropic_schema(a, v)) && !json_equal(once, anthropic_schema(a, once)))
		abort();
}

static const struct fuzz_wire target = {.wire = &wire_anthropic, .asked = &asked, .send_back = send_back, .apart = rewrite};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(&target, data, n);
}
