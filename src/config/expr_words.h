/* expr_words.h - names that are no functions here: what to say about them.
 *
 * Shapes:  names as written in the source. jq's own words that this language leaves out are told
 *          apart from typing errors.
 * Memory:  hints are constants or in the buffer given.
 * Errors:  none.
 * Source:  jq's manual; agentd-workflow(5), "Differences from jq".
 */
#ifndef CONFIG_EXPR_WORDS_H
#define CONFIG_EXPR_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A word of jq that is left out; *hint is NULL or what to write. */
bool expr_word_refused(struct str name, const char **hint);
/* A function of that name with another number of arguments, and what it takes ("1 argument"). */
bool expr_word_arity(struct str name, size_t *n_args);
const char *expr_arity_text(struct str name);
/* What an unknown name may have been meant to be; NULL: no idea. */
const char *expr_word_hint(struct str source, size_t offset, struct str name, char *room, size_t size);

#endif
