/* main.c - plays scenarios: once undisturbed against the expected journal, then again with a kill at every
 * committed move, which must come to the same end.
 *
 * A file has sections, each opened by a line "### NAME": workflow, perhaps policy and later policy, script, expect. See README.
 * SCENARIO_UPDATE=1 rewrites the last section.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "../unit/write_file.h"
#include "world.h"

enum { MAX_ATTEMPTS = 200, MAX_SECONDS = 60 };

struct scenario {
	struct str head, workflow, policy, later_policy, script, expect;
};

static int n_tests, n_failed;

static void report(bool good, const char *name, const char *what, const char *detail)
{
	printf("%s %d - %s: %s\n", good ? "ok" : "not ok", ++n_tests, name, what);
	n_failed += !good;
	if (!good && detail)
		for (const char *at = detail, *end; *at; at = *end ? end + 1 : end) {
			for (end = at; *end && *end != '\n'; end++)
				;
			printf("# %.*s\n", (int)(end - at), at);
		}
	fflush(stdout);
}

/* STR_NONE: it has none. */
static struct str optional(struct str text, const char *name)
{
	char mark[32];
	ptrdiff_t from, to;

	snprintf(mark, sizeof mark, "### %s\n", name);
	from = str_find(text, str_from(mark));
	if (from < 0)
		return STR_NONE;
	text = str_sub(text, (size_t)from + strlen(mark), text.n);
	to = str_find(text, STR("### "));
	return to < 0 ? text : str_sub(text, 0, (size_t)to);
}

static struct str section(struct str text, const char *name)
{
	struct str found = optional(text, name);

	if (!found.p)
		fatal("section \"%s\" is missing", name);
	return found;
}

static void scenario_read(struct scenario *s, struct str text)
{
	ptrdiff_t expect = str_find(text, STR("### expect\n"));

	s->workflow = section(text, "workflow");
	s->policy = optional(text, "policy");
	s->later_policy = optional(text, "later policy");
	s->script = section(text, "script");
	s->expect = expect < 0 ? STR("") : str_sub(text, (size_t)expect + 11, text.n);
	s->head = expect < 0 ? text : str_sub(text, 0, (size_t)expect);
}

/* Is this an end that the script permits a killed run? */
static bool may_end(const struct scenario *s, const char *got)
{
	struct str rest = s->script;

	for (ptrdiff_t at; (at = str_find(rest, STR("\nmay "))) >= 0;) {
		ptrdiff_t end;

		rest = str_sub(rest, (size_t)at + 5, rest.n);
		end = str_chr(rest, '\n');
		if (str_starts(str_from(got), str_sub(rest, 0, end < 0 ? rest.n : (size_t)end)))
			return true;
	}
	return false;
}

/* --- playing --- */

static void attempt(struct world *w)
{
	struct engine *e = engine_new(w->loop, NULL, NULL, NULL);

	engine_set_policy(e, w->policy);
	w->engine = e;
	w->crashed = false;
	engine_start(e, world_claim(w), world_now_us(w));
	while (engine_active(e))
		loop_once(w->loop);
	w->engine = NULL;
	engine_free(e);
	if (w->n_in_flight)
		fatal("%zu operations outlive their task", w->n_in_flight);
}

static void skip_to(struct world *w, int64_t at_us)
{
	int64_t now_us = world_now_us(w);

	if (at_us > now_us)
		w->now_us += at_us - now_us;
}

static void play(struct world *w, enum crash_mode crash, int at)
{
	w->crash = crash;
	w->crash_at = at;
	for (int i = 0; i < MAX_ATTEMPTS; i++) {
		attempt(w);
		if (w->ended)
			return;
		if (w->crashed) {
			w->crash = CRASH_NEVER;
			buf_adds(&w->log, "~ killed\n");
			continue;
		}
		if (w->parked && world_decide(w, false))
			continue;
		if (w->parked && w->run_at_us == 0)
			return;
		if (!w->claimed)
			skip_to(w, w->run_at_us);
	}
	fatal("the task does not come to an end:\n%s", buf_cstr(&w->log));
}

static struct world *play_new(const struct scenario *s, struct loop **ret_loop, enum crash_mode crash, int at)
{
	struct world *w;

	*ret_loop = loop_new();
	w = world_new(*ret_loop);
	world_script(w, s->workflow, s->script);
	world_policy(w, s->policy, s->later_policy);
	play(w, crash, at);
	return w;
}

static const char *end_text(struct arena *a, const struct world *w)
{
	if (!w->ended)
		return arena_printf(a, STR_FMT, STR_ARG(w->state));
	if (w->output)
		return arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(w->state), STR_ARG(json_text(a, w->output)));
	return arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(w->state),
			    STR_ARG(json_str(json_getc(w->error, "type"))));
}

/* Kill at every move, before it is committed and after; the end must be the same. */
static void play_kills(struct arena *a, const struct scenario *s, const char *name, const char *end, int n_moves)
{
	struct buf bad;
	int n = 0;

	buf_init(&bad, a);
	for (int k = 1; k <= n_moves; k += n_moves > 200 ? 37 : 1) {
		for (int mode = CRASH_BEFORE_COMMIT; mode <= CRASH_AFTER_COMMIT; mode++, n++) {
			struct loop *l;
			struct world *w = play_new(s, &l, (enum crash_mode)mode, k);
			const char *got = end_text(a, w), *audit = world_audit(w);

			if (*audit || (strcmp(got, end) != 0 && !may_end(s, got)))
				buf_addf(&bad, "killed %s move %d: ended %s, not %s %s\n%s\n",
					 mode == CRASH_BEFORE_COMMIT ? "before" : "after", k, got, end, audit,
					 buf_cstr(&w->log));
			world_free(w);
			loop_free(l);
		}
	}
	report(bad.n == 0, name, arena_printf(a, "%d kills come to the same end", n), buf_cstr(&bad));
}

static void update(const char *path, const struct scenario *s, struct world *w)
{
	struct buf b;

	buf_init(&b, w->arena);
	buf_addstr(&b, s->head);
	buf_adds(&b, "### expect\n");
	buf_addstr(&b, buf_str(&w->log));
	if (write_file(path, buf_str(&b), 0644) < 0)
		fatal("%s: %s", path, strerror(errno));
}

static void run_file(const char *path, const char *name)
{
	struct arena *a = arena_new(NULL);
	struct scenario s;
	struct str text;
	struct loop *l;
	struct world *w;
	const char *end, *audit;
	struct err err;
	int n_moves;

	if (file_read(a, path, 1 << 20, &text, &err) < 0)
		fatal("%s", err.msg);
	alarm(MAX_SECONDS);
	scenario_read(&s, text);
	w = play_new(&s, &l, CRASH_NEVER, 0);
	if (getenv("SCENARIO_UPDATE"))
		update(path, &s, w);
	else
		report(str_eq(buf_str(&w->log), s.expect), name, "journal as expected", buf_cstr(&w->log));
	audit = world_audit(w);
	report(!*audit, name, "ledger agrees with what tools were asked", audit);
	end = end_text(a, w);
	n_moves = w->n_moves;
	world_free(w);
	loop_free(l);
	play_kills(a, &s, name, end, n_moves);
	arena_free(a);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	struct arena *a = arena_new(NULL);
	char *dir = arena_printf(a, "%s/t/scenario", top ? top : "."), *names[512];
	DIR *d = opendir(dir);
	size_t n = 0;

	if (!d)
		fatal("cannot open \"%s\"", dir);
	log_set_level(getenv("SCENARIO_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	for (struct dirent *e; (e = readdir(d)) && n < 512;)
		if (str_ends(str_from(e->d_name), STR(".scn")) && (argc < 2 || strcmp(argv[1], e->d_name) == 0))
			names[n++] = arena_strdup(a, e->d_name);
	closedir(d);
	qsort(names, n, sizeof *names, compare);
	for (size_t i = 0; i < n; i++)
		run_file(arena_printf(a, "%s/%s", dir, names[i]), names[i]);
	printf("1..%d\n", n_tests);
	arena_free(a);
	return n_failed || n == 0;
}
