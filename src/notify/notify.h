/* notify.h - sends what is due: webhooks of tasks and notifications, each until it is taken or its schedule ends.
 *
 * Shapes:  runs beside the sweeper. It tells the database every few minutes which targets there are, and claims deliveries in small
 *          batches, woken by NOTIFY and by the clock, and says of each attempt what became of it. Any number of processes may do so:
 *          a claim lends a delivery to one of them. Who dies leaves it to the others. At least once; the id stays.
 * Memory:  loop, http, store and settings must outlive it.
 * Errors:  of start: ERR_CONFIG, a secret or token of agentd.yaml that is not in the environment. Later ones are recorded with the delivery.
 * Source:  sql/functions/5_webhooks.sql; agentd-webhooks(7).
 */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include <stdbool.h>

struct err;
struct http;
struct loop;
struct notify;
struct settings;
struct store;

struct notify *notify_start(struct loop *l, struct http *h, struct store *s, const struct settings *settings, struct err *err);	/* NULL: err */
void notify_stop(struct notify *n);		/* NULL is fine. Transfers are cut; what was under way is sent again once its lease is over */
bool notify_is_idle(const struct notify *n);	/* after the stop, once the loop has ended all that was under way */
void notify_free(struct notify *n);		/* NULL is fine; idle, and the store is stopped */

#endif
