/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *const labels[] = {
	[SMTP] = "smtp", [POP3] = "pop", [ADMIN] = "admin",
	[SENDER] = "forward"
};
static const char *const titles[] = {
	[SMTP] = "SMTP", [POP3] = "POP", [ADMIN] = "administration",
	[SENDER] = "forwarding"
};

/* All or nothing: half of a file would be taken for one. */
static struct buf page;

static void
add_word(struct buf *out, const char *word, enum quoting how)
{
	if (out->n)
		buf_putc(out, ' ');
	if (quote(out, word, how))
		return;
	if (how == QUOTE_NONE)
		die(EX_USAGE, "exception: \"%s\" cannot be said in that file, "
		    "which knows no quotes: move the option to a file of its "
		    "own and name that with --config", word);
	die(EX_USAGE, "exception: \"%s\" has control characters", word);
}

static void
add_words(struct buf *out, const struct list *words, enum quoting how)
{
	for (size_t i = 0; i < words->n; i++)
		add_word(out, list_get(words, i), how);
}

/* A password in the file stays there: who is started then reads the file. */
static const struct list *
options_of(const struct service *s, const struct config *conf, bool brief)
{
	return conf->common.file && (brief || plan_secret(conf)) ?
	    &s->brief : &s->options;
}

/* The program alone. */
static void
add_program(struct buf *out, const struct service *s,
    const struct config *conf, enum quoting how)
{
	add_word(out, s->path.s, how);
	add_words(out, options_of(s, conf, false), how);
}

/* With the listener before it, if it is no sender. */
static void
add_command(struct buf *out, const struct service *s,
    const struct config *conf, enum quoting how)
{
	struct list words = { 0 };

	if (s->kind != SENDER)
		listen_words(&words, s, conf);
	add_words(out, &words, how);
	add_program(out, s, conf, how);
	list_free(&words);
}

static const char *
user_of(const struct service *s, const struct config *conf)
{
	return s->as_root ? "root" : conf->common.user;
}

/* "emailrelay-smtp", and "emailrelay-smtp-2" for the second address. */
static void
label(struct buf *out, const struct plan *p, size_t at)
{
	unsigned same = 1;

	for (size_t i = 0; i < at; i++)
		same += p->services[i].kind == p->services[at].kind;
	buf_printf(out, "emailrelay-%s", labels[p->services[at].kind]);
	if (same > 1)
		buf_printf(out, "-%u", same);
}

static void
title(const struct service *s)
{
	struct buf where = { 0 };

	if (s->kind != SENDER) {
		buf_puts(&where, " on ");
		place_text(&where, &s->at);
	}
	buf_printf(&page, "# %s%s\n", titles[s->kind], buf_text(&where));
	buf_free(&where);
}

/* --- cron --- */

/* How often, as far as cron can say so. */
static void
print_period(const struct config *conf)
{
	uint64_t minutes = conf->dont_serve ? 5 : (conf->poll + 59) / 60;

	if (minutes < 60)
		buf_printf(&page, "*/%u * * * *", (unsigned)minutes);
	else if (minutes < 24 * 60)
		buf_printf(&page, "0 */%u * * *", (unsigned)(minutes / 60));
	else
		buf_printf(&page, "0 0 * * *");
}

/* A sender is started anew by cron, so it must not wait itself. */
static void
print_cron_sender(const struct service *s, const struct config *conf,
    const char *before)
{
	const struct list *options = options_of(s, conf, false);
	struct buf line = { 0 };

	add_word(&line, s->path.s, QUOTE_CRON);
	for (size_t i = 0; i < options->n; i++)
		if (!option_is(list_get(options, i), "poll"))
			add_word(&line, list_get(options, i), QUOTE_CRON);
	buf_puts(&page, before);
	if (s->once && !conf->dont_serve)
		buf_puts(&page, "@reboot");
	else
		print_period(conf);
	/* what it has to say is in the log */
	buf_printf(&page, " root %s 2>/dev/null\n", line.s);
	buf_free(&line);
}

static void
print_cron(const struct plan *p, const struct config *conf)
{
	struct buf line = { 0 };

	if (plan_secret(conf) && conf->poll != UINT64_MAX)
		die(EX_USAGE, "exception: a password in a file with \"poll\" "
		    "is nothing for cron: put it into a file for "
		    "--client-auth");
	buf_puts(&page, "# A file for /etc/cron.d\n");
	for (size_t i = 0; i < p->n; i++) {
		title(&p->services[i]);
		buf_clear(&line);
		if (p->services[i].kind == SENDER) {
			print_cron_sender(&p->services[i], conf, "");
			continue;
		}
		add_command(&line, &p->services[i], conf, QUOTE_CRON);
		buf_printf(&page, "@reboot root %s 2>/dev/null\n", line.s);
	}
	buf_free(&line);
}

/* For those that only listen. */
static void
print_senders(const struct plan *p, const struct config *conf)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->services[i].kind != SENDER)
			continue;
		buf_puts(&page, "# and for cron, a line in /etc/cron.d:\n");
		print_cron_sender(&p->services[i], conf, "# ");
	}
}

/* --- inetd, xinetd: no quotes --- */

enum { INETD_WORDS = 20 };      /* openbsd-inetd takes no more */

static void
print_inetd(const struct plan *p, const struct config *conf)
{
	const struct service *s;
	struct buf line = { 0 };
	const struct list *options;

	buf_puts(&page, "# Lines for /etc/inetd.conf\n");
	for (size_t i = 0; i < p->n; i++) {
		s = &p->services[i];
		if (s->kind == SENDER)
			continue;
		options = options_of(s, conf, true);
		if (options->n + 1 >= INETD_WORDS)
			die(EX_USAGE, "exception: too many options for inetd, "
			    "which takes %d: move them to a file and name "
			    "that with --config", INETD_WORDS - 2);
		buf_clear(&line);
		place_text(&line, &s->at);
		buf_printf(&line, " stream tcp%s nowait.1000 %s",
		    place_is_v6(&s->at) ? "6" : "", user_of(s, conf));
		add_word(&line, s->path.s, QUOTE_NONE);
		add_word(&line, s->program, QUOTE_NONE);
		add_words(&line, options, QUOTE_NONE);
		buf_printf(&page, "%s\n", line.s);
	}
	print_senders(p, conf);
	buf_free(&line);
}

static void
print_xinetd(const struct plan *p, const struct config *conf)
{
	const struct service *s;
	struct buf text = { 0 };

	buf_puts(&page, "# A file for /etc/xinetd.d\n");
	for (size_t i = 0; i < p->n; i++) {
		s = &p->services[i];
		if (s->kind == SENDER)
			continue;
		buf_clear(&text);
		label(&text, p, i);
		buf_printf(&page, "service %s\n{\n\ttype\t\t= UNLISTED\n"
		    "\tdisable\t\t= no\n\tsocket_type\t= stream\n"
		    "\tprotocol\t= tcp\n\twait\t\t= no\n%s"
		    "\tbind\t\t= %s\n\tport\t\t= %u\n\tuser\t\t= %s\n",
		    text.s, place_is_v6(&s->at) ? "\tflags\t\t= IPv6\n" : "",
		    s->at.address, s->at.port, user_of(s, conf));
		buf_clear(&text);
		add_word(&text, s->path.s, QUOTE_NONE);
		buf_printf(&page, "\tserver\t\t= %s\n", text.s);
		buf_clear(&text);
		add_words(&text, options_of(s, conf, true), QUOTE_NONE);
		if (text.n)
			buf_printf(&page, "\tserver_args\t= %s\n", text.s);
		buf_puts(&page, "\tinstances\t= UNLIMITED\n\tper_source\t= UNLIMITED\n"
		    "\tcps\t\t= 1000 1\n}\n");
	}
	print_senders(p, conf);
	buf_free(&text);
}

/* --- tcpserver: a script, or a line --- */

static void
print_tcpserver(const struct plan *p, const struct config *conf)
{
	struct buf line = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		title(&p->services[i]);
		buf_clear(&line);
		add_command(&line, &p->services[i], conf, QUOTE_SHELL);
		buf_printf(&page, "%s%s\n", line.s, p->n > 1 ? " &" : "");
	}
	if (p->n > 1)
		buf_puts(&page, "wait\n");
	buf_free(&line);
}

/* --- runit, systemd: a script that puts the files where they belong --- */

static void
print_runit(const struct plan *p, const struct config *conf)
{
	struct buf name = { 0 }, line = { 0 };

	buf_puts(&page, "#!/bin/sh\n# Services for runit: run this as root.\nset -e\n"
	    "sv=${SV:-/etc/sv} service=${SERVICE:-/etc/service}\n");
	for (size_t i = 0; i < p->n; i++) {
		buf_clear(&name);
		buf_clear(&line);
		label(&name, p, i);
		add_command(&line, &p->services[i], conf, QUOTE_SHELL);
		buf_printf(&page, "mkdir -p \"$sv/%s\"\ncat >\"$sv/%s/run\" <<'END'\n"
		    "#!/bin/sh\nexec 2>&1\n", name.s, name.s);
		title(&p->services[i]);
		if (p->services[i].once)
			buf_printf(&page, "%s\nexec sv down .\n", line.s);
		else
			buf_printf(&page, "exec %s\n", line.s);
		buf_printf(&page, "END\nchmod 755 \"$sv/%s/run\"\n"
		    "ln -sfn \"$sv/%s\" \"$service/%s\"\n", name.s, name.s,
		    name.s);
	}
	buf_free(&name);
	buf_free(&line);
}

static void
begin_unit(const char *name, const char *ending, const struct service *s,
    const char *what)
{
	buf_printf(&page, "cat >\"$units/emailrelay-%s%s\" <<'END'\n[Unit]\n"
	    "Description=%s %s\nDocumentation=man:%s(8)\n", name, ending,
	    titles[s->kind], what, s->program);
}

static void
print_exec(const struct service *s, const struct config *conf)
{
	struct buf line = { 0 };

	add_program(&line, s, conf, QUOTE_SYSTEMD);
	buf_printf(&page, "ExecStart=%s\n", line.s);
	if (!s->as_root)
		buf_printf(&page, "User=%s\n", conf->common.user);
	buf_puts(&page, "StandardError=journal\nSyslogFacility=mail\n"
	    "NoNewPrivileges=yes\nProtectSystem=full\n");
	buf_free(&line);
}

static void
print_socket(const struct plan *p, const struct config *conf, enum kind kind)
{
	const struct service *s = NULL;
	struct buf where = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		if (p->services[i].kind != kind)
			continue;
		if (!s) {
			s = &p->services[i];
			begin_unit(labels[kind], ".socket", s, "port");
			buf_puts(&page, "\n[Socket]\nAccept=yes\nMaxConnections=1000\n");
		}
		buf_clear(&where);
		place_text(&where, &p->services[i].at);
		buf_printf(&page, "ListenStream=%s\n", where.s);
	}
	buf_free(&where);
	if (!s)
		return;
	buf_puts(&page, "\n[Install]\nWantedBy=sockets.target\nEND\n");
	begin_unit(labels[kind], "@.service", s, "session");
	buf_puts(&page, "CollectMode=inactive-or-failed\n\n[Service]\n"
	    "StandardInput=socket\n");
	print_exec(s, conf);
	buf_puts(&page, "END\n");
}

static void
print_systemd(const struct plan *p, const struct config *conf)
{
	bool any[SENDER + 1] = { false };

	buf_puts(&page, "#!/bin/sh\n# Units for systemd: run this as root.\nset -e\n"
	    "units=${UNITS:-/etc/systemd/system}\n");
	for (unsigned kind = 0; kind < SENDER; kind++)
		print_socket(p, conf, (enum kind)kind);
	for (size_t i = 0; i < p->n; i++) {
		any[p->services[i].kind] = true;
		if (p->services[i].kind != SENDER)
			continue;
		begin_unit(labels[SENDER], ".service", &p->services[i],
		    "of spooled mail");
		buf_printf(&page, "After=network-online.target\n"
		    "Wants=network-online.target\n\n[Service]\n%s\n",
		    p->services[i].once ?
		    "Type=oneshot\nSuccessExitStatus=69 75" :
		    "Restart=always");
		print_exec(&p->services[i], conf);
		buf_puts(&page, "\n[Install]\nWantedBy=multi-user.target\nEND\n");
	}
	buf_puts(&page, "systemctl daemon-reload\nsystemctl enable --now");
	for (unsigned kind = 0; kind <= SENDER; kind++)
		if (any[kind])
			buf_printf(&page, " emailrelay-%s.%s", labels[kind],
			    kind == SENDER ? "service" : "socket");
	buf_putc(&page, '\n');
}

void
print_plan(const struct plan *p, const struct config *conf)
{
	static void (*const printers[])(const struct plan *,
	    const struct config *) = {
		[PRINT_INETD] = print_inetd, [PRINT_XINETD] = print_xinetd,
		[PRINT_TCPSERVER] = print_tcpserver,
		[PRINT_SYSTEMD] = print_systemd, [PRINT_RUNIT] = print_runit,
		[PRINT_CRON] = print_cron
	};

	const struct list *there = &conf->common.from_environment;

	for (size_t i = 0; i < there->n; i++)
		if (strcmp(list_get(there, i), "print") != 0)
			die(EX_USAGE, "exception: --%s comes from the "
			    "environment, which is not printed: give it as "
			    "an option, or in a file", list_get(there, i));
	if (p->n == 0 || ((conf->print == PRINT_INETD ||
	    conf->print == PRINT_XINETD) &&
	    p->services[0].kind == SENDER))
		die(EX_USAGE, "exception: there is nothing to listen for");
	printers[conf->print](p, conf);
	if (fwrite(page.s, 1, page.n, stdout) != page.n || fflush(stdout) != 0)
		die(EX_IOERR, "exception: cannot print");
}
