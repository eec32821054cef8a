/* encoding.c - see encoding.h. */
#include "base/encoding.h"

#include "base/arena.h"

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_read(struct str text, uint8_t *ret)
{
	for (size_t i = 0; i < text.n / 2; i++) {
		int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return text.n % 2 == 0;
}

bool hex_decode(struct arena *a, struct str text, struct str *ret)
{
	uint8_t *out = arena_alloc(a, text.n / 2 + 1);

	*ret = (struct str){(const char *)out, text.n / 2};
	return hex_read(text, out);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bits that stand for nothing must be zero: bytes have one text. */
bool base64_decode(struct arena *a, struct str text, struct str *ret)
{
	size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0, n = 0;
	uint32_t bits = 0;
	int held = 0;
	char *out;

	if (text.n % 4 != 0)
		return false;
	out = arena_alloc(a, text.n / 4 * 3 + 1);
	for (size_t i = 0; i + padding < text.n; i++) {
		int digit = base64_digit(text.p[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (char)(bits >> held & 255);
		}
	}
	*ret = (struct str){out, n};
	return (bits & ((1u << held) - 1)) == 0;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *a, struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1), *o = out;

	for (size_t i = 0; i < bytes.n; i += 3) {
		unsigned left = (unsigned)(bytes.n - i), b1 = left > 1 ? p[i + 1] : 0, b2 = left > 2 ? p[i + 2] : 0;

		*o++ = base64_digits[p[i] >> 2];
		*o++ = base64_digits[(p[i] & 3u) << 4 | b1 >> 4];
		*o++ = left > 1 ? base64_digits[(b1 & 15u) << 2 | b2 >> 6] : '=';
		*o++ = left > 2 ? base64_digits[b2 & 63u] : '=';
	}
	*o = '\0';
	return out;
}
