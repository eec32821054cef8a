/* openai_echo.c - gathers what goes back with a turn, and gives it back. */
#include "gateway/openai_echo.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/echo.h"

enum { DETAIL_KEYS_MAX = 64, DETAILS_MAX = 1024 };

/* Texts of a detail that come in pieces. */
static const char *const joined[] = {"text", "summary", "data"};
enum { N_JOINED = sizeof joined / sizeof joined[0] };

struct echo_detail {
	const struct json *rest;	/* an object, the joined texts left out */
	struct buf texts[N_JOINED];
	bool has[N_JOINED];
};

void echo_init(struct echo *e, struct arena *a)
{
	*e = (struct echo){.arena = a};
}

/* --- gathering --- */

void echo_take_call(struct echo *e, size_t call, const struct json *extra)
{
	if (!extra || json_type(extra) == JSON_NULL)
		return;
	e->bytes += json_size(extra);
	if (e->bytes > ECHO_MAX)
		return;
	if (call >= e->room) {
		size_t room = 2 * (call + 1);
		const struct json **calls = ARENA_ARRAY(e->arena, room, const struct json *);

		for (size_t i = 0; i < e->n_calls; i++)
			calls[i] = e->calls[i];
		e->calls = calls;
		e->room = room;
	}
	e->calls[call] = json_copy(e->arena, extra);
	if (call >= e->n_calls)
		e->n_calls = call + 1;
}

static int joined_at(struct str key)
{
	for (int i = 0; i < N_JOINED; i++)
		if (str_is(key, joined[i]))
			return i;
	return -1;
}

/* Pieces of one detail follow each other, alike in type and index. */
static struct echo_detail *detail_of(struct echo *e, const struct json *v)
{
	struct echo_detail *d = e->n_details ? &e->details[e->n_details - 1] : NULL;

	if (d && json_getc(v, "index") && json_equal(json_getc(d->rest, "index"), json_getc(v, "index")) &&
	    json_equal(json_getc(d->rest, "type"), json_getc(v, "type")))
		return d;
	if (e->n_details == DETAILS_MAX) {
		e->bytes = ECHO_MAX + 1;
		return NULL;
	}
	if (!e->details)
		e->details = ARENA_ARRAY(e->arena, DETAILS_MAX, struct echo_detail);
	d = &e->details[e->n_details++];
	d->rest = json_empty_object();
	for (int i = 0; i < N_JOINED; i++)
		buf_init(&d->texts[i], e->arena);
	return d;
}

static void set_rest(struct echo *e, struct echo_detail *d, struct str key, const struct json *v)
{
	const struct json *old = json_get(d->rest, key);
	struct json_builder b;

	if (old && (json_type(v) == JSON_NULL || json_equal(old, v)))
		return;
	if (!old && json_len(d->rest) >= DETAIL_KEYS_MAX) {	/* each key copies those before it */
		e->bytes = ECHO_MAX + 1;
		return;
	}
	e->bytes += key.n + json_size(v);
	if (e->bytes > ECHO_MAX)
		return;
	json_object_begin_from(&b, e->arena, d->rest);
	json_object_set(&b, old ? key : str_dup(e->arena, key), json_copy(e->arena, v));
	d->rest = json_object_end(&b);
}

static void take_detail(struct echo *e, const struct json *v)
{
	struct echo_detail *d = json_type(v) == JSON_OBJECT ? detail_of(e, v) : NULL;

	for (size_t i = 0; d && i < json_len(v); i++) {
		int at = joined_at(json_key(v, i));
		struct str text = json_str(json_val(v, i));

		if (at < 0 || !text.p) {
			set_rest(e, d, json_key(v, i), json_val(v, i));
			continue;
		}
		d->has[at] = true;
		e->bytes += text.n;
		if (e->bytes <= ECHO_MAX)
			buf_addstr(&d->texts[at], text);
	}
}

void echo_take_details(struct echo *e, const struct json *details)
{
	for (size_t i = 0; json_type(details) == JSON_ARRAY && i < json_len(details) && e->bytes <= ECHO_MAX; i++)
		take_detail(e, json_at(details, i));
}

/* --- as text, and back --- */

static const struct json *detail_value(struct arena *a, const struct echo_detail *d)
{
	struct json_builder b;

	json_object_begin_from(&b, a, d->rest);
	for (int i = 0; i < N_JOINED; i++)
		if (d->has[i])
			json_object_setc(&b, joined[i], json_string(a, buf_str(&d->texts[i])));
	return json_object_end(&b);
}

struct str echo_text(const struct echo *e, const struct model *m)
{
	struct json_builder b, list;
	struct str text;

	if ((e->n_calls == 0 && e->n_details == 0) || e->bytes > ECHO_MAX)
		return STR("");
	json_object_begin(&b, e->arena);
	json_object_setc(&b, "model", json_string(e->arena, echo_tag(e->arena, m)));
	if (e->n_calls > 0) {
		json_array_begin(&list, e->arena);
		for (size_t i = 0; i < e->n_calls; i++)
			json_array_add(&list, e->calls[i]);
		json_object_setc(&b, "calls", json_array_end(&list));
	}
	if (e->n_details > 0) {
		json_array_begin(&list, e->arena);
		for (size_t i = 0; i < e->n_details; i++)
			json_array_add(&list, detail_value(e->arena, &e->details[i]));
		json_object_setc(&b, "reasoning_details", json_array_end(&list));
	}
	text = json_text(e->arena, json_object_end(&b));
	return text.n <= ECHO_MAX ? text : STR("");
}

static void write_key(struct buf *b, const char *key, const struct json *v)
{
	if (!v || json_type(v) == JSON_NULL)
		return;
	buf_addf(b, ",\"%s\":", key);
	json_write(b, v);
}

void echo_write_message(struct buf *b, const struct json *echo)
{
	write_key(b, "reasoning_details", json_getc(echo, "reasoning_details"));
}

void echo_write_call(struct buf *b, const struct json *echo, size_t call)
{
	write_key(b, "extra_content", json_at(json_getc(echo, "calls"), call));
}
