/* stub_strict.c - which keys an object has, of which types, and what is a name. */
#include "t/bin/stub_strict.h"

const struct strict_key *strict_find(const struct strict_key *known, size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(key, known[i].key))
			return &known[i];
	return NULL;
}

bool strict_fits(const struct json *v, enum json_type want)
{
	if (want == JSON_NULL)
		return true;
	if (want == JSON_NUM)
		return json_is_number(v);
	if (want == JSON_TRUE)
		return json_type(v) == JSON_TRUE || json_type(v) == JSON_FALSE;
	return json_type(v) == want;
}

bool strict_has_only(const struct json *obj, const char *const *keys)
{
	if (json_type(obj) != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < json_len(obj); i++) {
		const char *const *k = keys;

		while (*k && !str_is(json_key(obj, i), *k))
			k++;
		if (!*k)
			return false;
	}
	return true;
}

bool strict_is_name(struct str s, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= 'A' && s.p[i] <= 'Z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    s.p[i] != '_' && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= most;
}
