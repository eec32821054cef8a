/* signature.h - is a delivery of a webhook from somebody who knows the hook's secret? Pure but for the reading of the secrets.
 *
 * Shapes:  headers are an object of texts, names in lower case; one that was sent more than once holds all its values, joined by
 *          ", ". The body is looked at as it came, before anything parses it. Every secret of the hook may have signed, so that one
 *          can be replaced by another while both are in use.
 * Units:   now_us as clock.h has it; signed times are seconds.
 * Memory:  keys live in the arena given. Verifying keeps nothing.
 * Errors:  a verdict. All but GOOD are the same to who delivers; they differ for the log.
 * Source:  agentd-hooks(5); the vendors' documentation of their signatures.
 */
#ifndef PUBLISH_SIGNATURE_H
#define PUBLISH_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct hook_verify;
struct json;

enum signature { SIGNATURE_GOOD, SIGNATURE_ABSENT, SIGNATURE_MALFORMED, SIGNATURE_WRONG, SIGNATURE_STALE };
const char *signature_name(enum signature s);	/* "good" */

struct signature_keys {
	const struct str *v;
	size_t n;		/* 0: nothing can be verified */
	const char *why;	/* NULL, or what is wrong with the variables, without their values */
};

/* From the environment of the process. */
void signature_keys_read(struct arena *a, const struct hook_verify *v, struct signature_keys *ret);
/* The header that holds the signature, in lower case. */
struct str signature_header(const struct hook_verify *v);
enum signature signature_verify(const struct hook_verify *v, const struct signature_keys *keys, const struct json *headers,
				struct str body, int64_t now_us);

#endif
