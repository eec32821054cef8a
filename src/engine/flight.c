/* flight.c - the list of a run's operations. */
#include "engine/flight.h"

#include "base/err.h"
#include "base/loop.h"
#include "engine/run.h"
#include "engine/state.h"

void flight_begin(struct flight *f, struct run *r, struct node *n)
{
	*f = (struct flight){.run = r, .node = n, .next = r->flights};
	if (f->next)
		f->next->prev = f;
	r->flights = f;
	n->flight = f;
	n->mine = false;
}

void flight_abort(struct flight *f, enum abort_reason why)
{
	if (f->abort != ABORT_NONE)
		return;
	f->abort = why;
	op_cancel(f->op);
}

void flight_drop(struct flight *f)
{
	flight_abort(f, ABORT_RELEASE);
	if (f->kill)
		f->kill(f->op);
}

static void as_step_sees_it(const struct flight *f, struct err *err)
{
	if (err->code != ERR_CANCELLED)
		return;
	if (f->abort == ABORT_TIMEOUT)
		err_set(err, ERR_TIMEOUT, "the step did not end within its timeout");
	else if (f->abort == ABORT_WALL)
		err_set(err, ERR_BUDGET_WALL, "the step did not end within its wall budget");
}

void flight_end(struct flight *f, struct err *ret_err)
{
	struct run *r = f->run;

	*ret_err = *f->op->err;
	as_step_sees_it(f, ret_err);
	*(f->prev ? &f->prev->next : &r->flights) = f->next;
	if (f->next)
		f->next->prev = f->prev;
	f->node->flight = NULL;
	/* Cancelled by who owns the operation (a gateway or store that closes): somebody else goes on. */
	if (ret_err->code == ERR_CANCELLED && f->abort == ABORT_NONE)
		run_wish_for(r, WISH_RELEASE);
	run_schedule(r);
}
