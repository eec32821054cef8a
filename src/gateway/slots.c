/* slots.c - one queue per provider name. */
#include "gateway/slots.h"

#include "base/arena.h"

struct queue {
	struct queue *next;
	struct str name;
	int taken;
	struct slot_waiter *first, **end;
};

struct slots {
	struct arena *arena;
	struct queue *queues;
};

struct slots *slots_new(struct arena *a)
{
	struct slots *s = ARENA_NEW(a, struct slots);

	s->arena = a;
	return s;
}

static struct queue *queue_of(struct slots *s, const struct provider *p)
{
	struct queue *q = s->queues;

	while (q && !str_eq(q->name, p->name))
		q = q->next;
	if (q)
		return q;
	q = ARENA_NEW(s->arena, struct queue);
	q->name = str_dup(s->arena, p->name);
	q->end = &q->first;
	q->next = s->queues;
	s->queues = q;
	return q;
}

static bool is_free(const struct queue *q, const struct provider *p)
{
	return p->max_in_flight <= 0 || q->taken < p->max_in_flight;
}

bool slots_take(struct slots *s, const struct provider *p)
{
	struct queue *q = queue_of(s, p);

	if (q->first || !is_free(q, p))
		return false;
	q->taken++;
	return true;
}

void slots_wait(struct slots *s, const struct provider *p, struct slot_waiter *w, void (*fn)(void *), void *arg)
{
	struct queue *q = queue_of(s, p);

	*w = (struct slot_waiter){.at = q->end, .provider = p, .fn = fn, .arg = arg};
	*q->end = w;
	q->end = &w->next;
}

static void unlink_waiter(struct queue *q, struct slot_waiter *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	else
		q->end = w->at;
	w->at = NULL;
	w->next = NULL;
}

void slots_leave(struct slots *s, struct slot_waiter *w)
{
	if (w->at)
		unlink_waiter(queue_of(s, w->provider), w);
}

void slots_give(struct slots *s, const struct provider *p)
{
	struct queue *q = queue_of(s, p);

	q->taken--;
	while (q->first && is_free(q, q->first->provider)) {
		struct slot_waiter *w = q->first;

		unlink_waiter(q, w);
		q->taken++;
		w->fn(w->arg);
	}
}
