/* link.h - one-time links to requests for approval: PUBLIC/a/TOKEN, as notifications carry them and the page behind them takes them.
 *
 * Shapes:  a token says which request, the beginning of the digest of what was asked, who was sent the link, and until when it holds; an
 *          HMAC over all of it by the key of web.link_key makes it one. The token is all that is needed to decide: it is shown to nobody
 *          but its recipient, and never logged.
 * Units:   expires_s in seconds since 1970 UTC.
 * Memory:  the arena given.
 * Errors:  a token that is not ours, or was changed anywhere, is false, whatever is wrong with it.
 * Source:  agentd-approvals(7), "LINKS".
 */
#ifndef CONFIG_LINK_H
#define CONFIG_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct err;
struct settings;

enum { LINK_DIGEST_BYTES = 16, LINK_NAME_BYTES = 63 };

struct link_facts {
	struct uuid approval;
	uint8_t digest[LINK_DIGEST_BYTES];
	struct str recipient;		/* a target's name: 1 to 63 bytes */
	int64_t expires_s;
};

/* The key; STR_NONE: links are off. -1: its variable is not set, or too short. */
int link_key_load(struct arena *a, const struct settings *s, struct str *ret, struct err *err);
const char *link_token(struct arena *a, struct str key, const struct link_facts *f);
bool link_token_read(struct arena *a, struct str key, struct str token, struct link_facts *ret);

#endif
