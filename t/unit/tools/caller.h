/* caller.h - calls of tools for tests: manifests by hand, one call at a time, the answer as text.
 *
 * Shapes:  a loop, an HTTP client, a registry and a directory of its own per test.
 * Memory:  everything lives until caller_end().
 */
#ifndef T_CALLER_H
#define T_CALLER_H

#include "config/expr.h"
#include "config/manifest.h"
#include "config/settings.h"
#include "tools/tools.h"

struct arena;

struct answer {
	enum tool_outcome outcome;
	struct err err;
	const struct json *value;
	const char *text;	/* of value; "" on errors */
	bool truncated;
};

extern struct arena *arena;
extern struct settings settings;	/* change it before a call */
extern struct loop *loop;
extern const char *dir;			/* a fresh directory; workspaces lie in dir/ws */
extern struct uuid task;

void caller_begin(void);
void caller_end(void);		/* removes the directory */

/* Pure, 10 s, 32 KiB, no credentials, any arguments. */
struct manifest *manifest_new(const char *name, enum runner_kind runner);
void caller_args(struct manifest *m, const char *schema);
void caller_credential(struct manifest *m, const char *handle, const char *env);
const struct tmpl *caller_tmpl(const char *text);
const struct expr *caller_expr(const char *text);
const struct json *caller_json(const char *text);

void caller_artifacts(const struct artifact_port *p);	/* for all calls; none before */
struct answer call(const struct manifest *m, const char *args);
struct answer call_json(const struct manifest *m, const struct json *args);
/* The effect class and the limit of the next calls (reset by caller_begin()). */
extern enum effect_class call_effect;
extern int64_t call_timeout_ms;
extern struct str call_tool;	/* the name asked for; STR_NONE: the manifest's */

/* What the query m says of a call (m as the manifest's `ask`). */
struct said_answer {
	enum said what;
	const char *result;	/* "": none */
	struct err err;
};
struct said_answer ask(const struct manifest *m, const char *args);

/* A call that is left alone until it is waited for. */
struct op *call_start(const struct manifest *m, const char *args, struct answer *ret);
bool call_is_over(void);
void call_wait(void);

const char *path_of(const char *name);		/* dir/name */
void put_file(const char *path, const char *text);
const char *get_file(const char *path);		/* NULL: none */

#define assert_fails(got, error, result)                                                                           \
	do {                                                                                                       \
		struct answer a_ = (got);                                                                          \
		ck_assert_msg(a_.err.code == (error), "%s: %s %s", err_name(a_.err.code), a_.err.msg, a_.text);    \
		ck_assert_msg(a_.outcome == (result), "outcome %d: %s", (int)a_.outcome, a_.err.msg);              \
		ck_assert(a_.value == NULL);                                                                       \
	} while (0)
#define assert_gives(got, json)                                                                                    \
	do {                                                                                                       \
		struct answer a_ = (got);                                                                          \
		ck_assert_msg(a_.err.code == ERR_NONE, "%s: %s", err_name(a_.err.code), a_.err.msg);               \
		ck_assert_int_eq(a_.outcome, TOOL_DONE);                                                           \
		ck_assert_str_eq(a_.text, json);                                                                   \
	} while (0)

#endif
