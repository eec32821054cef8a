/* show.c - see show.h. */
#include "publish/show.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/outline.h"

int show_workflow(struct arena *a, struct str stored, struct str *ret, struct err *err)
{
	const struct json *v;
	const struct bundle *b;
	struct json_builder o;

	if (json_parse(a, stored, NULL, &v, err) < 0)
		return -1;
	b = bundle_from_json(a, json_getc(v, "content"), diags_new(a));
	json_object_begin_from(&o, a, json_getc(v, "workflow"));
	json_object_setc(&o, "steps", b ? outline_json(a, b->workflow) : json_null());
	*ret = json_text(a, json_object_end(&o));
	return 0;
}
