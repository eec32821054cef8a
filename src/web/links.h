/* links.h - one-time links to requests for approval: GET /a/TOKEN shows, POST /a/TOKEN decides.
 *
 * Shapes:  who has the token may decide, so nothing else is asked for; a GET changes nothing, as programs that show previews make them.
 *          A token that was not made here is 404, whatever is wrong with it; one that is over, used, or about something that has
 *          changed or was decided is 410, and says no more than that. All answers are small pages without scripts. Requests with
 *          good tokens are bounded in rate for the process.
 * Memory:  pages are made in the request's arena.
 * Errors:  of links_new: ERR_CONFIG, the key's variable.
 * Source:  agentd-approvals(7), "LINKS"; config/link.h; sql/functions/5_webhooks.sql.
 */
#ifndef WEB_LINKS_H
#define WEB_LINKS_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct err;
struct json;
struct links;
struct request;
struct settings;

struct links *links_new(struct arena *a, const struct settings *s, struct err *err);	/* NULL: err */

/* link_page.c */
const char *link_page_csp(struct arena *a);
struct str link_page_request(struct arena *a, const struct json *approval);		/* what is asked, and how to answer */
struct str link_page_word(struct arena *a, const char *heading, const char *text);	/* the end of it */
void html_add(struct buf *b, struct arena *a, struct str text);	/* text of strangers: visible, escaped */

/* link_form.c */
/* Can the page show it: an object of a few texts, numbers, choices and yes-no's? No schema: yes. */
bool link_form_is_simple(const struct json *schema);
void link_form_write(struct buf *b, struct arena *a, const struct json *schema);
/* What was filled in; *ret NULL: there is no form. */
int link_form_read(struct request *req, const struct json *schema, const struct json **ret, struct err *err);

#endif
