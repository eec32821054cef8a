/* probe_watch.h - keeps a gateway told of probes: at start, when one is made, and after a lost connection.
 *
 * Shapes:  one reading at a time; what comes meanwhile makes another. The first is sent before anything that is sent after
 *          probe_watch_start(), so that a worker which registers then knows it before it claims. fn is called when something
 *          changed, and once after probe_watch_again(), as the routing may have.
 * Memory:  the watch lives in the arena given, which must live as long as the store.
 * Errors:  logged; what was known before stays. Until the first answer no probe is known.
 * Source:  agentd-routing(5), "Probes".
 */
#ifndef GATEWAY_PROBE_WATCH_H
#define GATEWAY_PROBE_WATCH_H

struct arena;
struct gateway;
struct probe_watch;
struct probes;
struct store;

typedef void probe_watch_fn(void *arg, const struct probes *p);
struct probe_watch *probe_watch_start(struct arena *a, struct store *s, struct gateway *g, probe_watch_fn *fn, void *arg);
void probe_watch_again(struct probe_watch *w);

#endif
