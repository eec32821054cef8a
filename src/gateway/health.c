/* health.c - the copy of the rows, and what goes to and fro.
 *
 * What gathers in a loop turn leaves at its end, as one call of each kind. Calls go over one connection in their order, so the rows
 * of the answer that comes second are the younger ones.
 */
#include "gateway/health.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "gateway/breaker.h"
#include "store/breakers.h"
#include "store/store.h"

enum {
	FRESH_MS = 5000,	/* a copy that is older is read anew when it is used */
	FAILED_WAIT_MS = 1000	/* the database refused: it is asked again after that */
};

struct row {
	struct row *next;
	struct str provider, scope, error_class;
	int64_t no, open_until_ms, probe_until_ms;	/* loop time */
	bool is_closed, seen;
};

struct asking {			/* one call for the tickets of a turn */
	struct health *health;
	struct health_ticket *first;
};

struct health {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	struct loop_turn *turn;
	struct row *rows;
	struct arena *out;		/* of all boxes; NULL: nothing goes out */
	struct json_builder reports, usage, waits, asks;
	struct health_ticket *first, **end;
	struct op *reading;
	int64_t read_ms;		/* when the last reading began */
	size_t n_calls;			/* under way */
	bool read_again, freed, complained;
	void (*changed)(void *arg);
	void *changed_arg;
};

/* --- the copy --- */

static struct str scope_of(const struct model *m, size_t i)
{
	return i == 0 ? STR("") : m->id;
}

static struct row *find_row(const struct health *h, struct str provider, struct str scope)
{
	struct row *r = h->rows;

	while (r && !(str_eq(r->provider, provider) && str_eq(r->scope, scope)))
		r = r->next;
	return r;
}

static struct row *row_of(struct health *h, struct str provider, struct str scope)
{
	struct row *r = find_row(h, provider, scope);

	if (r)
		return r;
	r = ARENA_NEW(h->arena, struct row);
	r->provider = str_dup(h->arena, provider);
	r->scope = str_dup(h->arena, scope);
	r->is_closed = true;
	r->next = h->rows;
	h->rows = r;
	return r;
}

static int64_t int_at(const struct json *v, size_t i)
{
	int64_t n = 0;

	json_to_int(json_at(v, i), &n);
	return n;
}

/* Few classes exist, so that a text of one lives for ever. */
static struct str class_name(struct str s)
{
	for (int c = ERR_MODEL_RATE_LIMITED; c <= ERR_MODEL_NO_ROUTE; c++)
		if (str_is(s, err_name((enum err_code)c) + strlen("model.")))
			return str_from(err_name((enum err_code)c) + strlen("model."));
	return STR("");
}

static bool take_row(struct health *h, const struct json *v)
{
	struct row *r = row_of(h, json_str(json_at(v, 0)), json_str(json_at(v, 1)));
	int64_t now_ms = loop_now_ms(h->loop), no = int_at(v, 2);
	bool is_closed = json_type(json_at(v, 3)) == JSON_NULL, changed = r->is_closed != is_closed || r->no != no;

	changed |= (r->probe_until_ms > now_ms) != (int_at(v, 4) > 0);
	r->seen = true;
	r->is_closed = is_closed;
	r->no = no;
	r->open_until_ms = is_closed ? 0 : now_ms + int_at(v, 3);
	r->probe_until_ms = now_ms + int_at(v, 4);
	r->error_class = class_name(json_str(json_at(v, 5)));
	return changed;
}

int health_load(struct health *h, struct str text, struct err *err)
{
	struct arena *a = arena_new(NULL);
	const struct json *v, *rows;
	bool changed = false, whole;

	if (json_parse(a, text, NULL, &v, err) < 0) {
		arena_free(a);
		return -1;
	}
	rows = json_getc(v, "rows");
	whole = json_is_true(json_getc(v, "whole"));
	for (struct row *r = h->rows; whole && r; r = r->next)
		r->seen = false;
	for (size_t i = 0; i < json_len(rows); i++)
		changed |= take_row(h, json_at(rows, i));
	for (struct row *r = h->rows; whole && r; r = r->next)
		if (!r->seen && !r->is_closed)
			changed = r->is_closed = true;
	arena_free(a);
	if (changed && h->changed)
		h->changed(h->changed_arg);
	return 0;
}

static void look_at(const struct health *h, const struct row *r, struct health_view *v)
{
	int64_t now_ms = loop_now_ms(h->loop);
	bool is_open = r->open_until_ms > now_ms, probed = !is_open && r->probe_until_ms > now_ms;
	int64_t ms = is_open ? r->open_until_ms - now_ms : probed ? r->probe_until_ms - now_ms : 0;

	if (r->is_closed)
		return;
	v->half_open |= !is_open;
	if (ms <= v->ms)
		return;
	v->shut = is_open ? SHUT_OPEN : SHUT_PROBED;
	v->ms = ms;
	v->error_class = r->error_class;
}

/* What is recorded does not become better by waiting. */
static bool has_breaker(const struct model *m)
{
	return m->provider->wire != WIRE_REPLAY;
}

struct health_view health_look(const struct health *h, const struct model *m)
{
	struct health_view v = {.error_class = STR("")};

	for (size_t i = 0; i < HEALTH_SCOPES && has_breaker(m); i++) {
		const struct row *r = find_row(h, m->provider->name, scope_of(m, i));

		if (r)
			look_at(h, r, &v);
	}
	return v;
}

/* --- calls --- */

static void free_health(struct health *h)
{
	if (h->freed && h->n_calls == 0)
		arena_free(h->arena);
}

static void complain(struct health *h, const struct err *err)
{
	if (err->code != ERR_CANCELLED && !h->complained)
		log_warn("breakers.refused", "error=%s hint=%s", log_quotec(err->msg), log_quotec(err->hint));
	h->complained |= err->code != ERR_CANCELLED;
}

/* Takes what the call answered; false: nothing can be said of it. */
static bool answered(struct health *h, const struct op *op)
{
	struct err err = *op->err;

	h->n_calls--;
	if (h->freed)
		return false;
	if (err.code == ERR_NONE && health_load(h, breakers_text_of(op), &err) == 0)
		return true;
	complain(h, &err);
	return false;
}

static void read_rows(struct health *h);

static void on_read(struct op *op, void *arg)
{
	struct health *h = arg;

	h->reading = NULL;
	answered(h, op);
	if (!h->freed && h->read_again)
		read_rows(h);
	free_health(h);
}

static void read_rows(struct health *h)
{
	h->read_again = h->reading != NULL;
	if (!h->store || h->reading)
		return;
	h->read_ms = loop_now_ms(h->loop);
	h->n_calls++;
	h->reading = breakers_read(h->store, arena_new(NULL), 0, on_read, h);
}

static void on_notified(void *arg)
{
	read_rows(arg);
}

void health_refresh(struct health *h)
{
	if (!h->reading && loop_now_ms(h->loop) - h->read_ms >= FRESH_MS)
		read_rows(h);
}

static void on_told(struct op *op, void *arg)
{
	struct health *h = arg;

	answered(h, op);
	free_health(h);
}

static enum shut shut_of(struct str why)
{
	return why.n == 0 ? SHUT_NOT : str_is(why, "rate") ? SHUT_RATE : str_is(why, "probe") ? SHUT_PROBED : SHUT_OPEN;
}

static void settle(struct health_ticket *t, enum shut shut, int64_t ms)
{
	if (shut != SHUT_NOT) {
		memset(t->probes, 0, sizeof t->probes);
		t->counted = false;
		t->model = NULL;
	}
	t->fn(t->arg, shut, ms);
}

/* Nobody knows whether it is the probe: whoever comes next asks. */
static void forget_probe(struct health *h, const struct health_ticket *t)
{
	for (size_t i = 0; i < HEALTH_SCOPES && !h->freed; i++) {
		struct row *r = t->probes[i] ? find_row(h, t->model->provider->name, scope_of(t->model, i)) : NULL;

		if (r)
			r->probe_until_ms = loop_now_ms(h->loop);
	}
}

static void on_admitted(struct op *op, void *arg)
{
	struct asking *k = arg;
	struct health *h = k->health;
	struct health_ticket *t = k->first, *next;
	bool ok = answered(h, op);
	const struct json *v = NULL, *asks;
	size_t i = 0;

	if (ok)
		json_parse(op->arena, breakers_text_of(op), NULL, &v, NULL);
	asks = json_getc(v, "asks");
	for (; t; t = next, i++) {
		const struct json *a = json_at(asks, i);

		next = t->next;
		if (a) {
			settle(t, shut_of(json_str(json_at(a, 0))), int_at(a, 1));
		} else {
			forget_probe(h, t);
			settle(t, SHUT_OPEN, FAILED_WAIT_MS);
		}
	}
	free_health(h);
}

/* --- what goes out --- */

static void awake(void *arg)
{
	(void)arg;
}

static void open_box(struct health *h)
{
	if (h->out)
		return;
	loop_defer(h->loop, awake, h);	/* whoever comes outside of the check phase makes this turn have an end */
	h->out = arena_new(h->arena);
	json_array_begin(&h->reports, h->out);
	json_array_begin(&h->usage, h->out);
	json_array_begin(&h->waits, h->out);
	json_array_begin(&h->asks, h->out);
	h->first = NULL;
	h->end = &h->first;
}

static const struct json *part(struct json_builder *b)
{
	return b->n ? json_array_end(b) : NULL;
}

static void send_asks(struct health *h)
{
	struct arena *a = arena_new(NULL);
	struct asking *k = ARENA_NEW(a, struct asking);

	*k = (struct asking){h, h->first};
	h->n_calls++;
	breakers_admit(h->store, a, json_array_end(&h->asks), on_admitted, k);
}

/* Reports first: a question that follows in the same turn may be the probe then. */
static void on_turn(void *arg)
{
	struct health *h = arg;

	if (!h->out)
		return;
	if (h->reports.n + h->usage.n + h->waits.n) {
		const struct json *reports = part(&h->reports), *usage = part(&h->usage), *waits = part(&h->waits);

		h->n_calls++;
		breakers_report(h->store, arena_new(NULL), reports, usage, waits, on_told, h);
	}
	if (h->first)
		send_asks(h);
	arena_free(h->out);
	h->out = NULL;
}

static const struct json *uuid_json(struct arena *a, const struct uuid *u)
{
	char text[37];

	uuid_format(u, text);
	return json_stringc(a, text);
}

/* --- a question --- */

static bool wants_rate(const struct provider *p)
{
	return p->rpm > 0 || p->tpm > 0;
}

static void put_ask(struct health *h, struct health_ticket *t, int64_t most_ms)
{
	const struct provider *p = t->model->provider;
	struct json_builder b, scopes;
	struct arena *a;

	open_box(h);
	a = h->out;
	json_array_begin(&scopes, a);
	for (size_t i = 0; i < HEALTH_SCOPES; i++)
		if (t->probes[i])
			json_array_add(&scopes, json_string(a, scope_of(t->model, i)));
	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, p->name));
	json_object_setc(&b, "scopes", json_array_end(&scopes));
	json_object_setc(&b, "probe", uuid_json(a, &t->probe));
	json_object_setc(&b, "lease_ms", json_int(a, p->breaker.probe_lease_ms));
	json_object_setc(&b, "rpm", json_int(a, p->rpm));
	json_object_setc(&b, "tpm", json_int(a, p->tpm));
	json_object_setc(&b, "tokens", json_int(a, t->tokens));
	json_object_setc(&b, "most_ms", json_int(a, most_ms));
	json_array_add(&h->asks, json_object_end(&b));
	t->next = NULL;
	*h->end = t;
	h->end = &t->next;
}

bool health_admit(struct health *h, struct health_ticket *t, const struct model *m, int64_t tokens, int64_t most_ms,
		  void (*fn)(void *arg, enum shut shut, int64_t ms), void *arg)
{
	bool asks = wants_rate(m->provider);

	*t = (struct health_ticket){.model = m, .tokens = tokens, .counted = asks, .fn = fn, .arg = arg};
	for (size_t i = 0; i < HEALTH_SCOPES && has_breaker(m); i++) {
		struct row *r = find_row(h, m->provider->name, scope_of(m, i));

		t->no[i] = r ? r->no : 0;
		t->probes[i] = r && !r->is_closed;
		asks |= t->probes[i];
		/* One of this process asks at a time; the answer says how it is. */
		if (t->probes[i] && r->probe_until_ms <= loop_now_ms(h->loop))
			r->probe_until_ms = loop_now_ms(h->loop) + m->provider->breaker.probe_lease_ms;
	}
	if (!asks)
		return true;
	t->probe = uuid_new();
	put_ask(h, t, most_ms);
	return false;
}

static void put_report(struct health *h, const struct health_ticket *t, size_t i, enum breaker_effect effect, int64_t open_ms,
		       const struct err *err)
{
	const struct routing_breaker *s = &t->model->provider->breaker;
	struct json_builder b;
	struct arena *a;

	open_box(h);
	a = h->out;
	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, t->model->provider->name));
	json_object_setc(&b, "scope", json_string(a, scope_of(t->model, i)));
	json_object_setc(&b, "effect", json_stringc(a, breaker_effect_name(effect)));
	json_object_setc(&b, "no", json_int(a, t->no[i]));
	json_object_setc(&b, "probe", t->probes[i] ? uuid_json(a, &t->probe) : json_null());
	json_object_setc(&b, "class", json_stringc(a, err ? err_name(err->code) + strlen("model.") : ""));
	json_object_setc(&b, "message", json_string_clean(a, str_from(err ? err->msg : "")));
	json_object_setc(&b, "open_ms", json_int(a, open_ms));
	json_object_setc(&b, "failures", json_int(a, s->failures));
	json_object_setc(&b, "window_ms", json_int(a, s->window_ms));
	json_object_setc(&b, "open_first_ms", json_int(a, s->open_ms));
	json_object_setc(&b, "open_max_ms", json_int(a, s->open_max_ms));
	json_array_add(&h->reports, json_object_end(&b));
}

static void give_tokens(struct health *h, const struct health_ticket *t, int64_t took)
{
	const struct provider *p = t->model->provider;
	struct json_builder b;

	if (!t->counted || p->tpm == 0 || took < 0 || took == t->tokens)
		return;
	open_box(h);
	json_object_begin(&b, h->out);
	json_object_setc(&b, "provider", json_string(h->out, p->name));
	json_object_setc(&b, "tpm", json_int(h->out, p->tpm));
	json_object_setc(&b, "tokens", json_int(h->out, t->tokens - took));
	json_array_add(&h->usage, json_object_end(&b));
}

static size_t place_of(const struct model *m, enum breaker_place place)
{
	if (place == BREAKER_OF_SCOPE)
		return m->provider->breaker_per_model ? 1 : 0;
	return place == BREAKER_OF_MODEL ? 1 : 0;
}

static void alert(const struct model *m, const struct err *err)
{
	log_error("provider.alert", "provider=" STR_FMT " model=" STR_FMT " class=%s message=%s", STR_ARG(m->provider->name), STR_ARG(m->name),
		  err_name(err->code) + strlen("model."), log_quotec(err->msg));
}

void health_tell(struct health *h, struct health_ticket *t, const struct err *err, int64_t tokens)
{
	const struct model *m = t->model;
	struct breaker_verdict v = breaker_judge(err, &m->provider->breaker);
	bool speaks = v.effect != BREAKER_NEUTRAL && v.effect != BREAKER_CLOSED;
	size_t place = place_of(m, v.place);

	for (size_t i = 0; i < HEALTH_SCOPES && has_breaker(m); i++) {
		if (speaks && i == place)
			put_report(h, t, i, v.effect, v.open_ms, err);
		else if (t->probes[i])	/* that it answered at all closes it, as far as this one goes */
			put_report(h, t, i, v.effect == BREAKER_CLOSED ? BREAKER_CLOSED : BREAKER_NEUTRAL, 0, NULL);
	}
	if (v.alert && has_breaker(m))
		alert(m, err);
	give_tokens(h, t, tokens);
	t->model = NULL;
}

void health_drop(struct health *h, struct health_ticket *t)
{
	if (!t->model)
		return;
	for (size_t i = 0; i < HEALTH_SCOPES; i++)
		if (t->probes[i])
			put_report(h, t, i, BREAKER_NEUTRAL, 0, NULL);
	give_tokens(h, t, 0);
	t->model = NULL;
}

/* --- who waits --- */

void health_note_wait(struct health *h, const struct health_wait *w)
{
	struct json_builder b;
	struct arena *a;

	open_box(h);
	a = h->out;
	json_object_begin(&b, a);
	json_object_setc(&b, "task", uuid_json(a, &w->task));
	json_object_setc(&b, "path", json_string(a, w->path));
	json_object_setc(&b, "fence", json_int(a, w->fence));
	json_object_setc(&b, "provider", json_string(a, w->provider));
	json_object_setc(&b, "reason", w->reason ? json_stringc(a, w->reason) : json_null());
	json_object_setc(&b, "left_ms", json_int(a, w->left_ms));
	json_object_setc(&b, "until_ms", w->until_ms >= 0 ? json_int(a, w->until_ms) : json_null());
	json_array_add(&h->waits, json_object_end(&b));
}

/* --- the whole --- */

struct health *health_new(struct loop *l, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct health *h = ARENA_NEW(a, struct health);

	h->arena = a;
	h->loop = l;
	h->store = s;
	h->read_ms = -FRESH_MS;
	h->turn = loop_turn_new(l, on_turn, h);
	if (s) {
		store_listen(s, BREAKERS_CHANNEL, on_notified, h);
		read_rows(h);
	}
	return h;
}

void health_on_change(struct health *h, void (*fn)(void *arg), void *arg)
{
	h->changed = fn;
	h->changed_arg = arg;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	loop_turn_free(h->turn);
	h->freed = true;
	if (h->reading)
		op_cancel(h->reading);
	free_health(h);
}
