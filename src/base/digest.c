/* digest.c - SHA-256 by libcrypto; random bytes by the kernel, which survives fork. */
#include "base/digest.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/heap.h"

static const char hex[] = "0123456789abcdef";

static EVP_MD *sha256;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static void fetch(void)
{
	heap_share();
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		fatal("libcrypto gives no SHA-256: it has none, or is out of memory");
}

static EVP_MD_CTX *begin(void)
{
	EVP_MD_CTX *ctx;

	pthread_once(&fetched, fetch);
	ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex2(ctx, sha256, NULL) != 1)
		fatal("SHA-256 does not start");
	return ctx;
}

static void add(EVP_MD_CTX *ctx, const void *p, size_t n)
{
	if (n && EVP_DigestUpdate(ctx, p, n) != 1)
		fatal("SHA-256 failed");
}

static void end(EVP_MD_CTX *ctx, struct digest *ret)
{
	if (EVP_DigestFinal_ex(ctx, ret->b, NULL) != 1)
		fatal("SHA-256 failed");
	EVP_MD_CTX_free(ctx);
}

void digest_of(struct str bytes, struct digest *ret)
{
	EVP_MD_CTX *ctx = begin();

	add(ctx, bytes.p, bytes.n);
	end(ctx, ret);
}

struct digest_sum {
	EVP_MD_CTX *ctx;
};

static void free_sum(void *p)
{
	EVP_MD_CTX_free(((struct digest_sum *)p)->ctx);
}

struct digest_sum *digest_sum_new(struct arena *a)
{
	struct digest_sum *s = ARENA_NEW(a, struct digest_sum);

	s->ctx = begin();
	arena_defer(a, free_sum, s);
	return s;
}

void digest_sum_add(struct digest_sum *s, struct str bytes)
{
	add(s->ctx, bytes.p, bytes.n);
}

void digest_sum_end(struct digest_sum *s, struct digest *ret)
{
	end(s->ctx, ret);
	s->ctx = NULL;
}

void digest_of_parts(const struct str *parts, size_t n, struct digest *ret)
{
	EVP_MD_CTX *ctx = begin();

	for (size_t i = 0; i < n; i++) {
		uint8_t length[8];

		for (size_t k = 0; k < 8; k++)
			length[k] = (uint8_t)((uint64_t)parts[i].n >> (56 - 8 * k));
		add(ctx, length, sizeof length);
		add(ctx, parts[i].p, parts[i].n);
	}
	end(ctx, ret);
}

void digest_hex(const struct digest *d, char ret[65])
{
	for (size_t i = 0; i < sizeof d->b; i++) {
		ret[2 * i] = hex[d->b[i] >> 4];
		ret[2 * i + 1] = hex[d->b[i] & 15];
	}
	ret[64] = '\0';
}

bool digest_from_hex(struct str s, struct digest *ret)
{
	struct digest d;

	if (s.n != 64 || !hex_read(s, d.b))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')	/* one digest has one text */
			return false;
	*ret = d;
	return true;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof a->b) == 0;
}

void random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fatal("the kernel gives no random bytes");
		at += got;
		n -= (size_t)got;
	}
}

/* CRC-32 of IEEE 802.3 (as in zlib), four bits at a time. */
uint32_t crc32_of(struct str bytes)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < bytes.n; i++) {
		crc ^= (uint8_t)bytes.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
