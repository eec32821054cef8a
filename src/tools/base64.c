/* base64.c - see base64.h. */
#include "tools/base64.h"

#include "base/arena.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *a, struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1), *o = out;

	for (size_t i = 0; i < bytes.n; i += 3) {
		unsigned left = (unsigned)(bytes.n - i), b1 = left > 1 ? p[i + 1] : 0, b2 = left > 2 ? p[i + 2] : 0;

		*o++ = digits[p[i] >> 2];
		*o++ = digits[(p[i] & 3u) << 4 | b1 >> 4];
		*o++ = left > 1 ? digits[(b1 & 15u) << 2 | b2 >> 6] : '=';
		*o++ = left > 2 ? digits[b2 & 63u] : '=';
	}
	*o = '\0';
	return out;
}

bool base64_decode(struct arena *a, struct str text, struct str *ret)
{
	size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
	unsigned char *out = arena_alloc(a, text.n / 4 * 3 + 1);
	size_t n = 0;
	unsigned held = 0, bits = 0;

	if (text.n % 4)
		return false;
	for (size_t i = 0; i < text.n - padding; i++) {
		const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;

		if (!at)
			return false;
		held = held << 6 | (unsigned)(at - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(held >> bits);
			held &= (1u << bits) - 1;
		}
	}
	*ret = (struct str){(const char *)out, n};
	return held == 0;
}
