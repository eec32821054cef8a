/* retry_after.h - the header Retry-After: seconds, or a date.
 *
 * Units:   ms from now, at most a day; 0: none that can be used.
 * Source:  RFC 9110, section 10.2.3.
 */
#ifndef BASE_RETRY_AFTER_H
#define BASE_RETRY_AFTER_H

#include <stdint.h>

#include "base/str.h"

int64_t retry_after_ms(struct str header);

#endif
