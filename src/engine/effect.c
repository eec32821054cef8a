/* effect.c - effect classes and outcomes: one table. */
#include "engine/effect.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/uuid.h"

enum answer { ANSWER_NOT_BEGUN, ANSWER_VALUE, ANSWER_REFUSED, ANSWER_ERROR, ANSWER_UNKNOWN, ANSWERS };

static const struct effect_verdict repeatable[ANSWERS] = {
	[ANSWER_NOT_BEGUN] = {CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	[ANSWER_VALUE] = {CALL_SUCCEEDED, true, EFFECT_DONE},
	[ANSWER_REFUSED] = {CALL_FAILED, true, EFFECT_FAILED_BEFORE},
	[ANSWER_ERROR] = {CALL_FAILED, true, EFFECT_DONE},
	[ANSWER_UNKNOWN] = {CALL_FAILED, false, EFFECT_DISPATCHED},
};

static enum answer answer_of(enum tool_outcome outcome, const struct err *error)
{
	switch (outcome) {
	case TOOL_NOT_BEGUN:
		return ANSWER_NOT_BEGUN;
	case TOOL_DONE:
		if (!error || error->code == ERR_NONE)
			return ANSWER_VALUE;
		if (error->status >= 400 && error->status < 500)
			return ANSWER_REFUSED;
		/* Who may try again does so under the same key: the ledger has to let the next dispatch through. */
		return error->retryable ? ANSWER_UNKNOWN : ANSWER_ERROR;
	case TOOL_UNKNOWN:
		break;
	}
	return ANSWER_UNKNOWN;
}

struct effect_verdict effect_decide(enum effect_class c, enum tool_outcome outcome, const struct err *error)
{
	enum answer answer = answer_of(outcome, error);

	if (answer == ANSWER_UNKNOWN && !effect_may_repeat(c) && outcome == TOOL_DONE)
		return repeatable[ANSWER_ERROR];
	if (answer == ANSWER_UNKNOWN && !effect_may_repeat(c))
		return (struct effect_verdict){CALL_UNCERTAIN, true, EFFECT_UNCERTAIN};
	return repeatable[answer];
}

bool effect_may_repeat(enum effect_class c)
{
	return c != EFFECT_AT_MOST_ONCE;
}

enum effect_class effect_stricter(enum effect_class a, enum effect_class b)
{
	return a > b ? a : b;
}

enum effect_class effect_as_run(enum effect_class c)
{
	return c == EFFECT_TX ? EFFECT_AT_MOST_ONCE : c;
}

int64_t effect_ask_at_us(int64_t uncertain_us, int64_t delay_ms, int n_asks)
{
	static const int64_t after_s[EFFECT_MAX_ASKS] = {0, 10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 24 * 3600};

	if (n_asks >= EFFECT_MAX_ASKS)
		return 0;
	return uncertain_us + delay_ms * 1000 + after_s[n_asks] * 1000000;
}

int64_t effect_look_at_us(int64_t since_us, int64_t now_us)
{
	int64_t wait_us = now_us - since_us;

	if (wait_us > EFFECT_LOOK_MAX_US)
		wait_us = EFFECT_LOOK_MAX_US;
	return now_us + (wait_us > EFFECT_LOOK_MIN_US ? wait_us : EFFECT_LOOK_MIN_US);
}

void effect_key(const struct uuid *task, struct str path, struct str tool, const struct json *args,
		struct digest *ret)
{
	struct arena *a = arena_new(NULL);
	struct buf canonical;
	char id[37];

	uuid_format(task, id);
	buf_init(&canonical, a);
	json_canonical(&canonical, args);
	digest_of_parts((struct str[]){str_from(id), path, tool, buf_str(&canonical)}, 4, ret);
	arena_free(a);
}
