/* fault.c - places and lists of what is wrong. */
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/json_pointer.h"
#include "schema/program.h"

static void put_place(struct buf *b, const struct at *at)
{
	const struct at *chain[1024];
	size_t n = 0;

	for (; at && at->up && n < 1024; at = at->up)
		chain[n++] = at;
	while (n-- > 0) {
		if (chain[n]->raw)
			buf_addstr(b, chain[n]->key);
		else if (chain[n]->key.p)
			json_pointer_add(b, chain[n]->key);
		else
			json_pointer_add_index(b, chain[n]->index);
	}
}

struct str at_pointer(struct arena *a, const struct at *at)
{
	struct buf b;

	buf_init(&b, a);
	put_place(&b, at);
	buf_cstr(&b);
	return buf_str(&b);
}

struct schema_fault *fault_add(struct schema_faults *f, const struct at *at, const char *keyword, const char *fmt, va_list ap)
{
	struct schema_fault *fault;

	if (f->n == SCHEMA_FAULTS) {
		f->more = true;
		return NULL;
	}
	fault = &f->v[f->n++];
	*fault = (struct schema_fault){
		.pointer = at_pointer(f->a, at),
		.keyword = str_from(keyword ? keyword : ""),
		.message = str_from(arena_vprintf(f->a, fmt, ap)),
		.offset = SIZE_MAX,
	};
	return fault;
}

const struct json *schema_faults_json(struct arena *a, const char *place, const struct schema_faults *f)
{
	struct json_builder list, o;

	json_array_begin(&list, a);
	for (size_t i = 0; i < f->n; i++) {
		json_object_begin(&o, a);
		json_object_setc(&o, "pointer", json_stringc(a, arena_printf(a, "%s" STR_FMT, place, STR_ARG(f->v[i].pointer))));
		json_object_setc(&o, "message", json_string(a, f->v[i].message));
		json_array_add(&list, json_object_end(&o));
	}
	return json_array_end(&list);
}
