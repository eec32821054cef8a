/* config.c (fuzz) - any bytes as a file of any kind, by the first byte: loading must end, with a reason. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_any(const struct source *s, const char *path, struct str *ret, struct err *err)
{
	struct str name = str_from(path);
	(void)s;
	if (str_ends(name, STR(".md")))
		*ret = STR("Say ${ .input.x } and ${ .steps.a.output }\n");
	else if (str_ends(name, STR(".json")))
		*ret = STR("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"b.yaml#/$defs/b\"}}}");
	else if (str_ends(name, STR("b.yaml")))
		*ret = STR("$defs: {b: {$ref: a.json}}\n");
	else
		return err_set(err, ERR_NOT_FOUND, "no \"%s\"", path);
	return 0;
}

static const struct contract *any_contract(const struct source *s, struct str tool, const char **near)
{
	static struct contract c;
	(void)s;
	(void)near;
	c = (struct contract){tool, STR(""), json_empty_object(), EFFECT_PURE};
	return &c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct source source = {read_any, any_contract, NULL, NULL};
	if (!size)
		return 0;
	struct arena *a = arena_new(NULL);
	struct diags *d = diags_new(a);
	struct str text = {(const char *)data + 1, size - 1};
	const void *loaded = NULL;
	switch (data[0] % 5) {
	case 0:
		loaded = workflow_compile(a, &source, "fuzz.yaml", text, d, NULL, NULL);
		break;
	case 1:
		loaded = routing_parse(a, "fuzz.yaml", text, d);
		break;
	case 2:
		loaded = manifest_parse(a, "fuzz.yaml", text, d);
		break;
	case 3:
		loaded = policy_parse(a, "fuzz.yaml", text, d);
		break;
	default:
		loaded = settings_parse(a, "fuzz.yaml", text, d);
		break;
	}
	if (!loaded == !diag_errors(d))
		abort();	/* refused without a reason, or taken with one */
	struct buf out;
	buf_init(&out, a);
	diag_print(d, &out);
	arena_free(a);
	return 0;
}
