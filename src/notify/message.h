/* message.h - a delivery as the HTTP request that carries it, in the receiver's format.
 *
 * Shapes:  a task's own webhook and the template json get {type, timestamp, data, link?}, signed; the others what their provider's
 *          documentation says (template_*.c, a row each). Untrusted text is data in every one: never markup, never a link.
 * Memory:  the arena given; target and key must live as long.
 * Errors:  ERR_CONFIG: a token is not in the environment.
 * Source:  agentd-webhooks(7); docs.ntfy.sh "Publish as JSON"; Slack "Block Kit" and "Formatting text"; Telegram Bot API "sendMessage".
 */
#ifndef NOTIFY_MESSAGE_H
#define NOTIFY_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct delivery;
struct err;
struct json;
struct notice;
struct notify_target;

struct message {
	const char *url;		/* may hold the token: never logged */
	const struct json *json;	/* NULL: body is the text itself */
	struct str body;
	const char *token;		/* for Authorization; NULL: none */
	bool sign;
};

struct message_input {
	struct arena *a;
	const struct delivery *delivery;
	const struct notify_target *target;	/* NULL: the task's own webhook */
	const char *token;			/* NULL: none */
	const struct notice *notice;
};

struct template {
	const char *name;
	void (*make)(const struct message_input *in, struct message *ret);
	double (*asked_s)(const struct json *answer);	/* seconds to wait that the body of an answer asks for, or 0; NULL: it never does */
};
extern const struct template template_ntfy, template_slack, template_telegram, template_json;

/* link: where the request is decided; NULL: none. */
int message_make(struct arena *a, const struct delivery *d, const struct notify_target *t, const char *link, struct message *ret,
		 struct err *err);
/* How long the body of an answer asks to wait, where the provider says so there: at most a day; 0: it does not. */
int64_t message_asked_ms(struct arena *a, const struct notify_target *t, struct str body);
int message_check(struct arena *a, const struct notify_target *t, struct err *err);	/* has it all that it needs? */
const struct json *message_text(struct arena *a, struct str s);

#endif
