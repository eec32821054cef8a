/* expr_format.c - @text @json @csv @html @uri @base64. */
#include "base/arena.h"
#include "config/expr_eval.h"

static const struct json *format_csv(struct eval *ev, const struct json *v)
{
	struct eval_shown room;
	struct buf out;

	if (json_type(v) != JSON_ARRAY)
		return eval_raise(ev, "%s cannot be csv-formatted, only an array can be", eval_describe(&room, v));
	buf_init(&out, ev->scratch);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct json *item = json_at(v, i);
		struct str s = json_str(item);

		if (json_type(item) >= JSON_ARRAY)
			return eval_raise(ev, "%s is not valid in a csv row", eval_describe(&room, item));
		if (!eval_make(ev, s.n * 2 + 24))
			return NULL;
		if (i > 0)
			buf_addc(&out, ',');
		if (json_type(item) != JSON_STRING && json_type(item) != JSON_NULL)
			json_write(&out, item);
		if (json_type(item) != JSON_STRING)
			continue;
		buf_addc(&out, '"');
		for (size_t k = 0; k < s.n; k++) {
			if (s.p[k] == '"')
				buf_addc(&out, '"');
			buf_addc(&out, s.p[k]);
		}
		buf_addc(&out, '"');
	}
	return eval_string_at(ev, buf_str(&out));
}

static const char *html_entity(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '\'':
		return "&#39;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

static const struct json *format_html(struct eval *ev, struct str s)
{
	struct buf out;
	size_t extra = 0;

	if (!eval_work(ev, s.n))
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		extra += html_entity(s.p[i]) ? 5 : 0;
	if (!eval_make(ev, s.n + extra))
		return NULL;
	buf_init(&out, ev->scratch);
	for (size_t i = 0; i < s.n; i++) {
		const char *entity = html_entity(s.p[i]);

		if (entity)
			buf_adds(&out, entity);
		else
			buf_addc(&out, s.p[i]);
	}
	return eval_string_at(ev, buf_str(&out));
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.' || c == '~';
}

static const struct json *format_uri(struct eval *ev, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;
	char *p;

	if (!eval_make(ev, s.n * 3))
		return NULL;
	p = arena_alloc(ev->scratch, s.n * 3 + 1);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(s.p[i])) {
			p[n++] = s.p[i];
			continue;
		}
		p[n++] = '%';
		p[n++] = hex[c >> 4];
		p[n++] = hex[c & 15];
	}
	p[n] = '\0';
	return json_string_ref(ev->scratch, (struct str){p, n});
}

static const struct json *format_base64(struct eval *ev, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = (s.n + 2) / 3 * 4, at = 0;
	char *p;

	if (!eval_make(ev, n))
		return NULL;
	p = arena_alloc(ev->scratch, n + 1);
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			p[at++] = i + k > s.n ? '=' : digits[three >> (18 - 6 * k) & 63];
	}
	p[n] = '\0';
	return json_string_ref(ev->scratch, (struct str){p, n});
}

static const struct json *format_as(struct eval *ev, const struct json *v,
				    const struct json *(*fn)(struct eval *ev, struct str s))
{
	const struct json *text = eval_text(ev, v);

	return text ? fn(ev, json_str(text)) : NULL;
}

static const char *const names[FORMAT_COUNT] = {
	[FORMAT_TEXT] = "@text", [FORMAT_JSON] = "@json", [FORMAT_CSV] = "@csv",
	[FORMAT_HTML] = "@html", [FORMAT_URI] = "@uri",	  [FORMAT_BASE64] = "@base64",
};

const char *expr_format_name(enum expr_format f)
{
	return names[f];
}

int expr_format_find(struct str name)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (str_is(name, names[i]))
			return i;
	return -1;
}

const struct json *eval_format(struct eval *ev, enum expr_format f, const struct json *v)
{
	switch (f) {
	case FORMAT_JSON:
		return eval_json(ev, v);
	case FORMAT_CSV:
		return format_csv(ev, v);
	case FORMAT_HTML:
		return format_as(ev, v, format_html);
	case FORMAT_URI:
		return format_as(ev, v, format_uri);
	case FORMAT_BASE64:
		return format_as(ev, v, format_base64);
	default:
		return eval_text(ev, v);
	}
}
