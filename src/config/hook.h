/* hook.h - hooks/NAME.yaml, checked: deliveries of a webhook that start a workflow.
 *
 * Shapes:  expressions and templates see {headers, body, query, delivery}; delivery is {hook, scheme, id, digest}.
 * Units:   _ms, _bytes.
 * Memory:  one arena, immutable.
 * Errors:  all to the diag list. Whether the workflow exists is the catalog's to say.
 * Source:  agentd-hooks(5).
 */
#ifndef CONFIG_HOOK_H
#define CONFIG_HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/hmac.h"
#include "base/str.h"
#include "config/diag.h"

struct arena;
struct expr;
struct tmpl;

enum hook_scheme { HOOK_GITHUB, HOOK_STRIPE, HOOK_STANDARD, HOOK_HMAC };
enum hook_encoding { HOOK_HEX, HOOK_BASE64 };

struct hook_verify {
	enum hook_scheme scheme;
	const struct str *secrets;	/* names of environment variables; any of them may have signed */
	size_t n_secrets;
	int64_t tolerance_ms;		/* stripe, standard-webhooks */
	/* of a mac over the body alone: github, hmac */
	struct str header;		/* in lower case */
	enum hmac_hash algorithm;
	enum hook_encoding encoding;
	struct str prefix;
};

struct hook {
	struct place place, workflow_place;
	struct str name, description, workflow;
	struct hook_verify verify;
	const struct expr *when;	/* NULL: every delivery */
	const struct tmpl *input;
	const struct tmpl *labels;	/* NULL: none */
	struct str urgency;		/* low normal high */
	const struct expr *delivery_id;	/* NULL: the scheme's own */
	int64_t max_body_bytes;
};

const struct hook *hook_parse(struct arena *a, const char *path, struct str text, struct diags *d);
const char *hook_scheme_name(enum hook_scheme s);	/* "standard-webhooks" */

#endif
