/* hook.c - hooks/NAME.yaml: who may deliver, and what becomes of a delivery, read and checked. */
#include "config/hook.h"

#include "base/arena.h"
#include "config/expr.h"
#include "config/schema.h"

#define DEFAULT_TOLERANCE "5m"

static const char *const roots[] = {"headers", "body", "query", "delivery"};
static const char *const delivery_names[] = {"hook", "scheme", "id", "digest"};

static const char *const scheme_words[] = {"github", "stripe", "standard-webhooks", "hmac", NULL};
static const char *const algorithm_words[] = {"sha256", "sha1", "sha512", NULL};
static const char *const encoding_words[] = {"hex", "base64", NULL};

static key_read_fn read_secret, read_header, read_workflow, read_object;

static const struct key verify_keys[] = {
	{.name = "scheme", .type = KEY_ENUM, .flags = KEY_REQUIRED, .offset = offsetof(struct hook_verify, scheme),
	 .words = scheme_words, .text = "How deliveries are signed."},
	{.name = "secret", .type = KEY_ANY, .flags = KEY_REQUIRED, .offset = offsetof(struct hook_verify, secrets),
	 .read = read_secret, .text = "Environment variable of the secret; a list while it is being replaced."},
	{.name = "tolerance", .type = KEY_DURATION, .offset = offsetof(struct hook_verify, tolerance_ms), .min = 1000,
	 .max = INT64_C(86400000), .preset = DEFAULT_TOLERANCE, .text = "How far the signed time may be from now."},
	{.name = "header", .type = KEY_TEXT, .offset = offsetof(struct hook_verify, header), .read = read_header,
	 .pattern = "^[A-Za-z0-9_-]{1,100}$", .pattern_text = "letters, digits, _ and -", .text = "hmac: header of the signature."},
	{.name = "algorithm", .type = KEY_ENUM, .offset = offsetof(struct hook_verify, algorithm), .base = HMAC_SHA256,
	 .words = algorithm_words, .preset = "sha256", .text = "hmac: hash of the signature."},
	{.name = "encoding", .type = KEY_ENUM, .offset = offsetof(struct hook_verify, encoding), .words = encoding_words,
	 .preset = "hex", .text = "hmac: how the signature is written."},
	{.name = "prefix", .type = KEY_TEXT, .offset = offsetof(struct hook_verify, prefix), .max = 100,
	 .text = "hmac: what stands before the signature, such as sha256=."},
};
static const struct key_table verify_table = {"verify", KEYS(verify_keys), "How it is known who delivers."};

static const struct key hook_keys[] = {
	KEY_VERSION,
	{.name = "name", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct hook, name),
	 .pattern = "^[a-z][a-z0-9-]{0,62}$", .pattern_text = "a lower-case letter, then letters, digits and -",
	 .text = "Name of the hook: deliveries go to /hooks/NAME."},
	{.name = "description", .type = KEY_TEXT, .offset = offsetof(struct hook, description), .max = 2000,
	 .text = "What it is for."},
	{.name = "workflow", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct hook, workflow),
	 .read = read_workflow, .min = 1, .text = "Workflow that a delivery starts."},
	{.name = "verify", .type = KEY_MAP, .flags = KEY_REQUIRED, .offset = offsetof(struct hook, verify), .table = &verify_table,
	 .text = "How it is known who delivers."},
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct hook, when),
	 .text = "Condition over headers, body, query and delivery; else the delivery is ignored."},
	{.name = "input", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct hook, input), .read = read_object,
	 .text = "Input of the workflow; may hold ${ } over headers, body, query and delivery."},
	{.name = "labels", .type = KEY_TMPL, .offset = offsetof(struct hook, labels), .read = read_object,
	 .text = "Labels of the task; may hold ${ } as input."},
	{.name = "urgency", .type = KEY_TEXT, .offset = offsetof(struct hook, urgency), .pattern = "^(low|normal|high)$",
	 .pattern_text = "low, normal or high", .preset = "normal", .text = "Urgency of the task."},
	{.name = "delivery_id", .type = KEY_EXPR, .offset = offsetof(struct hook, delivery_id),
	 .text = "What tells one delivery from another; default: as the scheme has it."},
	{.name = "max_body", .type = KEY_SIZE, .offset = offsetof(struct hook, max_body_bytes), .min = 1, .max = 25 << 20,
	 .preset = "1MiB", .text = "Largest body of a delivery."},
};
const struct key_table hook_table = {"the hook", KEYS(hook_keys), "hooks/NAME.yaml"};

static void *slot(void *out, const struct key *k)
{
	return (char *)out + k->offset;
}

const char *hook_scheme_name(enum hook_scheme s)
{
	return scheme_words[s];
}

/* --- values --- */

/* What stands there may be the secret itself: it is not shown. */
static bool is_variable(struct load *l, const struct yaml *v)
{
	struct place at = v->at;

	if (v->kind == YAML_SCALAR && load_matches(l, v->text, "^[A-Z_][A-Z0-9_]{0,127}$"))
		return true;
	at.col = 0;
	diag_error(l->d, at, "\"secret\": expected the name of an environment variable");
	return false;
}

static void read_secret(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	const struct yaml *const one[] = {v}, *const *items = v->kind == YAML_LIST ? v->items : one;
	size_t n = v->kind == YAML_LIST ? v->n : 1;
	struct str *names = ARENA_ARRAY(l->a, n + 1, struct str);
	struct hook_verify *verify = out;

	if (n == 0)
		diag_error(l->d, v->at, "\"%s\": expected at least one environment variable", k->name);
	for (size_t i = 0; i < n; i++)
		if (is_variable(l, items[i]))
			names[verify->n_secrets++] = items[i]->text;
	verify->secrets = names;
}

static void read_header(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct str *name = slot(out, k);

	key_read_plain(l, k, v, out, k->offset);
	*name = str_lower(l->a, *name);
}

static void read_workflow(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	((struct hook *)out)->workflow_place = v->at;
	key_read_plain(l, k, v, out, k->offset);
}

static void read_object(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	if (v->kind == YAML_LIST || (v->kind == YAML_SCALAR && !str_starts(str_trim(v->text), STR("${"))))
		diag_error(l->d, v->at, "\"%s\": expected a map, or ${ } that gives an object, got %s", k->name, yaml_describe(v));
	else
		*(const struct tmpl **)slot(out, k) = load_tmpl(l, v);
}

/* --- checks --- */

struct reading {
	struct load *l;
	const struct use *u;
};

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	const struct reading *r = arg;
	struct load *l = r->l;

	(void)length;
	if (n < 2)
		return;
	if (str_is(keys[0], "headers") && has_upper(keys[1]))
		diag_add(l->d, DIAG_ERROR, use_place(l, r->u, offset), "names of headers are in lower case here",
			 "there is no header \"" STR_FMT "\"", STR_ARG(keys[1]));
	for (size_t i = 0; i < sizeof delivery_names / sizeof delivery_names[0]; i++)
		if (str_is(keys[1], delivery_names[i]))
			return;
	if (str_is(keys[0], "delivery"))
		diag_error(l->d, use_place(l, r->u, offset), "a delivery has no \"" STR_FMT "\"%s", STR_ARG(keys[1]),
			   load_nearest(l->d, l->a, keys[1], delivery_names, sizeof delivery_names / sizeof delivery_names[0]));
}

static void check_names(struct load *l)
{
	for (size_t i = 0; i < l->n_uses; i++) {
		struct reading r = {l, &l->uses[i]};

		if (r.u->expr)
			expr_refs(r.u->expr, on_ref, &r);
		else
			tmpl_refs(r.u->tmpl, on_ref, &r);
	}
}

/* Which keys of `verify` mean something to which schemes. */
static void check_scheme(struct load *l, const struct yaml *verify, enum hook_scheme scheme)
{
	static const struct {
		const char *key;
		unsigned schemes;
	} of[] = {
		{"tolerance", 1u << HOOK_STRIPE | 1u << HOOK_STANDARD}, {"header", 1u << HOOK_HMAC}, {"algorithm", 1u << HOOK_HMAC},
		{"encoding", 1u << HOOK_HMAC},				 {"prefix", 1u << HOOK_HMAC},
	};

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		const struct yaml *v = yaml_get(verify, of[i].key);

		if (v && !(of[i].schemes & 1u << scheme))
			diag_error(l->d, v->at, "\"%s\": the scheme %s fixes that, or has no such thing", of[i].key, scheme_words[scheme]);
	}
	if (scheme == HOOK_HMAC && !yaml_get(verify, "header"))
		diag_error(l->d, verify->at, "the scheme hmac needs \"header\": the header that holds the signature");
}

static void check(struct load *l, const struct yaml *root, struct hook *h)
{
	const struct yaml *verify = yaml_get(root, "verify"), *scheme = yaml_get(verify, "scheme");
	struct hook_verify *v = &h->verify;

	if (!scheme || !str_is(scheme->text, scheme_words[v->scheme]))	/* it was missing, or reported */
		return;
	check_scheme(l, verify, v->scheme);
	if (v->scheme == HOOK_HMAC && !h->delivery_id && !yaml_get(root, "delivery_id"))
		diag_add(l->d, DIAG_ERROR, root->at,
			 "a header that the sender sets, such as .headers[\"x-request-id\"], or .delivery.digest",
			 "the scheme hmac needs \"delivery_id\": what tells one delivery from another");
	if (v->scheme == HOOK_GITHUB) {
		v->header = STR("x-hub-signature-256");
		v->prefix = STR("sha256=");
	}
}

const struct hook *hook_parse(struct arena *a, const char *path, struct str text, struct diags *d)
{
	size_t before = diag_errors(d);
	struct load l = {.a = a, .d = d, .roots = roots, .n_roots = sizeof roots / sizeof roots[0]};
	struct hook *h = ARENA_NEW(a, struct hook);
	const struct yaml *root = yaml_parse(a, path, text, d);

	if (!root)
		return NULL;
	h->place = root->at;
	if (keys_read(&l, &hook_table, root, h)) {
		check(&l, root, h);
		load_check(&l);
		check_names(&l);
	}
	return diag_errors(d) > before ? NULL : h;
}
