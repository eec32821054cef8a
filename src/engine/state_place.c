/* state_place.c - from the path of a journal row to its place in the state. */
#include "engine/state_room.h"

#include "base/err.h"
#include "engine/path.h"
#include "engine/program.h"
#include "store/queue.h"

int state_conflict(const struct journal_row *row, const char *why, struct err *err)
{
	return err_set(err, ERR_JOURNAL_CONFLICT, "journal row \"" STR_FMT "\" of \"" STR_FMT "\" try %d: %s",
		       STR_ARG(row->kind), STR_ARG(row->path), row->attempt_try, why);
}

static struct scope *enter_item(struct state *st, struct scope *sc, int index, int visit, size_t item)
{
	struct node *n = sc->nodes[index];

	if (!n || !n->each || n->visits != visit || item >= n->each->n)
		return NULL;
	if (n->each->begun[item])
		return n->each->scopes[item];
	if (sc->cancelling || n->each->error)
		return NULL;
	return state_open_item(st, n->each, item);
}

static struct scope *enter_iteration(struct state *st, const struct target *t, size_t item)
{
	if (t->scope->program->v[t->index].step->kind != STEP_FOR)
		return NULL;
	return enter_item(st, t->scope, t->index, t->visit, item);
}

static struct scope *enter_call(struct state *st, const struct target *t, int turn, int call)
{
	const struct node *n = t->scope->nodes[t->index];

	if (t->scope->program->v[t->index].step->kind != STEP_AGENT || !n || turn != n->n_turns)
		return NULL;
	return enter_item(st, t->scope, t->index, t->visit, (size_t)call);
}

static int resolve_call(struct state *st, const struct journal_row *row, struct target *ret, int turn, struct str *rest, struct err *err)
{
	struct segment seg;

	if (!path_take(rest, &seg) || !seg.is_call)
		return state_conflict(row, "a turn has calls and nothing else below it", err);
	ret->scope = enter_call(st, ret, turn, seg.call);
	if (!ret->scope)
		return state_conflict(row, "no such call is open", err);
	ret->index = 0;
	ret->visit = 1;
	return 0;
}

int state_place(struct state *st, const struct journal_row *row, struct target *ret, struct err *err)
{
	struct str rest = row->path;
	struct segment seg;

	*ret = (struct target){.scope = st->root};
	for (;;) {
		if (!path_take(&rest, &seg) || seg.turn || seg.ask || seg.approval || seg.is_call)
			return state_conflict(row, "not a step path", err);
		ret->index = program_find(ret->scope->program, seg.id.p, seg.id.n, ret->scope->cursor);
		if (ret->index < 0)
			return state_conflict(row, "no such step", err);
		ret->visit = seg.visit;
		if (!seg.has_item)
			break;
		ret->scope = enter_iteration(st, ret, seg.item);
		if (!ret->scope)
			return state_conflict(row, "no such iteration is open", err);
		if (rest.n == 0) {
			ret->kind = TARGET_ITEM;
			return 0;
		}
	}
	if (rest.n == 0)
		return 0;
	if (!path_take(&rest, &seg) || (!seg.turn && !seg.ask && !seg.approval))
		return state_conflict(row, "the step has no steps below it", err);
	if (seg.turn && rest.n > 0) {
		if (resolve_call(st, row, ret, seg.turn, &rest, err) < 0)
			return -1;
		if (rest.n == 0)
			return 0;
		if (!path_take(&rest, &seg) || (!seg.ask && !seg.approval))
			return state_conflict(row, "a call has no steps below it", err);
	}
	ret->kind = seg.turn ? TARGET_TURN : seg.ask ? TARGET_ASK : TARGET_APPROVAL;
	ret->number = seg.turn ? seg.turn : seg.ask ? seg.ask : seg.approval;
	return 0;
}

bool state_is_next(const struct target *t, const struct node *n, const struct journal_row *row, int count)
{
	return t->visit == n->visits && row->attempt_try == n->try_no && t->number == count + 1;
}
