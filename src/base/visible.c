/* visible.c - see visible.h. */
#include "base/visible.h"

#include "base/arena.h"

static bool is_hostile(uint32_t cp)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (cp >= ranges[i].from && cp <= ranges[i].to)
			return true;
	return false;
}

struct str str_visible(struct arena *a, struct str s, bool keep_lines)
{
	size_t valid = utf8_prefix(s);
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		uint32_t cp;

		if (i == valid) {
			buf_addf(&b, "\\x%02x", (unsigned)(unsigned char)s.p[i++]);
			valid = i + utf8_prefix(str_sub(s, i, s.n));
			continue;
		}
		cp = utf8_next(s, &i);
		if (keep_lines && (cp == '\n' || cp == '\t'))
			buf_addc(&b, (char)cp);
		else if (is_hostile(cp))
			buf_addf(&b, cp > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)cp);
		else
			buf_add(&b, s.p + from, i - from);
	}
	return buf_str(&b);
}
