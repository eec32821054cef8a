/* queue.c - worker incarnations and claiming. Moves are in commit.c. */
#include "store/queue.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "store/call.h"

/* --- register, heartbeat, leave --- */

static const struct stmt register_stmt = {"register", "SELECT agentd.worker_register($1, $2, $3, $4, $5, $6)"};
static const struct stmt heartbeat_stmt = {"heartbeat", "SELECT lost, cancelled FROM agentd.heartbeat($1)"};
static const struct stmt leave_stmt = {"leave", "SELECT agentd.worker_leave($1)"};

static int read_registered(struct call *c, const PGresult *r, struct err *err)
{
	CRASHPOINT("register.after_reply");
	return call_read_text(c, r, err);
}

struct op *queue_register(struct store *s, struct arena *a, const struct worker_row *w, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &register_stmt);
	struct array lanes;

	c->patient = true;
	params_uuid(&c->params, &w->id);
	params_text(&c->params, str_from(w->host));
	params_int(&c->params, w->pid);
	array_begin(&lanes, a, ARRAY_TEXT);
	for (size_t i = 0; i < w->n_lanes; i++)
		array_text(&lanes, w->lanes[i]);
	params_array(&c->params, &lanes);
	params_int(&c->params, w->lease_ms);
	params_int(&c->params, w->semantics);
	CRASHPOINT("register.before_send");
	return call_start(c, 0, read_registered, done, arg);
}

static int read_heartbeat(struct call *c, const PGresult *r, struct err *err)
{
	struct heartbeat *h = ARENA_NEW(c->op.arena, struct heartbeat);
	size_t n;
	const struct str *ids = field_words(c->op.arena, r, 0, 1, &n);
	struct uuid *cancelled = ARENA_ARRAY(c->op.arena, n ? n : 1, struct uuid);

	for (size_t i = 0; i < n; i++)
		if (!uuid_parse(ids[i], &cancelled[i]))
			return err_set(err, ERR_PG, "heartbeat: expected ids of tasks");
	h->lost = field_bool(r, 0, 0);
	h->cancelled = cancelled;
	h->n_cancelled = n;
	c->result = h;
	CRASHPOINT("heartbeat.after_reply");
	return 0;
}

struct op *queue_heartbeat(struct store *s, struct arena *a, const struct uuid *worker, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &heartbeat_stmt);
	struct op *op;

	c->patient = true;
	params_uuid(&c->params, worker);
	op = call_start(c, 0, read_heartbeat, done, arg);
	CRASHPOINT("heartbeat.after_send");
	return op;
}

const struct heartbeat *queue_heartbeat_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}

static int read_left(struct call *c, const PGresult *r, struct err *err)
{
	CRASHPOINT("leave.after_reply");
	return call_read_text(c, r, err);
}

struct op *queue_leave(struct store *s, struct arena *a, const struct uuid *worker, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &leave_stmt);

	c->patient = true;
	params_uuid(&c->params, worker);
	CRASHPOINT("leave.before_send");
	return call_start(c, 0, read_left, done, arg);
}

/* --- claim --- */

enum claim_col {
	COL_TASK, COL_FENCE, COL_WORKFLOW, COL_BUNDLE, COL_URGENCY, COL_LABELS, COL_SUBMITTED_BY, COL_PARENT, COL_INPUT,
	COL_BUDGET, COL_CREATED, COL_DEADLINE, COL_FAILURES, COL_RECOVERIES, COL_CANCEL, COL_LAST_SEQ, COL_JOURNAL, COL_SPENT,
	COL_NOW, COL_NEXT_DUE, COL_ORIGIN_BY
};

static const struct stmt claim_stmt = {
	"claim",
	"SELECT task, fence, workflow, bundle, urgency, labels, submitted_by, parent, input, budget, created_us, deadline_us, "
	"failures, recoveries, cancel, last_seq, journal, spent_pusd, now_us, next_due_us, origin_by FROM agentd.claim($1, $2, $3)"};

struct claim {
	struct call call;	/* first */
	int limit, number;
};

const struct json *claimed_facts(const struct claimed *c, const struct claimed_words *w)
{
	struct arena *a = c->arena;
	struct json_builder b;
	char id[37], hex[65], created[32];

	uuid_format(&c->task, id);
	digest_hex(&c->bundle, hex);
	time_format(c->created_us, created);
	json_object_begin(&b, a);
	json_object_setc(&b, "id", json_stringc(a, id));
	json_object_setc(&b, "workflow", json_string_ref(a, c->workflow));
	json_object_setc(&b, "bundle", json_stringc(a, hex));
	json_object_setc(&b, "urgency", json_string(a, w->urgency));
	json_object_setc(&b, "labels", w->labels ? w->labels : json_empty_object());
	json_object_setc(&b, "created_at", json_stringc(a, created));
	json_object_setc(&b, "submitted_by", json_string(a, w->submitted_by));
	json_object_setc(&b, "parent", w->parent.p ? json_string(a, w->parent) : json_null());
	return json_object_end(&b);
}

static int64_t int_at(const struct json *arr, size_t i)
{
	int64_t v = 0;

	json_to_int(json_at(arr, i), &v);
	return v;
}

/* Rows are arrays in the order of agentd.journal_json(). */
static void read_journal(struct claimed *c, const struct json *rows)
{
	struct journal_row *v = ARENA_ARRAY(c->arena, json_len(rows) + 1, struct journal_row);

	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);
		const struct json *value = json_at(row, 6);

		v[i] = (struct journal_row){
			.seq = int_at(row, 0),
			.at_us = int_at(row, 1),
			.path = json_str(json_at(row, 2)),
			.attempt_try = (int)int_at(row, 3),
			.kind = json_str(json_at(row, 4)),
			.step_kind = json_str(json_at(row, 5)),
			.value = value ? value : json_null(),
			.started_us = int_at(row, 7),
			.cost_pusd = int_at(row, 8),
		};
	}
	c->rows = v;
	c->n_rows = json_len(rows);
}

static int read_claimed(struct claimed *c, const PGresult *r, int row, struct err *err)
{
	struct arena *a = c->arena;
	struct claimed_words words = {
		.urgency = field_str(r, row, COL_URGENCY),
		.submitted_by = field_str(r, row, COL_SUBMITTED_BY),
		.parent = field_str(r, row, COL_PARENT),
	};
	const struct json *journal;

	c->task = field_uuid(r, row, COL_TASK);
	c->fence = (int)field_int(r, row, COL_FENCE);
	c->workflow = str_dup(a, field_str(r, row, COL_WORKFLOW));
	c->deadline_us = field_int(r, row, COL_DEADLINE);
	c->created_us = field_int(r, row, COL_CREATED);
	c->failures = (int)field_int(r, row, COL_FAILURES);
	c->recoveries = (int)field_int(r, row, COL_RECOVERIES);
	c->cancel = field_bool(r, row, COL_CANCEL);
	c->origin_by = field_is_null(r, row, COL_ORIGIN_BY) ? STR_NONE : str_dup(a, field_str(r, row, COL_ORIGIN_BY));
	c->last_seq = field_int(r, row, COL_LAST_SEQ);
	c->spent_pusd = field_int(r, row, COL_SPENT);
	if (!field_digest(r, row, COL_BUNDLE, &c->bundle))
		return err_set(err, ERR_PG, "claim: expected the digest of a bundle");
	if (field_json(a, r, row, COL_LABELS, &words.labels, err) < 0 || field_json(a, r, row, COL_INPUT, &c->input, err) < 0 ||
	    field_json(a, r, row, COL_BUDGET, &c->budget, err) < 0 || field_json(a, r, row, COL_JOURNAL, &journal, err) < 0)
		return -1;
	if (!c->input)
		c->input = json_null();
	c->facts = claimed_facts(c, &words);
	read_journal(c, journal);
	return 0;
}

static void on_given_up(void *arg, const struct move_result *r)
{
	(void)r;
	arena_free(arg);
}

/* A task whose values this program cannot read (SQL took them from somebody who does not speak through us) must not
 * stand in the way of the others of its claim: it fails by itself. */
static void give_up(struct store *s, const struct claimed *c, const struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct move *m = ARENA_NEW(a, struct move);
	struct json_builder b;

	log_error("claim.unreadable", "error=%s", log_quotec(err->msg));
	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, err_name(ERR_SCHEMA_INPUT)));
	json_object_setc(&b, "message", json_string_clean(a, str_from(err->msg)));
	json_object_setc(&b, "step", json_null());
	json_object_setc(&b, "retryable", json_bool(false));
	m->task = c->task;
	m->fence = c->fence;
	m->next = MOVE_FINISH;
	m->state = STR("failed");
	m->error = json_object_end(&b);
	queue_commit(s, m, on_given_up, a);
}

static int read_claims(struct call *call, const PGresult *r, struct err *err)
{
	struct arena *a = call->op.arena;
	struct claims *claims = ARENA_NEW(a, struct claims);
	int rows = PQntuples(r);
	struct claimed **v = ARENA_ARRAY(a, (size_t)rows, struct claimed *);

	if (rows < 1)
		return err_set(err, ERR_PG, "claim: expected at least one row");
	claims->now_us = field_int(r, 0, COL_NOW);
	claims->next_due_ms = -1;
	if (!field_is_null(r, 0, COL_NEXT_DUE)) {
		int64_t ms = (field_int(r, 0, COL_NEXT_DUE) - claims->now_us + 999) / 1000;

		claims->next_due_ms = ms > 0 ? ms : 0;
	}
	for (int row = 1; row < rows; row++) {
		struct arena *mine = arena_new(a);
		struct claimed *c = ARENA_NEW(mine, struct claimed);

		c->arena = mine;
		if (read_claimed(c, r, row, err) < 0)
			give_up(call->store, c, err);
		else
			v[claims->n++] = c;
	}
	claims->v = v;
	claims->more = rows > ((struct claim *)call)->limit;
	call->result = claims;
	CRASHPOINT("claim.after_reply");
	return 0;
}

struct op *queue_claim(struct store *s, struct arena *a, const struct uuid *worker, int limit, int again, op_done_fn *done,
		       void *arg)
{
	struct claim *k = ARENA_NEW(a, struct claim);
	struct call *c = &k->call;

	call_init(c, s, a, &claim_stmt);
	c->pipe = store_claims_pipe(s);
	c->patient = true;
	k->limit = limit;
	k->number = again ? again : store_next_claim(s);
	params_uuid(&c->params, worker);
	params_int(&c->params, limit);
	params_int(&c->params, k->number);
	CRASHPOINT("claim.before_send");
	return call_start(c, 0, read_claims, done, arg);
}

int queue_claim_number(const struct op *op)
{
	return ((const struct claim *)op)->number;
}

const struct claims *queue_claims_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}
