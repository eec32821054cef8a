/* echo.c - whose echo it is. */
#include "gateway/echo.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/routing.h"

struct str echo_tag(struct arena *a, const struct model *m)
{
	return str_from(arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(m->provider->name), STR_ARG(m->id)));
}

const struct json *echo_read(struct arena *a, const struct model *m, struct str text)
{
	const struct json *v;
	struct err err;

	if (text.n == 0 || json_parse(a, text, NULL, &v, &err) < 0 ||
	    !str_eq(json_str(json_getc(v, "model")), echo_tag(a, m)))
		return NULL;
	return v;
}
