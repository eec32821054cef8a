/* arena.c - chunks of growing size in a list; children in a doubly linked list.
 *
 * Thousands of tasks wait with half a dozen small arenas each: a new arena is one block with room behind its head, and a chunk is
 * half of those before it, so that no more than a third stands empty.
 */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/heap.h"

enum { ALIGN = 16, BLOCK = 504, MAX_CHUNK = 64 * 1024 };	/* BLOCK: with malloc's own 8 bytes a multiple of 16 */

struct chunk {
	struct chunk *next;
};

struct closer {
	struct closer *next;
	void (*fn)(void *);
	void *p;
};

struct arena {
	struct arena *parent, *first_child, *prev, *next;
	struct chunk *chunks;
	struct closer *closers;
	char *at, *end;
	size_t bytes;
	size_t shared;		/* of them in the first block and in chunks for many things */
};

#define ROUND_UP(n) (((n) + ALIGN - 1) / ALIGN * ALIGN)

static void link_child(struct arena *a, struct arena *parent)
{
	a->parent = parent;
	a->prev = NULL;
	a->next = NULL;
	if (!parent)
		return;
	a->next = parent->first_child;
	if (a->next)
		a->next->prev = a;
	parent->first_child = a;
}

static void unlink_child(struct arena *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else if (a->parent)
		a->parent->first_child = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->parent = a->prev = a->next = NULL;
}

/* What is left of the first block. */
static void begin(struct arena *a)
{
	a->at = (char *)a + ROUND_UP(sizeof *a);
	a->end = (char *)a + BLOCK;
	a->bytes = a->shared = BLOCK;
}

struct arena *arena_new(struct arena *parent)
{
	struct arena *a = heap_alloc(BLOCK);

	memset(a, 0, sizeof *a);
	begin(a);
	link_child(a, parent);
	return a;
}

/* Closers first: they may use memory of this arena and of its children's owners. A closer
 * or a child's closer may register nothing new here. */
static void release(struct arena *a)
{
	while (a->first_child)
		arena_free(a->first_child);
	while (a->closers) {
		struct closer *c = a->closers;

		a->closers = c->next;
		c->fn(c->p);
	}
	while (a->chunks) {
		struct chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	begin(a);
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	unlink_child(a);
	release(a);
	free(a);
}

void arena_reset(struct arena *a)
{
	release(a);
}

void arena_move(struct arena *a, struct arena *parent)
{
	unlink_child(a);
	link_child(a, parent);
}

static size_t next_chunk(const struct arena *a)
{
	size_t half = a->shared / 2;

	return half < BLOCK ? BLOCK : half < MAX_CHUNK ? half : MAX_CHUNK;
}

static void *new_chunk(struct arena *a, size_t n)
{
	size_t head = ROUND_UP(sizeof(struct chunk)), size = next_chunk(a);
	bool own = n > size / 2;	/* large: a chunk of its own, the current one goes on */
	struct chunk *c = heap_alloc(own ? head + n : size);
	char *start = (char *)c + head;

	a->bytes += own ? head + n : size;
	c->next = a->chunks;
	a->chunks = c;
	if (!own) {
		a->shared += size;
		a->at = start + n;
		a->end = (char *)c + size;
	}
	return start;
}

void *arena_alloc(struct arena *a, size_t n)
{
	char *p = a->at;

	if (n > SIZE_MAX / 4)
		fatal("out of memory: %zu bytes", n);
	n = ROUND_UP(n);
	if (n == 0)
		n = ALIGN;
	if ((size_t)(a->end - p) < n)
		return new_chunk(a, n);
	a->at = p + n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		fatal("out of memory: %zu times %zu bytes", count, size);
	return arena_zalloc(a, n);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
	void *q = arena_alloc(a, n);

	if (n)
		memcpy(q, p, n);
	return q;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *q = arena_alloc(a, n + 1);

	if (n)
		memcpy(q, s, n);
	q[n] = '\0';
	return q;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		fatal("arena_printf: bad format \"%s\"", fmt);
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
	struct closer *c = arena_alloc(a, sizeof *c);

	c->fn = fn;
	c->p = p;
	c->next = a->closers;
	a->closers = c;
}

/* Depth-first without recursion: arenas can be nested deeply. */
size_t arena_bytes(const struct arena *a)
{
	const struct arena *at = a;
	size_t n = 0;

	for (;;) {
		n += at->bytes;
		if (at->first_child) {
			at = at->first_child;
			continue;
		}
		while (at != a && !at->next)
			at = at->parent;
		if (at == a)
			return n;
		at = at->next;
	}
}
