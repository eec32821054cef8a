/* echo.h - what a server wants back with the turn that it gave, unread: signatures of reasoning.
 *
 * Shapes:  an echo is JSON text {"model": TAG, ...}; what else it holds is the wire's own (openai_echo.h,
 *          anthropic_echo.h). It is given back to the model that made it only: to another it would be wrong.
 * Units:   bytes.
 * Memory:  the arena given; the text of an echo is at most ECHO_MAX, and one over it is dropped.
 * Errors:  none: an echo that cannot be read counts as none.
 * Source:  the providers' documentation of thought signatures and reasoning.
 */
#ifndef GATEWAY_ECHO_H
#define GATEWAY_ECHO_H

#include "base/str.h"

struct arena;
struct json;
struct model;

enum { ECHO_MAX = 1 << 20 };

struct str echo_tag(struct arena *a, const struct model *m);
const struct json *echo_read(struct arena *a, const struct model *m, struct str text);	/* NULL: none for this model */

#endif
