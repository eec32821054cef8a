/* ecma_translate.c - groups and terms, in one pass over the text of a pattern; groups are numbered by a pass before it. */
#include "schema/ecma_translate.h"

#include "base/arena.h"
#include "schema/ecma.h"

/* --- names of groups --- */

/* After "(?<" or "\k<": up to ">", which is taken. */
static int read_name(struct translate *t, struct str *ret)
{
	size_t from = t->i;

	while (t->i < t->s.n && t->s.p[t->i] != '>') {
		int c = ecma_peek(t, 0);

		if (!ecma_is_letter(c) && c != '_' && c != '$' && c < 0x80 && (!ecma_is_digit(c) || t->i == from))
			return ecma_refuse(t, from, "invalid name of a group");
		t->i++;
	}
	if (t->i == from || t->i >= t->s.n)
		return ecma_refuse(t, from, "invalid name of a group");
	*ret = str_sub(t->s, from, t->i - from);
	t->i++;
	return 0;
}

static int note_name(struct translate *t)
{
	struct str name;

	if (read_name(t, &name) < 0)
		return -1;
	for (size_t i = 0; i < t->n_names; i++)
		if (str_eq(t->names[i], name))
			return ecma_refuse(t, t->i, "two groups of one name");
	if (t->n_names == MAX_NAMES)
		return ecma_refuse(t, t->i, "more than %d named groups", MAX_NAMES);
	t->names[t->n_names] = name;
	t->group_of[t->n_names++] = t->n_groups;
	return 0;
}

static int number_groups(struct translate *t)
{
	bool in_class = false;

	for (t->i = 0; t->i < t->s.n;) {
		int c = ecma_peek(t, 0);

		t->i++;
		if (c == '\\') {
			t->i++;
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
		} else if (c == '(' && (ecma_peek(t, 0) != '?' ||
					(ecma_peek(t, 1) == '<' && ecma_peek(t, 2) != '=' && ecma_peek(t, 2) != '!'))) {
			t->n_groups++;
			if (ecma_take(t, "?<") && note_name(t) < 0)
				return -1;
		}
	}
	t->i = 0;
	return 0;
}

/* --- terms --- */

static int open_group(struct translate *t)
{
	static const struct {
		const char *word;
		bool quantifiable;
	} kinds[] = {{"(?:", true}, {"(?=", false}, {"(?!", false}, {"(?<=", false}, {"(?<!", false}};
	size_t from = t->i;
	struct str name;

	if (t->depth == MAX_NEST)
		return ecma_refuse(t, from, "parentheses are too deeply nested");
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		if (ecma_take(t, kinds[k].word)) {
			buf_adds(t->out, kinds[k].word);
			t->quantifiable[t->depth++] = kinds[k].quantifiable;
			return 0;
		}
	t->i++;
	if (ecma_take(t, "?<")) {
		if (read_name(t, &name) < 0)
			return -1;
	} else if (ecma_peek(t, 0) == '?') {
		return ecma_refuse(t, from, "invalid group");
	}
	buf_addc(t->out, '(');
	t->quantifiable[t->depth++] = true;
	return 0;
}

static int reference(struct translate *t, size_t group, size_t at)
{
	if (group == 0 || group > t->n_groups)
		return ecma_refuse(t, at, "reference to non-existent group");
	buf_addf(t->out, "\\g{%zu}", group);
	return 0;
}

static int named_reference(struct translate *t, size_t at)
{
	struct str name;

	if (!ecma_take(t, "k<"))
		return ecma_refuse(t, at, "invalid named reference");
	if (read_name(t, &name) < 0)
		return -1;
	for (size_t i = 0; i < t->n_names; i++)
		if (str_eq(t->names[i], name))
			return reference(t, t->group_of[i], at);
	return ecma_refuse(t, at, "reference to non-existent group");
}

/* quantifiable: may it be repeated? */
static int translate_escape(struct translate *t, bool *quantifiable)
{
	size_t at = t->i++, group = 0;
	uint32_t c = 0;

	if (ecma_peek(t, 0) == 'b' || ecma_peek(t, 0) == 'B') {
		buf_addf(t->out, "\\%c", ecma_peek(t, 0));
		t->i++;
		*quantifiable = false;
		return 0;
	}
	if (ecma_peek(t, 0) == 'k')
		return named_reference(t, at);
	if (ecma_peek(t, 0) >= '1' && ecma_peek(t, 0) <= '9') {
		for (; ecma_is_digit(ecma_peek(t, 0)) && group < 100000; t->i++)
			group = group * 10 + (size_t)(ecma_peek(t, 0) - '0');
		return reference(t, group, at);
	}
	switch (ecma_escape(t, false, &c)) {
	case ESC_ERROR:
		return -1;
	case ESC_CHARACTER:
		ecma_put(t, c);
		break;
	case ESC_NEVER:
		buf_adds(t->out, ECMA_NEVER);
		break;
	case ESC_SET:
		break;
	}
	return 0;
}

/* At "{": {n} {n,} {n,m}. */
static int translate_braces(struct translate *t)
{
	size_t from = t->i++;
	uint64_t n[2] = {0, UINT32_MAX};

	for (int k = 0; k < 2; k++) {
		size_t first = t->i;
		uint64_t v = 0;

		for (; ecma_is_digit(ecma_peek(t, 0)); t->i++)
			v = v < 1000000 ? v * 10 + (uint64_t)(ecma_peek(t, 0) - '0') : v;
		if (t->i > first)
			n[k] = v;
		else if (k == 0)
			return ecma_refuse(t, from, "incomplete quantifier");
		if (k == 1 || !ecma_take(t, ","))
			break;
	}
	if (!ecma_take(t, "}"))
		return ecma_refuse(t, from, "incomplete quantifier");
	if (n[0] > n[1] && n[1] != UINT32_MAX)
		return ecma_refuse(t, from, "numbers out of order in {} quantifier");
	buf_add(t->out, t->s.p + from, t->i - from);
	return 0;
}

static int quantifier(struct translate *t, bool quantifiable)
{
	int c = ecma_peek(t, 0);

	if (c != '*' && c != '+' && c != '?' && c != '{')
		return 0;
	if (!quantifiable)
		return ecma_refuse(t, t->i, "quantifier does not follow a repeatable item");
	if (c == '{') {
		if (translate_braces(t) < 0)
			return -1;
	} else {
		buf_addc(t->out, (char)c);
		t->i++;
	}
	if (ecma_take(t, "?"))
		buf_addc(t->out, '?');
	c = ecma_peek(t, 0);
	if (c == '*' || c == '+' || c == '?' || c == '{')
		return ecma_refuse(t, t->i, "quantifier does not follow a repeatable item");
	return 0;
}

/* One term without its quantifier. */
static int term(struct translate *t, int c, bool *quantifiable)
{
	*quantifiable = true;
	switch (c) {
	case '(':
	case '|':
		*quantifiable = false;
		if (c == '(')
			return open_group(t);
		buf_addc(t->out, '|');
		break;
	case ')':
		if (t->depth == 0)
			return ecma_refuse(t, t->i, "unmatched closing parenthesis");
		*quantifiable = t->quantifiable[--t->depth];
		buf_addc(t->out, ')');
		break;
	case '^':
	case '$':
		*quantifiable = false;
		buf_addc(t->out, (char)c);
		break;
	case '.':
		buf_adds(t->out, "[^\\n\\r\\x{2028}\\x{2029}]");
		break;
	case '[':
		return ecma_class(t);
	case '\\':
		return translate_escape(t, quantifiable);
	case '*':
	case '+':
	case '?':
	case '{':
		return ecma_refuse(t, t->i, "quantifier does not follow a repeatable item");
	case '}':
	case ']':
		return ecma_refuse(t, t->i, "\"%c\" without a partner", c);
	default:
		ecma_put(t, utf8_next(t->s, &t->i));
		return 0;
	}
	t->i++;
	return 0;
}

int ecma_translate(struct arena *a, struct str text, struct buf *out, struct pattern_error *ret)
{
	struct translate *t = ARENA_NEW(a, struct translate);

	t->a = a;
	t->s = text;
	t->out = out;
	t->error = ret;
	if (number_groups(t) < 0)
		return -1;
	while (t->i < t->s.n) {
		bool quantifiable;

		if (term(t, ecma_peek(t, 0), &quantifiable) < 0 || quantifier(t, quantifiable) < 0)
			return -1;
	}
	if (t->depth > 0)
		return ecma_refuse(t, t->s.n, "missing closing parenthesis");
	return 0;
}
