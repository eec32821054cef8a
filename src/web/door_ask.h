/* door_ask.h - the body of a chat completion, read into what the gateway takes.
 *
 * Shapes:  a table of fields, each taken, ignored or refused. What is unknown, or known to have no effect here, is ignored and its
 *          name listed. null counts as absent, as clients send it. developer is another word for system; parts of text are joined.
 * Units:   tokens.
 * Memory:  everything lives in the arena given and points into the body.
 * Errors:  struct door_fault: 400 with the place (messages[2].content[0].type) and one of OpenAI's codes.
 * Source:  agentd-api(7), "Chat completions".
 */
#ifndef WEB_DOOR_ASK_H
#define WEB_DOOR_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct json;
struct message;
struct model_tool;

struct door_fault {
	int status;
	const char *code, *param;	/* NULL: none */
	const char *message;
};

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
