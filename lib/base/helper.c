/* SPDX-License-Identifier: ISC */
#include "base/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"
#include "base/system.h"

bool
helper_parse(struct list *words, const char *option)
{
	struct buf word = { 0 };
	bool any = false;

	list_clear(words);
	for (const char *s = option; ; s++) {
		if (*s == '\\' && s[1] == ' ') {
			buf_putc(&word, *++s);
			any = true;
		} else if (*s && *s != ' ') {
			buf_putc(&word, *s);
			any = true;
		} else {
			if (any)
				list_add(words, buf_text(&word));
			buf_clear(&word);
			any = false;
			if (!*s)
				break;
		}
	}
	buf_free(&word);
	return words->n > 0 && list_get(words, 0)[0] == '/';
}

/* In the child: only async-signal-safe calls. errno goes up the status pipe,
 * which an exec that succeeds closes. */
static void
become(char **argv, char **env, int out, int status, int input)
{
	bool asked = input >= 0;
	int null, e, told = status;
	ssize_t n;

	setsid();
	/* Nobody would stop it any more if we were gone. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0177);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	/* out of the way; and dup2 to itself would leave it close-on-exec */
	status = fcntl(status, F_DUPFD_CLOEXEC, 10);
	if (asked)
		input = fcntl(input, F_DUPFD_CLOEXEC, 10);
	null = open("/dev/null", O_RDWR);
	if (status >= 0 && dup2(null, STDIN_FILENO) == 0 &&
	    dup2(out, STDOUT_FILENO) == 1 && dup2(null, STDERR_FILENO) == 2 &&
	    (!asked || dup2(input, 3) == 3)) {
		close_range(asked ? 4 : 3, (unsigned)status - 1, 0);
		close_range((unsigned)status + 1, ~0U, 0);
		execve(argv[0], argv, env);
	}
	e = errno;
	n = write(status >= 0 ? status : told, &e, sizeof e);
	(void)n;
	_exit(HELPER_CRASHED);
}

static pid_t
start(const struct list *words, char **environment, int input, int *out,
    struct helper_result *r)
{
	static char path[] = "PATH=/usr/bin:/bin", ifs[] = "IFS= \t\n";
	char *bare[] = { path, ifs, NULL }, **argv;
	int pipes[2], status[2];
	pid_t pid;
	ssize_t n;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(status, O_CLOEXEC) < 0) {
		close(pipes[0]);
		close(pipes[1]);
		return -1;
	}
	argv = list_argv(words);
	pid = fork();
	if (pid == 0)
		become(argv, environment ? environment : bare, pipes[1],
		    status[1], input);
	free(argv);
	close(pipes[1]);
	close(status[1]);
	do {
		n = pid < 0 ? 0 : read(status[0], &r->error, sizeof r->error);
	} while (n < 0 && errno == EINTR);
	close(status[0]);
	*out = pipes[0];
	if (pid < 0)
		close(pipes[0]);
	return pid;
}

/* Keep the first octets, throw the others away: a talker must not be
 * blocked. False at the end. */
static bool
drain(int fd, struct buf *output)
{
	char block[HELPER_OUTPUT];
	size_t room = HELPER_OUTPUT - output->n;
	ssize_t n = read(fd, block, sizeof block);

	if (n > 0)
		buf_add(output, block, (size_t)n < room ? (size_t)n : room);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Read until the program itself has ended, whatever children of it keep the
 * pipe open. False when the time is up. */
static bool
listen_until_end(int pidfd, int out, struct buf *output, int64_t by)
{
	struct pollfd p[2] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN }
	};
	int64_t left;
	int n;

	fcntl(out, F_SETFL, O_NONBLOCK);
	for (;;) {
		left = by - date_ticks();
		n = left <= 0 ? 0 : poll(p, 2, (int)left);
		if (n == 0)
			return false;
		if (n < 0 && errno != EINTR)
			return false;
		if (n < 0)
			continue;
		if (p[0].revents && !drain(out, output))
			p[0].fd = -1;
		if (p[1].revents && !(p[0].fd >= 0 && p[0].revents & POLLIN))
			return true;
	}
}

static void
finish(struct helper_result *r, pid_t pid)
{
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		continue;
	if (got != pid && !r->error)
		r->error = errno;       /* how it has ended nobody knows */
	if (r->timed_out || r->error)
		return;
	if (WIFEXITED(status))
		r->code = WEXITSTATUS(status);
	else
		r->signal = WTERMSIG(status);
}

/* environment: NULL for that of filters; input: what is to be descriptor 3,
 * or -1 */
static void
run(struct helper_result *r, const struct list *words, char **environment,
    int input, unsigned seconds)
{
	int64_t by = date_ticks() + (int64_t)seconds * 1000;
	int out = -1, pidfd;
	pid_t pid;

	buf_clear(&r->output);
	r->code = HELPER_CRASHED;
	r->timed_out = false;
	r->error = r->signal = 0;
	pid = start(words, environment, input, &out, r);
	if (pid < 0) {
		r->error = errno;
		return;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		r->error = errno;
	else
		r->timed_out = !listen_until_end(pidfd, out, &r->output, by);
	if (r->timed_out || r->error)
		kill(-pid, SIGKILL);
	finish(r, pid);
	close(out);
	if (pidfd >= 0)
		close(pidfd);
}

void
helper_run(struct helper_result *r, const struct list *words, unsigned seconds)
{
	run(r, words, NULL, -1, seconds);
}

/* So little fits into a pipe, and nobody has to write while others read. */
void
helper_ask(struct helper_result *r, const struct list *words,
    char **environment, const void *input, size_t n, unsigned seconds)
{
	int fd[2];

	buf_clear(&r->output);
	r->code = HELPER_CRASHED;
	r->timed_out = false;
	if (n > HELPER_INPUT || pipe2(fd, O_CLOEXEC) < 0) {
		r->error = n > HELPER_INPUT ? E2BIG : errno;
		return;
	}
	if (write(fd[1], input, n) != (ssize_t)n) {
		r->error = errno;
		close(fd[0]);
		close(fd[1]);
		return;
	}
	close(fd[1]);
	run(r, words, environment, fd[0], seconds);
	close(fd[0]);
}
