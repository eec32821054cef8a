/* decision.c - see decision.h. */
#include "publish/decision.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "store/approvals.h"

static int fits(const struct json *schema, const struct json *v, const char *member, struct decision_faults *ret, struct err *err)
{
	struct arena *a;
	struct schema_faults faults = {0};
	const struct schema *compiled;
	int r = 0;

	if (json_type(schema) == JSON_NULL)
		return 0;
	a = arena_new(NULL);
	faults.a = a;
	compiled = schema_compile(a, schema, &faults);
	if (compiled)	/* the workflow, or the tool, was loaded with it: else it would not be here */
		r = schema_require(compiled, v, ERR_INVALID, err);
	if (r < 0 && ret) {
		ret->member = member;
		schema_check(compiled, v, &ret->list);
	}
	arena_free(a);
	if (r == 0)
		return 0;
	err->status = 422;
	return err_prefix(err, "\"%s\": ", member);
}

int decision_check(const struct json *request, const struct decision *d, struct decision_faults *ret, struct err *err)
{
	bool approves = str_is(d->word, "approve");

	if (approves && d->args && fits(json_getc(request, "schema"), d->args, "args", ret, err) < 0)
		return -1;
	if (approves && json_type(json_getc(request, "form")) != JSON_NULL)
		return fits(json_getc(request, "form"), d->form ? d->form : json_null(), "form", ret, err);
	return 0;
}
