/* engine_room.h - struct engine for the files of this room; others see engine.h.
 *
 * Shapes:  a list of runs, the bundles they share, and the database's clock as told by its last answer.
 * Units:   _us.
 * Memory:  scratch is for values of one action and is reset after it.
 * Errors:  none.
 * Source:  engine.h.
 */
#ifndef ENGINE_ENGINE_ROOM_H
#define ENGINE_ENGINE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct bundle_cache;
struct gateway;
struct loop;
struct policy;
struct run;
struct store;
struct tools;

struct engine {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	struct gateway *gateway;
	struct tools *tools;
	const struct policy *policy;	/* NULL: none */
	struct bundle_cache *bundles;
	struct arena *scratch;
	struct run *runs;
	size_t n_runs;
	bool draining;
	int max_failures;
	void (*on_ended)(void *arg);
	void *on_ended_arg;
	int64_t db_us, db_at_ms;	/* the database's clock, and ours when it was told */
	int64_t fresh_until_ms;		/* by clock_boot_ms(); 0: nobody told */
};

void engine_set_clock(struct engine *e, int64_t db_now_us);	/* 0: not known */
int64_t engine_now_us(const struct engine *e);
bool engine_is_fresh(const struct engine *e);
void engine_ended(struct engine *e, struct run *r);		/* unlinks, then tells */

#endif
