/* webhook_load.h - reading `webhooks` and `notify`. Internal to config.
 *
 * Source:  webhook.h.
 */
#ifndef CONFIG_WEBHOOK_LOAD_H
#define CONFIG_WEBHOOK_LOAD_H

#include <stdbool.h>

struct load;
struct settings;
struct webhook_settings;
struct yaml;

void webhook_defaults(struct webhook_settings *w);	/* of what was not in the file */
void notify_targets_read(struct load *l, const struct yaml *list, struct settings *s);	/* s->webhooks has been read */

#define ENV_PATTERN "^[A-Z_][A-Z0-9_]{0,127}$"
#define ENV_TEXT "the name of an environment variable"
/* Is it such a name? false after a report, which does not show the value: it may be the secret itself. */
bool load_env(struct load *l, const struct yaml *v, const char *what);

#endif
