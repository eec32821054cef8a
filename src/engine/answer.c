/* answer.c - code fences, JSON, schema, repair. */
#include "engine/answer.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/journal.h"
#include "schema/schema.h"

struct str answer_unfence(struct str text)
{
	struct str all = str_trim(text), rest;
	ptrdiff_t open = str_find(all, STR("```")), line, end;

	/* JSON that quotes a fence is not in one. */
	if (open < 0 || (all.n && (all.p[0] == '{' || all.p[0] == '[' || all.p[0] == '"')))
		return all;
	rest = str_sub(all, (size_t)open + 3, all.n);
	line = str_chr(rest, '\n');
	if (line < 0)
		return all;
	rest = str_sub(rest, (size_t)line + 1, rest.n);
	end = str_find(rest, STR("\n```"));
	return str_trim(end < 0 ? rest : str_sub(rest, 0, (size_t)end));
}

int answer_read(struct arena *a, const struct schema *schema, struct str text, const struct json **ret, struct err *err)
{
	struct err why = {0};

	if (!schema) {
		*ret = journal_value(a, "text", json_string(a, text));
		return 0;
	}
	if (json_parse_lenient(a, answer_unfence(text), NULL, ret, &why) < 0)
		return err_set(err, ERR_SCHEMA_OUTPUT, "the answer is not JSON: %s", why.msg);
	return schema_require(schema, *ret, ERR_SCHEMA_OUTPUT, err);
}

struct str answer_repair(struct arena *a, const struct schema *check, const struct json *schema, struct str text)
{
	const struct json *unused;
	struct err why = {0};
	struct buf b;

	if (answer_read(a, check, text, &unused, &why) == 0)
		err_set(&why, ERR_SCHEMA_OUTPUT, "it did not fit");	/* the check has become laxer since */
	buf_init(&b, a);
	buf_adds(&b, "Your answer cannot be used: ");
	buf_adds(&b, why.msg);
	buf_adds(&b, ".\nAnswer again with one JSON value and nothing else. It must fit this JSON Schema:\n");
	json_write(&b, schema);
	return buf_str(&b);
}
