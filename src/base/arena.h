/* arena.h - memory regions that live and die together, with deferred closers.
 *
 * Shapes:  a tree. An arena dies with its parent; children die before their
 *          parent's own memory. Closers run last in, first out, before the
 *          memory goes.
 * Units:   sizes in bytes; arena_bytes() counts what was taken from malloc.
 * Memory:  what arena_alloc() returns is 16-byte aligned and belongs to the
 *          arena. A function that returns memory takes the arena to put it in.
 * Errors:  none: out of memory ends the process (the lease expires, another
 *          worker goes on).
 * Source:  this header.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(struct arena *parent);	/* parent NULL: a root */
void arena_free(struct arena *a);		/* NULL is fine */
void arena_reset(struct arena *a);		/* as if new: children, closers, memory gone */
void arena_move(struct arena *a, struct arena *parent);	/* give a to another parent (NULL: root) */

void *arena_alloc(struct arena *a, size_t n);	/* not cleared */
void *arena_zalloc(struct arena *a, size_t n);	/* cleared */
void *arena_array(struct arena *a, size_t count, size_t size);	/* cleared; overflow ends the process */
void *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);	/* exactly n bytes, then NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Run fn(p) when the arena is freed or reset. */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);

size_t arena_bytes(const struct arena *a);	/* this arena and all below it */

/* Typed helpers. */
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

#endif
