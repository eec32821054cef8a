/* wire_replay.c - finds the entry that fits, answers after its delay. */
#include "gateway/wire_replay.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/replay_file.h"
#include "gateway/wire.h"

/* --- matching --- */

static struct str last_user_message(const struct wire_request *req)
{
	for (size_t i = req->n_messages; i > 0; i--)
		if (req->messages[i - 1].role == ROLE_USER)
			return req->messages[i - 1].text;
	return STR("");
}

static size_t first_result(const struct wire_request *req)
{
	size_t i = req->n_messages;

	while (i > 0 && req->messages[i - 1].role == ROLE_TOOL)
		i--;
	return i;
}

/* Results of the last turn, a line each; n 0 where the last message is no result. */
static struct str last_results(struct arena *a, const struct wire_request *req)
{
	size_t i = first_result(req);
	struct buf b;

	buf_init(&b, a);
	for (size_t k = i; k < req->n_messages; k++) {
		if (k > i)
			buf_addc(&b, '\n');
		buf_addstr(&b, req->messages[k].text);
	}
	return buf_str(&b);
}

/* The whole, or the first group; STR_NONE: not found within the bounds. */
static struct str find_match(const struct pattern *regex, struct str text)
{
	uint64_t steps = PATTERN_STEPS;
	struct pattern_match m;
	struct str found;

	if (pattern_find(regex, text, 0, false, &m, &steps) != PATTERN_YES)
		return STR_NONE;
	found = pattern_group(&m, text, m.n_groups > 0 ? 1 : 0);
	return found.p ? found : STR("");
}

static int64_t turn_of(const struct wire_request *req)
{
	int64_t turn = 1;

	for (size_t i = 0; i < req->n_messages; i++)
		turn += req->messages[i].role == ROLE_ASSISTANT;
	return turn;
}

/* Since the user spoke last. */
static bool was_called(const struct wire_request *req, struct str name)
{
	for (size_t i = req->n_messages; i > 0 && req->messages[i - 1].role != ROLE_USER; i--)
		for (size_t k = 0; k < req->messages[i - 1].n_calls; k++)
			if (str_eq(req->messages[i - 1].calls[k].name, name))
				return true;
	return false;
}

static bool holds_all(struct str text, const struct texts *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (str_find(text, wanted->v[i]) < 0)
			return false;
	return true;
}

static bool flag_fits(const struct json *flag, bool is)
{
	return !flag || json_is_true(flag) == is;
}

/* What the question is about, read once for all entries. */
struct view {
	const struct wire_request *req;
	struct str message, results;
	int64_t turn;
};

static struct view view_of(struct arena *a, const struct wire_request *req)
{
	return (struct view){req, last_user_message(req), last_results(a, req), turn_of(req)};
}

static bool fits(const struct entry *e, const struct view *v)
{
	const struct model *m = v->req->model;

	if ((e->tier.p && !str_eq(e->tier, v->req->tier)) ||
	    (e->model.p && !str_eq(e->model, m->name) && !str_eq(e->model, m->id)) ||
	    (e->attempt > 0 && e->attempt != v->req->attempt) || (e->turn > 0 && e->turn != v->turn) ||
	    !flag_fits(e->output, v->req->output != NULL) || !flag_fits(e->tools, v->req->n_tools > 0) ||
	    !holds_all(v->message, &e->contains) || !holds_all(v->results, &e->result))
		return false;
	for (size_t i = 0; i < e->called.n; i++)
		if (!was_called(v->req, e->called.v[i]))
			return false;
	return !e->regex || find_match(e->regex, v->message).p;
}

static const struct entry *find(const struct view *v)
{
	const struct replay *r = v->req->endpoint->replay;

	for (size_t i = 0; i < r->n; i++)
		if (fits(&r->entries[i], v))
			return &r->entries[i];
	return NULL;
}

/* --- answering --- */

static struct str source_of(const struct view *v, const struct copied *x)
{
	size_t at = first_result(v->req) + x->result - 1;

	if (x->result == 0)
		return x->from_results ? v->results : v->message;
	return at < v->req->n_messages ? v->req->messages[at].text : STR("");
}

static struct str find_text(struct arena *a, const struct view *v, struct str pattern)
{
	struct arena *scratch = arena_new(NULL);
	const struct pattern *regex = replay_compile(scratch, pattern, NULL);
	struct str found = find_match(regex, v->results.n ? v->results : v->message);

	found = found.p ? str_dup(a, found) : STR("");
	arena_free(scratch);
	return found;
}

static const struct json *fill_value(struct arena *a, const struct json *v, const struct view *view)
{
	struct copied x;
	struct json_builder b;

	if (replay_extract_in(v)) {
		replay_read_extract(a, replay_extract_in(v), &x, NULL);
		return json_string(a, extract_text(a, &x.extract, source_of(view, &x)));
	}
	if (replay_found_in(v))
		return json_string(a, find_text(a, view, json_str(replay_found_in(v))));
	if (json_type(v) == JSON_ARRAY) {
		json_array_begin(&b, a);
		for (size_t i = 0; i < json_len(v); i++)
			json_array_add(&b, fill_value(a, json_at(v, i), view));
		return json_array_end(&b);
	}
	if (json_type(v) != JSON_OBJECT)
		return v;
	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(v); i++)
		json_object_set(&b, json_key(v, i), fill_value(a, json_val(v, i), view));
	return json_object_end(&b);
}

static struct str make_text(struct arena *a, const struct entry *e, const struct view *v)
{
	struct str source = source_of(v, &e->copied);

	if (e->kind == REPLY_JSON)
		return json_text(a, fill_value(a, e->value, v));
	if (e->kind == REPLY_SHAPE && v->req->output)
		return json_text(a, extract_shape(a, &e->copied.extract, source, v->req->output));
	if (e->kind == REPLY_EXTRACT || e->kind == REPLY_SHAPE)
		return extract_text(a, &e->copied.extract, source);
	return e->text.p ? e->text : STR("");
}

static bool id_is_taken(const struct wire_request *req, struct str id)
{
	for (size_t i = 0; i < req->n_messages; i++)
		for (size_t k = 0; k < req->messages[i].n_calls; k++)
			if (str_eq(req->messages[i].calls[k].id, id))
				return true;
	return false;
}

/* The same ids for the same question, none of which the conversation has. */
static struct str make_id(struct arena *a, const struct view *v, size_t at)
{
	struct str id;

	for (int64_t turn = v->turn;; turn++) {
		id = str_from(arena_printf(a, "call_%lld_%zu", (long long)turn, at + 1));
		if (!id_is_taken(v->req, id))
			return id;
	}
}

static const struct tool_call *make_calls(struct arena *a, const struct entry *e, const struct view *v)
{
	struct tool_call *calls = ARENA_ARRAY(a, e->n_calls, struct tool_call);

	for (size_t i = 0; i < e->n_calls; i++) {
		const struct recorded_call *c = &e->calls[i];

		calls[i].id = make_id(a, v, i);
		calls[i].name = c->name;
		calls[i].args = c->args ? json_text(a, fill_value(a, c->args, v)) : c->text.p ? c->text : STR("{}");
	}
	return calls;
}

static int64_t quarter(size_t bytes)
{
	return (int64_t)((bytes + 3) / 4);
}

static size_t call_bytes(const struct tool_call *calls, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += calls[i].name.n + calls[i].args.n;
	return bytes;
}

static struct usage count(const struct entry *e, const struct wire_request *req, const struct wire_answer *answer)
{
	size_t bytes = req->output ? json_size(req->output) : 0;

	if (e->has_usage)
		return e->usage;
	for (size_t i = 0; i < req->n_messages; i++)
		bytes += req->messages[i].text.n + call_bytes(req->messages[i].calls, req->messages[i].n_calls);
	for (size_t i = 0; i < req->n_tools; i++)
		bytes += req->tools[i].name.n + req->tools[i].description.n +
			 (req->tools[i].args ? json_size(req->tools[i].args) : 0);
	return (struct usage){.in_fresh = quarter(bytes),
			      .out_text = quarter(answer->text.n + call_bytes(answer->calls, answer->n_calls))};
}

static int answer_with(struct arena *a, const struct entry *e, const struct view *v, struct wire_answer *ret, struct err *err)
{
	const struct wire_request *req = v->req;

	if (!e)
		return err_set(err, ERR_MODEL_NOT_FOUND, "no recorded reply in %s fits this question (tier \"" STR_FMT
			       "\", model \"" STR_FMT "\")", req->endpoint->replay->file, STR_ARG(req->tier),
			       STR_ARG(req->model->name));
	if (e->kind == REPLY_ERROR)
		return err_copy(err, &e->error);
	ret->text = make_text(a, e, v);
	if (e->kind == REPLY_CALLS) {
		ret->calls = make_calls(a, e, v);
		ret->n_calls = e->n_calls;
	} else if (ret->text.n == 0) {
		return err_set(err, ERR_MODEL_EMPTY_OUTPUT, "%s: the question holds no text to copy from",
			       req->endpoint->replay->file);
	}
	ret->finish_reason = e->kind == REPLY_CALLS ? STR("tool_calls") : STR("stop");
	ret->output_began = true;
	ret->has_usage = true;
	ret->usage = count(e, req, ret);
	return 0;
}

int replay_answer(struct arena *a, const struct wire_request *req, struct wire_answer *ret, struct err *err)
{
	struct view v = view_of(a, req);

	*ret = (struct wire_answer){0};
	return answer_with(a, find(&v), &v, ret, err);
}

/* --- as an operation --- */

struct playing {
	struct op op;
	struct loop_timer *timer;
	struct view view;
	const struct entry *entry;
	struct wire_answer answer;
};

static void free_timer(void *timer)
{
	loop_timer_free(timer);
}

static void on_due(void *arg)
{
	struct playing *p = arg;
	struct err err;

	err_clear(&err);
	answer_with(p->op.arena, p->entry, &p->view, &p->answer, &err);
	p->answer.model = p->view.req->model->id;
	p->answer.request_id = p->entry ? p->entry->name : STR("");
	op_complete(&p->op, &err);
}

static void on_cancel(struct op *op)
{
	loop_timer_clear(((struct playing *)op)->timer);
	op_complete(op, NULL);
}

static struct op *start(struct loop *l, struct arena *a, const struct wire_request *req, const struct wire_answer **ret,
			op_done_fn *done, void *arg)
{
	struct playing *p = ARENA_NEW(a, struct playing);

	op_init(&p->op, l, a, on_cancel, done, arg);
	p->view = view_of(a, req);
	p->entry = find(&p->view);
	*ret = &p->answer;
	p->timer = loop_timer_new(l, on_due, p);
	arena_defer(a, free_timer, p->timer);
	loop_timer_set(p->timer, p->entry ? p->entry->delay_ms : 0);
	return &p->op;
}

const struct wire wire_replay = {.name = "replay", .kind = WIRE_REPLAY, .start = start};
