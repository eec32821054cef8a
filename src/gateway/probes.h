/* probes.h - which providers have proven their key and address, as far as this process knows. Pure.
 *
 * Shapes:  a probe belongs to a provider, an address and the fingerprint of a key: whoever changes one of them
 *          needs a new one. In mode live a provider without a fresh one is left out. Recorded replies need none.
 * Units:   _us by this host's clock.
 * Memory:  probes_parse(): the arena given.
 * Errors:  probes_parse(): ERR_JSON.
 * Source:  agentd-routing(5), "Probes".
 */
#ifndef GATEWAY_PROBES_H
#define GATEWAY_PROBES_H

#include "gateway/wire.h"

struct arena;
struct err;

struct probe {
	struct str provider, base_url, key_fingerprint;
	int64_t at_us;
};

struct probes {
	const struct probe *v;		/* the newest first */
	size_t n;
};

/* The text of store/probes.h, probes_read(). */
int probes_parse(struct arena *a, struct str text, int64_t now_us, const struct probes **ret, struct err *err);
struct probes *probes_copy(struct arena *a, const struct probes *p);
/* Whether they are of the same keys at the same addresses, whenever that was. */
bool probes_same(const struct probes *a, const struct probes *b);
/* Why a provider that is configured must be left out, as a text in a; NULL: it need not. p NULL: nobody asked for probes. */
const char *probes_problem(struct arena *a, const struct probes *p, const struct routing *r, const struct endpoint *e, int64_t now_us);

#endif
