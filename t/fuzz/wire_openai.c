/* wire_openai.c - fuzz target: answers and refusals of a model server, cut anywhere. What comes out as
 * an answer is valid text with an end, and does not depend on the cuts. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/openai_answer.h"
#include "gateway/openai_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static enum err_code run(struct arena *a, struct str in, size_t step, const struct wire_answer **ret)
{
	struct openai_decoder *d = openai_decoder_new(a, NULL, true);
	struct err err;
	int status = 0;

	err_clear(&err);
	for (size_t from = 0; from < in.n && status == 0; from += step)
		status = openai_decoder_piece(d, str_sub(in, from, step), &err);
	if (status == 0)
		status = openai_decoder_end(d, &err);
	*ret = openai_decoder_answer(d);
	if ((status < 0) != (err.code != ERR_NONE) || !utf8_valid(str_from(err.msg)))
		abort();
	if (status == 0 && ((*ret)->finish_reason.n == 0 || ((*ret)->text.n == 0 && (*ret)->n_calls == 0)))
		abort();
	if (!utf8_valid((*ret)->text) || str_chr((*ret)->text, '\0') >= 0)
		abort();
	return err.code;
}

static void refuse(struct arena *a, struct str in, int status)
{
	struct http_result r = {.status = status, .body = in};
	struct err err;

	if (openai_error_of_answer(a, &r, &err) != -1 || err.code == ERR_NONE || !utf8_valid(str_from(err.msg)) ||
	    err.retry_after_ms < 0)
		abort();
}

/* The first byte chooses the size of the pieces, or a status. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(NULL);
	const struct wire_answer *whole, *cut;
	struct str in = {(const char *)data, n};

	if (n > 0) {
		in = str_sub(in, 1, n);
		if (data[0] >= 128)
			refuse(a, in, 300 + (data[0] - 128) * 2);
		else if (run(a, in, n, &whole) != run(a, in, (size_t)data[0] % 16 + 1, &cut) || !str_eq(whole->text, cut->text))
			abort();
	}
	arena_free(a);
	return 0;
}
