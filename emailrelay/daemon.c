/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"

static int caller = -1;         /* a pipe to who waits for us to be ready */

/* The caller: ends as soon as it is known how the start went. */
_Noreturn static void
await(int fd, pid_t child)
{
	char word;
	ssize_t n;

	do {
		n = read(fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	_exit(n == 1 ? EX_OK : 1);
}

static pid_t
split(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die(EX_OSERR, "exception: cannot start a process: %s",
		    strerror(errno));
	return pid;
}

void
daemon_detach(void)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		die(EX_OSERR, "exception: cannot make a pipe: %s",
		    strerror(errno));
	pid = split();
	if (pid > 0) {
		close(fd[1]);
		await(fd[0], pid);
	}
	close(fd[0]);
	caller = fd[1];
	setsid();
	if (split() > 0)
		_exit(EX_OK);
	if (chdir("/") < 0)
		die(EX_OSERR, "exception: cannot go to /: %s",
		    strerror(errno));
}

static void
shut(int to)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		dup2(null, to);
	close(null);
}

void
daemon_ready(bool close_stderr)
{
	ssize_t n;

	shut(STDIN_FILENO);
	if (caller >= 0)
		shut(STDOUT_FILENO);
	if (close_stderr)
		shut(STDERR_FILENO);
	if (caller >= 0) {
		n = write(caller, "", 1);
		(void)n;        /* he does not want to know */
		close(caller);
	}
}

/* --- the pid file --- */

void
pid_file_write(const struct config *conf)
{
	const struct passwd *pw = getpwnam(conf->common.user);
	const char *path = conf->pid_file;
	struct stat st;
	FILE *f = NULL;
	int fd;

	if (!path)
		return;
	/* not through a link that somebody has put into /tmp, nor into a
	 * fifo, which would have us wait */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		die(EX_CANTCREAT, "exception: cannot write the pid file "
		    "'%s': it is no file", path);
	if (fd >= 0) {
		fchmod(fd, 0644);
		if (geteuid() == 0 && pw && fchown(fd, 0, pw->pw_gid) < 0)
			log_warning("cannot give '%s' to the group of '%s'",
			    path, conf->common.user);
		f = fdopen(fd, "w");
	}
	if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f) != 0)
		die(EX_CANTCREAT, "exception: cannot write the pid file "
		    "'%s': %s", path, strerror(errno));
}

/* Only if it is still ours. */
void
pid_file_remove(const struct config *conf)
{
	uint64_t pid;
	char line[32] = "";
	FILE *f;
	int fd;

	if (!conf->pid_file)
		return;
	fd = open(conf->pid_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f)
		return;
	if (fgets(line, sizeof line, f) &&
	    text_number(text_trim(line), 1, INT32_MAX, &pid) &&
	    (pid_t)pid == getpid())
		unlink(conf->pid_file);
	fclose(f);
}
