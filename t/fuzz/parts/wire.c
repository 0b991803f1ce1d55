/* SPDX-License-Identifier: ISC */
#include "parts/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

struct wire wire;

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap___recv_chk(int fd, void *p, size_t n, size_t room, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int64_t __wrap_date_ticks(void);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);

void
wire_start(const uint8_t *data, size_t n)
{
	buf_clear(&wire.sent);
	buf_clear(&wire.heard);
	wire.p = wire.end = wire.rest = data;
	wire.stop = data + n;
	wire.over = false;
	wire.most = 0;
}

int
wire_open(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

bool
wire_waiting(void)
{
	return wire.p < wire.end || wire.over;
}

ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	size_t left = (size_t)(wire.end - wire.p);

	(void)fd;
	(void)flags;
	if (left == 0 && !wire.over) {
		errno = EAGAIN;
		return -1;
	}
	n = n < left ? n : left;
	if (wire.most && n > wire.most)
		n = wire.most;
	memcpy(p, wire.p, n);
	buf_add(&wire.heard, wire.p, n);
	wire.p += n;
	return (ssize_t)n;
}

/* What recv is with _FORTIFY_SOURCE. */
ssize_t
__wrap___recv_chk(int fd, void *p, size_t n, size_t room, int flags)
{
	CLAIM(n <= room);
	return __wrap_recv(fd, p, n, flags);
}

ssize_t
__wrap_send(int fd, const void *p, size_t n, int flags)
{
	(void)fd;
	(void)flags;
	buf_add(&wire.sent, p, n);
	return (ssize_t)n;
}

/* The other side's turn. False: it is silent. */
static bool
go_on(void)
{
	const uint8_t *at;

	if (wire.rest >= wire.stop) {
		wire.over = true;
		return true;
	}
	wire.p = wire.rest;
	at = memchr(wire.p, WIRE_TURN, (size_t)(wire.stop - wire.p));
	wire.end = at ? at : wire.stop;
	wire.rest = wire.end + 1;
	return wire.end > wire.p;
}

int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (n != 1) {           /* nothing but a wait */
		wire.now += timeout;
		return 0;
	}
	p->revents = p->events;
	if (p->events == POLLOUT || wire_waiting())
		return 1;
	if (timeout == 0 || go_on())
		return timeout != 0;
	wire.now += timeout;
	return 0;
}

int
__wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)left;
	wire.now += (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
	return 0;
}

int64_t
__wrap_date_ticks(void)
{
	return wire.now;
}

ssize_t
__wrap_getrandom(void *p, size_t n, unsigned flags)
{
	(void)flags;
	memset(p, 0, n);
	return (ssize_t)n;
}

/* A log that finds its stderr to be nothing says nothing. */
void
wire_be_silent(void)
{
	const struct log_config quiet = { .no_syslog = true, .verbose = true };
	int kept = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	log_open("fuzz", "fuzz");
	log_configure(&quiet);
	dup2(kept, STDERR_FILENO);
	close(null);
	close(kept);
}
