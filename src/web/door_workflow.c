/* door_workflow.c - a workflow asked as a model: a task like any other, waited for; its output is the answer.
 *
 * Clients repeat by themselves what failed, so that from the submission on every error says that this cannot help: another task
 * would be made.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/settings.h"
#include "gateway/gateway.h"
#include "publish/input.h"
#include "schema/schema.h"
#include "store/store.h"
#include "store/submission.h"
#include "web/door.h"
#include "web/door_ask.h"
#include "web/door_chat.h"
#include "web/door_error.h"
#include "web/door_write.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/wait.h"

enum { PIECE_BYTES = 512 };

struct door_flow {
	const struct door_ask *ask;
	struct submission submission;
	struct uuid task;		/* nil: none was made yet */
};

/* --- the question becomes an input --- */

static int bad_input(struct arena *a, struct door_fault *fault, const char *message)
{
	*fault = (struct door_fault){.status = 400, .code = "invalid_value", .param = "messages", .message = arena_strdup(a, message)};
	return -1;
}

static const struct json *conversation(struct arena *a, const struct door_ask *ask)
{
	static const char *const roles[] = {
		[ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool"};
	struct json_builder list, b;

	json_array_begin(&list, a);
	for (size_t i = 0; i < ask->n_messages; i++) {
		json_object_begin(&b, a);
		json_object_setc(&b, "role", json_stringc(a, roles[ask->messages[i].role]));
		json_object_setc(&b, "content", json_string(a, ask->messages[i].text));
		json_array_add(&list, json_object_end(&b));
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "messages", json_array_end(&list));
	return json_object_end(&b);
}

/* The one property that an input has to have, or the only one it may; STR_NONE: there are several, or none. */
static struct str only_property(const struct json *schema)
{
	const struct json *required = json_getc(schema, "required"), *properties = json_getc(schema, "properties");

	if (json_len(required) == 1)
		return json_str(json_at(required, 0));
	return json_len(required) == 0 && json_len(properties) == 1 ? json_key(properties, 0) : STR_NONE;
}

int door_flow_input(struct arena *a, const struct json *schema, const struct door_ask *ask, const struct json **ret,
		    struct door_fault *fault)
{
	size_t last = ask->n_messages;
	struct json_builder b;
	struct str text, name;

	if (json_type(schema) != JSON_OBJECT || json_getc(json_getc(schema, "properties"), "messages")) {
		*ret = conversation(a, ask);
		return 0;
	}
	while (last > 0 && ask->messages[last - 1].role != ROLE_USER)
		last--;
	if (last == 0)
		return bad_input(a, fault, "messages: a workflow needs one of role user");
	text = ask->messages[last - 1].text;
	if (str_is(json_str(json_getc(schema, "type")), "string")) {
		*ret = json_string(a, text);
		return 0;
	}
	if (json_parse(a, text, NULL, ret, NULL) == 0 && json_type(*ret) == JSON_OBJECT)
		return 0;
	name = only_property(schema);
	if (!name.p)
		return bad_input(a, fault, "messages: this workflow takes several values: send them as a JSON object, as the last message of role user");
	json_object_begin(&b, a);
	json_object_set(&b, name, json_string(a, text));
	*ret = json_object_end(&b);
	return 0;
}

/* --- the output becomes an answer --- */

struct str door_flow_text(struct arena *a, const struct json *output)
{
	struct str text = json_str(output);

	if (json_len(output) == 1 && json_type(output) == JSON_OBJECT && json_type(json_getc(output, "text")) == JSON_STRING)
		text = json_str(json_getc(output, "text"));
	return text.p ? text : json_text(a, output ? output : json_null());
}

static void name_task(struct request *req)
{
	const struct door_flow *f = req->flow;
	char *id;

	door_name_ignored(req, f->ask->ignored);
	if (uuid_is_nil(&f->task))
		return;
	id = arena_alloc(req->arena, 37);
	uuid_format(&f->task, id);
	reply_add(&req->reply, req->arena, "x-agentd-task", id);
}

static void refuse(struct request *req, const struct door_error *e)
{
	door_refuse(req, e);
	name_task(req);
}

static void refuse_fault(struct request *req, const struct door_fault *fault)
{
	struct door_error e = door_error_of_fault(fault);

	refuse(req, &e);
}

static void answer(struct request *req, const struct json *view)
{
	const struct door_ask *ask = req->flow->ask;
	const struct json *usage = json_getc(view, "usage");
	struct door_head h = {.id = req->flow->task, .created_s = clock_wall_us() / 1000000, .model = ask->model, .usage = ask->include_usage};
	struct model_answer a = {.text = door_flow_text(req->arena, json_getc(view, "output")), .finish_reason = STR("stop")};
	struct str rest = a.text;
	struct buf b;

	json_to_int(json_getc(usage, "in_fresh"), &a.usage.in_fresh);
	json_to_int(json_getc(usage, "in_cached"), &a.usage.in_cached);
	json_to_int(json_getc(usage, "in_write"), &a.usage.in_write_5m);
	json_to_int(json_getc(usage, "out_text"), &a.usage.out_text);
	json_to_int(json_getc(usage, "out_reason"), &a.usage.out_reason);
	buf_init(&b, req->arena);
	if (ask->stream) {
		door_write_first(&b, &h);
		while (rest.n) {
			struct str piece = str_clip(rest, PIECE_BYTES);

			door_write_text(&b, &h, piece);
			rest = str_sub(rest, piece.n, rest.n);
		}
		door_write_end(&b, &h, &a);
	} else {
		door_write_whole(&b, &h, &a);
	}
	reply_json(&req->reply, 200, buf_str(&b));
	if (ask->stream) {
		req->reply.type = "text/event-stream; charset=utf-8";
		door_dress_stream(req);
	}
	name_task(req);
}

static void tell(struct request *req, struct str text)
{
	struct door_error e = {.status = 500, .type = "server_error", .code = "task_failed", .final = true};
	const struct json *view = NULL, *error;
	struct str state;
	char id[37];

	uuid_format(&req->flow->task, id);
	json_parse(req->arena, text, NULL, &view, NULL);
	state = json_str(json_getc(view, "state"));
	error = json_getc(view, "error");
	if (str_is(state, "succeeded")) {
		answer(req, view);
		return;
	}
	if (task_state_is_terminal(state)) {
		e.message = str_from(arena_printf(req->arena, "task %s %s: " STR_FMT ": " STR_FMT, id, str_cstr(req->arena, state),
						  STR_ARG(json_str(json_getc(error, "type"))), STR_ARG(json_str(json_getc(error, "message")))));
	} else {
		e.status = 504;
		e.code = "task_timeout";
		e.message = str_from(arena_printf(req->arena, "task %s has not ended yet; it goes on, and GET /tasks/%s says what becomes of it", id, id));
	}
	refuse(req, &e);
}

/* --- the task --- */

static void on_view(struct request *req, struct op *op)
{
	struct door_error e;

	if (op->err->code == ERR_NONE) {
		tell(req, tasks_text_of(op));
		return;
	}
	e = door_error_of(op->err);
	e.final = true;
	refuse(req, &e);
}

static void on_ended(struct request *req, struct str view)
{
	if (view.p) {
		tell(req, str_dup(req->arena, view));
		request_resume(req);
	} else {
		req->op = tasks_view(server_store(req->web), arena_new(NULL), &req->flow->task, &req->by, STORE_DEADLINE_MS, request_done,
				     request_call(req, on_view));
	}
}

static void on_submitted(struct request *req, const struct submitted *s)
{
	req->flow->task = s->id;
	if (s->replayed)	/* it may have ended long ago: look at once */
		req->notices = wait_notices(server_waits(req->web)) - 1;
	wait_add(req, &s->id, server_settings(req->web)->web.max_model_wait_ms, on_ended);
}

/* What the input has to be is known now. */
static int make(struct request *req, struct str known, struct door_fault *fault)
{
	struct submission *s = &req->flow->submission;
	struct submission asked = *s;
	struct schema_faults *faults = ARENA_NEW(req->arena, struct schema_faults);
	const struct json *v, *input;
	struct json_builder b;
	struct err err;

	if (json_parse(req->arena, known, NULL, &v, &err) < 0 ||
	    door_flow_input(req->arena, json_getc(v, "input"), req->flow->ask, &input, fault) < 0)
		return -1;
	json_object_begin(&b, req->arena);
	json_object_setc(&b, "workflow", json_string(req->arena, s->workflow));
	json_object_setc(&b, "input", input);
	if (submission_parse(req->arena, json_object_end(&b), s, &err) < 0)
		return bad_input(req->arena, fault, err.msg);
	s->by = asked.by;
	s->route = asked.route;
	s->idempotency_key = asked.idempotency_key;
	faults->a = req->arena;
	if (inputs_judge(server_inputs(req->web), s, known, faults))
		return 0;
	return bad_input(req->arena, fault, arena_printf(req->arena, "the input does not fit the workflow's schema: \"" STR_FMT "\": " STR_FMT,
							 STR_ARG(faults->v[0].pointer), STR_ARG(faults->v[0].message)));
}

static void on_schema(struct request *req, struct op *op)
{
	struct door_fault fault = {.status = 400, .message = "the workflow's schema cannot be read"};
	struct door_error e;

	if (op->err->code != ERR_NONE) {
		e = door_error_of(op->err);
		refuse(req, &e);
	} else if (!tasks_text_of(op).p) {
		door_unknown_model(req, req->flow->ask->model);
	} else if (make(req, str_dup(req->arena, tasks_text_of(op)), &fault) < 0) {
		refuse_fault(req, &fault);
	} else {
		req->submitted = on_submitted;
		api_submit_parsed(req, &req->flow->submission);
	}
}

void door_ask_workflow(struct request *req, const struct door_ask *ask, struct str name)
{
	struct door_flow *f = ARENA_NEW(req->arena, struct door_flow);
	struct door_error e;
	struct err err;
	struct str key;

	req->flow = f;
	f->ask = ask;
	if (api_key(req, &key, &err) < 0) {
		e = door_error_of(&err);
		refuse(req, &e);
		return;
	}
	if (server_stopping(req->web)) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
		return;
	}
	if (wait_count(server_waits(req->web)) >= (size_t)server_settings(req->web)->web.max_waiting) {
		reply_problem(&req->reply, req->arena, 429, "too_many_waiting", "too many requests wait already");
		return;
	}
	f->submission = (struct submission){
		.workflow = name, .by = req->by, .route = STR("POST /v1/chat/completions"), .idempotency_key = key};
	req->op = tasks_input_schema(server_store(req->web), arena_new(NULL), &f->submission, STORE_DEADLINE_MS, request_done,
				     request_call(req, on_schema));
}
