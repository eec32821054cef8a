/* caps.c - see caps.h. */
#include "gateway/caps.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/uuid.h"
#include "gateway/gateway.h"

static struct str task_key(struct arena *a, const struct model_request *req)
{
	char *text;

	if (uuid_is_nil(&req->task) || req->token.p)	/* a question that belongs to no task has an id, too */
		return STR_NONE;
	text = arena_alloc(a, 37);
	uuid_format(&req->task, text);
	return str_from(text);
}

static struct str fact(struct arena *a, const struct model_request *req, const char *name)
{
	struct str s = json_str(json_getc(req->facts, name));

	return s.p ? str_dup(a, s) : STR_NONE;
}

/* STR_NONE: the cap does not concern this question. */
static struct str key_of(struct arena *a, const struct cap *c, const struct tier_step *s, const struct model_request *req)
{
	switch (c->scope) {
	case CAP_GLOBAL:
		return STR("");
	case CAP_PROVIDER:
		return s->model->provider->name;
	case CAP_MODEL:
		return s->model->name;
	case CAP_WORKFLOW:
		return fact(a, req, "workflow");
	case CAP_TASK:
		return task_key(a, req);
	case CAP_TOKEN:
		return fact(a, req, "submitted_by");
	}
	return STR_NONE;
}

const struct spend_cap *caps_of(struct arena *a, const struct routing *r, const struct tier_step *s, const struct model_request *req,
				size_t *ret_n)
{
	struct spend_cap *v = ARENA_ARRAY(a, s->n_caps ? s->n_caps : 1, struct spend_cap);
	size_t n = 0;

	for (size_t i = 0; i < s->n_caps; i++) {
		const struct cap *c = s->caps[i];
		struct str key = key_of(a, c, s, req);

		if (key.p)
			v[n++] = (struct spend_cap){.name = c->name, .scope = str_from(cap_scope_name(c->scope)), .key = key,
						    .window = str_from(cap_window_name(c->window)), .zone = r->timezone,
						    .limit_pusd = c->limit_pusd};
	}
	*ret_n = n;
	return v;
}

bool caps_wait(const struct json *refusal)
{
	return json_is_true(json_getc(refusal, "waits"));
}

static bool refused(const struct json *refusal, struct str cap)
{
	const struct json *caps = json_getc(refusal, "caps");

	for (size_t i = 0; i < json_len(caps); i++)
		if (str_eq(json_str(json_getc(json_at(caps, i), "cap")), cap))
			return true;
	return false;
}

enum cap_exceeded caps_word(const struct tier_step *s, const struct json *refusal)
{
	enum cap_exceeded word = CAP_SKIP;

	for (size_t i = 0; i < s->n_caps; i++) {
		if (!refused(refusal, s->caps[i]->name))
			continue;
		if (s->caps[i]->on_exceeded == CAP_FAIL)
			return CAP_FAIL;
		if (s->caps[i]->on_exceeded == CAP_APPROVAL)
			word = CAP_APPROVAL;
	}
	return word;
}
