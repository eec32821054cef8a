/* endpoint.h - a provider as it is configured on this machine: address and key from the environment.
 *
 * Shapes:  the first name of key_env whose value is not empty is the key, and a value that cannot be one is
 *          not passed over; the first of base_url_env, else base_url, the address. A provider is configured
 *          when it has both (or needs no key), or is a file of recorded replies that can be read.
 * Memory:  the arena given; texts are copies of the environment.
 * Errors:  reason tells why a provider is not configured, never showing a value.
 * Source:  agentd-routing(5), "PROVIDERS".
 */
#ifndef GATEWAY_ENDPOINT_H
#define GATEWAY_ENDPOINT_H

#include "gateway/wire.h"

struct arena;

void endpoint_resolve(struct arena *a, const struct provider *p, struct endpoint *ret);
/* The endpoint of every provider of r, in its order; behind them, in mode shadow, that of the gateway which answers. */
struct endpoint *endpoints_resolve(struct arena *a, const struct routing *r);
const struct endpoint *endpoint_of(const struct endpoint *v, const struct routing *r, const struct model *m);

#endif
