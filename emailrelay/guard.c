/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"
#include "base/system.h"

enum { MERCY = 3 };             /* seconds between asking and killing */

static int lifeline = -1;

/* Nobody writes to the lifeline but to say that all is done. */
_Noreturn static void
watch(int fd)
{
	char word;
	ssize_t n;

	/* a pipe that somebody reads to its end is not to wait for us */
	for (int i = 0; i <= STDERR_FILENO; i++)
		close(i);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	do {
		n = read(fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EX_OK);
	kill(0, SIGTERM);
	sleep(MERCY);
	kill(0, SIGKILL);
	_exit(EX_OSERR);
}

pid_t
guard_start(pid_t group)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		die(EX_OSERR, "exception: cannot make a pipe: %s",
		    strerror(errno));
	pid = fork();
	if (pid < 0)
		die(EX_OSERR, "exception: cannot start a process: %s",
		    strerror(errno));
	if (pid == 0) {
		if (!group || setpgid(0, group) < 0)
			setpgid(0, 0);
		close_range(3, (unsigned)fd[0] - 1, 0);
		close_range((unsigned)fd[0] + 1, ~0U, 0);
		watch(fd[0]);
	}
	/* here as well: what is started next has to find the group */
	if (!group || setpgid(pid, group) < 0)
		setpgid(pid, pid);
	close(fd[0]);
	if (lifeline >= 0)
		close(lifeline);
	lifeline = fd[1];
	return pid;
}

void
guard_dismiss(void)
{
	ssize_t n = write(lifeline, "", 1);

	(void)n;        /* if it is dead nothing is left to guard */
	close(lifeline);
}
