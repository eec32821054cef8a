/* world.c - the fake database: journal, ledger, claims, moves. */
#include "world.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "store/admin.h"

struct world *the_world;

enum { START_US = 1767225600 };	/* 2026-01-01T00:00:00Z in seconds */

struct world *world_new(struct loop *l)
{
	struct arena *a = arena_new(NULL);
	struct world *w = ARENA_NEW(a, struct world);

	w->arena = a;
	w->loop = l;
	w->now_us = (int64_t)START_US * 1000000 - clock_boot_ms() * 1000;
	w->state = STR("ready");
	uuid_parse(STR("01900000-0000-7000-8000-000000000001"), &w->task);
	buf_init(&w->log, a);
	the_world = w;
	return w;
}

void world_free(struct world *w)
{
	arena_free(w->arena);
	the_world = NULL;
}

int64_t world_now_us(const struct world *w)
{
	return w->now_us + clock_boot_ms() * 1000;
}

static const char *const effect_names[] = {"planned", "dispatched", "done", "failed_before", "uncertain"};

bool effect_state_parse(struct str word, enum effect_state *ret)
{
	for (size_t i = 0; i < sizeof effect_names / sizeof effect_names[0]; i++)
		if (str_is(word, effect_names[i])) {
			*ret = (enum effect_state)i;
			return true;
		}
	return false;
}

static void settle(struct world *w)
{
	for (struct settled *s = w->settled; s; s = s->next)
		for (struct ledger_row *l = w->ledger; l && !s->done; l = l->next)
			if (str_eq(l->path, s->path) && l->state == EFFECT_DISPATCHED) {
				l->state = s->state;
				l->result = s->result;
				s->done = true;
			}
}

/* --- claims --- */

struct claimed *world_claim(struct world *w)
{
	struct arena *a = arena_new(NULL);
	struct claimed *c = ARENA_NEW(a, struct claimed);
	struct journal_row *rows = ARENA_ARRAY(a, w->n_rows, struct journal_row);
	struct json_builder b;

	for (size_t i = 0; i < w->n_rows; i++) {
		rows[i] = w->rows[i];
		rows[i].path = str_dup(a, rows[i].path);
		rows[i].kind = str_dup(a, rows[i].kind);
		rows[i].value = json_copy(a, rows[i].value);
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "id", json_stringc(a, "01900000-0000-7000-8000-000000000001"));
	json_object_setc(&b, "urgency", json_stringc(a, "normal"));
	*c = (struct claimed){.arena = a, .task = w->task, .fence = ++w->fence, .workflow = STR("test"),
			      .facts = json_object_end(&b), .input = json_copy(a, w->input),
			      .budget = w->budget ? json_copy(a, w->budget) : NULL, .rows = rows,
			      .n_rows = w->n_rows, .cancel = w->cancel_asked};
	c->deadline_us = w->deadline_ms ? (int64_t)START_US * 1000000 + w->deadline_ms * 1000 : 0;
	settle(w);
	w->claimed = true;
	w->parked = w->unread = false;
	w->state = STR("running");
	return c;
}

/* --- moves --- */

struct answer {
	struct world *world;
	const struct move *move;
	move_done_fn *done;
	void *arg;
};

static struct ledger_row *ledger_find(struct world *w, const struct digest *key)
{
	for (struct ledger_row *l = w->ledger; l; l = l->next)
		if (digest_eq(&l->key, key))
			return l;
	return NULL;
}

/* As effect_problem() of sql/functions/3_effects.sql. */
static bool ledger_allows(const struct ledger_row *l, enum effect_state to, bool same)
{
	bool once = str_is(l->effect_class, "at_most_once");

	switch (l->state) {
	case EFFECT_PLANNED:
	case EFFECT_FAILED_BEFORE:
		return to == l->state || to == EFFECT_FAILED_BEFORE || to == EFFECT_DISPATCHED;
	case EFFECT_DISPATCHED:
		if (to == EFFECT_UNCERTAIN)
			return once;
		return (same || !once) && to != EFFECT_PLANNED;
	case EFFECT_UNCERTAIN:
		return to == EFFECT_UNCERTAIN || (to == EFFECT_DONE && str_is(l->decision, "happened")) ||
		       (to == EFFECT_FAILED_BEFORE && str_is(l->decision, "did_not_happen"));
	case EFFECT_DONE:
		break;
	}
	return to == EFFECT_DONE && same;
}

static void ledger_move(struct world *w, struct ledger_row *l, const struct effect_change *e)
{
	bool same = l->fence == w->fence && l->attempt_try == e->attempt_try;

	if (str_is(e->effect_class, "at_most_once"))
		l->effect_class = STR("at_most_once");
	if (!ledger_allows(l, e->to, same))
		fatal("effect of " STR_FMT " (" STR_FMT ") may not go from %s to %s", STR_ARG(e->path), STR_ARG(l->effect_class),
		      effect_names[l->state], effect_names[e->to]);
	if (l->state == EFFECT_UNCERTAIN && e->to == EFFECT_UNCERTAIN)
		return;
	if (e->to == EFFECT_UNCERTAIN)
		l->decision = l->by = STR_NONE;
	if (l->state != EFFECT_UNCERTAIN)
		l->result = e->result ? json_copy(w->arena, e->result) : NULL;
	l->state = e->to;
	l->fence = w->fence;
	l->attempt_try = e->attempt_try;
}

/* --- requests for a person, as sql/functions/3_approvals.sql --- */

static struct request *request_find(struct world *w, struct str id)
{
	for (struct request *q = w->requests; q; q = q->next)
		if (str_eq(q->id, id))
			return q;
	fatal("no request \"" STR_FMT "\"", STR_ARG(id));
}

static bool is_open(const struct request *q)
{
	return str_is(q->state, "pending") || str_is(q->state, "approved");
}

static void request_note(struct world *w, const struct journal_row *row)
{
	struct str kind = row->kind, decision = json_str(json_getc(row->value, "decision"));
	struct request *q;

	if (str_is(kind, "approval.decided")) {
		q = request_find(w, json_str(json_getc(row->value, "id")));
		if (is_open(q) && (str_is(decision, "expired") || str_is(decision, "cancelled")))
			q->state = str_dup(w->arena, decision);
		else if (str_is(q->state, "approved") && str_is(decision, "approved") && str_is(json_str(json_getc(q->value, "kind")), "question"))
			q->state = STR("consumed");
	}
	if (!str_is(kind, "approval.requested"))
		return;
	if (json_getc(row->value, "supersedes")) {
		q = request_find(w, json_str(json_getc(row->value, "supersedes")));
		if (is_open(q))
			q->state = STR("superseded");
	}
	q = ARENA_NEW(w->arena, struct request);
	*q = (struct request){.next = w->requests, .id = json_str(json_getc(row->value, "id")), .state = STR("pending"),
			      .path = str_sub(row->path, 0, (size_t)str_find(row->path, STR("/approval-"))), .value = row->value,
			      .by = STR_NONE, .comment = STR_NONE};
	if (!digest_from_hex(json_str(json_getc(row->value, "digest")), &q->digest) ||
	    !time_parse(json_str(json_getc(row->value, "expires_at")), &q->expires_us))
		fatal("a request without digest or end");
	w->requests = q;
}

static void request_consume(struct world *w, const struct effect_change *e)
{
	struct request *q = request_find(w, e->approval);

	if (!digest_eq(&q->digest, &e->approved))
		fatal("approval of " STR_FMT " is for another action", STR_ARG(e->path));
	if (!str_is(q->state, "approved") && !(str_is(q->state, "consumed") && digest_eq(&q->key, &e->key)))
		fatal("approval of " STR_FMT " is " STR_FMT, STR_ARG(e->path), STR_ARG(q->state));
	q->state = STR("consumed");
	q->key = e->key;
	q->dispatches++;
}

static void decide_request(struct world *w, struct request *q, const struct answered *v)
{
	struct digest both[2];

	q->state = str_is(v->decision, "approve") ? STR("approved") : STR("denied");
	q->by = v->by;
	q->comment = v->comment;
	q->form = v->form;
	if (v->late_ms >= 0)
		w->now_us += q->expires_us + v->late_ms * 1000 - world_now_us(w);
	if (v->args) {
		q->args = v->args;
		digest_from_hex(json_str(json_getc(q->value, "head")), &both[0]);
		json_digest(v->args, &both[1]);
		digest_of((struct str){(const char *)both, sizeof both}, &q->digest);
	}
	buf_addf(&w->log, "! " STR_FMT " " STR_FMT " says " STR_FMT "\n", STR_ARG(q->path), STR_ARG(v->by), STR_ARG(v->decision));
}

static bool decide_requests(struct world *w, bool early)
{
	bool any = false;

	for (struct answered *v = w->verdicts; v; v = v->next)
		for (struct request *q = w->requests; q && !v->done; q = q->next)
			if (v->early == early && str_eq(q->path, v->path) && str_is(q->state, "pending") && world_now_us(w) < q->expires_us) {
				decide_request(w, q, v);
				v->done = any = true;
			}
	return any;
}

static void ledger_apply(struct world *w, const struct effect_change *e)
{
	struct ledger_row *l = ledger_find(w, &e->key);

	if (e->approval.p)
		request_consume(w, e);
	if (l) {
		ledger_move(w, l, e);
	} else {
		if (e->to != EFFECT_DISPATCHED && e->to != EFFECT_PLANNED)
			fatal("effect of " STR_FMT " was never planned", STR_ARG(e->path));
		l = ARENA_NEW(w->arena, struct ledger_row);
		*l = (struct ledger_row){.key = e->key, .tool = str_dup(w->arena, e->tool), .path = str_dup(w->arena, e->path),
					 .effect_class = str_dup(w->arena, e->effect_class), .state = e->to, .fence = w->fence,
					 .attempt_try = e->attempt_try, .next = w->ledger};
		w->ledger = l;
	}
	buf_addf(&w->log, "    effect " STR_FMT " %s\n", STR_ARG(e->path), effect_names[e->to]);
}

/* --- words on what is uncertain --- */

static void record_word(struct world *w, struct ledger_row *l, struct str decision, struct str by, const struct json *result)
{
	l->decision = decision;
	l->by = by;
	l->result = result ? json_copy(w->arena, result) : NULL;
	l->did_not_happen += str_is(decision, "did_not_happen");
	buf_addf(&w->log, "! " STR_FMT " " STR_FMT " says " STR_FMT "\n", STR_ARG(l->path), STR_ARG(by), STR_ARG(decision));
}

bool world_decide(struct world *w, bool early)
{
	bool any = decide_requests(w, early);

	for (struct decide *d = w->decides; d; d = d->next) {
		for (struct ledger_row *l = w->ledger; l && !d->done; l = l->next) {
			if (d->early != early || !str_eq(l->path, d->path) || l->state != EFFECT_UNCERTAIN || l->decision.p)
				continue;
			record_word(w, l, d->decision, STR("ann"), d->result);
			d->done = any = true;
		}
	}
	return any;
}

bool world_commits(struct world *w, bool *ret_after)
{
	*ret_after = false;
	if (!w->crashed)
		w->n_moves++;
	if (w->crash == CRASH_BEFORE_COMMIT && w->n_moves >= w->crash_at)
		w->crashed = true;
	if (w->crashed)
		return false;
	*ret_after = w->crash == CRASH_AFTER_COMMIT && w->n_moves >= w->crash_at;
	return true;
}

struct effect_op {
	struct op op;
	struct effect_row row;
	bool known;
};

/* Answers, unless the script has somebody leave in between: what was asked for took place all the same. */
static void answer_op(struct op *op, const struct err *err, struct str name)
{
	if (!world_fire(the_world, name))
		op_complete(op, err);
}

struct op *queue_effect(struct store *s, struct arena *a, const struct uuid *task, const struct digest *key, op_done_fn *done, void *arg)
{
	struct world *w = the_world;
	const struct ledger_row *l = ledger_find(w, key);
	struct effect_op *o = ARENA_NEW(a, struct effect_op);
	struct err err = {0};

	(void)s;
	if (!uuid_eq(task, &w->task))
		fatal("the ledger is asked for another task");
	op_init(&o->op, w->loop, a, NULL, done, arg);
	if (w->unreadable > 0) {
		w->unreadable--;
		if (w->unreadable_code != ERR_NONE)
			err_set(&err, w->unreadable_code, "as ordered");
	} else if (l) {
		o->known = true;
		o->row = (struct effect_row){.state = l->state, .attempt_try = l->attempt_try, .result = l->result,
					     .decision = l->decision, .by = l->by, .id = w->task};
	}
	answer_op(&o->op, &err, STR("ledger"));
	return &o->op;
}

const struct effect_row *queue_effect_of(const struct op *op)
{
	const struct effect_op *o = (const struct effect_op *)op;

	return o->known ? &o->row : NULL;
}

struct op *queue_tool_word(struct store *s, struct arena *a, const struct tool_word *word, op_done_fn *done, void *arg)
{
	struct world *w = the_world;
	struct op *op = ARENA_NEW(a, struct op);
	struct err err = {0};
	bool after;

	(void)s;
	op_init(op, w->loop, a, NULL, done, arg);
	if (world_commits(w, &after)) {
		for (struct ledger_row *l = w->ledger; l; l = l->next) {
			if (!str_eq(l->path, word->path))
				continue;
			if (l->state == EFFECT_UNCERTAIN && !l->decision.p && l->attempt_try == word->attempt_try)
				record_word(w, l, word->happened ? STR("happened") : STR("did_not_happen"),
					    str_from(arena_printf(w->arena, "tool:" STR_FMT, STR_ARG(l->tool))), word->result);
			else
				err_set(&err, ERR_CONFLICT, "somebody else spoke");
		}
		w->crashed = after;
	}
	if (w->crashed)
		engine_drop_all(w->engine);
	answer_op(op, &err, STR("word"));
	return op;
}

struct approval_op {
	struct op op;
	struct approval_row row;
	bool known;
};

struct op *queue_approval(struct store *s, struct arena *a, const struct uuid *task, const struct uuid *id, op_done_fn *done, void *arg)
{
	struct world *w = the_world;
	struct approval_op *o = ARENA_NEW(a, struct approval_op);
	char text[37];
	struct request *q;
	struct err err = {0};

	(void)s, (void)task;
	uuid_format(id, text);
	q = request_find(w, str_from(text));
	if (str_is(q->state, "pending") && world_now_us(w) >= q->expires_us)
		q->state = STR("expired");
	op_init(&o->op, w->loop, a, NULL, done, arg);
	o->known = true;
	o->row = (struct approval_row){.state = q->state, .by = q->by, .comment = q->comment, .form = q->form, .args = q->args,
				       .digest = q->digest, .expires_us = q->expires_us};
	if (w->unreadable > 0) {
		w->unreadable--;
		o->known = false;
		if (w->unreadable_code != ERR_NONE)
			err_set(&err, w->unreadable_code, "as ordered");
	}
	answer_op(&o->op, &err, STR("approval"));
	return &o->op;
}

const struct approval_row *queue_approval_of(const struct op *op)
{
	const struct approval_op *o = (const struct approval_op *)op;

	return o->known ? &o->row : NULL;
}

enum { MAX_LOGGED = 4096 };

static bool differs(struct str key)
{
	static const char *const words[] = {"key", "until", "retry_at", "id", "digest", "head", "expires_at", "approval", "supersedes"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_is(key, words[i]))
			return true;
	return false;
}

/* What differs from run to run is left out: times and keys. Of what is long the size is said. */
static const struct json *loggable(struct world *w, const struct json *v)
{
	struct json_builder b;

	json_object_begin(&b, w->arena);
	for (size_t i = 0; i < json_len(v); i++) {
		struct str k = json_key(v, i);

		if (differs(k))
			json_object_set(&b, k, json_stringc(w->arena, "..."));
		else if (json_size(json_val(v, i)) > MAX_LOGGED)
			json_object_set(&b, k, json_stringc(w->arena, arena_printf(w->arena, "%zu bytes",
										   json_size(json_val(v, i)))));
		else if (str_is(k, "call"))
			json_object_set(&b, k, loggable(w, json_val(v, i)));
		else if (str_is(k, "reconciled"))
			json_object_set(&b, k, json_string(w->arena, json_str(json_getc(json_val(v, i), "by"))));
		else
			json_object_set(&b, k, json_val(v, i));
	}
	return json_object_end(&b);
}

static void log_value(struct world *w, const struct json *v)
{
	json_write(&w->log, loggable(w, v));
}

static void row_apply(struct world *w, const struct journal_row *row, bool first)
{
	struct journal_row *to;

	if (w->n_rows == w->cap_rows) {
		struct journal_row *grown = ARENA_ARRAY(w->arena, 2 * w->cap_rows + 64, struct journal_row);

		if (w->n_rows)
			memcpy(grown, w->rows, w->n_rows * sizeof *grown);
		w->rows = grown;
		w->cap_rows = 2 * w->cap_rows + 64;
	}
	for (size_t i = 0; w->n_rows < 3000 && i < w->n_rows; i++)
		if (str_eq(w->rows[i].path, row->path) && w->rows[i].attempt_try == row->attempt_try &&
		    str_eq(w->rows[i].kind, row->kind))
			fatal("journal row " STR_FMT " try %d " STR_FMT " twice", STR_ARG(row->path), row->attempt_try,
			      STR_ARG(row->kind));
	to = &w->rows[w->n_rows++];
	*to = *row;
	to->seq = (int64_t)w->n_rows;
	to->at_us = world_now_us(w);
	to->path = str_dup(w->arena, row->path);
	to->kind = str_dup(w->arena, row->kind);
	to->step_kind = str_dup(w->arena, row->step_kind);
	to->value = json_copy(w->arena, row->value);
	request_note(w, to);
	buf_addf(&w->log, "%s" STR_FMT " %d " STR_FMT " ", first ? "" : "  + ", STR_ARG(to->path), to->attempt_try,
		 STR_ARG(to->kind));
	log_value(w, to->value);
	buf_addc(&w->log, '\n');
}

static void leave_apply(struct world *w, const struct move *m)
{
	const char *lead = m->n_rows ? "  + " : "";

	if (m->next == MOVE_STAY)
		return;
	w->claimed = false;
	w->run_at_us = m->run_at_us;
	if (m->next == MOVE_RELEASE) {
		w->state = STR("ready");
		buf_addf(&w->log, "%s= release\n", lead);
		return;
	}
	w->state = str_dup(w->arena, m->state);
	if (m->next == MOVE_PARK) {
		w->parked = !w->unread;
		if (w->unread)
			w->run_at_us = 0;
		buf_addf(&w->log, "%s= park " STR_FMT "\n", lead, STR_ARG(m->state));
		return;
	}
	w->ended = true;
	for (struct request *q = w->requests; q; q = q->next)
		if (is_open(q))
			q->state = STR("cancelled");
	w->output = m->output ? json_copy(w->arena, m->output) : NULL;
	w->error = m->error ? json_copy(w->arena, m->error) : NULL;
	buf_addf(&w->log, "%s= " STR_FMT " ", lead, STR_ARG(m->state));
	json_write(&w->log, w->output ? w->output : w->error);
	buf_addc(&w->log, '\n');
}

static void apply(struct world *w, const struct move *m)
{
	for (size_t i = 0; i < m->n_rows; i++)
		row_apply(w, &m->rows[i], i == 0);
	for (size_t i = 0; i < m->n_effects; i++)
		ledger_apply(w, &m->effects[i]);
	w->n_model_calls += m->n_calls;
	w->unread |= world_decide(w, true);
	leave_apply(w, m);
}

static void refuse(struct world *w, struct move_result *r)
{
	r->status = MOVE_REFUSED;
	err_set(&r->err, w->refuse_code, "refused by the script");
	buf_addf(&w->log, "= refused %s\n", err_name(w->refuse_code));
}

static void move_answer(void *arg)
{
	struct answer *a = arg;
	struct world *w = a->world;
	struct move_result r = {.status = MOVE_OK, .now_us = world_now_us(w)};
	bool after;

	if (!world_commits(w, &after) || a->move->fence != w->fence) {
		r.status = w->crashed ? MOVE_CANCELLED : MOVE_STALE;
	} else if (w->refuse_move == w->n_moves) {
		refuse(w, &r);
	} else {
		apply(w, a->move);
		for (struct event *e = w->events; e; e = e->next)
			if (e->kind == EVENT_CANCEL && e->on_move && w->n_moves >= e->on_move)
				w->cancel_asked = true;
		r.cancel = w->cancel_asked;
		if (after) {
			w->crashed = true;
			r.status = MOVE_CANCELLED;
		}
	}
	for (struct event *e = w->events; e; e = e->next) {
		if (!e->on_move || e->done || w->n_moves < e->on_move || w->crashed)
			continue;
		e->done = true;
		if (e->kind == EVENT_DRAIN)
			engine_drain(w->engine);
		else if (e->kind == EVENT_RELEASE)
			engine_release_now(w->engine);
		else if (e->kind == EVENT_DROP)
			engine_drop_all(w->engine);
	}
	if (w->crashed)
		engine_drop_all(w->engine);
	a->done(a->arg, &r);
	free(a);
}

void queue_commit(struct store *s, const struct move *m, move_done_fn *done, void *arg)
{
	struct answer *a = heap_zalloc(1, sizeof *a);

	(void)s;
	*a = (struct answer){the_world, m, done, arg};
	loop_defer(the_world->loop, move_answer, a);
}

/* --- bundles --- */

struct bundle_op {
	struct op op;
	struct str text;
};

static struct str bundle_text(struct arena *a, const struct world *w)
{
	struct json_builder files, b;

	json_object_begin(&files, a);
	for (const struct fake_tool *t = w->tools; t; t = t->next) {
		const struct contract *c = &t->manifest->contract;

		json_object_set(&files, str_from(arena_printf(a, "contracts/" STR_FMT ".json", STR_ARG(c->name))),
				json_string(a, json_text(a, contract_json(a, c))));
	}
	json_object_setc(&files, "workflow.yaml", json_string(a, w->workflow));
	json_object_begin(&b, a);
	json_object_setc(&b, "entry", json_stringc(a, "workflow.yaml"));
	json_object_setc(&b, "files", json_object_end(&files));
	return json_text(a, json_object_end(&b));
}

struct op *admin_bundle(struct store *s, struct arena *a, const struct digest *d, op_done_fn *done, void *arg)
{
	struct bundle_op *o = ARENA_NEW(a, struct bundle_op);

	(void)s;
	(void)d;
	op_init(&o->op, the_world->loop, a, NULL, done, arg);
	o->text = bundle_text(a, the_world);
	op_complete(&o->op, NULL);
	return &o->op;
}

struct str admin_text_of(const struct op *op)
{
	return ((const struct bundle_op *)op)->text;
}

/* --- audit --- */

static bool is_consumed(const struct world *w, const struct digest *key)
{
	for (const struct request *q = w->requests; q; q = q->next)
		if (str_is(q->state, "consumed") && digest_eq(&q->key, key))
			return true;
	return false;
}

/* By the script, which names the tools that are never called on their own. */
static bool asks_person(const struct world *w, struct str tool)
{
	return w->guarded.p && str_eq(w->guarded, tool);
}

const char *world_audit(struct world *w)
{
	for (const struct told *t = w->told; t; t = t->next) {
		const struct ledger_row *l = ledger_find(w, &t->key);

		if (!l)
			return arena_printf(w->arena, "tool " STR_FMT " was called without a row in the ledger", STR_ARG(t->tool));
		if (t->effect == EFFECT_AT_MOST_ONCE && t->times - t->not_begun > 1 + l->did_not_happen)
			return arena_printf(w->arena, "at_most_once tool " STR_FMT " was begun %d times", STR_ARG(t->tool),
					    t->times - t->not_begun);
		if (asks_person(w, t->tool) && !is_consumed(w, &t->key))
			return arena_printf(w->arena, "tool " STR_FMT " was called without an approval", STR_ARG(t->tool));
		if (w->ended && t->effect == EFFECT_AT_MOST_ONCE && l->state == EFFECT_DISPATCHED)
			return arena_printf(w->arena, "at_most_once tool " STR_FMT " ended as dispatched", STR_ARG(t->tool));
	}
	return "";
}
