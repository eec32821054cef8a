/* cost.c - what looking at a value costs, in steps. */
#include "base/json.h"
#include "schema/program.h"

enum { DECIMAL_STEPS = 2, DIGITS_PER_STEP = 8, BYTES_PER_STEP = 16 };

/* Decimals take their time. */
uint64_t own_steps(const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NUM:
		return DECIMAL_STEPS + json_literal(v).n / DIGITS_PER_STEP;
	case JSON_STRING:
		return 1 + json_str(v).n / BYTES_PER_STEP;
	default:
		return 1;
	}
}

uint64_t key_steps(struct str key)
{
	return key.n / BYTES_PER_STEP;
}

/* Recursion is bounded by the depth of values. */
uint64_t value_steps(const struct json *v)
{
	uint64_t steps = own_steps(v);

	if (json_type(v) == JSON_ARRAY)
		for (size_t i = 0; i < json_len(v); i++)
			steps += value_steps(json_at(v, i));
	if (json_type(v) == JSON_OBJECT)
		for (size_t i = 0; i < json_len(v); i++)
			steps += key_steps(json_key(v, i)) + value_steps(json_val(v, i));
	return steps;
}
