/* diag.h - a list of diagnostics: what is wrong in files, all of it, with places.
 *
 * Shapes:  struct place is file, line, column, each from 1 (columns in code
 *          points). A diag list collects errors and warnings and is printed, sorted
 *          by file and place, by the program, never by this room.
 * Memory:  the list copies texts into its arena.
 * Errors:  adding does not fail; past 200 entries only the count grows.
 * Source:  agentd-workflow(5), "DIAGNOSTICS": `file:line:col: error: message`, the source line, a caret.
 */
#ifndef CONFIG_DIAG_H
#define CONFIG_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;
struct json;

struct place {
	const char *file;	/* as the user would name it; NULL: no place */
	int line, col;		/* from 1; 0: unknown. Without a column the line is not shown (it may hold a secret) */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diags;

struct diags *diags_new(struct arena *a);
void diag_add(struct diags *d, enum diag_level level, struct place at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));	/* hint NULL: none */
#define diag_error(d, at, ...) diag_add((d), DIAG_ERROR, (at), NULL, __VA_ARGS__)
/* Text of a file, so that printing can show the line and caret. Kept by reference. */
void diag_source(struct diags *d, const char *file, struct str text);
/* Names are compared for "did you mean" a few hundred times per list, then no more: a hostile file must not be slow. */
bool diag_is_full(const struct diags *d);	/* places and texts of what comes now are lost */
bool diag_suggests(const struct diags *d);
void diag_suggested(struct diags *d);
size_t diag_errors(const struct diags *d);
size_t diag_warnings(const struct diags *d);
void diag_print(struct diags *d, struct buf *out);		/* text for people */
const struct json *diag_json(struct diags *d, struct arena *a);	/* [{file,line,column,level,message,hint?}] */

#endif
