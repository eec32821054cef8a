/* health_rows.h - a copy of the rows of provider_health: the breakers as the database told them last. Pure.
 *
 * Shapes:  a row is of a provider (scope 0) or of one of its models (scope 1). A row that a whole answer does not have is closed.
 * Units:   milliseconds of the loop's time, which the caller gives.
 * Memory:  rows live in the arena of the copy.
 * Errors:  of the JSON of an answer.
 * Source:  sql/functions/3_health.sql.
 */
#ifndef GATEWAY_HEALTH_ROWS_H
#define GATEWAY_HEALTH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "gateway/health.h"

struct arena;
struct err;

struct health_row {
	struct health_row *next;
	struct str provider, scope, error_class;
	int64_t no, open_until_ms, probe_until_ms;
	bool is_closed, seen;
};

struct health_rows {
	struct arena *arena;
	struct health_row *first;
};

bool health_has_breaker(const struct model *m);
struct str health_scope(const struct model *m, size_t i);
struct health_row *health_row(const struct health_rows *h, const struct model *m, size_t i);	/* NULL: none, as it never opened */
int health_rows_load(struct health_rows *h, struct str text, int64_t now_ms, bool *ret_changed, struct err *err);
struct health_view health_rows_look(const struct health_rows *h, const struct model *m, int64_t now_ms);

#endif
