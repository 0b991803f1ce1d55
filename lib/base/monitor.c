/* SPDX-License-Identifier: ISC */
#include "base/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static void
leave_connection(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
}

bool
monitor_split(struct monitor *m)
{
	pid_t parent = getpid();
	int pair[2];

	log_unite();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die(EX_OSERR, "cannot make a socket: %s", strerror(errno));
	*m = (struct monitor){ .split = true, .child = fork() };
	if (m->child < 0)
		die(EX_OSERR, "cannot fork: %s", strerror(errno));
	m->fd = pair[m->child == 0];
	close(pair[m->child != 0]);
	if (m->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EX_OSERR);
		return true;
	}
	die_saying(NULL);
	leave_connection();
	return false;
}

/* --- what they say --- */

static void
take_fds(struct petition *p, struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	size_t octets;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	octets = c->cmsg_len - CMSG_LEN(0);
	p->n = octets / sizeof p->fds[0];
	if (p->n > MONITOR_FDS)
		p->n = MONITOR_FDS;
	memcpy(p->fds, CMSG_DATA(c), p->n * sizeof p->fds[0]);
}

/* A number, and the words, each with its NUL. */
static bool
take_text(struct petition *p, const char *text, size_t n)
{
	const char *end = text + n;

	if (n < sizeof p->what || (n > sizeof p->what && end[-1] != '\0'))
		return false;
	memcpy(&p->what, text, sizeof p->what);
	for (text += sizeof p->what; text < end; text += strlen(text) + 1)
		list_add(&p->words, text);
	return true;
}

static ssize_t
receive(int fd, char *text, struct petition *p)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MONITOR_FDS * sizeof(int))];
	} control;
	struct iovec part = { text, MONITOR_MOST };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof control.space };
	ssize_t n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take_fds(p, &h);
	return h.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? 0 : n;
}

/* False: the end, or errno. */
static bool
hear(int fd, struct petition *p)
{
	char *text = need_memory(MONITOR_MOST);
	ssize_t n;
	bool ok;

	petition_clear(p);
	do {
		n = receive(fd, text, p);
	} while (n < 0 && errno == EINTR);
	ok = n > 0 && take_text(p, text, (size_t)n);
	if (n > 0)
		explicit_bzero(text, (size_t)n);
	free(text);
	if (!ok)
		petition_clear(p);
	if (n >= 0)
		errno = EPIPE;
	return ok;
}

static bool
say(int fd, const struct petition *p)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MONITOR_FDS * sizeof(int))];
	} control = { .space = { 0 } };
	unsigned what = p->what;
	struct iovec parts[] = {
		{ &what, sizeof what }, { p->words.bytes.s, p->words.bytes.n }
	};
	struct msghdr h = { .msg_iov = parts, .msg_iovlen = 2 };
	struct cmsghdr *c = &control.align;
	ssize_t n;

	if (sizeof what + p->words.bytes.n > MONITOR_MOST) {
		errno = E2BIG;
		return false;
	}
	if (p->n > 0) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(p->n * sizeof p->fds[0]);
		memcpy(CMSG_DATA(c), p->fds, p->n * sizeof p->fds[0]);
		h.msg_control = c;
		h.msg_controllen = (socklen_t)CMSG_SPACE(p->n *
		    sizeof p->fds[0]);
	}
	do {
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* The descriptors that it is asked with stay the asker's. */
bool
monitor_ask(struct monitor *m, struct petition *p)
{
	bool said = say(m->fd, p);
	int error;

	p->n = 0;
	if (said && hear(m->fd, p))
		return true;
	error = errno;
	petition_clear(p);
	/* an answer that is still to come would be taken for the next one */
	if (said)
		shutdown(m->fd, SHUT_RDWR);
	errno = error;
	return false;
}

static volatile sig_atomic_t receiver;  /* 0: it has ended */

static void
pass_on(int sig)
{
	int saved = errno;

	if (receiver > 0)
		kill((pid_t)receiver, sig);
	errno = saved;
}

void
monitor_pass_on(const struct monitor *m, const int *signals, size_t n)
{
	struct sigaction act = { .sa_handler = pass_on,
		.sa_flags = SA_RESTART };

	receiver = m->child;
	for (size_t i = 0; i < n; i++)
		sigaction(signals[i], &act, NULL);
}

bool
monitor_hear(struct monitor *m, struct petition *p)
{
	return hear(m->fd, p);
}

void
monitor_answer(struct monitor *m, struct petition *p)
{
	/* who waits for an answer that does not come is to hear the end */
	if (!say(m->fd, p))
		shutdown(m->fd, SHUT_RDWR);
	petition_clear(p);
}

pid_t
monitor_reap(const struct monitor *m, int *status)
{
	siginfo_t one = { .si_pid = 0 };

	if (waitid(P_ALL, 0, &one, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    one.si_pid == 0 || one.si_pid == m->child)
		return 0;
	return waitpid(one.si_pid, status, 0);
}

int
monitor_end(struct monitor *m)
{
	int status = EX_OSERR << 8;

	/* who only talks nonsense hears that, and ends */
	close(m->fd);
	while (waitpid(m->child, &status, 0) < 0 && errno == EINTR)
		continue;
	/* its number may be another process's from here on */
	receiver = 0;
	return status;
}

void
monitor_follow(int status)
{
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	_exit(EX_OSERR);
}

void
petition_clear(struct petition *p)
{
	for (size_t i = 0; i < p->n; i++)
		close(p->fds[i]);
	p->n = 0;
	p->what = 0;
	/* some are secrets */
	if (p->words.bytes.n)
		explicit_bzero(p->words.bytes.s, p->words.bytes.n);
	list_clear(&p->words);
}

void
petition_put(struct petition *p, long n)
{
	char text[24];

	snprintf(text, sizeof text, "%ld", n);
	list_add(&p->words, text);
}

const char *
petition_word(const struct petition *p, size_t i)
{
	return i < p->words.n ? list_get(&p->words, i) : "";
}

long
petition_number(const struct petition *p, size_t i, long most, long otherwise)
{
	uint64_t n;

	return text_number(petition_word(p, i), 0, (uint64_t)most, &n) ?
	    (long)n : otherwise;
}

void
petition_free(struct petition *p)
{
	petition_clear(p);
	list_free(&p->words);
}
