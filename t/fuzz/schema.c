/* schema.c - libFuzzer: SCHEMA, a NUL, VALUE. Nothing may crash or hang, both ways of asking agree, every fault stands at a place
 * that exists. Without a NUL the text is also a pattern for itself. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_pointer.h"
#include "schema/ecma.h"
#include "schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                                                                  \
	do {                                                                                                      \
		if (!(x))                                                                                         \
			fatal("%s", #x);                                                                          \
	} while (0)

static void check_places(const struct schema_faults *f, const struct json *v)
{
	for (size_t i = 0; i < f->n; i++) {
		HOLDS(json_pointer_find(v, f->v[i].pointer));
		HOLDS(f->v[i].message.n > 0 && utf8_valid(f->v[i].message));
	}
}

static void check_value(struct arena *a, const struct schema *s, const struct json *v)
{
	struct schema_faults f = {.a = a};
	bool fits = schema_check(s, v, NULL);

	HOLDS(schema_check(s, v, &f) == fits);
	HOLDS(fits == (f.n == 0));
	check_places(&f, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL);
	struct str all = {(const char *)data, size};
	ptrdiff_t nul = str_chr(all, '\0');
	const struct json *document = NULL, *v = NULL;
	struct schema_faults f = {.a = a};
	struct pattern_error error;
	const struct schema *s;
	const struct pattern *p;
	uint64_t budget = 100000;
	struct err err;

	if (nul < 0 && utf8_valid(all)) {
		p = ecma_compile(a, all, &error);
		if (p)
			pattern_find(p, all, 0, false, NULL, &budget);
		else
			HOLDS(error.message[0] && error.offset <= all.n);
	}
	if (json_parse(a, nul < 0 ? all : str_sub(all, 0, (size_t)nul), NULL, &document, &err) == 0) {
		s = schema_compile(a, document, &f);
		HOLDS(s || f.n > 0);
		check_places(&f, document);
		if (s && json_parse(a, nul < 0 ? STR("{\"a\":[1,\"a\"]}") : str_sub(all, (size_t)nul + 1, size), NULL, &v, &err) == 0)
			check_value(a, s, v);
		if (s)
			check_value(a, s, document);
	}
	arena_free(a);
	return 0;
}
