/* tasks.c - looking at tasks, cancelling, redriving and purging them. Submitting is in submit.c, forking in fork.c. */
#include "store/tasks.h"

#include "base/arena.h"
#include "base/crash.h"
#include "base/err.h"
#include "store/call.h"

static const struct stmt view_stmt = {"task_view", "SELECT agentd.task_view($1, $2, $3)"};
static const struct stmt view_ended_stmt = {"task_view_ended", "SELECT agentd.task_view_ended($1, $2, $3)"};
static const struct stmt list_stmt = {"task_list", "SELECT agentd.task_list($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct stmt cancel_stmt = {"cancel", "SELECT agentd.cancel($1, $2, $3)"};
static const struct stmt redrive_stmt = {"redrive", "SELECT agentd.redrive($1, $2, $3)"};
static const struct stmt purge_stmt = {"purge", "SELECT agentd.purge($1, $2, $3)"};
static const struct stmt reconcile_stmt = {"reconcile", "SELECT agentd.reconcile($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct stmt input_stmt = {"input_schema", "SELECT agentd.input_schema($1, $2, $3, $4)"};
static const struct stmt states_stmt = {"task_states", "SELECT id, state, terminal FROM agentd.task_states($1)"};

static const struct {
	const char *name;
	bool terminal;
} states[] = {
	{"ready", false},	  {"running", false},	   {"waiting_approval", false}, {"waiting_timer", false},
	{"waiting_event", false}, {"waiting_slot", false}, {"uncertain", false},	{"quarantined", false},
	{"succeeded", true},	  {"failed", true},	   {"cancelled", true},		{"expired", true},
};

bool task_state_is_known(struct str state)
{
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (str_is(state, states[i].name))
			return true;
	return false;
}

bool task_state_is_terminal(struct str state)
{
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (str_is(state, states[i].name))
			return states[i].terminal;
	return false;
}

struct op *tasks_input_schema(struct store *s, struct arena *a, const struct submission *sub, int64_t deadline_ms, op_done_fn *done,
			      void *arg)
{
	struct call *c = call_new(s, a, &input_stmt);

	params_text(&c->params, sub->workflow);
	params_text(&c->params, sub->by.name);
	params_text(&c->params, sub->route);
	params_text(&c->params, sub->idempotency_key);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

/* A function of a task and of whom it is called by. */
static struct op *ask(struct store *s, struct arena *a, const struct stmt *stmt, const struct uuid *task, const struct principal *by,
		      int64_t deadline_ms, call_read_fn *read, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, stmt);

	params_uuid(&c->params, task);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, read, done, arg);
}

struct op *tasks_view(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
		      int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return ask(s, a, &view_stmt, task, by, deadline_ms, call_read_text, done, arg);
}

struct op *tasks_view_ended(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return ask(s, a, &view_ended_stmt, task, by, deadline_ms, call_read_text, done, arg);
}

struct op *tasks_list(struct store *s, struct arena *a, const struct task_filter *f, const struct principal *by,
		      int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &list_stmt);

	params_text(&c->params, f->workflow);
	params_text(&c->params, f->state);
	params_text(&c->params, f->label_key);
	params_text(&c->params, f->label_value);
	params_uuid(&c->params, &f->before);
	params_int(&c->params, f->limit);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

static int read_cancelled(struct call *c, const PGresult *r, struct err *err)
{
	CRASHPOINT("cancel.after_reply");
	return call_read_text(c, r, err);
}

struct op *tasks_cancel(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			int64_t deadline_ms, op_done_fn *done, void *arg)
{
	CRASHPOINT("cancel.before_send");
	return ask(s, a, &cancel_stmt, task, by, deadline_ms, read_cancelled, done, arg);
}

struct op *tasks_redrive(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return ask(s, a, &redrive_stmt, task, by, deadline_ms, call_read_text, done, arg);
}

struct op *tasks_purge(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
		       int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &purge_stmt);

	params_uuid(&c->params, task);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *tasks_reconcile(struct store *s, struct arena *a, const struct uuid *task, const struct reconciliation *rec,
			   const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &reconcile_stmt);

	params_uuid(&c->params, task);
	params_text(&c->params, rec->path);
	params_text(&c->params, rec->decision);
	params_json(&c->params, rec->result);
	if (rec->attempt_try)
		params_int(&c->params, rec->attempt_try);
	else
		params_text(&c->params, STR_NONE);
	params_uuid(&c->params, &rec->id);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct str tasks_text_of(const struct op *op)
{
	return call_text_of(op);
}

struct states {
	struct task_state *v;
	size_t n;
};

static int read_states(struct call *c, const PGresult *r, struct err *err)
{
	struct states *t = ARENA_NEW(c->op.arena, struct states);

	(void)err;
	t->n = (size_t)PQntuples(r);
	t->v = ARENA_ARRAY(c->op.arena, t->n + 1, struct task_state);
	for (size_t i = 0; i < t->n; i++)
		t->v[i] = (struct task_state){.id = field_uuid(r, (int)i, 0),
					      .state = field_str(r, (int)i, 1),
					      .terminal = field_bool(r, (int)i, 2)};
	c->result = t;
	return 0;
}

struct op *tasks_states(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms,
			op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &states_stmt);

	params_uuids(&c->params, ids, n);
	return call_start(c, deadline_ms, read_states, done, arg);
}

const struct task_state *tasks_states_of(const struct op *op, size_t *ret_n)
{
	const struct states *t = ((const struct call *)op)->result;

	*ret_n = t ? t->n : 0;
	return t ? t->v : NULL;
}
