/* Unit tests of publish/show.c: what a picture of a workflow is made from, for every kind of step and of edge. */
#include "publish/show.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "../suite_run.h"

static const struct {
	const char *steps, *outline;
} cases[] = {
	{"- {id: a, set: {x: 1, y: 2}}\n", "[{'id':'a','kind':'set','label':'x, y','edges':[{'kind':'next','to':null}]}]"},
	{"- {id: a, set: {x: 1}, then: end}\n- {id: b, set: {x: 1}}\n", NULL},	/* b can never run: no program, no picture */
	{"- {id: a, set: {x: 1}, then: c}\n- {id: b, wait: 90s}\n- {id: c, set: {x: 1}, then: b, catch: a}\n", NULL},	/* without a bound */
	{"- {id: a, when: .input.go, set: {x: 1}, then: c}\n- {id: b, wait: 90s}\n- {id: c, raise: {type: 'it.broke', message: m}}\n",
	 "[{'id':'a','kind':'set','label':'x','edges':[{'kind':'then','to':'c'},{'kind':'skip','to':'b'}]},"
	 "{'id':'b','kind':'wait','label':'1m30s','edges':[{'kind':'next','to':'c'}]},"
	 "{'id':'c','kind':'raise','label':'it.broke','edges':[]}]"},
	{"- {id: a, set: {x: 1}}\n- {id: s, switch: [{when: .vars.x > 1, then: a, max_visits: 3}, {then: end}]}\n",
	 "[{'id':'a','kind':'set','label':'x','edges':[{'kind':'next','to':'s'}]},"
	 "{'id':'s','kind':'switch','edges':[{'kind':'switch','to':'a','when':'.vars.x > 1','max_visits':3},{'kind':'switch','to':null}]}]"},
	{"- {id: s, switch: [{when: .input.n > 1, then: b}]}\n- {id: b, set: {x: 1}}\n",
	 "[{'id':'s','kind':'switch','edges':[{'kind':'switch','to':'b','when':'.input.n > 1'},{'kind':'next','to':'b'}]},"
	 "{'id':'b','kind':'set','label':'x','edges':[{'kind':'next','to':null}]}]"},
	{"- {id: f, for: {in: '[1, 2]', do: [{id: i, set: {x: 1}}]}}\n",
	 "[{'id':'f','kind':'for','label':'[1, 2]','edges':[{'kind':'next','to':null}],"
	 "'steps':[{'id':'i','kind':'set','label':'x','edges':[{'kind':'next','to':null}]}]}]"},
	{"- {id: q, approve: {title: 'Go?', timeout: 1h, on_timeout: late}}\n- {id: d, set: {x: 1}, then: end}\n- {id: late, set: {x: 2}}\n",
	 "[{'id':'q','kind':'approve','label':'Go?','edges':[{'kind':'next','to':'d'},{'kind':'timeout','to':'late'}]},"
	 "{'id':'d','kind':'set','label':'x','edges':[{'kind':'then','to':null}]},"
	 "{'id':'late','kind':'set','label':'x','edges':[{'kind':'next','to':null}]}]"},
	{"- {id: m, model: {tier: cheap, prompt: p}, catch: o}\n- {id: o, set: {x: 1}}\n",
	 "[{'id':'m','kind':'model','label':'cheap','edges':[{'kind':'next','to':'o'},{'kind':'catch','to':'o'}]},"
	 "{'id':'o','kind':'set','label':'x','edges':[{'kind':'next','to':null}]}]"},
};

/* What the store has of a workflow with these steps. */
static struct str stored(struct arena *a, const char *steps)
{
	struct json_builder files, content, row, all;

	json_object_begin(&files, a);
	json_object_setc(&files, "workflow.yaml", json_stringc(a, arena_printf(a, "agentd: v1\nname: w\nsteps:\n%s", steps)));
	json_object_begin(&content, a);
	json_object_setc(&content, "entry", json_stringc(a, "workflow.yaml"));
	json_object_setc(&content, "files", json_object_end(&files));
	json_object_begin(&row, a);
	json_object_setc(&row, "name", json_stringc(a, "w"));
	json_object_begin(&all, a);
	json_object_setc(&all, "workflow", json_object_end(&row));
	json_object_setc(&all, "content", json_object_end(&content));
	return json_text(a, json_object_end(&all));
}

static const char *expected(struct arena *a, const char *outline)
{
	char *text = arena_printf(a, "{'name':'w','steps':%s}", outline ? outline : "null");

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

START_TEST(outlines)
{
	struct arena *a = arena_new(NULL);
	struct str got;
	struct err err;

	ck_assert_int_eq(show_workflow(a, stored(a, cases[_i].steps), &got, &err), 0);
	ck_assert_str_eq(got.p, expected(a, cases[_i].outline));
	arena_free(a);
}
END_TEST

START_TEST(no_json)
{
	struct arena *a = arena_new(NULL);
	struct str got;
	struct err err;

	ck_assert_int_eq(show_workflow(a, STR("{"), &got, &err), -1);
	ck_assert_int_eq(err.code, ERR_JSON);
	arena_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish/show");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, outlines, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, no_json);
	suite_add_tcase(s, t);
	return suite_run(s);
}
