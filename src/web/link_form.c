/* link_form.c - forms of requests as fields of a page, where they are flat: one field per property. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "web/links.h"
#include "web/request.h"

enum { MAX_FIELDS = 20, MAX_CHOICES = 50 };

enum field { FIELD_NONE, FIELD_TEXT, FIELD_INTEGER, FIELD_NUMBER, FIELD_FLAG, FIELD_CHOICE };

/* --- what can be shown --- */

static bool are_texts(const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (json_type(json_at(list, i)) != JSON_STRING)
			return false;
	return json_type(list) == JSON_ARRAY && json_len(list) > 0 && json_len(list) <= MAX_CHOICES;
}

static enum field field_of(const struct json *schema)
{
	struct str type = json_str(json_getc(schema, "type"));
	const struct json *choices = json_getc(schema, "enum");

	if (choices)
		return str_is(type, "string") && are_texts(choices) ? FIELD_CHOICE : FIELD_NONE;
	return str_is(type, "string") ? FIELD_TEXT : str_is(type, "integer") ? FIELD_INTEGER : str_is(type, "number") ? FIELD_NUMBER :
	       str_is(type, "boolean") ? FIELD_FLAG : FIELD_NONE;
}

static bool is_required(const struct json *schema, struct str name)
{
	const struct json *list = json_getc(schema, "required");

	for (size_t i = 0; i < json_len(list); i++)
		if (str_eq(json_str(json_at(list, i)), name))
			return true;
	return false;
}

bool link_form_is_simple(const struct json *schema)
{
	const struct json *fields = json_getc(schema, "properties"), *required = json_getc(schema, "required");

	if (json_type(schema) == JSON_NULL)
		return true;
	if (!str_is(json_str(json_getc(schema, "type")), "object") || json_len(fields) > MAX_FIELDS)
		return false;
	for (size_t i = 0; i < json_len(fields); i++)
		if (field_of(json_val(fields, i)) == FIELD_NONE)
			return false;
	for (size_t i = 0; i < json_len(required); i++)
		if (!json_get(fields, json_str(json_at(required, i))))
			return false;
	return true;
}

/* --- fields --- */

/* Names of properties may be any text; those of fields are numbers. */
static const char *field_name(struct arena *a, size_t i)
{
	return arena_printf(a, "field-%zu", i);
}

static void write_option(struct buf *b, struct arena *a, const char *value, struct str text)
{
	buf_addf(b, "<option value=\"%s\">", value);
	html_add(b, a, text);
	buf_adds(b, "</option>");
}

/* Nothing is chosen beforehand, so that nothing is sent that nobody meant. */
static void write_choices(struct buf *b, struct arena *a, const struct json *choices)
{
	write_option(b, a, "", STR_NONE);
	for (size_t i = 0; i < json_len(choices); i++)
		write_option(b, a, arena_printf(a, "%zu", i + 1), json_str(json_at(choices, i)));
}

static void write_flag(struct buf *b, struct arena *a)
{
	write_option(b, a, "", STR_NONE);
	write_option(b, a, "true", STR("yes"));
	write_option(b, a, "false", STR("no"));
}

static void write_field(struct buf *b, struct arena *a, const char *name, struct str label, const struct json *schema, bool required)
{
	static const char *const inputs[] = {
		[FIELD_TEXT] = "type=\"text\"", [FIELD_INTEGER] = "type=\"text\" inputmode=\"numeric\"",
		[FIELD_NUMBER] = "type=\"text\" inputmode=\"decimal\""};
	struct str title = json_str(json_getc(schema, "title")), description = json_str(json_getc(schema, "description"));
	enum field field = field_of(schema);
	const char *needed = required && field != FIELD_TEXT ? " required" : "";

	buf_adds(b, "<label>");
	html_add(b, a, title.n ? title : label);
	if (description.n) {
		buf_adds(b, " (");
		html_add(b, a, description);
		buf_adds(b, ")");
	}
	if (field == FIELD_CHOICE || field == FIELD_FLAG) {
		buf_addf(b, " <select name=\"%s\"%s>", name, needed);
		if (field == FIELD_CHOICE)
			write_choices(b, a, json_getc(schema, "enum"));
		else
			write_flag(b, a);
		buf_adds(b, "</select>");
	} else {
		buf_addf(b, " <input name=\"%s\" %s%s>", name, inputs[field], needed);
	}
	buf_adds(b, "</label>\n");
}

void link_form_write(struct buf *b, struct arena *a, const struct json *schema)
{
	const struct json *fields = json_getc(schema, "properties");

	for (size_t i = 0; i < json_len(fields); i++)
		write_field(b, a, field_name(a, i), json_key(fields, i), json_val(fields, i), is_required(schema, json_key(fields, i)));
}

/* --- what was filled in --- */

static int bad(struct err *err, struct str name, const char *expected)
{
	return err_set(err, ERR_INVALID, "\"" STR_FMT "\": expected %s", STR_ARG(str_clip(name, 80)), expected);
}

/* *ret NULL: it was left empty. */
static int read_field(struct arena *a, struct str name, const struct json *schema, struct str text, bool required, const struct json **ret,
		      struct err *err)
{
	enum field field = field_of(schema);
	const struct json *choices = json_getc(schema, "enum");

	*ret = NULL;
	if (!text.n && !(field == FIELD_TEXT && required))
		return 0;
	if (field == FIELD_TEXT) {
		*ret = json_string_clean(a, text);
		return 0;
	}
	if (field == FIELD_FLAG) {
		*ret = json_bool(str_is(text, "true"));
		return str_is(text, "true") || str_is(text, "false") ? 0 : bad(err, name, "yes or no");
	}
	*ret = json_number(a, str_trim(text));
	if (!*ret)
		return bad(err, name, "a number");
	if (field == FIELD_CHOICE) {
		int64_t i;

		*ret = json_to_int(*ret, &i) && i >= 1 ? json_at(choices, (size_t)i - 1) : NULL;
		return *ret ? 0 : bad(err, name, "one of the choices");
	}
	return 0;
}

int link_form_read(struct request *req, const struct json *schema, const struct json **ret, struct err *err)
{
	const struct json *fields = json_getc(schema, "properties"), *v;
	struct json_builder b;
	struct str text;

	*ret = NULL;
	if (json_type(schema) == JSON_NULL)
		return 0;
	if (!link_form_is_simple(schema))
		return err_set(err, ERR_INVALID, "the form cannot be filled in here: use agentd's own page, or agentctl approvals approve");
	json_object_begin(&b, req->arena);
	for (size_t i = 0; i < json_len(fields); i++) {
		struct str name = json_key(fields, i);

		if (request_field(req, field_name(req->arena, i), &text, err) < 0 ||
		    read_field(req->arena, name, json_val(fields, i), text, is_required(schema, name), &v, err) < 0)
			return -1;
		if (v)
			json_object_set(&b, name, v);
	}
	*ret = json_object_end(&b);
	return 0;
}
