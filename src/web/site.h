/* site.h - may a request that came with a cookie be heard? Browsers send cookies along for whoever asks.
 *
 * Shapes:  ours are the address that is listened on (of a loopback address also localhost, of a wildcard every address), web.public_url
 *          and web.hosts. A page elsewhere is told by its Origin or Sec-Fetch-Site, a name that was bent to our address (DNS
 *          rebinding) by Host. What changes something has to show that it comes from a page of ours.
 * Memory:  none. Pure.
 * Errors:  none: a verdict.
 * Source:  agentd-page(7), "SECURITY"; Fetch (Origin), Fetch Metadata (Sec-Fetch-Site), RFC 9110, 7.2 (Host).
 */
#ifndef WEB_SITE_H
#define WEB_SITE_H

#include <stdbool.h>

#include "base/str.h"

struct settings;

struct site_facts {
	struct str host, origin, fetch_site;	/* headers; STR_NONE: absent */
	bool changes;				/* the method is not GET */
};

enum site_verdict { SITE_OURS, SITE_FOREIGN_HOST, SITE_FOREIGN_PAGE };

enum site_verdict site_judge(const struct settings *s, const struct site_facts *f);
/* It came by web.public_url, which is https: cookies must never go another way. */
bool site_is_secure(const struct settings *s, const struct site_facts *f);

#endif
