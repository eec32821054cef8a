/* bundle_cache.h - bundles by digest: fetched once, compiled once, shared by runs.
 *
 * Shapes:  bundle_get() calls back when the program is there, at once when it is cached. Runs that ask for
 *          the same digest while it is on its way share one fetch. Bundles that nobody uses are kept, least
 *          recently used first to go.
 * Memory:  a reference keeps its bundle; struct bundle_wait is the caller's and must live until it was called or
 *          forgotten.
 * Errors:  ERR_NOT_FOUND, ERR_CONFIG (this program cannot compile it), those of admin_bundle().
 * Source:  agentd-internals(7), "Programs".
 */
#ifndef ENGINE_BUNDLE_CACHE_H
#define ENGINE_BUNDLE_CACHE_H

#include <stddef.h>

#include "base/digest.h"

struct bundle_cache;
struct bundle_entry;
struct err;
struct loop;
struct program_task;
struct store;

struct bundle_ref {
	struct bundle_entry *entry;
	const struct program_task *program;
};

struct bundle_wait {
	struct bundle_wait *next;
	struct bundle_entry *entry;	/* NULL: waits for nothing */
	void (*fn)(void *arg, const struct bundle_ref *ref, const struct err *err);	/* ref NULL on errors */
	void *arg;
};

enum { BUNDLE_CACHE_IDLE = 64 };	/* unused bundles that are kept */

struct bundle_cache *bundle_cache_new(struct loop *l, struct store *s);
void bundle_cache_free(struct bundle_cache *c);		/* no reference may be held */
void bundle_get(struct bundle_cache *c, const struct digest *d, struct bundle_wait *w);
void bundle_forget(struct bundle_wait *w);		/* do not call back */
void bundle_put(struct bundle_cache *c, struct bundle_ref *ref);

#endif
