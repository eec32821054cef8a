/* webhook.c - see webhook.h. */
#include "config/webhook.h"

#include <stdlib.h>

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
	 .text = "Networks and hosts that may be written to although they are private, or without TLS; with :PORT, at that port."},
	{.name = "retry", .type = KEY_TEXTS, .read = read_retry,
	 .text = "Waits between attempts; default: 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h."},
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct webhook_settings, timeout_ms), .min = 100, .max = 60000,
	 .preset = "20s", .text = "Longest time of one attempt."},
	{.name = "max_body", .type = KEY_SIZE, .offset = offsetof(struct webhook_settings, max_body_bytes), .min = 4096, .max = 1 << 20,
	 .preset = "256KiB", .text = "Largest message; a larger task comes without its large parts."},
};
const struct key_table webhooks_table = {"webhooks", KEYS(webhooks_keys), "Messages to other programs."};

const char *const notify_event_words[] = {"approval.requested", "task.failed", "task.uncertain", "task.quarantined", "approval.expiring", NULL};
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

/* HOST or NETWORK, either with :PORT; one of IPv6 that has a port stands in brackets. */
static bool place_parse(struct load *l, struct str text, struct webhook_place *ret)
{
	bool bracketed = load_matches(l, text, "^\\[[^]]*:[^]]*\\](:[1-9][0-9]{0,4})?$");
	struct str where = text;

	*ret = (struct webhook_place){.host = STR_NONE};
	if (bracketed || load_matches(l, text, "^[^:]*:[1-9][0-9]{0,4}$")) {
		where = str_sub(text, 0, (size_t)str_chr(text, bracketed ? ']' : ':') + bracketed);
		ret->port = (int)strtol(str_cstr(l->a, str_sub(text, where.n + 1, text.n)), NULL, 10);
		if (bracketed)
			where = str_sub(where, 1, where.n - 2);
	}
	if (ret->port > 65535)
		return false;
	if (cidr_parse(where, &ret->network))
		return true;
	ret->host = where;
	return load_matches(l, where, "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$") && !load_matches(l, where, "^[0-9.]+$");
}

static void read_allow(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct webhook_settings *w = out;
	struct webhook_place *places;

	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	places = ARENA_ARRAY(l->a, v->n + 1, struct webhook_place);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];

		if (item->kind == YAML_SCALAR && place_parse(l, item->text, &places[w->n_places]))
			w->n_places++;
		else
			diag_error(l->d, item->at,
				   "\"allow\": expected a network such as 10.1.0.0/16 with no bit set behind it, or a host's name, and perhaps a port");
	}
	w->places = places;
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

static bool port_fits(const struct webhook_place *p, enum webhook_of of, const struct url *u)
{
	return of == WEBHOOK_OF_TARGET || (p->port ? u->port == p->port : url_has_usual_port(u));
}

static bool is_allowed_host(const struct webhook_settings *w, enum webhook_of of, const struct url *u)
{
	for (size_t i = 0; i < w->n_places; i++)
		if (str_eq(u->host, w->places[i].host) && port_fits(&w->places[i], of, u))
			return true;
	return false;
}

static bool is_in_network(const struct webhook_settings *w, enum webhook_of of, const struct url *u, const struct sockaddr *sa,
			  socklen_t len)
{
	for (size_t i = 0; i < w->n_places; i++)
		if (!w->places[i].host.p && cidr_has(&w->places[i].network, sa, len) && port_fits(&w->places[i], of, u))
			return true;
	return false;
}

/* Of a name it is not known yet which network it leads to: that is looked at when it is dialled. */
static bool is_named_port(const struct webhook_settings *w, const struct url *u)
{
	for (size_t i = 0; i < w->n_places; i++)
		if (w->places[i].port == u->port && (!w->places[i].host.p || str_eq(u->host, w->places[i].host)))
			return true;
	return false;
}

bool webhook_address_is_allowed(const struct webhook_settings *w, enum webhook_of of, const struct url *u, const struct sockaddr *sa,
				socklen_t len)
{
	if (is_allowed_host(w, of, u) || is_in_network(w, of, u, sa, len))
		return true;
	return !address_refusal(sa, len) && (of == WEBHOOK_OF_TARGET || url_has_usual_port(u));
}

int webhook_url_check_of(struct arena *a, const struct webhook_settings *w, enum webhook_of of, struct str text, struct url *ret,
			 struct err *err)
{
	struct sockaddr_storage ss;
	const struct sockaddr *sa = (struct sockaddr *)&ss;
	socklen_t len;
	bool literal, trusted;
	const char *refusal;

	if (text.n > MAX_URL_BYTES)
		return err_set(err, ERR_INVALID, "url has %zu bytes, expected at most %d", text.n, MAX_URL_BYTES);
	if (url_parse(a, text, ret, err) < 0)
		return -1;
	literal = url_sockaddr(ret, &ss, &len);
	refusal = literal ? address_refusal(sa, len) : NULL;
	trusted = is_allowed_host(w, of, ret) || (refusal && is_in_network(w, of, ret, sa, len));
	if (of == WEBHOOK_OF_TASK && !url_has_usual_port(ret) && !is_named_port(w, ret)) {
		err_set(err, ERR_INVALID, "url \"%.200s\": expected port 80 or 443", ret->origin);
		return err_hint(err, "webhooks.allow of agentd.yaml names others: HOST:PORT or NETWORK:PORT");
	}
	if (!ret->tls && !trusted) {
		err_set(err, ERR_INVALID, "url \"%.200s\": expected https://", ret->origin);
		return err_hint(err, "webhooks.allow of agentd.yaml names hosts and private networks that may do without");
	}
	if (literal && !webhook_address_is_allowed(w, of, ret, sa, len)) {
		err_set(err, ERR_INVALID, "address of \"%.200s\" is not allowed: %s", ret->origin, refusal ? refusal : "its port");
		return err_hint(err, "webhooks.allow of agentd.yaml names private networks that are");
	}
	return 0;
}

int webhook_url_check(struct arena *a, const struct webhook_settings *w, struct str text, struct url *ret, struct err *err)
{
	return webhook_url_check_of(a, w, WEBHOOK_OF_TASK, text, ret, err);
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
	else if (webhook_url_check_of(l->a, &s->webhooks, WEBHOOK_OF_TARGET, str_from(t->url), &parsed, &err) < 0)
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
