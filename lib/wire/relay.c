/* SPDX-License-Identifier: ISC */
#include "wire/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/environment.h"
#include "base/system.h"

static void
option(struct list *args, const char *name, const char *value)
{
	struct buf arg = { 0 };

	if (value) {
		buf_printf(&arg, "--%s=%s", name, value);
		list_add(args, arg.s);
	}
	buf_free(&arg);
}

static void
arguments(struct list *args, const struct tls_config *conf)
{
	list_add(args, conf->program);
	list_add(args, "--relay");
	if (conf->no_sandbox)
		list_add(args, "--no-sandbox");
	option(args, "tls-config", conf->settings);
	if (conf->client) {
		list_add(args, "--client-tls-connection");
		option(args, "client-tls-certificate", conf->certificate);
		option(args, "client-tls-verify", conf->trusted);
		option(args, "client-tls-server-name", conf->server_name);
	} else {
		option(args, "server-tls", conf->certificate);
		option(args, "tls-key", conf->key);
		option(args, "server-tls-verify", conf->trusted);
		option(args, "alpn", conf->alpn);
	}
}

/* In the child: only async-signal-safe calls. */
static void
become(char **argv, char **env, int fds[TLS_FDS])
{
	fds[STDERR_FILENO] = open("/dev/null", O_WRONLY);
	/* first out of each other's way */
	for (int i = 0; i < TLS_FDS; i++)
		if (fds[i] >= 0)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, TLS_FDS);
	for (int i = 0; i < TLS_FDS; i++)
		if (fds[i] < 0)
			close(i);
		else if (dup2(fds[i], i) < 0)
			_exit(EX_OSERR);
	close_range(TLS_FDS, ~0U, 0);
	execve(argv[0], argv, env);
	_exit(EX_OSERR);
}

static pid_t
run(const struct tls_config *conf, int fds[TLS_FDS])
{
	struct list args = { 0 };
	/* it gets all it needs to know as arguments, and no secret of ours */
	char **argv, **env = environment_others();
	pid_t pid;

	arguments(&args, conf);
	argv = list_argv(&args);
	pid = fork();
	if (pid == 0)
		become(argv, env, fds);
	free(argv);
	free(env);
	list_free(&args);
	return pid;
}

static bool
is_split(const struct tls_config *conf)
{
	return conf->monitor && conf->monitor->split;
}

/* Within the sandbox. */
static bool
ask_to_run(const struct tls_config *conf, const int fds[TLS_FDS])
{
	struct petition p = { .what = TLS_ASK_START, .n = 4, .fds = {
		fds[STDIN_FILENO], fds[STDOUT_FILENO], fds[TLS_PLAIN_FD],
		fds[TLS_REPORT_FD] } };
	int error;

	list_add(&p.words, conf->server_name ? conf->server_name : "");
	list_add(&p.words, conf->trusted ? conf->trusted : "");
	error = monitor_ask(conf->monitor, &p) ? (int)p.what : errno;
	petition_free(&p);
	errno = error;
	return error == 0;
}

static const char *
word(const struct petition *p, size_t i)
{
	const char *s = petition_word(p, i);

	return *s ? s : NULL;
}

/* tls-io reads it where there is no sandbox yet. */
static bool
may_trust(const struct tls_config *ours, const char *path)
{
	return !path || strcmp(path, TLS_SYSTEM) == 0 ||
	    (ours->trusted && strcmp(path, ours->trusted) == 0);
}

static int
run_asked(const struct tls_config *ours, const struct petition *p,
    pid_t *relay)
{
	struct tls_config conf = *ours;
	int fds[TLS_FDS] = { p->fds[0], p->fds[1], -1,
		[TLS_PLAIN_FD] = p->fds[2],
		[TLS_REPORT_FD] = p->fds[3],
		[TLS_CERTIFICATE_FD] = conf.certificate_fd,
		[TLS_KEY_FD] = conf.key_fd };

	if (p->n != 4 || !conf.program)
		return EINVAL;
	/* a client has one connection */
	if (!conf.client && *relay > 0)
		return EALREADY;
	if (conf.client) {
		conf.server_name = word(p, 0);
		conf.trusted = word(p, 1);
		if (!may_trust(ours, conf.trusted))
			return EACCES;
	}
	*relay = run(&conf, fds);
	return *relay > 0 ? 0 : errno;
}

static void
stop(pid_t relay)
{
	kill(relay, SIGKILL);
	waitpid(relay, NULL, 0);
}

/* Once only: then the number may be another process's. */
static void
stop_asked(pid_t *relay)
{
	if (*relay > 0)
		stop(*relay);
	*relay = 0;
}

bool
tls_attend(const struct tls_config *conf, struct petition *p, pid_t *relay)
{
	int error = 0;

	if (p->what == TLS_ASK_START)
		error = run_asked(conf, p, relay);
	else if (p->what == TLS_ASK_STOP)
		stop_asked(relay);
	else
		return false;
	petition_clear(p);
	p->what = (unsigned)error;
	return true;
}

static bool
run_relay(struct relay *r, const struct tls_config *conf, const struct io *io,
    int plain, int report)
{
	int fds[TLS_FDS] = { io->in, io->out, -1,
		[TLS_PLAIN_FD] = plain,
		[TLS_REPORT_FD] = report,
		[TLS_CERTIFICATE_FD] = conf->certificate_fd,
		[TLS_KEY_FD] = conf->key_fd };

	if (is_split(conf)) {
		r->pid = 0;
		return ask_to_run(conf, fds);
	}
	r->pid = run(conf, fds);
	return r->pid > 0;
}

bool
relay_start(struct relay *r, const struct tls_config *conf, const struct io *io)
{
	unsigned seconds = io->seconds < TLS_SECONDS ? io->seconds :
	    TLS_SECONDS;
	int plain[2], report[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plain) < 0)
		return false;
	if (pipe2(report, O_CLOEXEC) < 0) {
		close(plain[0]);
		close(plain[1]);
		return false;
	}
	ok = run_relay(r, conf, io, plain[1], report[1]);
	close(plain[1]);
	close(report[1]);
	r->plain = plain[0];
	io_open(&r->report, report[0], report[0], seconds);
	r->report.lf = true;
	r->report.until = date_ticks() + (int64_t)seconds * 1000;
	return ok;
}

void
relay_stop(const struct relay *r, const struct tls_config *conf)
{
	struct petition p = { .what = TLS_ASK_STOP };

	if (r->pid > 0) {
		stop(r->pid);
	} else if (r->pid == 0) {
		monitor_ask(conf->monitor, &p);
		petition_free(&p);
	}
}
