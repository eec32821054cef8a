/* cmd_approvals.c - requests for a person: list, show, approve, deny, watch.
 *
 * What is shown of a request is made by code from what is bound: the arguments whole, in their canonical form, with everything escaped
 * that drives a terminal or hides text.
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/uuid.h"
#include "ctl/commands.h"
#include "publish/decision.h"
#include "store/approvals.h"
#include "store/tasks.h"

enum { CALL_MS = 10000, DIGEST_PREFIX = 8, WATCH_EVERY_MS = 1000, WATCH_LIMIT = 200 };

/* --- showing --- */

static void print_quoted(struct ctl *c, const char *name, struct str s)
{
	struct buf b;

	if (!s.p)
		return;
	buf_init(&b, c->arena);
	json_write_string(&b, s);
	printf("%-12s", name);
	print_text(buf_str(&b));
	putchar('\n');
}

static void print_value(struct ctl *c, const char *name, const struct json *v)
{
	struct buf b;

	if (!v)
		return;
	buf_init(&b, c->arena);
	json_canonical(&b, v);
	printf("%-12s", name);
	print_text(buf_str(&b));
	putchar('\n');
}

static void print_word(const struct json *a, const char *name, const char *key)
{
	if (!cell(a, key).n)
		return;
	printf("%-12s", name);
	print_text(cell(a, key));
	putchar('\n');
}

static void print_votes(struct ctl *c, const struct json *votes)
{
	for (size_t i = 0; i < json_len(votes); i++) {
		const struct json *v = json_at(votes, i);

		printf("%-12s", "vote");
		print_text(cell(v, "decision"));
		printf(" by ");
		print_text(cell(v, "by"));
		printf(" at ");
		print_text(cell(v, "at"));
		putchar('\n');
		print_quoted(c, "  comment", json_str(json_getc(v, "comment")));
	}
}

static void print_approval(struct ctl *c, const struct json *a)
{
	static const char *const words[][2] = {{"approval", "id"}, {"state", "state"}, {"kind", "kind"}, {"workflow", "workflow"},
					       {"task", "task"}, {"step", "step"}, {"tool", "tool"}, {"risk", "risk"}, {"rule", "rule"}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		print_word(a, words[i][0], words[i][1]);
	print_value(c, "arguments", json_getc(a, "args"));
	print_value(c, "asked for", json_getc(a, "asked"));
	print_quoted(c, "title", json_str(json_getc(a, "title")));	/* may hold what a model wrote, as `show` may */
	print_value(c, "show", json_getc(a, "show"));
	print_value(c, "form", json_getc(a, "form"));
	print_word(a, "approvers", "approvers");
	print_votes(c, json_getc(a, "votes"));
	print_value(c, "answer", json_getc(a, "answer"));
	print_word(a, "requested", "requested_at");
	print_word(a, "expires", "expires_at");
	print_word(a, "decided", "decided_at");
	print_word(a, "consumed", "consumed_at");
	print_word(a, "digest", "digest");
}

static struct str what(struct arena *a, const struct json *row)
{
	return cell(row, "tool").n ? cell(row, "tool") : str_from(arena_printf(a, "\"" STR_FMT "\"", STR_ARG(cell(row, "title"))));
}

static const struct column columns[] = {
	{"APPROVAL", "id", NULL}, {"STATE", "state", NULL}, {"RISK", "risk", NULL}, {"WHAT", NULL, what},
	{"WORKFLOW", "workflow", NULL}, {"STEP", "step", NULL}, {"EXPIRES", "expires_at", NULL},
};

static void print_approvals(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "approvals"), columns, sizeof columns / sizeof columns[0]);
	if (cell(answer, "next").n)
		printf("more: --before " STR_FMT "\n", STR_ARG(cell(answer, "next")));
}

/* --- list --- */

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = approvals_text_of};
	struct principal by = ctl_principal(c);
	struct task_page f = {.state = STR("pending")};
	struct err err = {0};
	int status;

	if (ctl_page_args(argc, argv, true, &f, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, approvals_list(c->store, arena_new(NULL), &f, &by, CALL_MS, ctl_done, &call), print_approvals);
}

const struct command cmd_approvals_list = {
	"approvals list", "[--state STATE|--all] [--task TASK] [--limit N] [--before APPROVAL]",
	"requests for approval, newest first; those that are pending unless told otherwise", list,
};

/* --- show --- */

static int show(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = approvals_text_of};

	return ctl_of_one(&call, &cmd_approvals_show, approvals_view, argc, argv, print_approval);
}

const struct command cmd_approvals_show = {
	"approvals show", "APPROVAL", "one request with all that is bound by it", show,
};

/* --- approve, deny --- */

struct choice {
	struct decision decision;
	const char *digest;		/* as typed, at least its beginning; NULL: whatever it is now */
};

static int parse_choice(struct ctl *c, int argc, char **argv, struct choice *ret, struct err *err)
{
	static const struct option options[] = {
		{"comment", required_argument, NULL, 'c'}, {"digest", required_argument, NULL, 'd'}, {"args", required_argument, NULL, 'a'},
		{"form", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'c' && utf8_valid(str_from(optarg))) {
			ret->decision.comment = str_from(optarg);
		} else if (o == 'c') {
			return err_set(err, ERR_USAGE, "--comment: expected UTF-8");
		} else if (o == 'd') {
			ret->digest = optarg;
		} else if (o == 'a' || o == 'f') {
			*(o == 'a' ? &ret->decision.args : &ret->decision.form) = ctl_json_arg(c, optarg, err);
			if (!(o == 'a' ? ret->decision.args : ret->decision.form))
				return -1;
		} else {
			return ctl_option_error(argv, o, err);
		}
	}
	if (ret->digest && strlen(ret->digest) < DIGEST_PREFIX)
		return err_set(err, ERR_USAGE, "--digest \"%s\": expected at least the first %d digits of what show says", ret->digest, DIGEST_PREFIX);
	return 0;
}

/* The digest that is sent is that of what was read just now; one that was typed says which the person has seen. */
static int take_digest(const struct json *seen, struct choice *ch, struct err *err)
{
	struct str digest = cell(seen, "digest");

	if (ch->digest && !str_starts(digest, str_from(ch->digest)))
		return err_set(err, ERR_CONFLICT, "it has another digest now: what it is about has changed");
	if (!digest_from_hex(digest, &ch->decision.digest))
		return err_set(err, ERR_PG, "a request without a digest");
	return decision_check(seen, &ch->decision, NULL, err);
}

static void print_outcome(struct ctl *c, const struct json *answer)
{
	(void)c;
	print_text(cell(answer, "state"));
	if (str_is(cell(answer, "state"), "pending"))
		printf(" (%zu of " STR_FMT " approvers)", json_len(json_getc(answer, "votes")), STR_ARG(cell(answer, "approvers")));
	putchar('\n');
}

static int decide(struct ctl *c, const struct command *cmd, const char *word, int argc, char **argv)
{
	struct ctl_call seen_call = {.ctl = c, .text_of = approvals_text_of}, call = seen_call;
	struct choice ch = {.decision = {.word = str_from(word), .comment = STR_NONE}};
	struct principal by = ctl_principal(c);
	const struct json *seen;
	struct uuid id;
	struct err err = {0};
	int status;

	if (parse_choice(c, argc, argv, &ch, &err) < 0)
		return ctl_fail(c, &err);
	if (argc - optind != 1)
		return ctl_usage(c, cmd);
	if (ctl_uuid_arg(argv[optind], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	seen = ctl_wait_json(&seen_call, approvals_view(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &seen_call), &err);
	if (!seen || take_digest(seen, &ch, &err) < 0)
		return ctl_fail(c, &err);
	return ctl_answer(&call, approvals_decide(c->store, arena_new(NULL), &id, &ch.decision, &by, CALL_MS, ctl_done, &call), print_outcome);
}

static int approve(struct ctl *c, int argc, char **argv)
{
	return decide(c, &cmd_approvals_approve, "approve", argc, argv);
}

const struct command cmd_approvals_approve = {
	"approvals approve", "APPROVAL [--digest HEX] [--args JSON|@FILE] [--form JSON|@FILE] [--comment TEXT]",
	"allow it once, with other arguments if they are given", approve,
};

static int deny(struct ctl *c, int argc, char **argv)
{
	return decide(c, &cmd_approvals_deny, "deny", argc, argv);
}

const struct command cmd_approvals_deny = {
	"approvals deny", "APPROVAL [--digest HEX] [--comment TEXT]", "refuse it", deny,
};

/* --- watch --- */

static bool has_row(const struct json *rows, struct str id)
{
	for (size_t i = 0; i < json_len(rows); i++)
		if (str_eq(cell(json_at(rows, i), "id"), id))
			return true;
	return false;
}

static void print_line(struct ctl *c, const struct json *row)
{
	if (c->json) {
		print_json(c, row);
		return;
	}
	print_text(cell(row, "id"));
	printf("  ");
	print_text(cell(row, "risk"));
	printf("  ");
	print_text(cell(row, "workflow"));
	putchar(' ');
	print_text(cell(row, "step"));
	printf("  ");
	print_quoted(c, "", json_str(json_getc(row, "title")));
}

/* Those of the page that were not on the one before, oldest first. Ids are made before the request is committed: a newer one may
 * be seen first. On a full page older ones come back as newer ones go; what is older than all of the page before was shown or
 * lay behind it when that began. */
static void print_new(struct ctl *c, const struct json *rows, const struct json *before)
{
	for (size_t i = json_len(rows); i-- > 0;) {
		struct str id = cell(json_at(rows, i), "id");

		if (has_row(before, id))
			continue;
		if (json_len(before) == WATCH_LIMIT && str_cmp(id, cell(json_at(before, WATCH_LIMIT - 1), "id")) < 0)
			continue;
		print_line(c, json_at(rows, i));
	}
	fflush(stdout);
}

/* A round's memory lives until the next one has been compared with it. */
static int watch(struct ctl *c, int argc, char **argv)
{
	struct task_page f = {.state = STR("pending"), .limit = WATCH_LIMIT};
	struct timespec pause = {.tv_sec = WATCH_EVERY_MS / 1000};
	struct arena *whole = c->arena, *last = NULL;
	struct principal by = ctl_principal(c);
	const struct json *before = NULL;
	struct err err = {0};
	int status = ctl_begin(c, &cmd_approvals_watch, argc, 0);

	(void)argv;
	while (status == 0) {
		struct ctl_call call = {.ctl = c, .text_of = approvals_text_of};
		const struct json *answer;

		c->arena = arena_new(NULL);
		answer = ctl_wait_json(&call, approvals_list(c->store, arena_new(NULL), &f, &by, CALL_MS, ctl_done, &call), &err);
		if (!answer) {
			status = ctl_fail(c, &err);
			break;
		}
		print_new(c, json_getc(answer, "approvals"), before);
		before = json_getc(answer, "approvals");
		arena_free(last);
		last = c->arena;
		c->arena = whole;
		nanosleep(&pause, NULL);
	}
	if (c->arena != whole)
		arena_free(c->arena);
	c->arena = whole;
	arena_free(last);
	return status;
}

const struct command cmd_approvals_watch = {
	"approvals watch", "", "a line for each request as it comes in, until it is interrupted", watch,
};
