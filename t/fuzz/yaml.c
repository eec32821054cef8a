/* yaml.c (fuzz) - any bytes as a YAML file: no crash, no undefined behaviour, no second over. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every place must be inside the file. */
static void check_places(const struct yaml *n, struct str text)
{
	int lines = 2;	/* an absent value may stand behind the last line */
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	if (n->kind == YAML_SCALAR) {
		for (size_t i = 0; i <= n->text.n; i += 1 + n->text.n / 8) {
			struct place at = yaml_place(n, i);
			if (at.line < 1 || at.line > lines || at.col < 1)
				abort();
		}
		return;
	}
	for (size_t i = 0; i < n->n && i < 16; i++)
		check_places(n->kind == YAML_LIST ? n->items[i] : n->pairs[i].value, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL);
	struct diags *d = diags_new(a);
	struct str text = {(const char *)data, size};
	const struct yaml *n = yaml_parse(a, "fuzz.yaml", text, d);
	if (n) {
		const struct json *v = yaml_json(a, n, d);
		check_places(n, text);
		if (v)
			json_text(a, v);
	} else if (!diag_errors(d)) {
		abort();	/* refused without a reason */
	}
	struct buf out;
	buf_init(&out, a);
	diag_print(d, &out);
	arena_free(a);
	return 0;
}
