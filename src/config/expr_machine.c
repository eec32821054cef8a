/* expr_machine.c - costs, errors, the stack and the making of values. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "config/expr_eval.h"

static const uint64_t max_work = (uint64_t)EXPR_MAX_OPERATIONS * EXPR_WORK_PER_OPERATION;

void eval_begin(struct eval *ev)
{
	memset(ev, 0, sizeof *ev);
	ev->scratch = arena_new(NULL);
}

void eval_end(struct eval *ev)
{
	free(ev->stack);
	ev->stack = NULL;
	arena_free(ev->scratch);
	ev->scratch = NULL;
}

/* --- errors --- */

int eval_limit(struct eval *ev, const char *fmt, ...)
{
	va_list ap;

	if (ev->limit)
		return -1;
	ev->limit = true;
	va_start(ap, fmt);
	err_vset(&ev->err, ERR_EXPRESSION, fmt, ap);
	va_end(ap);
	return -1;
}

__attribute__((format(printf, 2, 0))) static void raise(struct eval *ev, const char *fmt, va_list ap)
{
	if (ev->limit)
		return;
	err_vset(&ev->err, ERR_EXPRESSION, fmt, ap);
	eval_charge(ev, 4);	/* formatting is slow and `?` may discard it */
}

const struct json *eval_raise(struct eval *ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	raise(ev, fmt, ap);
	va_end(ap);
	return NULL;
}

int eval_fail(struct eval *ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	raise(ev, fmt, ap);
	va_end(ap);
	return -1;
}

/* Whole code points only, as the message is text. */
struct str eval_head(struct str s, size_t n)
{
	if (n >= s.n)
		return s;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_sub(s, 0, n);
}

const char *eval_describe(struct eval_shown *room, const struct json *v)
{
	struct str s = json_str(v), lit = json_literal(v);
	struct str shown = eval_head(s, 30);
	int64_t i;

	switch (json_type(v)) {
	case JSON_STRING:
		snprintf(room->text, sizeof room->text, "string (\"" STR_FMT "%s\")", STR_ARG(shown),
			 shown.n < s.n ? "..." : "");
		break;
	case JSON_NUM:
		snprintf(room->text, sizeof room->text, "number (%.*s%s)", (int)(lit.n > 30 ? 30 : lit.n), lit.p,
			 lit.n > 30 ? "..." : "");
		break;
	case JSON_INT:
		json_to_int(v, &i);
		snprintf(room->text, sizeof room->text, "number (%lld)", (long long)i);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(room->text, sizeof room->text, "boolean (%s)", json_is_true(v) ? "true" : "false");
		break;
	default:
		snprintf(room->text, sizeof room->text, "%s", json_type_name(v));
	}
	return room->text;
}

/* --- costs --- */

bool eval_spend(struct eval *ev, size_t work)
{
	ev->work += work;
	return ev->work <= max_work;
}

uint64_t eval_work_left(const struct eval *ev)
{
	return ev->work < max_work ? max_work - ev->work : 0;
}

bool eval_work(struct eval *ev, size_t work)
{
	if (eval_spend(ev, work))
		return !ev->limit;
	eval_limit(ev, "more than %d operations in one evaluation", EXPR_MAX_OPERATIONS);
	return false;
}

bool eval_charge(struct eval *ev, size_t operations)
{
	return eval_work(ev, operations * EXPR_WORK_PER_OPERATION);
}

bool eval_make(struct eval *ev, size_t text_bytes)
{
	ev->bytes += EXPR_VALUE_BYTES + text_bytes;
	if (ev->bytes > EXPR_MAX_BYTES) {
		eval_limit(ev, "the values made take more than %d MiB", EXPR_MAX_BYTES / (1024 * 1024));
		return false;
	}
	return eval_work(ev, 8 + text_bytes / 8);
}

/* --- the stack --- */

void eval_push(struct eval *ev, const struct json *v)
{
	if (ev->top == ev->cap) {
		ev->cap = ev->cap ? ev->cap * 2 : 32;
		ev->stack = realloc(ev->stack, ev->cap * sizeof *ev->stack);
		if (!ev->stack)
			fatal("out of memory: %zu values", ev->cap);
	}
	ev->stack[ev->top++] = v ? v : json_null();
}

void eval_settle(struct eval *ev, size_t to, size_t from)
{
	size_t n = ev->top - from;

	if (n && to != from)
		memmove(ev->stack + to, ev->stack + from, n * sizeof *ev->stack);
	ev->top = to + n;
}

/* --- values --- */

const struct json *eval_string_at(struct eval *ev, struct str s)
{
	return eval_make(ev, 0) ? json_string_ref(ev->scratch, s) : NULL;
}

const struct json *eval_string(struct eval *ev, struct str s)
{
	return eval_make(ev, s.n) ? json_string_ref(ev->scratch, str_dup(ev->scratch, s)) : NULL;
}

const struct json *eval_int(struct eval *ev, int64_t i)
{
	return eval_make(ev, 0) ? json_int(ev->scratch, i) : NULL;
}

/* The shortest text of a double is slow to find, far from 1 very slow. */
const struct json *eval_double(struct eval *ev, double d)
{
	double size = fabs(d);
	bool integral = size < 0x1p53 && floor(d) == d;

	if (!integral && !eval_charge(ev, size > 1e-10 && size < 1e20 ? 2 : 16))
		return NULL;
	return eval_make(ev, 32) ? json_double(ev->scratch, d) : NULL;
}

const struct json *eval_array(struct eval *ev, const struct json *const *items, size_t n)
{
	if (n == 0)
		return json_empty_array();
	return eval_make(ev, n * sizeof *items) ? json_array(ev->scratch, items, n) : NULL;
}

const struct json *eval_object(struct eval *ev, struct json_builder *b)
{
	return eval_make(ev, b->n * 32) ? json_object_end(b) : NULL;
}

static int measure(struct eval *ev, const struct json *v, size_t depth, size_t *bytes)
{
	size_t n = json_len(v), text = json_str(v).n;

	*bytes += text + 8;
	if (*bytes > EXPR_MAX_BYTES)
		return eval_limit(ev, "a value larger than %d MiB", EXPR_MAX_BYTES / (1024 * 1024));
	if (!eval_work(ev, 8 + text / 8))
		return -1;
	if (json_type(v) >= JSON_ARRAY && depth == EXPR_MAX_DEPTH)
		return eval_limit(ev, "a value nested deeper than %d levels", EXPR_MAX_DEPTH);
	for (size_t i = 0; i < n; i++) {
		bool object = json_type(v) == JSON_OBJECT;

		*bytes += json_key(v, i).n;
		if (measure(ev, object ? json_val(v, i) : json_at(v, i), depth + 1, bytes) < 0)
			return -1;
	}
	return 0;
}

int eval_measure(struct eval *ev, const struct json *v, size_t *bytes)
{
	*bytes = 0;
	return measure(ev, v, 0, bytes);
}

/* Measured first: shared parts can make a small value unfold into a huge text. */
const struct json *eval_json(struct eval *ev, const struct json *v)
{
	struct str text;
	size_t bytes;

	if (eval_measure(ev, v, &bytes) < 0)
		return NULL;
	text = json_text(ev->scratch, v);
	return eval_make(ev, text.n) ? json_string_ref(ev->scratch, text) : NULL;
}

const struct json *eval_text(struct eval *ev, const struct json *v)
{
	return json_type(v) == JSON_STRING ? v : eval_json(ev, v);
}
