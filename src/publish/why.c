/* why.c - see why.h. One function for each state that a task can be in. */
#include "publish/why.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/diag.h"
#include "config/workflow.h"

enum { MAX_STEPS = 10, MAX_QUOTED = 160, MAX_CAUSES_DEEP = 8, AHEAD_COUNTED = 1000, US_PER_MS = 1000 };

struct why {
	struct arena *a;
	const struct json *facts;
	const char *task;
	int64_t now_us;
	struct json_builder causes, next;
	bool compiled;
	const struct bundle *bundle;	/* once compiled, for all steps; NULL: there is none */
};

/* --- words --- */

static const char *text(struct why *w, const struct json *obj, const char *key)
{
	return str_cstr(w->a, json_str(json_getc(obj, key)));
}

static bool has(const struct json *obj, const char *key)
{
	return json_type(json_getc(obj, key)) != JSON_NULL;
}

static int64_t number(const struct json *obj, const char *key)
{
	int64_t n = 0;

	json_to_int(json_getc(obj, key), &n);
	return n;
}

/* What others wrote, cut where it is long. */
static const char *quoted(struct why *w, const struct json *obj, const char *key)
{
	const struct json *v = json_getc(obj, key);
	struct str s = json_type(v) == JSON_STRING ? json_str(v) : json_text(w->a, v);
	struct str cut = str_clip(s, MAX_QUOTED);

	return arena_printf(w->a, STR_FMT "%s", STR_ARG(cut), cut.n < s.n ? "..." : "");
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *duration(struct why *w, int64_t us)
{
	char s[32];

	duration_format(us > 0 ? us / US_PER_MS : 0, s);
	return arena_strdup(w->a, s);
}

/* How long ago. */
static const char *age(struct why *w, const struct json *obj, const char *key)
{
	int64_t at = w->now_us;

	time_parse(json_str(json_getc(obj, key)), &at);
	return duration(w, w->now_us - at);
}

/* When it will be: "at TIME, in 3m05s"; what is over is due now. */
static const char *when(struct why *w, const struct json *obj, const char *key)
{
	int64_t at = 0;

	if (!time_parse(json_str(json_getc(obj, key)), &at))
		return "at a time that is not known";
	if (at <= w->now_us)
		return arena_printf(w->a, "at %s, which is now", text(w, obj, key));
	return arena_printf(w->a, "at %s, in %s", text(w, obj, key), duration(w, at - w->now_us));
}

__attribute__((format(printf, 3, 4))) static void say(struct why *w, const char *type, const char *fmt, ...)
{
	struct json_builder o;
	char *message;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	message = ARENA_ARRAY(w->a, (size_t)n + 1, char);
	va_start(ap, fmt);
	vsnprintf(message, (size_t)n + 1, fmt, ap);
	va_end(ap);
	json_object_begin(&o, w->a);
	json_object_setc(&o, "type", json_stringc(w->a, type));
	json_object_setc(&o, "message", json_string_clean(w->a, str_from(message)));
	json_array_add(&w->causes, json_object_end(&o));
}

static void suggest(struct why *w, const char *command, const char *effect)
{
	struct json_builder o;

	json_object_begin(&o, w->a);
	json_object_setc(&o, "command", json_stringc(w->a, command));
	json_object_setc(&o, "effect", json_stringc(w->a, effect));
	json_array_add(&w->next, json_object_end(&o));
}

static void suggest_for_task(struct why *w, const char *verb, const char *effect)
{
	suggest(w, arena_printf(w->a, "agentctl %s %s", verb, w->task), effect);
}

/* --- errors, from the outside in --- */

static void say_error(struct why *w, const struct json *error, const char *type)
{
	for (int i = 0; i < MAX_CAUSES_DEEP && json_type(error) == JSON_OBJECT; i++, error = json_getc(error, "cause")) {
		const char *step = json_str(json_getc(error, "step")).n ? arena_printf(w->a, " at step \"%s\"", text(w, error, "step")) : "";

		say(w, i ? "cause" : type, "%s %s%s: %s", i ? "Behind it stands" : "The error is", text(w, error, "type"), step,
		    quoted(w, error, "message"));
	}
}

/* --- how many tries are left --- */

/* The innermost step of a path of the journal: loops stand in each other; calls of an agent's turn are no steps of the workflow. */
static const struct step *find_step(const struct steps *in, struct str path)
{
	const struct step *found = NULL;

	while (in) {
		ptrdiff_t slash = str_chr(path, '/');
		struct str id = str_sub(path, 0, slash < 0 ? path.n : (size_t)slash);
		size_t n = 0;

		while (n < id.n && id.p[n] != '~' && id.p[n] != '[')
			n++;
		id.n = n;
		found = NULL;
		for (size_t i = 0; i < in->n && !found; i++)
			if (str_eq(in->v[i].id, id))
				found = &in->v[i];
		if (slash < 0 || !found)
			return found;
		path = str_sub(path, (size_t)slash + 1, path.n);
		in = found->kind == STEP_FOR ? found->u.loop.body : NULL;
	}
	return NULL;
}

static const struct bundle *bundle_of(struct why *w)
{
	const struct json *program = json_getc(w->facts, "program");

	if (!w->compiled && json_type(program) == JSON_OBJECT)
		w->bundle = bundle_from_json(w->a, program, diags_new(w->a));
	w->compiled = true;
	return w->bundle;
}

/* -1: not known. */
static int64_t tries_left(struct why *w, const struct json *step)
{
	const struct bundle *b = bundle_of(w);
	const struct step *s = b ? find_step(b->workflow->steps, json_str(json_getc(step, "path"))) : NULL;

	return s && s->retry.max >= number(step, "try") ? s->retry.max - number(step, "try") : -1;
}

/* --- what is open --- */

static void say_model(struct why *w, const struct json *s, const char *path)
{
	const struct json *asked = json_getc(s, "asked");
	const char *last = "", *turns = "", *held = "";

	if (json_type(asked) == JSON_OBJECT)
		last = arena_printf(w->a, "; the last answer came from %s/%s %s ago: %s", text(w, asked, "provider"), text(w, asked, "model"),
				    age(w, asked, "at"), json_str(json_getc(asked, "error_class")).n && !str_is(json_str(json_getc(asked, "error_class")), "none")
				    ? text(w, asked, "error_class") : "well");
	if (has(s, "turns"))
		turns = arena_printf(w->a, ", %lld turn%s so far", (long long)number(s, "turns"), plural(number(s, "turns")));
	if (has(s, "held_usd"))
		held = arena_printf(w->a, "; %s USD are set aside for the call under way", text(w, s, "held_usd"));
	say(w, "step.model", "Step \"%s\" asks a model of tier %s, for %s%s%s%s.", path, has(s, "tier") ? quoted(w, s, "tier") : "?", age(w, s, "since"),
	    turns, held, last);
}

/* A question that waits in the worker's memory before it can go out. */
static void say_waits(struct why *w, const struct json *s, const char *path)
{
	const struct json *v = json_getc(s, "waits");

	say(w, "slot", "Step \"%s\" waits for %s, for %s at provider %s%s%s.", path, text(w, v, "for"), age(w, v, "since"), text(w, v, "provider"),
	    has(v, "until") ? "; its turn comes " : "", has(v, "until") ? when(w, v, "until") : "");
	suggest(w, "agentctl route explain --tier TIER", "shows which providers let a question through");
}

static void say_running(struct why *w, const struct json *s, const char *path)
{
	struct str kind = json_str(json_getc(s, "kind"));

	if (has(s, "waits"))
		say_waits(w, s, path);
	else if (str_is(kind, "model") || str_is(kind, "agent"))
		say_model(w, s, path);
	else if (str_is(kind, "call"))
		say(w, "step.call", "Step \"%s\" calls tool %s, for %s%s.", path, text(w, json_getc(s, "call"), "tool"), age(w, s, "since"),
		    number(s, "try") > 1 ? arena_printf(w->a, ", try %lld", (long long)number(s, "try")) : "");
	else
		say(w, "step", "Step \"%s\" is under way, for %s.", path, age(w, s, "since"));
}

static void say_retrying(struct why *w, const struct json *s, const char *path)
{
	int64_t left = tries_left(w, s);

	say(w, "retry", "Step \"%s\" failed at try %lld and is tried again %s%s.", path, (long long)number(s, "try"), when(w, s, "retry_at"),
	    left < 0 ? "" : left == 0 ? "; it is the last try" : arena_printf(w->a, "; %lld more tr%s may follow", (long long)left, left == 1 ? "y" : "ies"));
	say_error(w, json_getc(s, "error"), "error");
}

static void say_requeued(struct why *w, const struct json *s, const char *path)
{
	say(w, "slot", "Step \"%s\" waits for a model that may be asked, and asks again %s; that counts as no try.", path, when(w, s, "retry_at"));
	say_error(w, json_getc(s, "error"), "error");
	suggest(w, "agentctl route explain --tier TIER", "shows which providers let a question through");
}

/* Paths have no quotes, but characters that a shell may take for its own. */
static void say_uncertain(struct why *w, const struct json *s, const char *path)
{
	const struct json *call = json_getc(s, "call");

	say(w, "uncertain", "Nobody knows what became of the call of %s at step \"%s\" (try %lld, %s ago); it must not be repeated blindly.",
	    text(w, call, "tool"), path, (long long)number(s, "try"), age(w, s, "since"));
	say(w, "uncertain.call", "Its arguments were %s; its effect key is %s.", quoted(w, call, "args"), text(w, call, "effect_key"));
	say_error(w, json_getc(s, "error"), "error");
	suggest(w, arena_printf(w->a, "agentctl reconcile %s '%s' happened --result JSON", w->task, path), "it happened: the task goes on with that result");
	suggest(w, arena_printf(w->a, "agentctl reconcile %s '%s' did-not-happen", w->task, path), "it did not happen: the call is made again");
	suggest(w, arena_printf(w->a, "agentctl reconcile %s '%s' give-up", w->task, path), "the step fails");
}

/* What waits for a person is said with its request. */
static void say_waiting(struct why *w, const struct json *s, const char *path)
{
	if (has(s, "until"))
		say(w, "timer", "Step \"%s\" waits until its time has come, %s.", path, when(w, s, "until"));
}

static void say_steps(struct why *w)
{
	static const struct {
		const char *status;
		void (*say)(struct why *w, const struct json *step, const char *path);
	} kinds[] = {{"running", say_running}, {"retrying", say_retrying}, {"requeued", say_requeued}, {"uncertain", say_uncertain}, {"waiting", say_waiting}};
	const struct json *steps = json_getc(w->facts, "steps");
	size_t n = json_len(steps);

	for (size_t i = 0; i < n && i < MAX_STEPS; i++)
		for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
			if (str_is(json_str(json_getc(json_at(steps, i), "status")), kinds[k].status))
				kinds[k].say(w, json_at(steps, i), text(w, json_at(steps, i), "path"));
	if (n > MAX_STEPS)
		say(w, "steps", "%zu more steps are open.", n - MAX_STEPS);
}

static const char *names(struct why *w, const struct json *list)
{
	const char *s = "";

	for (size_t i = 0; i < json_len(list); i++)
		s = arena_printf(w->a, "%s%s" STR_FMT, s, i ? ", " : "", STR_ARG(json_str(json_at(list, i))));
	return s;
}

static void say_approvals(struct why *w)
{
	const struct json *list = json_getc(w->facts, "approvals");

	for (size_t i = 0; i < json_len(list) && i < MAX_STEPS; i++) {
		const struct json *p = json_at(list, i), *by = json_getc(p, "approved_by");
		const char *id = text(w, p, "id");

		say(w, "approval", "Step \"%s\" waits for a person: \"%s\" (risk %s, request %s), for %s; it expires %s.", text(w, p, "step"),
		    quoted(w, p, "title"), text(w, p, "risk"), id, age(w, p, "requested_at"), when(w, p, "expires_at"));
		if (number(p, "approvers") > 1)
			say(w, "approval.votes", "%zu of %lld people have approved it%s%s.", json_len(by), (long long)number(p, "approvers"),
			    json_len(by) ? ": " : "", names(w, by));
		suggest(w, arena_printf(w->a, "agentctl approvals show %s", id), "shows all that is bound by it");
		suggest(w, arena_printf(w->a, "agentctl approvals approve %s", id), "allows it once");
		suggest(w, arena_printf(w->a, "agentctl approvals deny %s", id), "refuses it");
	}
}

/* --- the states --- */

static void why_ready(struct why *w)
{
	const struct json *r = json_getc(w->facts, "ready"), *none = json_getc(r, "waits_for"), *last = json_getc(w->facts, "attempt");
	int64_t ahead = number(r, "ahead");

	if (has(r, "claims_stopped"))
		say(w, "admission", "It is ready, and workers take no tasks now: %s.", text(w, r, "claims_stopped"));
	else if (json_type(none) == JSON_OBJECT)
		say(w, str_cstr(w->a, json_str(json_getc(none, "type"))), "It has been ready for %s, and nobody takes it: %s.", age(w, r, "since"),
		    text(w, none, "message"));
	else
		say(w, "queue", "It has been ready for %s in lane \"%s\" and waits for a worker: %s%lld task%s stand%s before it, %lld live worker%s "
		    "serve%s the lane and run%s %lld.", age(w, r, "since"), text(w, w->facts, "lane"), ahead == AHEAD_COUNTED ? "at least " : "",
		    (long long)ahead, plural(ahead), ahead == 1 ? "s" : "", (long long)number(r, "workers"), plural(number(r, "workers")),
		    number(r, "workers") == 1 ? "s" : "", number(r, "workers") == 1 ? "s" : "", (long long)number(r, "running"));
	if (json_type(last) == JSON_OBJECT && number(w->facts, "recoveries") > 0)
		say(w, "recovered", "Worker after worker fell silent with it, %lld so far.", (long long)number(w->facts, "recoveries"));
	if (json_is_true(json_getc(r, "suspect")))
		say(w, "suspect", "It stands behind all others, as it may be what ends its workers.");
	suggest(w, "agentctl lanes", "shows which lanes are served");
	suggest_for_task(w, "cancel", "ends it");
}

static void why_running(struct why *w)
{
	const struct json *attempt = json_getc(w->facts, "attempt"), *worker = json_getc(w->facts, "worker");

	if (json_type(worker) == JSON_OBJECT)
		say(w, "running", "A worker has it: process %lld on %s, for %s (attempt %lld).", (long long)number(worker, "pid"), text(w, worker, "host"),
		    age(w, attempt, "since"), (long long)number(attempt, "number"));
	else
		say(w, "running", "A worker has it.");
	if (json_type(worker) == JSON_OBJECT && !json_is_true(json_getc(worker, "live")))
		say(w, "silent", "That worker has been silent for %s beyond its lease: a sweeper gives the task to another one.",
		    age(w, worker, "lease_until"));
	say_steps(w);
	say_approvals(w);
	suggest_for_task(w, "tail", "shows what it does");
	suggest_for_task(w, "cancel", "ends it at its next boundary");
}

static void why_waiting(struct why *w)
{
	size_t before = w->causes.n;

	say_approvals(w);
	say_steps(w);
	if (w->causes.n == before && has(w->facts, "run_at"))
		say(w, "timer", "It waits for a time, %s.", when(w, w->facts, "run_at"));
	suggest_for_task(w, "cancel", "ends it");
}

static void why_uncertain(struct why *w)
{
	say_steps(w);
	say_approvals(w);
}

static void why_quarantined(struct why *w)
{
	const struct json *note = json_getc(json_getc(w->facts, "notes"), "quarantined"), *value = json_getc(note, "value");

	say(w, "quarantined", "It was put aside %s ago, so that it does no more harm; only a person moves it.", age(w, note, "at"));
	if (has(value, "host"))
		say(w, "quarantined.worker", "The worker that it lost last was process %lld on %s.", (long long)number(value, "pid"), text(w, value, "host"));
	say_error(w, json_getc(value, "error"), "error");
	suggest_for_task(w, "redrive", "lets it go on from its journal, once what is behind it is mended");
	suggest_for_task(w, "cancel", "ends it");
}

static const struct json *ended(struct why *w)
{
	return json_getc(w->facts, "ended");
}

static void why_succeeded(struct why *w)
{
	say(w, "succeeded", "It did what it had to, and ended %s ago.", age(w, ended(w), "at"));
	suggest_for_task(w, "get", "shows its output");
}

static void suggest_again(struct why *w)
{
	suggest_for_task(w, "get", "shows its steps");
	suggest_for_task(w, "retry", "begins it again from the step that failed");
}

static void why_failed(struct why *w)
{
	const struct json *error = json_getc(ended(w), "error");
	int64_t tries = number(ended(w), "tries");

	say(w, "failed", "It failed %s ago%s.", age(w, ended(w), "at"),
	    json_str(json_getc(error, "step")).n && tries > 1 ? arena_printf(w->a, ", after %lld tries of step \"%s\"", (long long)tries,
									text(w, error, "step")) : "");
	say_error(w, error, "error");
	suggest_again(w);
}

static void why_cancelled(struct why *w)
{
	say(w, "cancelled", "Somebody ended it %s ago, from %s: %s.", age(w, ended(w), "at"), text(w, ended(w), "from"),
	    quoted(w, json_getc(ended(w), "error"), "message"));
	suggest_for_task(w, "get", "shows its steps");
}

static void why_expired(struct why *w)
{
	say(w, "expired", "Its time was up %s ago%s%s; it was %s then.", age(w, ended(w), "at"), has(w->facts, "deadline") ? ", the deadline being " : "",
	    has(w->facts, "deadline") ? text(w, w->facts, "deadline") : "", text(w, ended(w), "from"));
	say_error(w, json_getc(ended(w), "error"), "error");
	suggest_again(w);
}

/* --- what holds beside the state --- */

static void say_besides(struct why *w)
{
	if (json_type(ended(w)) == JSON_OBJECT)
		return;
	if (has(w->facts, "cancel_requested_at"))
		say(w, "cancel", "Its end was asked for %s ago.", age(w, w->facts, "cancel_requested_at"));
	if (has(w->facts, "deadline"))
		say(w, "deadline", "It expires %s, if it has not ended by then.", when(w, w->facts, "deadline"));
}

const struct json *why_explain(struct arena *a, const struct json *facts)
{
	static const struct {
		const char *state;
		void (*why)(struct why *w);
	} states[] = {
		{"ready", why_ready}, {"running", why_running}, {"waiting_approval", why_waiting}, {"waiting_timer", why_waiting},
		{"waiting_event", why_waiting}, {"waiting_slot", why_waiting}, {"uncertain", why_uncertain}, {"quarantined", why_quarantined},
		{"succeeded", why_succeeded}, {"failed", why_failed}, {"cancelled", why_cancelled}, {"expired", why_expired},
	};
	static const char *const head[] = {"task", "workflow", "state"};
	struct why w = {.a = a, .facts = facts, .task = str_cstr(a, json_str(json_getc(facts, "task")))};
	struct json_builder o, kept;

	time_parse(json_str(json_getc(facts, "now")), &w.now_us);
	json_array_begin(&w.causes, a);
	json_array_begin(&w.next, a);
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (str_is(json_str(json_getc(facts, "state")), states[i].state))
			states[i].why(&w);
	say_besides(&w);
	json_object_begin(&kept, a);
	for (size_t i = 0; i < json_len(facts); i++)
		if (!str_is(json_key(facts, i), "program"))
			json_object_set(&kept, json_key(facts, i), json_val(facts, i));
	json_object_begin(&o, a);
	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
		json_object_setc(&o, head[i], json_getc(facts, head[i]));
	json_object_setc(&o, "at", json_getc(facts, "now"));
	json_object_setc(&o, "causes", json_array_end(&w.causes));
	json_object_setc(&o, "next", json_array_end(&w.next));
	json_object_setc(&o, "facts", json_object_end(&kept));
	return json_object_end(&o);
}
