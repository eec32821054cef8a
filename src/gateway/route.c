/* route.c - verdicts first, then one decision per failure. */
#include "gateway/route.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"

enum again { NEVER, ONCE, IF_SHORT };	/* IF_SHORT: when the wait asked for is at most max_hint */

/* The same target again, by class; retry.max bounds all of them. */
static const struct {
	enum err_code code;
	enum again again;
} classes[] = {
	{ERR_MODEL_RATE_LIMITED, IF_SHORT},
	{ERR_MODEL_OVERLOADED, ONCE},
	{ERR_MODEL_SERVER_ERROR, ONCE},
	{ERR_MODEL_NETWORK, ONCE},
	{ERR_MODEL_STREAM_ERROR, ONCE},		/* err.retryable says what kind it was */
	{ERR_MODEL_EMPTY_OUTPUT, ONCE},
	{ERR_MODEL_MALFORMED_TOOL_CALL, ONCE},
};

/* The same request is wrong everywhere, or nobody wants it any more. */
static bool ends_the_walk(enum err_code code)
{
	return code == ERR_MODEL_INVALID_REQUEST || code == ERR_MODEL_OVERSIZE || code == ERR_MODEL_CANCELLED ||
	       code == ERR_MODEL_NO_ROUTE || code < ERR_MODEL_RATE_LIMITED || code > ERR_MODEL_NO_ROUTE;
}

bool route_may_fall_back(const struct tier *t, enum err_code code)
{
	return !ends_the_walk(code) && (t->fallback_on >> (code - ERR_MODEL_RATE_LIMITED) & 1);
}

/* --- verdicts --- */

/* The estimate is a worst case: only what cannot fit is refused here, the rest is the provider's to judge. */
static bool fits_context(const struct model *m, int64_t input_tokens)
{
	return m->context == 0 || input_tokens / 2 <= m->context;
}

static int test_condition(const struct expr *when, const struct json *task, bool *ret, struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct json_builder b;
	int status;

	json_object_begin(&b, a);
	json_object_setc(&b, "task", task ? task : json_empty_object());
	status = expr_test(when, json_object_end(&b), ret, err);
	arena_free(a);
	return status;
}

static struct route_step judge_condition(struct arena *a, const struct tier_step *s, const struct json *task)
{
	struct err err;
	bool holds;

	if (!s->when)
		return (struct route_step){.verdict = STEP_USABLE};
	if (test_condition(s->when, task, &holds, &err) < 0)
		return (struct route_step){.verdict = STEP_CONDITION_FAILED, .why = arena_printf(a, "its condition fails: %s", err.msg)};
	if (!holds)
		return (struct route_step){.verdict = STEP_CONDITION_FALSE, .why = "its condition is false"};
	return (struct route_step){.verdict = STEP_USABLE};
}

static bool any_configured(const struct route *r)
{
	for (size_t i = 0; i < r->tier->n_steps; i++)
		if (!r->tier->steps[i].if_unconfigured && r->facts[i].configured)
			return true;
	return false;
}

static struct route_step judge_step(const struct route *r, size_t i, const struct json *task,
				     const struct route_question *q)
{
	const struct tier_step *s = &r->tier->steps[i];
	const struct route_fact *f = &r->facts[i];

	if (!f->configured)
		return (struct route_step){.verdict = STEP_NOT_CONFIGURED, .why = f->reason ? f->reason : "not configured"};
	if (s->if_unconfigured && any_configured(r))
		return (struct route_step){.verdict = STEP_NOT_NEEDED, .why = "another step is configured"};
	if (f->not_probed)
		return (struct route_step){.verdict = STEP_NOT_PROBED, .why = f->not_probed};
	if (q->has_tools && !(s->model->can & CAN_TOOLS))
		return (struct route_step){.verdict = STEP_NO_TOOLS, .why = "it is not declared to use tools (can: [tools])"};
	if (!fits_context(s->model, q->input_tokens))
		return (struct route_step){.verdict = STEP_CONTEXT_TOO_SMALL,
					   .why = arena_printf(r->arena, "%lld tokens of input do not fit its context of %lld",
							       (long long)q->input_tokens, (long long)s->model->context)};
	if (f->no_price)
		return (struct route_step){.verdict = STEP_NO_PRICE, .why = f->no_price};
	return judge_condition(r->arena, s, task);
}

static bool is_only(const struct route *r, size_t i, struct str model)
{
	return r->steps[i].verdict == STEP_USABLE && str_eq(r->tier->steps[i].model->name, model);
}

static void keep_only(struct route *r, struct str model)
{
	size_t only = 0;

	while (only < r->tier->n_steps && !is_only(r, only, model))
		only++;
	for (size_t i = 0; only < r->tier->n_steps && i < r->tier->n_steps; i++)
		if (i != only)
			r->steps[i] = (struct route_step){.verdict = STEP_NOT_NEEDED, .why = "the cost of another step was approved"};
}

struct route *route_begin(struct arena *a, const struct tier *t, const struct json *facts_json,
			  const struct route_fact *facts, const struct route_question *q)
{
	struct route *r = ARENA_NEW(a, struct route);

	r->tier = t;
	r->facts = facts;
	r->arena = a;
	r->steps = ARENA_ARRAY(a, t->n_steps, struct route_step);
	for (size_t i = 0; i < t->n_steps; i++)
		r->steps[i] = judge_step(r, i, facts_json, q);
	if (q->only.p)
		keep_only(r, q->only);
	return r;
}

enum { DEADLINE_MS = 240 * 1000 };	/* of a tier that names none */

int64_t tier_deadline_ms(const struct tier *t)
{
	return t->deadline_ms > 0 ? t->deadline_ms : DEADLINE_MS;
}

struct route_step route_judge(const struct route *r, size_t step)
{
	const struct route_fact *f = &r->facts[step];

	if (r->steps[step].verdict != STEP_USABLE || f->shut == STEP_USABLE)
		return r->steps[step];
	return (struct route_step){.verdict = f->shut, .why = f->shut_why};
}

const char *verdict_word(enum verdict v)
{
	static const char *const words[] = {
		[STEP_USABLE] = "usable",
		[STEP_NOT_CONFIGURED] = "unconfigured",
		[STEP_NOT_NEEDED] = "not_needed",
		[STEP_CONDITION_FALSE] = "condition",
		[STEP_CONDITION_FAILED] = "condition_failed",
		[STEP_CONTEXT_TOO_SMALL] = "context",
		[STEP_NO_TOOLS] = "tools",
		[STEP_NO_PRICE] = "price",
		[STEP_NOT_PROBED] = "not_probed",
		[STEP_REFUSED] = "refused",
		[STEP_OPEN] = "open",
		[STEP_PROBED] = "probed",
		[STEP_RATE_LIMITED] = "rate_limited",
	};

	return words[v];
}

/* --- the walk --- */

static enum again again_of(enum err_code code)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (classes[i].code == code)
			return classes[i].again;
	return NEVER;
}

/* Anything up to the exponential bound, so that a crowd does not come back in step. */
static int64_t backoff_ms(const struct routing_retry *retry, int tries, uint32_t dice)
{
	int64_t ms = retry->backoff_ms;

	for (int i = 1; i < tries && ms < retry->backoff_max_ms; i++)
		ms *= 2;
	if (ms > retry->backoff_max_ms)
		ms = retry->backoff_max_ms;
	return (int64_t)((uint64_t)ms * dice >> 32);
}

/* How long to wait before the same step again; -1: not again. */
static int64_t retry_delay_ms(const struct tier_step *s, const struct route_failure *f, int64_t left_ms, uint32_t dice)
{
	const struct routing_retry *retry = &s->model->provider->retry;
	enum again again = again_of(f->err.code);
	int64_t hint = f->err.retry_after_ms, delay = backoff_ms(retry, f->tries, dice);

	if (again == NEVER || !f->err.retryable || f->tries > retry->max)
		return -1;
	if (hint > retry->max_hint_ms)
		return -1;
	if (hint > delay)	/* what was asked for, and up to a tenth more */
		delay = hint + (int64_t)((uint64_t)(hint / 10) * dice >> 32);
	return delay < left_ms ? delay : -1;
}

static bool is_larger(const struct model *m, const struct model *than)
{
	return m->context > 0 && than->context > 0 && m->context > than->context;
}

static bool find_step(const struct route *r, size_t from, const struct route_failure *f, size_t *ret)
{
	for (size_t i = from; i < r->tier->n_steps; i++) {
		if (route_judge(r, i).verdict != STEP_USABLE)
			continue;
		if (f && f->err.code == ERR_MODEL_CONTEXT_OVERFLOW &&
		    !is_larger(r->tier->steps[i].model, r->tier->steps[f->step].model))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

/* The step that lets questions through again first; false: that is what no step waits for. */
static bool find_shut(const struct route *r, size_t *ret)
{
	bool found = false;

	for (size_t i = 0; i < r->tier->n_steps; i++) {
		if (route_judge(r, i).verdict < STEP_OPEN || (found && r->facts[i].shut_ms >= r->facts[*ret].shut_ms))
			continue;
		*ret = i;
		found = true;
	}
	return found;
}

static const char *reasons(const struct route *r)
{
	struct buf b;

	buf_init(&b, r->arena);
	for (size_t i = 0; i < r->tier->n_steps; i++)
		buf_addf(&b, "%s" STR_FMT ": %s", i ? "; " : "", STR_ARG(r->tier->steps[i].model->name), route_judge(r, i).why);
	return buf_cstr(&b);
}

/* --- ends --- */

/* What would recur in the same way is not asked again. */
static struct route_choice end_with(const struct err *err, enum exhausted_do then)
{
	if (ends_the_walk(err->code) ? err->code != ERR_MODEL_NO_ROUTE : err->code == ERR_MODEL_CONTEXT_OVERFLOW)
		then = EXHAUSTED_FAIL;
	return (struct route_choice){.end = true, .err = *err, .then = then};
}

/* A person is asked in the place of any other end where a cap that refused wants that, and where the tier does when no step is allowed. */
static bool asks_person(const struct route *r, bool anyway, struct route_choice *ret)
{
	for (size_t i = 0; i < r->tier->n_steps; i++)
		if (r->steps[i].verdict == STEP_REFUSED && (anyway || r->steps[i].word == CAP_APPROVAL)) {
			*ret = (struct route_choice){.end = true, .ask = true, .step = i};
			err_set(&ret->err, ERR_BUDGET_USD, "%s", r->steps[i].why);
			return true;
		}
	return false;
}

/* No step can be asked: say of each why. Where less input would do, the class says so. */
static struct route_choice no_step_allowed(const struct route *r)
{
	enum err_code code = ERR_MODEL_NO_ROUTE;
	struct route_choice c;
	struct err err;

	if (asks_person(r, r->tier->no_step_allowed == EXHAUSTED_APPROVAL, &c))
		return c;
	for (size_t i = 0; i < r->tier->n_steps; i++)
		if (r->steps[i].verdict == STEP_CONTEXT_TOO_SMALL)
			code = ERR_MODEL_CONTEXT_OVERFLOW;
	err_set(&err, code, "no step of tier \"" STR_FMT "\" can be used (%s)", STR_ARG(r->tier->name), reasons(r));
	return end_with(&err, r->tier->no_step_allowed);
}

static struct route_choice all_open(const struct route *r, size_t first)
{
	int64_t ms = r->facts[first].shut_ms;
	struct route_choice c;
	struct err err;

	if (asks_person(r, false, &c))
		return c;
	err_set(&err, r->facts[first].shut_code, "no step of tier \"" STR_FMT "\" lets a question through now (%s)", STR_ARG(r->tier->name),
		reasons(r));
	err.retry_after_ms = ms > INT32_MAX ? INT32_MAX : (int)ms;
	c = end_with(&err, r->tier->all_open);
	c.again_ms = ms;
	return c;
}

/* Not all of them are tried where the tier does not go on after such a failure. */
static struct route_choice all_failed(const struct route *r, const struct err *err)
{
	bool is_end = route_may_fall_back(r->tier, err->code);
	struct route_choice c;

	if (is_end && asks_person(r, false, &c))
		return c;
	return end_with(err, is_end ? r->tier->all_failed : EXHAUSTED_FAIL);
}

struct route_choice route_expire(const struct route *r, const struct err *err)
{
	return end_with(err, r->tier->all_open);
}

static struct route_choice out_of_time(const struct route *r, const struct route_failure *f)
{
	struct err err;

	if (!f) {
		err_set(&err, ERR_MODEL_TIMEOUT, "the deadline passed before a model could be asked");
		return route_expire(r, &err);
	}
	err = f->err;
	err_hint(&err, "the tier's deadline of %lld ms left no time for another attempt", (long long)r->tier->deadline_ms);
	return all_failed(r, &err);
}

/* --- choices --- */

static struct route_choice begin(const struct route *r, int64_t left_ms)
{
	struct route_choice c = {0};
	size_t first = 0;

	if (find_step(r, 0, NULL, &c.step))
		return c;
	if (!find_shut(r, &first))
		return no_step_allowed(r);
	if (r->facts[first].shut_ms >= left_ms)
		return all_open(r, first);
	return (struct route_choice){.wait = true, .step = first, .delay_ms = r->facts[first].shut_ms};
}

static struct route_choice after(const struct route *r, size_t step, const struct route_failure *failure)
{
	struct route_choice c = {0};

	if (route_may_fall_back(r->tier, failure->err.code) && find_step(r, step + 1, failure, &c.step))
		return c;
	return all_failed(r, &failure->err);
}

struct route_choice route_next(const struct route *r, const struct route_failure *failure, int64_t left_ms, uint32_t dice)
{
	int64_t delay;

	if (left_ms <= 0)
		return out_of_time(r, failure);
	if (!failure)
		return begin(r, left_ms);
	delay = retry_delay_ms(&r->tier->steps[failure->step], failure, left_ms, dice);
	if (delay >= 0)
		return (struct route_choice){.step = failure->step, .delay_ms = delay, .is_retry = true};
	return after(r, failure->step, failure);
}

struct route_choice route_pass(const struct route *r, size_t step, const struct route_failure *failure, int64_t left_ms)
{
	if (left_ms <= 0)
		return out_of_time(r, failure);
	return failure ? after(r, step, failure) : begin(r, left_ms);
}

struct route_choice route_refuse(struct route *r, size_t step, enum cap_exceeded word, const char *why, const struct route_failure *last,
				 int64_t left_ms)
{
	struct route_choice c = {0};
	struct err err;

	r->steps[step] = (struct route_step){.verdict = STEP_REFUSED, .why = why, .word = word};
	if (word == CAP_FAIL) {
		err_set(&err, ERR_BUDGET_USD, "%s", why);
		return end_with(&err, EXHAUSTED_FAIL);
	}
	if (left_ms > 0 && find_step(r, step + 1, last, &c.step))
		return c;
	if (last)
		return all_failed(r, &last->err);
	return left_ms > 0 ? begin(r, left_ms) : no_step_allowed(r);
}

bool route_goes_on(const struct route *r, size_t step)
{
	size_t next;

	return find_step(r, step + 1, NULL, &next);
}
