/* top.h - one frame of agentctl top: lines of text made of figures. Pure.
 *
 * Shapes:  figures are those of store/sight.h: sight_top(). Rates come from the counters of two frames, some seconds apart.
 * Units:   width in columns of a terminal, height in lines; 0: as much as there is.
 * Memory:  lines live in the arena.
 * Errors:  none: what the figures do not hold is not shown.
 * Source:  agentctl(1), top.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct json;

/* The counters of the last half minute. Processes report what they counted every 5 s, so rates need a while. */
enum { TOP_SAMPLES = 32, TOP_WINDOW_MS = 30000 };
struct top_rates {
	struct top_sample {
		int64_t at_us;
		double submitted, ended, failed;
	} v[TOP_SAMPLES];
	size_t n;
	struct str spent_usd;		/* of today, as it was asked for last; STR_NONE: not yet */
};
void top_learn(struct top_rates *r, const struct json *figures);

enum top_sort { TOP_BY_NAME, TOP_BY_TASKS };
struct top_view {
	size_t width, height;
	enum top_sort sort;
	const char *notice;		/* why the figures are old; NULL: they are not */
};
struct top_line {
	struct str text;		/* no line end, nothing that drives a terminal */
	bool heading;
};
const struct top_line *top_frame(struct arena *a, const struct json *figures, const struct top_rates *r, const struct top_view *v, size_t *ret_n);

/* As much of a line as fits: wide characters take two columns, marks none. */
struct str top_cut(struct str line, size_t width);

#endif
