/* heap.c - malloc(3) that ends the process, and the libraries that take it from us. */
#include "base/heap.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"

enum { APART = 1 << 20 };

static void *must(void *p, size_t n)
{
	if (!p)
		fatal("out of memory: %zu bytes", n);
	return p;
}

void *heap_alloc(size_t n)
{
	n = n ? n : 1;
	return must(malloc(n), n);
}

void *heap_zalloc(size_t count, size_t size)
{
	count = count ? count : 1;
	size = size ? size : 1;
	return must(calloc(count, size), size);
}

void *heap_resize(void *p, size_t n)
{
	n = n ? n : 1;
	return must(realloc(p, n), n);
}

char *heap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(heap_alloc(n), s, n);
}

static void *crypto_alloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return heap_alloc(n);
}

static void *crypto_resize(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return heap_resize(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* libcrypto refuses when somebody made it allocate already: then it stays with malloc(3). */
static void share(void)
{
	/* glibc raises the first of these to the size of what was freed last: after one answer of 32 MiB such blocks would be cut from
	 * the heap, and any small block above them would keep their memory for good. */
	mallopt(M_MMAP_THRESHOLD, APART);
	mallopt(M_TRIM_THRESHOLD, 4 * APART);
	CRYPTO_set_mem_functions(crypto_alloc, crypto_resize, crypto_free);
	uv_replace_allocator(heap_alloc, heap_resize, heap_zalloc, free);
}

void heap_share(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, share);
}
