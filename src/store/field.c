/* field.c - typed fields of an answer, and calls that answer one text. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"

bool field_is_null(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col);
}

struct str field_str(const PGresult *r, int row, int col)
{
	if (PQgetisnull(r, row, col))
		return STR_NONE;
	return (struct str){PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)};
}

int64_t field_int(const PGresult *r, int row, int col)
{
	return strtoll(PQgetvalue(r, row, col), NULL, 10);
}

bool field_bool(const PGresult *r, int row, int col)
{
	return *PQgetvalue(r, row, col) == 't';
}

struct uuid field_uuid(const PGresult *r, int row, int col)
{
	struct uuid u = {0};

	uuid_parse(field_str(r, row, col), &u);
	return u;
}

bool field_digest(const PGresult *r, int row, int col, struct digest *ret)
{
	struct str s = field_str(r, row, col);

	return str_starts(s, STR("\\x")) && digest_from_hex(str_sub(s, 2, s.n), ret);
}

bool field_bytes(struct arena *a, const PGresult *r, int row, int col, struct str *ret)
{
	struct str s = field_str(r, row, col);
	uint8_t *p;

	*ret = STR_NONE;
	if (!s.p)
		return true;
	s = str_starts(s, STR("\\x")) ? str_sub(s, 2, s.n) : STR("?");
	p = arena_alloc(a, s.n / 2 + 1);
	*ret = (struct str){(const char *)p, s.n / 2};
	return hex_read(s, p);
}

struct str *field_words(struct arena *a, const PGresult *r, int row, int col, size_t *ret_n)
{
	struct str s = field_str(r, row, col);
	struct str *v;
	size_t n = 0;

	*ret_n = 0;
	if (s.n <= 2)
		return NULL;
	s = str_sub(s, 1, s.n - 2);
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ',';
	v = ARENA_ARRAY(a, n + 1, struct str);
	for (size_t i = 0; i <= n; i++) {
		ptrdiff_t comma = str_chr(s, ',');

		v[i] = comma < 0 ? s : str_sub(s, 0, (size_t)comma);
		s = comma < 0 ? STR_NONE : str_sub(s, (size_t)comma + 1, s.n);
	}
	*ret_n = n + 1;
	return v;
}

/* What is in the database was checked when it went in; a value wrapped in a row of the journal is a little deeper. */
int field_json(struct arena *a, const PGresult *r, int row, int col, const struct json **ret, struct err *err)
{
	static const struct json_limits limits = {.max_bytes = (size_t)1 << 30, .max_depth = 1000, .max_values = 100000000};

	*ret = NULL;
	if (PQgetisnull(r, row, col))
		return 0;
	if (json_parse(a, field_str(r, row, col), &limits, ret, err) < 0)
		return err_prefix(err, "answer of the database, column \"%s\": ", PQfname(r, col));
	return 0;
}

int call_read_text(struct call *c, const PGresult *r, struct err *err)
{
	struct str *text = ARENA_NEW(c->op.arena, struct str);

	if (PQntuples(r) != 1 || PQnfields(r) != 1)
		return err_set(err, ERR_PG, "%s: expected one value", c->stmt->name);
	*text = field_str(r, 0, 0);
	c->result = text;
	return 0;
}

struct str call_text_of(const struct op *op)
{
	const struct call *c = (const struct call *)op;

	return c->result ? *(const struct str *)c->result : STR_NONE;
}
