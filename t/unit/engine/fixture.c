/* fixture.c - workflows and journals from text. */
#include "fixture.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/workflow.h"
#include "engine/program.h"
#include "store/queue.h"

static const char contract[] = "{\"args\":{\"type\":\"object\"},\"description\":\"d\",\"effect\":\"pure\",\"name\":\"t.t\"}";

static const struct json *bundle_value(struct arena *a, const char *yaml)
{
	struct json_builder files, b;
	struct buf text;

	buf_init(&text, a);
	buf_adds(&text, "agentd: v1\nname: test\nsteps:\n");
	buf_adds(&text, yaml);
	json_object_begin(&files, a);
	json_object_setc(&files, "contracts/t.t.json", json_stringc(a, contract));
	json_object_setc(&files, "workflow.yaml", json_string(a, buf_str(&text)));
	json_object_begin(&b, a);
	json_object_setc(&b, "entry", json_stringc(a, "workflow.yaml"));
	json_object_setc(&b, "files", json_object_end(&files));
	return json_object_end(&b);
}

struct fixture *fixture_new(const char *yaml, bool graves)
{
	struct arena *a = arena_new(NULL);
	struct fixture *f = ARENA_NEW(a, struct fixture);
	struct diags *d = diags_new(a);
	const struct bundle *b = bundle_from_json(a, bundle_value(a, yaml), d);
	struct buf out;

	if (!b) {
		buf_init(&out, a);
		diag_print(d, &out);
		fatal("fixture: %s", buf_cstr(&out));
	}
	f->arena = a;
	f->at_us = 1000000;
	state_init(&f->state, arena_new(a), program_new(a, b->workflow), json_empty_object(), json_empty_object());
	if (graves)
		f->state.graveyard = arena_new(a);
	return f;
}

void fixture_free(struct fixture *f)
{
	arena_free(f->arena);
}

static struct str take_word(struct str *rest)
{
	ptrdiff_t end = str_chr(*rest, ' ');
	struct str word = end < 0 ? *rest : str_sub(*rest, 0, (size_t)end);

	*rest = end < 0 ? STR("") : str_sub(*rest, (size_t)end + 1, rest->n);
	return word;
}

static const char call[] = "{\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},"
			   "\"key\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}";

static struct journal_row row_of(struct fixture *f, struct str line)
{
	struct journal_row row = {.at_us = f->at_us, .path = take_word(&line), .value = json_empty_object()};
	struct str kind;

	row.attempt_try = (int)strtol(str_cstr(f->arena, take_word(&line)), NULL, 10);
	kind = take_word(&line);
	row.kind = str_chr(kind, '.') >= 0 ? kind : str_from(arena_printf(f->arena, "step." STR_FMT, STR_ARG(kind)));
	if (!line.n && str_is(kind, "started"))
		line = STR(call);
	if (line.n && json_parse(f->arena, line, NULL, &row.value, &f->err) < 0)
		fatal("fixture: \"" STR_FMT "\": %s", STR_ARG(line), f->err.msg);
	return row;
}

int fixture_apply(struct fixture *f, const char *rows)
{
	struct str rest = str_dup(f->arena, str_from(rows));

	while (rest.n) {
		ptrdiff_t end = str_chr(rest, '\n');
		struct str line = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
		struct journal_row row;

		rest = end < 0 ? STR("") : str_sub(rest, (size_t)end + 1, rest.n);
		if (line.p[0] == '@') {
			f->at_us = strtol(line.p + 1, NULL, 10) * 1000;
			continue;
		}
		row = row_of(f, line);
		if (state_apply(&f->state, &row, &f->err) < 0)
			return -1;
	}
	return 0;
}

static void dump_scope(struct buf *b, const struct scope *sc);

static void dump_node(struct buf *b, const struct node *n)
{
	buf_addf(b, STR_FMT, STR_ARG(node_program(n)->step->id));
	if (n->visits > 1)
		buf_addf(b, "~%d", n->visits);
	buf_addf(b, "=%s", n->status == NODE_RETRYING ? "retrying" : node_status_name(n->status));
	if (n->try_no > 1)
		buf_addf(b, "#%d", n->try_no);
	if (n->each) {
		buf_addf(b, "[%zu/%zu", n->each->ended, n->each->n);
		for (size_t i = 0; i < n->each->n; i++) {
			if (!n->each->scopes[i])
				continue;
			buf_addf(b, " %zu:(", i);
			dump_scope(b, n->each->scopes[i]);
			buf_addc(b, ')');
		}
		buf_addc(b, ']');
	}
	buf_addc(b, ' ');
}

static void dump_scope(struct buf *b, const struct scope *sc)
{
	for (size_t i = 0; i < sc->program->n; i++)
		if (sc->nodes[i] && sc->nodes[i]->visits)
			dump_node(b, sc->nodes[i]);
	if (sc->cancelling)
		buf_adds(b, "cancelling ");
	if (sc->state == SCOPE_OPEN)
		buf_addf(b, "@%d", sc->cursor);
	else if (sc->state == SCOPE_ENDED)
		buf_adds(b, "ended");
	else if (sc->cancelled)
		buf_adds(b, "cancelled");
	else if (sc->error)
		buf_addf(b, "failed " STR_FMT, STR_ARG(json_str(json_getc(sc->error, "type"))));
	else
		buf_adds(b, "closed");
}

const char *fixture_dump(struct fixture *f)
{
	struct buf b;

	buf_init(&b, f->arena);
	dump_scope(&b, f->state.root);
	return buf_cstr(&b);
}

static struct scope *find(struct scope *sc, struct str path)
{
	struct scope *found = NULL;

	if (str_eq(sc->path, path))
		return sc;
	for (size_t i = 0; !found && i < sc->program->n; i++) {
		struct each *e = sc->nodes[i] ? sc->nodes[i]->each : NULL;

		for (size_t k = 0; e && !found && k < e->n; k++)
			if (e->scopes[k])
				found = find(e->scopes[k], path);
	}
	return found;
}

struct scope *fixture_scope(struct fixture *f, const char *path)
{
	return find(f->state.root, str_from(path));
}
