/* replay_file.c - reads and checks a recording. */
#include "gateway/replay_file.h"

#include "base/arena.h"
#include "base/json.h"
#include "gateway/wire_replay.h"

enum { SENTENCES = 2, WORDS = 60, DELAY_MAX_MS = 3600 * 1000, CALLS_MAX = 128 };

static int check_keys(const struct json *obj, const char *const *known, size_t n, struct err *err)
{
	if (json_type(obj) != JSON_OBJECT)
		return err_set(err, ERR_CONFIG, "expected an object, got %s", json_type_name(obj));
	for (size_t i = 0; i < json_len(obj); i++) {
		struct str key = json_key(obj, i);
		size_t k = 0;

		while (k < n && !str_is(key, known[k]))
			k++;
		if (k < n)
			continue;
		err_set(err, ERR_CONFIG, "unknown key \"" STR_FMT "\"", STR_ARG(str_clip(key, 60)));
		if (str_nearest(key, known, n))
			err_hint(err, "did you mean \"%s\"?", str_nearest(key, known, n));
		return -1;
	}
	return 0;
}

#define CHECK_KEYS(obj, err, ...) \
	check_keys((obj), (const char *const[]){__VA_ARGS__}, \
		   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (err))

static int read_count(const struct json *obj, const char *key, int64_t most, int64_t *ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);

	if (!v)
		return 0;
	if (!json_to_int(v, ret) || *ret < 0 || *ret > most)
		return err_set(err, ERR_CONFIG, "\"%s\": expected an integer from 0 to %lld", key, (long long)most);
	return 0;
}

static int read_text(const struct json *obj, const char *key, struct str *ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);

	if (v && json_type(v) != JSON_STRING)
		return err_set(err, ERR_CONFIG, "\"%s\": expected string, got %s", key, json_type_name(v));
	*ret = json_str(v);
	return 0;
}

/* A text, or an array of texts. */
static int read_texts(struct arena *a, const struct json *obj, const char *key, struct texts *ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);
	size_t n = json_type(v) == JSON_ARRAY ? json_len(v) : v ? 1 : 0;
	struct str *texts = ARENA_ARRAY(a, n, struct str);

	for (size_t i = 0; i < n; i++) {
		const struct json *item = json_type(v) == JSON_ARRAY ? json_at(v, i) : v;

		if (json_str(item).n == 0)
			return err_set(err, ERR_CONFIG, "\"%s\": expected a text or an array of texts, none empty", key);
		texts[i] = json_str(item);
	}
	*ret = (struct texts){texts, n};
	return 0;
}

const struct pattern *replay_compile(struct arena *a, struct str text, struct err *err)
{
	struct pattern_error why;
	const struct pattern *p = pattern_compile(a, text, 0, &why);

	if (!p)
		err_set(err, ERR_CONFIG, "%s at byte %zu", why.message, why.offset);
	return p;
}

static int read_regex(struct arena *a, const struct json *match, struct entry *e, struct err *err)
{
	struct str pattern;

	if (read_text(match, "regex", &pattern, err) < 0)
		return -1;
	if (!pattern.p)
		return 0;
	e->regex = replay_compile(a, pattern, err);
	return e->regex ? 0 : err_prefix(err, "\"regex\": ");
}

static int read_flag(const struct json *obj, const char *key, const struct json **ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);

	if (v && json_type(v) != JSON_TRUE && json_type(v) != JSON_FALSE)
		return err_set(err, ERR_CONFIG, "\"%s\": expected true or false", key);
	*ret = v;
	return 0;
}

static int read_match(struct arena *a, const struct json *match, struct entry *e, struct err *err)
{
	if (CHECK_KEYS(match, err, "tier", "model", "contains", "regex", "attempt", "output", "tools", "turn", "called",
		       "result") < 0 ||
	    read_text(match, "tier", &e->tier, err) < 0 || read_text(match, "model", &e->model, err) < 0 ||
	    read_texts(a, match, "contains", &e->contains, err) < 0 || read_texts(a, match, "called", &e->called, err) < 0 ||
	    read_texts(a, match, "result", &e->result, err) < 0 || read_regex(a, match, e, err) < 0 ||
	    read_count(match, "attempt", 1000, &e->attempt, err) < 0 || read_count(match, "turn", 1000, &e->turn, err) < 0 ||
	    read_flag(match, "output", &e->output, err) < 0 || read_flag(match, "tools", &e->tools, err) < 0)
		return err_prefix(err, "match: ");
	return 0;
}

/* --- replies --- */

int replay_read_extract(struct arena *a, const struct json *v, struct copied *ret, struct err *err)
{
	int64_t sentences = SENTENCES, words = WORDS, result = 0;
	struct texts after;
	struct str from;

	if (CHECK_KEYS(v, err, "after", "sentences", "words", "from", "result") < 0 || read_texts(a, v, "after", &after, err) < 0 ||
	    read_count(v, "sentences", 64, &sentences, err) < 0 || read_count(v, "words", 10000, &words, err) < 0 ||
	    read_count(v, "result", 1000, &result, err) < 0 || read_text(v, "from", &from, err) < 0)
		return err_prefix(err, "extract: ");
	if (from.p && !str_is(from, "question") && !str_is(from, "results"))
		return err_set(err, ERR_CONFIG, "extract: \"from\": expected question or results");
	if (result > 0 && !str_is(from, "results"))
		return err_set(err, ERR_CONFIG, "extract: \"result\" needs \"from\": \"results\"");
	ret->extract = (struct extract){after.v, after.n, (size_t)sentences, (size_t)words};
	ret->from_results = str_is(from, "results");
	ret->result = (size_t)result;
	return 0;
}

static const struct json *alone(const struct json *v, const char *key)
{
	return json_type(v) == JSON_OBJECT && json_len(v) == 1 ? json_getc(v, key) : NULL;
}

const struct json *replay_extract_in(const struct json *v)
{
	return alone(v, "extract");
}

const struct json *replay_found_in(const struct json *v)
{
	return alone(v, "found");
}

static int check_value(struct arena *a, const struct json *v, struct err *err)
{
	struct copied copied;

	if (replay_extract_in(v))
		return replay_read_extract(a, replay_extract_in(v), &copied, err);
	if (replay_found_in(v)) {
		if (json_type(replay_found_in(v)) != JSON_STRING)
			return err_set(err, ERR_CONFIG, "\"found\": expected string, got %s", json_type_name(replay_found_in(v)));
		return replay_compile(a, json_str(replay_found_in(v)), err) ? 0 : err_prefix(err, "\"found\": ");
	}
	for (size_t i = 0; i < json_len(v); i++)
		if (check_value(a, json_type(v) == JSON_OBJECT ? json_val(v, i) : json_at(v, i), err) < 0)
			return -1;
	return 0;
}

static int read_call(struct arena *a, const struct json *v, struct recorded_call *c, struct err *err)
{
	if (CHECK_KEYS(v, err, "name", "args", "args_text") < 0 || read_text(v, "name", &c->name, err) < 0 ||
	    read_text(v, "args_text", &c->text, err) < 0)
		return -1;
	c->args = json_getc(v, "args");
	if (c->name.n == 0)
		return err_set(err, ERR_CONFIG, "\"name\": expected the name of a tool, as the model sees it");
	if (c->args && c->text.p)
		return err_set(err, ERR_CONFIG, "expected \"args\" or \"args_text\", not both");
	if (c->args && json_type(c->args) != JSON_OBJECT)
		return err_set(err, ERR_CONFIG, "\"args\": expected an object, got %s", json_type_name(c->args));
	return check_value(a, c->args, err);
}

static int read_calls(struct arena *a, const struct json *reply, struct entry *e, struct err *err)
{
	const struct json *list = json_getc(reply, "calls");
	struct recorded_call *calls = ARENA_ARRAY(a, json_len(list), struct recorded_call);

	e->kind = REPLY_CALLS;
	e->n_calls = json_len(list);
	e->calls = calls;
	if (json_type(list) != JSON_ARRAY || e->n_calls == 0 || e->n_calls > CALLS_MAX)
		return err_set(err, ERR_CONFIG, "reply: \"calls\": expected an array of 1 to %d calls", CALLS_MAX);
	if (json_len(reply) != (json_getc(reply, "text") ? 2 : 1))
		return err_set(err, ERR_CONFIG, "reply: beside \"calls\" only \"text\" can stand");
	for (size_t i = 0; i < e->n_calls; i++)
		if (read_call(a, json_at(list, i), &calls[i], err) < 0)
			return err_prefix(err, "reply: calls[%zu]: ", i);
	return read_text(reply, "text", &e->text, err);
}

static int read_reply(struct arena *a, const struct json *reply, struct entry *e, struct err *err)
{
	if (CHECK_KEYS(reply, err, "text", "json", "extract", "shape", "calls") < 0)
		return err_prefix(err, "reply: ");
	if (json_getc(reply, "calls"))
		return read_calls(a, reply, e, err);
	if (json_len(reply) != 1)
		return err_set(err, ERR_CONFIG, "reply: expected exactly one of text, json, extract, shape, calls");
	if (json_getc(reply, "text")) {
		e->kind = REPLY_TEXT;
		return read_text(reply, "text", &e->text, err);
	}
	if (json_getc(reply, "json")) {
		e->kind = REPLY_JSON;
		e->value = json_getc(reply, "json");
		return check_value(a, e->value, err);
	}
	e->kind = json_getc(reply, "extract") ? REPLY_EXTRACT : REPLY_SHAPE;
	return replay_read_extract(a, json_val(reply, 0), &e->copied, err);
}

static int read_error(struct arena *a, const struct json *v, struct entry *e, struct err *err)
{
	struct str type, message;
	int64_t status = 0, after = 0;
	enum err_code code;

	if (CHECK_KEYS(v, err, "type", "message", "status", "retry_after_ms") < 0 ||
	    read_text(v, "type", &type, err) < 0 || read_text(v, "message", &message, err) < 0 ||
	    read_count(v, "status", 999, &status, err) < 0 ||
	    read_count(v, "retry_after_ms", DELAY_MAX_MS, &after, err) < 0)
		return err_prefix(err, "error: ");
	code = err_by_name(str_cstr(a, type));
	if (!str_starts(type, STR("model.")) || code == ERR_NONE)
		return err_set(err, ERR_CONFIG, "error: \"type\": expected model.CLASS, for example model.overloaded");
	e->kind = REPLY_ERROR;
	err_set(&e->error, code, STR_FMT, STR_ARG(message));
	e->error.status = (int)status;
	e->error.retry_after_ms = (int)after;
	return 0;
}

static int read_usage(const struct json *v, struct entry *e, struct err *err)
{
	if (!v)
		return 0;
	e->has_usage = true;
	if (CHECK_KEYS(v, err, "prompt_tokens", "completion_tokens") < 0 ||
	    read_count(v, "prompt_tokens", 1000000000, &e->usage.in_fresh, err) < 0 ||
	    read_count(v, "completion_tokens", 1000000000, &e->usage.out_text, err) < 0)
		return err_prefix(err, "usage: ");
	return 0;
}

static int read_entry(struct arena *a, const struct json *v, struct entry *e, struct err *err)
{
	const struct json *reply = json_getc(v, "reply"), *error = json_getc(v, "error");

	if (CHECK_KEYS(v, err, "name", "match", "reply", "error", "usage", "delay_ms") < 0 ||
	    read_text(v, "name", &e->name, err) < 0 || read_match(a, json_getc(v, "match"), e, err) < 0 ||
	    read_usage(json_getc(v, "usage"), e, err) < 0 ||
	    read_count(v, "delay_ms", DELAY_MAX_MS, &e->delay_ms, err) < 0)
		return -1;
	if (!reply == !error)
		return err_set(err, ERR_CONFIG, "expected either \"reply\" or \"error\"");
	return reply ? read_reply(a, reply, e, err) : read_error(a, error, e, err);
}

int replay_parse(struct arena *a, struct str text, const char *file, const struct replay **ret, struct err *err)
{
	struct replay *r = ARENA_NEW(a, struct replay);
	const struct json *doc, *replies;
	struct entry *entries;
	struct err why;

	r->file = file ? file : "recorded replies";
	if (!text.p)
		return err_set(err, ERR_CONFIG, "%s: there is no such file", r->file);
	if (json_parse(a, text, NULL, &doc, &why) < 0)
		return err_set(err, ERR_CONFIG, "%s: %s", r->file, why.msg);
	replies = json_getc(doc, "replies");
	if (CHECK_KEYS(doc, &why, "about", "replies") < 0)
		return err_set(err, ERR_CONFIG, "%s: %s", r->file, why.msg);
	if (json_type(replies) != JSON_ARRAY || json_len(replies) == 0)
		return err_set(err, ERR_CONFIG, "%s: \"replies\": expected an array of at least one entry", r->file);
	r->n = json_len(replies);
	r->entries = entries = ARENA_ARRAY(a, r->n, struct entry);
	for (size_t i = 0; i < r->n; i++)
		if (read_entry(a, json_at(replies, i), &entries[i], &why) < 0)
			return err_set(err, ERR_CONFIG, "%s: replies[%zu]: %s", r->file, i, why.msg);
	*ret = r;
	return 0;
}
