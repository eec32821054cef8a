/* judge.c - a submission as facts of the policy. */
#include "publish/judge.h"

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/policy_judge.h"
#include "store/tasks.h"

/* What the task will be known as; the database decides the rest. */
static const struct json *task_json(struct arena *a, const struct submission *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "id", NULL);
	json_object_setc(&b, "workflow", json_string_ref(a, s->workflow));
	json_object_setc(&b, "bundle", NULL);
	json_object_setc(&b, "urgency", json_string_ref(a, s->urgency));
	json_object_setc(&b, "labels", s->labels);
	json_object_setc(&b, "created_at", NULL);
	json_object_setc(&b, "submitted_by", json_string_ref(a, s->by.name));
	json_object_setc(&b, "parent", NULL);
	return json_object_end(&b);
}

int judge_submission(struct arena *a, const struct policy *p, const struct submission *s, struct err *err)
{
	struct judgement j;

	if (!p)
		return 0;
	policy_judge(p, policy_facts(a, task_json(a, s), s->input, STR_NONE, NULL, policy_taint_of(s->by.name) | policy_taint_of(s->origin_by)),
		     EFFECT_PURE, &j);
	if (judgement_refuses(&j, err) == 0)
		return 0;
	log_info("policy.refused", "workflow=%s by=%s rule=" STR_FMT " verdict=%s", log_quote(s->workflow), log_quote(s->by.name),
		 STR_ARG(j.rule ? j.rule->id : STR("-")), verdict_name(j.verdict));
	return -1;
}
