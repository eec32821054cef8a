/* expr_words.c - what jq has and this language has not; typing errors. */
#include "config/expr_words.h"

#include <stdio.h>

#include "config/expr_ast.h"

static const char no_functions[] = "functions cannot be defined; give a value a name with a `set` step";
static const char no_loops[] = "use map, select, add, any, all, group_by, or a `for` step";
static const char no_bindings[] = "name a value with a `set` step and read it from .vars";
static const char no_errors[] = "write (f)?, or (f)? // value";
static const char no_world[] = "expressions read only the task: pass the value in .input";
static const char no_clock[] = "the time of submission is .task.created_at";
static const char no_recursion[] = "name the path";
static const char no_paths[] = "make a new object: {a, b: (.b + 1)}";
static const char no_limit[] = "use first(f), or a slice: [...] | .[:3]";
static const char no_match[] = "use test, capture, sub, gsub or split";

static const struct {
	const char *name, *hint;
} refused[] = {
	{"def", no_functions}, {"import", no_functions}, {"include", no_functions},
	{"module", no_functions}, {"modulemeta", no_functions}, {"reduce", no_loops},
	{"foreach", no_loops}, {"while", no_loops}, {"until", no_loops}, {"repeat", no_loops},
	{"limit", no_limit}, {"skip", no_limit}, {"nth", no_limit}, {"as", no_bindings},
	{"label", no_errors}, {"break", no_errors}, {"try", no_errors}, {"catch", no_errors},
	{"isvalid", no_errors}, {"env", no_world}, {"getenv", no_world}, {"input", no_world},
	{"inputs", no_world}, {"input_filename", no_world}, {"input_line_number", no_world},
	{"debug", no_world}, {"stderr", no_world}, {"halt", no_world}, {"halt_error", no_world},
	{"get_search_list", no_world}, {"now", no_clock}, {"localtime", no_clock}, {"gmtime", no_clock},
	{"mktime", no_clock}, {"strftime", no_clock}, {"strptime", no_clock}, {"strflocaltime", no_clock},
	{"todate", no_clock}, {"fromdate", no_clock}, {"dateadd", no_clock}, {"datesub", no_clock},
	{"date", no_clock}, {"fromdateiso8601", no_clock}, {"todateiso8601", no_clock},
	{"recurse", no_recursion}, {"recurse_down", no_recursion}, {"walk", no_recursion},
	{"leaf_paths", no_recursion}, {"path", no_paths}, {"paths", no_paths}, {"getpath", no_paths},
	{"setpath", no_paths}, {"delpaths", no_paths}, {"del", no_paths}, {"pick", no_paths},
	{"tostream", no_paths}, {"fromstream", no_paths}, {"truncate_stream", no_paths},
	{"match", no_match}, {"scan", no_match}, {"splits", no_match}, {"ascii", NULL}, {"implode", NULL},
	{"nulls", NULL}, {"booleans", NULL}, {"numbers", NULL}, {"strings", NULL}, {"arrays", NULL},
	{"objects", NULL}, {"iterables", NULL}, {"scalars", NULL}, {"finites", NULL}, {"normals", NULL},
	{"infinite", NULL}, {"nan", NULL}, {"isnan", NULL}, {"isinfinite", NULL}, {"isnormal", NULL},
	{"pow", NULL}, {"log", NULL}, {"exp", NULL}, {"log2", NULL}, {"log10", NULL}, {"exp2", NULL},
	{"exp10", NULL}, {"significand", NULL}, {"transpose", NULL}, {"combinations", NULL},
	{"utf8bytelength", NULL}, {"toarray", NULL}, {"builtins", NULL},
	{"map_values", "use with_entries"}, {"explode", "use split(\"\")"}, {"indices", "use index"},
	{"rindex", "use index"}, {"keys_unsorted", "use keys"}, {"values", "use select(. != null)"},
	{"isempty", "use any or length"}, {"abs", "use length"}, {"fabs", "use length"},
	{"trunc", "use floor or ceil"}, {"trim", "use gsub(\"^\\\\s+|\\\\s+$\"; \"\")"},
	{"ltrim", "use sub(\"^\\\\s+\"; \"\")"}, {"rtrim", "use sub(\"\\\\s+$\"; \"\")"},
	{"trimstr", "use ltrimstr and rtrimstr"}, {"bsearch", "use index"}, {"IN", "use any or index"},
	{"INDEX", "use group_by"}, {"format", "write @json, @csv, @html, @uri, @base64 or @text"},
};

bool expr_word_refused(struct str name, const char **hint)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		if (str_is(name, refused[i].name)) {
			*hint = refused[i].hint;
			return true;
		}
	}
	return false;
}

bool expr_word_arity(struct str name, size_t *n_args)
{
	for (*n_args = 0; *n_args <= EXPR_MAX_ARGS; ++*n_args)
		if (expr_builtin_find(name, *n_args))
			return true;
	return false;
}

const char *expr_arity_text(struct str name)
{
	static const char *const texts[1 << (EXPR_MAX_ARGS + 1)] = {
		[1] = "no argument",	     [2] = "1 argument",	  [4] = "2 arguments",
		[8] = "3 arguments",	     [3] = "0 or 1 argument",	  [6] = "1 or 2 arguments",
		[7] = "0 to 2 arguments",    [12] = "2 or 3 arguments",	  [14] = "1 to 3 arguments",
	};
	unsigned set = 0;

	for (size_t n = 0; n <= EXPR_MAX_ARGS; n++)
		if (expr_builtin_find(name, n))
			set |= 1u << n;
	return texts[set] ? texts[set] : "another number of arguments";
}

/* `.my-step` reads as `.my` minus `step`. */
static bool follows_hyphen(struct str source, size_t offset)
{
	char before;

	if (offset < 2 || source.p[offset - 1] != '-')
		return false;
	before = source.p[offset - 2];
	return (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
	       (before >= '0' && before <= '9') || before == '_';
}

const char *expr_word_hint(struct str source, size_t offset, struct str name, char *room, size_t size)
{
	const char *near;

	if (follows_hyphen(source, offset)) {
		snprintf(room, size, "a name with a hyphen is written in quotes: .\"my-name\"");
		return room;
	}
	near = expr_builtin_nearest(name);
	if (near) {
		snprintf(room, size, "did you mean '%s'?", near);
		return room;
	}
	if (offset + name.n < source.n && source.p[offset + name.n] == ':')
		return "modules are not part of the expression language";
	snprintf(room, size, "a path begins with a dot, a text with a quote");
	return room;
}
