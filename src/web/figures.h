/* figures.h - GET /metrics: this process' figures, and those of all that the database holds.
 *
 * Shapes:  what comes from the database is asked for by one query on the thread pool, on a connection of its own, kept for 3 s, or ten
 *          times as long as the query took (at most 30 s), and shared by all who ask. Who asks while it is under way waits for it. Without the
 *          database the answer says that it is away, and what this process knows by itself.
 * Memory:  one answer of the database at a time.
 * Errors:  none to the client.
 * Source:  base/metric.def, agentd-metrics(7).
 */
#ifndef WEB_FIGURES_H
#define WEB_FIGURES_H

struct arena;
struct figures;
struct request;
struct web;

struct figures *figures_new(struct arena *a, struct web *w);
void figures_free(struct figures *f);	/* a query under way holds the server until it is over */
void figures_count(const struct request *req);	/* an answer goes out */

#endif
