/* tell.h - tells a gateway what it works by, of the files and of the database, and logs what that means.
 *
 * Shapes:  made once, before the first routing is told; told again at every reload. Its log names the mode, each tier's steps, keys
 *          that contradict each other, and steps that mode live leaves out for want of a probe.
 * Memory:  lives in the arena given, which must live as long as the store; a routing as in gateway_set_routing().
 * Errors:  logged.
 * Source:  agentd-routing(5), "Modes" and "Probes".
 */
#ifndef GATEWAY_TELL_H
#define GATEWAY_TELL_H

struct arena;
struct gateway;
struct gateway_tell;
struct routing;
struct store;

struct gateway_tell *gateway_tell_new(struct arena *a, struct store *s, struct gateway *g);
void gateway_tell(struct gateway_tell *t, const struct routing *r);

#endif
