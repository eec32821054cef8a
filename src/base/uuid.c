/* uuid.c - RFC 9562 version 7 with a 42-bit counter behind the milliseconds (section 6.2, method 1). */
#include "base/uuid.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/digest.h"

#define COUNTER_BITS 42
#define COUNTER_MAX ((UINT64_C(1) << COUNTER_BITS) - 1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms, counter;
static int64_t ahead_us;	/* of the host's clock */

/* A new millisecond begins at a random count in the lower half, so that there is room to count.
 * When the clock goes back or the count is used up, the last millisecond stays or is passed early. */
static void next(uint64_t random, uint64_t *ret_ms, uint64_t *ret_counter)
{
	int64_t us = clock_wall_us();
	uint64_t ms;

	pthread_mutex_lock(&lock);
	us += ahead_us;
	ms = us > 0 ? (uint64_t)us / 1000 : 0;
	if (ms > last_ms || counter == COUNTER_MAX) {
		last_ms = ms > last_ms ? ms : last_ms + 1;
		counter = random & (COUNTER_MAX >> 1);
	} else {
		counter++;
	}
	*ret_ms = last_ms;
	*ret_counter = counter;
	pthread_mutex_unlock(&lock);
}

/* The last millisecond is forgotten: it may lie far ahead of the time that is right. */
void uuid_follow(int64_t now_us)
{
	pthread_mutex_lock(&lock);
	ahead_us = now_us - clock_wall_us();
	last_ms = counter = 0;
	pthread_mutex_unlock(&lock);
}

struct uuid uuid_new(void)
{
	uint64_t random[2], ms, count;
	struct uuid u;

	random_bytes(random, sizeof random);
	next(random[0], &ms, &count);
	for (int i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	u.b[6] = (uint8_t)(0x70 | count >> 38);
	u.b[7] = (uint8_t)(count >> 30);
	u.b[8] = (uint8_t)(0x80 | (count >> 24 & 0x3f));
	u.b[9] = (uint8_t)(count >> 16);
	u.b[10] = (uint8_t)(count >> 8);
	u.b[11] = (uint8_t)count;
	memcpy(u.b + 12, &random[1], 4);
	return u;
}

void uuid_format(const struct uuid *u, char ret[37])
{
	static const char hex[] = "0123456789abcdef";
	char *p = ret;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[u->b[i] >> 4];
		*p++ = hex[u->b[i] & 15];
	}
	*p = '\0';
}

/* RFC 9562 section 4: written in lower case, read in either. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool uuid_parse(struct str s, struct uuid *ret)
{
	struct uuid u;
	size_t at = 0;

	if (s.n != 36)
		return false;
	for (int i = 0; i < 16; i++) {
		int hi, lo;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && s.p[at++] != '-')
			return false;
		hi = digit(s.p[at++]);
		lo = digit(s.p[at++]);
		if (hi < 0 || lo < 0)
			return false;
		u.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*ret = u;
	return true;
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool uuid_is_nil(const struct uuid *u)
{
	static const struct uuid nil;

	return uuid_eq(u, &nil);
}
