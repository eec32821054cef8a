/* pattern.c - patterns compiled and found, and who pays for the way.
 *
 * PCRE2's match limit counts anew at each start, and what one item passes is not counted at all. Therefore a callout stands at
 * every item. It pays for the way since the last one, and ahead for what the next item may pass without coming to another
 * callout: a repetition that does not reach its minimum, a reference that differs late, a lookbehind that steps back.
 */
#include "schema/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"

enum {
	MAX_PARENTHESES = 64,
	MATCH_LIMIT = 1000000,
	DEPTH_LIMIT = MATCH_LIMIT,	/* the heap decides */
	HEAP_LIMIT_KIB = 32 * 1024,
	KEPT_BYTES = 256 * 1024,
	SEARCH_BYTES_PER_STEP = 64,	/* looking for a place to start */
	MAX_CHARACTER_BYTES = 4,
};

_Static_assert(sizeof(PCRE2_SIZE) == sizeof(size_t), "offsets of PCRE2 are ours");

/* What the items of a pattern can do between two callouts. */
struct reach {
	size_t least;			/* the largest minimum of a repetition */
	size_t behind;			/* characters of the longest lookbehind */
	size_t branches;		/* at most so many lookbehinds step back in vain at one place */
	bool has_references;
	bool has_clusters;		/* \X passes any number of characters */
};

struct pattern {
	struct str text;
	pcre2_code *code;
	size_t n_groups;
	size_t frame;			/* bytes that one place to go back to takes */
	struct reach reach;
};

/* --- memory: PCRE2 allocates where everybody does --- */

static void *take(PCRE2_SIZE n, void *arg)
{
	(void)arg;
	return heap_alloc(n);
}

static void give(void *p, void *arg)
{
	(void)arg;
	free(p);
}

/* What a match needs, one for each thread. */
struct machine {
	pcre2_match_data *data;
	pcre2_match_context *context;
	const struct reach *reach;
	uint64_t budget;
	size_t last;
	size_t groups[2 * (PATTERN_MAX_GROUPS + 1)];
};

static pcre2_general_context *heap;
static pcre2_compile_context *defaults;
static pthread_key_t machines;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void machine_free(void *arg)
{
	struct machine *m = arg;

	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m);
}

static void begin(void)
{
	heap = pcre2_general_context_create(take, give, NULL);
	defaults = pcre2_compile_context_create(heap);
	if (!heap || !defaults)
		fatal("PCRE2 gives no context");
	pcre2_set_parens_nest_limit(defaults, MAX_PARENTHESES);
	if (pthread_key_create(&machines, machine_free) != 0)
		fatal("the system gives no key for the data of threads");
}

/* --- compiling --- */

/* Text behind a backslash whose braces hold no repetition. */
static bool names_a_character(char c)
{
	return c == 'x' || c == 'o' || c == 'g';
}

/* The number in braces at text[at], or 0. */
static size_t minimum_at(struct str text, size_t at)
{
	size_t n = 0;

	for (at++; at < text.n && (text.p[at] == ' ' || text.p[at] == '\t'); at++)
		;
	for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9' && n <= UINT16_MAX; at++)
		n = n * 10 + (size_t)(text.p[at] - '0');
	return n;
}

/* Counts too much where such text is quoted, in a class or in a comment, and never too little. */
static void read_reach(struct str text, struct reach *ret)
{
	ret->branches = 1;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n) {
			i++;
			ret->has_clusters |= text.p[i] == 'X';
			if (names_a_character(text.p[i]) && i + 1 < text.n && text.p[i + 1] == '{')
				i++;
		} else if (text.p[i] == '{') {
			size_t least = minimum_at(text, i);

			if (least > ret->least)
				ret->least = least;
		} else if (text.p[i] == '|') {
			ret->branches++;
		}
	}
}

static void free_code(void *p)
{
	pcre2_code_free(p);
}

static uint32_t options_of(unsigned options)
{
	static const struct {
		enum pattern_option ours;
		uint32_t theirs;
	} table[] = {
		{PATTERN_CASELESS, PCRE2_CASELESS},	{PATTERN_EXTENDED, PCRE2_EXTENDED},
		{PATTERN_DOT_ALL, PCRE2_DOTALL},	{PATTERN_END_ONLY, PCRE2_DOLLAR_ENDONLY},
		{PATTERN_UNICODE, PCRE2_UCP},		{PATTERN_UNSET_MATCHES, PCRE2_MATCH_UNSET_BACKREF},
	};
	uint32_t all = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (options & table[i].ours)
			all |= table[i].theirs;
	return all;
}

const struct pattern *pattern_compile_as(struct arena *a, struct str text, struct str translation, unsigned options,
					 struct pattern_error *ret)
{
	uint32_t references = 0, groups = 0, behind = 0;
	PCRE2_UCHAR why[sizeof ret->message];
	struct pattern *p;
	pcre2_code *code;
	int error;

	pthread_once(&once, begin);
	code = pcre2_compile((PCRE2_SPTR)str_chars(translation), translation.n, options_of(options), &error, &ret->offset,
			     defaults);
	if (!code) {
		pcre2_get_error_message(error, why, sizeof why);
		snprintf(ret->message, sizeof ret->message, "%s", (const char *)why);
		return NULL;
	}
	arena_defer(a, free_code, code);
	p = ARENA_NEW(a, struct pattern);
	p->text = text;
	p->code = code;
	read_reach(translation, &p->reach);
	pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
	pcre2_pattern_info(code, PCRE2_INFO_FRAMESIZE, &p->frame);
	p->reach.has_references = references > 0;
	p->reach.behind = behind;
	p->n_groups = groups;
	return p;
}

bool pattern_is_short(struct str text, struct pattern_error *ret)
{
	if (text.n <= PATTERN_MAX_BYTES)
		return true;
	ret->offset = 0;
	snprintf(ret->message, sizeof ret->message, "it has more than %d bytes", PATTERN_MAX_BYTES);
	return false;
}

const struct pattern *pattern_compile(struct arena *a, struct str text, unsigned options, struct pattern_error *ret)
{
	return pattern_is_short(text, ret) ? pattern_compile_as(a, text, text, options, ret) : NULL;
}

struct str pattern_text(const struct pattern *p)
{
	return p->text;
}

size_t pattern_groups(const struct pattern *p)
{
	return p->n_groups;
}

size_t pattern_bytes(const struct pattern *p)
{
	size_t n = 0;

	pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &n);
	return n;
}

const struct str *pattern_names(struct arena *a, const struct pattern *p)
{
	struct str *names = ARENA_ARRAY(a, p->n_groups + 1, struct str);
	uint32_t count = 0, size = 0;
	PCRE2_SPTR row = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &row);
	for (uint32_t i = 0; i < count; i++, row += size) {
		size_t group = (size_t)row[0] << 8 | row[1];

		if (group <= p->n_groups)
			names[group] = str_dup(a, str_from((const char *)(row + 2)));
	}
	return names;
}

/* --- matching --- */

static bool spend(struct machine *m, uint64_t steps)
{
	if (steps < m->budget) {
		m->budget -= steps;
		return true;
	}
	m->budget = 0;
	return false;
}

static size_t longest_group(const pcre2_callout_block *block)
{
	size_t longest = 0;

	for (size_t i = 1; i < block->capture_top; i++) {
		size_t from = block->offset_vector[2 * i], to = block->offset_vector[2 * i + 1];

		if (from != PCRE2_UNSET && to > from && to - from > longest)
			longest = to - from;
	}
	return longest;
}

static uint64_t way_ahead(const struct reach *r, const pcre2_callout_block *block)
{
	size_t at = block->current_position, rest = block->subject_length - at;
	size_t reference = r->has_references ? longest_group(block) : 0;
	size_t each = r->has_clusters ? rest : reference > 1 ? reference : 1;

	return reference + (each && r->least > rest / each ? rest : r->least * each);
}

/* Where fewer characters precede than a lookbehind wants, each of its branches may step to the start without a callout. */
static uint64_t way_behind(const struct reach *r, size_t at)
{
	uint64_t way = r->behind < at ? r->behind : at;

	return at < r->behind * MAX_CHARACTER_BYTES ? way + (uint64_t)at * r->branches : way;
}

static int on_item(pcre2_callout_block *block, void *arg)
{
	struct machine *m = arg;
	size_t at = block->current_position;
	uint64_t way = at > m->last ? at - m->last : m->last - at;

	way += way_ahead(m->reach, block) + way_behind(m->reach, at);
	m->last = at;
	return spend(m, 1 + way / PATTERN_STEP_BYTES) ? 0 : PCRE2_ERROR_CALLOUT;
}

static pcre2_match_data *new_data(void)
{
	pcre2_match_data *data = pcre2_match_data_create(PATTERN_MAX_GROUPS + 1, heap);

	if (!data)
		fatal("there is no room for matching");
	return data;
}

static struct machine *machine(void)
{
	struct machine *m = pthread_getspecific(machines);

	if (m)
		return m;
	m = heap_alloc(sizeof *m);
	*m = (struct machine){.data = new_data(), .context = pcre2_match_context_create(heap)};
	if (!m->context || pthread_setspecific(machines, m) != 0)
		fatal("there is no room for matching");
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(m->context, on_item, m);
	return m;
}

/* The data keeps the room for the places to go back to, of which a long text has many. */
static void give_back(struct machine *m)
{
	pcre2_match_data_free(m->data);
	m->data = new_data();
}

static void tell(struct machine *m, size_t n_groups, struct pattern_match *ret)
{
	memcpy(m->groups, pcre2_get_ovector_pointer(m->data), 2 * (n_groups + 1) * sizeof *m->groups);
	*ret = (struct pattern_match){
		.start = m->groups[0] < m->groups[1] ? m->groups[0] : m->groups[1],	/* \K may put it behind */
		.end = m->groups[1],
		.n_groups = n_groups,
		.groups = m->groups,
	};
}

enum pattern_answer pattern_find(const struct pattern *p, struct str s, size_t from, bool not_empty, struct pattern_match *ret,
				 uint64_t *budget)
{
	uint32_t options = PCRE2_NO_UTF_CHECK | (not_empty ? PCRE2_NOTEMPTY : 0);
	struct pattern_match unwanted;
	struct machine *m = machine();
	enum pattern_answer answer;
	size_t searched = s.n - from;
	int rc;

	m->budget = *budget;
	m->last = from;
	m->reach = &p->reach;
	rc = pcre2_match(p->code, (PCRE2_SPTR)str_chars(s), s.n, from, options, m->data, m->context);
	answer = rc >= 0 ? PATTERN_YES : rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GIVEN_UP;
	if (answer == PATTERN_YES) {
		tell(m, rc > 0 ? (size_t)rc - 1 : PATTERN_MAX_GROUPS, ret ? ret : &unwanted);
		searched = m->groups[1] > from ? m->groups[1] - from : 0;
	}
	if (s.n > KEPT_BYTES / p->frame)
		give_back(m);
	if (!spend(m, 1 + searched / SEARCH_BYTES_PER_STEP))
		answer = PATTERN_GIVEN_UP;
	*budget = m->budget;
	return answer;
}

struct str pattern_group(const struct pattern_match *m, struct str s, size_t group)
{
	size_t from, to;

	if (group > m->n_groups || m->groups[2 * group] == PCRE2_UNSET)
		return STR_NONE;
	from = m->groups[2 * group];
	to = m->groups[2 * group + 1];
	return str_sub((struct str){str_chars(s), s.n}, from, to > from ? to - from : 0);
}
