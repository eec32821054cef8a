/* json_multiple.c - divisibility of exact decimals.
 *
 * With v = V * 10^p and by = B * 10^q, V and B whole and without a zero at their ends, v is a multiple of by if B divides
 * V * 10^(p-q). Where p < q it does not: V would end with a zero.
 */
#include "base/json_shape.h"

enum { SMALL_DIGITS = 18 };

/* Of the last digit. */
static int exponent(const struct json_decimal *d)
{
	return d->point - (int)d->n;
}

static bool small_divides(const struct json_decimal *v, int zeros, const struct json_decimal *by)
{
	uint64_t divisor = 0, rest = 0;	/* below 10^18, so that ten times the rest and a digit fit */

	for (size_t i = 0; i < by->n; i++)
		divisor = divisor * 10 + (uint64_t)(by->d[i] - '0');
	for (size_t i = 0; i < v->n; i++)
		rest = (rest * 10 + (uint64_t)(v->d[i] - '0')) % divisor;
	for (int i = 0; i < zeros && rest; i++)
		rest = rest * 10 % divisor;
	return rest == 0;
}

/* A remainder of n + 1 digits, most significant first. */
struct rest {
	size_t n;
	unsigned char d[JSON_NUMBER_BYTES + 1];
};

static bool at_least(const struct rest *r, const struct json_decimal *by)
{
	if (r->d[0])
		return true;
	for (size_t i = 0; i < by->n; i++)
		if (r->d[i + 1] != by->d[i] - '0')
			return r->d[i + 1] > by->d[i] - '0';
	return true;
}

static void subtract(struct rest *r, const struct json_decimal *by)
{
	int borrow = 0;

	for (size_t i = by->n + 1; i-- > 0;) {
		int d = r->d[i] - borrow - (i > 0 ? by->d[i - 1] - '0' : 0);

		borrow = d < 0;
		r->d[i] = (unsigned char)(d + 10 * borrow);
	}
}

static void take_digit(struct rest *r, unsigned char digit, const struct json_decimal *by)
{
	memmove(r->d, r->d + 1, r->n);
	r->d[r->n] = digit;
	while (at_least(r, by))
		subtract(r, by);
}

static bool large_divides(const struct json_decimal *v, int zeros, const struct json_decimal *by)
{
	struct rest r = {.n = by->n};

	for (size_t i = 0; i < v->n; i++)
		take_digit(&r, (unsigned char)(v->d[i] - '0'), by);
	for (int i = 0; i < zeros; i++)
		take_digit(&r, 0, by);
	for (size_t i = 0; i <= r.n; i++)
		if (r.d[i])
			return false;
	return true;
}

/* Apart, as every call would clear its kilobytes. */
static __attribute__((noinline)) bool decimal_is_multiple(const struct json *v, const struct json *by)
{
	struct json_decimal dv, db;
	int zeros;

	json_decimal_of(v, &dv);
	json_decimal_of(by, &db);
	if (dv.n == 0 || db.n == 0)
		return dv.n == 0;
	zeros = exponent(&dv) - exponent(&db);
	if (zeros < 0)
		return false;
	return db.n <= SMALL_DIGITS ? small_divides(&dv, zeros, &db) : large_divides(&dv, zeros, &db);
}

bool json_is_multiple(const struct json *v, const struct json *by)
{
	if (!json_is_number(v) || !json_is_number(by))
		return false;
	if (v->type == JSON_INT && by->type == JSON_INT && by->i > 0)
		return v->i % by->i == 0;
	return decimal_is_multiple(v, by);
}

static __attribute__((noinline)) bool decimal_is_integer(const struct json *v)
{
	struct json_decimal d;

	json_decimal_of(v, &d);
	return d.n == 0 || (d.point > 0 && d.n <= (size_t)d.point);
}

bool json_is_integer(const struct json *v)
{
	return json_type(v) == JSON_INT || (json_type(v) == JSON_NUM && decimal_is_integer(v));
}
