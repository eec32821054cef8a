/* replay_file.h - a recording as it was read and checked; the format stands in wire_replay.h.
 *
 * Shapes:  entries in the order of the file. Values keep their {"extract"} and {"found"} objects, which were checked.
 * Units:   milliseconds, tokens.
 * Memory:  the arena that the recording was parsed into.
 * Errors:  replay_parse() of wire_replay.h.
 * Source:  agentd-routing(5).
 */
#ifndef GATEWAY_REPLAY_FILE_H
#define GATEWAY_REPLAY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/replay_extract.h"
#include "schema/pattern.h"
#include "store/queue.h"

enum reply_kind { REPLY_TEXT, REPLY_JSON, REPLY_EXTRACT, REPLY_SHAPE, REPLY_CALLS, REPLY_ERROR };

/* Where sentences are copied from. */
struct copied {
	struct extract extract;
	bool from_results;
	size_t result;			/* only the n-th of them, from 1; 0: all */
};

struct recorded_call {
	struct str name;
	const struct json *args;	/* an object; NULL: text */
	struct str text;
};

struct texts {
	const struct str *v;
	size_t n;
};

struct entry {
	struct str name;
	struct str tier, model;
	struct texts contains, called, result;
	const struct pattern *regex;
	int64_t attempt, turn;		/* 0: any */
	const struct json *output, *tools;	/* true, false or NULL */
	enum reply_kind kind;
	const struct json *value;	/* REPLY_JSON */
	struct str text;		/* REPLY_TEXT, and beside REPLY_CALLS */
	struct copied copied;
	const struct recorded_call *calls;
	size_t n_calls;
	struct err error;
	bool has_usage;
	struct usage usage;
	int64_t delay_ms;
};

struct replay {
	const char *file;
	const struct entry *entries;
	size_t n;
};

/* {"extract": {...}} or {"found": PATTERN} and nothing else; NULL: neither. */
const struct json *replay_extract_in(const struct json *v);
const struct json *replay_found_in(const struct json *v);
/* Both were checked when the recording was read. err NULL: they were. */
int replay_read_extract(struct arena *a, const struct json *v, struct copied *ret, struct err *err);
const struct pattern *replay_compile(struct arena *a, struct str text, struct err *err);

#endif
