/* body.c - looks at the first byte, then hands on. */
#include "gateway/body.h"

#include "base/err.h"
#include "base/json.h"

void body_init(struct body *b, struct arena *a, sse_event_fn *event, void *arg)
{
	*b = (struct body){.kind = BODY_UNKNOWN};
	sse_init(&b->sse, a, event, arg);
	buf_init(&b->document, a);
	buf_init(&b->stray, a);
	b->sse.stray = &b->stray;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* By the first byte that is neither white space nor part of a BOM. */
static enum body_kind kind_of(struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		char c = bytes.p[i];

		if (is_blank(c) || c == '\xEF' || c == '\xBB' || c == '\xBF')
			continue;
		return c == '{' || c == '[' ? BODY_DOCUMENT : c == '<' ? BODY_PAGE : BODY_STREAM;
	}
	return BODY_UNKNOWN;
}

int body_piece(struct body *b, struct str bytes, struct err *err)
{
	if (b->kind == BODY_UNKNOWN) {
		b->kind = kind_of(bytes);
		/* What stood before the first telling byte is needed only to know a BOM. */
		if (b->kind == BODY_UNKNOWN) {
			if (b->document.n + bytes.n > 64)
				bytes = STR_NONE;	/* white space without end: nothing is lost */
			buf_addstr(&b->document, bytes);
			return 0;
		}
		if (b->kind == BODY_STREAM && b->document.n > 0 && sse_feed(&b->sse, buf_str(&b->document), err) < 0)
			return -1;
	}
	if (b->kind == BODY_DOCUMENT)
		buf_addstr(&b->document, bytes);
	if (b->kind != BODY_STREAM || sse_feed(&b->sse, bytes, err) == 0)
		return 0;
	if (err->code == ERR_SIZE)
		err->code = ERR_MODEL_OVERSIZE;
	return -1;
}

int body_document(const struct body *b, struct arena *a, const struct json **ret, struct err *err)
{
	struct str text = buf_str(&b->document);
	struct err why;

	if (str_starts(text, STR("\xEF\xBB\xBF")))
		text = str_sub(text, 3, text.n);
	if (json_parse_lenient(a, text, NULL, ret, &why) < 0)
		return err_set(err, ERR_MODEL_BAD_BODY, "the answer is not JSON: %s", why.msg);
	return 0;
}

const struct json *body_stray_error(const struct body *b, struct arena *a)
{
	const struct json *v;

	if (b->stray.n == 0 || json_parse_lenient(a, buf_str(&b->stray), NULL, &v, NULL) < 0)
		return NULL;
	if (json_type(v) == JSON_ARRAY)
		v = json_at(v, 0);
	return json_getc(v, "error");
}
