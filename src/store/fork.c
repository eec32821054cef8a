/* fork.c - see fork.h. */
#include "store/fork.h"

#include "base/arena.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"

static const struct stmt facts_stmt = {"fork_facts", "SELECT agentd.fork_facts($1, $2, $3, $4, $5, $6, $7)"};
static const struct stmt fork_stmt = {
	"fork_task", "SELECT task, replayed, state, body FROM agentd.fork_task($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

const char *const fork_keys[] = {"step", "input", "bundle", "repeat_effects", NULL};

static struct str kind_name(enum fork_kind k)
{
	return k == FORK_RETRY ? STR("retry") : STR("fork");
}

static int bad(struct err *err, const char *key, const char *expected, const struct json *got)
{
	return err_set(err, ERR_INVALID, "\"%s\": expected %s, got %s", key, expected, json_type_name(got));
}

static int read_text(const struct json *body, const char *key, struct str *ret, struct err *err)
{
	const struct json *v = json_getc(body, key);

	if (v && json_type(v) != JSON_STRING)
		return bad(err, key, "a text", v);
	*ret = json_str(v);
	return 0;
}

static void digest_request(struct arena *a, struct fork *f)
{
	struct json_builder b;
	char task[37];

	uuid_format(&f->task, task);
	json_object_begin(&b, a);
	json_object_setc(&b, "task", json_stringc(a, task));
	json_object_setc(&b, "step", f->step.p ? json_string_ref(a, f->step) : json_null());
	json_object_setc(&b, "input", f->input ? f->input : json_null());
	json_object_setc(&b, "bundle", f->bundle.p ? json_string_ref(a, f->bundle) : json_null());
	json_object_setc(&b, "repeat_effects", json_bool(f->repeat_effects));
	json_digest(json_object_end(&b), &f->request);
}

int fork_parse(struct arena *a, const struct json *body, enum fork_kind kind, const struct uuid *task, struct fork *ret, struct err *err)
{
	const struct json *repeat = json_getc(body, "repeat_effects");

	*ret = (struct fork){.id = uuid_new(), .kind = kind, .task = *task, .input = json_getc(body, "input")};
	if (read_text(body, "step", &ret->step, err) < 0 || read_text(body, "bundle", &ret->bundle, err) < 0)
		return -1;
	if (ret->input && json_type(ret->input) != JSON_OBJECT)
		return bad(err, "input", "an object", ret->input);
	if (repeat && json_type(repeat) != JSON_TRUE && json_type(repeat) != JSON_FALSE)
		return bad(err, "repeat_effects", "true or false", repeat);
	ret->repeat_effects = json_is_true(repeat);
	digest_request(a, ret);
	return 0;
}

struct op *fork_facts(struct store *s, struct arena *a, const struct fork *f, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &facts_stmt);

	params_uuid(&c->params, &f->task);
	params_text(&c->params, kind_name(f->kind));
	params_text(&c->params, f->bundle);
	params_bool(&c->params, f->input);
	params_text(&c->params, f->idempotency_key);
	params_principal(&c->params, &f->by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

int fork_submission(struct arena *a, const struct fork *f, struct str facts, struct submission *ret, struct err *err)
{
	const struct json *v, *labels;

	if (json_parse(a, facts, NULL, &v, err) < 0)
		return -1;
	labels = json_getc(v, "labels");
	*ret = (struct submission){
		.workflow = json_str(json_getc(v, "workflow")),
		.input = f->input ? f->input : json_getc(v, "given"),
		.urgency = json_str(json_getc(v, "urgency")),
		.labels = json_type(labels) == JSON_OBJECT ? labels : json_empty_object(),
		.by = f->by,
		.origin_by = json_str(json_getc(v, "by")),
	};
	return 0;
}

static int read_forked(struct call *c, const PGresult *r, struct err *err)
{
	struct submitted *s = ARENA_NEW(c->op.arena, struct submitted);

	CRASHPOINT("fork.after_reply");
	if (PQntuples(r) != 1)
		return err_set(err, ERR_PG, "fork_task: %d answers to one call", PQntuples(r));
	*s = (struct submitted){.id = field_uuid(r, 0, 0), .replayed = field_bool(r, 0, 1), .state = field_str(r, 0, 2),
				.body = field_str(r, 0, 3)};
	c->result = s;
	return 0;
}

struct op *fork_start(struct store *s, struct arena *a, const struct fork *f, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &fork_stmt);

	params_uuid(&c->params, &f->id);
	params_text(&c->params, kind_name(f->kind));
	params_uuid(&c->params, &f->task);
	params_text(&c->params, f->step);
	params_json(&c->params, f->input);
	params_text(&c->params, f->bundle);
	params_bool(&c->params, f->repeat_effects);
	params_text(&c->params, f->idempotency_key);
	params_digest(&c->params, &f->request);
	params_principal(&c->params, &f->by);
	CRASHPOINT("fork.before_send");
	return call_start(c, deadline_ms, read_forked, done, arg);
}

const struct submitted *fork_submitted_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}
