/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/date.h"
#include "base/text.h"
#include "spool/shutter.h"

enum {
	ERRORS_MOST = 30,       /* until we hang up */
	FLOOD_COMMANDS = 1000,  /* within so many milliseconds: */
	FLOOD_TIME = 10000
};

/* --- what is said --- */

static void put_line(struct session *s, const char *end, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static void
put_line(struct session *s, const char *end, const char *fmt, va_list ap)
{
	struct buf text = { 0 }, line = { 0 };

	buf_vprintf(&text, fmt, ap);
	text_printable(&line, buf_text(&text), text.n);
	io_print(&s->io, "%s%s", buf_text(&line), s->once ? "\n" : end);
	if (s->io.pending.n >= IO_BUFFER)
		send_out(s);
	buf_free(&line);
	buf_free(&text);
}

void
say(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(s, "\r\n", fmt, ap);
	va_end(ap);
}

void
say_lf(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(s, "\n", fmt, ap);
	va_end(ap);
}

void
say_error(struct session *s, int status, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	say(s, "error: %s", text.s);
	s->status = s->once ? status : EX_OK;
	buf_free(&text);
}

void
prompt(struct session *s)
{
	if (!s->once && !s->over)
		io_print(&s->io, "E-MailRelay> ");
}

/* --- the commands --- */

struct command {
	const char *name;
	void (*answer)(struct session *s, char *arg);
	bool restricted;        /* needs --admin-terminate */
	bool silent;            /* it sees to the prompt itself */
};

static void
do_quit(struct session *s, char *arg)
{
	(void)arg;
	s->over = true;
}

static void
do_version(struct session *s, char *arg)
{
	(void)arg;
	say(s, "%s", VERSION);
}

static void
do_copyright(struct session *s, char *arg)
{
	(void)arg;
	say_about(s, "copyright");
}

static void
do_credit(struct session *s, char *arg)
{
	(void)arg;
	say_about(s, "credit");
}

static void
do_warranty(struct session *s, char *arg)
{
	(void)arg;
	say_about(s, "warranty");
}

/* 421 for all SMTP clients to come, or not any more. */
static void
do_smtp(struct session *s, char *arg)
{
	bool off = strcasecmp(arg, "disable") == 0;

	if (!off && strcasecmp(arg, "enable") != 0)
		say_error(s, EX_USAGE, "usage: smtp {enable|disable}");
	else if (!shutter_set(&s->spool, off))
		say_error(s, EX_NOPERM, "cannot %s smtp: %s", arg,
		    strerror(errno));
	else
		say(s, "OK");
}

static void do_help(struct session *s, char *arg);

/* In the order in which help has them. */
static const struct command commands[] = {
	{ "copyright", do_copyright },
	{ "credit", do_credit },
	{ "failures", do_failures },
	{ "flush", do_flush, .silent = true },
	{ "forward", do_forward },
	{ "health", do_health },
	{ "help", do_help },
	{ "info", do_info },
	{ "list", do_list },
	{ "notify", do_notify },
	{ "pid", do_pid },
	{ "quit", do_quit },
	{ "smtp", do_smtp, .restricted = true },
	{ "status", do_status },
	{ "terminate", do_terminate, .restricted = true },
	{ "unfail-all", do_unfail_all },
	{ "version", do_version },
	{ "warranty", do_warranty },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static bool
is_there(const struct session *s, const struct command *c)
{
	return !c->restricted || s->conf->admin_terminate;
}

static void
do_help(struct session *s, char *arg)
{
	struct buf names = { 0 };

	(void)arg;
	for (const struct command *c = commands; c < commands + COMMANDS; c++)
		if (is_there(s, c))
			buf_printf(&names, "%s%s", names.n ? ", " : "",
			    c->name);
	say(s, "commands: %s", names.s);
	buf_free(&names);
}

/* As E-MailRelay does it: a line that only begins with the name will do,
 * `listing`, `flush now`. In a script's arguments it will not. */
static const struct command *
find(const struct session *s, const char *line)
{
	const struct command *c;
	size_t n;

	for (c = commands; c < commands + COMMANDS; c++) {
		n = strlen(c->name);
		if (is_there(s, c) && text_starts(line, c->name) &&
		    (!s->once || !line[n] || line[n] == ' '))
			return c;
	}
	return NULL;
}

/* --- who talks to us --- */

/* A browser that was talked into sending our commands to our port sends
 * its own first. */
static bool
is_http(const char *line)
{
	static const char *const words[] = {
		"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE ",
		"PATCH ", "CONNECT ", "TRACE ", "PRI ", "Host:"
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (text_starts(line, words[i]))
			return true;
	return strstr(line, " HTTP/") != NULL;
}

static void
hang_up(struct session *s, const char *why)
{
	log_warning("%s from %s", why, s->peer.name);
	s->over = true;
	s->io.linger = true;
}

static void
refuse(struct session *s, const char *line)
{
	say_error(s, EX_USAGE, "unrecognised command");
	if (++s->errors >= ERRORS_MOST)
		hang_up(s, "too many unrecognised commands");
	else if (!s->once && is_http(line))
		hang_up(s, "HTTP");
	else
		prompt(s);
}

static bool
is_flood(struct session *s)
{
	int64_t now = date_ticks();

	if (now - s->period >= FLOOD_TIME) {
		s->period = now;
		s->commands = 0;
	}
	return ++s->commands > FLOOD_COMMANDS;
}

void
obey(struct session *s, char *line, size_t n, bool too_long)
{
	const struct command *c = NULL;
	char *said;
	bool clean;

	for (size_t i = 0; i < n; i++)
		if (line[i] == '\t')
			line[i] = ' ';
	clean = text_clean(line, n);
	said = text_trim(line);
	if (too_long || is_flood(s)) {
		say_error(s, EX_USAGE, "%s", too_long ? "line too long" :
		    "too many commands");
		hang_up(s, too_long ? "too long a line" :
		    "too many commands");
		return;
	}
	if (clean) {
		log_detail("rx<<: \"%s\"", said);
		c = find(s, said);
	}
	if (!c && (*said || s->once)) {
		refuse(s, said);
		return;
	}
	if (c)
		c->answer(s, text_trim(said + strlen(c->name)));
	if (!c || !c->silent)
		prompt(s);
}
