/* path.c - making and taking apart step paths. */
#include "engine/path.h"

#include <stdio.h>

#include "base/arena.h"

enum { MAX_NUMBER = 1000000000 };

/* Decimal digits without a leading zero, at most MAX_NUMBER. */
static bool take_number(struct str *rest, int *ret)
{
	size_t i = 0;
	int n = 0;

	while (i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9') {
		if (n > (MAX_NUMBER - 9) / 10)
			return false;
		n = n * 10 + (rest->p[i++] - '0');
	}
	if (i == 0 || (i > 1 && rest->p[0] == '0'))
		return false;
	*rest = str_sub(*rest, i, rest->n - i);
	*ret = n;
	return true;
}

static bool take_char(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = str_sub(*rest, 1, rest->n - 1);
	return true;
}

static bool is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Below a turn are calls, below a call asks and requests. */
static bool may_follow(const struct segment *s, struct str rest)
{
	return (s->turn && str_starts(rest, STR("call-"))) ||
	       (s->is_call && (str_starts(rest, STR("ask-")) || str_starts(rest, STR("approval-"))));
}

static bool take_numbered(struct str *rest, struct segment *ret)
{
	int *number = str_is(ret->id, "turn") ? &ret->turn : str_is(ret->id, "ask") ? &ret->ask : str_is(ret->id, "call") ? &ret->call :
		      str_is(ret->id, "approval") ? &ret->approval : NULL;

	if (!number || !take_char(rest, '-') || !take_number(rest, number))
		return false;
	ret->is_call = number == &ret->call;
	if ((!ret->is_call && *number < 1) || (rest->n > 0 && (!take_char(rest, '/') || !may_follow(ret, *rest))))
		return false;
	return true;
}

bool path_take(struct str *rest, struct segment *ret)
{
	size_t n = 0;
	int item;

	while (n < rest->n && is_id_char(rest->p[n]))
		n++;
	if (n == 0)
		return false;
	*ret = (struct segment){.id = str_sub(*rest, 0, n), .visit = 1};
	*rest = str_sub(*rest, n, rest->n - n);
	if (rest->n && rest->p[0] == '-')
		return take_numbered(rest, ret);
	if (take_char(rest, '~') && (!take_number(rest, &ret->visit) || ret->visit < 2))
		return false;
	if (take_char(rest, '[')) {
		if (!take_number(rest, &item) || !take_char(rest, ']'))
			return false;
		ret->has_item = true;
		ret->item = (size_t)item;
	}
	if (rest->n == 0)
		return true;
	return take_char(rest, '/') && rest->n > 0;
}

struct str path_step(struct arena *a, struct str scope, struct str id, int visit)
{
	size_t n = scope.n + (scope.n ? 1 : 0) + id.n;
	char number[16] = "", *p, *at;
	int digits = 0;

	if (visit > 1)
		digits = snprintf(number, sizeof number, "~%d", visit);
	p = at = arena_alloc(a, n + (size_t)digits + 1);
	if (scope.n) {
		memcpy(at, scope.p, scope.n);
		at += scope.n;
		*at++ = '/';
	}
	memcpy(at, id.p, id.n);
	memcpy(at + id.n, number, (size_t)digits + 1);
	return (struct str){p, n + (size_t)digits};
}

struct str path_item(struct arena *a, struct str loop, size_t item)
{
	return str_from(arena_printf(a, STR_FMT "[%zu]", STR_ARG(loop), item));
}

struct str path_turn(struct arena *a, struct str step, int turn)
{
	return str_from(arena_printf(a, STR_FMT "/turn-%d", STR_ARG(step), turn));
}

struct str path_ask(struct arena *a, struct str step, int ask)
{
	return str_from(arena_printf(a, STR_FMT "/ask-%d", STR_ARG(step), ask));
}

struct str path_approval(struct arena *a, struct str step, int approval)
{
	return str_from(arena_printf(a, STR_FMT "/approval-%d", STR_ARG(step), approval));
}
