/* door_chat.h - POST /v1/chat/completions: a question to a tier; one to a workflow goes to door_workflow.c.
 *
 * Source:  door.h.
 */
#ifndef WEB_DOOR_CHAT_H
#define WEB_DOOR_CHAT_H

#include "base/str.h"

struct arena;
struct door_ask;
struct door_fault;
struct json;
struct request;

void door_dress_stream(struct request *req);	/* the headers of a stream, on a reply that is decided */

/* door_workflow.c */
void door_ask_workflow(struct request *req, const struct door_ask *ask, struct str name);
/* What a workflow gets of a question. Without a schema, or where that has a property "messages": {"messages": [{"role", "content"}]}.
 * Else of the last message of role user: the text where the schema is of a string; the object where the text is one in JSON; {NAME: text}
 * where one property is required, or there is but one. -1: nothing of this fits. */
int door_flow_input(struct arena *a, const struct json *schema, const struct door_ask *ask, const struct json **ret,
		    struct door_fault *fault);
/* An output as an answer: a text as it is, also as the only member "text"; else JSON. */
struct str door_flow_text(struct arena *a, const struct json *output);

#endif
