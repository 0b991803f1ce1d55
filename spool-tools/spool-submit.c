/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/options.h"
#include "base/program.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/submission.h"
#include "spool/counters.h"
#include "spool/draft.h"
#include "spool/intake.h"
#include "spool/select.h"

struct config {
	struct options_common common;
	const char *domain;
	const char *from;
};

static const struct option_row rows[] = {
	{ "domain", OPTION_TEXT, offsetof(struct config, domain) },
	{ "from", OPTION_TEXT, offsetof(struct config, from) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-submit",
	.purpose = "Puts the message on standard input into the spool.",
	.usage = "to ...",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

struct job {
	struct config conf;
	struct submission how;
	struct list to;
	bool print_path;
	bool dot_ends;
	char host[256];         /* our name if the configuration has none */
	struct message_id unique;
	struct buf date;
	int null;               /* to be silent afterwards */

	struct intake text;
	struct envelope envelope;
	struct draft draft;
};

/* --- how it is called as sendmail --- */

/* A file that the caller chose is not for a group that is not his. */
static const char *
config_file(const char *chosen)
{
	const char *set = secure_getenv("SLUICE_CONFIG");

	if (chosen && !getauxval(AT_SECURE))
		return chosen;
	return set && *set ? set : SYSCONFDIR "/emailrelay.conf";
}

static void
read_config_file(struct job *j, const char *file)
{
	options_file(&options, &j->conf.common, config_file(file));
	/* --log in there is about syslog; our stderr is somebody's terminal,
	 * or gets mailed to him by cron. --verbose is not meant for us. */
	j->conf.common.log.verbose = j->conf.common.log.debug = false;
	j->conf.common.log.events = true;
	log_configure(&j->conf.common.log);
}

static _Noreturn void
become(const struct job *j, const char *program, const char *argument,
    const char *config)
{
	struct list arguments = { 0 };
	struct buf text = { 0 };

	if (argument)
		list_add(&arguments, argument);
	buf_printf(&text, "--spool-dir=%s", j->conf.common.spool_dir);
	list_add(&arguments, text.s);
	if (config && access(config, R_OK) == 0) {
		buf_clear(&text);
		buf_printf(&text, "--config=%s", config);
		list_add(&arguments, text.s);
	}
	program_exec(program, &arguments);
}

/* -bX: what is to be done. 'm' is sending. */
static void
obey_mode(struct job *j, char mode, const char *config)
{
	switch (mode) {
	case 'm':
		return;
	case 'i':
	case 'q':
		exit(EX_OK);
	case 'p':
		become(j, "spool-list", "--mailq", NULL);
	case 's':
		become(j, "smtp-recv", NULL, config_file(config));
	default:
		die(EX_USAGE, "-b%c is not for this program: see smtp-recv, "
		    "which tcpserver or inetd starts", mode);
	}
}

/* Old callers are many and their options are more: what means nothing here
 * is swallowed, with its value if it has one. */
static void
read_sendmail_options(struct job *j, int argc, char *argv[], char mode)
{
	static const char letters[] =
	    "A:B:b:C:d::e::F:f:Gh:IiK:L:M::mN:no:O:p:q::R:r:sTtUV:vxX:";
	const char *config = NULL;
	bool dot_ends = true;
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, letters)) != -1) {
		if (c == 'f' || c == 'r')
			j->how.sender = optarg;
		else if (c == 'F')
			j->how.full_name = optarg;
		else if (c == 't')
			j->how.from_header = true;
		else if (c == 'i' || (c == 'o' && strcmp(optarg, "i") == 0))
			dot_ends = false;
		else if (c == 'C')
			config = optarg;
		else if (c == 'b' || c == 'I' || c == 'q')
			mode = c == 'b' ? *optarg : c == 'I' ? 'i' : 'q';
	}
	read_config_file(j, config);
	obey_mode(j, mode, config);
	for (; optind < argc; optind++)
		list_add(&j->to, argv[optind]);
	if (j->to.n == 0 && !j->how.from_header)
		die(EX_USAGE, "no recipients: name them, or use -t");
	j->dot_ends = dot_ends;
	j->how.complete = true;
}

static void
start_as_sendmail(struct job *j, int argc, char *argv[], const char *name)
{
	char mode = strcmp(name, "mailq") == 0 ? 'p' :
	    strcmp(name, "newaliases") == 0 ? 'i' : 'm';

	read_sendmail_options(j, argc, argv, mode);
	if (!j->conf.domain || !address_is_host(j->conf.domain))
		j->conf.domain = j->host;
}

/* --- how it is called as spool-submit --- */

static void
start_as_submit(struct job *j, int argc, char *argv[])
{
	gid_t group = getegid();
	int first;

	/* --config names a file: it is to be read with the caller's rights,
	 * not with those of the group we may be set to. */
	if (setegid(getgid()) < 0)
		die(EX_OSERR, "cannot set the group: %s", strerror(errno));
	first = options_read(&options, &j->conf.common, argc, argv);
	if (setegid(group) < 0)
		die(EX_OSERR, "cannot set the group: %s", strerror(errno));
	/* E-MailRelay's -v wants the path, and no log. */
	j->print_path = j->conf.common.log.verbose;
	j->conf.common.log.verbose = false;
	log_configure(&j->conf.common.log);
	for (int i = first; i < argc; i++)
		list_add(&j->to, argv[i]);
	if (j->to.n == 0)
		die(EX_USAGE, "no recipients; try \"spool-submit --help\"");
	if (j->conf.domain && !address_is_host(j->conf.domain))
		die(EX_USAGE, "--domain is no domain: %s", j->conf.domain);
	j->dot_ends = true;
	j->how.sender = j->conf.from;
}

static const char *
login_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	/* in a container an id need not have a name */
	return pw && address_check(pw->pw_name, true) == ADDRESS_OK ?
	    need_copy(pw->pw_name) : "anonymous";
}

static void
start(struct job *j, int argc, char *argv[])
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	program_hostname(j->host);
	if (!address_is_host(j->host))
		strcpy(j->host, "localhost");
	j->conf.common.spool_dir = SPOOLDIR;
	if (strcmp(name, "sendmail") == 0 || strcmp(name, "mailq") == 0 ||
	    strcmp(name, "newaliases") == 0)
		start_as_sendmail(j, argc, argv, name);
	else
		start_as_submit(j, argc, argv);
	message_id_make(&j->unique);
	date_mail(&j->date, time(NULL));
	j->how.login = j->how.complete ? login_name() : "anonymous";
	j->how.domain = j->conf.domain;
	j->how.date = j->date.s;
	j->how.unique = j->unique.s;
	j->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* --- the message --- */

static _Noreturn void
give_up(struct job *j, int status, const char *why)
{
	draft_abandon(&j->draft);
	die(status, "the message is not taken: %s", why);
}

/* Envelope and header are made before anything is in the spool: what is
 * wrong with the message is found here. */
static void
compose(struct job *j, struct buf *head)
{
	struct intake *t = &j->text;
	bool empty = t->eof && t->header.n == 0 && t->body.n == 0;
	struct buf why = { 0 };

	if (!submission_make(&j->how, &j->to, buf_text(&t->header),
	    t->header.n, &j->envelope, head, &why))
		give_up(j, EX_DATAERR, why.s);
	/* E-MailRelay stores nothing at all as nothing at all */
	if (empty && head->n == 2)
		buf_clear(head);
	buf_set(&j->envelope.client, "127.0.0.1");
	buf_free(&why);
}

static void
store(struct job *j, const struct spool *s, const struct buf *head)
{
	struct draft *d = &j->draft;
	struct buf why = { 0 };

	if (draft_open(d, s)) {
		draft_write(d, head->s, head->n);
		if (!intake_body(&j->text, d))
			give_up(j, j->text.status, j->text.why);
		j->envelope.eight_bit = j->text.eight_bit ||
		    !text_ascii(buf_text(head), head->n);
		if (draft_seal(d, &j->envelope) && draft_commit(d))
			return;
	}
	draft_error(d, &why);
	give_up(j, select_status(d->error, EX_TEMPFAIL), why.s);
}

/* --- afterwards --- */

static void
print_path(const struct job *j, const struct spool *s)
{
	char here[4096] = "";

	if (*s->path != '/' && getcwd(here, sizeof here - 1))
		strcat(here, "/");
	printf("%s%s/%s\n", here, s->path, content_name(&j->draft.id).s);
	fflush(stdout);
}

static void
tell(const struct job *j, const struct spool *s)
{
	char size[24], recipients[24];

	if (j->how.complete)
		dup2(j->null, STDERR_FILENO);
	snprintf(size, sizeof size, "%" PRIu64, j->draft.octets);
	snprintf(recipients, sizeof recipients, "%zu", j->envelope.remote.n);
	log_subject(j->draft.id.s);
	log_event("queued", "from", buf_text(&j->envelope.from), "size", size,
	    "nrcpt", recipients, NULL);
	if (j->print_path)
		print_path(j, s);
}

int
main(int argc, char *argv[])
{
	struct job j = { .draft.fd = -1 };
	struct spool spool;
	struct buf head = { 0 };

	program_start(false);
	/* Installed set-group-id, what the caller has put into the
	 * environment is no business of ours. */
	if (getauxval(AT_SECURE))
		clearenv();
	log_open("spool-submit", "sluice/pickup");
	start(&j, argc, argv);
	select_spool(&spool, j.conf.common.spool_dir, EX_TEMPFAIL);
	select_confine(&spool, &j.conf.common);
	intake_start(&j.text, STDIN_FILENO, j.dot_ends);
	if (!intake_header(&j.text, j.how.complete))
		give_up(&j, j.text.status, j.text.why);
	compose(&j, &head);
	store(&j, &spool, &head);
	tell(&j, &spool);
	counters_once(&spool, COUNT_SUBMITTED);
	return EX_OK;
}
