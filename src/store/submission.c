/* submission.c - one reader per key, in a table. */
#include "store/submission.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_pointer.h"

enum { MAX_LABELS = 32, MAX_LABEL_BYTES = 255, MAX_NAME = 63, MAX_KEY = 255 };

struct reader {
	const char *key;
	int (*read)(struct arena *a, const struct json *v, struct submission *s, struct err *err);
};

static int bad(struct err *err, const char *pointer, const char *expected, const struct json *got)
{
	err_set(err, ERR_INVALID, "%s: expected %s, got %s", pointer, expected, json_type_name(got));
	if (err)
		err->status = 400;
	return -1;
}

/* "/labels/KEY"; a long key is cut, as messages are short. */
static const char *pointer_to(struct arena *a, const char *parent, struct str key)
{
	struct str shown = str_clip(key, MAX_NAME + 1);
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, parent);
	json_pointer_add(&b, shown);
	if (shown.n < key.n)
		buf_adds(&b, "...");
	return buf_cstr(&b);
}

static int read_workflow(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	(void)a;
	s->workflow = json_str(v);
	if (json_type(v) != JSON_STRING || s->workflow.n == 0 || s->workflow.n > MAX_NAME)
		return bad(err, "/workflow", "the name of a workflow", v);
	return 0;
}

static int read_input(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	(void)a;
	if (json_type(v) != JSON_OBJECT)
		return bad(err, "/input", "an object", v);
	s->input = v;
	return 0;
}

static int read_urgency(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	struct str u = json_str(v);

	(void)a;
	if (!str_is(u, "low") && !str_is(u, "normal") && !str_is(u, "high"))
		return bad(err, "/urgency", "\"low\", \"normal\" or \"high\"", v);
	s->urgency = u;
	return 0;
}

static int read_labels(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	if (json_type(v) != JSON_OBJECT)
		return bad(err, "/labels", "an object", v);
	if (json_len(v) > MAX_LABELS)
		return bad(err, "/labels", "at most 32 labels", v);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct json *text = json_val(v, i);
		struct str name = json_key(v, i);

		if (name.n == 0 || name.n > MAX_NAME)
			return bad(err, pointer_to(a, "/labels", name), "a name of 1 to 63 bytes", text);
		if (json_type(text) != JSON_STRING || json_str(text).n > MAX_LABEL_BYTES)
			return bad(err, pointer_to(a, "/labels", name), "a text of at most 255 bytes", text);
	}
	s->labels = v;
	return 0;
}

static int read_time(const char *pointer, const struct json *v, int64_t *ret, struct err *err)
{
	if (json_type(v) != JSON_STRING || !time_parse(json_str(v), ret) || *ret <= 0)	/* 0 means none further on */
		return bad(err, pointer, "a time like 2026-11-23T17:00:00Z", v);
	return 0;
}

static int read_run_at(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	(void)a;
	return read_time("/run_at", v, &s->run_at_us, err);
}

static int read_deadline(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	(void)a;
	return read_time("/deadline", v, &s->deadline_us, err);
}

/* Money as text or as a number whose literal is read exactly; never through a double. */
static int read_usd(struct arena *a, const struct json *v, struct json_builder *b, struct err *err)
{
	struct str text = json_type(v) == JSON_STRING ? json_str(v) : json_is_number(v) ? json_text(a, v) : STR_NONE;
	int64_t pusd;
	char exact[40];

	if (!text.p || !money_parse(text, &pusd))
		return bad(err, "/budget/usd", "an amount in USD", v);
	money_format(pusd, exact);
	json_object_setc(b, "usd", json_stringc(a, exact));
	return 0;
}

static int read_wall(struct arena *a, const struct json *v, struct json_builder *b, struct err *err)
{
	int64_t ms;

	if (json_type(v) != JSON_STRING || !duration_parse(json_str(v), &ms) || ms == 0)
		return bad(err, "/budget/wall", "a duration like 10m", v);
	json_object_setc(b, "wall_ms", json_int(a, ms));
	return 0;
}

static int read_count(struct arena *a, const char *key, const struct json *v, struct json_builder *b, struct err *err)
{
	int64_t n;

	if (!json_to_int(v, &n) || n < 0 || n > 1000000)
		return bad(err, arena_printf(a, "/budget/%s", key), "a whole number from 0 to 1000000", v);
	json_object_setc(b, key, json_int(a, n));
	return 0;
}

static int read_budget(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	struct json_builder b;

	if (json_type(v) != JSON_OBJECT)
		return bad(err, "/budget", "an object", v);
	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(v); i++) {
		struct str key = json_key(v, i);
		const struct json *x = json_val(v, i);
		int rc;

		if (str_is(key, "usd"))
			rc = read_usd(a, x, &b, err);
		else if (str_is(key, "wall"))
			rc = read_wall(a, x, &b, err);
		else if (str_is(key, "turns"))
			rc = read_count(a, "turns", x, &b, err);
		else if (str_is(key, "calls"))
			rc = read_count(a, "calls", x, &b, err);
		else
			rc = bad(err, pointer_to(a, "/budget", key), "one of usd, wall, turns, calls", x);
		if (rc < 0)
			return -1;
	}
	s->budget = json_object_end(&b);
	return 0;
}

static int read_events(struct arena *a, const struct json *v, struct err *err)
{
	static const char *const words[] = {"finished", "uncertain", "quarantined", "approval", "expiring"};

	if (json_type(v) != JSON_ARRAY || json_len(v) == 0 || json_len(v) > sizeof words / sizeof words[0])
		return bad(err, "/webhook/events", "a list of finished, uncertain, quarantined, approval and expiring", v);
	for (size_t i = 0; i < json_len(v); i++) {
		size_t k = 0;

		while (k < sizeof words / sizeof words[0] && !str_is(json_str(json_at(v, i)), words[k]))
			k++;
		if (k == sizeof words / sizeof words[0])
			return bad(err, arena_printf(a, "/webhook/events/%zu", i), "finished, uncertain, quarantined, approval or expiring",
				   json_at(v, i));
	}
	return 0;
}

static int read_webhook(struct arena *a, const struct json *v, struct submission *s, struct err *err)
{
	if (json_type(v) != JSON_OBJECT)
		return bad(err, "/webhook", "an object", v);
	for (size_t i = 0; i < json_len(v); i++) {
		struct str key = json_key(v, i);

		if (!str_is(key, "url") && !str_is(key, "events"))
			return bad(err, pointer_to(a, "/webhook", key), "one of url, events", json_val(v, i));
	}
	s->webhook_url = json_str(json_getc(v, "url"));
	if (!s->webhook_url.p)
		return bad(err, "/webhook/url", "an address", json_getc(v, "url"));
	s->webhook = v;
	return json_getc(v, "events") ? read_events(a, json_getc(v, "events"), err) : 0;
}

static const struct reader readers[] = {
	{"workflow", read_workflow}, {"input", read_input},	{"urgency", read_urgency}, {"labels", read_labels},
	{"run_at", read_run_at},     {"deadline", read_deadline}, {"budget", read_budget},
	{"webhook", read_webhook},
};

static const struct reader *find_reader(struct str key)
{
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
		if (str_is(key, readers[i].key))
			return &readers[i];
	return NULL;
}

static const char *nearest_key(struct str key)
{
	const char *names[sizeof readers / sizeof readers[0]];

	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
		names[i] = readers[i].key;
	return str_nearest(key, names, sizeof names / sizeof names[0]);
}

static int unknown_key(struct arena *a, struct str key, struct err *err)
{
	const char *near = nearest_key(key);

	err_set(err, ERR_INVALID, "%s: unknown key%s%s%s", pointer_to(a, "", key), near ? " (did you mean \"" : "",
		near ? near : "", near ? "\"?)" : "");
	if (err)
		err->status = 400;
	return -1;
}

static void digest_request(struct arena *a, const struct submission *s, struct digest *ret)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "workflow", json_string_ref(a, s->workflow));
	json_object_setc(&b, "input", s->input);
	json_object_setc(&b, "urgency", json_string_ref(a, s->urgency));
	json_object_setc(&b, "labels", s->labels);
	json_object_setc(&b, "run_at", json_int(a, s->run_at_us));
	json_object_setc(&b, "deadline", json_int(a, s->deadline_us));
	json_object_setc(&b, "budget", s->budget);
	if (s->webhook)		/* keys of before there were webhooks stay what they are */
		json_object_setc(&b, "webhook", s->webhook);
	json_digest(json_object_end(&b), ret);
}

int submission_parse(struct arena *a, const struct json *body, struct submission *ret, struct err *err)
{
	struct submission s = {.id = uuid_new(), .urgency = STR("normal"), .input = json_empty_object(), .labels = json_empty_object()};

	if (json_type(body) != JSON_OBJECT)
		return bad(err, "the body", "an object", body);
	for (size_t i = 0; i < json_len(body); i++) {
		const struct reader *r = find_reader(json_key(body, i));

		if (!r)
			return unknown_key(a, json_key(body, i), err);
		if (r->read(a, json_val(body, i), &s, err) < 0)
			return -1;
	}
	if (!s.workflow.p)
		return bad(err, "/workflow", "the name of a workflow", NULL);
	digest_request(a, &s, &s.request);
	*ret = s;
	return 0;
}

int submission_key_check(struct str key, struct err *err)
{
	bool visible = key.n >= 1 && key.n <= MAX_KEY;

	for (size_t i = 0; visible && i < key.n; i++)
		visible = key.p[i] > ' ' && key.p[i] <= '~';
	if (visible)
		return 0;
	err_set(err, ERR_INVALID, "Idempotency-Key: expected 1 to 255 visible ASCII characters");
	if (err)
		err->status = 400;
	return -1;
}

void submission_add_files(struct arena *a, struct submission *s, const struct artifact_new *v, size_t n)
{
	struct str *parts = ARENA_ARRAY(a, 1 + 3 * n, struct str);

	s->fixed_id = true;
	parts[0] = str_dup(a, (struct str){(const char *)s->request.b, sizeof s->request.b});
	for (size_t i = 0; i < n; i++) {
		parts[1 + 3 * i] = v[i].name;
		parts[2 + 3 * i] = v[i].media_type;
		parts[3 + 3 * i] = (struct str){(const char *)v[i].digest.b, sizeof v[i].digest.b};
	}
	digest_of_parts(parts, 1 + 3 * n, &s->request);
}

bool submission_may_be_made(const struct err *err, const struct submitted *got)
{
	return err->code == ERR_NONE ? !got->replayed : err->code == ERR_PG_DOWN || err->code == ERR_CANCELLED;
}
