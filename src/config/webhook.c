/* webhook.c - see webhook.h. */
#include "config/webhook.h"

#include "base/address.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/url.h"
#include "config/schema.h"
#include "config/settings.h"
#include "config/webhook_load.h"

enum { MAX_URL_BYTES = 2048, MAX_RETRIES = 50 };

static key_read_fn read_secret, read_secrets, read_allow, read_retry, read_token;

static const struct key webhooks_keys[] = {
	{.name = "secret", .type = KEY_TEXT, .read = read_secret, .pattern = ENV_PATTERN, .pattern_text = ENV_TEXT,
	 .text = "Environment variable of the secret that signs (whsec_...)."},
	{.name = "secrets", .type = KEY_TEXTS, .read = read_secrets, .pattern = ENV_PATTERN, .pattern_text = ENV_TEXT,
	 .text = "The same while one is replaced: the new one, then the old one."},
	{.name = "allow", .type = KEY_TEXTS, .read = read_allow,
	 .text = "Networks and hosts that may be written to although they are private, or without TLS."},
	{.name = "retry", .type = KEY_TEXTS, .read = read_retry,
	 .text = "Waits between attempts; default: 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h."},
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct webhook_settings, timeout_ms), .min = 100, .max = 60000,
	 .preset = "20s", .text = "Longest time of one attempt."},
	{.name = "max_body", .type = KEY_SIZE, .offset = offsetof(struct webhook_settings, max_body_bytes), .min = 4096, .max = 8 << 20,
	 .preset = "256KiB", .text = "Largest message; a larger task comes without its large parts."},
};
const struct key_table webhooks_table = {"webhooks", KEYS(webhooks_keys), "Messages to other programs."};

const char *const notify_event_words[] = {"approval.requested", "task.failed", "task.uncertain", "task.quarantined", NULL};
static const char *const template_words[] = {"ntfy", "slack", "telegram", "json", NULL};

static const struct key when_keys[] = {
	{.name = "workflows", .type = KEY_TEXTS, .offset = offsetof(struct notify_target, when.workflows),
	 .offset_n = offsetof(struct notify_target, when.n_workflows), .min = 1, .pattern = "^[a-z][a-z0-9-]{0,62}$",
	 .pattern_text = "the name of a workflow", .text = "Only tasks of these."},
	{.name = "risks", .type = KEY_TEXTS, .offset = offsetof(struct notify_target, when.risks),
	 .offset_n = offsetof(struct notify_target, when.n_risks), .min = 1, .pattern = "^(low|medium|high)$",
	 .pattern_text = "low, medium or high", .text = "Only requests for approval of these risks; other events pass."},
};
static const struct key_table when_table = {"when", KEYS(when_keys), "Which events."};

static const struct key notify_keys[] = {
	{.name = "name", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct notify_target, name),
	 .pattern = "^[a-z][a-z0-9_-]{0,62}$", .pattern_text = "a lower-case letter, then letters, digits, _ and -",
	 .text = "Who is told; whoever decides by a link is link:NAME."},
	{.name = "on", .type = KEY_FLAGS, .flags = KEY_REQUIRED, .offset = offsetof(struct notify_target, on), .min = 1,
	 .words = notify_event_words, .text = "Of which events."},
	{.name = "template", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct notify_target, template),
	 .words = template_words, .text = "In whose words."},
	{.name = "url", .type = KEY_CSTR, .offset = offsetof(struct notify_target, url), .min = 1, .max = MAX_URL_BYTES,
	 .text = "Where to; default: https://ntfy.sh, https://hooks.slack.com/services, https://api.telegram.org."},
	{.name = "topic", .type = KEY_TEXT, .offset = offsetof(struct notify_target, topic), .pattern = "^[A-Za-z0-9_-]{1,64}$",
	 .pattern_text = "letters, digits, _ and -", .text = "Topic of ntfy."},
	{.name = "chat", .type = KEY_TEXT, .offset = offsetof(struct notify_target, chat), .pattern = "^(-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64})$",
	 .pattern_text = "a number, or @ and a name", .text = "Chat of Telegram."},
	{.name = "token", .type = KEY_CSTR, .offset = offsetof(struct notify_target, token), .read = read_token, .pattern = ENV_PATTERN,
	 .pattern_text = ENV_TEXT, .text = "Environment variable of the token."},
	{.name = "when", .type = KEY_MAP, .table = &when_table, .text = "Which events; default: all of on."},
};
const struct key_table notify_table = {"a target", KEYS(notify_keys), "Somebody who is told what happens."};

/* --- reading --- */

bool load_env(struct load *l, const struct yaml *v, const char *what)
{
	struct place at = v->at;

	if (v->kind == YAML_SCALAR && load_matches(l, v->text, ENV_PATTERN))
		return true;
	at.col = 0;
	diag_error(l->d, at, "%s: expected " ENV_TEXT, what);
	return false;
}

static void read_secret(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct webhook_settings *w = out;

	if (!load_env(l, v, "\"secret\""))
		return;
	(void)k;
	w->secrets = arena_dup(l->a, &v->text, sizeof v->text);
	w->n_secrets = 1;
}

static void read_secrets(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct webhook_settings *w = out;
	struct str *list;

	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (w->n_secrets) {
		diag_error(l->d, v->at, "\"secret\" and \"secrets\" exclude each other");
		return;
	}
	list = ARENA_ARRAY(l->a, v->n + 1, struct str);
	for (size_t i = 0; i < v->n; i++)
		if (load_env(l, v->items[i], "\"secrets\""))
			list[w->n_secrets++] = v->items[i]->text;
	w->secrets = list;
	if (v->n == 0 || v->n > 4)
		diag_error(l->d, v->at, "\"secrets\": expected 1 to 4 names");
}

static void read_allow(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct webhook_settings *w = out;
	struct cidr *networks;
	struct str *hosts;

	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	networks = ARENA_ARRAY(l->a, v->n + 1, struct cidr);
	hosts = ARENA_ARRAY(l->a, v->n + 1, struct str);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];

		if (item->kind == YAML_SCALAR && cidr_parse(item->text, &networks[w->n_networks]))
			w->n_networks++;
		else if (item->kind == YAML_SCALAR && load_matches(l, item->text, "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$") &&
			 !load_matches(l, item->text, "^[0-9.]+$"))
			hosts[w->n_hosts++] = item->text;
		else
			diag_error(l->d, item->at, "\"allow\": expected a network such as 10.1.0.0/16 with no bit set behind it, or a host's name");
	}
	w->networks = networks;
	w->hosts = hosts;
}

static void read_retry(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct webhook_settings *w = out;
	int64_t *list;

	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (v->n > MAX_RETRIES)
		diag_error(l->d, v->at, "\"retry\": expected at most %d waits", MAX_RETRIES);
	list = ARENA_ARRAY(l->a, v->n + 1, int64_t);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];

		if (item->kind != YAML_SCALAR || !duration_parse(item->text, &list[i]))
			diag_error(l->d, item->at, "\"retry\": expected a duration such as 5m, got %s", yaml_describe(item));
	}
	w->retry_ms = list;
	w->n_retry = v->n;
}

static void read_token(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (load_env(l, v, "\"token\""))
		((struct notify_target *)out)->token = v->text.p;
	(void)k;
}

/* --- where webhooks may go --- */

static bool is_allowed_host(const struct webhook_settings *w, const struct url *u)
{
	for (size_t i = 0; i < w->n_hosts; i++)
		if (str_eq(u->host, w->hosts[i]))
			return true;
	return false;
}

bool webhook_address_is_allowed(const struct webhook_settings *w, const struct url *u, const struct sockaddr *sa, socklen_t len)
{
	return is_allowed_host(w, u) || address_is_allowed(sa, len, w->networks, w->n_networks);
}

/* Of an address that is written out and stands in a network of allow. */
static bool is_private_and_allowed(const struct webhook_settings *w, const struct sockaddr *sa, socklen_t len)
{
	return address_refusal(sa, len) && address_is_allowed(sa, len, w->networks, w->n_networks);
}

int webhook_url_check(struct arena *a, const struct webhook_settings *w, struct str text, struct url *ret, struct err *err)
{
	struct sockaddr_storage ss;
	socklen_t len;
	bool literal, trusted;

	if (text.n > MAX_URL_BYTES)
		return err_set(err, ERR_INVALID, "url has %zu bytes, expected at most %d", text.n, MAX_URL_BYTES);
	if (url_parse(a, text, ret, err) < 0)
		return -1;
	literal = url_sockaddr(ret, &ss, &len);
	trusted = is_allowed_host(w, ret) || (literal && is_private_and_allowed(w, (struct sockaddr *)&ss, len));
	if (!ret->tls && !trusted) {
		err_set(err, ERR_INVALID, "url \"%.200s\": expected https://", ret->origin);
		return err_hint(err, "webhooks.allow of agentd.yaml names hosts and private networks that may do without");
	}
	if (literal && !webhook_address_is_allowed(w, ret, (struct sockaddr *)&ss, len)) {
		err_set(err, ERR_INVALID, "address of \"%.200s\" is not allowed: %s", ret->origin, address_refusal((struct sockaddr *)&ss, len));
		return err_hint(err, "webhooks.allow of agentd.yaml names private networks that are");
	}
	return 0;
}

/* --- what stands together --- */

static const struct {
	bool topic, chat, token;	/* needed */
	bool url;
	const char *preset;
} needs[] = {
	[NOTIFY_NTFY] = {.topic = true, .preset = "https://ntfy.sh"},
	[NOTIFY_SLACK] = {.preset = "https://hooks.slack.com/services"},
	[NOTIFY_TELEGRAM] = {.chat = true, .token = true, .preset = "https://api.telegram.org"},
	[NOTIFY_JSON] = {.url = true},
};

static void need(struct load *l, const struct yaml *map, bool wanted, bool there, const char *key, const struct notify_target *t)
{
	if (wanted && !there)
		diag_error(l->d, map->at, "\"%s\" is missing: the template %s needs it", key, template_words[t->template]);
}

static void check_target(struct load *l, const struct yaml *map, const struct settings *s, struct notify_target *t)
{
	const struct yaml *url = yaml_get(map, "url"), *topic = yaml_get(map, "topic"), *chat = yaml_get(map, "chat");
	struct url parsed;
	struct err err;

	need(l, map, needs[t->template].topic, topic, "topic", t);
	need(l, map, needs[t->template].chat, chat, "chat", t);
	need(l, map, needs[t->template].token, yaml_get(map, "token"), "token", t);
	need(l, map, needs[t->template].url, url, "url", t);
	need(l, map, t->template == NOTIFY_SLACK, url || yaml_get(map, "token"), "token", t);
	if (topic && !needs[t->template].topic)
		diag_error(l->d, topic->at, "\"topic\" is of the template ntfy");
	if (chat && !needs[t->template].chat)
		diag_error(l->d, chat->at, "\"chat\" is of the template telegram");
	if (!t->url)
		t->url = needs[t->template].preset;
	else if (webhook_url_check(l->a, &s->webhooks, str_from(t->url), &parsed, &err) < 0)
		diag_add(l->d, DIAG_ERROR, url->at, *err.hint ? arena_strdup(l->a, err.hint) : NULL, "%s", err.msg);
	else
		t->url = parsed.text;
}

void notify_targets_read(struct load *l, const struct yaml *list, struct settings *s)
{
	struct notify_target *v = ARENA_ARRAY(l->a, list->n + 1, struct notify_target);

	for (size_t i = 0; i < list->n; i++) {
		size_t before = diag_errors(l->d);

		if (keys_read(l, &notify_table, list->items[i], &v[i]) && diag_errors(l->d) == before)
			check_target(l, list->items[i], s, &v[i]);
		for (size_t j = 0; j < i; j++)
			if (v[i].name.p && str_eq(v[j].name, v[i].name))
				diag_error(l->d, list->items[i]->at, "target \"" STR_FMT "\" stands here twice", STR_ARG(v[i].name));
	}
	s->notify = v;
	s->n_notify = list->n;
}

void webhook_defaults(struct webhook_settings *w)
{
	/* standard-webhooks, "Deliverability and reliability": about three days */
	static const int64_t usual[] = {5000, 300000, 1800000, 7200000, 18000000, 36000000, 50400000, 72000000, 86400000};

	if (!w->retry_ms) {
		w->retry_ms = usual;
		w->n_retry = sizeof usual / sizeof usual[0];
	}
}
