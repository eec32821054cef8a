/* visible.h - text of strangers, shown so that it hides nothing and drives nothing.
 *
 * Shapes:  what drives a terminal, or hides or turns text, becomes a visible escape (\u202e); so do bytes that are no UTF-8 (\xff).
 *          Line ends and tabs stay with keep_lines. Whoever shows it in markup escapes that on top.
 * Memory:  the arena given.
 * Source:  Unicode: Cc, Cf, and what has no width.
 */
#ifndef BASE_VISIBLE_H
#define BASE_VISIBLE_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

struct str str_visible(struct arena *a, struct str s, bool keep_lines);

#endif
