/* step_approve.c - approve: a question to a person, whose answer is the step's output. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/act.h"
#include "engine/approval.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"
#include "schema/schema.h"

static void begin(struct run *r, struct node *n)
{
	const struct step *s = node_program(n)->step;
	struct approval_ask ask = {.form = s->ask->form, .risk = approval_risk(s, RISK_LOW), .rule = STR_NONE, .verdict = STR_NONE,
				   .approvers = s->ask->approvers, .timeout_ms = s->ask->timeout_ms};
	struct err err = {0};

	if (act_eval_text(r, n, s->ask->title, &ask.title, &err) < 0 ||
	    (s->ask->show && (act_eval(r, n, s->ask->show, &ask.show, &err) < 0 || act_check_size(ask.show, &err) < 0))) {
		act_fail_err(r, n, &err);
		return;
	}
	approval_request(r, n, &ask);
}

/* Doors look at the form before they take it; who decides by SQL meets this. */
static int check_form(const struct node *n, struct err *err)
{
	const struct schema *schema = node_program(n)->step->ask->form_check;
	const struct json *form = json_getc(n->decision, "form");

	if (!schema || schema_require(schema, form ? form : json_null(), ERR_SCHEMA_OUTPUT, err) == 0)
		return 0;
	return err_prefix(err, "form: ");
}

static void decided(struct run *r, struct node *n)
{
	struct arena *a = n->scope->arena;
	enum approval_end end = approval_end_of(n);
	struct json_builder b;
	struct err err = {0};

	if (end == APPROVAL_TIMED_OUT) {
		approval_error(n, &err);
		act_fail_err(r, n, &err);
		return;
	}
	if (end == APPROVAL_APPROVED && check_form(n, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "decision", json_stringc(a, end == APPROVAL_APPROVED ? "approved" : "denied"));
	json_object_setc(&b, "by", json_getc(n->decision, "by"));
	json_object_setc(&b, "comment", json_getc(n->decision, "comment"));
	json_object_setc(&b, "form", json_getc(n->decision, "form") ? json_getc(n->decision, "form") : json_null());
	act_succeed(r, n, json_object_end(&b));
}

const struct step_ops step_approve_ops = {.kind = STEP_APPROVE, .begin = begin, .decided = decided};
