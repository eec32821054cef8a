/* encoding.c - see encoding.h. */
#include "base/encoding.h"

#include <stdint.h>

#include "base/arena.h"

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct arena *a, struct str text, struct str *ret)
{
	char *out;

	if (text.n % 2 != 0)
		return false;
	out = arena_alloc(a, text.n / 2 + 1);
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_digit(text.p[i]), low = hex_digit(text.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (char)(high << 4 | low);
	}
	*ret = (struct str){out, text.n / 2};
	return true;
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
