/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"
#include "base/program.h"
#include "base/sandbox.h"
#include "helpers/tls/engine.h"
#include "wire/peer.h"

struct config {
	struct options_common common;
	struct tls_config tls;
	const char *client_certificate, *client_trusted;
	bool relay;
};

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
	{ "server-tls", OPTION_TEXT, AT(tls.certificate) },
	{ "tls-key", OPTION_TEXT, AT(tls.key) },
	{ "tls-config", OPTION_TEXT, AT(tls.settings) },
	{ "server-tls-verify", OPTION_TEXT, AT(tls.trusted) },
	{ "alpn", OPTION_TEXT, AT(tls.alpn) },
	{ "client-tls-connection", OPTION_FLAG, AT(tls.client),
	    .argv_only = true, .others = true },
	{ "client-tls-certificate", OPTION_TEXT, AT(client_certificate),
	    .argv_only = true, .others = true },
	{ "client-tls-verify", OPTION_TEXT, AT(client_trusted),
	    .argv_only = true, .others = true },
	{ "client-tls-server-name", OPTION_TEXT, AT(tls.server_name),
	    .argv_only = true, .others = true },
	{ "relay", OPTION_FLAG, AT(relay), .argv_only = true },
	{ "user", OPTION_TEXT, AT(common.user) },
	OPTIONS_LOG(struct config),
};

static const struct option_set options = {
	.program = "tls-io",
	.purpose = "encrypts the connection on descriptors 0 and 1 for another "
	    "program",
	.usage = "program [argument ...]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* For the other side, which may be gone: then there is nobody to tell. */
static void
tell(int report, const struct buf *text)
{
	for (size_t done = 0; done < text->n; ) {
		ssize_t n = write(report, text->s + done, text->n - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return;
	}
}

static void
tell_failed(int report, const struct buf *why)
{
	struct buf line = { 0 };

	buf_printf(&line, "failed %s\n", buf_text(why));
	tell(report, &line);
	buf_free(&line);
}

static void
engine_open(struct engine *e, SSL_CTX *ctx, const struct tls_config *conf,
    int plain)
{
	const int on = 1;

	*e = (struct engine){ .ssl = SSL_new(ctx), .in = STDIN_FILENO,
		.out = STDOUT_FILENO, .plain = plain };
	if (!e->ssl)
		die(EX_TEMPFAIL, "out of memory");
	SSL_set_app_data(e->ssl, &e->faults);
	fcntl(e->in, F_SETFL, O_NONBLOCK);
	fcntl(e->out, F_SETFL, O_NONBLOCK);
	setsockopt(e->out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	SSL_set_rfd(e->ssl, e->in);
	SSL_set_wfd(e->ssl, e->out);
	if (conf->client)
		context_expect(e->ssl, conf->server_name);
	else
		SSL_set_accept_state(e->ssl);
}

/* All that is left to be read is who vouches for the other side, which may be
 * many files in a directory. */
static void
confine(const struct config *conf)
{
	struct sandbox_place places[REACH_MOST];
	struct list paths = { 0 };

	if (conf->common.no_sandbox)
		return;
	context_places(&conf->tls, &paths);
	for (size_t i = 0; i < paths.n; i++)
		places[i] = (struct sandbox_place){ .fd = -1,
			.path = list_get(&paths, i) };
	sandbox_enter(places, paths.n, 0);
	list_free(&paths);
}

/* The handshake, its report, and all that follows, to the end of plain. */
static int
run(struct engine *e, int report, struct buf *why)
{
	struct buf facts = { 0 };
	const int on = 1;

	if (!handshake(e, why)) {
		tell_failed(report, why);
		close(report);
		close(e->plain);
		return EX_PROTOCOL;
	}
	/* The other side's next words may wait for it, 40 ms else: without
	 * tickets we have nothing to say that would carry the acknowledgement. */
	setsockopt(e->in, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	handshake_facts(e, &facts);
	buf_puts(&facts, "secure\n");
	tell(report, &facts);
	close(report);
	buf_free(&facts);
	relay(e);
	return EX_OK;
}

/* ^C, and systemd, mean all of us. The program finishes its message before it
 * ends, and we end with it. */
static void
outlive_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* Started by wire/tls. */
static int
relay_for_parent(struct config *config)
{
	struct tls_config *conf = &config->tls;
	const struct buf ready = { .s = (char []){ "ready\n" }, .n = 6 };
	struct buf why = { 0 };
	struct engine e;
	SSL_CTX *ctx;

	if (conf->client)
		outlive_signals();
	conf->certificate_fd = TLS_CERTIFICATE_FD;
	conf->key_fd = TLS_KEY_FD;
	ctx = context_open(conf, &why);
	if (!ctx) {
		tell_failed(TLS_REPORT_FD, &why);
		return EX_CONFIG;
	}
	close(TLS_CERTIFICATE_FD);
	close(TLS_KEY_FD);
	engine_open(&e, ctx, conf, TLS_PLAIN_FD);
	confine(config);
	tell(TLS_REPORT_FD, &ready);
	return run(&e, TLS_REPORT_FD, &why);
}

/* --- before a program, as ucspi programs are --- */

/* What somebody else's TLS has left there is not about this connection. */
static void
forget_facts(void)
{
	struct list names = { 0 };
	char name[128];

	for (char **e = environ; *e; e++) {
		if (strncmp(*e, "SSL_", 4) != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
		list_add(&names, name);
	}
	for (size_t i = 0; i < names.n; i++)
		unsetenv(list_get(&names, i));
	list_free(&names);
}

/* The facts become the environment; false if there are none. */
static bool
read_report(int report)
{
	enum io_line got;
	struct io io;
	char *line;
	size_t n;

	forget_facts();
	io_open(&io, report, report, TLS_SECONDS + 1);
	io.lf = true;
	while ((got = io_line(&io, IO_BUFFER / 2, &line, &n)) != IO_NONE) {
		if (got == IO_LONG)
			continue;       /* a certificate of that size */
		if (strcmp(line, "secure") == 0)
			return true;
		if (strchr(line, '=') && strncmp(line, "SSL_", 4) == 0)
			putenv(need_copy(line));
	}
	return false;
}

static _Noreturn void
become(char **argv, int plain, int report)
{
	if (!read_report(report))
		_exit(EX_PROTOCOL);
	dup2(plain, STDIN_FILENO);
	dup2(plain, STDOUT_FILENO);
	close(plain);
	close(report);
	/* other programs may count on them */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], argv);
	log_error("cannot run '%s': %s", argv[0], strerror(errno));
	_exit(EX_OSERR);
}

/* The program is the child: whoever watches this process sees it live as long
 * as the connection, and its exit status. */
static pid_t
start(char **argv, int *plain, int *report)
{
	int pair[2], pipes[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    pipe2(pipes, O_CLOEXEC) < 0)
		die(EX_OSERR, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die(EX_OSERR, "cannot fork: %s", strerror(errno));
	if (pid == 0) {
		close(pair[0]);
		close(pipes[1]);
		become(argv, pair[1], pipes[0]);
	}
	close(pair[1]);
	close(pipes[0]);
	*plain = pair[0];
	*report = pipes[1];
	return pid;
}

static int
chain(struct config *conf, char **argv)
{
	struct buf why = { 0 };
	struct engine e;
	SSL_CTX *ctx;
	int plain, report, status = 0;
	struct peer peer;
	pid_t pid;

	peer_find(&peer, STDIN_FILENO);
	if (!conf->tls.certificate)
		die(EX_USAGE, "--server-tls is missing");
	tls_open(&conf->tls);
	ctx = context_open(&conf->tls, &why);
	if (!ctx)
		die(EX_CONFIG, "%s", why.s);
	pid = start(argv, &plain, &report);
	program_become(conf->common.user);
	engine_open(&e, ctx, &conf->tls, plain);
	confine(conf);
	if (run(&e, report, &why) != EX_OK)
		log_info("SSL_accept error from %s: %s", peer.name, why.s);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

int
main(int argc, char *argv[])
{
	struct config conf = { .common.user = "daemon", .tls.alpn = "smtp" };
	int first;

	/* We hold the key: not even our own user may look. (Until here it is
	 * the mode of our file, 0711, that keeps him away.) */
	prctl(PR_SET_DUMPABLE, 0);
	program_start(false);
	log_open("tls-io", "sluice/tls-io");
	first = options_read(&options, &conf.common, argc, argv);
	if (conf.tls.client) {
		if (!conf.relay)
			die(EX_USAGE, "--client-tls-connection is for "
			    "--relay");
		conf.tls.certificate = conf.client_certificate;
		conf.tls.trusted = conf.client_trusted;
	}
	if (conf.relay)
		_exit(relay_for_parent(&conf));
	if (first == argc)
		die(EX_USAGE, "there is no program to run");
	_exit(chain(&conf, argv + first));
}
