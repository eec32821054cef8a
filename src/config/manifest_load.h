/* manifest_load.h - what the files manifest*.c share while a tool's file is read. Internal to config.
 *
 * Shapes:  a runner is a row: its key in the file, its table, its checks.
 * Memory:  the load's arena.
 * Errors:  all to the diag list.
 * Source:  agentd-tool(5).
 */
#ifndef CONFIG_MANIFEST_LOAD_H
#define CONFIG_MANIFEST_LOAD_H

#include "config/manifest.h"
#include "config/schema.h"

struct manifest_load {
	struct load l;			/* first: read functions cast */
	struct manifest *m;
	const struct yaml *root;
	bool sends_effect_key;
	struct manifest *ask;		/* m->ask, while it is made */
	bool ask_tells_calls_apart;	/* the query names the effect key or an argument */
};

struct runner_row {
	const char *name;
	enum runner_kind kind;
	const struct key_table *table;
	void (*check)(struct manifest_load *w, const struct manifest *m, const struct yaml *map);	/* m has this runner */
};

/* manifest_run.c */
extern const struct runner_row runner_rows[];
extern const size_t n_runner_rows;
extern const struct key_table http_table, exec_table, fs_table, artifact_table;
key_read_fn read_runner;

/* The names that templates of a runner may use. */
void load_roots(struct load *l, const char *const *roots, size_t n);

#endif
