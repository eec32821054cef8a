/* ctl.h - agentctl's commands: a table, what they share, how they print.
 *
 * Shapes:  a command is one row: name, arguments, one line of help, function. Commands on
 *          files need no database; the others open the store themselves (ctl_open).
 *          With --json a command prints one JSON value on standard output; without, text and
 *          tables for people. Messages for people about failure go to standard error.
 * Units:   none of its own.
 * Memory:  everything lives in ctl->arena until the program ends.
 * Errors:  a command returns the exit status; ctl_fail() prints and maps an err (err.def):
 *          0 done, 1 refused or failed, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 not permitted,
 *          7 the task ended badly.
 * Source:  agentctl(1).
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"

struct arena;
struct buf;
struct diags;
struct json;
struct policy;
struct principal;
struct schema_faults;
struct settings;
struct store;
struct task_page;
struct uuid;

struct ctl {
	struct arena *arena;
	const char *settings_file;	/* -c, or NULL */
	bool json;
	int connect_ms;			/* for ctl_open(); 0: 5 s */
	const struct settings *settings;	/* ctl_settings() */
	struct loop *loop;
	struct store *store;
};

struct command {
	const char *name;		/* "token create" has two words */
	const char *args;		/* "WORKFLOW [--input JSON|@FILE] [--follow]" */
	const char *help;
	int (*run)(struct ctl *c, int argc, char **argv);	/* argv[0] is the command's last word */
};

extern const struct command *const ctl_commands[];	/* NULL-ended, in the manual's order */

/* --- shared by commands (ctl.c) --- */
int ctl_settings(struct ctl *c);	/* 0, or an exit status after printing why */
int ctl_open(struct ctl *c);		/* settings, loop, store; waits up to 5 s for the connection */
int ctl_connect(struct ctl *c, struct err *err);	/* the same behind ctl_settings(), and says nothing: 0 or -1 */
/* For a command with n arguments of its own: checks their number, then ctl_open(). */
int ctl_begin(struct ctl *c, const struct command *cmd, int argc, int n);
void ctl_close(struct ctl *c);
int ctl_fail(const struct ctl *c, const struct err *err);
int ctl_faults(struct ctl *c, const struct schema_faults *f, const struct err *err);	/* the same, because of f */
int ctl_refuse(struct ctl *c, struct diags *d, const struct err *err);	/* the same, because of what d says */
int ctl_usage(const struct ctl *c, const struct command *cmd);
const char *ctl_sql_dir(void);		/* where migrations are read from (cmd_admin.c) */
/* The risk policy of path, a file or a configuration root, or of the settings (path NULL); *root NULL: a file that stands in no
 * root. NULL: *status is the exit status, said with what d holds (cmd_policy.c). */
const struct policy *ctl_policy(struct ctl *c, const char *path, const char **root, struct diags *d, int *status);
struct principal ctl_principal(struct ctl *c);	/* os:USER, sees all */

/* Wait for an op that answers a text; the text is copied to c->arena. */
struct ctl_call {
	struct ctl *ctl;
	struct str (*text_of)(const struct op *op);	/* NULL: no text wanted */
	struct str text;
	struct err err;
	bool done;
};
void ctl_done(struct op *op, void *arg);	/* op_done_fn for struct ctl_call */
int ctl_wait(struct ctl_call *call, struct op *op, struct err *err);	/* 0 or -1 */
/* Wait, parse the text as JSON. NULL with err. */
const struct json *ctl_wait_json(struct ctl_call *call, struct op *op, struct err *err);
/* Wait, then show the answer: as JSON, or with show(). The exit status. */
typedef void ctl_show_fn(struct ctl *c, const struct json *answer);
int ctl_answer(struct ctl_call *call, struct op *op, ctl_show_fn *show);

/* What belongs to a task, in page.c: the options of its list, --all (any state) among them or not; and of one of them, by its id. */
int ctl_page_args(int argc, char **argv, bool has_all, struct task_page *f, struct err *err);
typedef struct op *ctl_one_fn(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by, int64_t deadline_ms,
			      op_done_fn *done, void *arg);
int ctl_of_one(struct ctl_call *call, const struct command *cmd, ctl_one_fn *start, int argc, char **argv, ctl_show_fn *show);

/* An argument that is a text, @FILE or "-" (standard input); *ret_name says for messages where it came from. */
int ctl_text_arg(struct ctl *c, const char *arg, const char **ret_name, struct str *ret, struct err *err);
/* The same that is JSON. */
const struct json *ctl_json_arg(struct ctl *c, const char *arg, struct err *err);
int ctl_uuid_arg(const char *arg, struct uuid *ret, struct err *err);
int ctl_int_arg(const char *option, const char *arg, int min, int max, int *ret, struct err *err);
int ctl_pair_arg(const char *option, const char *arg, struct str *ret_name, struct str *ret_text, struct err *err);	/* NAME=TEXT */
/* Options: getopt_long() with a short list that begins with ':'; this says what it did not like. */
int ctl_option_error(char **argv, int got, struct err *err);
/* Behind the options of a command without arguments. status < 0: a value could not be read, and *err begins with its option's name. */
int ctl_option_end(int argc, char **argv, int status, struct err *err);

/* --- print.c --- */
void print_json(struct ctl *c, const struct json *v);
void print_text(struct str s);			/* control characters escaped, so that data cannot drive the terminal */
struct str print_line_of(struct arena *a, struct str s);	/* what print_text() writes, line ends and tabs escaped too */
int64_t print_count_of(const struct json *row, const char *key);	/* 0: the member is no integer */
void print_error(const char *text);		/* the same, to standard error, behind "agentctl: " */
struct table;
/* Rows as a table: a column is a member's text, or what text() makes of the row. */
struct column {
	const char *heading, *key;
	struct str (*text)(struct arena *a, const struct json *row);
};
struct table *table_of(struct arena *a, const struct json *rows, const struct column *columns, size_t n);
void print_rows(struct ctl *c, const struct json *rows, const struct column *columns, size_t n);
struct table *table_new(struct arena *a, const char *const *headings, size_t n);
void table_cell(struct table *t, struct str text);	/* row after row */
void table_write(const struct table *t, struct buf *out);	/* its lines, the headings first */
void table_print(const struct table *t);
struct str cell(const struct json *obj, const char *key);	/* text of a member for people; "" when absent or null */
void print_diags(struct ctl *c, struct diags *d);

#endif
