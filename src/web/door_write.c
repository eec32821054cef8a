/* door_write.c - see door_write.h. */
#include "web/door_write.h"

#include <inttypes.h>

#include "base/json.h"
#include "gateway/gateway.h"

enum { CHUNK_BYTES = 16384 };

static void add_head(struct buf *out, const struct door_head *h, const char *object)
{
	char id[37];

	uuid_format(&h->id, id);
	buf_addf(out, "{\"id\":\"chatcmpl-%s\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":", id, object, h->created_s);
	json_write_string(out, h->model);
}

static void add_calls(struct buf *out, const struct model_answer *answer, bool index)
{
	buf_adds(out, "\"tool_calls\":[");
	for (size_t i = 0; i < answer->n_tool_calls; i++) {
		const struct tool_call *c = &answer->tool_calls[i];

		buf_adds(out, i ? ",{" : "{");
		if (index)
			buf_addf(out, "\"index\":%zu,", i);
		buf_adds(out, "\"id\":");
		json_write_string(out, c->id);
		buf_adds(out, ",\"type\":\"function\",\"function\":{\"name\":");
		json_write_string(out, c->name);
		buf_adds(out, ",\"arguments\":");
		json_write_string(out, c->args.n ? c->args : STR("{}"));
		buf_adds(out, "}}");
	}
	buf_addc(out, ']');
}

/* Providers that say nothing leave zeros: clients add these up. */
static void add_usage(struct buf *out, const struct model_answer *answer)
{
	const struct usage *u = &answer->usage;
	int64_t written = u->in_write_5m + u->in_write_1h, in = u->in_fresh + u->in_cached + written, text = u->out_text + u->out_reason;

	buf_addf(out, "\"usage\":{\"prompt_tokens\":%" PRId64 ",\"completion_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64
		 ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRId64 ",\"audio_tokens\":0},"
		 "\"completion_tokens_details\":{\"reasoning_tokens\":%" PRId64 ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
		 "\"rejected_prediction_tokens\":0}}", in, text, in + text, u->in_cached, u->out_reason);
}

void door_write_whole(struct buf *out, const struct door_head *h, const struct model_answer *answer)
{
	add_head(out, h, "chat.completion");
	buf_adds(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	if (answer->text.n == 0 && answer->n_tool_calls > 0)
		buf_adds(out, "null");
	else
		json_write_string(out, answer->text);
	buf_adds(out, ",\"refusal\":null");
	if (answer->n_tool_calls > 0) {
		buf_addc(out, ',');
		add_calls(out, answer, false);
	}
	buf_adds(out, "},\"logprobs\":null,\"finish_reason\":");
	json_write_string(out, answer->finish_reason);
	buf_adds(out, "}],");
	add_usage(out, answer);
	buf_adds(out, ",\"system_fingerprint\":null}");
}

/* --- a stream --- */

static void begin_chunk(struct buf *out, const struct door_head *h)
{
	buf_adds(out, "data: ");
	add_head(out, h, "chat.completion.chunk");
	buf_adds(out, ",\"choices\":[{\"index\":0,\"delta\":{");
}

static void end_chunk(struct buf *out, const struct door_head *h, struct str finish)
{
	buf_adds(out, "},\"finish_reason\":");
	if (finish.n)
		json_write_string(out, finish);
	else
		buf_adds(out, "null");
	buf_adds(out, h->usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void door_write_first(struct buf *out, const struct door_head *h)
{
	begin_chunk(out, h);
	buf_adds(out, "\"role\":\"assistant\",\"content\":\"\"");
	end_chunk(out, h, STR_NONE);
}

void door_write_text(struct buf *out, const struct door_head *h, struct str text)
{
	while (text.n) {
		struct str part = str_clip(text, CHUNK_BYTES);

		begin_chunk(out, h);
		buf_adds(out, "\"content\":");
		json_write_string(out, part);
		end_chunk(out, h, STR_NONE);
		text = str_sub(text, part.n, text.n);
	}
}

void door_write_end(struct buf *out, const struct door_head *h, const struct model_answer *answer)
{
	if (answer->n_tool_calls > 0) {
		begin_chunk(out, h);
		add_calls(out, answer, true);
		end_chunk(out, h, STR_NONE);
	}
	begin_chunk(out, h);
	end_chunk(out, h, answer->finish_reason);
	if (h->usage) {
		buf_adds(out, "data: ");
		add_head(out, h, "chat.completion.chunk");
		buf_adds(out, ",\"choices\":[],");
		add_usage(out, answer);
		buf_adds(out, "}\n\n");
	}
	buf_adds(out, "data: [DONE]\n\n");
}

void door_write_error(struct buf *out, struct str error)
{
	buf_adds(out, "data: ");
	buf_addstr(out, error);
	buf_adds(out, "\n\n");
}
