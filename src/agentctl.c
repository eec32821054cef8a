/* agentctl.c - finds the command in the table and runs it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "ctl/ctl.h"

static int usage(FILE *out, int status)
{
	fputs("usage: agentctl [-c FILE] [--json] COMMAND ...\n\n", out);
	for (size_t i = 0; ctl_commands[i]; i++)
		fprintf(out, "  %-13s %s\n", ctl_commands[i]->name, ctl_commands[i]->help);
	fputs("\nagentctl COMMAND --help shows a command's arguments; see agentctl(1).\n", out);
	return status;
}

/* A name of two words takes two arguments. *words says how many. */
static const struct command *find(int argc, char **argv, int *words)
{
	char two[64];

	snprintf(two, sizeof two, "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; ctl_commands[i]; i++) {
		*words = strchr(ctl_commands[i]->name, ' ') ? 2 : 1;
		if (strcmp(ctl_commands[i]->name, *words == 2 ? two : argv[0]) == 0)
			return ctl_commands[i];
	}
	return NULL;
}

static int unknown(struct ctl *c, const char *name)
{
	const char *names[64];
	const char *near;
	struct err err = {0};
	size_t n = 0;

	for (; ctl_commands[n] && n < 64; n++)
		names[n] = ctl_commands[n]->name;
	near = str_nearest(str_from(name), names, n);
	if (near)
		err_set(&err, ERR_USAGE, "unknown command \"%s\" (did you mean \"%s\"?)", name, near);
	else
		err_set(&err, ERR_USAGE, "unknown command \"%s\"", name);
	err_hint(&err, "agentctl --help lists them");
	return ctl_fail(c, &err);
}

static bool wants_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* --json may also stand behind the command, where people type it. */
static int take_json(int argc, char **argv, bool *json)
{
	bool options = true;
	int n = 0;

	for (int i = 0; i < argc; i++) {
		options &= strcmp(argv[i], "--") != 0;
		if (options && strcmp(argv[i], "--json") == 0)
			*json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

/* Options in front of the command; returns -1 to go on, else the exit status. */
static int take_options(struct ctl *c, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			c->settings_file = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'V':
			puts("agentctl " AGENTD_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	return optind == argc ? usage(stderr, 2) : -1;
}

static int run(struct ctl *c, int argc, char **argv)
{
	const struct command *cmd;
	int words;

	argc = take_json(argc, argv, &c->json);
	cmd = argc ? find(argc, argv, &words) : NULL;
	if (!cmd)
		return unknown(c, argc ? argv[0] : "");
	if (wants_help(argc - words + 1, argv + words - 1)) {
		printf("usage: agentctl %s %s\n\n%s\n", cmd->name, cmd->args, cmd->help);
		return 0;
	}
	optind = 0;
	opterr = 0;		/* commands say it themselves */
	return cmd->run(c, argc - words + 1, argv + words - 1);
}

/* A full disk is a failure of the command; a reader that had enough is not worth a word. */
static int flushed(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		print_error("cannot write to standard output");
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	struct ctl c = {.arena = arena_new(NULL)};
	int status;

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	log_set_name("agentctl");
	status = take_options(&c, argc, argv);
	if (status < 0)
		status = run(&c, argc - optind, argv + optind);
	status = flushed(status);
	ctl_close(&c);
	arena_free(c.arena);
	return status;
}
