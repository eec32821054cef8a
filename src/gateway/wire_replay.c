/* wire_replay.c - reads the recording, finds the entry, answers after its delay. */
#include "gateway/wire_replay.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/pattern.h"
#include "gateway/replay_extract.h"
#include "gateway/wire.h"

enum reply_kind { REPLY_TEXT, REPLY_JSON, REPLY_EXTRACT, REPLY_SHAPE, REPLY_ERROR };
enum { SENTENCES = 2, WORDS = 60, MATCH_LIMIT = 100000, DELAY_MAX_MS = 3600 * 1000 };

struct entry {
	struct str name;
	struct str tier, model;
	const struct str *contains;
	size_t n_contains;
	pcre2_code *regex;
	int64_t attempt;		/* 0: any */
	const struct json *output;	/* true, false or NULL */
	enum reply_kind kind;
	const struct json *value;	/* REPLY_JSON */
	struct str text;		/* REPLY_TEXT */
	struct extract extract;
	struct err error;
	bool has_usage;
	struct usage usage;
	int64_t delay_ms;
};

struct replay {
	const char *file;
	const struct entry *entries;
	size_t n;
};

/* --- reading --- */

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
static int read_texts(struct arena *a, const struct json *obj, const char *key, const struct str **ret, size_t *ret_n,
		      struct err *err)
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
	*ret = texts;
	*ret_n = n;
	return 0;
}

static void free_regex(void *code)
{
	pcre2_code_free(code);
}

static int read_regex(struct arena *a, const struct json *match, struct entry *e, struct err *err)
{
	struct str pattern;
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at;
	int code;

	if (read_text(match, "regex", &pattern, err) < 0)
		return -1;
	if (!pattern.p)
		return 0;
	e->regex = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, pattern_defaults());
	if (!e->regex) {
		pcre2_get_error_message(code, why, sizeof why);
		return err_set(err, ERR_CONFIG, "\"regex\": %s at byte %zu", (const char *)why, (size_t)at);
	}
	arena_defer(a, free_regex, e->regex);
	return 0;
}

static int read_match(struct arena *a, const struct json *match, struct entry *e, struct err *err)
{
	if (CHECK_KEYS(match, err, "tier", "model", "contains", "regex", "attempt", "output") < 0 ||
	    read_text(match, "tier", &e->tier, err) < 0 || read_text(match, "model", &e->model, err) < 0 ||
	    read_texts(a, match, "contains", &e->contains, &e->n_contains, err) < 0 ||
	    read_regex(a, match, e, err) < 0 || read_count(match, "attempt", 1000, &e->attempt, err) < 0)
		return err_prefix(err, "match: ");
	e->output = json_getc(match, "output");
	if (e->output && json_type(e->output) != JSON_TRUE && json_type(e->output) != JSON_FALSE)
		return err_set(err, ERR_CONFIG, "match: \"output\": expected true or false");
	return 0;
}

static int read_extract(struct arena *a, const struct json *v, struct extract *ret, struct err *err)
{
	int64_t sentences = SENTENCES, words = WORDS;

	if (CHECK_KEYS(v, err, "after", "sentences", "words") < 0 ||
	    read_texts(a, v, "after", &ret->after, &ret->n_after, err) < 0 ||
	    read_count(v, "sentences", 64, &sentences, err) < 0 || read_count(v, "words", 10000, &words, err) < 0)
		return err_prefix(err, "extract: ");
	ret->sentences = (size_t)sentences;
	ret->words = (size_t)words;
	return 0;
}

/* {"extract": {...}} and nothing else */
static const struct json *extract_in(const struct json *v)
{
	return json_type(v) == JSON_OBJECT && json_len(v) == 1 ? json_getc(v, "extract") : NULL;
}

static int check_value(struct arena *a, const struct json *v, struct err *err)
{
	struct extract x;

	if (extract_in(v))
		return read_extract(a, extract_in(v), &x, err);
	for (size_t i = 0; i < json_len(v); i++)
		if (check_value(a, json_type(v) == JSON_OBJECT ? json_val(v, i) : json_at(v, i), err) < 0)
			return -1;
	return 0;
}

static int read_reply(struct arena *a, const struct json *reply, struct entry *e, struct err *err)
{
	if (CHECK_KEYS(reply, err, "text", "json", "extract", "shape") < 0)
		return err_prefix(err, "reply: ");
	if (json_len(reply) != 1)
		return err_set(err, ERR_CONFIG, "reply: expected exactly one of text, json, extract, shape");
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
	return read_extract(a, json_val(reply, 0), &e->extract, err);
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

/* --- matching --- */

static struct str last_user_message(const struct wire_request *req)
{
	for (size_t i = req->n_messages; i > 0; i--)
		if (req->messages[i - 1].role == ROLE_USER)
			return req->messages[i - 1].text;
	return STR("");
}

static bool fits_regex(const pcre2_code *regex, struct str message)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex, pattern_heap());
	pcre2_match_context *limits = pcre2_match_context_create(pattern_heap());
	int n;

	if (!data || !limits)
		fatal("PCRE2 gives no match context");
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	n = pcre2_match(regex, (PCRE2_SPTR)message.p, message.n, 0, 0, data, limits);
	pcre2_match_context_free(limits);
	pcre2_match_data_free(data);
	return n >= 0;
}

static bool fits(const struct entry *e, const struct wire_request *req, struct str message)
{
	const struct model *m = req->model;

	if ((e->tier.p && !str_eq(e->tier, req->tier)) ||
	    (e->model.p && !str_eq(e->model, m->name) && !str_eq(e->model, m->id)) ||
	    (e->attempt > 0 && e->attempt != req->attempt) ||
	    (e->output && json_is_true(e->output) != (req->output != NULL)))
		return false;
	for (size_t i = 0; i < e->n_contains; i++)
		if (str_find(message, e->contains[i]) < 0)
			return false;
	return !e->regex || fits_regex(e->regex, message);
}

/* --- answering --- */

static const struct json *fill_value(struct arena *a, const struct json *v, struct str message)
{
	struct extract x;
	struct json_builder b;

	if (extract_in(v)) {
		read_extract(a, extract_in(v), &x, NULL);	/* was checked when it was read */
		return json_string(a, extract_text(a, &x, message));
	}
	if (json_type(v) == JSON_ARRAY) {
		json_array_begin(&b, a);
		for (size_t i = 0; i < json_len(v); i++)
			json_array_add(&b, fill_value(a, json_at(v, i), message));
		return json_array_end(&b);
	}
	if (json_type(v) != JSON_OBJECT)
		return v;
	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(v); i++)
		json_object_set(&b, json_key(v, i), fill_value(a, json_val(v, i), message));
	return json_object_end(&b);
}

static struct str make_text(struct arena *a, const struct entry *e, const struct wire_request *req, struct str message)
{
	if (e->kind == REPLY_JSON)
		return json_text(a, fill_value(a, e->value, message));
	if (e->kind == REPLY_SHAPE && req->output)
		return json_text(a, extract_shape(a, &e->extract, message, req->output));
	if (e->kind == REPLY_EXTRACT || e->kind == REPLY_SHAPE)
		return extract_text(a, &e->extract, message);
	return e->text;
}

static int64_t quarter(size_t bytes)
{
	return (int64_t)((bytes + 3) / 4);
}

static struct usage count(const struct entry *e, const struct wire_request *req, struct str text)
{
	size_t bytes = req->output ? json_size(req->output) : 0;

	if (e->has_usage)
		return e->usage;
	for (size_t i = 0; i < req->n_messages; i++)
		bytes += req->messages[i].text.n;
	return (struct usage){.in_fresh = quarter(bytes), .out_text = quarter(text.n)};
}

static const struct entry *find(const struct wire_request *req)
{
	const struct replay *r = req->endpoint->replay;
	struct str message = last_user_message(req);

	for (size_t i = 0; i < r->n; i++)
		if (fits(&r->entries[i], req, message))
			return &r->entries[i];
	return NULL;
}

static int answer_with(struct arena *a, const struct entry *e, const struct wire_request *req, struct str *ret_text,
		       struct err *err)
{
	if (!e)
		return err_set(err, ERR_MODEL_NOT_FOUND, "no recorded reply in %s fits this question (tier \"" STR_FMT
			       "\", model \"" STR_FMT "\")", req->endpoint->replay->file, STR_ARG(req->tier),
			       STR_ARG(req->model->name));
	if (e->kind == REPLY_ERROR)
		return err_copy(err, &e->error);
	*ret_text = make_text(a, e, req, last_user_message(req));
	if (ret_text->n == 0)
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "%s: the question holds no text to copy from",
			       req->endpoint->replay->file);
	return 0;
}

int replay_answer(struct arena *a, const struct wire_request *req, struct str *ret_text, struct err *err)
{
	return answer_with(a, find(req), req, ret_text, err);
}

/* --- as an operation --- */

struct playing {
	struct op op;
	struct loop_timer *timer;
	const struct wire_request *req;
	const struct entry *entry;
	struct wire_answer answer;
};

static void free_timer(void *timer)
{
	loop_timer_free(timer);
}

static void on_due(void *arg)
{
	struct playing *p = arg;
	struct err err;

	err_clear(&err);
	if (answer_with(p->op.arena, p->entry, p->req, &p->answer.text, &err) == 0) {
		p->answer.finish_reason = STR("stop");
		p->answer.output_began = true;
		p->answer.has_usage = true;
		p->answer.usage = count(p->entry, p->req, p->answer.text);
	}
	p->answer.model = p->req->model->id;
	p->answer.request_id = p->entry ? p->entry->name : STR("");
	op_complete(&p->op, &err);
}

static void on_cancel(struct op *op)
{
	loop_timer_clear(((struct playing *)op)->timer);
	op_complete(op, NULL);
}

static struct op *start(struct loop *l, struct arena *a, const struct wire_request *req, const struct wire_answer **ret,
			op_done_fn *done, void *arg)
{
	struct playing *p = ARENA_NEW(a, struct playing);

	op_init(&p->op, l, a, on_cancel, done, arg);
	p->req = req;
	p->entry = find(req);
	*ret = &p->answer;
	p->timer = loop_timer_new(l, on_due, p);
	arena_defer(a, free_timer, p->timer);
	loop_timer_set(p->timer, p->entry ? p->entry->delay_ms : 0);
	return &p->op;
}

const struct wire wire_replay = {.name = "replay", .kind = WIRE_REPLAY, .start = start};
