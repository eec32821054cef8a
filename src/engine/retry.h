/* retry.h - another try, and when? Pure.
 *
 * Shapes:  an error is journal.h's ERROR; only its "retryable" and, against `on`, its "type" are read.
 * Units:   _ms; try_no counts from 1.
 * Memory:  none.
 * Errors:  none.
 * Source:  agentd-workflow(5), "Retry": full jitter, Retry-After respected up to the cap.
 */
#ifndef ENGINE_RETRY_H
#define ENGINE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct json;
struct retry_policy;

/* random is any 64-bit number; the same one gives the same delay. False: no more tries. */
bool retry_decide(const struct retry_policy *p, const struct json *error, int try_no, int retry_after_ms,
		  uint64_t random, int64_t *ret_delay_ms);
/* A question that nobody may answer now is asked again, so often at most. */
enum { RETRY_MAX_REQUEUES = 100 };
/* In how long, after n times before; again_ms: not sooner than that, and up to a tenth more; 0: nobody knows. */
int64_t retry_requeue_ms(int n, int64_t again_ms, uint64_t random);
/* "tool.failed" fits "tool.failed" and "tool.*". */
bool retry_type_fits(struct str type, struct str pattern);

#endif
