/* wire_openai.c - fuzz target: answers and refusals of a model server, cut anywhere. What comes out as
 * an answer is valid text with an end, and does not depend on the cuts. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/openai_question.h"
#include "gateway/request.h"
#include "wire.h"

static const struct provider provider = {.name = {"p", 1}};
static const struct model model = {.name = {"m", 1}, .id = {"id", 2}, .provider = &provider, .unreserved = true};	/* tells what it charged */
static const struct endpoint endpoint = {.provider = &provider};
static const struct wire_request asked = {.endpoint = &endpoint, .model = &model};

/* What was answered can be sent back: a whole conversation, and JSON with a call for each. */
static void send_back(struct arena *a, struct str in, const struct wire_answer *answer)
{
	static const struct model_tool tool = {.name = {"f", 1}};
	struct endpoint e = {.provider = &provider, .base_url = "https://api.openai.com/v1"};
	struct message *m = ARENA_ARRAY(a, answer->n_calls + 1, struct message);
	struct model_request req = {.messages = m, .n_messages = answer->n_calls + 1, .tools = &tool, .n_tools = 1};
	struct wire_request wire = {.endpoint = &e, .model = &model, .messages = m, .n_messages = req.n_messages, .tools = &tool,
				    .n_tools = 1, .temperature = -1};
	const struct json *v;
	struct err err;

	(void)in;
	m[0] = (struct message){.role = ROLE_ASSISTANT, .text = answer->text, .calls = answer->calls, .n_calls = answer->n_calls,
				.echo = answer->echo};
	for (size_t i = 0; i < answer->n_calls; i++)
		m[i + 1] = (struct message){.role = ROLE_TOOL, .call_id = answer->calls[i].id};
	if (request_check(&req, &err) < 0 || json_parse(a, openai_question(a, &wire), NULL, &v, &err) < 0 ||
	    json_len(json_getc(json_at(json_getc(v, "messages"), 0), "tool_calls")) != answer->n_calls)
		abort();
}

static const struct fuzz_wire target = {.wire = &wire_openai, .asked = &asked, .send_back = send_back};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(&target, data, n);
}
