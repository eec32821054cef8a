/* cmd_top.c - the live view: figures are asked for every few seconds and painted over the last ones. The terminal is put back however the
 * program ends or rests: by q, by a signal, by an error. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "ctl/top.h"
#include "store/sight.h"

enum { CALL_MS = 10000, INTERVAL_MS = 2000, MIN_INTERVAL_MS = 200, MAX_INTERVAL_MS = 3600 * 1000, SPEND_EVERY_MS = 30000 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

struct top {
	struct ctl *ctl;
	int64_t interval_ms, spend_at_ms;
	bool once, keys, stop;		/* keys: standard input is a terminal too */
	int signum;			/* that ends us; 0: none did */
	bool taken;			/* the terminal is ours; before is how it was */
	struct termios before;
	struct top_view view;
	struct top_rates rates;
	char spent[48];
	struct arena *shown_arena;	/* of the figures that are shown */
	const struct json *shown;
	struct loop_timer *timer;
	struct loop_fd *input;
	struct loop_signal *signals[SIGNALS];
	struct op *asking;		/* under way */
	bool due;			/* it is time to ask */
};

/* --- the terminal --- */

static void write_all(const char *s, size_t n)
{
	fwrite(s, 1, n, stdout);
	fflush(stdout);
}

static void terminal_take(struct top *t)
{
	struct termios raw;

	if (t->keys && (t->taken || tcgetattr(STDIN_FILENO, &t->before) == 0)) {
		raw = t->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	t->taken = true;
	write_all("\033[?1049h\033[?25l", 14);	/* another screen, no cursor */
}

static void terminal_give_back(struct top *t)
{
	write_all("\033[?25h\033[?1049l", 14);
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
	t->taken = false;
}

static void measure(struct top *t)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		t->view.width = size.ws_col;
		t->view.height = size.ws_row;
	} else {
		t->view.width = 80;
		t->view.height = 24;
	}
}

/* --- painting --- */

static void paint(struct top *t)
{
	struct arena *a = arena_new(NULL);
	const struct top_line *lines;
	struct buf b;
	size_t n;

	lines = top_frame(a, t->shown, &t->rates, &t->view, &n);
	buf_init(&b, a);
	if (!t->once)
		buf_adds(&b, "\033[H");
	for (size_t i = 0; i < n; i++) {
		bool bold = lines[i].heading && !t->once;

		buf_addf(&b, "%s" STR_FMT "%s%s", bold ? "\033[1m" : "", STR_ARG(lines[i].text), bold ? "\033[0m" : "", t->once ? "" : "\033[K");
		if (t->once || i + 1 < n)
			buf_addc(&b, '\n');
	}
	if (!t->once)
		buf_adds(&b, "\033[J");
	write_all(buf_cstr(&b), buf_str(&b).n);
	arena_free(a);
}

/* What is shown stays until there is something newer: its memory is that of the figures. */
static int look(struct top *t, struct err *err)
{
	struct ctl *c = t->ctl;
	struct arena *whole = c->arena;
	struct ctl_call call = {.ctl = c, .text_of = sight_text_of};
	bool spend = clock_boot_ms() >= t->spend_at_ms;
	const struct json *figures;

	c->arena = arena_new(NULL);
	t->asking = sight_top(c->store, arena_new(NULL), spend, CALL_MS, ctl_done, &call);
	figures = ctl_wait_json(&call, t->asking, err);
	t->asking = NULL;
	if (figures) {
		arena_free(t->shown_arena);
		t->shown_arena = c->arena;
		t->shown = figures;
		top_learn(&t->rates, figures);
	} else {
		arena_free(c->arena);
	}
	c->arena = whole;
	if (!figures)
		return -1;
	if (spend) {
		snprintf(t->spent, sizeof t->spent, STR_FMT, STR_ARG(cell(figures, "spent_today_usd")));
		t->rates.spent_usd = str_from(t->spent);
		t->spend_at_ms = clock_boot_ms() + SPEND_EVERY_MS;
	}
	return 0;
}

/* --- what happens meanwhile --- */

static void on_time(void *arg)
{
	((struct top *)arg)->due = true;
}

static void stop(struct top *t)
{
	t->stop = true;
	if (t->asking)
		op_cancel(t->asking);
}

static void on_key(void *arg, int events)
{
	struct top *t = arg;
	char key[64];
	ssize_t n = read(STDIN_FILENO, key, sizeof key);

	(void)events;
	if (n <= 0) {
		loop_fd_set(t->input, 0);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (key[i] == 'q')
			stop(t);
		else if (key[i] == 's')
			t->view.sort = t->view.sort == TOP_BY_NAME ? TOP_BY_TASKS : TOP_BY_NAME;
		else if (key[i] == ' ')
			t->due = true;
	}
	if (t->shown && !t->stop)
		paint(t);
}

/* The shell has the terminal as it was while we rest. */
static void on_signal(void *arg, int signum)
{
	struct top *t = arg;

	if (signum == SIGTSTP) {
		terminal_give_back(t);
		raise(SIGSTOP);
	} else if (signum == SIGCONT) {
		terminal_take(t);
		measure(t);
		t->due = true;
	} else if (signum == SIGWINCH) {
		measure(t);
		if (t->shown)
			paint(t);
	} else {
		t->signum = signum;
		stop(t);
	}
}

static void listen_begin(struct top *t)
{
	struct loop *l = t->ctl->loop;

	t->timer = loop_timer_new(l, on_time, t);
	for (int i = 0; i < SIGNALS; i++)
		t->signals[i] = loop_signal_new(l, signals[i], on_signal, t);
	if (t->keys) {
		t->input = loop_fd_new(l, STDIN_FILENO, on_key, t);
		loop_fd_set(t->input, LOOP_READ);
	}
}

static void listen_end(struct top *t)
{
	loop_timer_free(t->timer);
	for (int i = 0; i < SIGNALS; i++)
		loop_signal_free(t->signals[i]);
	if (t->input)
		loop_fd_free(t->input);
}

/* A database that is away for a while ends nothing: what was seen last stays, with the reason above it. */
static int look_again(struct top *t, struct err *err)
{
	int r = look(t, err);

	t->view.notice = r < 0 && err->retryable && t->shown ? err->msg : NULL;
	return t->view.notice || t->stop ? 0 : r;
}

static int watch(struct top *t, struct err *err)
{
	int r = 0;

	measure(t);
	listen_begin(t);
	terminal_take(t);
	while (r == 0 && !t->stop) {
		t->due = false;
		r = look_again(t, err);
		if (r == 0 && !t->stop) {
			paint(t);
			loop_timer_set(t->timer, t->interval_ms);
		}
		while (r == 0 && !t->due && !t->stop)
			loop_once(t->ctl->loop);
	}
	terminal_give_back(t);
	listen_end(t);
	return r;
}

static int show_once(struct top *t, struct err *err)
{
	if (look(t, err) < 0)
		return -1;
	if (t->ctl->json)
		print_json(t->ctl, t->shown);
	else
		paint(t);
	return 0;
}

static int parse(int argc, char **argv, struct top *t, struct err *err)
{
	static const struct option options[] = {
		{"once", no_argument, NULL, 'o'}, {"interval", required_argument, NULL, 'i'}, {NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'o')
			t->once = true;
		else if (o != 'i')
			return ctl_option_error(argv, o, err);
		else if (!duration_parse(str_from(optarg), &t->interval_ms) || t->interval_ms < MIN_INTERVAL_MS || t->interval_ms > MAX_INTERVAL_MS)
			return err_set(err, ERR_USAGE, "--interval \"%s\": expected 200ms to 1h", optarg);
	}
	return argc == optind ? 0 : err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
}

static int top(struct ctl *c, int argc, char **argv)
{
	struct top t = {.ctl = c, .interval_ms = INTERVAL_MS};
	struct err err = {0};
	int status, r;

	if (parse(argc, argv, &t, &err) < 0)
		return ctl_fail(c, &err);
	t.once |= c->json || !isatty(STDOUT_FILENO);
	t.keys = isatty(STDIN_FILENO);
	status = ctl_open(c);
	if (status)
		return status;
	r = t.once ? show_once(&t, &err) : watch(&t, &err);
	arena_free(t.shown_arena);
	if (r < 0)
		return ctl_fail(c, &err);
	return t.signum ? 128 + t.signum : 0;
}

const struct command cmd_top = {
	"top", "[--interval DURATION] [--once]", "queues, rates, workers, spending and failures, live until q", top,
};
