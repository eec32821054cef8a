/* hmac.c - see hmac.h. */
#include "base/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

#include "base/err.h"
#include "base/heap.h"

static EVP_MAC *hmac;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	heap_share();
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!hmac)
		fatal("libcrypto gives no HMAC: it has none, or is out of memory");
}

void hmac_of(enum hmac_hash hash, struct str key, const struct str *parts, size_t n, struct hmac *ret)
{
	static char names[][8] = {[HMAC_SHA256] = "SHA256", [HMAC_SHA1] = "SHA1", [HMAC_SHA512] = "SHA512"};
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, names[hash], 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx;
	bool ok;

	pthread_once(&fetched, fetch);
	ctx = EVP_MAC_CTX_new(hmac);
	ok = ctx && EVP_MAC_init(ctx, (const unsigned char *)str_chars(key), key.n, params) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, (const unsigned char *)str_chars(parts[i]), parts[i].n) == 1;
	if (!ok || EVP_MAC_final(ctx, ret->b, &ret->n, sizeof ret->b) != 1)
		fatal("HMAC failed");
	EVP_MAC_CTX_free(ctx);
}

bool hmac_eq(const struct hmac *mac, struct str bytes)
{
	return bytes.n == mac->n && CRYPTO_memcmp(mac->b, bytes.p, mac->n) == 0;
}
