/* decoder.h - what the tests of all wires do with answers and with refusals: each case goes through the wire's row of the table.
 *
 * Shapes:  an answer is decoded whole, byte by byte, and cut once at every place: what it says never depends on that.
 * Units:   tokens, milliseconds.
 * Memory:  answers of decode() live in the arena given; cases have arenas of their own.
 * Errors:  what is not as the case says is a failed check that names the case.
 * Source:  wire.h.
 */
#ifndef TEST_GATEWAY_DECODER_H
#define TEST_GATEWAY_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/wire.h"

struct answer_case {
	const char *what, *in;
	enum err_code code;
	const char *text, *finish, *calls;	/* NULL: not looked at; calls: name(args) id ..., MADE for an id of the decoder's */
	int64_t in_fresh, out_text;		/* in_fresh -1: no usage */
	int64_t in_cached, out_reason;
};

struct refusal_case {
	int status;
	const char *headers, *body;	/* headers: name, value, ... each ended by '\n' */
	enum err_code code;
	int hint_ms;
	bool retryable;
};

void expect_answer(const struct wire *w, const struct wire_request *asked, const struct answer_case *c);
void expect_refusal(const struct wire *w, const struct refusal_case *c);
void expect_bounded_line(const struct wire *w, const struct wire_request *asked);	/* a line of 2 MiB is too long */

/* An answer that came whole and in good order. */
const struct wire_answer *decode(struct arena *a, const struct wire *w, const struct wire_request *asked, struct str in);

#endif
