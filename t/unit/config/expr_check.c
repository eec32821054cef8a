/* expr_check.c - what is known without data: mistakes of types and names, and the names that are read. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "../suite_run.h"

static struct arena *a;
static const char *const roots[] = {"input", "steps", "vars", "task", "item", "index", "error"};

static void setup(void)
{
	a = arena_new(NULL);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct expr *parsed(const char *program)
{
	const struct expr *e;
	struct expr_error where;

	ck_assert_msg(expr_parse(a, str_from(program), &e, &where) == 0, "%s: %s", program, where.msg);
	return e;
}

/* --- mistakes: "offset+length message [hint]", joined with " | " --- */

static void on_mistake(void *arg, const struct expr_error *error)
{
	struct buf *out = arg;

	buf_addf(out, "%s%zu+%zu %s", out->n ? " | " : "", error->offset, error->length, error->msg);
	if (error->hint[0])
		buf_addf(out, " [%s]", error->hint);
}

static const struct {
	const char *program, *mistakes;
} mistakes[] = {
	{".input.a", ""},
	{".inptu.a", "0+6 there is no \".inptu\" here [did you mean \".input\"?]"},
	{".nothing",
	 "0+8 there is no \".nothing\" here [there are .input, .steps, .vars, .task, .item, .index, .error]"},
	{".step.a.output | length", "0+5 there is no \".step\" here [did you mean \".steps\"?]"},
	{".input.x + .var.y", "11+4 there is no \".var\" here [did you mean \".vars\"?]"},
	{"{a: .inputs}", "4+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{"{inputs}", "1+6 there is no \".inputs\" here [did you mean \".input\"?]"},
	{"\"x\\(.inputs)\"", "4+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{".[\"inputs\"]", "0+11 there is no \".inputs\" here [did you mean \".input\"?]"},
	{".inputs?", "0+8 there is no \".inputs\" here [did you mean \".input\"?]"},
	{"(.inputs.a)?", "1+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{".inputs // 1", "0+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{". | .inputs", "4+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{".input | .inputs", ""},
	{".input.items | map(.anything)", ""},
	{".input.items | map(select(.a > 1)) | sort_by(.b) | any(.c)", ""},
	{"select(.inputs)", "7+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{"any(.input.a[]; .inputs)", ""},
	{"any(.inputs[]; .x)", "4+7 there is no \".inputs\" here [did you mean \".input\"?]"},
	{".input.a | sub(\"x\"; .name)", ""},
	{"1 + {}", "0+6 a number and an object cannot be added"},
	{"1 + null", ""},
	{"\"a\" + 1", "0+7 a string and a number cannot be added"},
	{"[] - 1", "0+6 an array and a number cannot be subtracted"},
	{"\"a\" * 2", ""},
	{"[] * 2", "0+6 an array and a number cannot be multiplied"},
	{"\"a,b\" / \",\" | length", ""},
	{"{} / 2", "0+6 an object and a number cannot be divided"},
	{".input.a / 0", "0+12 a division by zero"},
	{".input.a % 0", "0+12 a division by zero"},
	{".input.a + 1", ""},
	{"(.input.a | length) + \"x\"", "0+25 a number and a string cannot be added"},
	{"-\"a\"", "0+4 a string cannot be negated"},
	{"\"a\" | keys", "6+4 'keys' needs an array or an object, got a string"},
	{"\"a\" | .b", "6+2 a string has no key \"b\""},
	{"[1] | .b", "6+2 an array has no key \"b\""},
	{"[1][\"b\"]", "0+8 an array has no key \"b\""},
	{"{} | .[0]", "5+4 an object cannot be indexed with a number"},
	{".[0]", "0+4 an object cannot be indexed with a number"},
	{"1 | .[]", "4+3 a number has no items"},
	{"1 | .[1:]", "4+5 a number cannot be sliced"},
	{".input.a[\"x\":]", "9+3 the bound of a slice must be a number, got a string"},
	{"1 | .b?", ""},
	{"(1 | .b)?", ""},
	{"1 | map(.)", "4+6 'map' needs an array or an object, got a number"},
	{".input.a | has([])", "15+2 argument 1 of 'has' must be a number or a string, got an array"},
	{".input.a | join(1)", "16+1 argument 1 of 'join' must be null or a string, got a number"},
	{".input.a | startswith(1)", "22+1 argument 1 of 'startswith' must be a string, got a number"},
	{"{(1): 2}", "2+1 a number cannot be an object key"},
	{"true | length", "7+6 'length' needs null or a number or a string or an array or an object, got a boolean"},
	{".input.a | test(\"(\")",
	 "16+3 \"(\" is not a regular expression, at offset 1: missing closing parenthesis"},
	{".input.a | sub(\"a\"; \"b\"; \"q\")", "15+3 \"q\" is not a string of the flags g, i, n, p, s and x"},
	{".input.a | test(.input.b)", ""},
	{".input.a | split(\", *\"; null)", ""},
	{"@csv \"\\(1)\"", "8+1 @csv needs an array, got a number"},
	{"if .input.a then 1 else \"x\" end + 1", ""},
	{"if .input.a then [] else \"x\" end + 1", "0+36 a string or an array and a number cannot be added"},
	{"empty + 1", ""},
	{"error(\"x\") | keys", ""},
	{"(1, \"a\") + \"b\"", ""},
	{"[.input.a[] | . + {} | . - 1]", "23+5 an object and a number cannot be subtracted"},
	{".a + .b", "0+2 there is no \".a\" here [there are .input, .steps, .vars, .task, .item, .index, .error] | "
		    "5+2 there is no \".b\" here [there are .input, .steps, .vars, .task, .item, .index, .error]"},
	{"first(1) | keys", "11+4 'keys' needs an array or an object, got a number"},
	{".input.a // 1 | keys", ""},
	{"null // 1 | keys", "12+4 'keys' needs an array or an object, got a number"},
};

START_TEST(check_mistakes)
{
	struct buf out;

	buf_init(&out, a);
	expr_check(parsed(mistakes[_i].program), roots, sizeof roots / sizeof *roots, on_mistake, &out);
	ck_assert_str_eq(buf_cstr(&out), mistakes[_i].mistakes);
}
END_TEST

/* --- names: "keys@offset+length" --- */

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct buf *out = arg;

	if (out->n)
		buf_addc(out, ' ');
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s" STR_FMT, i ? "/" : "", STR_ARG(keys[i]));
	buf_addf(out, "@%zu+%zu", offset, length);
}

static const struct {
	const char *program, *refs;
} refs[] = {
	{".steps.draft.output | length", "steps/draft/output@0+19"},
	{".", "@0+1"},
	{".steps.a.output.b[0].c", "steps/a/output/b@0+17"},
	{".steps[\"my-step\"].output", "steps/my-step/output@0+24"},
	{".steps.\"my step\".output", "steps/my step/output@0+23"},
	{".steps[.input.name].output", "steps@0+6 input/name@7+11"},
	{".input.items[] | .steps.x", "input/items@0+12"},
	{". | .steps.x", "steps/x@4+8"},
	{".input.items | map(.a) | first", "input/items@0+12"},
	{"[.input.a, .vars.b]", "input/a@1+8 vars/b@11+7"},
	{"{a: .input.a, steps}", "input/a@4+8 steps@14+5"},
	{"\"\\(.input.a) and \\(.vars.b)\"", "input/a@3+8 vars/b@19+7"},
	{"if .input.a then .vars.b else .item end", "input/a@3+8 vars/b@17+7 item@30+5"},
	{".input.a? // .vars.b", "input/a@0+9 vars/b@13+7"},
	{"select(.input.a)", "@0+16 input/a@7+8"},
	{"keys", "@0+4"},
	{"if .input.a then 1 end", "@0+22 input/a@3+8"},
	{".input | keys", "input@0+6"},
	{"error(.input.a)", "input/a@6+8"},
	{".input.l | any(.x) and (.input.m | all(.y))", "input/l@0+8"},
	{"any(.input.l[]; .steps.x)", "input/l@4+8"},
	{".input.s | test(.vars.re)", "input/s@0+8"},
	{"1 + 2", ""},
	{".input.a[1:.vars.n]", "input/a@0+8 vars/n@11+7"},
	{".input.a == .vars.a and (.task.id | not)", "input/a@0+8 vars/a@12+7 task/id@25+8"},
	{"-.index", "index@1+6"},
	{"first(.input.a, .vars.b)", "input/a@6+8 vars/b@16+7"},
	{"range(.vars.n)", "vars/n@6+7"},
};

START_TEST(check_refs)
{
	struct buf out;

	buf_init(&out, a);
	expr_refs(parsed(refs[_i].program), on_ref, &out);
	ck_assert_str_eq(buf_cstr(&out), refs[_i].refs);
}
END_TEST

/* --- places of what cannot be parsed --- */

static const struct {
	const char *program;
	size_t offset, length;
} places[] = {
	{".a +", 4, 1},	       {".a | lenght", 5, 6},	{"(.a", 3, 1},	   {"1 == 2 == 3", 7, 2},
	{".a | $x | .b", 5, 2}, {"\"ab\\q\"", 3, 2},	{".a = 1", 3, 1},  {"{a: 1 + 2}", 6, 1},
	{"map(1; 2)", 0, 3},   {"  'a'", 2, 1},		{".a\n| bad", 5, 3}, {"[1, 2", 5, 1},
};

START_TEST(check_places)
{
	const struct expr *e;
	struct expr_error where;

	ck_assert_int_eq(expr_parse(a, str_from(places[_i].program), &e, &where), -1);
	ck_assert_uint_eq(where.offset, places[_i].offset);
	ck_assert_uint_eq(where.length, places[_i].length);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_check");
	TCase *t = tcase_create("check");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, check_mistakes, 0, (int)(sizeof mistakes / sizeof *mistakes));
	tcase_add_loop_test(t, check_refs, 0, (int)(sizeof refs / sizeof *refs));
	tcase_add_loop_test(t, check_places, 0, (int)(sizeof places / sizeof *places));
	suite_add_tcase(s, t);
	return suite_run(s);
}
