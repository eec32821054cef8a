/* notify.c - see notify.h. */
#include "notify/notify.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "base/url.h"
#include "base/uuid.h"
#include "config/link.h"
#include "config/settings.h"
#include "notify/message.h"
#include "notify/notice.h"
#include "notify/sign.h"
#include "notify/verdict.h"
#include "store/store.h"
#include "store/webhooks.h"

enum {
	PER_TARGET = 4,			/* as webhook_claim() lends of each, to all processes together */
	MAX_HOOKS = 16,			/* to tasks' webhooks at a time */
	LEASE_SLACK_MS = 10000,		/* beyond the longest attempt: to say what became of it */
	TELL_AGAIN_MS = 5000,		/* for the second time: by then all have ended that did not see a new target */
	TELL_MS = 300000,		/* the targets, again: the database drops those that nobody names for an hour */
	POLL_MS = 15000,		/* when no notice comes */
	AFTER_FAILURE_MS = 1000,
	MAX_ANSWER_BYTES = 64 << 10,
	MAX_HEADERS = 6,
};

struct notify {
	struct arena *arena;
	struct loop *loop;
	struct http *http;
	struct store *store;
	const struct settings *settings;
	struct signers signers;
	struct str link_key;
	struct str *targets;		/* their names */
	struct loop_timer *timer;
	struct op *op;			/* the targets, or a claim */
	struct uuid lease;		/* of that claim */
	struct sending *first;
	size_t n_told, n_hooks;		/* attempts under way: to targets, to tasks' webhooks */
	bool told;			/* of the targets, once */
	int64_t tell_ms;		/* when the database is told of the targets next, by clock_boot_ms() */
	bool stopping;
	bool again;			/* something came up while a claim was under way, which may not have seen it */
};

/* One attempt. */
struct sending {
	struct notify *notify;
	struct arena *arena;
	struct delivery delivery;
	struct uuid lease;
	const struct notify_target *target;	/* NULL: the task's own webhook */
	struct url url;
	char id[37];
	struct op *op;
	struct sending *prev, *next;
};

static void look(void *arg);

static size_t *count_of(const struct sending *s)
{
	return s->target ? &s->notify->n_told : &s->notify->n_hooks;
}

/* --- the end of an attempt --- */

static void forget(struct sending *s)
{
	struct notify *n = s->notify;

	*(s->prev ? &s->prev->next : &n->first) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	--*count_of(s);
	arena_free(s->arena);
	if (!n->stopping)
		look(n);
}

/* What the database did not hear of is sent again when the lease is over. */
static void on_recorded(struct op *op, void *arg)
{
	struct sending *s = arg;

	s->op = NULL;
	if (op->err->code != ERR_NONE && op->err->code != ERR_CANCELLED)
		log_error("webhook.unrecorded", "delivery=%s error=%s", s->id, log_quotec(op->err->msg));
	forget(s);
}

static void record(struct sending *s, const struct verdict *v, int status)
{
	static const char *const words[] = {
		[DELIVERY_DELIVERED] = "delivered", [DELIVERY_FAILED] = "failed", [DELIVERY_AGAIN] = "again"};
	struct delivery_result r = {.id = s->delivery.id, .lease = s->lease, .attempt = s->delivery.attempt, .outcome = v->outcome,
				    .status = status, .error = v->error, .delay_ms = v->delay_ms};

	metric_add(METRIC_WEBHOOK_ATTEMPTS, 1, s->delivery.event, str_from(words[v->outcome]));
	log_info("webhook.attempt", "delivery=%s event=%s to=%s attempt=%d outcome=%s status=%d error=%s", s->id,
		 log_quote(s->delivery.event), log_quote(s->target ? s->target->name : STR("webhook")), s->delivery.attempt, words[v->outcome], status,
		 log_quote(v->error));
	CRASHPOINT("notify.before_record");
	s->op = webhooks_done(s->notify->store, arena_new(NULL), &r, on_recorded, s);
}

static void fail(struct sending *s, const char *why)
{
	struct verdict v = {.outcome = DELIVERY_FAILED, .error = str_from(why)};

	record(s, &v, 0);
}

static void on_answer(struct op *op, void *arg)
{
	struct sending *s = arg;
	const struct http_result *r = http_result_of(op);
	struct answer answer = {.status = r->status, .err = op->err, .retry_after = http_header_get(r, "retry-after"),
				.asked_ms = message_asked_ms(s->arena, s->target, r->body), .tries = s->delivery.tries};
	struct verdict v;

	s->op = NULL;
	if (s->notify->stopping) {
		forget(s);
		return;
	}
	random_bytes(&answer.dice, sizeof answer.dice);
	v = verdict_of(s->arena, &s->notify->settings->webhooks, &answer);
	record(s, &v, r->status);
}

/* --- an attempt --- */

static enum webhook_of whose(const struct sending *s)
{
	return s->target ? WEBHOOK_OF_TARGET : WEBHOOK_OF_TASK;
}

static int check_address(void *arg, const struct sockaddr *sa, socklen_t len)
{
	const struct sending *s = arg;

	return webhook_address_is_allowed(&s->notify->settings->webhooks, whose(s), &s->url, sa, len) ? 0 : -1;
}

static void add_header(struct http_request *req, struct http_header *room, struct str name, struct str value)
{
	room[req->n_headers++] = (struct http_header){name, value};
	req->headers = room;
}

static void post(struct sending *s, const struct message *m)
{
	const struct webhook_settings *w = &s->notify->settings->webhooks;
	struct http_header headers[MAX_HEADERS];
	struct http_request req = {.method = "POST", .url = s->url.text, .body = m->body, .connect_ms = w->timeout_ms, .first_byte_ms = w->timeout_ms,
				   .idle_ms = w->timeout_ms, .total_ms = w->timeout_ms, .max_body = MAX_ANSWER_BYTES, .fresh = true,
				   .check_address = check_address, .check_arg = s};
	const struct http_result *result;
	int64_t now_s = clock_wall_us() / 1000000;

	add_header(&req, headers, STR("Content-Type"), STR("application/json"));
	add_header(&req, headers, STR("User-Agent"), STR("agentd/" AGENTD_VERSION));
	if (m->sign && s->notify->signers.n) {
		add_header(&req, headers, STR("webhook-id"), str_from(s->id));
		add_header(&req, headers, STR("webhook-timestamp"), str_from(arena_printf(s->arena, "%lld", (long long)now_s)));
		add_header(&req, headers, STR("webhook-signature"), sign(s->arena, &s->notify->signers, str_from(s->id), now_s, m->body));
	}
	if (m->token)
		add_header(&req, headers, STR("Authorization"), str_from(arena_printf(s->arena, "Bearer %s", m->token)));
	CRASHPOINT("notify.before_send");
	s->op = http_start(s->notify->http, arena_new(NULL), &req, &result, on_answer, s);
}

/* Where the request can be decided, by whom the message is for. */
static const char *link_of(struct sending *s, const struct json *v)
{
	const struct settings *settings = s->notify->settings;
	struct link_facts f;
	struct digest digest;
	int64_t expires_us;

	if (!s->target || !s->notify->link_key.n || !notice_is_of_approval(s->delivery.event) ||
	    !uuid_parse(json_str(json_getc(v, "id")), &f.approval) || !digest_from_hex(json_str(json_getc(v, "digest")), &digest) ||
	    !time_parse(json_str(json_getc(v, "expires_at")), &expires_us))
		return NULL;
	memcpy(f.digest, digest.b, sizeof f.digest);
	f.recipient = s->target->name;
	f.expires_s = expires_us / 1000000;
	return arena_printf(s->arena, STR_FMT "/a/%s", STR_ARG(settings->web.public_url), link_token(s->arena, s->notify->link_key, &f));
}

/* People are not asked what nobody can answer any more. */
static bool is_over(const struct sending *s, const struct json *v)
{
	return s->target && v && notice_is_of_approval(s->delivery.event) && !str_is(json_str(json_getc(v, "state")), "pending");
}

static const struct json *facts_of(struct sending *s)
{
	const struct json *v;

	return s->target && json_parse_lenient(s->arena, s->delivery.body, NULL, &v, NULL) == 0 ? v : NULL;
}

static void attempt(struct sending *s)
{
	const struct json *v = facts_of(s);
	struct message m;
	struct err err = {0};

	if (!s->delivery.body.p)
		fail(s, "what it tells of is gone");
	else if (is_over(s, v))
		fail(s, "the request is not pending any more");
	else if (message_make(s->arena, &s->delivery, s->target, link_of(s, v), &m, &err) < 0 ||
		 webhook_url_check_of(s->arena, &s->notify->settings->webhooks, whose(s), str_from(m.url), &s->url, &err) < 0)
		fail(s, arena_strdup(s->arena, err.msg));
	else
		post(s, &m);
}

static const struct notify_target *target_of(const struct notify *n, struct str name)
{
	for (size_t i = 0; name.p && i < n->settings->n_notify; i++)
		if (str_eq(n->settings->notify[i].name, name))
			return &n->settings->notify[i];
	return NULL;
}

static void begin(struct notify *n, const struct delivery *d)
{
	struct arena *a = arena_new(NULL);
	struct sending *s = ARENA_NEW(a, struct sending);

	s->notify = n;
	s->arena = a;
	s->delivery = *d;
	s->delivery.event = str_dup(a, d->event);
	s->delivery.target = STR_NONE;
	s->delivery.url = d->url.p ? str_dup(a, d->url) : STR_NONE;
	s->delivery.body = d->body.p ? str_dup(a, d->body) : STR_NONE;
	s->lease = n->lease;
	s->target = target_of(n, d->target);
	uuid_format(&d->id, s->id);
	s->next = n->first;
	if (s->next)
		s->next->prev = s;
	n->first = s;
	++*count_of(s);
	attempt(s);
}

/* --- looking for work --- */

static void wait(struct notify *n, int64_t ms)
{
	loop_timer_set(n->timer, ms < 0 || ms > POLL_MS ? POLL_MS : ms);
}

static void on_claimed(struct op *op, void *arg)
{
	struct notify *n = arg;
	const struct deliveries *d;

	n->op = NULL;
	if (n->stopping)
		return;
	if (op->err->code != ERR_NONE) {
		log_error("webhook.claim_failed", "error=%s", log_quotec(op->err->msg));
		wait(n, AFTER_FAILURE_MS);
		return;
	}
	CRASHPOINT("notify.after_claim");
	d = webhooks_claimed(op);
	for (size_t i = 0; i < d->n; i++)
		begin(n, &d->v[i]);
	wait(n, n->again ? 0 : d->next_due_ms);
}

static size_t max_told(const struct notify *n)
{
	return n->settings->n_notify * PER_TARGET;
}

static void claim(struct notify *n)
{
	const struct webhook_settings *w = &n->settings->webhooks;
	struct delivery_claim c = {.targets = n->targets, .n_targets = n->settings->n_notify,
				   .limit = (int)(max_told(n) - n->n_told), .hooks_limit = (int)(MAX_HOOKS - n->n_hooks),
				   .lease_ms = w->timeout_ms + LEASE_SLACK_MS, .max_body_bytes = w->max_body_bytes};

	n->lease = uuid_new();
	c.lease = n->lease;
	n->op = webhooks_claim(n->store, arena_new(NULL), &c, on_claimed, n);
}

static void on_told(struct op *op, void *arg)
{
	struct notify *n = arg;

	n->op = NULL;
	if (n->stopping)
		return;
	if (op->err->code != ERR_NONE) {
		log_error("webhook.targets_failed", "error=%s", log_quotec(op->err->msg));
		wait(n, AFTER_FAILURE_MS);
		return;
	}
	n->tell_ms = clock_boot_ms() + (n->told ? TELL_MS : TELL_AGAIN_MS);
	n->told = true;
	wait(n, 0);
}

static const struct json *texts(struct arena *a, const struct str *v, size_t count)
{
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t i = 0; i < count; i++)
		json_array_add(&b, json_string_ref(a, v[i]));
	return json_array_end(&b);
}

static const struct json *target_json(struct arena *a, const struct notify_target *t)
{
	struct json_builder b, events;

	json_array_begin(&events, a);
	for (size_t i = 0; notify_event_words[i]; i++)
		if (t->on & 1u << i)
			json_array_add(&events, json_stringc(a, notify_event_words[i]));
	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_string_ref(a, t->name));
	json_object_setc(&b, "events", json_array_end(&events));
	if (t->when.n_workflows)
		json_object_setc(&b, "workflows", texts(a, t->when.workflows, t->when.n_workflows));
	if (t->when.n_risks)
		json_object_setc(&b, "risks", texts(a, t->when.risks, t->when.n_risks));
	return json_object_end(&b);
}

static void tell(struct notify *n)
{
	struct arena *a = arena_new(NULL);
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t i = 0; i < n->settings->n_notify; i++)
		json_array_add(&b, target_json(a, &n->settings->notify[i]));
	n->op = webhooks_targets(n->store, a, json_array_end(&b), on_told, n);
}

static void look(void *arg)
{
	struct notify *n = arg;

	n->again = n->op;
	if (n->stopping || n->op || (n->n_told >= max_told(n) && n->n_hooks >= MAX_HOOKS))
		return;
	if (!store_is_up(n->store))
		wait(n, AFTER_FAILURE_MS);
	else if (clock_boot_ms() >= n->tell_ms)
		tell(n);
	else
		claim(n);
}

/* --- life --- */

/* What would fail each time is said at the start. */
static int check_tokens(struct arena *a, const struct settings *s, struct err *err)
{
	for (size_t i = 0; i < s->n_notify; i++)
		if (message_check(a, &s->notify[i], err) < 0)
			return -1;
	return 0;
}

struct notify *notify_start(struct loop *l, struct http *h, struct store *s, const struct settings *settings, struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct notify *n = ARENA_NEW(a, struct notify);

	*n = (struct notify){.arena = a, .loop = l, .http = h, .store = s, .settings = settings};
	if (signers_load(a, &settings->webhooks, &n->signers, err) < 0 || link_key_load(a, settings, &n->link_key, err) < 0 ||
	    check_tokens(a, settings, err) < 0) {
		arena_free(a);
		return NULL;
	}
	n->targets = ARENA_ARRAY(a, settings->n_notify, struct str);
	for (size_t i = 0; i < settings->n_notify; i++)
		n->targets[i] = settings->notify[i].name;
	n->timer = loop_timer_new(l, look, n);
	loop_timer_set(n->timer, 0);
	store_listen(s, "agentd_hooks", look, n);
	return n;
}

void notify_stop(struct notify *n)
{
	if (!n || n->stopping)
		return;
	n->stopping = true;
	loop_timer_free(n->timer);
	if (n->op)
		op_cancel(n->op);
	for (struct sending *s = n->first; s; s = s->next)
		op_cancel(s->op);
}

bool notify_is_idle(const struct notify *n)
{
	return !n || (!n->op && n->n_told + n->n_hooks == 0);
}

void notify_free(struct notify *n)
{
	if (n)
		arena_free(n->arena);
}
