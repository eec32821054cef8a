/* schema - a document of 60 properties, of every type and with the keywords that forms and tools use, against its schema.
 *
 *	schema [COUNT]		microseconds for one check, the median of 9 turns of COUNT (default 20,000), and for one compilation
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "schema/schema.h"

enum { PROPERTIES = 60, TURNS = 9 };

/* Ten kinds, six of each. */
static const struct {
	const char *schema, *value;
} kinds[] = {
	{"{\"type\":\"string\",\"minLength\":1,\"maxLength\":200}", "\"Quarterly report on the state of the queue\""},
	{"{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9-]{0,62}$\"}", "\"publish-brief-2\""},
	{"{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}", "4711"},
	{"{\"type\":\"number\",\"multipleOf\":0.01}", "19.99"},
	{"{\"enum\":[\"low\",\"normal\",\"high\"]}", "\"high\""},
	{"{\"type\":\"boolean\"}", "true"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":10,\"uniqueItems\":true}", "[\"one\",\"two\",\"three\"]"},
	{"{\"$ref\":\"#/$defs/person\"}", "{\"name\":\"Ada\",\"email\":\"ada@example.org\"}"},
	{"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"format\":\"date-time\"}]}", "\"2026-11-29T01:00:00Z\""},
	{"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"maxProperties\":8}", "{\"team\":\"core\",\"region\":\"eu\"}"},
};

static const struct json *parse(struct arena *a, struct str text)
{
	const struct json *v = NULL;
	struct err err;

	if (json_parse(a, text, NULL, &v, &err) < 0)
		fatal("%s", err.msg);
	return v;
}

static void make(struct arena *a, const struct json **schema, const struct json **value)
{
	const size_t n = sizeof kinds / sizeof kinds[0];
	struct buf s, v;

	buf_init(&s, a);
	buf_init(&v, a);
	buf_adds(&s, "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[");
	for (size_t i = 0; i < PROPERTIES; i += 2)
		buf_addf(&s, "%s\"property_%zu\"", i ? "," : "", i);
	buf_adds(&s, "],\"$defs\":{\"person\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":"
		     "{\"name\":{\"type\":\"string\"},\"email\":{\"type\":\"string\",\"format\":\"email\"}}}},\"properties\":{");
	for (size_t i = 0; i < PROPERTIES; i++) {
		buf_addf(&s, "%s\"property_%zu\":%s", i ? "," : "", i, kinds[i % n].schema);
		buf_addf(&v, "%s\"property_%zu\":%s", i ? "," : "{", i, kinds[i % n].value);
	}
	buf_adds(&s, "}}");
	buf_adds(&v, "}");
	*schema = parse(a, buf_str(&s));
	*value = parse(a, buf_str(&v));
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
	struct arena *a = arena_new(NULL);
	struct schema_faults faults = {.a = a};
	const struct json *schema, *value;
	const struct schema *program;
	double us[TURNS], compile_us[TURNS];

	if (count < 1)
		fatal("usage: schema [COUNT]");
	make(a, &schema, &value);
	program = schema_compile(a, schema, &faults);
	if (!program || !schema_check(program, value, &faults))
		fatal(STR_FMT ": " STR_FMT, STR_ARG(faults.v[0].pointer), STR_ARG(faults.v[0].message));
	for (int turn = 0; turn < TURNS; turn++) {
		int64_t begin = now_us();

		for (long i = 0; i < count; i++)
			if (!schema_check(program, value, NULL))
				fatal("it fits no more");
		us[turn] = (double)(now_us() - begin) / (double)count;
		begin = now_us();
		for (long i = 0; i < 100; i++) {
			struct arena *own = arena_new(NULL);

			if (!schema_compile(own, schema, &faults))
				fatal("it compiles no more");
			arena_free(own);
		}
		compile_us[turn] = (double)(now_us() - begin) / 100;
	}
	qsort(us, TURNS, sizeof us[0], by_size);
	qsort(compile_us, TURNS, sizeof us[0], by_size);
	printf("us_per_document %.2f\nus_per_compilation %.1f\n", us[TURNS / 2], compile_us[TURNS / 2]);
	arena_free(a);
	return 0;
}
