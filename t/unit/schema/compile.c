/* Unit tests of schema/compile*.c and uri.c: what a document has to be, and where it is not. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/program.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const char *faults_text(const struct schema_faults *f)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < f->n; i++)
		buf_addf(&b, "%s%s" STR_FMT " " STR_FMT, i ? "\n" : "", f->v[i].warning ? "warning " : "", STR_ARG(f->v[i].pointer),
			 STR_ARG(f->v[i].message));
	return buf_cstr(&b);
}

static const struct {
	const char *schema, *faults;
} table[] = {
	{"{}", ""},
	{"true", ""},
	{"1", " expected a schema (a map, true or false), got number"},
	{"{\"type\":\"objekt\",\"properties\":{\"a\":{\"minLength\":-1}}}",
	 "/type there is no type \"objekt\" (did you mean \"object\"?)\n"
	 "/properties/a/minLength \"minLength\": expected a whole number from 0, got number"},
	{"{\"type\":[\"string\",1]}", "/type/1 \"type\": expected the name of a type, got number"},
	{"{\"type\":[]}", "/type \"type\" is empty"},
	{"{\"minLength\":2.0}", ""},
	{"{\"minLength\":2.5}", "/minLength \"minLength\": expected a whole number from 0, got number"},
	{"{\"maxItems\":1e30}", ""},
	{"{\"multipleOf\":0}", "/multipleOf \"multipleOf\": expected a number above 0, got number"},
	{"{\"required\":\"a\"}", "/required \"required\": expected a list of names, got string"},
	{"{\"required\":[\"a\",1]}", "/required/1 \"required\": expected a list of names, got number"},
	{"{\"allOf\":[]}", "/allOf \"allOf\" is empty"},
	{"{\"allOf\":[1]}", "/allOf/0 expected a schema (a map, true or false), got number"},
	{"{\"properties\":[]}", "/properties \"properties\": expected an object of schemas, got array"},
	{"{\"uniqueItems\":1}", "/uniqueItems \"uniqueItems\": expected true or false, got number"},
	{"{\"enum\":1}", "/enum \"enum\": expected a list of values, got number"},
	{"{\"enum\":[]}", "warning /enum \"enum\" is empty: no value fits"},
	{"{\"dependentRequired\":{\"a\":1}}", "/dependentRequired/a \"dependentRequired\": expected a list of names, got number"},
	{"{\"title\":1}", "/title \"title\": expected text, got number"},
	{"{\"maxlength\":1,\"x-ours\":{\"type\":1}}", "warning /maxlength unknown keyword \"maxlength\" (did you mean \"maxLength\"?)"},
	{"{\"pattern\":\"a(\"}", "/pattern \"pattern\" cannot be read: missing closing parenthesis"},
	{"{\"patternProperties\":{\"[\":true}}",
	 "/patternProperties/[ \"patternProperties\" cannot be read: missing terminating ] for character class"},
	{"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema#\"}", ""},
	{"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
	 "/$schema \"$schema\": expected \"https://json-schema.org/draft/2020-12/schema\", got \"http://json-schema.org/draft-07/schema\""},
	{"{\"$ref\":\"#/$defs/none\"}", "/$ref \"$ref\" leads to \"#/$defs/none\", which is not there"},
	{"{\"items\":{\"$ref\":\"#none\"}}", "/items/$ref \"$ref\" leads to \"#none\", which is not there"},
	{"{\"$ref\":\"https://x.example/s\"}", "/$ref \"$ref\" leads to \"https://x.example/s\", which is not in this document"},
	{"{\"$ref\":\"#/x\",\"x\":[1]}", "/$ref \"$ref\" leads to \"#/x\", which is no schema"},
	/* what no keyword holds is read when a reference leads there */
	{"{\"$ref\":\"#/x/y\",\"x\":{\"y\":{\"type\":\"strin\"}}}", "/x/y/type there is no type \"strin\" (did you mean \"string\"?)"},
	{"{\"$ref\":\"#/$defs/a~1b\",\"$defs\":{\"a/b\":true}}", ""},
	{"{\"$ref\":\"#/$defs/a%25b\",\"$defs\":{\"a%b\":true}}", ""},
	{"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", ""},
	{"{\"$ref\":\"#\"}", "/$ref \"$ref\" leads to \"#\": back to itself, without end"},
	{"{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#\"}}}}",
	 "/$defs/a/not/$ref \"$ref\" leads to \"#\": back to itself, without end"},
	{"{\"dependentSchemas\":{\"x\":{\"$ref\":\"#\"}}}", "/dependentSchemas/x/$ref \"$ref\" leads to \"#\": back to itself, without end"},
	{"{\"items\":{\"$ref\":\"#\"},\"additionalProperties\":{\"anyOf\":[{\"$ref\":\"#\"},true]}}", ""},
	{"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "/$defs/b/$anchor \"$anchor\": \"x\" is there twice"},
	{"{\"$anchor\":\"1x\"}", "/$anchor \"$anchor\": \"1x\" is no name: expected letters, digits, \"-\", \"_\" and \".\""},
	{"{\"$id\":\"#x\"}", "/$id \"$id\" with a fragment (an \"$anchor\" is a key of its own)"},
	{"{\"$defs\":{\"a\":{\"$id\":\"s\"},\"b\":{\"$id\":\"s\"}}}", "/$defs/b \"$id\": \"s\" is there twice"},
	{"{\"$id\":\"https://x.example/a/b.json\",\"$defs\":{\"c\":{\"$id\":\"../c.json\",\"$anchor\":\"z\"}},\"$ref\":\"/c.json#z\"}", ""},
	{"{\"enum\":[{\"$id\":\"s\"}],\"const\":{\"$ref\":\"#/none\"},\"examples\":[{\"type\":1}],\"default\":{\"type\":1}}", ""},
};

START_TEST(documents)
{
	struct schema_faults f = {.a = a};
	const struct schema *s = schema_compile(a, parse(table[_i].schema), &f);

	ck_assert_str_eq(faults_text(&f), table[_i].faults);
	ck_assert_int_eq(s != NULL, f.n == 0 || f.v[0].warning);
}
END_TEST

START_TEST(place_in_a_pattern)
{
	struct schema_faults f = {.a = a};

	ck_assert_ptr_null(schema_compile(a, parse("{\"pattern\":\"abc\\\\q\",\"patternProperties\":{\"a**\":true}}"), &f));
	ck_assert_uint_eq(f.v[0].offset, 3);
	ck_assert(!f.v[0].at_key);
	ck_assert_uint_eq(f.v[1].offset, 2);
	ck_assert(f.v[1].at_key);
}
END_TEST

START_TEST(list_is_bounded)
{
	struct schema_faults f = {.a = a};
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "{\"allOf\":[{\"maxlength\":1}");
	for (int i = 0; i < 50; i++)
		buf_adds(&b, i < 25 ? ",{\"maxlength\":1}" : ",{\"type\":1}");
	buf_adds(&b, "]}");
	ck_assert_ptr_null(schema_compile(a, parse(buf_cstr(&b)), &f));
	ck_assert_uint_eq(f.n, SCHEMA_FAULTS);
	ck_assert(f.more);
	ck_assert(!f.v[SCHEMA_FAULTS - 1].warning);	/* warnings left room */
}
END_TEST

/* From RFC 3986, sections 5.4.1 and 5.4.2. */
static const struct {
	const char *reference, *target;
} uris[] = {
	{"g:h", "g:h"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"}, {"/g", "http://a/g"},
	{"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"}, {"#s", "http://a/b/c/d;p?q#s"},
	{"g#s", "http://a/b/c/g#s"}, {";x", "http://a/b/c/;x"}, {"", "http://a/b/c/d;p?q"}, {".", "http://a/b/c/"},
	{"..", "http://a/b/"}, {"../g", "http://a/b/g"}, {"../..", "http://a/"}, {"../../g", "http://a/g"},
	{"../../../g", "http://a/g"}, {"/./g", "http://a/g"}, {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."},
	{"..g", "http://a/b/c/..g"}, {"./../g", "http://a/b/g"}, {"g/./h", "http://a/b/c/g/h"}, {"g/../h", "http://a/b/c/h"},
};

START_TEST(addresses)
{
	struct str got = uri_resolve(a, STR("http://a/b/c/d;p?q"), str_from(uris[_i].reference));

	ck_assert_msg(str_is(got, uris[_i].target), "%s: " STR_FMT, uris[_i].reference, STR_ARG(got));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema/compile");
	TCase *t = tcase_create("compile");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, documents, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(t, place_in_a_pattern);
	tcase_add_test(t, list_is_bounded);
	tcase_add_loop_test(t, addresses, 0, (int)(sizeof uris / sizeof uris[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
