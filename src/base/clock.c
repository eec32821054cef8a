/* clock.c - clocks, and the texts of times and amounts. Amounts are read digit by digit: binary
 * fractions cannot hold a cent. */
#include "base/clock.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"

#define DAY_S INT64_C(86400)
#define DURATION_MAX_MS (3650 * DAY_S * 1000)
#define MONEY_MAX_PUSD (9000000 * PUSD_PER_USD)

struct measure {
	struct str name;
	int64_t factor;
};

static const struct measure durations[] = {
	{STR("ms"), 1}, {STR("s"), 1000}, {STR("m"), 60000}, {STR("h"), 3600000}, {STR("d"), DAY_S * 1000},
};

static const struct measure sizes[] = {
	{STR("B"), 1}, {STR("KiB"), INT64_C(1) << 10}, {STR("MiB"), INT64_C(1) << 20}, {STR("GiB"), INT64_C(1) << 30},
};

static _Atomic int64_t fake_us;

static int64_t read_clock(clockid_t id, int64_t per_s)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		fatal("clock %d cannot be read", (int)id);
	return (int64_t)ts.tv_sec * per_s + (int64_t)ts.tv_nsec / (1000000000 / per_s);
}

int64_t clock_wall_us(void)
{
	int64_t us = atomic_load_explicit(&fake_us, memory_order_relaxed);

	return us ? us : read_clock(CLOCK_REALTIME, 1000000);
}

int64_t clock_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME, 1000);
}

void clock_fake_us(int64_t wall_us)
{
	atomic_store_explicit(&fake_us, wall_us, memory_order_relaxed);
}

/* --- amounts --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal at the start of *s (digits, or digits '.' digits; no leading zeros) times factor, when
 * that is an integer. *s becomes the rest. */
static bool take_decimal(struct str *s, int64_t factor, int64_t *ret)
{
	int64_t v = 0, part;
	size_t i = 0;

	for (; i < s->n && is_digit(s->p[i]); i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s->p[i] - '0', &v))
			return false;
	if (i == 0 || (i > 1 && s->p[0] == '0') || __builtin_mul_overflow(v, factor, &v))
		return false;
	if (i < s->n && s->p[i] == '.') {
		int64_t scale = 1, fraction = 0;
		size_t from = ++i;

		for (; i < s->n && is_digit(s->p[i]); i++) {
			if (i - from == 12)
				return false;
			scale *= 10;
			fraction = fraction * 10 + (s->p[i] - '0');
		}
		/* At most 10^12 times 10^12: too much for 64 bits. */
		if (i == from || (__int128)fraction * factor % scale != 0)
			return false;
		part = (int64_t)((__int128)fraction * factor / scale);
		if (__builtin_add_overflow(v, part, &v))
			return false;
	}
	*s = str_sub(*s, i, s->n);
	*ret = v;
	return true;
}

static bool measure_parse(struct str s, const struct measure *m, size_t n, int64_t max, int64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct str rest = s;
		int64_t v;

		if (!take_decimal(&rest, m[i].factor, &v) || !str_eq(rest, m[i].name))
			continue;
		if (v > max)
			return false;
		*ret = v;
		return true;
	}
	return false;
}

bool duration_parse(struct str s, int64_t *ret_ms)
{
	return measure_parse(s, durations, sizeof durations / sizeof durations[0], DURATION_MAX_MS, ret_ms);
}

bool size_parse(struct str s, int64_t *ret_bytes)
{
	return measure_parse(s, sizes, sizeof sizes / sizeof sizes[0], INT64_MAX, ret_bytes);
}

/* Cut, not rounded: 59.999 s is not a minute. */
void duration_format(int64_t ms, char ret[32])
{
	const char *sign = ms < 0 ? "-" : "";
	uint64_t t = ms < 0 ? -(uint64_t)ms : (uint64_t)ms, s = t / 1000;

	if (t < 1000)
		snprintf(ret, 32, "%s%" PRIu64 "ms", sign, t);
	else if (s < 60)
		snprintf(ret, 32, "%s%" PRIu64 ".%02" PRIu64 "s", sign, s, t % 1000 / 10);
	else if (s < 3600)
		snprintf(ret, 32, "%s%" PRIu64 "m%02" PRIu64 "s", sign, s / 60, s % 60);
	else if (s < (uint64_t)DAY_S)
		snprintf(ret, 32, "%s%" PRIu64 "h%02" PRIu64 "m", sign, s / 3600, s % 3600 / 60);
	else
		snprintf(ret, 32, "%s%" PRIu64 "d%02" PRIu64 "h", sign, s / 86400, s % 86400 / 3600);
}

bool money_parse(struct str s, int64_t *ret_pusd)
{
	int64_t v;

	if (!take_decimal(&s, PUSD_PER_USD, &v) || s.n != 0 || v > MONEY_MAX_PUSD)
		return false;
	*ret_pusd = v;
	return true;
}

void money_format(int64_t pusd, char ret[40])
{
	uint64_t v = pusd < 0 ? -(uint64_t)pusd : (uint64_t)pusd, one = (uint64_t)PUSD_PER_USD;
	size_t n;

	n = (size_t)snprintf(ret, 40, "%s%" PRIu64 ".%012" PRIu64, pusd < 0 ? "-" : "", v / one, v % one);
	while (ret[n - 1] == '0')
		n--;
	if (ret[n - 1] == '.')
		n--;
	ret[n] = '\0';
}

/* --- instants --- */

/* Days since 1970-01-01 of the proleptic Gregorian calendar, counted in eras of 400 years that
 * begin on the first of March, so that the leap day is the last of a year. */
static int64_t days_of(int64_t y, int m, int d)
{
	int64_t era, year, day;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	year = y - era * 400;
	day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static void date_of(int64_t days, int64_t *y, int *m, int *d)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, day = z - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t in_year = day - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;

	*d = (int)(in_year - (153 * month + 2) / 5 + 1);
	*m = (int)(month < 10 ? month + 3 : month - 9);
	*y = year + era * 400 + (*m <= 2);
}

static int days_in(int64_t y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : days[m - 1];
}

/* n digits with a value in lo..hi, then the character behind (0: none). */
static bool take(struct str *s, size_t n, int lo, int hi, char behind, int *ret)
{
	size_t all = n + (behind != '\0');
	int v = 0;

	if (s->n < all || (behind && s->p[n] != behind && s->p[n] != (behind | 0x20)))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_sub(*s, all, s->n);
	*ret = v;
	return v >= lo && v <= hi;
}

/* Digits behind the sixth are cut. */
static bool take_fraction(struct str *s, int64_t *ret_us)
{
	int64_t us = 0, digit = 100000;
	size_t i = 1;

	*ret_us = 0;
	if (s->n == 0 || s->p[0] != '.')
		return true;
	for (; i < s->n && is_digit(s->p[i]); i++) {
		us += (s->p[i] - '0') * digit;
		digit /= 10;
	}
	*s = str_sub(*s, i, s->n);
	*ret_us = us;
	return i > 1;
}

static bool take_zone(struct str *s, int64_t *ret_s)
{
	int sign = s->n && s->p[0] == '-' ? -1 : 1, h, m;

	*ret_s = 0;
	if (s->n == 1 && (s->p[0] == 'Z' || s->p[0] == 'z'))
		return true;
	if (s->n != 6 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	*s = str_sub(*s, 1, s->n);
	if (!take(s, 2, 0, 23, ':', &h) || !take(s, 2, 0, 59, '\0', &m))
		return false;
	*ret_s = sign * (h * 3600 + m * 60);
	return true;
}

bool time_parse(struct str s, int64_t *ret_us)
{
	int64_t us, zone_s, t;
	int y, mo, d, h, mi, sec;

	if (!take(&s, 4, 0, 9999, '-', &y) || !take(&s, 2, 1, 12, '-', &mo) ||
	    !take(&s, 2, 1, days_in(y, mo), 'T', &d) || !take(&s, 2, 0, 23, ':', &h) ||
	    !take(&s, 2, 0, 59, ':', &mi) || !take(&s, 2, 0, 60, '\0', &sec) || !take_fraction(&s, &us) ||
	    !take_zone(&s, &zone_s))
		return false;
	t = days_of(y, mo, d) * DAY_S + h * 3600 + mi * 60 + sec - zone_s;
	/* A leap second ends a day of UTC; it counts as the second after it, as POSIX has it. */
	if (sec == 60 && ((t % DAY_S) + DAY_S) % DAY_S != 0)
		return false;
	*ret_us = t * 1000000 + us;
	return true;
}

void time_format(int64_t us, char ret[32])
{
	int64_t s = us / 1000000 - (us % 1000000 < 0), rest_us = us % 1000000, y;
	int64_t day = s / DAY_S - (s % DAY_S < 0), sec = s - day * DAY_S;
	char text[96];
	int m, d;

	if (rest_us < 0)
		rest_us += 1000000;
	date_of(day, &y, &m, &d);
	/* An array larger than needed: compilers do not see that all int64 give 31 characters at most. */
	snprintf(text, sizeof text, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%06dZ", y, m, d, (int)(sec / 3600),
		 (int)(sec / 60 % 60), (int)(sec % 60), (int)rest_us);
	memcpy(ret, text, 31);
	ret[31] = '\0';
}
