/* probes.h - which key answered at which provider's address, and when.
 *
 * Shapes:  results are JSON texts made by SQL. Channel agentd_probes tells of a new one.
 * Units:   _ms.
 * Memory:  what is passed in must live until the completion; results live in the op's arena.
 * Errors:  as in store.h.
 * Source:  sql/functions/4_probes.sql.
 */
#ifndef STORE_PROBES_H
#define STORE_PROBES_H

#include <stdint.h>

#include "base/loop.h"
#include "base/str.h"

struct arena;
struct principal;
struct store;

struct probe_success {
	struct str provider, base_url, key_fingerprint;	/* key_fingerprint "": it needs no key */
	struct str model_asked, model_answered;
	int64_t latency_ms;
};

struct op *probes_record(struct store *s, struct arena *a, const struct probe_success *p, const struct principal *by, op_done_fn *done, void *arg);
/* {"probes": [{provider, base_url, key_fingerprint, model, at, age_ms}]}, the newest first. No deadline: who needs it can only wait. */
struct op *probes_read(struct store *s, struct arena *a, op_done_fn *done, void *arg);
struct str probes_text_of(const struct op *op);

#endif
