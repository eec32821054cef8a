/* approval.c - see approval.h. */
#include "engine/approval.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/act.h"
#include "engine/batch.h"
#include "engine/effect.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/intent.h"
#include "engine/path.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/state.h"

enum {
	LOOK_AGAIN_US = 200 * 1000,	/* its time is over by our clock, not yet by the database's */
	TAKE_UP_US = 60 * 1000 * 1000	/* approved in time, an action is still begun so long after it; later it is stale */
};

/* --- what is bound --- */

/* Words of the request that are not in its head: they follow from it, or stand beside it. */
static bool is_beside(struct str key)
{
	static const char *const words[] = {"call", "schema", "digest", "head", "supersedes"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_is(key, words[i]))
			return true;
	return false;
}

static void head_of(struct run *r, const struct node *n, const struct json *request, struct str tool, struct digest *ret)
{
	struct arena *a = r->engine->scratch;
	struct str path = node_path(a, n, ROW_STEP_STARTED);
	struct json_builder b;
	struct buf words;
	char bundle[65];

	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(request); i++)
		if (!is_beside(json_key(request, i)))
			json_object_set(&b, json_key(request, i), json_val(request, i));
	buf_init(&words, a);
	json_canonical(&words, json_object_end(&b));
	digest_hex(&r->claimed->bundle, bundle);
	digest_of_parts((struct str[]){STR("agentd approval 1"), str_from(r->id), str_from(bundle), path, tool.p ? tool : STR(""),
				       buf_str(&words)}, 6, ret);
}

static void digest_of_both(const struct digest *one, const struct digest *other, struct digest *ret)
{
	struct digest both[2] = {*one, *other};

	digest_of((struct str){(const char *)both, sizeof both}, ret);
}

static void bind_args(const struct digest *head, const struct json *args, struct digest *ret)
{
	struct digest d;

	json_digest(args, &d);
	digest_of_both(head, &d, ret);
}

/* The key is in neither part, as it follows from both: with another one it is another action. */
void approval_digest(struct run *r, const struct node *n, const struct json *request, const struct intent *i, struct digest *ret)
{
	struct digest head, key;

	head_of(r, n, request, i->tool, &head);
	bind_args(&head, i->args, ret);
	effect_key(&r->claimed->task, node_path(r->engine->scratch, n, ROW_STEP_STARTED), i->tool, i->args, &key);
	if (!digest_eq(&key, &i->key))
		digest_of_both(ret, &i->key, ret);
}

void approval_digest_of(struct run *r, const struct node *n, const struct json *request, struct digest *ret)
{
	struct digest head;

	head_of(r, n, request, STR_NONE, &head);
	bind_args(&head, json_null(), ret);
}

/* --- asking --- */

static void add_text(struct json_builder *b, struct arena *a, const char *key, struct str s)
{
	json_object_setc(b, key, s.p ? json_string(a, s) : json_null());
}

static void add_copy(struct json_builder *b, struct arena *a, const char *key, const struct json *v)
{
	if (v)
		json_object_setc(b, key, json_copy(a, v));
}

static const struct json *request_json(struct run *r, struct node *n, const struct approval_ask *ask)
{
	struct arena *a = n->scope->arena;
	struct uuid id = uuid_new();
	struct digest head, all;
	struct json_builder b;
	const struct json *bound;
	char text[65];

	uuid_format(&id, text);
	json_object_begin(&b, a);
	json_object_setc(&b, "id", json_stringc(a, text));
	json_object_setc(&b, "kind", json_stringc(a, ask->call ? "call" : ask->spend ? "spend" : "question"));
	json_object_setc(&b, "title", json_string_clean(a, ask->title));
	add_copy(&b, a, "show", ask->show);
	add_copy(&b, a, "form", ask->form);
	json_object_setc(&b, "risk", json_stringc(a, risk_name(ask->risk)));
	add_text(&b, a, "rule", ask->rule);
	if (ask->verdict.p)
		add_text(&b, a, "verdict", ask->verdict);
	json_object_setc(&b, "approvers", json_int(a, ask->approvers));
	json_object_setc(&b, "expires_at", journal_time(a, run_now_us(r) + ask->timeout_ms * 1000));
	bound = json_object_end(&b);
	head_of(r, n, bound, ask->call ? ask->call->tool : STR_NONE, &head);
	bind_args(&head, ask->call ? ask->call->args : json_null(), &all);
	json_object_begin_from(&b, a, bound);
	if (ask->call)
		json_object_setc(&b, "call", intent_json(a, ask->call));
	add_copy(&b, a, "schema", ask->schema);
	digest_hex(&all, text);
	json_object_setc(&b, "digest", json_stringc(a, text));
	digest_hex(&head, text);
	json_object_setc(&b, "head", json_stringc(a, text));
	if (n->status == NODE_ASKING)
		json_object_setc(&b, "supersedes", json_getc(n->request, "id"));
	return json_object_end(&b);
}

static void add_row(struct run *r, struct node *n, int number, int try_no, enum row_kind kind, const struct json *v)
{
	struct arena *a = run_batch(r)->arena;

	act_row_at(r, n->scope, path_approval(a, node_path(a, n, ROW_STEP_STARTED), number), try_no, kind,
		   step_kind_name(node_program(n)->step->kind), v, false);
}

void approval_request(struct run *r, struct node *n, const struct approval_ask *ask)
{
	const struct json *v = request_json(r, n, ask);
	bool again = node_is_open(n) && n->status != NODE_RETRYING;
	int number = again ? n->n_requests + 1 : 1, try_no = node_next_try(n, ROW_STEP_STARTED);

	log_info("approval.requested", "task=%s path=" STR_FMT " id=" STR_FMT " risk=%s", r->id,
		 STR_ARG(node_path(r->engine->scratch, n, ROW_STEP_STARTED)), STR_ARG(json_str(json_getc(v, "id"))), risk_name(ask->risk));
	add_row(r, n, number, try_no, ROW_APPROVAL_REQUESTED, v);
	n->looked = true;	/* nobody has seen it yet */
}

/* --- looking --- */

/* It is gone, or nobody ever saw it: when its time is over, that is what ended it. */
static const char *decision_without_row(const struct run *r, const struct node *n)
{
	int64_t expires_us;

	if (time_parse(json_str(json_getc(n->request, "expires_at")), &expires_us) && run_now_us(r) >= expires_us)
		return "expired";
	return "cancelled";
}

/* Approved is only what was approved in time: the database takes nothing after it. */
static const char *decision_of(const struct run *r, const struct node *n, const struct approval_row *row)
{
	if (!row)
		return decision_without_row(r, n);
	if (str_is(row->state, "approved") || str_is(row->state, "consumed"))
		return run_now_us(r) < row->expires_us + TAKE_UP_US ? "approved" : "expired";
	return str_is(row->state, "denied") ? "denied" : str_is(row->state, "expired") ? "expired" :
	       str_is(row->state, "superseded") ? "superseded" : "cancelled";
}

/* The call as it was edited: another action, with a key of its own. NULL: it is not what was approved. */
static const struct json *edited_call(struct run *r, struct node *n, const struct approval_row *row)
{
	struct arena *a = r->engine->scratch;
	struct intent i;
	struct digest d;

	intent_read(json_getc(n->request, "call"), &i);
	i.args = row->args;
	effect_key(&r->claimed->task, node_path(a, n, ROW_STEP_STARTED), i.tool, i.args, &i.key);
	approval_digest(r, n, n->request, &i, &d);
	if (!digest_eq(&d, &row->digest) || act_check_size(row->args, NULL) < 0)
		return NULL;
	return intent_json(n->scope->arena, &i);
}

static const struct approval_word *word_of(struct run *r, struct node *n, const struct approval_row *row)
{
	struct arena *a = n->scope->arena;
	struct approval_word *w = ARENA_NEW(a, struct approval_word);
	bool approved;

	*w = (struct approval_word){.decision = decision_of(r, n, row), .by = STR_NONE, .comment = STR_NONE};
	approved = str_is(str_from(w->decision), "approved");
	if (approved && row->args) {
		w->call = edited_call(r, n, row);
		approved = w->call;
		if (!approved)
			w->decision = "cancelled";
	}
	/* What became of it otherwise is nobody's word, whoever spoke before. */
	if (approved || str_is(str_from(w->decision), "denied")) {
		w->by = row->by.p ? str_dup(a, row->by) : STR_NONE;
		w->comment = row->comment.p ? str_dup(a, row->comment) : STR_NONE;
	}
	if (approved && row->form)
		w->form = json_copy(a, row->form);
	return w;
}

static void on_looked(struct op *op, void *arg)
{
	struct flight *f = arg;
	struct run *r = f->run;
	struct node *n = f->node;
	const struct approval_row *row;
	int64_t now_us = run_now_us(r);
	struct err err;

	flight_end(f, &err);
	if (r->wish >= WISH_FAIL)
		return;
	if (err.code == ERR_NONE) {
		row = queue_approval_of(op);
		n->looked = true;
		n->word = row && str_is(row->state, "pending") ? NULL : word_of(r, n, row);
		if (!n->word)
			state_set_wake(&r->state, n, row->expires_us > now_us ? row->expires_us : now_us + LOOK_AGAIN_US);
	} else if (err.code != ERR_CANCELLED) {
		log_warn("approval.unread", "task=%s message=%s", r->id, log_quotec(err.msg));
		n->looked = true;
		state_set_wake(&r->state, n, now_us + LOOK_AGAIN_US);
	}
	arena_reset(r->engine->scratch);
	state_push_ready(&r->state, n->scope);
}

void approval_look(struct run *r, struct node *n)
{
	struct arena *a = arena_new(NULL);
	struct flight *f = ARENA_NEW(a, struct flight);
	struct uuid id = {0};

	uuid_parse(json_str(json_getc(n->request, "id")), &id);
	flight_begin(f, r, n);
	f->op = queue_approval(r->engine->store, a, &r->claimed->task, &id, on_looked, f);
}

/* --- recording --- */

static void record(struct run *r, struct node *n, const struct approval_word *w)
{
	struct arena *a = n->scope->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "id", json_getc(n->request, "id"));
	json_object_setc(&b, "decision", json_stringc(a, w->decision));
	json_object_setc(&b, "by", w->by.p ? json_string_clean(a, w->by) : json_null());
	json_object_setc(&b, "comment", w->comment.p ? json_string_clean(a, w->comment) : json_null());
	if (w->form)
		json_object_setc(&b, "form", w->form);
	if (w->call)
		json_object_setc(&b, "call", w->call);
	add_row(r, n, n->n_requests, n->try_no, ROW_APPROVAL_DECIDED, json_object_end(&b));
}

void approval_settle(struct run *r, struct node *n)
{
	const struct approval_word *w = n->word;

	log_info("approval.decided", "task=%s path=" STR_FMT " decision=%s by=%s", r->id,
		 STR_ARG(node_path(r->engine->scratch, n, ROW_STEP_STARTED)), w->decision, w->by.p ? log_quote(w->by) : "-");
	record(r, n, w);
}

void approval_give_up(struct run *r, struct node *n)
{
	struct approval_word w = {.decision = "cancelled", .by = STR_NONE, .comment = STR_NONE};

	if (!n->decision)
		record(r, n, &w);
}

/* --- reading a decision --- */

static int on_timeout(const struct node *n)
{
	const struct step_ask *ask = node_program(n)->step->ask;

	return ask ? ask->on_timeout : ON_TIMEOUT_DENY;
}

enum approval_end approval_end_of(const struct node *n)
{
	struct str decision = json_str(json_getc(n->decision, "decision"));

	if (str_is(decision, "approved"))
		return APPROVAL_APPROVED;
	return str_is(decision, "expired") && on_timeout(n) != ON_TIMEOUT_DENY ? APPROVAL_TIMED_OUT : APPROVAL_DENIED;
}

int approval_error(const struct node *n, struct err *err)
{
	struct str decision = json_str(json_getc(n->decision, "decision")), by = json_str(json_getc(n->decision, "by"));
	struct str comment = str_clip(json_str(json_getc(n->decision, "comment")), 200);

	if (approval_end_of(n) == APPROVAL_TIMED_OUT)
		return err_set(err, ERR_APPROVAL_TIMEOUT, "nobody decided in time");
	if (str_is(decision, "expired"))
		return err_set(err, ERR_APPROVAL_DENIED, "nobody approved it in time");
	if (str_is(decision, "denied"))
		return err_set(err, ERR_APPROVAL_DENIED, "denied by " STR_FMT "%s" STR_FMT, STR_ARG(by),
			       comment.n ? ": " : "", STR_ARG(comment));
	return err_set(err, ERR_APPROVAL_DENIED, "the request for approval was %s",
		       str_is(decision, "superseded") ? "superseded" : "cancelled");
}

enum risk approval_risk(const struct step *s, enum risk least)
{
	return risk_higher(risk_higher(s->risk, s->ask ? s->ask->risk : RISK_UNSET), least);
}
