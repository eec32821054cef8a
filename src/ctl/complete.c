/* complete.c - see complete.h. */
#include "ctl/complete.h"

#include <string.h>

#include "base/arena.h"
#include "ctl/ctl.h"

void complete_add(struct completion *c, struct str word, const char *help)
{
	if (!str_starts(word, c->begun))
		return;
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->v[i].word, word))
			return;
	if (c->n == c->cap) {
		struct candidate *more = ARENA_ARRAY(c->a, c->cap ? 2 * c->cap : 64, struct candidate);

		if (c->n)
			memcpy(more, c->v, c->n * sizeof *more);
		c->v = more;
		c->cap = c->cap ? 2 * c->cap : 64;
	}
	c->v[c->n++] = (struct candidate){.word = word, .help = help};
}

/* --- a usage, token by token --- */

static struct str next_token(struct str *rest)
{
	struct str t = str_trim(*rest);
	ptrdiff_t space = str_chr(t, ' ');

	*rest = space < 0 ? STR_NONE : str_sub(t, (size_t)space, t.n);
	return space < 0 ? t : str_sub(t, 0, (size_t)space);
}

/* Without the brackets and dots around it. */
static struct str bare(struct str t)
{
	while (t.n && t.p[0] == '[')
		t = str_sub(t, 1, t.n);
	while (t.n && (t.p[t.n - 1] == ']' || t.p[t.n - 1] == '.'))
		t.n--;
	return t;
}

static bool is_option(struct str t)
{
	return str_starts(t, STR("--"));
}

/* The alternatives of a token, one after the other. */
static struct str next_choice(struct str *rest)
{
	ptrdiff_t bar = str_chr(*rest, '|');
	struct str one = bare(bar < 0 ? *rest : str_sub(*rest, 0, (size_t)bar));

	*rest = bar < 0 ? STR_NONE : str_sub(*rest, (size_t)bar + 1, rest->n);
	return one;
}

struct usage {
	struct str rest;
	struct str option;		/* of what was taken last; STR_NONE: an argument */
	struct str value;		/* its value, or the argument; STR_NONE: none */
	bool repeats;
};

/* An option that is an alternative of something stands apart: `STATE|--all` is `STATE | --all`. */
static struct usage usage_of(struct arena *a, const struct command *cmd)
{
	struct str args = str_from(cmd->args), bar = STR("|--");
	struct buf b;
	ptrdiff_t at;

	buf_init(&b, a);
	while ((at = str_find(args, bar)) >= 0) {
		buf_add(&b, args.p, (size_t)at);
		buf_adds(&b, " | ");
		args = str_sub(args, (size_t)at + 1, args.n);
	}
	buf_addstr(&b, args);
	return (struct usage){.rest = buf_str(&b)};
}

/* The next option or argument; false at the end. */
static bool usage_next(struct usage *u)
{
	struct str t, ahead;

	do
		t = next_token(&u->rest);
	while (str_is(t, "|"));
	if (t.n == 0)
		return false;
	*u = (struct usage){.rest = u->rest, .value = t, .repeats = str_ends(t, STR("..."))};
	if (!is_option(bare(t)))
		return true;
	u->option = bare(t);
	u->value = STR_NONE;
	ahead = u->rest;
	if (str_chr(t, ']') < 0)
		t = next_token(&ahead);
	else
		return true;
	if (t.n && !str_is(t, "|") && t.p[0] != '[' && !is_option(t)) {
		u->value = t;
		u->rest = ahead;
	}
	return true;
}

/* --- what a value may be --- */

static const struct {
	const char *option, *word;	/* option NULL: of any, or an argument */
	unsigned sources;
} sources[] = {
	{NULL, "FILE", COMPLETE_FILES}, {NULL, "DIR", COMPLETE_FILES}, {NULL, "@FILE", COMPLETE_AT_FILES}, {NULL, "WORKFLOW", COMPLETE_WORKFLOWS},
	{"--workflow", "NAME", COMPLETE_WORKFLOWS}, {NULL, "TASK", COMPLETE_TASKS}, {NULL, "APPROVAL", COMPLETE_APPROVALS},
	{NULL, "STATE", COMPLETE_TASK_STATES},
};

static void offer_value(struct completion *c, const struct command *cmd, struct str option, struct str value)
{
	bool of_approvals = str_starts(str_from(cmd->name), STR("approvals "));

	while (value.n) {
		struct str one = next_choice(&value);
		ptrdiff_t eq = str_chr(one, '=');

		if (one.n && one.p[0] >= 'a' && one.p[0] <= 'z')
			complete_add(c, eq < 0 ? one : str_sub(one, 0, (size_t)eq + 1), "");
		for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
			if (str_is(one, sources[i].word) && (!sources[i].option || str_is(option, sources[i].option)))
				c->sources |= of_approvals && sources[i].sources == COMPLETE_TASK_STATES ? COMPLETE_APPROVAL_STATES : sources[i].sources;
	}
}

/* --- where in a command we are --- */

/* The value of an option; false: it has none, or the command has no such option. */
static bool option_value(struct arena *a, const struct command *cmd, struct str option, struct str *ret)
{
	struct usage u = usage_of(a, cmd);

	while (usage_next(&u))
		if (str_eq(u.option, option) && u.option.n) {
			*ret = u.value;
			return u.value.n > 0;
		}
	return false;
}

static void offer_options(struct completion *c, const struct command *cmd)
{
	struct usage u = usage_of(c->a, cmd);

	while (usage_next(&u))
		if (u.option.n)
			complete_add(c, u.option, "");
	complete_add(c, STR("--json"), "one JSON value");
	complete_add(c, STR("--help"), "the command's arguments");
}

static void offer_argument(struct completion *c, const struct command *cmd, int nth)
{
	struct usage u = usage_of(c->a, cmd);
	struct str last = STR_NONE;

	for (int i = 0; usage_next(&u);) {
		if (u.option.n)
			continue;
		last = i == nth || u.repeats ? u.value : STR_NONE;
		if (i++ == nth)
			break;
	}
	offer_value(c, cmd, STR_NONE, last);
}

/* words[0] is the first behind the command's name, words[n - 1] the one that is being written. */
static void in_command(struct completion *c, const struct command *cmd, int n, const struct str *words)
{
	struct str value = STR_NONE, option = STR_NONE;
	int nth = 0;
	ptrdiff_t eq = str_chr(c->begun, '=');

	for (int i = 0; i < n - 1; i++) {
		if (option.n) {			/* this is its value */
			option = STR_NONE;
		} else if (is_option(words[i])) {
			if (option_value(c->a, cmd, words[i], &value))
				option = words[i];
		} else {
			nth++;
		}
	}
	if (option.n) {
		offer_value(c, cmd, option, value);
	} else if (is_option(c->begun) && eq > 0) {
		option = str_sub(c->begun, 0, (size_t)eq);
		c->prefix = str_sub(c->begun, 0, (size_t)eq + 1);
		c->begun = str_sub(c->begun, (size_t)eq + 1, c->begun.n);
		if (option_value(c->a, cmd, option, &value))
			offer_value(c, cmd, option, value);
	} else if (str_starts(c->begun, STR("-"))) {
		offer_options(c, cmd);
	} else {
		offer_argument(c, cmd, nth);
	}
}

/* --- the command's name --- */

static void offer_commands(struct completion *c, const struct command *const *table, struct str first)
{
	for (; *table; table++) {
		struct str name = str_from((*table)->name);
		ptrdiff_t space = str_chr(name, ' ');

		if (!first.n)
			complete_add(c, space < 0 ? name : str_sub(name, 0, (size_t)space), space < 0 ? (*table)->help : "");
		else if (space > 0 && str_eq(str_sub(name, 0, (size_t)space), first))
			complete_add(c, str_sub(name, (size_t)space + 1, name.n), (*table)->help);
	}
	if (!first.n && c->begun.n && c->begun.p[0] == '-')
		for (size_t i = 0; i < 4; i++)
			complete_add(c, str_from((const char *const[]){"--config", "--json", "--help", "--version"}[i]), "");
}

static const struct command *find(struct arena *a, const struct command *const *table, int n, const struct str *words, int *ret_words)
{
	struct str two = n > 1 ? str_from(arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(words[0]), STR_ARG(words[1]))) : STR_NONE;

	for (; *table; table++) {
		*ret_words = strchr((*table)->name, ' ') ? 2 : 1;
		if (str_is(*ret_words == 2 ? two : words[0], (*table)->name))
			return *table;
	}
	return NULL;
}

/* bash makes words of "=" and of "@" in `--a=@b`: they are joined again. */
static int join(struct arena *a, int n, char *const *words, struct str *ret)
{
	int m = 0;

	for (int i = 0; i < n; i++) {
		struct str w = str_from(words[i]);

		if (str_is(w, "=") && i + 1 < n && m && is_option(ret[m - 1]))
			continue;		/* what follows is the option's value */
		if (m && str_is(ret[m - 1], "@") && i && str_is(str_from(words[i - 1]), "@"))
			ret[m - 1] = str_from(arena_printf(a, "@" STR_FMT, STR_ARG(w)));
		else
			ret[m++] = w;
	}
	return m;
}

void complete(struct arena *a, const struct command *const *table, int n, char *const *words, struct completion *ret)
{
	struct str *w = ARENA_ARRAY(a, (size_t)n + 1, struct str);
	const struct command *cmd;
	int first = 0, taken = 0;

	*ret = (struct completion){.a = a, .prefix = STR("")};
	n = join(a, n, words, w);
	if (n == 0)
		return;
	ret->begun = str_is(w[n - 1], "=") ? STR("") : w[n - 1];
	for (; first < n - 1 && w[first].n && w[first].p[0] == '-'; first++) {
		if (!str_is(w[first], "-c") && !str_is(w[first], "--config"))
			continue;
		if (++first == n - 1) {
			ret->sources = COMPLETE_FILES;
			return;
		}
		ret->config = str_cstr(a, w[first]);
	}
	if (first == n - 1) {
		offer_commands(ret, table, STR_NONE);
		return;
	}
	cmd = find(a, table, n - first - 1, w + first, &taken);
	if (cmd)
		in_command(ret, cmd, n - first - taken, w + first + taken);
	else if (first == n - 2)
		offer_commands(ret, table, w[first]);
}
