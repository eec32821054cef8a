/* routing_load.h - what the files routing*.c share while routing.yaml is read. Internal to config.
 *
 * Shapes:  mutable tables under construction; names are linked after all was read.
 * Memory:  the load's arena.
 * Errors:  all to the diag list.
 * Source:  agentd-routing(5).
 */
#ifndef CONFIG_ROUTING_LOAD_H
#define CONFIG_ROUTING_LOAD_H

#include "config/routing.h"
#include "config/schema.h"

struct routing_load {
	struct load l;			/* first: read functions cast */
	const char *path;
	const char *beneath;		/* directory that no name may leave; NULL: the operator's own file, names as they are */
	struct routing *r;
	struct provider base;		/* of `defaults` */
	struct provider *providers;
	const struct yaml **provider_nodes;
	struct model *models;
	const struct yaml **model_nodes;
	struct cap *caps;
	const struct yaml **cap_nodes;
	struct tier *tiers;
	const struct yaml **tier_nodes;
	struct shadow *shadow;
	const struct yaml *shadow_node, *mode_node;
};

#define ROUTING_ENV_PATTERN "^[A-Z_][A-Z0-9_]{0,127}$"
#define ROUTING_ENV_TEXT "the name of an environment variable"

extern const struct key_table timeout_table, retry_policy_table, breaker_table;

key_read_fn read_base_url, read_key_env;

/* routing_price.c */
extern const struct key_table price_table;
key_read_fn read_price;

/* routing_shadow.c */
extern const struct key_table shadow_table;
key_read_fn read_shadow;
void shadow_check(struct routing_load *w);
/* routing_doubts.c: what may work, and hardly means what it says */
void routing_check_twins(struct routing_load *w);
void routing_check_models(struct routing_load *w);
void routing_check_tier(struct routing_load *w, const struct tier *t, const struct yaml *n);

/* routing_check.c */
const char *routing_nearest(struct routing_load *w, struct str name, const struct str *first, size_t stride, size_t n);
void routing_check(struct routing_load *w);

#endif
