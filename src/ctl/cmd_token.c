/* cmd_token.c - bearer tokens: create (the text is shown once), list, revoke. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/admin.h"

enum { MAX_SCOPES = 5, MAX_NAME = 64 };

/* agd_<scope>_<43 base64url characters>_<crc32 of what stands before>. */
static const char *token_text(struct arena *a, struct str first_scope)
{
	unsigned char secret[32];
	const char *body;

	random_bytes(secret, sizeof secret);
	body = arena_printf(a, "agd_" STR_FMT "_%s", STR_ARG(first_scope), base64url(a, secret, sizeof secret));
	return arena_printf(a, "%s_%08x", body, (unsigned)crc32_of(str_from(body)));
}

static int parse_scopes(const char *list, struct str *scopes, size_t *ret_n, struct err *err)
{
	struct str rest = str_from(list);

	*ret_n = 0;
	while (rest.n > 0) {
		ptrdiff_t comma = str_chr(rest, ',');
		struct str one = str_sub(rest, 0, comma < 0 ? rest.n : (size_t)comma);

		if (!scope_parse(one))
			return err_set(err, ERR_USAGE, "unknown scope \"" STR_FMT "\" (submit, read, approve, admin, metrics)",
				       STR_ARG(one));
		if (*ret_n == MAX_SCOPES)
			return err_set(err, ERR_USAGE, "a scope is given twice in \"%s\"", list);
		scopes[(*ret_n)++] = one;
		rest = comma < 0 ? STR_NONE : str_sub(rest, (size_t)comma + 1, rest.n);
	}
	if (*ret_n == 0)
		return err_set(err, ERR_USAGE, "no scope given (submit, read, approve, admin, metrics)");
	return 0;
}

static int parse_create(struct ctl *c, int argc, char **argv, struct token_row *row, struct str *scopes, struct err *err)
{
	static const struct option options[] = {
		{"scopes", required_argument, NULL, 's'},
		{"expires", required_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};
	const char *list = "submit,read";
	int64_t ms;
	int o;

	(void)c;
	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 's') {
			list = optarg;
		} else if (o == 'e') {
			if (!duration_parse(str_from(optarg), &ms) || ms == 0)
				return err_set(err, ERR_USAGE, "--expires \"%s\": expected a duration like 90d", optarg);
			row->expires_us = clock_wall_us() + ms * 1000;
		} else {
			return ctl_option_error(argv, o, err);
		}
	}
	if (argc - optind != 1)
		return err_set(err, ERR_USAGE, "expected one NAME");
	row->name = str_from(argv[optind]);
	if (row->name.n == 0 || row->name.n > MAX_NAME || !utf8_valid(row->name))
		return err_set(err, ERR_USAGE, "\"%s\": expected a name of 1 to %d bytes", argv[optind], MAX_NAME);
	if (str_starts(row->name, STR("hook:")))
		return err_set(err, ERR_USAGE, "\"%s\": names that begin with hook: are those of webhooks", argv[optind]);
	row->scopes = scopes;
	return parse_scopes(list, scopes, &row->n_scopes, err);
}

static int create(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = NULL};
	struct str scopes[MAX_SCOPES];
	struct token_row row = {0};
	struct err err;
	const char *text;
	int status;

	if (parse_create(c, argc, argv, &row, scopes, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	text = token_text(c->arena, scopes[0]);
	digest_of(str_from(text), &row.hash);
	if (ctl_wait(&call, admin_token_create(c->store, arena_new(NULL), &row, ctl_done, &call), &err) < 0)
		return ctl_fail(c, &err);
	if (c->json)
		printf("{\"name\":%s,\"token\":\"%s\"}\n", json_text(c->arena, json_string_clean(c->arena, row.name)).p, text);
	else
		puts(text);
	return 0;
}

const struct command cmd_token_create = {
	"token create", "NAME [--scopes LIST] [--expires DURATION]",
	"make a bearer token; its text is shown this once (default scopes: submit,read)", create,
};

/* --- list --- */

static struct str scopes_of(struct arena *a, const struct json *row)
{
	const struct json *list = json_getc(row, "scopes");
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < json_len(list); i++) {
		if (i)
			buf_addc(&b, ',');
		buf_addstr(&b, json_str(json_at(list, i)));
	}
	return buf_str(&b);
}

static const struct column columns[] = {
	{"NAME", "name", NULL},		 {"SCOPES", NULL, scopes_of},	  {"CREATED", "created_at", NULL},
	{"EXPIRES", "expires_at", NULL}, {"REVOKED", "revoked_at", NULL},
};

static void print_tokens(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "tokens"), columns, sizeof columns / sizeof columns[0]);
}

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	int status = ctl_begin(c, &cmd_token_list, argc, 0);

	(void)argv;
	if (status)
		return status;
	return ctl_answer(&call, admin_token_list(c->store, arena_new(NULL), ctl_done, &call), print_tokens);
}

const struct command cmd_token_list = {
	"token list", "", "names, scopes and ends of all tokens", list,
};

/* --- revoke --- */

static int revoke(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = NULL};
	struct err err = {0};
	int status = ctl_begin(c, &cmd_token_revoke, argc, 1);

	if (status)
		return status;
	if (ctl_wait(&call, admin_token_revoke(c->store, arena_new(NULL), str_from(argv[1]), ctl_done, &call), &err) < 0)
		return ctl_fail(c, &err);
	puts(c->json ? "{\"revoked\":true}" : "revoked");
	return 0;
}

const struct command cmd_token_revoke = {
	"token revoke", "NAME", "end a token; it works for 5 s more at most", revoke,
};
