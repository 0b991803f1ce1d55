/* SPDX-License-Identifier: ISC */
#include "wire/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"

struct answer {
	int code;               /* getaddrinfo's */
	int error;              /* errno, for EAI_SYSTEM */
	size_t n;
	struct address all[RESOLVE_MOST];
};

/* One write, and one read, are all of it. */
_Static_assert(sizeof(struct answer) <= PIPE_BUF, "too many addresses");

static void
look_up(const struct net_target *t, int flags, struct answer *answer)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct addrinfo *all = NULL, *a;

	*answer = (struct answer){ .code =
		getaddrinfo(t->host, t->port, &hints, &all) };
	answer->error = errno;
	if (answer->code != 0)
		return;
	for (a = all; a && answer->n < RESOLVE_MOST; a = a->ai_next) {
		struct address *to = &answer->all[answer->n++];

		to->n = a->ai_addrlen;
		memcpy(&to->a, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(all);
}

/* Somebody who can be stopped. */
static pid_t
start(const struct net_target *t, int *fd)
{
	struct answer answer;
	pid_t pid, parent = getpid();
	int pipes[2];
	ssize_t n;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		look_up(t, 0, &answer);
		n = write(pipes[1], &answer, sizeof answer);
		_exit(n != sizeof answer);
	}
	close(pipes[1]);
	*fd = pipes[0];
	if (pid < 0)
		close(pipes[0]);
	return pid;
}

static void
hear(int fd, unsigned seconds, struct answer *answer)
{
	int64_t by = date_ticks() + (int64_t)seconds * 1000, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	*answer = (struct answer){ .code = EAI_SYSTEM, .error = ETIMEDOUT };
	do {
		left = by - date_ticks();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n > 0 && read(fd, answer, sizeof *answer) != sizeof *answer)
		*answer = (struct answer){ .code = EAI_FAIL };
}

static void
ask(const struct net_target *t, unsigned seconds, struct answer *answer)
{
	int fd;
	pid_t pid = start(t, &fd);

	if (pid < 0) {
		*answer = (struct answer){ .code = EAI_SYSTEM,
			.error = errno };
		return;
	}
	hear(fd, seconds, answer);
	close(fd);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

size_t
resolve(const struct net_target *t, unsigned seconds,
    struct address out[RESOLVE_MOST], struct buf *why)
{
	struct answer answer;

	buf_clear(why);
	/* An address needs nobody to be asked. */
	look_up(t, AI_NUMERICHOST, &answer);
	if (answer.code == EAI_NONAME)
		ask(t, seconds, &answer);
	if (answer.code == 0) {
		memcpy(out, answer.all, sizeof answer.all);
		return answer.n;
	}
	buf_printf(why, "dns error: %s:%s: %s", t->host, t->port,
	    answer.code == EAI_SYSTEM ? strerror(answer.error) :
	    gai_strerror(answer.code));
	return 0;
}
