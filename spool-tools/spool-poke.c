/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/options.h"
#include "base/program.h"
#include "base/text.h"
#include "wire/io.h"
#include "wire/net.h"

struct config {
	struct options_common common;
	uint64_t connection_timeout;
	uint64_t response_timeout;
	const char *pid_file;
	bool daemon;
};

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
	{ "daemon", OPTION_FLAG, AT(daemon), .argv_only = true },
	{ "pid-file", OPTION_TEXT, AT(pid_file) },
	{ "connection-timeout", OPTION_NUMBER, AT(connection_timeout), 1,
	    86400 },
	{ "response-timeout", OPTION_NUMBER, AT(response_timeout), 1, 86400 },
	OPTIONS_LOG(struct config),
};

static const struct option_set options = {
	.program = "spool-poke",
	.purpose = "Says something to an administration interface, flush by "
	    "default, and prints the answer.",
	.usage = "[[host:]port [command ...]]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

enum { PAUSE = 60, ANSWER_MOST = 64 << 20 };

static const char asking[] = "E-MailRelay> ";

/* --- to whom, and what --- */

static void
read_target(struct net_target *t, const char *text)
{
	struct buf whole = { 0 };

	buf_printf(&whole, "%s%s", strchr(text, ':') ? "" : "127.0.0.1:",
	    text);
	if (!net_parse(t, whole.s))
		die(EX_USAGE, "invalid port or host:port: %s", text);
	buf_free(&whole);
}

static void
read_command(struct buf *line, char *words[])
{
	for (; *words; words++)
		buf_printf(line, "%s%s", line->n ? " " : "", *words);
	if (line->n == 0)
		buf_puts(line, "FLUSH");
	if (!text_clean(line->s, line->n) || line->n > 500)
		die(EX_USAGE, "that is no command: it is too long, or has "
		    "control characters");
}

/* --- once --- */

/* What is not the prompt goes out as it comes, in a form that plays no tricks
 * on a terminal. The first line tells how it went. */
struct answer {
	struct buf line;
	bool begun;
	bool error;
};

static void
put_line(struct answer *a)
{
	struct buf out = { 0 };
	const char *text = buf_text(&a->line);
	size_t n = a->line.n;

	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (!a->begun)
		a->error = text_starts(text, "error:") &&
		    !text_starts(text, "error: no messages to send");
	a->begun = true;
	text_printable(&out, text, n);
	puts(buf_text(&out));
	buf_free(&out);
	buf_clear(&a->line);
}

static void
take(struct answer *a, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			put_line(a);
		else if (a->line.n < 4096)
			buf_putc(&a->line, p[i]);
	}
}

static bool
is_prompt(const struct answer *a)
{
	return strcmp(buf_text(&a->line), asking) == 0;
}

/* Up to the prompt, or to the end. */
static int
hear(struct io *io, struct answer *a)
{
	size_t n, all = 0;
	const char *p;

	while (!is_prompt(a) && all < ANSWER_MOST &&
	    (n = io_peek(io, &p)) > 0) {
		take(a, p, n);
		all += n;
		io_skip(io, n);
	}
	if (is_prompt(a) || (io->state == IO_EOF && a->begun))
		return a->error ? EX_UNAVAILABLE : EX_OK;
	if (io->state == IO_EOF && a->line.n) {
		put_line(a);
		return a->error ? EX_UNAVAILABLE : EX_OK;
	}
	log_error("no answer: %s", all >= ANSWER_MOST ? "it has no end" :
	    io_why(io));
	return EX_TEMPFAIL;
}

static int
poke(const struct config *conf, const struct net_target *to,
    const struct buf *command)
{
	struct answer a = { .begun = false };
	struct buf why = { 0 };
	struct io io;
	char ip[64];
	int fd, status = EX_UNAVAILABLE;

	fd = net_connect(to, (unsigned)conf->connection_timeout, ip, &why);
	if (fd < 0) {
		log_error("%s", why.s);
	} else {
		io_open(&io, fd, fd, (unsigned)conf->response_timeout);
		io.until = date_ticks() +
		    (int64_t)conf->response_timeout * 1000;
		io_print(&io, "%s\r\n", command->s);
		status = hear(&io, &a);
		io_close(&io);
	}
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	buf_free(&a.line);
	buf_free(&why);
	return status;
}

/* --- every minute --- */

static const char *pid_path;

static void
end(int sig)
{
	(void)sig;
	unlink(pid_path);
	_exit(EX_OK);
}

static void
write_pid(const char *path)
{
	char text[24];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0644);
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		die(EX_CANTCREAT, "cannot write the pid file '%s': %s", path,
		    strerror(errno));
	close(fd);
}

static _Noreturn void
poke_on(const struct config *conf, const struct net_target *to,
    const struct buf *command)
{
	struct sigaction act = { .sa_handler = end };

	/* whatever is wrong with the file, stderr is still there to tell */
	write_pid(conf->pid_file);
	if (daemon(0, 0) < 0)
		die(EX_OSERR, "cannot go to the background: %s",
		    strerror(errno));
	write_pid(conf->pid_file);
	pid_path = conf->pid_file;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	for (;;) {
		poke(conf, to, command);
		poll(NULL, 0, PAUSE * 1000);
	}
}

int
main(int argc, char *argv[])
{
	struct config conf = {
		.connection_timeout = 40,
		.response_timeout = 1800,
		.pid_file = "/var/run/emailrelay-poke.pid",
	};
	struct net_target to;
	struct buf command = { 0 };
	int first;

	program_start(true);
	log_open("spool-poke", NULL);
	first = options_read(&options, &conf.common, argc, argv);
	read_target(&to, first < argc ? argv[first] : "10025");
	read_command(&command, first < argc ? argv + first + 1 : argv + argc);
	if (!conf.daemon)
		return poke(&conf, &to, &command);
	if (conf.pid_file[0] != '/')
		die(EX_USAGE, "invalid pid file: must be an absolute path: "
		    "%s", conf.pid_file);
	poke_on(&conf, &to, &command);
}
