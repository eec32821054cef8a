/* script.c - reads the script section of a scenario. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/manifest.h"
#include "config/policy.h"
#include "world.h"

static struct str take_word(struct str *rest)
{
	size_t n = 0;
	struct str word;

	*rest = str_trim(*rest);
	while (n < rest->n && rest->p[n] != ' ')
		n++;
	word = str_sub(*rest, 0, n);
	*rest = str_trim(str_sub(*rest, n, rest->n));
	return word;
}

static int take_int(struct str *rest)
{
	char text[16] = "";
	struct str word = take_word(rest);

	memcpy(text, word.p, word.n < sizeof text ? word.n : sizeof text - 1);
	return (int)strtol(text, NULL, 10);
}

static const struct json *parse(struct arena *a, struct str text)
{
	const struct json *v;
	struct err err = {0};

	if (json_parse(a, text, NULL, &v, &err) < 0)
		fatal("script: \"" STR_FMT "\": %s", STR_ARG(text), err.msg);
	return v;
}

static bool take_outcome(struct str word, enum tool_outcome *ret)
{
	static const char *const names[] = {"not_begun", "done", "unknown"};

	for (size_t i = 0; i < 3; i++)
		if (str_is(word, names[i])) {
			*ret = (enum tool_outcome)i;
			return true;
		}
	return false;
}

/* error TYPE [status N] [retryable] [after 20ms] [not_begun|done|unknown] */
static void read_error(struct world *w, struct reply *r, struct str *rest)
{
	const char *name = str_cstr(w->arena, take_word(rest));
	enum err_code code = err_by_name(name);
	struct str word;
	int64_t ms;

	if (code == ERR_NONE)
		fatal("script: no error type \"%s\"", name);
	err_set(&r->err, code, "scripted");
	r->error = true;
	while ((word = take_word(rest)).n) {
		if (str_is(word, "status"))
			r->err.status = take_int(rest);
		else if (str_is(word, "retryable"))
			r->err.retryable = true;
		else if (str_is(word, "after") && duration_parse(take_word(rest), &ms))
			r->err.retry_after_ms = (int)ms;
		else if (!take_outcome(word, &r->outcome))
			fatal("script: error: \"" STR_FMT "\"?", STR_ARG(word));
	}
}

/* reply NAME [once] [longer N] [args JSON-without-blanks] [try N] (value JSON | text JSON | calls JSON | hang [OUTCOME [JSON]] | error ...) */
static void read_reply(struct world *w, struct str rest)
{
	struct reply *r = ARENA_NEW(w->arena, struct reply), **at = &w->replies;
	struct str word;

	r->name = take_word(&rest);
	r->outcome = TOOL_DONE;
	while ((word = take_word(&rest)).n) {
		if (str_is(word, "once")) {
			r->once = true;
		} else if (str_is(word, "longer")) {
			r->longer = take_int(&rest);
		} else if (str_is(word, "args")) {
			r->match = parse(w->arena, take_word(&rest));
		} else if (str_is(word, "try")) {
			r->nth = take_int(&rest);
		} else if (str_is(word, "value")) {
			r->value = parse(w->arena, rest);
			break;
		} else if (str_is(word, "huge")) {
			size_t n = (size_t)take_int(&rest);
			char *p = arena_zalloc(w->arena, n);

			memset(p, 'x', n);
			r->value = json_string_ref(w->arena, (struct str){p, n});
		} else if (str_is(word, "text")) {
			r->text = json_str(parse(w->arena, rest));
			break;
		} else if (str_is(word, "calls")) {
			r->text = STR("");
			r->calls = parse(w->arena, rest);
			break;
		} else if (str_is(word, "hang")) {
			r->hang = true;
			r->outcome = TOOL_UNKNOWN;
			word = take_word(&rest);
			if (word.n && !take_outcome(word, &r->outcome))
				fatal("script: hang: \"" STR_FMT "\"?", STR_ARG(word));
			if (rest.n)
				r->value = parse(w->arena, rest);
			break;
		} else if (str_is(word, "error")) {
			read_error(w, r, &rest);
			break;
		} else {
			fatal("script: reply: \"" STR_FMT "\"?", STR_ARG(word));
		}
	}
	while (*at)
		at = &(*at)->next;
	*at = r;
}

static const struct {
	const char *word;
	unsigned bit;
} taints[] = {{"untrusted", TAINT_READS_UNTRUSTED}, {"private", TAINT_READS_PRIVATE}, {"outside", TAINT_ACTS_OUTSIDE}};

static enum risk risk_of(struct str word)
{
	for (int i = 0; risk_words[i]; i++)
		if (str_is(word, risk_words[i]))
			return (enum risk)(RISK_LOW + i);
	fatal("script: tool: risk: \"" STR_FMT "\"?", STR_ARG(word));
}

/* tool NAME CLASS [risk WORD] [untrusted] [private] [outside] [asks DELAY] */
static void read_tool(struct world *w, struct str rest)
{
	struct fake_tool *t = ARENA_NEW(w->arena, struct fake_tool);
	struct manifest *m = ARENA_NEW(w->arena, struct manifest);

	m->contract.name = take_word(&rest);
	m->contract.description = STR("a fake");
	m->contract.args = parse(w->arena, STR("{\"type\":\"object\"}"));
	if (!effect_class_parse(take_word(&rest), &m->contract.effect))
		fatal("script: tool: no such effect class");
	for (struct str word; rest.n && !m->ask;) {
		word = take_word(&rest);
		for (size_t i = 0; i < 3; i++)
			if (str_is(word, taints[i].word))
				m->taint |= taints[i].bit;
		if (str_is(word, "risk"))
			m->risk = risk_of(take_word(&rest));
		if (!str_is(word, "asks"))
			continue;
		m->ask = m;
		if (!duration_parse(rest, &m->ask_delay_ms))
			fatal("script: tool: asks: no such duration");
	}
	t->manifest = m;
	t->next = w->tools;
	w->tools = t;
}

/* answer PATH approve|deny [early] [late 30s] [by NAME] [edit JSON | form JSON | says TEXT] */
static void read_answer(struct world *w, struct str rest)
{
	struct answered *v = ARENA_NEW(w->arena, struct answered), **at = &w->verdicts;
	struct str word;

	*v = (struct answered){.path = take_word(&rest), .by = STR("ann"), .comment = STR_NONE, .late_ms = -1};
	v->decision = take_word(&rest);
	if (!str_is(v->decision, "approve") && !str_is(v->decision, "deny"))
		fatal("script: answer: \"" STR_FMT "\"?", STR_ARG(v->decision));
	while ((word = take_word(&rest)).n) {
		if (str_is(word, "early")) {
			v->early = true;
		} else if (str_is(word, "late")) {
			if (!duration_parse(take_word(&rest), &v->late_ms))
				fatal("script: answer: late: expected a duration");
		} else if (str_is(word, "by")) {
			v->by = take_word(&rest);
		} else if (str_is(word, "says")) {
			v->comment = rest;
			break;
		} else if (str_is(word, "edit")) {
			v->args = parse(w->arena, rest);
			break;
		} else if (str_is(word, "form")) {
			v->form = parse(w->arena, rest);
			break;
		} else {
			fatal("script: answer: \"" STR_FMT "\"?", STR_ARG(word));
		}
	}
	while (*at)
		at = &(*at)->next;
	*at = v;
}

/* on call NAME (cancel|drain|release|drop|gone|policy); on move N ... */
static void read_event(struct world *w, struct str rest)
{
	static const char *const names[] = {"cancel", "drain", "release", "drop", "gone", "policy"};
	struct event *e = ARENA_NEW(w->arena, struct event);
	struct str where = take_word(&rest), what;

	if (str_is(where, "move"))
		e->on_move = take_int(&rest);
	else
		e->on_call = take_word(&rest);
	what = take_word(&rest);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!str_is(what, names[i]))
			continue;
		if (i >= EVENT_GONE && e->on_move)
			fatal("script: on move: \"%s\" happens on a call", names[i]);
		e->kind = (enum event_kind)i;
		e->next = w->events;
		w->events = e;
		return;
	}
	fatal("script: on: \"" STR_FMT "\"?", STR_ARG(what));
}

/* decide PATH [early] DECISION [JSON] */
static void read_decide(struct world *w, struct str rest)
{
	struct decide *d = ARENA_NEW(w->arena, struct decide), **at = &w->decides;

	d->path = take_word(&rest);
	d->decision = take_word(&rest);
	if (str_is(d->decision, "early")) {
		d->early = true;
		d->decision = take_word(&rest);
	}
	if (rest.n)
		d->result = parse(w->arena, rest);
	while (*at)
		at = &(*at)->next;
	*at = d;
}

/* settled PATH STATE [JSON] */
static void read_settled(struct world *w, struct str rest)
{
	struct settled *s = ARENA_NEW(w->arena, struct settled);

	s->path = take_word(&rest);
	if (!effect_state_parse(take_word(&rest), &s->state))
		fatal("script: settled: no such state");
	if (rest.n)
		s->result = parse(w->arena, rest);
	s->next = w->settled;
	w->settled = s;
}

static void read_line(struct world *w, struct str line)
{
	struct str rest = line, word = take_word(&rest);

	if (word.n == 0 || word.p[0] == '#' || str_is(word, "may"))
		return;
	if (str_is(word, "input"))
		w->input = parse(w->arena, rest);
	else if (str_is(word, "budget"))
		w->budget = parse(w->arena, rest);
	else if (str_is(word, "deadline") && duration_parse(rest, &w->deadline_ms))
		return;
	else if (str_is(word, "tool"))
		read_tool(w, rest);
	else if (str_is(word, "reply"))
		read_reply(w, rest);
	else if (str_is(word, "decide"))
		read_decide(w, rest);
	else if (str_is(word, "answer"))
		read_answer(w, rest);
	else if (str_is(word, "guarded"))
		w->guarded = rest;
	else if (str_is(word, "settled"))
		read_settled(w, rest);
	else if (str_is(word, "on"))
		read_event(w, rest);
	else if (str_is(word, "gone"))
		w->gone = rest;
	else if (str_is(word, "unreadable")) {
		w->unreadable = take_int(&rest);
		w->unreadable_code = str_is(rest, "none") ? ERR_NONE : err_by_name(str_cstr(w->arena, rest));
	} else if (str_is(word, "refuse")) {
		w->refuse_move = take_int(&rest);
		w->refuse_code = err_by_name(str_cstr(w->arena, rest));
	} else
		fatal("script: \"" STR_FMT "\"?", STR_ARG(line));
}

void world_script(struct world *w, struct str workflow, struct str script)
{
	w->workflow = workflow;
	w->input = json_empty_object();
	while (script.n) {
		ptrdiff_t end = str_chr(script, '\n');
		size_t n = end < 0 ? script.n : (size_t)end;

		read_line(w, str_trim(str_sub(script, 0, n)));
		script = str_sub(script, n + 1, script.n);
	}
}

static const struct policy *read_policy(struct world *w, const char *name, struct str text)
{
	struct diags *d = diags_new(w->arena);
	const struct policy *p = text.p ? policy_parse(w->arena, name, text, d) : NULL;
	struct buf b;

	buf_init(&b, w->arena);
	diag_print(d, &b);
	if (text.p && !p)
		fatal("%s", buf_cstr(&b));
	return p;
}

void world_policy(struct world *w, struct str text, struct str later)
{
	w->policy = read_policy(w, "policy", text);
	w->later_policy = read_policy(w, "later policy", later);
}
