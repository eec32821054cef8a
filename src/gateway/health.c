/* health.c - what goes to and fro between the copy of the rows (health_rows.h) and the database.
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
#include "gateway/health_out.h"
#include "gateway/health_rows.h"
#include "store/breakers.h"
#include "store/store.h"

enum {
	FRESH_MS = 5000,	/* a copy that is older is read anew when it is used */
	FAILED_WAIT_MS = 1000	/* the database refused: it is asked again after that */
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
	struct health_rows rows;
	struct health_out out;
	struct health_ticket *first, **end;	/* that are asked for in out */
	struct op *reading;
	int64_t read_ms;		/* when the last reading began */
	size_t n_calls;			/* under way */
	bool read_again, freed, complained;
	void (*changed)(void *arg);
	void *changed_arg;
};

/* --- the copy --- */

int health_load(struct health *h, struct str text, struct err *err)
{
	bool changed;

	if (health_rows_load(&h->rows, text, loop_now_ms(h->loop), &changed, err) < 0)
		return -1;
	if (changed && h->changed)
		h->changed(h->changed_arg);
	return 0;
}

struct health_view health_look(const struct health *h, const struct model *m)
{
	return health_rows_look(&h->rows, m, loop_now_ms(h->loop));
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
		struct health_row *r = t->probes[i] ? health_row(&h->rows, t->model, i) : NULL;

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
		int64_t ms = 0;

		next = t->next;
		if (a) {
			json_to_int(json_at(a, 1), &ms);
			settle(t, shut_of(json_str(json_at(a, 0))), ms);
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

/* Where what this turn has to say gathers. */
static struct health_out *out_of(struct health *h)
{
	if (h->out.arena)
		return &h->out;
	loop_defer(h->loop, awake, h);	/* whoever comes outside of the check phase makes this turn have an end */
	health_out_begin(&h->out, arena_new(h->arena));
	h->first = NULL;
	h->end = &h->first;
	return &h->out;
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
	breakers_admit(h->store, a, json_array_end(&h->out.asks), on_admitted, k);
}

/* Reports first: a question that follows in the same turn may be the probe then. */
static void on_turn(void *arg)
{
	struct health *h = arg;
	struct health_out *o = &h->out;

	if (!o->arena)
		return;
	if (o->reports.n + o->usage.n + o->waits.n) {
		const struct json *reports = part(&o->reports), *usage = part(&o->usage), *waits = part(&o->waits);

		h->n_calls++;
		breakers_report(h->store, arena_new(NULL), reports, usage, waits, on_told, h);
	}
	if (h->first)
		send_asks(h);
	arena_free(o->arena);
	o->arena = NULL;
}

/* --- a question --- */

static bool wants_rate(const struct provider *p)
{
	return p->rpm > 0 || p->tpm > 0;
}

static void put_ask(struct health *h, struct health_ticket *t, int64_t most_ms)
{
	health_out_ask(out_of(h), t, most_ms);
	t->next = NULL;
	*h->end = t;
	h->end = &t->next;
}

bool health_admit(struct health *h, struct health_ticket *t, const struct model *m, int64_t tokens, int64_t most_ms,
		  void (*fn)(void *arg, enum shut shut, int64_t ms), void *arg)
{
	bool asks = wants_rate(m->provider);

	*t = (struct health_ticket){.model = m, .tokens = tokens, .counted = asks, .fn = fn, .arg = arg};
	for (size_t i = 0; i < HEALTH_SCOPES && health_has_breaker(m); i++) {
		struct health_row *r = health_row(&h->rows, m, i);

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

static void give_tokens(struct health *h, const struct health_ticket *t, int64_t took)
{
	if (t->counted && t->model->provider->tpm > 0 && took >= 0 && took != t->tokens)
		health_out_tokens(out_of(h), t, took);
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

	for (size_t i = 0; i < HEALTH_SCOPES && health_has_breaker(m); i++) {
		if (speaks && i == place)
			health_out_report(out_of(h), t, i, v.effect, v.open_ms, err);
		else if (t->probes[i])	/* that it answered at all closes it, as far as this one goes */
			health_out_report(out_of(h), t, i, v.effect == BREAKER_CLOSED ? BREAKER_CLOSED : BREAKER_NEUTRAL, 0, NULL);
	}
	if (v.alert && health_has_breaker(m))
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
			health_out_report(out_of(h), t, i, BREAKER_NEUTRAL, 0, NULL);
	give_tokens(h, t, 0);
	t->model = NULL;
}

/* --- who waits --- */

void health_note_wait(struct health *h, const struct health_wait *w)
{
	health_out_wait(out_of(h), w);
}

/* --- the whole --- */

struct health *health_new(struct loop *l, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct health *h = ARENA_NEW(a, struct health);

	h->arena = h->rows.arena = a;
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
