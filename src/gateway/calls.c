/* calls.c - which fragment belongs to which call, and the judgement of each call. */
#include "gateway/calls.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "gateway/gateway.h"

enum { CALLS_MAX = 128, ARGS_MAX = 1 << 20, ID_MAX = 4096, NAME_MAX_BYTES = 256 };

/* How far an object has come, without parsing it again at each fragment. */
struct extent {
	int64_t depth;
	bool in_string, escaped, closed;
};

struct call {
	int64_t index;			/* as the server counts; -1: it does not */
	struct str id, name;
	struct buf args;
	struct extent extent;
};

void calls_init(struct calls *c, struct arena *a)
{
	*c = (struct calls){.arena = a};
}

static void extend(struct extent *x, struct str more)
{
	for (size_t i = 0; i < more.n; i++) {
		char ch = more.p[i];

		if (x->in_string) {
			if (!x->escaped && ch == '"')
				x->in_string = false;
			x->escaped = !x->escaped && ch == '\\';
		} else if (ch == '"') {
			x->in_string = true;
		} else if (ch == '{' || ch == '[') {
			x->depth++;
		} else if ((ch == '}' || ch == ']') && --x->depth == 0) {
			x->closed = true;
		}
	}
}

/* Does a fragment that could go on with this call begin another one? Only a name begins a call; where both have an id
 * the ids decide, else whole arguments end a call. (Some servers give all parallel calls the index 0, others a new
 * id to each fragment, others repeat the name.) */
static bool begins_another(const struct call *f, struct str id, struct str name)
{
	if (name.n == 0 || f->name.n == 0)
		return false;
	if (id.n > 0 && f->id.n > 0)
		return !str_eq(id, f->id);
	return f->extent.closed;
}

/* By index, the latest of it; without one, a new id begins a call and no id goes on with the last. */
static struct call *find(const struct calls *c, int64_t index, struct str id)
{
	struct call *last = c->n ? c->v[c->n - 1] : NULL;

	if (index < 0)
		return last && (id.n == 0 || last->id.n == 0 || str_eq(id, last->id)) ? last : NULL;
	for (size_t i = c->n; i > 0; i--)
		if (c->v[i - 1]->index == index)
			return c->v[i - 1];
	return NULL;
}

static struct call *call_of(struct calls *c, const struct call_fragment *more)
{
	struct call *f = find(c, more->index, more->id);

	if (f && !begins_another(f, more->id, more->name))
		return f;
	if (c->n == CALLS_MAX)
		return NULL;
	if (!c->v)
		c->v = ARENA_ARRAY(c->arena, CALLS_MAX, struct call *);
	f = ARENA_NEW(c->arena, struct call);
	f->index = more->index;
	buf_init(&f->args, c->arena);
	c->v[c->n++] = f;
	return f;
}

static size_t place_of(const struct calls *c, const struct call *f)
{
	size_t i = 0;

	while (c->v[i] != f)
		i++;
	return i;
}

int calls_take(struct calls *c, const struct call_fragment *more, size_t *ret_place, struct err *err)
{
	struct call *f = call_of(c, more);

	if (!f)
		return err_set(err, ERR_MODEL_OVERSIZE, "the answer has more than %d tool calls", CALLS_MAX);
	if (more->id.n > 0 && f->id.n == 0)	/* some servers repeat both, or send "" later */
		f->id = str_dup(c->arena, more->id);
	if (more->name.n > 0 && f->name.n == 0)
		f->name = str_dup(c->arena, more->name);
	buf_addstr(&f->args, more->args);
	extend(&f->extent, more->args);
	if (f->args.n > ARGS_MAX)
		return err_set(err, ERR_MODEL_OVERSIZE, "the arguments of a tool call have more than %d bytes", ARGS_MAX);
	*ret_place = place_of(c, f);
	return 0;
}

/* --- the end --- */

static struct str make_id(struct arena *a)
{
	uint64_t bits[2];

	random_bytes(bits, sizeof bits);
	return str_from(arena_printf(a, "call_%016llx%08llx", (unsigned long long)bits[0], (unsigned long long)(bits[1] >> 32)));
}

static bool is_taken(const struct tool_call *calls, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(calls[i].id, id))
			return true;
	return false;
}

/* The calls must be such that somebody can run them; the arguments are judged by who does. */
int calls_end(struct calls *c, const struct tool_call **ret, struct err *err)
{
	struct tool_call *calls = ARENA_ARRAY(c->arena, c->n, struct tool_call);

	for (size_t i = 0; i < c->n; i++) {
		const struct call *f = c->v[i];
		struct str args = str_trim(buf_str(&f->args));

		if (f->name.n == 0)
			return err_set(err, ERR_MODEL_MALFORMED_TOOL_CALL, "tool call %zu has no name", i);
		if (f->name.n > NAME_MAX_BYTES)
			return err_set(err, ERR_MODEL_MALFORMED_TOOL_CALL, "the name of tool call %zu has more than %d bytes", i,
				       NAME_MAX_BYTES);
		calls[i].id = f->id;
		if (f->id.n == 0 || f->id.n > ID_MAX || is_taken(calls, i, f->id))
			calls[i].id = make_id(c->arena);
		calls[i].name = f->name;
		calls[i].args = args.n ? args : STR("{}");
	}
	*ret = calls;
	return 0;
}
