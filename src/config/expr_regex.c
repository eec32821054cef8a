/* expr_regex.c - test, capture, sub, gsub and split by pattern. The only user of PCRE2 in this language.
 *
 * A pattern can come from data, so that a match must end however hostile it is. PCRE2's match limit counts
 * anew at each start, and scanning inside one item is not counted at all; therefore an automatic callout
 * at every item of the pattern pays for the way since the last one, from the budget of the evaluation.
 */
#include <stdio.h>

#include "base/arena.h"
#include "config/expr_eval.h"
#include "schema/pattern.h"

enum {
	MAX_PATTERN_BYTES = 16 * 1024,
	MAX_GROUPS = 99,
	MAX_PARENTHESES = 64,
	MATCH_LIMIT = 1000000,
	DEPTH_LIMIT = 100000,
	HEAP_LIMIT_KIB = 8 * 1024,
	CALLOUT_WORK = 8,
	COMPILE_WORK = 4096,
};

struct flags {
	bool global, not_empty;
	uint32_t options;
};

struct regex {
	struct regex *next;
	struct str pattern, flags_text;
	struct flags flags;
	pcre2_code *code;
	size_t n_groups;
	const struct str *names;	/* by number of group; .p NULL: unnamed */
	bool has_backreferences;
};

struct regexes {
	struct regex *first;
	pcre2_match_data *data;		/* one for all, so that its memory is bounded once */
	pcre2_match_context *context;
	struct eval *ev;
	bool has_backreferences;
	size_t last_position;
	bool exhausted;
};

/* --- compiling --- */

static int read_flags(struct str text, struct flags *f, char *msg, size_t size)
{
	*f = (struct flags){.options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT};
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case 'g':
			f->global = true;
			break;
		case 'n':
			f->not_empty = true;
			break;
		case 'i':
			f->options |= PCRE2_CASELESS;
			break;
		case 'x':
			f->options |= PCRE2_EXTENDED;
			break;
		case 's':	/* ^ and $ are the ends of the text: they are always */
			break;
		case 'p':
			f->options |= PCRE2_DOTALL;
			break;
		default:
			snprintf(msg, size, "\"%.*s\" is not a string of the flags g, i, n, p, s and x",
				 (int)(text.n > 20 ? 20 : text.n), text.p);
			return -1;
		}
	}
	return 0;
}

enum { WHY = 120 };

static pcre2_code *compile_or_why(struct str pattern, const struct flags *f, PCRE2_SIZE *offset, PCRE2_UCHAR why[WHY])
{
	pcre2_compile_context *context = pcre2_compile_context_create(pattern_heap());
	pcre2_code *code;
	int error;

	if (!context)
		fatal("PCRE2 gives no compile context");
	pcre2_set_max_pattern_length(context, MAX_PATTERN_BYTES);
	pcre2_set_parens_nest_limit(context, MAX_PARENTHESES);
	code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, f->options, &error, offset, context);
	pcre2_compile_context_free(context);
	if (!code)
		pcre2_get_error_message(error, why, WHY);
	return code;
}

static pcre2_code *compile(struct str pattern, const struct flags *f, char *msg, size_t size)
{
	PCRE2_UCHAR why[WHY];
	PCRE2_SIZE offset;
	pcre2_code *code = compile_or_why(pattern, f, &offset, why);

	if (!code)
		snprintf(msg, size, "\"" STR_FMT "\" is not a regular expression, at offset %zu: %s",
			 STR_ARG(eval_head(pattern, 60)), (size_t)offset, (const char *)why);
	return code;
}

int expr_regex_check(struct str pattern, struct str flags, char *msg, size_t size)
{
	struct flags f;
	pcre2_code *code;

	if (read_flags(flags, &f, msg, size) < 0)
		return -1;
	code = compile(pattern, &f, msg, size);
	if (!code)
		return -1;
	pcre2_code_free(code);
	return 0;
}

static void free_code(void *p)
{
	pcre2_code_free(p);
}

static void free_data(void *p)
{
	pcre2_match_data_free(p);
}

static void free_context(void *p)
{
	pcre2_match_context_free(p);
}

/* Names in the order of their groups. */
static void read_names(struct arena *a, struct regex *rx)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR table = NULL;
	struct str *names = ARENA_ARRAY(a, rx->n_groups + 1, struct str);

	pcre2_pattern_info(rx->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(rx->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(rx->code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < count; i++, table += size) {
		size_t group = (size_t)table[0] << 8 | table[1];

		if (group <= rx->n_groups)
			names[group] = str_dup(a, str_from((const char *)(table + 2)));
	}
	rx->names = names;
}

static int on_item(pcre2_callout_block *block, void *arg)
{
	struct regexes *all = arg;
	size_t at = block->current_position, way;

	way = at > all->last_position ? at - all->last_position : all->last_position - at;
	if (all->has_backreferences)
		way += at > block->start_match ? at - block->start_match : 0;
	all->last_position = at;
	if (eval_spend(all->ev, CALLOUT_WORK + way / 4))
		return 0;
	all->exhausted = true;
	return PCRE2_ERROR_CALLOUT;
}

static struct regexes *machine(struct eval *ev)
{
	struct regexes *all = ev->regexes;

	if (all)
		return all;
	all = ev->regexes = ARENA_NEW(ev->scratch, struct regexes);
	all->ev = ev;
	all->data = pcre2_match_data_create(MAX_GROUPS + 1, pattern_heap());
	all->context = pcre2_match_context_create(pattern_heap());
	if (!all->data || !all->context)
		fatal("PCRE2 gives no match context");
	arena_defer(ev->scratch, free_data, all->data);
	arena_defer(ev->scratch, free_context, all->context);
	pcre2_set_match_limit(all->context, MATCH_LIMIT);
	pcre2_set_depth_limit(all->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(all->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(all->context, on_item, all);
	return all;
}

static void count_groups(struct regex *rx)
{
	uint32_t groups = 0, references = 0;

	pcre2_pattern_info(rx->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	pcre2_pattern_info(rx->code, PCRE2_INFO_BACKREFMAX, &references);
	rx->n_groups = groups;
	rx->has_backreferences = references > 0;
}

static struct regex *take_in(struct eval *ev, struct regex *rx, struct str pattern)
{
	struct regexes *all = machine(ev);
	char msg[sizeof ev->err.msg];
	size_t size = 0;

	rx->code = compile(pattern, &rx->flags, msg, sizeof msg);
	if (!rx->code) {
		eval_raise(ev, "%s", msg);
		return NULL;
	}
	arena_defer(ev->scratch, free_code, rx->code);
	pcre2_pattern_info(rx->code, PCRE2_INFO_SIZE, &size);
	count_groups(rx);
	if (!eval_make(ev, size))
		return NULL;
	if (rx->n_groups > MAX_GROUPS) {
		eval_raise(ev, "a regular expression with more than %d groups", MAX_GROUPS);
		return NULL;
	}
	rx->pattern = pattern;
	read_names(ev->scratch, rx);
	rx->next = all->first;
	all->first = rx;
	return rx;
}

static struct regex *compiled(struct eval *ev, struct str pattern, struct str flags)
{
	struct regexes *all = machine(ev);
	char msg[sizeof ev->err.msg];
	struct regex *rx;

	for (rx = all->first; rx; rx = rx->next)
		if (eval_work(ev, 16) && str_eq(rx->pattern, pattern) && str_eq(rx->flags_text, flags))
			return rx;
	if (!eval_work(ev, COMPILE_WORK + 32 * pattern.n))
		return NULL;
	rx = ARENA_NEW(ev->scratch, struct regex);
	rx->flags_text = flags;
	if (read_flags(flags, &rx->flags, msg, sizeof msg) == 0)
		return take_in(ev, rx, pattern);
	eval_raise(ev, "%s", msg);
	return NULL;
}

/* Pattern and flags as given by a program. */
static struct regex *regex_of(struct eval *ev, const struct json *in, const struct json *pattern,
			      const struct json *flags)
{
	struct eval_shown room;

	if (json_type(in) != JSON_STRING) {
		eval_raise(ev, "%s cannot be matched, as it is not a string", eval_describe(&room, in));
		return NULL;
	}
	if (!flags && json_type(pattern) == JSON_ARRAY) {	/* ["pattern", "flags"] */
		flags = json_at(pattern, 1);
		pattern = json_at(pattern, 0);
	}
	if (json_type(pattern) != JSON_STRING) {
		eval_raise(ev, "%s is not a string: a regular expression is wanted", eval_describe(&room, pattern));
		return NULL;
	}
	if (json_type(flags) != JSON_STRING && json_type(flags) != JSON_NULL) {
		eval_raise(ev, "%s is not a string: flags are wanted", eval_describe(&room, flags));
		return NULL;
	}
	return compiled(ev, json_str(pattern), json_str(flags));
}

/* --- matching --- */

struct match {
	size_t start, end;	/* bytes */
	const PCRE2_SIZE *groups;	/* pairs; of the last match only */
	size_t n_groups;		/* set ones, from 1 */
};

/* 1: found, 0: not, -1. */
static int match_from(struct eval *ev, const struct regex *rx, struct str s, size_t from, struct match *m)
{
	uint32_t options = PCRE2_NO_UTF_CHECK | (rx->flags.not_empty ? PCRE2_NOTEMPTY : 0);
	struct regexes *all = ev->regexes;
	int rc;

	all->last_position = from;
	all->has_backreferences = rx->has_backreferences;
	if (!eval_work(ev, 64))
		return -1;
	rc = pcre2_match(rx->code, (PCRE2_SPTR)(s.p ? s.p : ""), s.n, from, options, all->data, all->context);
	if (rc == PCRE2_ERROR_NOMATCH)
		return eval_work(ev, (s.n - from) / 8) ? 0 : -1;
	if (all->exhausted || rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
	    rc == PCRE2_ERROR_HEAPLIMIT)
		return eval_limit(ev, "the regular expression \"" STR_FMT "\" tries too many ways to match",
				  STR_ARG(eval_head(rx->pattern, 60)));
	if (rc < 0) {
		PCRE2_UCHAR why[120];

		pcre2_get_error_message(rc, why, sizeof why);
		return eval_fail(ev, "the regular expression \"" STR_FMT "\" failed: %s",
				 STR_ARG(eval_head(rx->pattern, 60)), (const char *)why);
	}
	m->groups = pcre2_get_ovector_pointer(all->data);
	m->n_groups = (size_t)rc - 1;
	m->end = m->groups[1];
	m->start = m->groups[0] < m->end ? m->groups[0] : m->end;	/* \K may put it behind */
	return eval_work(ev, (m->end - from) / 8) ? 1 : -1;
}

/* Where to look after m; beyond the text: no more. */
static size_t next_from(struct str s, size_t from, const struct match *m)
{
	size_t at = m->end > from ? m->end : from;

	if (m->end > m->start)
		return at;
	if (at >= s.n)
		return s.n + 1;
	utf8_next(s, &at);
	return at;
}

static const struct json *group_text(struct eval *ev, struct str s, const struct match *m, size_t group)
{
	size_t from, to;

	if (group > m->n_groups || m->groups[2 * group] == PCRE2_UNSET)
		return json_null();
	from = m->groups[2 * group];
	to = m->groups[2 * group + 1];
	return eval_string_at(ev, str_sub(s, from, to > from ? to - from : 0));
}

static const struct json *named_groups(struct eval *ev, const struct regex *rx, struct str s, const struct match *m)
{
	struct json_builder out;

	json_object_begin(&out, ev->scratch);
	for (size_t i = 1; i <= rx->n_groups; i++) {
		const struct json *v;

		if (!rx->names[i].p)
			continue;
		v = group_text(ev, s, m, i);
		if (!v || !eval_make(ev, 32))
			return NULL;
		json_object_set(&out, rx->names[i], v);
	}
	return eval_object(ev, &out);
}

/* --- test, split --- */

static const struct json *test(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct regex *rx = regex_of(ev, in, args[0], NULL);
	struct match m;
	int rc = rx ? match_from(ev, rx, json_str(in), 0, &m) : -1;

	return rc < 0 ? NULL : json_bool(rc);
}

static const struct json *test_flags(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct regex *rx = regex_of(ev, in, args[0], args[1]);
	struct match m;
	int rc = rx ? match_from(ev, rx, json_str(in), 0, &m) : -1;

	return rc < 0 ? NULL : json_bool(rc);
}

static const struct json *split(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct regex *rx = regex_of(ev, in, args[0], args[1]);
	size_t base = ev->top, piece = 0;
	struct str s = json_str(in);
	const struct json *v = NULL;
	struct match m;
	int rc = rx ? 0 : -1;

	for (size_t from = 0; rx && from <= s.n; from = next_from(s, from, &m)) {
		rc = match_from(ev, rx, s, from, &m);
		if (rc <= 0)
			break;
		v = eval_string_at(ev, str_sub(s, piece, m.start > piece ? m.start - piece : 0));
		if (!v) {
			rc = -1;
			break;
		}
		eval_push(ev, v);
		piece = m.end;
	}
	v = rc < 0 ? NULL : eval_string_at(ev, str_sub(s, piece, s.n));
	if (v) {
		eval_push(ev, v);
		v = eval_array(ev, ev->stack + base, ev->top - base);
	}
	ev->top = base;
	return v;
}

/* --- functions that take pattern and flags as generators --- */

typedef int with_regex_fn(struct eval *ev, const struct expr_node *call, struct regex *rx, const struct json *in);

static int with_flags(struct eval *ev, const struct expr_node *call, const struct json *in, const struct json *pattern,
		      const struct expr_node *flags, with_regex_fn *fn)
{
	size_t base = ev->top, from;
	struct err kept;
	int rc = 0, step = 0;

	if (flags)
		rc = eval_node(ev, flags, in, SIZE_MAX);
	else
		eval_push(ev, NULL);
	kept = ev->err;
	from = ev->top;
	for (size_t i = base; i < from && step == 0 && !ev->limit; i++) {
		struct regex *rx = regex_of(ev, in, pattern, flags ? ev->stack[i] : NULL);

		step = rx ? fn(ev, call, rx, in) : -1;
	}
	eval_settle(ev, base, from);
	if (step < 0 || ev->limit)
		return -1;
	if (rc < 0)
		ev->err = kept;
	return rc;
}

static int with_patterns(struct eval *ev, const struct expr_node *call, const struct json *in,
			 const struct expr_node *flags, with_regex_fn *fn)
{
	size_t base = ev->top, from;
	int rc = eval_node(ev, call->kids[0], in, SIZE_MAX), step = 0;
	struct err kept = ev->err;

	from = ev->top;
	for (size_t i = base; i < from && step == 0 && !ev->limit; i++)
		step = with_flags(ev, call, in, ev->stack[i], flags, fn);
	eval_settle(ev, base, from);
	if (step < 0 || ev->limit)
		return -1;
	if (rc < 0)
		ev->err = kept;
	return rc;
}

static int push_captures(struct eval *ev, const struct expr_node *call, struct regex *rx, const struct json *in)
{
	struct str s = json_str(in);
	struct match m;

	(void)call;
	for (size_t from = 0; from <= s.n; from = next_from(s, from, &m)) {
		const struct json *v;
		int rc = match_from(ev, rx, s, from, &m);

		if (rc <= 0)
			return rc;
		v = named_groups(ev, rx, s, &m);
		if (!v)
			return -1;
		eval_push(ev, v);
		if (!rx->flags.global)
			break;
	}
	return 0;
}

static int capture(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return with_patterns(ev, call, in, call->n_kids == 2 ? call->kids[1] : NULL, push_captures);
}

/* --- sub: the n-th output of the replacement belongs to the n-th result --- */

struct results {
	struct buf *v;
	size_t n;
};

static int add_inserts(struct eval *ev, struct results *r, struct str gap, size_t base)
{
	struct eval_shown room;

	for (size_t i = 0; i < ev->top - base; i++) {
		const struct json *insert = ev->stack[base + i];

		if (json_type(insert) != JSON_STRING)
			return eval_fail(ev, "a replacement must be a string, got %s", eval_describe(&room, insert));
		if (i == r->n) {
			struct buf *v = ARENA_ARRAY(ev->scratch, r->n + 1, struct buf);

			if (!eval_make(ev, (r->n + 1) * sizeof *v))
				return -1;
			if (r->n)
				memcpy(v, r->v, r->n * sizeof *v);
			r->v = v;
			buf_init(&r->v[r->n++], ev->scratch);
		}
		if (!eval_make(ev, 2 * (gap.n + json_str(insert).n)))
			return -1;
		buf_addstr(&r->v[i], gap);
		buf_addstr(&r->v[i], json_str(insert));
	}
	return 0;
}

static int push_results(struct eval *ev, struct results *r, struct str s, size_t previous, const struct json *in)
{
	if (r->n == 0)
		eval_push(ev, in);
	for (size_t i = 0; i < r->n; i++) {
		const struct json *v;

		if (!eval_make(ev, s.n - previous))
			return -1;
		buf_addstr(&r->v[i], str_sub(s, previous, s.n));
		v = eval_string_at(ev, buf_str(&r->v[i]));
		if (!v)
			return -1;
		eval_push(ev, v);
	}
	return 0;
}

static int substitute(struct eval *ev, const struct expr_node *call, struct regex *rx, const struct json *in,
		      bool global)
{
	struct str s = json_str(in);
	struct results r = {0};
	size_t previous = 0;
	struct match m;

	for (size_t from = 0; from <= s.n;) {
		const struct json *names;
		size_t base = ev->top;
		struct str gap;
		int rc = match_from(ev, rx, s, from, &m);

		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		gap = str_sub(s, previous, m.start > previous ? m.start - previous : 0);
		from = next_from(s, from, &m);
		previous = m.end;
		names = named_groups(ev, rx, s, &m);	/* before the replacement matches something itself */
		if (!names || eval_node(ev, call->kids[1], names, SIZE_MAX) < 0 || add_inserts(ev, &r, gap, base) < 0) {
			ev->top = base;
			return -1;
		}
		ev->top = base;
		if (!global)
			break;
	}
	return push_results(ev, &r, s, previous, in);
}

static int sub_with(struct eval *ev, const struct expr_node *call, struct regex *rx, const struct json *in)
{
	return substitute(ev, call, rx, in, rx->flags.global);
}

static int gsub_with(struct eval *ev, const struct expr_node *call, struct regex *rx, const struct json *in)
{
	return substitute(ev, call, rx, in, true);
}

static int sub(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return with_patterns(ev, call, in, call->n_kids == 3 ? call->kids[2] : NULL, sub_with);
}

static int gsub(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)want;
	return with_patterns(ev, call, in, call->n_kids == 3 ? call->kids[2] : NULL, gsub_with);
}

/* --- patterns outside of programs --- */

/* `$` is the very end: a line feed behind it must not make a text fit. */
static struct flags pattern_flags(void)
{
	struct flags f;

	read_flags(STR(""), &f, NULL, 0);
	f.options |= PCRE2_DOLLAR_ENDONLY;
	return f;
}

struct expr_pattern {
	struct regex regex;
};

const struct expr_pattern *expr_pattern_compile(struct arena *a, struct str pattern, struct expr_error *error)
{
	struct expr_pattern *p = ARENA_NEW(a, struct expr_pattern);
	PCRE2_UCHAR why[WHY];
	PCRE2_SIZE offset;

	p->regex.flags = pattern_flags();
	p->regex.pattern = pattern;
	p->regex.code = compile_or_why(pattern, &p->regex.flags, &offset, why);
	*error = (struct expr_error){.length = 1};
	if (!p->regex.code) {
		error->offset = offset;
		snprintf(error->msg, sizeof error->msg, "%s", (const char *)why);
		return NULL;
	}
	arena_defer(a, free_code, p->regex.code);
	count_groups(&p->regex);
	if (p->regex.n_groups <= MAX_GROUPS)
		return p;
	snprintf(error->msg, sizeof error->msg, "more than %d groups", MAX_GROUPS);
	return NULL;
}

int expr_pattern_find(const struct expr_pattern *p, struct str text, bool *ret, struct err *err)
{
	struct match m;
	struct eval ev;
	int rc;

	eval_begin(&ev);
	machine(&ev);
	rc = match_from(&ev, &p->regex, text, 0, &m);
	if (rc < 0)
		err_copy(err, &ev.err);
	else
		*ret = rc > 0;
	eval_end(&ev);
	return rc < 0 ? -1 : 0;
}

#define PATTERN (EXPR_T_STRING | EXPR_T_ARRAY)
#define FLAGS (EXPR_T_STRING | EXPR_T_NULL)

const struct expr_builtin expr_regex_builtins[] = {
	{"test", 1, EXPR_T_STRING, EXPR_T_BOOLEAN, {PATTERN}, test, NULL, false},
	{"test", 2, EXPR_T_STRING, EXPR_T_BOOLEAN, {EXPR_T_STRING, FLAGS}, test_flags, NULL, false},
	{"capture", 1, EXPR_T_STRING, EXPR_T_OBJECT, {PATTERN}, NULL, capture, false},
	{"capture", 2, EXPR_T_STRING, EXPR_T_OBJECT, {EXPR_T_STRING, FLAGS}, NULL, capture, false},
	{"split", 2, EXPR_T_STRING, EXPR_T_ARRAY, {EXPR_T_STRING, FLAGS}, split, NULL, false},
	{"sub", 2, EXPR_T_STRING, EXPR_T_STRING, {EXPR_T_STRING, EXPR_T_NONE}, NULL, sub, false},
	{"sub", 3, EXPR_T_STRING, EXPR_T_STRING, {EXPR_T_STRING, EXPR_T_NONE, FLAGS}, NULL, sub, false},
	{"gsub", 2, EXPR_T_STRING, EXPR_T_STRING, {EXPR_T_STRING, EXPR_T_NONE}, NULL, gsub, false},
	{"gsub", 3, EXPR_T_STRING, EXPR_T_STRING, {EXPR_T_STRING, EXPR_T_NONE, FLAGS}, NULL, gsub, false},
	{.name = NULL},
};
