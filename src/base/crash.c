/* crash.c - the list of crash points and the one switch that makes one of them fatal. */
#include "base/crash.h"

#ifdef AGENTD_TEST

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/* Every name used with CRASHPOINT(), in the order in which a task passes them. */
static const char *const crash_points[] = {
	"submit.before_send",
	"submit.after_reply",
	"register.before_send",
	"register.after_reply",
	"claim.before_send",
	"claim.after_reply",
	"heartbeat.after_send",
	"heartbeat.after_reply",
	"effect.before_dispatch",
	"effect.after_call",
	"model.before_call",
	"model.after_call",
	"commit.before_send",
	"commit.after_send",
	"commit.after_reply",
	"finish.before_send",
	"finish.after_reply",
	"leave.before_send",
	"leave.after_reply",
	"cancel.before_send",
	"cancel.after_reply",
	"fork.before_send",
	"fork.after_reply",
	"notify.after_claim",
	"notify.before_send",
	"notify.before_record",
	"sweep.before_send",
	"sweep.after_reply",
};

static bool is_known(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof crash_points / sizeof crash_points[0]; i++)
		if (strlen(crash_points[i]) == n && memcmp(crash_points[i], name, n) == 0)
			return true;
	return false;
}

/* AGENTD_CRASH=NAME:N, read once. With AGENTD_CRASH_STOP it only stands still there, as a machine that sleeps does. */
static struct {
	bool read, stop;
	const char *name;
	size_t name_n;
	unsigned long at, passed;
	int log_fd;
} switches = {.log_fd = -1};

static void read_switches(void)
{
	const char *crash = getenv("AGENTD_CRASH"), *log = getenv("AGENTD_CRASH_LOG"), *colon;
	char *end;

	switches.read = true;
	switches.stop = getenv("AGENTD_CRASH_STOP") != NULL;
	if (log && *log) {
		switches.log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (switches.log_fd < 0)
			fatal("AGENTD_CRASH_LOG: cannot open \"%s\"", log);
	}
	if (!crash || !*crash)
		return;
	colon = strrchr(crash, ':');
	if (!colon)
		fatal("AGENTD_CRASH: \"%s\" is not NAME:N", crash);
	switches.name = crash;
	switches.name_n = (size_t)(colon - crash);
	switches.at = strtoul(colon + 1, &end, 10);
	if (switches.at == 0 || *end != '\0')
		fatal("AGENTD_CRASH: \"%s\" is not NAME:N with N from 1", crash);
	if (!is_known(switches.name, switches.name_n))
		fatal("AGENTD_CRASH: no crash point \"%.*s\"", (int)switches.name_n, switches.name);
}

static void log_pass(const char *name, size_t n)
{
	char line[128];

	if (switches.log_fd < 0 || n + 1 > sizeof line)
		return;
	memcpy(line, name, n);
	line[n] = '\n';
	if (write(switches.log_fd, line, n + 1) < 0)
		fatal("AGENTD_CRASH_LOG: cannot write");
}

void crash_point(const char *name)
{
	size_t n = strlen(name);

	if (!switches.read)
		read_switches();
	if (!is_known(name, n))
		fatal("crash point \"%s\" is not in crash_points[]", name);
	log_pass(name, n);
	if (!switches.name || switches.name_n != n || memcmp(switches.name, name, n) != 0)
		return;
	if (++switches.passed == switches.at)
		kill(getpid(), switches.stop ? SIGSTOP : SIGKILL);
}

#endif
