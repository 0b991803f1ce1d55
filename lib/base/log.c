/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/text.h"

enum { LINE_MOST = 2000 };      /* octets of text in a line */
enum { TEXT, JSON };

const char *const log_formats[] = {
	[TEXT] = "text", [JSON] = "json", NULL
};

static struct {
	const char *program;
	const char *ident;
	const char *farewell;
	int status;             /* of every die(); 0: what it is told */
	pid_t pid;              /* 0: whoever we are */
	char subject[96];
	struct log_config conf;
	bool by_hand;
	bool to_stderr;
	bool to_syslog;
	bool to_journal;        /* stderr is the journal's socket */
	bool wiping;
} the = { .program = "sluice", .ident = "sluice", .to_stderr = true };

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Under inetd, and under systemd with StandardError=inherit, stderr is the
 * client's socket: a log line there would be a reply. */
static bool
stderr_is_the_client(const struct stat *err)
{
	struct stat client;

	for (int fd = 0; S_ISSOCK(err->st_mode) && fd < 2; fd++)
		if (fstat(fd, &client) == 0 && same_file(&client, err))
			return true;
	return false;
}

/* Is stderr for the log? If it is the client's it is shut, so that no
 * program that we start takes it for one either. */
static bool
stderr_is_a_log(void)
{
	struct stat err;
	int fd;

	if (fstat(STDERR_FILENO, &err) < 0)
		return false;
	if (stderr_is_the_client(&err)) {
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(fd, STDERR_FILENO);
		close(fd);
		return false;
	}
	/* /dev/null, wherever that is */
	return !S_ISCHR(err.st_mode) || err.st_rdev != makedev(1, 3);
}

static bool
stderr_is_the_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	    st.st_ino == ino;
}

void
log_open(const char *program, const char *ident)
{
	the.program = program;
	the.ident = ident ? ident : program;
	the.by_hand = !ident;
	the.to_stderr = stderr_is_a_log();
	the.to_journal = the.to_stderr && stderr_is_the_journal();
	the.to_syslog = !the.to_stderr;
	openlog(the.ident, LOG_PID, LOG_MAIL);
}

void
log_configure(const struct log_config *conf)
{
	bool wanted = conf->events || !the.to_stderr;

	the.conf = *conf;
	the.to_syslog = conf->syslog ||
	    (wanted && !conf->no_syslog && !the.to_journal);
}

const char *
log_program(void)
{
	return the.program;
}

void
log_unite(void)
{
	the.pid = getpid();
}

static pid_t
pid(void)
{
	return the.pid ? the.pid : getpid();
}

void
log_connect(void)
{
	static char tag[64];    /* syslog(3) keeps no copy */

	if (!the.to_syslog)
		return;
	closelog();
	snprintf(tag, sizeof tag, "%s[%ld]", the.ident, (long)pid());
	openlog(tag, LOG_NDELAY, LOG_MAIL);
}

bool
log_verbose(void)
{
	return the.conf.verbose || the.conf.debug;
}

void
log_wiping(bool wipe)
{
	the.wiping = wipe;
}

void
log_subject(const char *id)
{
	snprintf(the.subject, sizeof the.subject, "%s", id ? id : "");
}

static const char *
level_word(int priority)
{
	switch (priority) {
	case LOG_ERR:
		return "error";
	case LOG_WARNING:
		return "warning";
	case LOG_INFO:
		return "info";
	default:
		return "debug";
	}
}

/* In one go: several processes may have the same stderr. */
static void
write_stderr(const struct buf *line)
{
	static char wipe[] = "\r\033[K";
	struct iovec parts[] = {
		{ wipe, sizeof wipe - 1 }, { line->s, line->n }
	};
	ssize_t n;

	if (the.wiping)
		n = writev(STDERR_FILENO, parts, 2);
	else
		n = write(STDERR_FILENO, line->s, line->n);
	(void)n;        /* there is nobody left to tell */
}

static void
put_json(int priority, const char *event, const char *text,
    const char *fields)
{
	struct buf line = { 0 };

	buf_puts(&line, "{\"time\":\"");
	date_iso(&line, time(NULL));
	buf_printf(&line, "\",\"level\":\"%s\",\"prog\":\"%s\",\"pid\":%ld",
	    level_word(priority), the.program, (long)pid());
	if (the.subject[0])
		buf_printf(&line, ",\"qid\":\"%s\"", the.subject);
	if (event)
		buf_printf(&line, ",\"event\":\"%s\"", event);
	if (text) {
		buf_puts(&line, ",\"text\":\"");
		text_json(&line, text);
		buf_putc(&line, '"');
	}
	buf_puts(&line, fields);
	buf_puts(&line, "}\n");
	if (the.to_stderr)
		write_stderr(&line);
	if (the.to_syslog)
		syslog(priority, "%.*s", (int)line.n - 1, line.s);
	buf_free(&line);
}

static void
put_text(int priority, const char *text)
{
	struct buf line = { 0 };
	size_t start;

	if (the.to_journal)
		buf_printf(&line, "<%d>", priority);
	if (the.conf.time) {
		date_iso(&line, time(NULL));
		buf_putc(&line, ' ');
	}
	if (the.by_hand)
		buf_printf(&line, "%s: ", the.program);
	else
		buf_printf(&line, "%s[%ld]: ", the.ident, (long)pid());
	start = line.n;
	if (priority == LOG_WARNING ||
	    (priority < LOG_WARNING && !the.by_hand))
		buf_printf(&line, "%s: ", level_word(priority));
	if (the.subject[0])
		buf_printf(&line, "%s: ", the.subject);
	text_printable(&line, text, strlen(text));
	if (line.n > LINE_MOST) {
		buf_cut(&line, LINE_MOST);
		buf_puts(&line, " ...");
	}
	buf_putc(&line, '\n');
	if (the.to_stderr)
		write_stderr(&line);
	if (the.to_syslog)
		syslog(priority, "%.*s", (int)(line.n - 1 - start),
		    line.s + start);
	buf_free(&line);
}

static bool
wanted(int priority)
{
	if (priority <= LOG_WARNING)
		return true;
	if (priority == LOG_INFO)
		return the.conf.events || log_verbose();
	return the.conf.debug;
}

__attribute__((format(printf, 2, 0))) static void
put(int priority, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	buf_vprintf(&text, fmt, ap);
	if (the.conf.format == JSON)
		put_json(priority, NULL, buf_text(&text), "");
	else
		put_text(priority, buf_text(&text));
	buf_free(&text);
}

#define PUT(priority) do {                      \
	va_list ap_;                            \
	if (wanted(priority)) {                 \
		va_start(ap_, fmt);             \
		put(priority, fmt, ap_);        \
		va_end(ap_);                    \
	}                                       \
} while (0)

void
log_error(const char *fmt, ...)
{
	PUT(LOG_ERR);
}

void
log_warning(const char *fmt, ...)
{
	PUT(LOG_WARNING);
}

void
log_info(const char *fmt, ...)
{
	PUT(LOG_INFO);
}

void
log_detail(const char *fmt, ...)
{
	if (log_verbose())
		PUT(LOG_INFO);
}

void
log_debug(const char *fmt, ...)
{
	PUT(LOG_DEBUG);
}

static bool
in_brackets(const char *key)
{
	return strcmp(key, "from") == 0 || strcmp(key, "to") == 0 ||
	    strcmp(key, "helo") == 0;
}

void
log_quote(struct buf *out, const char *value)
{
	buf_putc(out, '<');
	for (; *value; value++) {
		if (strchr("<> ,", *value))
			buf_printf(out, "\\x%02X", (unsigned char)*value);
		else
			buf_putc(out, *value);
	}
	buf_putc(out, '>');
}

static void
add_text_field(struct buf *text, const char *key, const char *value)
{
	if (strcmp(key, "reply") == 0) {
		buf_printf(text, " (%s)", value);
		return;
	}
	if (text->n)
		buf_puts(text, ", ");
	buf_printf(text, "%s=", key);
	if (in_brackets(key))
		log_quote(text, value);
	else
		buf_puts(text, value);
}

static void
add_json_field(struct buf *text, const char *key, const char *value)
{
	buf_printf(text, ",\"%s\":\"", key);
	text_json(text, value);
	buf_putc(text, '"');
}

void
log_event(const char *event, ...)
{
	struct buf text = { 0 };
	const char *key, *value;
	va_list ap;

	if (!wanted(LOG_INFO))
		return;
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (!value)
			continue;
		if (the.conf.format == JSON)
			add_json_field(&text, key, value);
		else
			add_text_field(&text, key, value);
	}
	va_end(ap);
	if (the.conf.format == JSON)
		put_json(LOG_INFO, event, NULL, buf_text(&text));
	else
		put_text(LOG_INFO, buf_text(&text));
	buf_free(&text);
}

void
die_saying(const char *farewell)
{
	the.farewell = farewell;
}

void
die_always(int status)
{
	the.status = status;
}

void
die(int status, const char *fmt, ...)
{
	static bool dying;      /* out of memory while saying so */
	ssize_t n;

	if (dying)
		_exit(EX_TEMPFAIL);
	dying = true;
	PUT(LOG_ERR);
	if (the.farewell) {
		n = write(STDOUT_FILENO, the.farewell, strlen(the.farewell));
		(void)n;
	}
	exit(the.status ? the.status : status);
}
