/* form.c - see form.h. */
#include "base/form.h"

#include "base/encoding.h"
#include "base/err.h"

static int bad(struct err *err, struct str text, const char *what)
{
	err_set(err, ERR_INVALID, "\"" STR_FMT "\": %s", STR_ARG(text), what);
	if (err)
		err->status = 400;
	return -1;
}

int form_decode(struct arena *a, struct str raw, bool plus, struct str *ret, struct err *err)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%') {
			int high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			int low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return bad(err, raw, "a bad %-escape");
			c = (char)(high * 16 + low);
			i += 2;
			if (c == '\0')
				return bad(err, raw, "a NUL");
		} else if (plus && c == '+') {
			c = ' ';
		}
		buf_addc(&b, c);
	}
	*ret = buf_str(&b);
	if (!ret->p)
		*ret = STR("");
	return utf8_valid(*ret) ? 0 : bad(err, raw, "not UTF-8");
}

struct str form_next(struct str *rest, struct str *ret_name)
{
	ptrdiff_t amp = str_chr(*rest, '&');
	struct str pair = str_sub(*rest, 0, amp < 0 ? rest->n : (size_t)amp);
	ptrdiff_t eq = str_chr(pair, '=');

	*rest = amp < 0 ? STR_NONE : str_sub(*rest, (size_t)amp + 1, rest->n);
	*ret_name = str_sub(pair, 0, eq < 0 ? pair.n : (size_t)eq);
	return eq < 0 ? STR("") : str_sub(pair, (size_t)eq + 1, pair.n);
}

int form_get(struct arena *a, struct str text, const char *name, struct str *ret, struct err *err)
{
	struct str rest = text, key;
	bool found = false;

	*ret = STR_NONE;
	while (rest.n) {
		struct str value = form_next(&rest, &key);

		if (!str_is(key, name))
			continue;
		if (found)
			return bad(err, key, "given twice");
		found = true;
		if (form_decode(a, value, true, ret, err) < 0)
			return -1;
	}
	return 0;
}
