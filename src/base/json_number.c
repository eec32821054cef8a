/* json_number.c - numbers as exact decimals.
 *
 * The canonical form of a number is its exact value, written as ECMAScript writes one (RFC 8785
 * section 3.2.2.3) but with all its digits, however many: with d1..dk the digits without leading
 * and trailing zeros and P the place of the point behind d1..dP,
 *
 *	k <= P <= 21	digits, then P-k zeros		1e2 -> 100
 *	0 < P <= 21	the point inside		1.50 -> 1.5
 *	-6 < P <= 0	"0.", -P zeros, digits		1e-6 -> 0.000001
 *	otherwise	d1.d2..dk e sign (P-1)		1e21 -> 1e+21, 1e-7 -> 1e-7
 *	zero		0, without a sign		-0.0 -> 0
 *
 * so 1, 1.0 and 10e-1 have one form and one digest. Integers within 64 bits have at most 19 digits
 * and therefore always come out plain, the same whether they were JSON_INT or JSON_NUM.
 */
#include "base/json_shape.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

static size_t digits(struct str s, size_t i)
{
	size_t from = i;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

size_t json_number_scan(struct str s, bool *integer)
{
	size_t i = 0, n;

	*integer = true;
	if (i < s.n && s.p[i] == '-')
		i++;
	n = digits(s, i);
	if (n == 0)
		return 0;
	i += s.p[i] == '0' ? 1 : n;
	if (i < s.n && s.p[i] == '.') {
		n = digits(s, i + 1);
		if (n == 0)
			return 0;
		*integer = false;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		n = digits(s, i);
		if (n == 0)
			return 0;
		*integer = false;
		i += n;
	}
	return i;
}

/* Accumulates downwards, since -2^63 has no positive twin. */
static bool to_int64(struct str s, int64_t *ret)
{
	bool neg = s.n && s.p[0] == '-';
	int64_t v = 0;

	for (size_t i = neg; i < s.n; i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return false;
	if (!neg && __builtin_sub_overflow(0, v, &v))
		return false;
	*ret = v;
	return true;
}

/* Saturates far outside what any literal may say. */
static int exponent_of(struct str s)
{
	size_t i = 0;
	bool neg = false;
	int e = 0;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		neg = s.p[i++] == '-';
	for (; i < s.n; i++)
		if (e < 100000)
			e = e * 10 + (s.p[i] - '0');
	return neg ? -e : e;
}

static void decimal_read(struct str s, struct json_decimal *d, int *exponent)
{
	bool fraction = false;
	size_t i = 0;

	d->neg = s.p[0] == '-';
	d->n = 0;
	d->point = 0;
	*exponent = 0;
	for (i = d->neg; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
		if (s.p[i] == '.') {
			fraction = true;
		} else if (d->n == 0 && s.p[i] == '0') {
			d->point -= fraction;
		} else {
			d->d[d->n++] = s.p[i];
			d->point += !fraction;
		}
	}
	if (i < s.n)
		*exponent = exponent_of(str_sub(s, i + 1, s.n));
	d->point += *exponent;
	while (d->n && d->d[d->n - 1] == '0')
		d->n--;
	if (d->n == 0) {
		d->neg = false;
		d->point = 0;
	}
}

const struct json *json_number_make(struct arena *a, struct str literal, bool integer, const char **fault)
{
	struct json_decimal d;
	struct json *v;
	int64_t i;
	char *text;
	double f;
	int e;

	if (integer && to_int64(literal, &i))
		return json_int(a, i);
	if (literal.n > JSON_NUMBER_BYTES) {
		*fault = "a number may have at most 1024 characters";
		return NULL;
	}
	decimal_read(literal, &d, &e);
	v = arena_alloc(a, sizeof *v + literal.n + 1);
	text = (char *)(v + 1);
	memcpy(text, literal.p, literal.n);
	text[literal.n] = '\0';
	f = strtod(text, NULL);
	if (e > JSON_EXPONENT || e < -JSON_EXPONENT || isinf(f) || (d.n != 0 && f == 0)) {
		*fault = "a number outside the range of doubles";
		return NULL;
	}
	*v = (struct json){.type = JSON_NUM, .n = json_count(literal.n), .p = text};
	return v;
}

void json_decimal_of(const struct json *v, struct json_decimal *ret)
{
	char text[32];
	int n, e;

	if (v->type == JSON_NUM) {
		decimal_read((struct str){v->p, v->n}, ret, &e);
		return;
	}
	n = snprintf(text, sizeof text, "%" PRId64, v->i);
	decimal_read((struct str){text, (size_t)n}, ret, &e);
}

int json_decimal_cmp(const struct json_decimal *a, const struct json_decimal *b)
{
	int c;

	if (a->n == 0 || b->n == 0 || a->neg != b->neg) {
		int sa = a->n == 0 ? 0 : a->neg ? -1 : 1, sb = b->n == 0 ? 0 : b->neg ? -1 : 1;

		return (sa > sb) - (sa < sb);
	}
	if (a->point != b->point)
		c = a->point < b->point ? -1 : 1;
	else
		c = str_cmp((struct str){a->d, a->n}, (struct str){b->d, b->n});
	return a->neg ? -c : c;
}

size_t json_decimal_write(const struct json_decimal *d, char out[JSON_DECIMAL_TEXT])
{
	size_t k = d->n, n = 0, point = d->point > 0 ? (size_t)d->point : 0;

	if (k == 0) {
		out[0] = '0';
		return 1;
	}
	if (d->neg)
		out[n++] = '-';
	if (d->point > 21 || d->point <= -6) {
		out[n++] = d->d[0];
		if (k > 1) {
			out[n++] = '.';
			memcpy(out + n, d->d + 1, k - 1);
			n += k - 1;
		}
		return n + (size_t)snprintf(out + n, JSON_DECIMAL_TEXT - n, "e%+d", d->point - 1);
	}
	if (d->point <= 0) {
		size_t zeros = (size_t)-d->point;

		memcpy(out + n, "0.0000000", 2 + zeros);
		n += 2 + zeros;
		memcpy(out + n, d->d, k);
		return n + k;
	}
	for (size_t i = 0; i < k || i < point; i++) {
		if (i == point)
			out[n++] = '.';
		out[n++] = i < k ? d->d[i] : '0';
	}
	return n;
}

/* Apart, as every call would clear its two kilobytes. */
static __attribute__((noinline)) bool literal_to_int(const struct json *v, int64_t *ret)
{
	struct json_decimal d;
	char text[JSON_DECIMAL_TEXT];

	json_decimal_of(v, &d);
	if (d.point > 19 || (d.n && (d.point <= 0 || d.n > (size_t)d.point)))
		return false;
	return to_int64((struct str){text, json_decimal_write(&d, text)}, ret);
}

bool json_to_int(const struct json *v, int64_t *ret)
{
	if (!json_is_number(v))
		return false;
	if (v->type != JSON_INT)
		return literal_to_int(v, ret);
	*ret = v->i;
	return true;
}

double json_to_double(const struct json *v)
{
	if (!json_is_number(v))
		return 0;
	return v->type == JSON_INT ? (double)v->i : strtod(v->p, NULL);
}

const struct json *json_number(struct arena *a, struct str literal)
{
	const char *fault;
	bool integer;

	if (literal.n == 0 || json_number_scan(literal, &integer) != literal.n)
		return NULL;
	return json_number_make(a, literal, integer, &fault);
}

const struct json *json_double(struct arena *a, double d)
{
	char text[JSON_DECIMAL_TEXT];
	struct json_decimal exact;
	int e;

	if (isnan(d))
		return json_null();
	if (isinf(d))
		d = d < 0 ? -DBL_MAX : DBL_MAX;
	if (fabs(d) <= 0x1p53 && d == (double)(int64_t)d)
		return json_int(a, (int64_t)d);
	/* 15 digits always survive, but for subnormal numbers, which hold fewer. */
	for (int precision = fabs(d) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
	decimal_read(str_from(text), &exact, &e);
	/* What the text says decides between JSON_INT and JSON_NUM, as when it is parsed again: a value
	 * must compute the same before and after it was stored. */
	return json_number(a, (struct str){text, json_decimal_write(&exact, text)});
}
