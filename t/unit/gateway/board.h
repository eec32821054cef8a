/* board.h - breakers in the place of room store's: what is said of attempts is kept, and the answers are those that a test has prepared.
 *
 * Shapes:  see the members of struct board; cleared by setup() (stand.h).
 * Units:   milliseconds.
 * Memory:  texts are the test's.
 * Errors:  none.
 * Source:  store/breakers.h.
 */
#ifndef TEST_GATEWAY_BOARD_H
#define TEST_GATEWAY_BOARD_H

#include <stddef.h>
#include <stdint.h>

struct board {
	char told[16384];		/* "scope/effect/no/open_ms/probe? " */
	const char *rows;		/* of every answer; NULL: none */
	const char *asks[8];		/* answers to coming asks, one a call; none left: all may */
	size_t n_asks, next_ask;
	int n_reports, n_admits, n_asked;
	int64_t most_ms, tokens;	/* of the last ask */
	char usage[256], waits[4096];
};
extern struct board board;

#endif
