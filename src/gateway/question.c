/* question.c - see question.h. */
#include "gateway/question.h"

#include "base/err.h"
#include "base/json.h"
#include "gateway/request.h"

void question_key(struct buf *b, const char *key)
{
	buf_addf(b, ",\"%s\":", key);
}

void question_name(struct buf *b, struct str name)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < name.n && i < TOOL_NAME_MAX; i++) {
		char c = name.p[i];
		bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';

		buf_addc(b, fits ? c : '_');
	}
	buf_addc(b, '"');
}

bool question_args(struct arena *a, struct str args, const struct json **ret)
{
	struct json_builder b;
	struct err err;

	args = str_trim(args);
	if (args.n == 0) {
		*ret = json_empty_object();
		return false;
	}
	if (json_parse_lenient(a, args, NULL, ret, &err) == 0 && json_type(*ret) == JSON_OBJECT)
		return true;
	json_object_begin(&b, a);
	json_object_setc(&b, "invalid_arguments", json_string_clean(a, args));
	*ret = json_object_end(&b);
	return false;
}

void question_tool_schema(struct buf *b, const struct json *schema)
{
	if (json_len(schema) == 0) {
		buf_adds(b, "{\"type\":\"object\",\"properties\":{}}");
		return;
	}
	if (json_getc(schema, "type")) {
		json_write(b, schema);
		return;
	}
	buf_adds(b, "{\"type\":\"object\"");
	for (size_t i = 0; i < json_len(schema); i++) {
		buf_addc(b, ',');
		json_write_string(b, json_key(schema, i));
		buf_addc(b, ':');
		json_write(b, json_val(schema, i));
	}
	buf_addc(b, '}');
}

void question_told_schema(struct buf *b, const struct json *schema)
{
	buf_adds(b, "Answer with one JSON value that is valid under this JSON Schema, and with nothing else:\n");
	json_write(b, schema);
}
