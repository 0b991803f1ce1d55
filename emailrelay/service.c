/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"

static void
set_environment(const struct config *conf)
{
	/* Such a listener tells of every connection; its programs do, too. */
	setenv("SYSTEMD_LOG_LEVEL", "err", 1);
	if (plan_secret(conf))
		setenv(SECRET_VARIABLE, plan_secret(conf), 1);
}

/* stdin and stdout are nobody's, and stderr only where it stays ours. */
static void
set_descriptors(const struct config *conf)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (conf->close_stderr && !conf->dont_serve)
		dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	/* what --client-auth=fd:N names is for the forwarder of a client */
	for (int fd = PROGRAM_FIRST; fd <= PROGRAM_LAST; fd++)
		if (conf->dont_serve && conf->given & 1u << fd)
			fcntl(fd, F_SETFD, 0);
}

_Noreturn static void
become(const struct service *s, const struct config *conf, char **argv,
    pid_t parent, pid_t group)
{
	sigset_t none;

	setpgid(0, group);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EX_OSERR);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	set_environment(conf);
	set_descriptors(conf);
	if (s->kind != SENDER && listen_drops_root(s, conf))
		program_become(conf->common.user);
	execv(argv[0], argv);
	_exit(EX_OSERR);
}

pid_t
service_start(const struct service *s, const struct config *conf, pid_t group)
{
	struct list words = { 0 };
	pid_t parent = getpid(), pid;
	char **argv;

	if (s->kind == SENDER) {
		list_add(&words, s->path.s);
		for (size_t i = 0; i < s->options.n; i++)
			list_add(&words, list_get(&s->options, i));
	} else {
		listen_command(&words, s, conf);
	}
	argv = list_argv(&words);
	pid = fork();
	if (pid == 0)
		become(s, conf, argv, parent, group);
	if (pid > 0)
		setpgid(pid, group);
	free(argv);
	list_free(&words);
	return pid;
}
