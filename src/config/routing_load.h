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
};

extern const struct key_table timeout_table, retry_policy_table, breaker_table;

/* routing_price.c */
extern const struct key_table price_table;
key_read_fn read_price;

/* routing_check.c */
void routing_check(struct routing_load *w);

#endif
