/* stub_script.c - reads one turn of a script. */
#include "t/bin/stub_script.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/arena.h"

struct str script_in(struct str text)
{
	ptrdiff_t at = str_starts(text, STR("@")) ? 0 : str_find(text, STR("\n@"));

	return at >= 0 ? str_sub(text, (size_t)at, text.n) : STR("");
}

static struct str next_word(struct str *rest)
{
	size_t n = 0;
	struct str word;

	*rest = str_trim(*rest);
	while (n < rest->n && !isspace((unsigned char)rest->p[n]))
		n++;
	word = str_sub(*rest, 0, n);
	*rest = str_trim(str_sub(*rest, n, rest->n));
	return word;
}

static void take_line(struct arena *a, struct script_turn *t, struct str line)
{
	struct str verb = next_word(&line);

	t->exists = true;
	if (str_is(verb, "@call") && t->n < SCRIPT_CALLS_MAX) {
		t->names[t->n] = next_word(&line);
		t->args[t->n++] = line;
	} else if (str_is(verb, "@say")) {
		t->text = line;
	} else if (str_is(verb, "@results")) {
		t->results = true;
	} else if (str_is(verb, "@delay")) {
		t->delay_ms = strtol(str_cstr(a, line), NULL, 10);
	} else if (str_is(verb, "@limit")) {
		t->limit = strtoul(str_cstr(a, line), NULL, 10);
	}
}

struct script_turn *script_turn(struct arena *a, struct str script, int wanted)
{
	struct script_turn *t = ARENA_NEW(a, struct script_turn);
	int turn = 1;

	while (script.n > 0) {
		ptrdiff_t eol = str_chr(script, '\n');
		struct str line = str_sub(script, 0, eol < 0 ? script.n : (size_t)eol);

		script = eol < 0 ? STR("") : str_sub(script, (size_t)eol + 1, script.n);
		if (str_is(str_trim(line), "@turn"))
			turn++;
		else if (turn == wanted && str_starts(line, STR("@")))
			take_line(a, t, line);
	}
	return t;
}

struct str script_third(struct str s, size_t k)
{
	size_t at[2] = {s.n * k / SCRIPT_PIECES, s.n * (k + 1) / SCRIPT_PIECES};

	for (int i = 0; i < 2; i++)
		while (at[i] < s.n && ((unsigned char)s.p[at[i]] & 0xC0) == 0x80)
			at[i]++;
	return str_sub(s, at[0], at[1] - at[0]);
}
