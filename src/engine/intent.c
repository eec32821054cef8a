/* intent.c - a recorded call, from JSON and to JSON. */
#include "engine/intent.h"

#include "base/json.h"
#include "config/manifest.h"

static const struct {
	const char *word;
	unsigned bit;
} taints[] = {
	{"reads_untrusted", TAINT_READS_UNTRUSTED},
	{"reads_private", TAINT_READS_PRIVATE},
	{"acts_outside", TAINT_ACTS_OUTSIDE},
};

enum { TAINTS = sizeof taints / sizeof taints[0] };

/* Words of a newer version are left out. */
static unsigned taint_read(const struct json *list)
{
	unsigned taint = 0;

	for (size_t i = 0; i < json_len(list); i++)
		for (size_t k = 0; k < TAINTS; k++)
			if (str_is(json_str(json_at(list, i)), taints[k].word))
				taint |= taints[k].bit;
	return taint;
}

static const struct json *taint_json(struct arena *a, unsigned taint)
{
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t k = 0; k < TAINTS; k++)
		if (taint & taints[k].bit)
			json_array_add(&b, json_stringc(a, taints[k].word));
	return json_array_end(&b);
}

bool intent_read(const struct json *v, struct intent *ret)
{
	ret->tool = json_str(json_getc(v, "tool"));
	ret->args = json_getc(v, "args");
	ret->taint = taint_read(json_getc(v, "taint"));
	ret->approval = json_str(json_getc(v, "approval"));
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
	if (i->taint)
		json_object_setc(&b, "taint", taint_json(a, i->taint));
	if (i->approval.p)
		json_object_setc(&b, "approval", json_string(a, i->approval));
	return json_object_end(&b);
}
