/* wire_replay.h - recorded replies from a file: tests, demonstrations, simulation. Nobody is asked.
 *
 * Shapes:  a JSON document {"about": TEXT, "replies": [ENTRY...]}; the first entry that matches answers.
 *
 *   ENTRY    {"name": TEXT, "match": MATCH, "reply": REPLY | "error": ERROR, "usage": USAGE?, "delay_ms": N?}
 *   MATCH    all that is given must hold; {} matches everything:
 *            "tier": TEXT, "model": TEXT (name or id), "contains": TEXT or [TEXT...] (all of them),
 *            "regex": PCRE2 pattern (both on the last user message), "attempt": N (of the call, from 1),
 *            "output": true|false (a schema was asked for), "tools": true|false (tools were offered), "turn": N (from 1;
 *            times that the assistant has spoken, and 1), "called": NAME or [NAME...] (tools that the assistant called
 *            since the last user message, all of them), "result": TEXT or [TEXT...] (all of them in the results that
 *            came last)
 *   REPLY    exactly one of
 *            {"text": TEXT}         recorded text
 *            {"json": VALUE}        recorded value
 *            {"extract": EXTRACT}   sentences copied out of the last user message
 *            {"shape": EXTRACT}     a value that fits the schema asked for, its texts copied likewise;
 *                                   without a schema the same as extract
 *            {"calls": [CALL...], "text": TEXT?}  asks for tools
 *   CALL     {"name": TEXT, "args": OBJECT?} or {"name": TEXT, "args_text": TEXT}: arguments, or text in their place that
 *            may be no JSON
 *   VALUE, OBJECT  may hold {"extract": EXTRACT} and {"found": PATTERN}: the first group, or the whole, of what a PCRE2
 *            pattern finds in the results that came last, without any in the last user message; else ""
 *   EXTRACT  {"after": TEXT or [TEXT...]?, "sentences": N?, "words": N?, "from": "question"|"results"?, "result": N?}: of
 *            the last user message (question, the default) or the results that came last (only the N-th), of the text behind
 *            the first marker that occurs (none: behind the first empty line, if there is one), the first N sentences (2), at
 *            most N words (60). Behind a marker that ends with a quotation mark stands a JSON string: its text. Text that is
 *            JSON counts as the first sentence of each text in it.
 *   ERROR    {"type": "model.CLASS", "message": TEXT, "status": N?, "retry_after_ms": N?}
 *   USAGE    {"prompt_tokens": N, "completion_tokens": N}; default: bytes / 4, rounded up
 *
 * Units:   milliseconds, tokens.
 * Memory:  a struct replay lives in the arena it was parsed into.
 * Errors:  replay_parse(): ERR_CONFIG with file and entry. A question that nothing matches:
 *          ERR_MODEL_NOT_FOUND naming the file.
 * Source:  agentd-routing(5).
 */
#ifndef GATEWAY_WIRE_REPLAY_H
#define GATEWAY_WIRE_REPLAY_H

#include "base/str.h"

struct arena;
struct err;
struct replay;
struct wire_answer;
struct wire_request;

int replay_parse(struct arena *a, struct str text, const char *file, const struct replay **ret, struct err *err);

/* What the recording answers, without the delay: tests and simulation. */
int replay_answer(struct arena *a, const struct wire_request *req, struct wire_answer *ret, struct err *err);

#endif
