/* json.c - libFuzzer target: any bytes as JSON. What is taken must come back from each of its forms as
 * the same value, and the canonical form must be a fixed point. */
#include "base/json.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                                                                  \
	do {                                                                                                      \
		if (!(x))                                                                                         \
			fatal("%s", #x);                                                                          \
	} while (0)

/* Written forms may be longer than what the bounds of the input allowed. */
static const struct json *again(struct arena *a, struct str text)
{
	const struct json *v = NULL;
	struct err err;

	if (json_parse(a, text, NULL, &v, &err) < 0)
		fatal("our own text was refused: %s: %.*s", err.msg, STR_ARG(text));
	return v;
}

static struct str canonical(struct arena *a, const struct json *v)
{
	struct buf b;

	buf_init(&b, a);
	json_canonical(&b, v);
	return buf_str(&b);
}

static void check(struct arena *a, const struct json *v)
{
	struct str text = json_text(a, v), form = canonical(a, v);
	const struct json *from_text = again(a, text), *from_form = again(a, form);
	struct buf pretty;

	HOLDS(text.n == json_size(v));
	HOLDS(utf8_valid(text) && str_chr(text, '\0') < 0);
	HOLDS(str_eq(text, json_text(a, from_text)));
	HOLDS(str_eq(form, canonical(a, from_text)));
	HOLDS(str_eq(form, canonical(a, from_form)));
	HOLDS(json_equal(v, from_text) && json_equal(from_form, v) && json_cmp(v, from_form) == 0);
	HOLDS(json_equal(v, json_copy(a, v)));
	buf_init(&pretty, a);
	json_write_pretty(&pretty, v);
	HOLDS(json_equal(v, again(a, buf_str(&pretty))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 32, .max_values = 100000};
	struct str text = {(const char *)data, size};
	struct arena *a = arena_new(NULL);
	const struct json *strict = NULL, *lenient = NULL;
	struct err err;

	if (json_parse(a, text, &limits, &strict, &err) == 0)
		check(a, strict);
	else
		HOLDS(err.code == ERR_JSON || err.code == ERR_SIZE);
	if (json_parse_lenient(a, text, &limits, &lenient, &err) == 0)
		check(a, lenient);
	/* what the strict parser takes means the same to the lenient one */
	HOLDS(!strict || (lenient && json_equal(strict, lenient)));
	arena_free(a);
	return 0;
}
