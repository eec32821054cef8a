/* routing.c - policies/routing.yaml: keys and links. */
#include "config/routing.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "config/routing_load.h"

#define NAME_PATTERN "^[a-z][a-z0-9_-]{0,62}$"
#define NAME_TEXT "a lower-case letter, then letters, digits, _ and -"

enum { MAX_REPLAY_BYTES = 8 * 1024 * 1024 };

static const char *const mode_words[] = {"live", "shadow", "off", NULL};
static const char *const wire_words[] = {"openai", "openrouter", "gemini", "anthropic", "replay", NULL};
static const char *const breaker_words[] = {"provider", "model", NULL};
static const char *const free_words[] = {"free", NULL};
static const char *const kind_words[] = {"chat", "embedding", NULL};
static const char *const can_words[] = {"tools", "json", "images", NULL};
static const char *const do_words[] = {"fail", "requeue", "approval", NULL};
static const char *const exceeded_words[] = {"fail", "skip", "approval", NULL};
static const char *const scope_words[] = {"global", "provider", "model", "workflow", "task", "token", NULL};
static const char *const window_words[] = {"hour", "day", "month", "lifetime", NULL};

static key_read_fn read_backoff_pair, read_mode, read_replay, read_breaker_scope, read_defaults,
	read_providers, read_models, read_caps, read_tiers, read_steps_list, read_fallback, read_timezone,
	read_link_name, read_link_names;

static const struct key timeout_keys[] = {
	{.name = "connect", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_timeouts, connect_ms),
	 .min = 1, .preset = "5s", .text = "Longest time to a connection."},
	{.name = "first_byte", .type = KEY_DURATION, .flags = KEY_INHERIT,
	 .offset = offsetof(struct routing_timeouts, first_byte_ms), .min = 1, .preset = "90s",
	 .text = "Longest time to the first byte of the answer."},
	{.name = "idle", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_timeouts, idle_ms),
	 .min = 1, .preset = "60s", .text = "Longest silence within the answer."},
	{.name = "total", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_timeouts, total_ms),
	 .min = 1, .preset = "300s", .text = "Longest time in all."},
};
const struct key_table timeout_table = {"timeout", KEYS(timeout_keys), "Time limits of one attempt."};

static const struct key retry_keys[] = {
	{.name = "max", .type = KEY_INT, .flags = KEY_INHERIT, .offset = offsetof(struct routing_retry, max), .max = 3,
	 .preset = "1", .text = "Retries at the same provider before the next step of the tier."},
	{.name = "backoff", .type = KEY_ANY, .flags = KEY_INHERIT, .offset = offsetof(struct routing_retry, backoff_ms),
	 .read = read_backoff_pair, .text = "First and longest pause: [500ms, 8s]."},
	{.name = "max_hint", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_retry, max_hint_ms),
	 .preset = "20s", .text = "Longest Retry-After that is waited for; a longer one goes to the next step."},
};
const struct key_table retry_policy_table = {"retry", KEYS(retry_keys), "Retries at the same provider."};

static const struct key breaker_keys[] = {
	{.name = "failures", .type = KEY_INT, .flags = KEY_INHERIT, .offset = offsetof(struct routing_breaker, failures),
	 .min = 1, .max = 1000, .preset = "3", .text = "Failures within the window that open the breaker."},
	{.name = "window", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_breaker, window_ms),
	 .min = 1, .preset = "60s", .text = "Time in which failures count."},
	{.name = "open", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_breaker, open_ms),
	 .min = 1, .preset = "30s", .text = "How long it stays open first; doubles each time."},
	{.name = "open_max", .type = KEY_DURATION, .flags = KEY_INHERIT, .offset = offsetof(struct routing_breaker, open_max_ms),
	 .min = 1, .preset = "15m", .text = "Longest time it stays open."},
	{.name = "probe_lease", .type = KEY_DURATION, .flags = KEY_INHERIT,
	 .offset = offsetof(struct routing_breaker, probe_lease_ms), .min = 1, .preset = "320s",
	 .text = "How long one probe holds the half-open breaker; not below timeout.total."},
};
const struct key_table breaker_table = {"breaker", KEYS(breaker_keys), "When a provider is left alone for a while."};

static const struct key defaults_keys[] = {
	{.name = "timeout", .type = KEY_MAP, .offset = offsetof(struct provider, timeouts), .table = &timeout_table,
	 .text = "Time limits of one attempt."},
	{.name = "retry", .type = KEY_MAP, .offset = offsetof(struct provider, retry), .table = &retry_policy_table,
	 .text = "Retries at the same provider."},
	{.name = "breaker", .type = KEY_MAP, .offset = offsetof(struct provider, breaker), .table = &breaker_table,
	 .text = "When a provider is left alone for a while."},
};
static const struct key_table defaults_table = {"defaults", KEYS(defaults_keys), "What providers inherit."};

static const struct key provider_keys[] = {
	{.name = "wire", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct provider, wire),
	 .words = wire_words, .text = "Protocol of the provider; replay reads recorded replies from a file."},
	{.name = "base_url", .type = KEY_CSTR, .offset = offsetof(struct provider, base_url), .read = read_base_url,
	 .text = "Address: https, or http on the loopback interface."},
	{.name = "base_url_env", .type = KEY_CSTRS, .offset = offsetof(struct provider, base_url_env),
	 .offset_n = offsetof(struct provider, n_base_url_env), .pattern = ROUTING_ENV_PATTERN,
	 .pattern_text = ROUTING_ENV_TEXT, .min = 1,
	 .text = "Environment variables that hold the address; the first that is set wins over base_url."},
	{.name = "key_env", .type = KEY_CSTRS, .offset = offsetof(struct provider, key_env),
	 .offset_n = offsetof(struct provider, n_key_env), .read = read_key_env, .pattern = ROUTING_ENV_PATTERN,
	 .pattern_text = ROUTING_ENV_TEXT,
	 .text = "Environment variables that may hold the key, in order of precedence; [] for none."},
	{.name = "file", .type = KEY_CSTR, .offset = offsetof(struct provider, replay_file), .read = read_replay,
	 .text = "Recorded replies of a replay provider, beside this file."},
	{.name = "breaker_scope", .type = KEY_ENUM, .offset = offsetof(struct provider, breaker_per_model),
	 .words = breaker_words, .read = read_breaker_scope, .preset = "provider",
	 .text = "Whether models share one breaker or have their own."},
	{.name = "max_in_flight", .type = KEY_INT, .offset = offsetof(struct provider, max_in_flight), .min = 1,
	 .max = 100000, .text = "Most calls at once; default: no limit."},
	{.name = "rpm", .type = KEY_INT, .offset = offsetof(struct provider, rpm), .min = 1,
	 .text = "Most calls per minute; default: no limit."},
	{.name = "tpm", .type = KEY_INT64, .offset = offsetof(struct provider, tpm), .min = 1,
	 .text = "Most tokens per minute; default: no limit."},
	{.name = "timeout", .type = KEY_MAP, .offset = offsetof(struct provider, timeouts), .table = &timeout_table,
	 .text = "Time limits of one attempt; default: of defaults."},
	{.name = "retry", .type = KEY_MAP, .offset = offsetof(struct provider, retry), .table = &retry_policy_table,
	 .text = "Retries at this provider; default: of defaults."},
	{.name = "breaker", .type = KEY_MAP, .offset = offsetof(struct provider, breaker), .table = &breaker_table,
	 .text = "When this provider is left alone; default: of defaults."},
};
static const struct key_table provider_table = {"a provider", KEYS(provider_keys), "Where models are asked."};

static const struct key model_keys[] = {
	{.name = "provider", .type = KEY_TEXT, .flags = KEY_REQUIRED, .read = read_link_name,
	 .text = "Provider of this file."},
	{.name = "id", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct model, id), .min = 1, .max = 200,
	 .text = "Name of the model at the provider."},
	{.name = "kind", .type = KEY_ENUM, .offset = offsetof(struct model, kind), .words = kind_words, .preset = "chat",
	 .text = "What it makes of a question: an answer, or vectors of texts."},
	{.name = "dims", .type = KEY_INT, .offset = offsetof(struct model, dims), .min = 1, .max = 65536,
	 .text = "Of an embedding: how many numbers one vector has."},
	{.name = "shorten", .type = KEY_BOOL, .offset = offsetof(struct model, shorten), .preset = "true",
	 .text = "Of an embedding: whether the model is asked for vectors of dims."},
	{.name = "context", .type = KEY_INT64, .offset = offsetof(struct model, context), .min = 1,
	 .text = "Most tokens of question and answer, or of one text to embed; default: unknown."},
	{.name = "max_output", .type = KEY_INT64, .offset = offsetof(struct model, max_output), .min = 1,
	 .text = "Most tokens of an answer; default: unknown."},
	{.name = "can", .type = KEY_FLAGS, .offset = offsetof(struct model, can), .words = can_words,
	 .text = "What the model can do besides text."},
	{.name = "temperature", .type = KEY_BOOL, .offset = offsetof(struct model, takes_temperature), .preset = "true",
	 .text = "Whether the model takes a temperature; else a step's is left out."},
	{.name = "price", .type = KEY_MAP, .flags = KEY_REQUIRED, .offset = offsetof(struct model, price),
	 .table = &price_table, .words = free_words, .read = read_price, .text = "Price per million tokens, or free."},
};
static const struct key_table model_table = {"a model", KEYS(model_keys), "A model with its price."};

static const struct key cap_keys[] = {
	{.name = "scope", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct cap, scope),
	 .words = scope_words, .text = "What has a sum of its own."},
	{.name = "window", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct cap, window),
	 .words = window_words, .text = "Time over which it is summed up."},
	{.name = "limit_usd", .type = KEY_MONEY, .flags = KEY_REQUIRED, .offset = offsetof(struct cap, limit_pusd), .min = 1,
	 .text = "Most US dollars in one window."},
	{.name = "on_exceeded", .type = KEY_ENUM, .offset = offsetof(struct cap, on_exceeded), .words = exceeded_words,
	 .preset = "fail", .text = "What becomes of a call that the cap refuses."},
};
static const struct key_table cap_table = {"a cap", KEYS(cap_keys), "A bound on spending."};

static const struct key tier_step_keys[] = {
	{.name = "model", .type = KEY_TEXT, .flags = KEY_REQUIRED, .read = read_link_name, .text = "Model of this file."},
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct tier_step, when),
	 .text = "Condition over .task; without it always."},
	{.name = "if_unconfigured", .type = KEY_BOOL, .offset = offsetof(struct tier_step, if_unconfigured),
	 .text = "Take this step only when no other step of the tier has a configured provider."},
	{.name = "caps", .type = KEY_TEXTS, .read = read_link_names,
	 .text = "Caps that this step's spending counts against."},
};
static const struct key_table tier_step_table = {"a step of a tier", KEYS(tier_step_keys), "One model of a tier."};

static const struct key exhausted_keys[] = {
	{.name = "no_step_allowed", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct tier, no_step_allowed),
	 .words = do_words, .text = "When no step may be taken."},
	{.name = "all_open", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct tier, all_open),
	 .words = do_words, .text = "When every breaker is open."},
	{.name = "all_failed", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct tier, all_failed),
	 .words = do_words, .text = "When a step was tried and none succeeded."},
};
static const struct key_table exhausted_table = {"when_exhausted", KEYS(exhausted_keys), "The end of a tier's list."};

static const struct key tier_keys[] = {
	{.name = "steps", .type = KEY_MAPS, .flags = KEY_REQUIRED, .table = &tier_step_table, .read = read_steps_list,
	 .text = "Models in the order in which they are tried."},
	{.name = "fallback_on", .type = KEY_TEXTS, .offset = offsetof(struct tier, fallback_on), .read = read_fallback,
	 .text = "Error classes after which the next step is tried; default: all but those that would recur."},
	{.name = "deadline", .type = KEY_DURATION, .offset = offsetof(struct tier, deadline_ms), .min = 1, .preset = "240s",
	 .text = "Longest time for one question, all steps together."},
	{.name = "when_exhausted", .type = KEY_MAP, .table = &exhausted_table, .text = "What becomes of a call without answer."},
};
static const struct key_table tier_table = {"a tier", KEYS(tier_keys), "An ordered list of models."};

static const struct key routing_keys[] = {
	KEY_VERSION,
	{.name = "timezone", .type = KEY_TEXT, .offset = offsetof(struct routing, timezone), .preset = "UTC",
	 .read = read_timezone, .text = "Where a cap's day begins."},
	{.name = "mode", .type = KEY_ENUM, .offset = offsetof(struct routing, mode), .words = mode_words, .preset = "live",
	 .read = read_mode, .text = "live asks models; shadow asks another gateway and decides beside it; off refuses."},
	{.name = "probe_max_age", .type = KEY_DURATION, .offset = offsetof(struct routing, probe_max_age_ms), .min = 60000,
	 .preset = "30d", .text = "How long a successful probe of a provider holds."},
	{.name = "defaults", .type = KEY_MAP, .table = &defaults_table, .read = read_defaults,
	 .text = "What providers inherit."},
	{.name = "providers", .type = KEY_NAMED, .flags = KEY_REQUIRED, .table = &provider_table, .read = read_providers,
	 .text = "Providers by name."},
	{.name = "models", .type = KEY_NAMED, .flags = KEY_REQUIRED, .table = &model_table, .read = read_models,
	 .text = "Models by name."},
	{.name = "caps", .type = KEY_NAMED, .table = &cap_table, .read = read_caps, .text = "Bounds on spending by name."},
	{.name = "tiers", .type = KEY_NAMED, .flags = KEY_REQUIRED, .table = &tier_table, .read = read_tiers,
	 .text = "Tiers by name: what workflows ask for."},
	{.name = "shadow", .type = KEY_MAP, .table = &shadow_table, .read = read_shadow,
	 .text = "The gateway that answers in mode shadow."},
};
const struct key_table routing_table = {"the routing policy", KEYS(routing_keys), "policies/routing.yaml"};

/* --- values of their own kinds --- */

static void read_mode(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	((struct routing_load *)l)->mode_node = v;
	key_read_plain(l, k, v, out, k->offset);
}

static void read_backoff_pair(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_retry *r = out;
	int64_t pair[2];
	bool ok = v->kind == YAML_LIST && v->n == 2;
	for (size_t i = 0; ok && i < 2; i++)
		ok = v->items[i]->kind == YAML_SCALAR && duration_parse(v->items[i]->text, &pair[i]);
	if (!ok)
		diag_error(l->d, v->at, "\"%s\": expected two durations such as [500ms, 8s]", k->name);
	else if (pair[0] > pair[1])
		diag_error(l->d, v->at, "\"%s\": the first pause is longer than the longest", k->name);
	else {
		r->backoff_ms = pair[0];
		r->backoff_max_ms = pair[1];
	}
}

static bool is_loopback(struct str host)
{
	return str_is(host, "localhost") || str_is(host, "[::1]") || str_starts(host, STR("127."));
}

static const char *url_problem(struct str url)
{
	bool https = str_starts(url, STR("https://"));
	if (!https && !str_starts(url, STR("http://")))
		return "expected an https address";
	struct str rest = str_sub(url, https ? 8 : 7, url.n);
	size_t n = 0;
	while (n < rest.n && !strchr("/?#", rest.p[n]))
		n++;
	struct str host = str_sub(rest, 0, n);
	if (str_chr(host, '@') >= 0)
		return "an address with a user or password is not allowed";
	if (str_chr(rest, '?') >= 0 || str_chr(rest, '#') >= 0)
		return "an address with a query or fragment is not allowed";
	ptrdiff_t port = host.n && host.p[0] == '[' ? str_find(host, STR("]:")) + 1 : str_chr(host, ':');
	if (port > 0)
		host = str_sub(host, 0, (size_t)port);
	if (!host.n)
		return "the address names no host";
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f)
			return "the address holds white space or characters that are not ASCII";
	return https || is_loopback(host) ? NULL : "http is allowed on the loopback interface only: use https";
}

void read_base_url(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (!yaml_is_text(v)) {
		diag_error(l->d, v->at, "\"%s\": expected an https address, got %s", k->name, yaml_describe(v));
		return;
	}
	const char *problem = url_problem(v->text);
	struct place at = v->at;
	if (str_chr(v->text, '@') >= 0)
		at.col = 0;
	if (problem)
		diag_error(l->d, at, "\"%s\": %s", k->name, problem);
	else
		key_read_plain(l, k, v, out, k->offset);
}

/* Names are words; a long run of letters and digits without '_' is no word. */
static bool looks_like_key(struct str s)
{
	static const char *const heads[] = {"sk-", "sk_", "AIza", "AKIA", "ASIA", "gsk_", "xai-", "ghp_", "Bearer "};
	size_t digits = 0;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (str_starts(s, str_from(heads[i])) && s.n >= 12)
			return true;
	for (size_t i = 0; i < s.n; i++)
		digits += s.p[i] >= '0' && s.p[i] <= '9';
	return s.n >= 20 && digits >= 2 && str_chr(s, '_') < 0;
}

static const char *env_name_problem(const struct load *l, const struct key *k, struct str s)
{
	if (!s.n)
		return "is empty, expected " ROUTING_ENV_TEXT;
	bool fits = load_matches(l, s, k->pattern);
	if (looks_like_key(s) || (!fits && s.n >= 16))
		return "looks like a key itself: put the variable's name";
	return fits ? NULL : "is not " ROUTING_ENV_TEXT;
}

/* Never shows the value: it may be the key itself. */
void read_key_env(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	bool ok = true;
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
		const struct yaml *item = v->items[i];
		struct place at = item->at;
		if (!yaml_is_text(item))
			continue;
		const char *problem = env_name_problem(l, k, item->text);
		if (!problem)
			continue;
		ok = false;
		at.col = 0;
		diag_error(l->d, at, "\"%s\"[%zu] %s", k->name, i, problem);
	}
	if (v->kind != YAML_LIST) {
		struct place at = v->at;
		at.col = 0;
		diag_error(l->d, at, "\"%s\": expected a list of names of environment variables", k->name);
	} else if (ok) {
		key_read_plain(l, k, v, out, k->offset);
	}
}

/* Only that it could be read: a text from outside may name it a thousand times, and nobody will replay it. */
static int find_beneath(const char *dir, const char *name, struct err *err)
{
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	if (root < 0)
		return err_set(err, ERR_NOT_FOUND, "there are no policies yet");
	fd = file_open_beneath(root, name, O_RDONLY, 0, err);
	close(root);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* Where the file stands when its routing does not come from outside. */
static const char *beside(struct load *l, const char *routing, const char *name)
{
	struct str dir = str_from(routing);
	while (dir.n && dir.p[dir.n - 1] != '/')
		dir.n--;
	return name[0] == '/' ? name : arena_printf(l->a, STR_FMT "%s", STR_ARG(dir), name);
}

static void read_replay(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct provider *p = out;
	struct err err;
	int rc;
	if (!yaml_is_text(v) || !v->text.n) {
		diag_error(l->d, v->at, "\"%s\": expected the name of a file", k->name);
		return;
	}
	p->replay_file = w->beneath ? v->text.p : beside(l, w->path, v->text.p);
	rc = w->beneath ? find_beneath(w->beneath, p->replay_file, &err)
			: file_read(l->a, p->replay_file, MAX_REPLAY_BYTES, &p->replay_text, &err);
	if (rc < 0)
		diag_error(l->d, v->at, "\"%s\": %s", k->name, err.msg);
}

static void read_breaker_scope(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	int word = 0;
	key_read_plain(l, k, v, &word, 0);
	((struct provider *)out)->breaker_per_model = word == 1;
}

static void read_timezone(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing *r = out;
	if (!yaml_is_text(v) || !load_matches(l, v->text, "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")) {
		diag_error(l->d, v->at, "\"%s\": expected the name of a time zone such as Europe/Vienna", k->name);
		return;
	}
	struct arena *scratch = arena_new(l->a);
	struct str zone;
	const char *path = arena_printf(scratch, "/usr/share/zoneinfo/" STR_FMT, STR_ARG(v->text));
	/* A host without the zone files leaves the check to the database. */
	if (file_read(scratch, "/usr/share/zoneinfo/UTC", 1 << 20, &zone, NULL) == 0 &&
	    file_read(scratch, path, 1 << 20, &zone, NULL) < 0)
		diag_error(l->d, v->at, "\"%s\": there is no time zone \"" STR_FMT "\"", k->name, STR_ARG(v->text));
	arena_free(scratch);
	r->timezone = v->text;
}

static void read_defaults(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	(void)out;
	if (load_expect(l, v, k->name, YAML_MAP))
		keys_read(l, k->table, v, &w->base);
}

/* Checked by routing_check.c, which has the nodes. */
static void read_link_name(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	(void)out;
	if (!yaml_is_text(v))
		diag_error(l->d, v->at, "\"%s\": expected a name, got %s", k->name, yaml_describe(v));
}

static void read_link_names(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	(void)out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	for (size_t i = 0; i < v->n; i++)
		if (!yaml_is_text(v->items[i]))
			diag_error(l->d, v->items[i]->at, "\"%s\": expected a name, got %s", k->name, yaml_describe(v->items[i]));
}

/* The classes after which another model may do better. */
static const enum err_code fallback_preset[] = {
	ERR_MODEL_RATE_LIMITED, ERR_MODEL_QUOTA_EXHAUSTED, ERR_MODEL_BILLING, ERR_MODEL_AUTH, ERR_MODEL_OVERLOADED,
	ERR_MODEL_SERVER_ERROR, ERR_MODEL_TIMEOUT, ERR_MODEL_NETWORK, ERR_MODEL_TRUNCATED_STREAM, ERR_MODEL_STREAM_ERROR,
	ERR_MODEL_EMPTY_OUTPUT, ERR_MODEL_MALFORMED_TOOL_CALL, ERR_MODEL_BAD_BODY, ERR_MODEL_CONTEXT_OVERFLOW,
	ERR_MODEL_NOT_FOUND,
};

static uint64_t class_bit(enum err_code c)
{
	return UINT64_C(1) << (c - ERR_MODEL_RATE_LIMITED);
}

static void read_fallback(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct tier *t = out;
	const char *names[ERR_COUNT];
	size_t n = 0;
	for (int c = ERR_MODEL_RATE_LIMITED; c <= ERR_MODEL_NOT_FOUND; c++)
		names[n++] = err_name((enum err_code)c) + strlen("model.");
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	t->fallback_on = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *item = v->items[i];
		struct str s = item->kind == YAML_SCALAR ? item->text : STR("");
		enum err_code c = err_by_name(arena_printf(l->a, "model." STR_FMT, STR_ARG(s)));
		if (c == ERR_MODEL_INVALID_REQUEST || c == ERR_MODEL_CANCELLED || c == ERR_MODEL_OVERSIZE || c == ERR_MODEL_NO_ROUTE)
			diag_error(l->d, item->at, "\"%s\": \"" STR_FMT "\" must not fall back: it would fail in the same way",
				   k->name, STR_ARG(s));
		else if (c == ERR_NONE)
			diag_error(l->d, item->at, "\"%s\": there is no error class \"" STR_FMT "\"%s", k->name, STR_ARG(s),
				   load_nearest(l->d, l->a, s, names, n));
		else
			t->fallback_on |= class_bit(c);
	}
}

/* --- maps of names --- */

static const struct yaml **nodes_of(struct load *l, const struct yaml *v)
{
	const struct yaml **nodes = ARENA_ARRAY(l->a, v->n ? v->n : 1, const struct yaml *);
	for (size_t i = 0; i < v->n; i++) {
		nodes[i] = v->pairs[i].value;
		load_name(l, v->pairs[i].key, "name", NAME_PATTERN, NAME_TEXT);
	}
	return nodes;
}

static bool expect_names(struct load *l, const struct key *k, const struct yaml *v)
{
	if (!load_expect(l, v, k->name, YAML_MAP))
		return false;
	if (!v->n && (k->flags & KEY_REQUIRED))
		diag_error(l->d, v->at, "\"%s\" is empty", k->name);
	return true;
}

static void read_providers(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct routing *r = out;
	if (!expect_names(l, k, v))
		return;
	w->provider_nodes = nodes_of(l, v);
	w->providers = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct provider);
	r->providers = w->providers;
	r->n_providers = v->n;
	for (size_t i = 0; i < v->n; i++) {
		w->providers[i] = w->base;
		w->providers[i].name = v->pairs[i].key->text;
		w->providers[i].place = v->pairs[i].key->at;
		keys_read(l, k->table, v->pairs[i].value, &w->providers[i]);
	}
}

static void read_models(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct routing *r = out;
	if (!expect_names(l, k, v))
		return;
	w->model_nodes = nodes_of(l, v);
	w->models = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct model);
	r->models = w->models;
	r->n_models = v->n;
	for (size_t i = 0; i < v->n; i++) {
		w->models[i].name = v->pairs[i].key->text;
		w->models[i].place = v->pairs[i].key->at;
		keys_read(l, k->table, v->pairs[i].value, &w->models[i]);
	}
}

static void read_caps(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct routing *r = out;
	if (!expect_names(l, k, v))
		return;
	w->cap_nodes = nodes_of(l, v);
	w->caps = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct cap);
	r->caps = w->caps;
	r->n_caps = v->n;
	for (size_t i = 0; i < v->n; i++) {
		w->caps[i].name = v->pairs[i].key->text;
		w->caps[i].place = v->pairs[i].key->at;
		keys_read(l, k->table, v->pairs[i].value, &w->caps[i]);
	}
}

static void read_steps_list(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct tier *t = out;
	if (!load_expect(l, v, k->name, YAML_LIST))
		return;
	if (!v->n)
		diag_error(l->d, v->at, "the tier has no step");
	struct tier_step *steps = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct tier_step);
	t->steps = steps;
	t->n_steps = v->n;
	for (size_t i = 0; i < v->n; i++) {
		steps[i].place = v->items[i]->at;
		keys_read(l, k->table, v->items[i], &steps[i]);
	}
}

static void read_tiers(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct routing *r = out;
	if (!expect_names(l, k, v))
		return;
	w->tier_nodes = nodes_of(l, v);
	w->tiers = ARENA_ARRAY(l->a, v->n ? v->n : 1, struct tier);
	r->tiers = w->tiers;
	r->n_tiers = v->n;
	for (size_t i = 0; i < v->n; i++) {
		struct tier *t = &w->tiers[i];
		t->name = v->pairs[i].key->text;
		t->place = v->pairs[i].key->at;
		for (size_t c = 0; c < sizeof(fallback_preset) / sizeof(fallback_preset[0]); c++)
			t->fallback_on |= class_bit(fallback_preset[c]);
		keys_read(l, k->table, v->pairs[i].value, t);
	}
}

/* --- all of it --- */

const struct routing *routing_parse(struct arena *a, const char *path, struct str text, struct diags *d)
{
	return routing_parse_beneath(a, path, NULL, text, d);
}

const struct routing *routing_parse_beneath(struct arena *a, const char *path, const char *dir, struct str text, struct diags *d)
{
	static const char *const roots[] = {"task"};
	size_t before = diag_errors(d);
	struct routing_load *w = ARENA_NEW(a, struct routing_load);
	w->l = (struct load){.a = a, .d = d, .roots = roots, .n_roots = 1};
	w->path = path;
	w->beneath = dir;
	w->r = ARENA_NEW(a, struct routing);
	digest_of(text, &w->r->digest);
	const struct yaml *root = yaml_parse(a, path, text, d);
	if (!root)
		return NULL;
	keys_defaults(&w->l, &timeout_table, root->at, &w->base.timeouts);
	keys_defaults(&w->l, &retry_policy_table, root->at, &w->base.retry);
	keys_defaults(&w->l, &breaker_table, root->at, &w->base.breaker);
	w->base.retry.backoff_ms = 500;
	w->base.retry.backoff_max_ms = 8000;
	if (keys_read(&w->l, &routing_table, root, w->r)) {
		routing_check(w);
		shadow_check(w);
		load_check(&w->l);
	}
	return diag_errors(d) > before ? NULL : w->r;
}

const char *cap_scope_name(enum cap_scope s)
{
	return scope_words[s];
}

const char *cap_window_name(enum cap_window w)
{
	return window_words[w];
}

const char *cap_exceeded_name(enum cap_exceeded e)
{
	return exceeded_words[e];
}

const struct tier *routing_tier(const struct routing *r, struct str name)
{
	for (size_t i = 0; r && i < r->n_tiers; i++)
		if (str_eq(r->tiers[i].name, name))
			return &r->tiers[i];
	return NULL;
}
