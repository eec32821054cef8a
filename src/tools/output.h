/* output.h - a result within its cap.
 *
 * Shapes:  the cap counts the compact JSON text. Where cutting is allowed, the longest text or list at the top
 *          (or the value itself, when it is one) loses its end, and an object says `truncated: true`.
 * Units:   bytes.
 * Memory:  the arena given.
 * Errors:  ERR_TOOL_OUTPUT with both sizes.
 * Source:  agentd-tool(5), "RESULTS".
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct err;
struct json;

int output_fit(struct arena *a, const struct json *v, size_t max_bytes, bool cut, const struct json **ret,
	       bool *ret_truncated, struct err *err);
/* The longest beginning of valid UTF-8 with at most max bytes that ends between code points. */
struct str output_cut_utf8(struct str s, size_t max);
/* The beginning of what someone outside said, as one line for a message. */
const char *output_line(struct arena *a, struct str bytes);

#endif
