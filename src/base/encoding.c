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

/* --- base64 --- */

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char standard[] = COMMON "+/", for_urls[] = COMMON "-_";

static int value_of(char c, const char *letters)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == letters[62] ? 62 : c == letters[63] ? 63 : -1;
}

/* Bits that stand for nothing must be zero: bytes have one text. */
static bool decode(struct arena *a, struct str text, const char *letters, struct str *ret)
{
	char *out = arena_alloc(a, text.n / 4 * 3 + 3);
	uint32_t bits = 0;
	size_t n = 0;
	int held = 0;

	for (size_t i = 0; i < text.n; i++) {
		int value = value_of(text.p[i], letters);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (char)(bits >> held & 255);
		}
	}
	*ret = (struct str){out, n};
	return held != 6 && (bits & ((1u << held) - 1)) == 0;
}

bool base64_decode(struct arena *a, struct str text, struct str *ret)
{
	size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;

	return text.n % 4 == 0 && decode(a, str_sub(text, 0, text.n - padding), standard, ret);
}

bool base64url_decode(struct arena *a, struct str text, struct str *ret)
{
	return decode(a, text, for_urls, ret);
}

/* At least one byte of room is left behind the text: for padding and NUL there are three. */
static char *encode(struct arena *a, const uint8_t *b, size_t n, const char *letters, char **ret_end)
{
	char *out = arena_alloc(a, n / 3 * 4 + 5), *at = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t second = left > 1 ? b[i + 1] : 0, third = left > 2 ? b[i + 2] : 0;
		uint32_t v = (uint32_t)b[i] << 16 | second << 8 | third;

		*at++ = letters[v >> 18];
		*at++ = letters[v >> 12 & 63];
		if (left > 1)
			*at++ = letters[v >> 6 & 63];
		if (left > 2)
			*at++ = letters[v & 63];
	}
	*at = '\0';
	*ret_end = at;
	return out;
}

char *base64_encode(struct arena *a, const void *p, size_t n)
{
	char *end, *out = encode(a, p, n, standard, &end);

	while ((end - out) % 4)
		*end++ = '=';
	*end = '\0';
	return out;
}

char *base64url(struct arena *a, const void *p, size_t n)
{
	char *end;

	return encode(a, p, n, for_urls, &end);
}
