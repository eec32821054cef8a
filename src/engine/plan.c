/* plan.c - decides; act.c does. */
#include "engine/plan.h"

#include "config/workflow.h"
#include "engine/program.h"
#include "engine/state.h"

static struct action plan(enum plan_kind kind)
{
	return (struct action){.kind = kind};
}

/* Something could begin, and we are leaving. */
static struct action hold_back(void)
{
	return (struct action){.kind = PLAN_NOTHING, .held_back = true};
}

/* An earlier attempt began this call: what does the ledger say of it? */
static bool must_look(const struct node *n)
{
	return n->status == NODE_RUNNING && !n->mine && !n->flight && !n->looked && node_program(n)->step->kind == STEP_CALL;
}

/* It could not be read a moment ago: then when it is time again. */
static struct action plan_look(const struct node *n, const struct plan_env *env)
{
	return plan(env->now_us >= n->wake_us ? PLAN_LOOK : PLAN_NOTHING);
}

/* Only a word resolves it, not a cancel and not a deadline: until then the task waits. */
static struct action plan_uncertain(const struct state *st, const struct node *n, const struct plan_env *env)
{
	if (n->flight || scope_is_held(st, n->scope))
		return plan(PLAN_NOTHING);
	if (!n->looked)
		return plan_look(n, env);
	if (n->ledger)
		return plan(PLAN_SETTLE);
	return plan(n->wake_us && env->now_us >= n->wake_us ? PLAN_ASK : PLAN_NOTHING);
}

/* What was decided is recorded even while leaving, or the task would sleep over it; to act on it is to begin something. */
static struct action plan_asking(const struct state *st, const struct node *n, const struct plan_env *env)
{
	if (n->flight || scope_is_held(st, n->scope))
		return plan(PLAN_NOTHING);
	if (n->deadline_us && env->now_us >= n->deadline_us)
		return plan(PLAN_EXPIRE);
	if (n->decision)
		return env->starts ? plan(PLAN_DECIDED) : hold_back();
	if (n->word)
		return plan(PLAN_SETTLE);
	return plan(!n->looked || (n->wake_us && env->now_us >= n->wake_us) ? PLAN_LOOK : PLAN_NOTHING);
}

/* A scope that is to end: its open step first, whatever kind it is. */
static struct action plan_cancelling(const struct state *st, const struct scope *sc, const struct node *n,
				     const struct plan_env *env)
{
	if (sc->state == SCOPE_ENDED || !node_is_open(n))
		return plan(PLAN_ABANDON);
	if (n->status == NODE_UNCERTAIN)
		return plan_uncertain(st, n, env);
	if (n->each && n->each->open > 0)
		return plan(PLAN_NOTHING);
	if (n->status == NODE_RUNNING && !n->each && scope_is_held(st, sc))
		return plan(PLAN_NOTHING);
	if (must_look(n))
		return plan_look(n, env);
	return plan(PLAN_CANCEL);
}

static struct action plan_loop(const struct state *st, const struct node *n, const struct plan_env *env)
{
	const struct each *e = n->each;
	bool failing = e->error || e->abort;

	if (e->open == 0 && (failing || e->ended == e->n))
		return plan(PLAN_CLOSE_LOOP);
	if (!failing && n->deadline_us && env->now_us >= n->deadline_us)
		return plan(PLAN_EXPIRE);
	if (failing || e->next == e->n || e->open >= (size_t)e->parallel)
		return plan(PLAN_NOTHING);
	if (!env->starts)
		return hold_back();
	if (scope_is_held(st, n->scope))
		return plan(PLAN_NOTHING);
	return (struct action){.kind = PLAN_OPEN_ITEM, .item = e->next};
}

static struct action plan_running(const struct state *st, const struct node *n, const struct plan_env *env)
{
	if (n->each)
		return plan_loop(st, n, env);
	if (n->deadline_us && env->now_us >= n->deadline_us && (n->flight || !scope_is_held(st, n->scope)))
		return plan(PLAN_EXPIRE);
	if (n->flight || scope_is_held(st, n->scope))
		return plan(PLAN_NOTHING);
	if (n->mine)
		return plan(PLAN_DISPATCH);
	if (!env->starts)
		return hold_back();
	return must_look(n) ? plan_look(n, env) : plan(PLAN_RESUME);
}

static struct action plan_timed(const struct state *st, const struct node *n, const struct plan_env *env)
{
	if (scope_is_held(st, n->scope))
		return plan(PLAN_NOTHING);
	if (n->deadline_us && env->now_us >= n->deadline_us && n->deadline_us < n->wake_us)
		return plan(PLAN_EXPIRE);
	if (env->now_us < n->wake_us)
		return plan(PLAN_NOTHING);
	if (n->status == NODE_WAITING)
		return plan(PLAN_WAKE);
	return env->starts ? plan(PLAN_BEGIN) : hold_back();
}

static bool rides_along(const struct scope *sc)
{
	switch (scope_step(sc)->step->kind) {
	case STEP_SWITCH:
	case STEP_FOR:
		return true;
	default:
		return false;
	}
}

/* The result of the step before must be committed before a step begins; steps that only decide ride
 * along in the same commit. */
static struct action plan_fresh(const struct state *st, const struct scope *sc, const struct plan_env *env)
{
	if (!env->starts)
		return hold_back();
	if (scope_is_held(st, sc) && !rides_along(sc))
		return plan(PLAN_NOTHING);
	return plan(PLAN_BEGIN);
}

struct action plan_scope(const struct state *st, const struct scope *sc, const struct plan_env *env)
{
	const struct node *n = scope_step(sc) ? sc->nodes[sc->cursor] : NULL;

	if (sc->state == SCOPE_CLOSED)
		return plan(PLAN_NOTHING);
	if (sc->cancelling)
		return plan_cancelling(st, sc, n, env);
	if (sc->state == SCOPE_ENDED)
		return plan(PLAN_END_ITEM);
	switch (n ? n->status : NODE_NONE) {
	case NODE_RUNNING:
		return plan_running(st, n, env);
	case NODE_WAITING:
	case NODE_RETRYING:
		return plan_timed(st, n, env);
	case NODE_ASKING:
		return plan_asking(st, n, env);
	case NODE_UNCERTAIN:
		return plan_uncertain(st, n, env);
	default:	/* not open: its next visit */
		return plan_fresh(st, sc, env);
	}
}

enum run_next plan_run(const struct state *st, const struct run_facts *f)
{
	if (st->root->state == SCOPE_CLOSED)
		return RUN_FINISH;
	if (f->busy)
		return RUN_BUSY;
	if (f->leaving && f->held_back)		/* others go on with it at once: it must not sleep until what the rest waits for comes */
		return RUN_RELEASE;
	if (st->n_uncertain > 0 && !f->has_timer)
		return RUN_PARK_UNCERTAIN;
	if (f->has_timer && f->earliest_us > f->now_us + PLAN_NAP_US) {
		if (st->n_uncertain > 0)
			return RUN_PARK_UNCERTAIN;
		/* A cancel is not slept over, the database would make it ready at once: but what could not be read needs a pause. */
		if (st->task_cancelling)
			return RUN_RELEASE;
		return st->n_asking > 0 ? RUN_PARK_APPROVAL : st->n_slots > 0 ? RUN_PARK_SLOT : RUN_PARK_TIMER;
	}
	if (f->leaving)
		return RUN_RELEASE;
	return f->has_timer ? RUN_SLEEP : RUN_STUCK;
}
