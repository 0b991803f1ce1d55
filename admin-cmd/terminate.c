/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { PID_MOST = 1 << 22, SLACK = 2 /* seconds between two clocks */ };

/* Read a small file, as a string. 0 or errno. */
static int
read_small(const char *path, char *text, size_t n, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int error = 0;
	ssize_t k = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, st) < 0 || (k = read(fd, text, n - 1)) < 0)
		error = errno;
	else if (!S_ISREG(st->st_mode))
		error = EINVAL;
	close(fd);
	text[k > 0 ? k : 0] = '\0';
	return error;
}

/* When it has begun, in seconds since 1970; or -1. */
static int64_t
start_time(pid_t pid)
{
	char path[64], text[1024], *p, *word = NULL;
	struct timespec now, up;
	struct stat st;
	uint64_t ticks;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if (read_small(path, text, sizeof text, &st) != 0)
		return -1;
	/* the name, in parentheses, may be anything */
	p = strrchr(text, ')');
	if (!p)
		return -1;
	p++;
	for (int field = 3; field <= 22; field++)
		word = text_word(&p);
	if (!word || !text_number(word, 0, INT64_MAX, &ticks))
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (int64_t)(now.tv_sec - up.tv_sec) +
	    (int64_t)(ticks / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* The process that a pid-file names. What else can be asked is asked: the
 * file is not anybody's to write, and the process is not younger than the
 * file, as one that came by the number later would be. NULL, or what is
 * wrong. */
static const char *
from_file(const char *path, pid_t *pid)
{
	char text[32];
	struct stat st = { .st_mode = 0 };
	uint64_t n;
	int64_t born;
	int error = read_small(path, text, sizeof text, &st);

	if (error)
		return strerror(error);
	if (st.st_mode & S_IWOTH)
		return "anybody may write to it";
	if (!text_number(text_trim(text), 2, PID_MOST, &n) ||
	    (pid_t)n == getpid())
		return "there is no process id in it";
	born = start_time((pid_t)n);
	if (born < 0)
		return "there is no such process";
	if (born > (int64_t)st.st_mtime + SLACK)
		return "the process is younger than the file";
	*pid = (pid_t)n;
	return NULL;
}

/* Is our parent what listens for us? inetd and systemd serve others, too. */
static bool
is_listener(pid_t pid)
{
	static const char *const names[] = {
		"tcpserver", "s6-tcpserver", "tcpsvd", "emailrelay",
		"systemd-socket-"       /* ...activate */
	};
	char path[64], name[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	if (pid <= 1 || read_small(path, name, sizeof name, &st) != 0)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (text_starts(name, names[i]))
			return true;
	return false;
}

/* Whom we work for. NULL, or what is wrong. */
static const char *
find(const struct session *s, pid_t *pid)
{
	if (s->conf->pid_file)
		return from_file(s->conf->pid_file, pid);
	*pid = getppid();
	if (!s->once && is_listener(*pid))
		return NULL;
	return "no --pid-file, and not started by tcpserver";
}

long
terminate_whom(const struct session *s)
{
	pid_t pid = 0;

	return find(s, &pid) == NULL ? (long)pid : (long)getpid();
}

void
do_pid(struct session *s, char *arg)
{
	(void)arg;
	say(s, "%ld", outside_pid(s));
}

/* The descriptor means this one process; what find says of it then holds, or
 * it is gone. NULL, or what is wrong. */
const char *
terminate_now(const struct session *s)
{
	const char *wrong;
	pid_t pid = 0, again = 0;
	int fd, error = 0;

	wrong = find(s, &pid);
	if (wrong)
		return wrong;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return strerror(errno);
	wrong = find(s, &again);
	if (!wrong && again != pid)
		wrong = "it has changed just now";
	if (!wrong && syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0)
		error = errno;
	close(fd);
	return error ? strerror(error) : wrong;
}

void
do_terminate(struct session *s, char *arg)
{
	struct buf wrong = { 0 };

	(void)arg;
	/* he may end us as well: what was asked before is answered first */
	send_out(s);
	if (!outside_stop(s, &wrong)) {
		log_warning("cannot terminate: %s%s%s",
		    s->conf->pid_file ? s->conf->pid_file : "",
		    s->conf->pid_file ? ": " : "", wrong.s);
		say_error(s, EX_UNAVAILABLE, "cannot terminate: %s", wrong.s);
		buf_free(&wrong);
		return;
	}
	buf_free(&wrong);
	log_info("terminated by %s", s->once ? "hand" : s->peer.name);
	s->over = true;
}
