/* pattern.h - the memory of PCRE2: out of memory ends the process, it is never a text that does not match.
 *
 * Shapes:  contexts of PCRE2 for pcre2_compile() and for making match data and match contexts.
 * Memory:  made once, they live as long as the process.
 * Errors:  none (fatal).
 * Source:  base/heap.h
 */
#ifndef SCHEMA_PATTERN_H
#define SCHEMA_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

pcre2_general_context *pattern_heap(void);
pcre2_compile_context *pattern_defaults(void);	/* of pcre2_compile(); not to be changed */

#endif
