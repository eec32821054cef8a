/* door_ask.h - the body of a chat completion, read into what the gateway takes.
 *
 * Shapes:  developer is another word for system; parts of text are joined.
 * Units:   tokens.
 * Memory:  everything lives in the arena given and points into the body.
 * Errors:  door_body.h.
 * Source:  agentd-api(7), "Chat completions".
 */
#ifndef WEB_DOOR_ASK_H
#define WEB_DOOR_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "web/door_body.h"

struct message;
struct model_tool;

struct door_ask {
	struct str model;
	const struct message *messages;
	size_t n_messages;
	const struct model_tool *tools;
	size_t n_tools;
	const struct json *output;	/* NULL: text */
	int64_t max_output;		/* 0: not given */
	double temperature;		/* < 0: not given */
	bool stream, include_usage;
	struct str ignored;		/* "seed, top_p"; "": nothing was */
};

int door_ask_parse(struct arena *a, const struct json *body, struct door_ask *ret, struct door_fault *fault);

#endif
