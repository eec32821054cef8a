/* catalog.h - everything below a configuration root, loaded, linked and checked.
 *
 * Shapes:  a catalog is a snapshot: workflows (each with its bundle), routing, policy,
 *          tools, hooks. A bundle is what a task pins: files by path and the contracts of the
 *          tools it names; its digest is over sorted (path, SHA-256 of the text).
 * Memory:  one arena per snapshot; freed as a whole when nobody uses it.
 * Errors:  all to the diag list; a snapshot with errors is NULL. No file is ever executed,
 *          no connection opened.
 * Source:  agentd-workflow(5), "WHAT A TASK PINS". Root: the .yaml files of workflows/ (not .test.yaml), policies/routing.yaml,
 *          policies/risk.yaml, every file of tools.d/ and hooks/, agentd.yaml; each may be absent.
 */
#ifndef CONFIG_CATALOG_H
#define CONFIG_CATALOG_H

#include <stddef.h>

#include "base/digest.h"
#include "config/diag.h"
#include "config/hook.h"
#include "config/manifest.h"
#include "config/policy.h"
#include "config/routing.h"
#include "config/settings.h"
#include "config/workflow.h"

struct err;

enum { CATALOG_FILE_BYTES = 1024 * 1024 };	/* of any file; what is YAML may be YAML_MAX_BYTES */

struct bundle {
	struct str name;		/* of the workflow */
	struct digest digest;
	struct str entry;		/* path of the workflow file in files, "workflow.yaml" */
	const struct source_file *files;	/* sorted by path; contracts are "contracts/NAME.json" (canonical JSON) */
	size_t n_files;
	const struct workflow *workflow;
};

struct catalog {
	const struct bundle *bundles;
	size_t n_bundles;
	const struct manifest *const *tools;	/* sorted by name */
	size_t n_tools;
	const struct routing *routing;	/* NULL: no file */
	const struct policy *policy;	/* NULL: no file */
	const struct hook *const *hooks;	/* sorted by name */
	size_t n_hooks;
};

/* The configuration root for path: itself or the nearest parent that holds workflows/. NULL with err. */
const char *catalog_root(struct arena *a, const char *path, struct err *err);

const struct catalog *catalog_load(struct arena *a, const char *root, struct diags *d);
/* All that a server without a worker needs: policy, routing and hooks alone, whose workflows are not looked for. */
const struct catalog *catalog_load_web(struct arena *a, const char *root, struct diags *d);
/* Check one file of any kind; its kind by where it stands (tools.d/, policies/, hooks/) or its keys. Links against
 * the rest of its root when there is one. */
void catalog_check_file(struct arena *a, const char *path, struct diags *d);
/* The same for a text that is not on disk; name says where it would stand below root ("workflows/x.yaml"). */
void catalog_check_text(struct arena *a, const char *root, const char *name, struct str text, struct diags *d);

/* Bundles travel as JSON {"entry": ..., "files": {path: text}} to and from the database. */
const struct json *bundle_to_json(struct arena *a, const struct bundle *b);
const struct bundle *bundle_from_json(struct arena *a, const struct json *v, struct diags *d);

const struct manifest *catalog_tool(const struct catalog *c, struct str name);
const struct hook *catalog_hook(const struct catalog *c, struct str name);

/* agentctl schema KIND: a JSON Schema for editors, made from the key tables. kinds: workflow routing tool risk hook settings. */
const struct json *catalog_schema(struct arena *a, const char *kind, struct err *err);

#endif
