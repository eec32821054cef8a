/* intent.c - a recorded call, from JSON and to JSON. */
#include "engine/intent.h"

#include "base/json.h"

bool intent_read(const struct json *v, struct intent *ret)
{
	ret->tool = json_str(json_getc(v, "tool"));
	ret->args = json_getc(v, "args");
	return ret->tool.p && json_type(ret->args) == JSON_OBJECT &&
	       effect_class_parse(json_str(json_getc(v, "effect")), &ret->effect) &&
	       digest_from_hex(json_str(json_getc(v, "key")), &ret->key);
}

const struct json *intent_json(struct arena *a, const struct intent *i)
{
	struct json_builder b;
	char hex[65];

	digest_hex(&i->key, hex);
	json_object_begin(&b, a);
	json_object_setc(&b, "tool", json_string_ref(a, i->tool));
	json_object_setc(&b, "effect", json_stringc(a, effect_class_name(i->effect)));
	json_object_setc(&b, "key", json_stringc(a, hex));
	json_object_setc(&b, "args", json_copy(a, i->args));
	return json_object_end(&b);
}
