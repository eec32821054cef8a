/* health_rows.c - see health_rows.h. */
#include "gateway/health_rows.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/routing.h"

/* What is recorded does not become better by waiting. */
bool health_has_breaker(const struct model *m)
{
	return m->provider->wire != WIRE_REPLAY;
}

struct str health_scope(const struct model *m, size_t i)
{
	return i == 0 ? STR("") : m->id;
}

/* --- the copy --- */

static struct health_row *find_row(const struct health_rows *h, struct str provider, struct str scope)
{
	struct health_row *r = h->first;

	while (r && !(str_eq(r->provider, provider) && str_eq(r->scope, scope)))
		r = r->next;
	return r;
}

struct health_row *health_row(const struct health_rows *h, const struct model *m, size_t i)
{
	return find_row(h, m->provider->name, health_scope(m, i));
}

static struct health_row *row_of(struct health_rows *h, struct str provider, struct str scope)
{
	struct health_row *r = find_row(h, provider, scope);

	if (r)
		return r;
	r = ARENA_NEW(h->arena, struct health_row);
	r->provider = str_dup(h->arena, provider);
	r->scope = str_dup(h->arena, scope);
	r->is_closed = true;
	r->next = h->first;
	h->first = r;
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

static bool take_row(struct health_rows *h, const struct json *v, int64_t now_ms)
{
	struct health_row *r = row_of(h, json_str(json_at(v, 0)), json_str(json_at(v, 1)));
	int64_t no = int_at(v, 2);
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

int health_rows_load(struct health_rows *h, struct str text, int64_t now_ms, bool *ret_changed, struct err *err)
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
	for (struct health_row *r = h->first; whole && r; r = r->next)
		r->seen = false;
	for (size_t i = 0; i < json_len(rows); i++)
		changed |= take_row(h, json_at(rows, i), now_ms);
	for (struct health_row *r = h->first; whole && r; r = r->next)
		if (!r->seen && !r->is_closed)
			changed = r->is_closed = true;
	arena_free(a);
	*ret_changed = changed;
	return 0;
}

/* --- a look at it --- */

static void look_at(const struct health_row *r, int64_t now_ms, struct health_view *v)
{
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

struct health_view health_rows_look(const struct health_rows *h, const struct model *m, int64_t now_ms)
{
	struct health_view v = {.error_class = STR("")};

	for (size_t i = 0; i < HEALTH_SCOPES && health_has_breaker(m); i++) {
		const struct health_row *r = health_row(h, m, i);

		if (r)
			look_at(r, now_ms, &v);
	}
	return v;
}
