/* cluster.c - talks to pg-server.sh over two pipes. */
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *in, *out;
static pid_t pid;
static char line[65536], conninfo[sizeof line];

static void read_line(void)
{
	if (!fgets(line, sizeof line, in)) {
		fprintf(stderr, "the cluster's script ended\n");
		exit(99);
	}
	line[strcspn(line, "\n")] = '\0';
}

static void send_line(const char *verb, const char *rest)
{
	fprintf(out, "%s%s%s\n", verb, *rest ? " " : "", rest);
	fflush(out);
	read_line();
	if (strncmp(line, "ok", 2) != 0) {
		fprintf(stderr, "%s %s: %s\n", verb, rest, line);
		exit(99);
	}
}

void cluster_start(void)
{
	const char *top = getenv("top_srcdir");
	char script[4096];
	int to[2], from[2];

	snprintf(script, sizeof script, "%s/t/lib/pg-server.sh", top ? top : ".");
	if (pipe(to) != 0 || pipe(from) != 0)
		exit(99);
	pid = fork();
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execlp("sh", "sh", script, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	out = fdopen(to[1], "w");
	in = fdopen(from[0], "r");
	read_line();
	if (strncmp(line, "skip", 4) == 0) {
		printf("1..0 # SKIP %s\n", line + 5);
		exit(0);
	}
	if (strncmp(line, "ready ", 6) != 0) {
		fprintf(stderr, "%s\n", line);
		exit(99);
	}
	snprintf(conninfo, sizeof conninfo, "%s", line + 6);
	atexit(cluster_stop);
	cluster_sql("SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n'), sha256('p')], ARRAY['{}', '{}']::json[], "
		    "ARRAY['{\"retain\":\"short\"}', '{\"retain\":\"long\",\"budget\":{\"usd\":\"1\",\"wall_ms\":3600000}}']::json[])");
}

void cluster_stop(void)
{
	int status;

	if (pid <= 0)
		return;
	fclose(out);
	fclose(in);
	waitpid(pid, &status, 0);
	pid = 0;
}

const char *cluster_conninfo(void)
{
	return conninfo;
}

const char *cluster_sql(const char *sql)
{
	send_line("sql", sql);
	return line[2] ? line + 3 : "";
}

long cluster_number(const char *sql)
{
	return strtol(cluster_sql(sql), NULL, 10);
}

void cluster_command(const char *command)
{
	send_line(command, "");
}
