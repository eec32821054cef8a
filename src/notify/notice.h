/* notice.h - what a person is told of an event: a headline, facts, the words that matter, a link.
 *
 * Shapes:  made of the JSON of the task or the request. Everything in it may be the text of strangers and models: control and
 *          invisible characters are shown as escapes, line ends are spaces, lengths are bounded. Templates escape it for their markup.
 * Memory:  the arena given.
 * Source:  agentd-webhooks(7), "NOTIFICATIONS".
 */
#ifndef NOTIFY_NOTICE_H
#define NOTIFY_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct json;

enum { NOTICE_FACTS = 8 };

struct notice {
	struct str headline;		/* "Approval wanted: Send 3 letters?" */
	struct str text;		/* the title of a request, the error of a task; may be "" */
	struct fact {
		const char *name;
		struct str text;
	} facts[NOTICE_FACTS];
	size_t n_facts;
	bool urgent;
	const char *link;		/* NULL: none */
	const char *link_text;
};

/* v: NULL when it could not be read. link: NULL, or where the request can be decided. */
void notice_make(struct arena *a, struct str event, const struct json *v, const char *link, struct notice *ret);
bool notice_is_of_approval(struct str event);		/* v is the request, not the task */
struct str notice_lines(struct arena *a, const struct notice *n);	/* text and facts, a line each */

#endif
