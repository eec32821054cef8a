/* ecma.c - patterns compiled and matched.
 *
 * A text can come from anybody, so that a match must end. PCRE2's match limit counts anew at each start, and scanning inside
 * one item is not counted at all; therefore a callout at every item pays for the way since the last one. A repetition that does
 * not reach its minimum comes to no next item, so that its way is paid for ahead.
 */
#include "schema/ecma.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"
#include "schema/pattern.h"

enum {
	MAX_PATTERN_BYTES = 16 * 1024,
	MAX_PARENTHESES = 64,
	MATCH_LIMIT = 1000000,
	DEPTH_LIMIT = MATCH_LIMIT,	/* the heap decides */
	HEAP_LIMIT_KIB = 32 * 1024,
	KEPT_BYTES = 256 * 1024,
	CALLOUT_STEPS = 1,
	BYTES_PER_STEP = 4,
};

struct pattern {
	struct str text;
	pcre2_code *code;
	size_t frame;		/* bytes that one place to go back to takes */
	size_t least;		/* the largest minimum of a repetition */
	bool has_backreferences;
};

/* What a match needs, one for each thread. */
struct machine {
	pcre2_match_data *data;
	pcre2_match_context *context;
	uint64_t budget;
	size_t last, least;
	bool has_backreferences, exhausted;
};

static pthread_key_t machines;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void machine_free(void *arg)
{
	struct machine *m = arg;

	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m);
}

static void make_key(void)
{
	if (pthread_key_create(&machines, machine_free) != 0)
		fatal("the system gives no key for the data of threads");
}

/* What a minimum may pass in vain from here. A backreference passes up to what was matched so far each time. */
static size_t way_ahead(const struct machine *m, const pcre2_callout_block *block)
{
	size_t at = block->current_position, rest = block->subject_length - at, each = 1;

	if (m->has_backreferences && at > block->start_match)
		each += at - block->start_match;
	return m->least > rest / each ? rest : m->least * each;
}

static int on_item(pcre2_callout_block *block, void *arg)
{
	struct machine *m = arg;
	size_t at = block->current_position, way = at > m->last ? at - m->last : m->last - at;
	uint64_t steps;

	if (m->has_backreferences)
		way += at > block->start_match ? at - block->start_match : 0;
	way += way_ahead(m, block);
	m->last = at;
	steps = CALLOUT_STEPS + way / BYTES_PER_STEP;
	if (steps < m->budget) {
		m->budget -= steps;
		return 0;
	}
	m->exhausted = true;
	return PCRE2_ERROR_CALLOUT;
}

static pcre2_match_data *new_data(void)
{
	pcre2_match_data *data = pcre2_match_data_create(1, pattern_heap());

	if (!data)
		fatal("there is no room for matching");
	return data;
}

static struct machine *machine(void)
{
	struct machine *m;

	pthread_once(&once, make_key);
	m = pthread_getspecific(machines);
	if (m)
		return m;
	m = heap_alloc(sizeof *m);
	*m = (struct machine){
		.data = new_data(),
		.context = pcre2_match_context_create(pattern_heap()),
	};
	if (!m->context || pthread_setspecific(machines, m) != 0)
		fatal("there is no room for matching");
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(m->context, on_item, m);
	return m;
}

enum pattern_answer ecma_match(const struct pattern *p, struct str s, uint64_t *budget)
{
	struct machine *m = machine();
	uint64_t whole = 1 + s.n / 64;	/* of a search that no item begins */
	int rc;

	if (*budget <= whole) {
		*budget = 0;
		return PATTERN_GIVEN_UP;
	}
	m->budget = *budget - whole;
	m->last = 0;
	m->least = p->least;
	m->has_backreferences = p->has_backreferences;
	m->exhausted = false;
	rc = pcre2_match(p->code, (PCRE2_SPTR)str_chars(s), s.n, 0, PCRE2_NO_UTF_CHECK, m->data, m->context);
	*budget = m->exhausted ? 0 : m->budget;
	/* The data keeps the room for the places to go back to, of which a long text has many. */
	if (s.n > KEPT_BYTES / p->frame) {
		pcre2_match_data_free(m->data);
		m->data = new_data();
	}
	if (rc >= 0)
		return PATTERN_YES;
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GIVEN_UP;
}

/* --- compiling --- */

static void free_code(void *p)
{
	pcre2_code_free(p);
}

/* What PCRE2 refuses of a translation is a matter of its limits; its offset is into the translation. */
static pcre2_code *compile(struct str text, struct pattern_error *ret)
{
	const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C |
				 PCRE2_AUTO_CALLOUT;
	pcre2_compile_context *context = pcre2_compile_context_create(pattern_heap());
	PCRE2_UCHAR why[120];
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	if (!context)
		fatal("PCRE2 gives no compile context");
	pcre2_set_parens_nest_limit(context, MAX_PARENTHESES);
	code = pcre2_compile((PCRE2_SPTR)str_chars(text), text.n, options, &error, &at, context);
	pcre2_compile_context_free(context);
	if (code)
		return code;
	pcre2_get_error_message(error, why, sizeof why);
	ret->offset = 0;
	snprintf(ret->message, sizeof ret->message, "%s", (const char *)why);
	return NULL;
}

const struct pattern *ecma_compile(struct arena *a, struct str text, struct pattern_error *ret)
{
	struct arena *scratch;
	uint32_t references = 0;
	size_t least = 0;
	struct pattern *p;
	pcre2_code *code;
	struct buf out;

	if (text.n > MAX_PATTERN_BYTES) {
		*ret = (struct pattern_error){.offset = 0};
		snprintf(ret->message, sizeof ret->message, "it has more than %d bytes", MAX_PATTERN_BYTES);
		return NULL;
	}
	scratch = arena_new(NULL);
	buf_init(&out, scratch);
	code = ecma_translate(scratch, text, &out, &least, ret) < 0 ? NULL : compile(buf_str(&out), ret);
	arena_free(scratch);
	if (!code)
		return NULL;
	arena_defer(a, free_code, code);
	p = ARENA_NEW(a, struct pattern);
	p->text = text;
	p->code = code;
	p->least = least;
	pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
	p->has_backreferences = references > 0;
	pcre2_pattern_info(code, PCRE2_INFO_FRAMESIZE, &p->frame);
	return p;
}

struct str ecma_text(const struct pattern *p)
{
	return p->text;
}
