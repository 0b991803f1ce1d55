/* SPDX-License-Identifier: ISC */
#include "base/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* The other screen, no cursor, and no line that goes on in the next one; and
 * all of it back. */
static const char take[] = "\033[?1049h\033[?25l\033[?7l";
static const char give[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { ENDING = sizeof ending / sizeof ending[0] };

/* What signal handlers have to know. */
static struct {
	volatile sig_atomic_t taken;    /* the terminal has to be given back */
	volatile sig_atomic_t keys;     /* and so has its mode */
	volatile sig_atomic_t over, resized;
	struct termios before, ours;
} terminal;

static void
put(const char *text, size_t n)
{
	ssize_t k = 0;

	while (n > 0) {
		k = write(STDOUT_FILENO, text, n);
		/* poll will tell; and a terminal that was stopped (^S) keeps
		 * nobody who is told to end */
		if (k < 0 && (errno != EINTR || terminal.over))
			return;
		if (k > 0) {
			text += k;
			n -= (size_t)k;
		}
	}
}

static void
take_terminal(void)
{
	if (terminal.keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.ours);
	put(take, sizeof take - 1);
	terminal.taken = 1;
}

static void
give_terminal(void)
{
	put(give, sizeof give - 1);
	if (terminal.keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
	terminal.taken = 0;
}

/* --- signals --- */

static void
end(int sig)
{
	(void)sig;
	terminal.over = 1;
}

static void
resize(int sig)
{
	(void)sig;
	terminal.resized = 1;
}

static bool
in_background(void)
{
	pid_t group = tcgetpgrp(STDOUT_FILENO);

	return group >= 0 && group != getpgrp();
}

static bool
is_to_end(void)
{
	sigset_t waiting;
	bool any = false;

	sigpending(&waiting);
	for (size_t i = 0; i < ENDING; i++)
		any |= sigismember(&waiting, ending[i]) == 1;
	return any;
}

/* ^Z: the shell gets its terminal as it was, and we get it back with fg; bg
 * does not let us write over what the shell has there. */
static void
suspend(int sig)
{
	int saved = errno;

	(void)sig;
	if (terminal.taken)
		give_terminal();
	do
		raise(SIGSTOP);
	while (in_background() && !is_to_end());
	if (!in_background())
		take_terminal();
	terminal.resized = 1;
	errno = saved;
}

static void
catch_signals(void)
{
	struct sigaction act = { .sa_handler = end };

	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < ENDING; i++)
		sigaction(ending[i], &act, NULL);
	act.sa_handler = resize;
	sigaction(SIGWINCH, &act, NULL);
	act.sa_handler = suspend;
	sigaction(SIGTSTP, &act, NULL);
}

int
screen_poll(struct pollfd *p, nfds_t n, int ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };
	sigset_t all, usual;
	int got = 0;

	/* no gap between the look and the wait */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &usual);
	if (!terminal.over && !terminal.resized)
		got = ppoll(p, n, ms < 0 ? NULL : &t, &usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	return got;
}

bool
screen_interrupted(void)
{
	return terminal.over;
}

bool
screen_resized(void)
{
	bool was = terminal.resized;

	terminal.resized = 0;
	return was;
}

/* --- taking it --- */

static bool
is_able(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && kind && *kind &&
	    strcmp(kind, "dumb") != 0;
}

bool
screen_open(struct screen *s)
{
	const char *plain = getenv("NO_COLOR");

	if (!is_able())
		return false;
	*s = (struct screen){ .on = true, .keys = -1,
		.colours = !plain || !*plain };
	if (tcgetattr(STDIN_FILENO, &terminal.before) == 0) {
		s->keys = STDIN_FILENO;
		terminal.ours = terminal.before;
		terminal.ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		terminal.ours.c_cc[VMIN] = 0;
		terminal.ours.c_cc[VTIME] = 0;
		terminal.keys = 1;
	}
	atexit(screen_close);
	catch_signals();
	take_terminal();
	return true;
}

void
screen_close(void)
{
	if (terminal.taken)
		give_terminal();
}

bool
screen_wants_out(struct screen *s)
{
	char keys[64];
	ssize_t n = read(s->keys, keys, sizeof keys);

	if (n > 0)
		return memchr(keys, 'q', (size_t)n) ||
		    memchr(keys, 'Q', (size_t)n);
	/* VMIN is 0: nothing is nothing, somebody else may have read it */
	return n < 0 && errno != EINTR;
}

/* --- painting --- */

void
screen_start(struct screen *s)
{
	enum { ROWS = 24 };
	struct winsize w = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	s->rows = w.ws_row ? w.ws_row : ROWS;
	s->row = 0;
	buf_clear(&s->text);
	buf_puts(&s->text, "\033[H");
}

void
screen_style(struct screen *s, enum screen_style style)
{
	static const char *const codes[] = {
		[SCREEN_PLAIN] = "\033[0m", [SCREEN_BOLD] = "\033[1m",
		[SCREEN_GOOD] = "\033[32m", [SCREEN_WARN] = "\033[33m",
		[SCREEN_BAD] = "\033[31m"
	};

	if (s->row < s->rows && (s->colours || style <= SCREEN_BOLD))
		buf_puts(&s->text, codes[style]);
}

void
screen_print(struct screen *s, const char *fmt, ...)
{
	va_list ap;

	if (s->row >= s->rows)
		return;
	/* the terminal cuts it off: it knows how wide a letter is */
	va_start(ap, fmt);
	buf_vprintf(&s->text, fmt, ap);
	va_end(ap);
}

void
screen_line(struct screen *s)
{
	if (s->row >= s->rows)
		return;
	/* a line feed in the last row would scroll */
	buf_puts(&s->text, s->row + 1 < s->rows ? "\033[K\r\n" : "\033[K");
	s->row++;
}

unsigned
screen_left(const struct screen *s)
{
	return s->rows - s->row;
}

void
screen_bottom(struct screen *s, const char *text)
{
	if (s->row >= s->rows)
		return;
	buf_printf(&s->text, "\033[J\033[%u;1H%s", s->rows, text);
	s->row = s->rows;
}

void
screen_end(struct screen *s)
{
	put(s->text.s, s->text.n);
}
