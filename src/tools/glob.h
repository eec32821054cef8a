/* glob.h - file name patterns in linear time.
 *
 * Shapes:  * any text, ? one character, [a-z] [!a-z] one of a set; none of them crosses a '/', and none
 *          but a literal dot fits the dot that hides a name. No escapes.
 * Memory:  none.
 * Errors:  a set without its ']' is taken literally.
 * Source:  glob(7). fnmatch(3) takes exponential time for hostile patterns.
 */
#ifndef TOOLS_GLOB_H
#define TOOLS_GLOB_H

#include <stdbool.h>

#include "base/str.h"

bool glob_matches(struct str pattern, struct str path);	/* both valid UTF-8 */

#endif
