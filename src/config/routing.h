/* routing.h - policies/routing.yaml, checked: providers, models with prices, tiers, caps.
 *
 * Shapes:  names are linked to pointers. A tier is an ordered list of steps.
 * Units:   prices int64 pico-dollars per token (USD per million tokens times 10^6).
 * Memory:  one arena, immutable; swapped whole on reload.
 * Errors:  all to the diag list.
 * Source:  agentd-routing(5).
 */
#ifndef CONFIG_ROUTING_H
#define CONFIG_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/str.h"
#include "config/diag.h"

struct arena;
struct expr;

enum wire_kind { WIRE_OPENAI, WIRE_OPENROUTER, WIRE_GEMINI, WIRE_ANTHROPIC, WIRE_REPLAY };
enum routing_mode { MODE_LIVE, MODE_SHADOW, MODE_OFF };
enum { CAN_TOOLS = 1, CAN_JSON = 2, CAN_IMAGES = 4 };
enum model_kind { MODEL_CHAT, MODEL_EMBEDDING };

struct routing_timeouts {
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms;
};

struct routing_retry {
	int max;
	int64_t backoff_ms, backoff_max_ms, max_hint_ms;
};

struct routing_breaker {
	int failures;
	int64_t window_ms, open_ms, open_max_ms, probe_lease_ms;
};

struct provider {
	struct place place;
	struct str name;
	enum wire_kind wire;
	const char *base_url;		/* NULL: only from base_url_env */
	const char *const *base_url_env;	/* names, in order of precedence; the first that is set wins over base_url */
	size_t n_base_url_env;
	const char *const *key_env;	/* names in order of precedence; none: no key needed */
	size_t n_key_env;
	const char *replay_file;	/* WIRE_REPLAY: path, resolved against the file's directory */
	struct str replay_text;		/* its text */
	bool breaker_per_model;
	int max_in_flight;		/* 0: no limit */
	int rpm;			/* 0: no limit */
	int64_t tpm;
	struct routing_timeouts timeouts;
	struct routing_retry retry;
	struct routing_breaker breaker;
};

struct price {
	bool known, free;
	int64_t input, cached, write_5m, write_1h, output;	/* pico-USD per token; output 0 of an embedding */
	struct str as_of;		/* 2026-11-01 */
};

struct model {
	struct place place;
	struct str name, id;		/* name here, id at the provider */
	const struct provider *provider;
	enum model_kind kind;
	int dims;			/* MODEL_EMBEDDING: of its vectors */
	bool shorten;			/* MODEL_EMBEDDING: it is asked for so many */
	int64_t context, max_output;	/* tokens; 0: unknown */
	unsigned can;
	bool takes_temperature;
	struct price price;
	bool unreserved;		/* of another gateway, which bounds what it costs: asked also when nothing can be reserved */
};

struct tier_step {
	struct place place;
	const struct model *model;
	const struct expr *when;	/* over {task}; NULL: always */
	bool if_unconfigured;		/* taken only when no other step of the tier has a configured provider */
	const struct cap *const *caps;	/* by name; what it costs counts against all of them */
	size_t n_caps;
};

enum exhausted_do { EXHAUSTED_FAIL, EXHAUSTED_REQUEUE, EXHAUSTED_APPROVAL };

struct tier {
	struct place place;
	struct str name;
	const struct tier_step *steps;
	size_t n_steps;
	uint64_t fallback_on;		/* bit (code - ERR_MODEL_RATE_LIMITED) for each error class */
	int64_t deadline_ms;
	enum exhausted_do no_step_allowed, all_open, all_failed;
	bool embeds;			/* its one step makes embeddings, else all of them chat */
};

enum cap_scope { CAP_GLOBAL, CAP_PROVIDER, CAP_MODEL, CAP_WORKFLOW, CAP_TASK, CAP_TOKEN };
enum cap_window { CAP_HOUR, CAP_DAY, CAP_MONTH, CAP_LIFETIME };
enum cap_exceeded { CAP_FAIL, CAP_SKIP, CAP_APPROVAL };

struct cap {
	struct place place;
	struct str name;
	enum cap_scope scope;		/* each of these has a sum of its own */
	enum cap_window window;		/* begins by the file's time zone */
	int64_t limit_pusd;
	enum cap_exceeded on_exceeded;
};

/* A gateway of somebody else that answers while ours decides beside it (mode: shadow). */
struct shadow {
	struct place place;
	struct provider provider;	/* its name, SHADOW_NAME, is none that a file can give: nothing of it is a live provider's */
	const struct tier *tiers;	/* of the same order as the file's: one step each, the model that the other gateway is asked for;
					 * none where it names none */
};
#define SHADOW_NAME "shadow:legacy"

struct routing {
	struct str timezone;
	enum routing_mode mode;
	int64_t probe_max_age_ms;	/* how long a successful probe of a provider holds */
	const struct shadow *shadow;	/* NULL: the file has none */
	const struct provider *providers;
	size_t n_providers;
	const struct model *models;
	size_t n_models;
	const struct cap *caps;
	size_t n_caps;
	const struct tier *tiers;
	size_t n_tiers;
	struct digest digest;		/* of the file's text: the policy a call was made under */
};

const struct routing *routing_parse(struct arena *a, const char *path, struct str text, struct diags *d);
/* Of a text from outside: recorded replies are read below dir only, whatever the text says. */
const struct routing *routing_parse_beneath(struct arena *a, const char *path, const char *dir, struct str text, struct diags *d);
const struct tier *routing_tier(const struct routing *r, struct str name);	/* NULL: unknown */
/* The tier that the other gateway serves for t, a tier of r. NULL: r->shadow is not there or names no model for it. */
const struct tier *routing_shadow_tier(const struct routing *r, const struct tier *t);
/* Whether two ids mean the same model: letter case, what stands before the last '/', and a date or "latest" at the end do not count. */
bool model_same(struct str a, struct str b);
const char *cap_scope_name(enum cap_scope s);		/* as in the file */
const char *cap_window_name(enum cap_window w);
const char *cap_exceeded_name(enum cap_exceeded e);

#endif
