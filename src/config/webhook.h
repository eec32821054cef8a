/* webhook.h - webhooks and notifications as agentd.yaml has them, and where they may go.
 *
 * Shapes:  webhooks: how messages are signed, to which addresses they may go, when they are tried again. A notify target is told of
 *          events of all tasks, in its provider's words. Secrets are names of environment variables here, never values.
 * Units:   _ms, _bytes.
 * Memory:  as the settings.
 * Errors:  ERR_INVALID: an address that may not be written to. Messages name the host at most.
 * Source:  agentd.yaml(5), "webhooks" and "notify"; agentd-webhooks(7).
 */
#ifndef CONFIG_WEBHOOK_H
#define CONFIG_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/str.h"

struct arena;
struct err;
struct key_table;
struct url;

struct webhook_place {
	struct str host;		/* a name: trusted wherever it leads; STR_NONE: network */
	struct cidr network;
	int port;			/* 0: 80 and 443 */
};

struct webhook_settings {
	const struct str *secrets;	/* environment variables; the first signs first, n 0: webhooks are off */
	size_t n_secrets;
	const struct webhook_place *places;	/* private ones that may be written to, with http, too, and ports */
	size_t n_places;
	const int64_t *retry_ms;	/* from attempt to attempt */
	size_t n_retry;
	int64_t timeout_ms;
	int64_t max_body_bytes;
};

enum notify_event {
	NOTIFY_APPROVAL_REQUESTED = 1, NOTIFY_TASK_FAILED = 2, NOTIFY_TASK_UNCERTAIN = 4, NOTIFY_TASK_QUARANTINED = 8,
	NOTIFY_APPROVAL_EXPIRING = 16
};
enum notify_template { NOTIFY_NTFY, NOTIFY_SLACK, NOTIFY_TELEGRAM, NOTIFY_JSON };

struct notify_target {
	struct str name;
	unsigned on;			/* enum notify_event, by bit */
	enum notify_template template;
	const char *url;		/* checked; NULL: the provider's own */
	struct str topic, chat;		/* STR_NONE: none */
	const char *token;		/* environment variable; NULL: none */
	struct {
		const struct str *workflows, *risks;	/* n 0: all */
		size_t n_workflows, n_risks;
	} when;
};

extern const char *const notify_event_words[];	/* "approval.requested" ..., in the order of the bits, NULL-ended */
extern const struct key_table webhooks_table, notify_table;

/* Whose address it is: a submission's may name ports that places name, beside 80 and 443; one of agentd.yaml itself any port. */
enum webhook_of { WEBHOOK_OF_TASK, WEBHOOK_OF_TARGET };

/* Is text an address that a task's webhook may have? What it leads to is looked at when it is dialled (webhook_address_is_allowed). */
int webhook_url_check(struct arena *a, const struct webhook_settings *w, struct str text, struct url *ret, struct err *err);
int webhook_url_check_of(struct arena *a, const struct webhook_settings *w, enum webhook_of of, struct str text, struct url *ret,
			 struct err *err);
bool webhook_address_is_allowed(const struct webhook_settings *w, enum webhook_of of, const struct url *u, const struct sockaddr *sa,
				socklen_t len);

#endif
