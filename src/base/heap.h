/* heap.h - allocation that does not fail: out of memory ends the process.
 *
 * Shapes:  what malloc(3) and its family give. heap_share() makes the libraries that let a program choose allocate here too, because
 *          what they make of a failed allocation is an abort(), a crash, or an error that blames a host or a file.
 *          Blocks of 1 MiB and more go back to the system when they are freed.
 * Units:   bytes.
 * Memory:  freed by free(3).
 * Errors:  none (fatal).
 * Source:  malloc(3); tested by failing every allocation in turn (t/lib/torture.py).
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

void *heap_alloc(size_t n);
void *heap_zalloc(size_t count, size_t size);	/* cleared */
void *heap_resize(void *p, size_t n);
char *heap_strdup(const char *s);

/* With libuv and libcrypto; to be called before the first use of either. Again: nothing. libcurl is given these by http.c. */
void heap_share(void);

#endif
