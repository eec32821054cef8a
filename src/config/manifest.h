/* manifest.h - every file of tools.d/, checked: one tool each.
 *
 * Shapes:  the contract (what workflows and models see) and one runner's settings. The query that `reconcile` describes has
 *          a runner of its own, whose result is {decision: happened | did_not_happen | unknown, result?}.
 * Units:   _ms, _bytes.
 * Memory:  one arena, immutable.
 * Errors:  all to the diag list.
 * Source:  agentd-tool(5).
 */
#ifndef CONFIG_MANIFEST_H
#define CONFIG_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/diag.h"
#include "config/workflow.h"

struct arena;
struct expr;
struct schema;
struct tmpl;

enum runner_kind { RUNNER_HTTP, RUNNER_EXEC, RUNNER_FS, RUNNER_ARTIFACT };

enum { TAINT_READS_UNTRUSTED = 1, TAINT_READS_PRIVATE = 2, TAINT_ACTS_OUTSIDE = 4 };

struct tmpl_header {
	struct str name;
	const struct tmpl *value;
};

struct cidr;			/* base/address.h */

struct runner_http {		/* templates over {args, credentials, effect_key, task} */
	const char *method;
	const struct tmpl *url;
	const struct tmpl_header *headers;
	size_t n_headers;
	const struct tmpl *json;	/* NULL: none */
	const struct tmpl *body;	/* text; NULL: none */
	const struct expr *result;	/* over {status, headers, body}; NULL: the default of agentd-tool(5), "HTTP" */
	const struct cidr *allow;	/* private addresses that this tool may reach */
	size_t n_allow;
	int max_redirects;		/* default 5, GET and HEAD only */
};

struct runner_exec {
	const struct tmpl *const *argv;	/* over {args, task}; each element one argument */
	size_t n_argv;
	const struct str *env_names;
	const struct tmpl *const *env_values;	/* over {args, credentials, task} */
	size_t n_env;
	const struct tmpl *stdin_text;	/* NULL: none */
	const struct expr *result;	/* over {exit_status, stdout, stderr, json}; NULL: {exit_status, stdout, stderr} */
	bool workspace;			/* working directory is the task's workspace; else "/" */
	int64_t max_cpu_s, max_memory_bytes;
};

enum fs_verb { FS_READ, FS_WRITE, FS_LIST };

struct runner_fs {
	enum fs_verb verb;
	struct str root;		/* "workspace", or the name of a directory in agentd.yaml; STR_NONE: args.root chooses */
};

enum artifact_verb { ARTIFACT_READ, ARTIFACT_WRITE, ARTIFACT_LIST, ARTIFACT_FETCH };

struct runner_artifact {
	enum artifact_verb verb;
};

struct manifest {
	struct place place;
	const char *file;
	struct contract contract;
	const struct schema *args_check;	/* contract.args, compiled */
	enum risk risk;
	unsigned taint;
	int64_t timeout_ms;
	int64_t max_output_bytes;	/* of the result as compact JSON */
	bool truncate_output;		/* over max: cut (text results) instead of tool.output */
	const struct manifest *ask;	/* reconcile: the query about an uncertain call, as a tool of its own; NULL: none */
	int64_t ask_delay_ms;		/* since a call became uncertain */
	struct str lane;		/* "default" */
	const struct str *credentials;	/* handles */
	size_t n_credentials;
	enum runner_kind runner;
	union {
		struct runner_http http;
		struct runner_exec exec;
		struct runner_fs fs;
		struct runner_artifact artifact;
	} u;
};

const struct manifest *manifest_parse(struct arena *a, const char *path, struct str text, struct diags *d);
const struct json *contract_json(struct arena *a, const struct contract *c);	/* {name, description, args, effect} */

#endif
