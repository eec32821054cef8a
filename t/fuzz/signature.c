/* signature.c - libFuzzer: SCHEME, HEADER, a NUL, BODY: a header of a signature, and a body that a hook makes something of. Nobody
 * signs a delivery by chance.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/diag.h"
#include "config/hook.h"
#include "publish/delivery.h"
#include "publish/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const schemes[] = {
	"{scheme: github, secret: S}", "{scheme: stripe, secret: S}", "{scheme: standard-webhooks, secret: S}",
	"{scheme: hmac, secret: S, header: X-Sig, algorithm: sha512, encoding: base64, prefix: 'v='}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str key = {"0123456789abcdef0123456789abcdef", 32};
	const struct signature_keys keys = {.v = &key, .n = 1};
	struct arena *a = arena_new(NULL);
	struct str all = {(const char *)data + 1, size ? size - 1 : 0}, header;
	ptrdiff_t nul = str_chr(all, '\0');
	struct delivery_request r = {.query = STR("a=1")};
	const struct hook *h;
	struct json_builder b;
	struct delivery d;
	struct err err;

	if (size == 0) {
		arena_free(a);
		return 0;
	}
	h = hook_parse(a, "h", str_from(arena_printf(a, "agentd: v1\nname: h\nworkflow: w\nverify: %s\ndelivery_id: .delivery.digest\n"
						     "input: {all: '${ . }'}\n", schemes[data[0] % 4])), diags_new(a));
	header = nul < 0 ? all : str_sub(all, 0, (size_t)nul);
	r.body = nul < 0 ? STR("") : str_sub(all, (size_t)nul + 1, all.n);
	json_object_begin(&b, a);
	json_object_set(&b, signature_header(&h->verify), json_string_clean(a, header));
	json_object_setc(&b, "webhook-id", json_stringc(a, "m"));
	json_object_setc(&b, "webhook-timestamp", json_stringc(a, "1614265330"));
	json_object_setc(&b, "content-type", json_stringc(a, data[0] & 64 ? "application/x-www-form-urlencoded" : "application/json"));
	r.headers = json_object_end(&b);
	if (signature_verify(&h->verify, &keys, r.headers, r.body, INT64_C(1614265330000000)) == SIGNATURE_GOOD)
		abort();
	if (delivery_read(a, h, &r, &d, &err) == 0 && d.task.idempotency_key.n != 64)
		abort();
	arena_free(a);
	return 0;
}
