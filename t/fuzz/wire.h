/* wire.h - what the fuzz targets of all wires do with their input: an answer, whole and cut, or a refusal.
 *
 * Shapes:  the first byte chooses: below 128 an answer, and the size of its pieces; from 192 on what the target does apart, where it
 *          does something; else a status. What comes out as an answer is valid text with an end, does not depend on the cuts,
 *          and has an echo that the model asked can read.
 * Memory:  one arena for an input.
 * Errors:  abort(): libFuzzer keeps the input.
 * Source:  gateway/wire.h; libFuzzer's manual.
 */
#ifndef T_FUZZ_WIRE_H
#define T_FUZZ_WIRE_H

#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/echo.h"
#include "gateway/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz_wire {
	const struct wire *wire;
	const struct wire_request *asked;
	void (*send_back)(struct arena *a, struct str in, const struct wire_answer *answer);	/* it can be the next question's */
	void (*apart)(struct arena *a, struct str in);	/* NULL: nothing */
};

static inline bool fuzz_calls_alike(const struct wire_answer *x, const struct wire_answer *y)
{
	for (size_t i = 0; i < x->n_calls && x->n_calls == y->n_calls; i++)	/* ids may have been made */
		if (!str_eq(x->calls[i].name, y->calls[i].name) || !str_eq(x->calls[i].args, y->calls[i].args))
			return false;
	return x->n_calls == y->n_calls && str_eq(x->echo, y->echo);
}

static inline enum err_code fuzz_answer(const struct fuzz_wire *f, struct arena *a, struct str in, size_t step,
					const struct wire_answer **ret)
{
	void *d = f->wire->decoder(a, f->asked);
	const struct wire_answer *answer;
	struct err err;
	int status = 0;

	err_clear(&err);
	for (size_t from = 0; from < in.n && status == 0; from += step)
		status = f->wire->piece(d, str_sub(in, from, step), &err);
	if (status == 0)
		status = f->wire->end(d, &err);
	*ret = answer = f->wire->answer(d);
	if ((status < 0) != (err.code != ERR_NONE) || !utf8_valid(str_from(err.msg)))
		abort();
	if (status == 0 && (answer->finish_reason.n == 0 || (answer->text.n == 0 && answer->n_calls == 0)))
		abort();
	if (!utf8_valid(answer->text) || str_chr(answer->text, '\0') >= 0)
		abort();
	if (status == 0 && answer->echo.n > 0 && !echo_read(a, f->asked->model, answer->echo))
		abort();
	if (status == 0)
		f->send_back(a, in, answer);
	return err.code;
}

static inline void fuzz_refusal(const struct fuzz_wire *f, struct arena *a, struct str in, int status)
{
	struct http_result r = {.status = status, .body = in};
	struct err err;

	if (f->wire->refused(a, &r, &err) != -1 || err.code == ERR_NONE || !utf8_valid(str_from(err.msg)) || err.retry_after_ms < 0)
		abort();
}

static inline int fuzz_wire(const struct fuzz_wire *f, const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(NULL);
	const struct wire_answer *whole, *cut;
	struct str in = {(const char *)data, n};

	if (n > 0) {
		in = str_sub(in, 1, n);
		if (data[0] >= 192 && f->apart)
			f->apart(a, in);
		else if (data[0] >= 128)
			fuzz_refusal(f, a, in, 300 + (data[0] - 128) * (f->apart ? 4 : 2));
		else if (fuzz_answer(f, a, in, n, &whole) != fuzz_answer(f, a, in, (size_t)data[0] % 16 + 1, &cut) ||
			 !str_eq(whole->text, cut->text) || !fuzz_calls_alike(whole, cut))
			abort();
	}
	arena_free(a);
	return 0;
}

#endif
