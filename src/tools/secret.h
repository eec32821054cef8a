/* secret.h - credentials of a call: from handles to values, and out of everything that is said.
 *
 * Shapes:  a handle is named by the manifest, its environment variable by agentd.yaml.
 * Memory:  values are copied to the arena given.
 * Errors:  ERR_TOOL_FAILED naming handle and variable, never the value.
 * Source:  agentd-tool(5), "CREDENTIALS".
 */
#ifndef TOOLS_SECRET_H
#define TOOLS_SECRET_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct err;
struct json;
struct manifest;
struct settings;

struct secrets {
	const struct str *handles;
	struct str *values;
	size_t n;
};

int secrets_load(struct arena *a, const struct manifest *m, const struct settings *settings, struct secrets *ret,
		 struct err *err);
const struct json *secrets_json(struct arena *a, const struct secrets *s);	/* {handle: value} */
bool secrets_are_in(const struct secrets *s, struct str text);
/* Every occurrence becomes "***". Values under 4 bytes are left: they would hit by chance. */
struct str secrets_scrub(struct arena *a, const struct secrets *s, struct str text);
const struct json *secrets_scrub_json(struct arena *a, const struct secrets *s, const struct json *v);
void secrets_scrub_err(const struct secrets *s, struct err *err);

#endif
