/* journal.c - names of row kinds, and values of errors and times. */
#include "engine/journal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

static const char *const names[ROW_KINDS] = {
	[ROW_STEP_STARTED] = "step.started",
	[ROW_STEP_WAITING] = "step.waiting",
	[ROW_STEP_SUCCEEDED] = "step.succeeded",
	[ROW_STEP_FAILED] = "step.failed",
	[ROW_STEP_UNCERTAIN] = "step.uncertain",
	[ROW_STEP_SKIPPED] = "step.skipped",
	[ROW_STEP_CANCELLED] = "step.cancelled",
	[ROW_TURN_SUCCEEDED] = "turn.succeeded",
	[ROW_TURN_SUMMARISED] = "turn.summarised",
	[ROW_ASK_ANSWERED] = "ask.answered",
	[ROW_APPROVAL_REQUESTED] = "approval.requested",
	[ROW_APPROVAL_DECIDED] = "approval.decided",
};

const char *row_kind_name(enum row_kind k)
{
	return names[k];
}

int row_kind_parse(struct str s, enum row_kind *ret, struct err *err)
{
	for (int k = 0; k < ROW_KINDS; k++) {
		if (str_is(s, names[k])) {
			*ret = (enum row_kind)k;
			return 0;
		}
	}
	return err_set(err, ERR_JOURNAL_CONFLICT, "unknown journal row kind \"" STR_FMT "\"", STR_ARG(s));
}

static const struct json *error_value(struct arena *a, const struct json *type, const struct json *message,
				      bool retryable, int status, struct str step)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "type", type);
	json_object_setc(&b, "message", message);
	json_object_setc(&b, "step", step.n ? json_string(a, step) : json_null());
	json_object_setc(&b, "retryable", json_bool(retryable));
	if (status)
		json_object_setc(&b, "status", json_int(a, status));
	return json_object_end(&b);
}

const struct json *journal_error(struct arena *a, const struct err *err, struct str step)
{
	/* Messages may quote bytes of the other side. */
	return error_value(a, json_stringc(a, err_name(err->code)), json_string_clean(a, str_from(err->msg)),
			   err->retryable, err->status, step);
}

const struct json *journal_error_named(struct arena *a, struct str type, struct str message, bool retryable,
				       struct str step)
{
	return error_value(a, json_string(a, type), json_string(a, message), retryable, 0, step);
}

const struct json *journal_time(struct arena *a, int64_t us)
{
	char text[32];

	time_format(us, text);
	return json_stringc(a, text);
}

const struct json *journal_value(struct arena *a, const char *key, const struct json *v)
{
	struct json_builder b;

	json_object_begin_room(&b, a, 1);
	json_object_setc(&b, key, v);
	return json_object_end(&b);
}
