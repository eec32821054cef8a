/* decoder.c - one case of an answer, at every split, and one of a refusal: for the tests of all wires. */
#include "decoder.h"

#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/http.h"

enum { HEADERS_MAX = 16, LINE_BYTES = 2 << 20 };

/* An id that the decoder made. */
static bool is_made(struct str id)
{
	return id.n == 29 && str_starts(id, STR("call_"));
}

static const char *calls_of(struct arena *own, const struct wire_answer *answer)
{
	struct buf b;

	buf_init(&b, own);
	for (size_t i = 0; i < answer->n_calls; i++)
		buf_addf(&b, STR_FMT "(" STR_FMT ") " STR_FMT " ", STR_ARG(answer->calls[i].name), STR_ARG(answer->calls[i].args),
			 STR_ARG(is_made(answer->calls[i].id) ? STR("MADE") : answer->calls[i].id));
	return buf_cstr(&b);
}

static void expect_usage(const struct answer_case *c, const struct wire_answer *answer)
{
	ck_assert_msg(answer->has_usage == (c->in_fresh >= 0), "%s: usage", c->what);
	if (!answer->has_usage)
		return;
	ck_assert_msg(answer->usage.in_fresh == c->in_fresh, "%s: in_fresh", c->what);
	ck_assert_msg(answer->usage.in_cached == c->in_cached, "%s: in_cached", c->what);
	ck_assert_msg(answer->usage.out_text == c->out_text, "%s: out_text", c->what);
	ck_assert_msg(answer->usage.out_reason == c->out_reason, "%s: out_reason", c->what);
	ck_assert_msg(answer->usage.in_write_5m + answer->usage.in_write_1h == 0, "%s: in_write", c->what);
}

/* step bytes at a time, the first piece of `first` bytes. */
static void expect_cut(const struct wire *w, const struct wire_request *asked, const struct answer_case *c, size_t first, size_t step)
{
	struct arena *own = arena_new(NULL);
	void *d = w->decoder(own, asked);
	const struct wire_answer *answer;
	struct str in = str_from(c->in);
	struct err err;
	int status = 0;

	err_clear(&err);
	for (size_t from = 0, n = first; from < in.n && status == 0; from += n, n = step)
		status = w->piece(d, str_sub(in, from, n), &err);
	if (status == 0)
		status = w->end(d, &err);
	answer = w->answer(d);
	ck_assert_msg(err.code == c->code, "%s (%zu, %zu): %s: %s", c->what, first, step, err_name(err.code), err.msg);
	ck_assert_int_eq(status, c->code == ERR_NONE ? 0 : -1);
	if (c->text) {
		ck_assert_msg(str_is(answer->text, c->text), "%s: " STR_FMT, c->what, STR_ARG(answer->text));
		ck_assert_msg(str_is(answer->finish_reason, c->finish), "%s: " STR_FMT, c->what, STR_ARG(answer->finish_reason));
		ck_assert_str_eq(calls_of(own, answer), c->calls);
	}
	expect_usage(c, answer);
	arena_free(own);
}

void expect_answer(const struct wire *w, const struct wire_request *asked, const struct answer_case *c)
{
	size_t n = strlen(c->in);

	expect_cut(w, asked, c, n, n ? n : 1);
	expect_cut(w, asked, c, 1, 1);
	for (size_t cut = 1; cut < n; cut++)
		expect_cut(w, asked, c, cut, n);
}

static struct str cut_line(struct str *rest)
{
	ptrdiff_t n = str_chr(*rest, '\n');
	struct str line;

	ck_assert_int_ge(n, 0);
	line = str_sub(*rest, 0, (size_t)n);
	*rest = str_sub(*rest, (size_t)n + 1, rest->n);
	return line;
}

void expect_refusal(const struct wire *w, const struct refusal_case *c)
{
	struct arena *own = arena_new(NULL);
	struct http_header *h = ARENA_ARRAY(own, HEADERS_MAX, struct http_header);
	struct http_result r = {.status = c->status, .headers = h, .body = str_from(c->body)};
	struct str rest = str_from(c->headers);
	struct err err;

	for (; rest.n > 0; r.n_headers++) {
		ck_assert_uint_lt(r.n_headers, HEADERS_MAX);
		h[r.n_headers].name = cut_line(&rest);
		h[r.n_headers].value = cut_line(&rest);
	}
	ck_assert_int_eq(w->refused(own, &r, &err), -1);
	ck_assert_msg(err.code == c->code, "%s: %s: %s", c->body, err_name(err.code), err.msg);
	ck_assert_msg(err.retry_after_ms == c->hint_ms, "%s: %jd", c->body, (intmax_t)err.retry_after_ms);
	ck_assert_int_eq(err.retryable, c->retryable);
	ck_assert_int_eq(err.status, c->status);
	ck_assert(utf8_valid(str_from(err.msg)));
	arena_free(own);
}

void expect_bounded_line(const struct wire *w, const struct wire_request *asked)
{
	struct arena *own = arena_new(NULL);
	char *line = arena_alloc(own, LINE_BYTES);
	struct err err;

	memset(line, 'x', LINE_BYTES);
	memcpy(line, "data: ", 6);
	ck_assert_int_eq(w->piece(w->decoder(own, asked), (struct str){line, LINE_BYTES}, &err), -1);
	ck_assert_int_eq(err.code, ERR_MODEL_OVERSIZE);
	arena_free(own);
}

const struct wire_answer *decode(struct arena *a, const struct wire *w, const struct wire_request *asked, struct str in)
{
	void *d = w->decoder(a, asked);
	struct err err;

	ck_assert_msg(w->piece(d, in, &err) == 0 && w->end(d, &err) == 0, "%s", err.msg);
	return w->answer(d);
}
