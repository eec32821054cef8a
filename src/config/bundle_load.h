/* bundle_load.h - from a compiled workflow to its bundle. Internal to config.
 *
 * Shapes:  files as workflow_compile() noted them; text is the workflow file's own.
 * Memory:  the arena given; texts are referred to.
 * Errors:  none.
 * Source:  agentd-internals(7), "Programs".
 */
#ifndef CONFIG_BUNDLE_LOAD_H
#define CONFIG_BUNDLE_LOAD_H

#include "config/catalog.h"

void bundle_make(struct arena *a, const struct workflow *w, struct str text, const struct source_file *files, size_t n,
		 struct bundle *ret);

#endif
