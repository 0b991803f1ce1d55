/* SPDX-License-Identifier: ISC */
/*
 * A whole session of admin-cmd, with the input as the administrator, by way of
 * the wire (parts/wire.h): what is behind an octet 0x1d is what smtp-send
 * reports when it is told to flush. The first octet is the options.
 *
 * Nothing that is said may break a line or a terminal; a message stays what it
 * is but for unfail-all; and every command but quit ends with a prompt.
 */
#include "parts/box.h"
#include "parts/wire.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin-cmd/session.h"
#include "base/program.h"
#include "mail/envelope.h"

enum { RESTRICTED = 1, ONCE = 2, NOWHERE = 4, REPORT = 0x1d };

static struct config conf;
static struct session session;
static const uint8_t *report;
static size_t report_n;
static unsigned runs;

/* --- in place of others --- */

int __wrap_program_converse_with(const char *name,
    const struct list *arguments, bool keep_stderr, pid_t *child);
pid_t __wrap_waitpid(pid_t pid, int *status, int flags);
void __wrap_do_terminate(struct session *s, char *arg);
bool __wrap_events_start(struct events *v, const struct spool *s,
    bool (*tell)(struct audience *, const struct event *),
    struct audience *a);

int
__wrap_program_converse_with(const char *name, const struct list *arguments,
    bool keep_stderr, pid_t *child)
{
	int fd = memfd_create("report", MFD_CLOEXEC);

	(void)keep_stderr;
	CLAIM(strcmp(name, "smtp-send") == 0 && arguments->n > 0);
	CLAIM(write(fd, report, report_n) == (ssize_t)report_n);
	lseek(fd, 0, SEEK_SET);
	*child = 1 << 30;
	runs++;
	return fd;
}

pid_t
__wrap_waitpid(pid_t pid, int *status, int flags)
{
	if (pid == -1 || flags & WNOHANG)
		return 0;
	*status = (int)(report_n % 3 << 8);
	return pid;
}

/* To watch is slow: there is one event of each kind, at once. */
bool
__wrap_events_start(struct events *v, const struct spool *s,
    bool (*tell)(struct audience *, const struct event *),
    struct audience *a)
{
	struct spool_entry from = { .state = STATE_BUSY };
	struct event e = { .kind = EVENT_COUNTED, .from = &from };

	(void)s;
	e.counter = COUNT_OUT_FINISHED;
	tell(a, &e);
	CLAIM(message_id_parse(&e.entry.id, "emailrelay.1.1.2"));
	for (e.kind = EVENT_MOVED; e.kind <= EVENT_LOST; e.kind++)
		for (e.entry.state = 0; e.entry.state < STATES;
		    e.entry.state++)
			tell(a, &e);
	v->fd = -1;
	return true;
}

/* Nobody is terminated here. */
void
__wrap_do_terminate(struct session *s, char *arg)
{
	(void)arg;
	say_error(s, 0, "cannot terminate");
}

/* --- the spool --- */

static void
put(const char *id, const char *suffix, const char *reason)
{
	struct envelope e = { .tries = 0 };
	struct buf text = { 0 }, name = { 0 };

	buf_set(&e.from, "a@a.test");
	list_add(&e.remote, "b@b.test");
	CLAIM(envelope_format(&e, &text));
	buf_printf(&text, "X-MailRelay-Reason: %s\r\n", reason);
	buf_printf(&name, "emailrelay.%s.content", id);
	box_put(name.s, "x", 1);
	buf_clear(&name);
	buf_printf(&name, "emailrelay.%s.envelope%s", id, suffix);
	box_put(name.s, text.s, text.n);
	envelope_free(&e);
	buf_free(&text);
	buf_free(&name);
}

static void
fill(void)
{
	box_clear();
	put("1.1.1", "", "later");
	put("1.1.2", ".bad", "never");
	put("1.1.3", ".local", "");
}

static bool
is_as_it_was(void)
{
	return box_has("emailrelay.1.1.1.envelope") &&
	    box_has("emailrelay.1.1.2.envelope.bad") &&
	    box_has("emailrelay.1.1.3.envelope.local") && box_count() == 6;
}

/* --- the session --- */

static void
check_said(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CLAIM(p[i] == '\n' || (p[i] == '\r' && i + 1 < n &&
		    p[i + 1] == '\n') || text_clean(p + i, 1));
	CLAIM(!memmem(p, n, "\r\r", 2));
}

/* One line of his, and what smtp-send then has to say. */
static void
take(struct session *s)
{
	char *copy = need_copy(s->line.text);
	size_t before = s->io.pending.n;
	bool unfail = memmem(copy, strlen(copy), "nfail-all", 9) != NULL ||
	    strcasestr(copy, "unfail-all");

	obey(s, s->line.text, s->line.n, s->line.too_long);
	while (s->run.fd >= 0) {
		run_hear(s);
		if (s->run.ended)
			run_end(s);
	}
	if (!s->over)
		CLAIM(s->io.pending.n >= before + 13 &&
		    memcmp(s->io.pending.s + s->io.pending.n - 13,
		    "E-MailRelay> ", 13) == 0);
	check_said(buf_text(&s->io.pending) + before,
	    s->io.pending.n - before);
	io_flush(&s->io);
	/* `smtp disable` has a file of its own */
	if (box_count() == 7)
		box_remove(".smtp-disabled");
	if (!is_as_it_was()) {
		CLAIM(unfail || strcasestr(copy, "flush"));
		fill();
	}
	free(copy);
}

static void
play(struct session *s)
{
	const char *p;
	size_t n, used;
	bool line;

	while (!s->over && (n = io_peek(&s->io, &p)) > 0) {
		used = lines_take(&s->line, p, n, &line);
		io_skip(&s->io, used);
		if (line || s->line.too_long)
			take(s);
	}
}

static void
begin(struct session *s, unsigned how)
{
	int fd = wire_open();

	conf = defaults;
	conf.admin_terminate = how & RESTRICTED;
	conf.forward_to = how & NOWHERE ? NULL : "a.test:25";
	list_clear(&conf.common.down);
	list_add(&conf.common.down, "--forward-to=a.test:25");
	*s = (struct session){ .conf = &conf, .spool = *box_open(),
		.peer = { .name = "unknown[192.0.2.1]", .local = true } };
	s->run.fd = s->watch.fd = -1;
	io_open(&s->io, fd, fd, 60);
	runs = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool prepared;
	const uint8_t *cut;

	if (n < 1)
		return 0;
	if (!prepared) {
		wire_be_silent();
		box_open();
		fill();
	}
	prepared = true;
	cut = memchr(data, REPORT, n);
	report = cut ? cut + 1 : data + n;
	report_n = (size_t)(data + n - report);
	wire_start(data + 1, cut > data + 1 ? (size_t)(cut - data) - 1 :
	    cut ? 0 : n - 1);
	begin(&session, data[0]);
	play(&session);
	CLAIM(!(data[0] & NOWHERE) || runs == 0);
	check_said(buf_text(&wire.sent), wire.sent.n);
	io_close(&session.io);
	buf_free(&session.run.why);
	list_free(&conf.common.down);
	return 0;
}
