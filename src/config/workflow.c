/* workflow.c - a workflow's file to a checked, linked struct. */
#include "config/workflow.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/workflow_load.h"

enum { MAX_FILES = 256 };

static const char *const roots[] = {"input", "steps", "vars", "task", "item", "index", "error"};

static const char *const effects[] = {"pure", "tx", "idempotent", "at_most_once"};

const char *effect_class_name(enum effect_class c)
{
	return effects[c];
}

bool effect_class_parse(struct str s, enum effect_class *ret)
{
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		if (str_is(s, effects[i])) {
			*ret = (enum effect_class)i;
			return true;
		}
	}
	return false;
}

/* --- files --- */

static const char *path_problem(struct str s)
{
	if (s.n > 200)
		return "the name is too long";
	if (s.p[0] == '/')
		return "it must be relative to the workflow's directory";
	if (str_is(s, "workflow.yaml") || str_starts(s, STR("contracts/")))
		return "the name is reserved for bundles";
	for (size_t from = 0; from <= s.n;) {
		struct str rest = str_sub(s, from, s.n);
		ptrdiff_t end = str_chr(rest, '/');
		struct str part = end < 0 ? rest : str_sub(rest, 0, (size_t)end);
		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			return "it must stay below the workflow's directory";
		from += part.n + 1;
	}
	return NULL;
}

static const char *shown_name(struct workflow_load *w, struct str name)
{
	struct str own = str_from(w->w->file);
	size_t dir = own.n;
	while (dir && own.p[dir - 1] != '/')
		dir--;
	return arena_printf(w->l.a, STR_FMT STR_FMT, STR_ARG(str_sub(own, 0, dir)), STR_ARG(name));
}

static const struct source_file *find_file(const struct workflow_load *w, struct str path)
{
	for (size_t i = 0; i < w->n_files; i++)
		if (str_eq(w->files[i].path, path))
			return &w->files[i];
	return NULL;
}

struct str workflow_read_file(struct workflow_load *w, const struct yaml *name, const char **shown)
{
	struct load *l = &w->l;
	const char *problem = path_problem(name->text);
	*shown = shown_name(w, name->text);
	if (problem) {
		diag_error(l->d, name->at, "file \"" STR_FMT "\": %s", STR_ARG(name->text), problem);
		return STR_NONE;
	}
	const struct source_file *known = find_file(w, name->text);
	if (known)
		return known->text;
	struct str text;
	struct err err;
	if (w->n_files == MAX_FILES) {
		diag_error(l->d, name->at, "a workflow reads at most %d files", MAX_FILES);
		return STR_NONE;
	}
	if (w->src->read(w->src, str_cstr(l->a, name->text), &text, &err) < 0) {
		diag_add(l->d, DIAG_ERROR, name->at, err.hint, "file \"" STR_FMT "\" cannot be read: %s", STR_ARG(name->text),
			 err.msg);
		return STR_NONE;
	}
	if (!text.p)
		text = STR("");
	if (!utf8_valid(text) || memchr(text.p, 0, text.n)) {
		diag_error(l->d, name->at, "file \"" STR_FMT "\" is not valid UTF-8 text", STR_ARG(name->text));
		return STR_NONE;
	}
	diag_source(l->d, *shown, text);
	w->files = grow_table(l->a, w->files, w->n_files, &w->cap_files, sizeof(*w->files));
	w->files[w->n_files++] = (struct source_file){name->text, text};
	return text;
}

/* --- tools --- */

const struct contract *workflow_contract(struct workflow_load *w, const struct yaml *name)
{
	for (size_t i = 0; i < w->n_contracts; i++)
		if (str_eq(w->contracts[i].name, name->text))
			return &w->contracts[i];
	const char *near = NULL;
	const struct contract *c = w->src->contract(w->src, name->text, &near);
	if (!c) {
		diag_error(w->l.d, name->at, "tool \"" STR_FMT "\" does not exist%s", STR_ARG(name->text),
			   near ? arena_printf(w->l.a, " (did you mean \"%s\"?)", near) : "");
		return NULL;
	}
	w->contracts = grow_table(w->l.a, w->contracts, w->n_contracts, &w->cap_contracts, sizeof(*w->contracts));
	w->contracts[w->n_contracts] = *c;
	return &w->contracts[w->n_contracts++];
}

/* --- types in retry.on --- */

static bool fits(struct str name, struct str pattern)
{
	if (str_ends(pattern, STR(".*")))
		return str_starts(name, str_sub(pattern, 0, pattern.n - 1));
	return str_eq(name, pattern);
}

static void check_type(struct workflow_load *w, const struct yaml *n)
{
	const char *names[ERR_COUNT];
	size_t n_names = 0;
	bool known = false, retryable = false;
	for (int c = ERR_NONE + 1; c < ERR_COUNT; c++) {
		const char *name = err_name((enum err_code)c);
		names[n_names++] = name;
		if (!fits(str_from(name), n->text))
			continue;
		known = true;
		retryable |= err_code_is_retryable((enum err_code)c) || c == ERR_TOOL_FAILED || c == ERR_TOOL_TIMEOUT;
	}
	for (size_t i = 0; i < w->n_raised; i++)
		if (fits(w->raised[i], n->text))
			known = retryable = true;
	if (!known)
		diag_error(w->l.d, n->at, "\"on\": there is no error type \"" STR_FMT "\"%s", STR_ARG(n->text),
			   load_nearest(w->l.d, w->l.a, n->text, names, n_names));
	else if (!retryable)
		diag_add(w->l.d, DIAG_WARNING, n->at, "\"on\" narrows what is retried, it never widens it",
			 "errors of type \"" STR_FMT "\" are never retried", STR_ARG(n->text));
}

/* --- all of it --- */

static int compare_files(const void *a, const void *b)
{
	return str_cmp(((const struct source_file *)a)->path, ((const struct source_file *)b)->path);
}

static int compare_contracts(const void *a, const void *b)
{
	return str_cmp(((const struct contract *)a)->name, ((const struct contract *)b)->name);
}

static void read_all(struct workflow_load *w, const struct yaml *root)
{
	struct load *l = &w->l;
	struct spot *end = ARENA_NEW(l->a, struct spot);
	*end = (struct spot){NULL, SPOT_END};
	l->spot = end;
	keys_read(l, &workflow_table, root, w->w);
	w->w->lane_at = yaml_get(root, "lane") ? yaml_get(root, "lane")->at : root->at;
	end->scope = w->top;
	for (size_t i = 0; i < w->n_on; i++)
		if (yaml_is_text(w->on_types[i]))
			check_type(w, w->on_types[i]);
	if (!w->top)
		return;
	graph_link(w);
	graph_check(w);
	load_check(l);
	refs_check(w);
}

/* ENGINE_SEMANTICS since which each kind is known, and means what it means now. */
static const int since[STEP_KINDS] = {
	[STEP_SET] = 1, [STEP_CALL] = 1, [STEP_MODEL] = 1, [STEP_AGENT] = 2, [STEP_SWITCH] = 1, [STEP_FOR] = 1,
	[STEP_WAIT] = 1, [STEP_RAISE] = 1,
	[STEP_APPROVE] = 2,
};

static int newest(const struct steps *steps)
{
	int n = 1;

	for (size_t i = 0; i < steps->n; i++) {
		const struct step *s = &steps->v[i];
		int own = s->ask ? 2 : since[s->kind], inner = s->kind == STEP_FOR ? newest(s->u.loop.body) : 1;

		n = own > n ? own : n;
		n = inner > n ? inner : n;
	}
	return n;
}

static int compare_name(const void *name, const void *contract)
{
	return str_cmp(*(const struct str *)name, ((const struct contract *)contract)->name);
}

const struct contract *workflow_find_contract(const struct workflow *w, struct str tool)
{
	return w->n_contracts ? bsearch(&tool, w->contracts, w->n_contracts, sizeof(*w->contracts), compare_name) : NULL;
}

int workflow_semantics(const struct workflow *w)
{
	return newest(w->steps);
}

static void finish(struct workflow_load *w)
{
	if (w->n_files)
		qsort(w->files, w->n_files, sizeof(*w->files), compare_files);
	if (w->n_contracts)
		qsort(w->contracts, w->n_contracts, sizeof(*w->contracts), compare_contracts);
	w->w->contracts = w->contracts;
	w->w->n_contracts = w->n_contracts;
}

const struct workflow *workflow_compile(struct arena *a, const struct source *src, const char *path, struct str text,
					struct diags *d, struct source_file **ret_files, size_t *ret_n_files)
{
	size_t before = diag_errors(d);
	struct workflow_load *w = ARENA_NEW(a, struct workflow_load);
	w->l = (struct load){.a = a, .d = d, .roots = roots, .n_roots = sizeof(roots) / sizeof(roots[0])};
	w->src = src;
	w->last = &w->top;
	w->w = ARENA_NEW(a, struct workflow);
	w->w->budget = (struct budget){-1, -1, -1, -1};
	w->w->file = arena_strdup(a, path);
	const struct yaml *root = yaml_parse(a, path, text, d);
	if (root)
		read_all(w, root);
	finish(w);
	if (ret_files)
		*ret_files = w->files;
	if (ret_n_files)
		*ret_n_files = w->n_files;
	return !root || diag_errors(d) > before ? NULL : w->w;
}
