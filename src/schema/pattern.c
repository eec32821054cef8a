/* pattern.c - PCRE2 allocates where everybody does. */
#include "schema/pattern.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/heap.h"

static pcre2_general_context *heap;
static pcre2_compile_context *defaults;

static void *take(PCRE2_SIZE n, void *arg)
{
	(void)arg;
	return heap_alloc(n);
}

static void give(void *p, void *arg)
{
	(void)arg;
	free(p);
}

static void make(void)
{
	heap = pcre2_general_context_create(take, give, NULL);
	defaults = pcre2_compile_context_create(heap);
	if (!heap || !defaults)
		fatal("PCRE2 gives no context");
}

static pthread_once_t made = PTHREAD_ONCE_INIT;

pcre2_general_context *pattern_heap(void)
{
	pthread_once(&made, make);
	return heap;
}

pcre2_compile_context *pattern_defaults(void)
{
	pthread_once(&made, make);
	return defaults;
}
