/* publish.h - moves the active pointers to the workflows on disk: `agentctl reload` and SIGHUP to web.
 *
 * Shapes:  loads the whole root, reports every error, and moves all pointers or none.
 * Memory:  the publish lives in the arena given; each run has its own.
 * Errors:  logged (daemon); agentctl prints them. The old pointers stay.
 * Source:  agentd(8), "What is pinned and what is live".
 */
#ifndef PUBLISH_PUBLISH_H
#define PUBLISH_PUBLISH_H

#include <stddef.h>

#include "base/loop.h"

struct arena;
struct catalog;
struct diags;
struct publish;
struct store;

struct publish *publish_new(struct arena *a, struct store *s, const char *config_dir);
void publish_start(struct publish *p);		/* one at a time; a second request runs after the first */

/* The store call itself, for callers that load and print by themselves. The op owns op_arena. */
struct op *publish_catalog(struct store *s, struct arena *op_arena, const struct catalog *c, op_done_fn *done, void *arg);

#endif
