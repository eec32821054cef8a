/* clock.h - wall and monotonic time, durations, sizes, money, RFC 3339.
 *
 * Shapes:  instants are int64 microseconds since 1970 UTC; durations int64
 *          milliseconds; money int64 pico-dollars (1 USD = 10^12).
 * Units:   in the names: _us _ms _pusd _bytes.
 * Memory:  text goes to the caller's array.
 * Errors:  parsers return false and leave *ret alone.
 * Source:  agentd-workflow(5), "Units": durations 500ms 30s 5m 24h 7d; sizes B KiB MiB GiB; money
 *          exact decimals up to 12 places. Durable time is the database's; these
 *          clocks serve deadlines of this process, logs and ids only.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define PUSD_PER_USD INT64_C(1000000000000)

int64_t clock_wall_us(void);		/* CLOCK_REALTIME, or the fake one */
int64_t clock_boot_ms(void);		/* CLOCK_BOOTTIME: runs on during suspend */
void clock_fake_us(int64_t wall_us);	/* tests: freeze the wall clock; 0 thaws */

bool duration_parse(struct str s, int64_t *ret_ms);	/* one number and unit; 0 <= d <= 3650d */
void duration_format(int64_t ms, char ret[32]);		/* for people: 1.24s, 3m05s */
bool size_parse(struct str s, int64_t *ret_bytes);
bool money_parse(struct str s, int64_t *ret_pusd);	/* decimal text, >= 0, <= 9,000,000 */
void money_format(int64_t pusd, char ret[40]);		/* shortest exact decimal: "0.0038125", "0" */
bool time_parse(struct str s, int64_t *ret_us);		/* RFC 3339 with zone */
void time_format(int64_t us, char ret[32]);		/* 2026-11-23T17:33:35.123456Z */

#endif
