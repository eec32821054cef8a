/* publish.c - see publish.h. */
#include "publish/publish.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/catalog.h"
#include "config/lane.h"
#include "store/admin.h"

struct publish {
	struct store *store;
	const char *dir;
	bool running, again;
};

static void set_limit(struct json_builder *b, const char *key, int64_t v)
{
	if (v >= 0)
		json_object_setc(b, key, json_int(b->a, v));
}

/* Money travels as exact decimal text. */
static const struct json *budget_json(struct arena *a, const struct budget *budget)
{
	struct json_builder b;
	char usd[40];

	json_object_begin(&b, a);
	if (budget->usd_pusd >= 0) {
		money_format(budget->usd_pusd, usd);
		json_object_setc(&b, "usd", json_stringc(a, usd));
	}
	set_limit(&b, "wall_ms", budget->wall_ms);
	set_limit(&b, "turns", budget->turns);
	set_limit(&b, "calls", budget->calls);
	return json_object_end(&b);
}

static const struct manifest *tool_of(const void *catalog, struct str name)
{
	return catalog_tool(catalog, name);
}

/* What a fork holds the steps against that it keeps (sql/functions/5_control.sql). Ids are unique in a file. */
static void add_steps(struct json_builder *b, const struct steps *steps)
{
	for (size_t i = 0; i < steps->n; i++) {
		const struct step *s = &steps->v[i];

		json_object_set(b, s->id, json_stringc(b->a, step_kind_name(s->kind)));
		if (s->kind == STEP_FOR)
			add_steps(b, s->u.loop.body);
	}
}

static const struct json *steps_json(struct arena *a, const struct steps *steps)
{
	struct json_builder b;

	json_object_begin(&b, a);
	add_steps(&b, steps);
	return json_object_end(&b);
}

static const struct json *meta_json(struct arena *a, const struct catalog *c, const struct workflow *w)
{
	struct lane_needs needs = lane_needs_of(a, w, tool_of, c);
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "description", json_string(a, w->description));
	json_object_setc(&b, "input", w->input);
	json_object_setc(&b, "budget", budget_json(a, &w->budget));
	json_object_setc(&b, "retain", json_stringc(a, w->retain == RETAIN_LONG ? "long" : "short"));
	json_object_setc(&b, "lane", json_string(a, lane_join(a, &needs)));
	json_object_setc(&b, "semantics", json_int(a, workflow_semantics(w)));
	json_object_setc(&b, "steps", steps_json(a, w->steps));
	return json_object_end(&b);
}

struct op *publish_catalog(struct store *s, struct arena *op_arena, const struct catalog *c, op_done_fn *done, void *arg)
{
	struct bundle_row *rows = ARENA_ARRAY(op_arena, c->n_bundles, struct bundle_row);

	for (size_t i = 0; i < c->n_bundles; i++) {
		rows[i].workflow = c->bundles[i].name;
		rows[i].digest = c->bundles[i].digest;
		rows[i].content = bundle_to_json(op_arena, &c->bundles[i]);
		rows[i].meta = meta_json(op_arena, c, c->bundles[i].workflow);
	}
	return admin_reload(s, op_arena, rows, c->n_bundles, done, arg);
}

static void on_published(struct op *op, void *arg)
{
	struct publish *p = arg;

	p->running = false;
	if (op->err->code != ERR_NONE)
		log_error("reload.failed", "error=%s", log_quotec(op->err->msg));
	else
		log_info("reload.done", "result=%s", log_quote(admin_text_of(op)));
	if (p->again) {
		p->again = false;
		publish_start(p);
	}
}

void publish_start(struct publish *p)
{
	struct arena *a;
	struct diags *d;
	const struct catalog *c;

	if (p->running) {
		p->again = true;
		return;
	}
	a = arena_new(NULL);
	d = diags_new(a);
	c = catalog_load(a, p->dir, d);
	if (!c) {
		struct buf out;

		buf_init(&out, a);
		diag_print(d, &out);
		log_error("reload.refused", "errors=%zu text=%s", diag_errors(d), log_quote(buf_str(&out)));
		arena_free(a);
		return;
	}
	p->running = true;
	publish_catalog(p->store, a, c, on_published, p);
}

struct publish *publish_new(struct arena *a, struct store *s, const char *config_dir)
{
	struct publish *p = ARENA_NEW(a, struct publish);

	p->store = s;
	p->dir = config_dir;
	return p;
}
