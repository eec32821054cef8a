/* expr_regex.c - test, capture, sub, gsub and split by pattern. A match is paid for from the budget of the evaluation. */
#include <stdio.h>

#include "base/arena.h"
#include "config/expr_eval.h"
#include "schema/pattern.h"

enum {
	WORK_PER_STEP = 8,	/* of a match */
	COMPILE_WORK = 4096,
};

struct flags {
	bool global, not_empty;
	unsigned options;
};

struct regex {
	struct regex *next;
	struct str flags_text;
	struct flags flags;
	const struct pattern *pattern;
	const struct str *names;	/* by number of group; .p NULL: unnamed */
};

/* --- compiling --- */

static int read_flags(struct str text, struct flags *f, char *msg, size_t size)
{
	*f = (struct flags){.options = PATTERN_UNICODE};
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case 'g':
			f->global = true;
			break;
		case 'n':
			f->not_empty = true;
			break;
		case 'i':
			f->options |= PATTERN_CASELESS;
			break;
		case 'x':
			f->options |= PATTERN_EXTENDED;
			break;
		case 's':	/* ^ and $ are the ends of the text: they are always */
			break;
		case 'p':
			f->options |= PATTERN_DOT_ALL;
			break;
		default:
			snprintf(msg, size, "\"%.*s\" is not a string of the flags g, i, n, p, s and x",
				 (int)(text.n > 20 ? 20 : text.n), text.p);
			return -1;
		}
	}
	return 0;
}

static const struct pattern *compile(struct arena *a, struct str text, const struct flags *f, char *msg, size_t size)
{
	struct pattern_error why;
	const struct pattern *p = pattern_compile(a, text, f->options, &why);

	if (!p)
		snprintf(msg, size, "\"" STR_FMT "\" is not a regular expression, at offset %zu: %s",
			 STR_ARG(eval_head(text, 60)), why.offset, why.message);
	else if (pattern_groups(p) > PATTERN_MAX_GROUPS)
		snprintf(msg, size, "a regular expression with more than %d groups", PATTERN_MAX_GROUPS);
	else
		return p;
	return NULL;
}

int expr_regex_check(struct str pattern, struct str flags, char *msg, size_t size)
{
	struct arena *scratch;
	struct flags f;
	bool fits;

	if (read_flags(flags, &f, msg, size) < 0)
		return -1;
	scratch = arena_new(NULL);
	fits = compile(scratch, pattern, &f, msg, size) != NULL;
	arena_free(scratch);
	return fits ? 0 : -1;
}

static struct regex *take_in(struct eval *ev, struct regex *rx, struct str text)
{
	char msg[sizeof ev->err.msg];

	rx->pattern = compile(ev->scratch, text, &rx->flags, msg, sizeof msg);
	if (!rx->pattern) {
		eval_raise(ev, "%s", msg);
		return NULL;
	}
	if (!eval_make(ev, pattern_bytes(rx->pattern)))
		return NULL;
	rx->names = pattern_names(ev->scratch, rx->pattern);
	rx->next = ev->regexes;
	ev->regexes = rx;
	return rx;
}

static struct regex *compiled(struct eval *ev, struct str pattern, struct str flags)
{
	char msg[sizeof ev->err.msg];
	struct regex *rx;

	for (rx = ev->regexes; rx; rx = rx->next)
		if (eval_work(ev, 16) && str_eq(pattern_text(rx->pattern), pattern) && str_eq(rx->flags_text, flags))
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

/* 1: found, 0: not, -1. */
static int match_from(struct eval *ev, const struct regex *rx, struct str s, size_t from, struct pattern_match *m)
{
	uint64_t budget = eval_work_left(ev) / WORK_PER_STEP, left = budget;
	enum pattern_answer answer = pattern_find(rx->pattern, s, from, rx->flags.not_empty, m, &left);

	if (eval_spend(ev, (budget - left) * WORK_PER_STEP) && answer != PATTERN_GIVEN_UP)
		return answer == PATTERN_YES;
	return eval_limit(ev, "the regular expression \"" STR_FMT "\" tries too many ways to match",
			  STR_ARG(eval_head(pattern_text(rx->pattern), 60)));
}

/* Where to look after m; beyond the text: no more. */
static size_t next_from(struct str s, size_t from, const struct pattern_match *m)
{
	size_t at = m->end > from ? m->end : from;

	if (m->end > m->start)
		return at;
	if (at >= s.n)
		return s.n + 1;
	utf8_next(s, &at);
	return at;
}

static const struct json *group_text(struct eval *ev, struct str s, const struct pattern_match *m, size_t group)
{
	struct str text = pattern_group(m, s, group);

	return text.p ? eval_string_at(ev, text) : json_null();
}

static const struct json *named_groups(struct eval *ev, const struct regex *rx, struct str s, const struct pattern_match *m)
{
	struct json_builder out;

	json_object_begin(&out, ev->scratch);
	for (size_t i = 1; i <= pattern_groups(rx->pattern); i++) {
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
	struct pattern_match m;
	int rc = rx ? match_from(ev, rx, json_str(in), 0, &m) : -1;

	return rc < 0 ? NULL : json_bool(rc);
}

static const struct json *test_flags(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct regex *rx = regex_of(ev, in, args[0], args[1]);
	struct pattern_match m;
	int rc = rx ? match_from(ev, rx, json_str(in), 0, &m) : -1;

	return rc < 0 ? NULL : json_bool(rc);
}

static const struct json *split(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct regex *rx = regex_of(ev, in, args[0], args[1]);
	size_t base = ev->top, piece = 0;
	struct str s = json_str(in);
	const struct json *v = NULL;
	struct pattern_match m;
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
	struct pattern_match m;

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
	struct pattern_match m;

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
