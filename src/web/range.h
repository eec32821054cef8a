/* range.h - the header Range: which part of a file is wanted. Pure.
 *
 * Shapes:  one range of bytes, "bytes=0-99", "bytes=100-" or "bytes=-50", is served as it fits the size. What is no such header, and a
 *          list of several, is as if it were not there: the whole file is an answer to it. One that begins behind the end, or is of no
 *          bytes, cannot be satisfied.
 * Units:   bytes.
 * Source:  RFC 9110, 14.1.2 and 14.2.
 */
#ifndef WEB_RANGE_H
#define WEB_RANGE_H

#include <stdint.h>

enum range { RANGE_WHOLE, RANGE_PART, RANGE_UNSATISFIABLE };

/* header: NULL when absent. Of RANGE_PART *ret_first and *ret_n say which. */
enum range range_read(const char *header, uint64_t size, uint64_t *ret_first, uint64_t *ret_n);

#endif
