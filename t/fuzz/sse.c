/* sse.c - fuzz target: the events must not depend on how the bytes are cut. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int on_event(void *arg, struct str name, struct str data, struct err *err)
{
	struct buf *b = arg;

	(void)err;
	buf_addf(b, "[%zu|%zu]", name.n, data.n);
	buf_addstr(b, name);
	buf_addstr(b, data);
	return 0;
}

static struct str run(struct arena *a, struct str in, size_t step, bool *ret_inside)
{
	struct buf *b = ARENA_NEW(a, struct buf);
	struct sse s;

	buf_init(b, a);
	sse_init(&s, a, on_event, b);
	for (size_t from = 0; from < in.n; from += step)
		if (sse_feed(&s, str_sub(in, from, step), NULL) < 0)
			break;
	*ret_inside = sse_end(&s);
	return buf_str(b);
}

/* The first byte chooses the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(NULL);
	struct str in = {(const char *)data, n}, whole, cut;
	bool inside[2];

	if (n > 0) {
		in = str_sub(in, 1, n);
		whole = run(a, in, n, &inside[0]);
		cut = run(a, in, (size_t)data[0] % 16 + 1, &inside[1]);
		if (!str_eq(whole, cut) || inside[0] != inside[1])
			abort();
	}
	arena_free(a);
	return 0;
}
