/* ecma.c - patterns of ECMA-262 are patterns of PCRE2 once translated. */
#include "schema/ecma.h"

#include "base/arena.h"

const struct pattern *ecma_compile(struct arena *a, struct str text, struct pattern_error *ret)
{
	const unsigned options = PATTERN_END_ONLY | PATTERN_UNSET_MATCHES;
	const struct pattern *p = NULL;
	struct arena *scratch;
	struct buf out;

	if (!pattern_is_short(text, ret))
		return NULL;
	scratch = arena_new(NULL);
	buf_init(&out, scratch);
	if (ecma_translate(scratch, text, &out, ret) == 0) {
		p = pattern_compile_as(a, text, buf_str(&out), options, ret);
		if (!p)
			ret->offset = 0;	/* it was into the translation */
	}
	arena_free(scratch);
	return p;
}
